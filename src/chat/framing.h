/* Frames: a length of four bytes in network order, then that many bytes of UTF-8 JSON. Length 0 and lengths past the limit are
 * errors after which the stream cannot be read any further. */
#ifndef LA_CHAT_FRAMING_H
#define LA_CHAT_FRAMING_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LA_CHAT_FRAME_HEADER 4
/* The longest body of a frame, in bytes. */
#define LA_CHAT_FRAME_MAX ((size_t)1 << 20)

typedef enum {
  LA_CHAT_FRAME_NONE,       /* more bytes are needed */
  LA_CHAT_FRAME_READY,      /* a whole frame */
  LA_CHAT_FRAME_BAD_LENGTH, /* the length is 0 or past the limit; stays so for ever */
} LaChatFrameResult;

/* Cuts a stream of bytes into frames. Memory follows the bytes that came, never the length that was announced. */
typedef struct {
  uint8_t *data;
  size_t at;       /* the first byte not yet given out */
  size_t end;      /* one past the last byte */
  size_t capacity; /* of data */
  size_t max;      /* longest body */
  bool bad;
} LaChatFramer;

/* Prepares a framer in place for bodies of at most `max` bytes. */
void la_chat_framer_init(LaChatFramer *framer, size_t max);

/* Frees what the framer holds. */
void la_chat_framer_clear(LaChatFramer *framer);

/* Takes in `len` bytes (copied). */
void la_chat_framer_push(LaChatFramer *framer, const uint8_t *data, size_t len);

/* The next whole frame. `ret_data` (borrowed until the next call of push or clear) and `ret_len` are set for READY only. */
LaChatFrameResult la_chat_framer_next(LaChatFramer *framer, const uint8_t **ret_data, size_t *ret_len);

/* How many bytes wait that are no whole frame yet, or were not asked for. */
size_t la_chat_framer_pending(const LaChatFramer *framer);

/* Begins a frame: a string that holds room for the length. (transfer full) */
GString *la_chat_frame_begin(void);

/* Writes the length into `text` (transfer full), which la_chat_frame_begin made, and gives the frame, ready to be sent
 * (transfer full). NULL when the body is empty or longer than LA_CHAT_FRAME_MAX. */
GBytes *la_chat_frame_end(GString *text);

/* A frame around `len` bytes as they are. NULL as above. (transfer full) */
GBytes *la_chat_frame_wrap(const char *body, size_t len);

#endif
