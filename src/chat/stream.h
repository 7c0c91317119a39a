/* A non-blocking descriptor that carries frames: what came in is cut into frames, what is to go out waits in a queue. It serves
 * both ends of a chat connection, and the channel between processes of the `fork` model. */
#ifndef LA_CHAT_STREAM_H
#define LA_CHAT_STREAM_H

#include <glib.h>
#include <stdint.h>

#include "chat/framing.h"

typedef enum {
  LA_CHAT_READ_AGAIN, /* nothing more for now */
  LA_CHAT_READ_MORE,  /* the budget was used up; there may be more */
  LA_CHAT_READ_EOF,   /* the peer's FIN was read */
  LA_CHAT_READ_ERROR, /* `error` says which; the connection is gone */
} LaChatReadResult;

typedef enum {
  LA_CHAT_INPUT_KEEP,    /* cut into frames */
  LA_CHAT_INPUT_DISCARD, /* thrown away, while a connection drains */
} LaChatInput;

typedef struct {
  int fd;    /* not owned */
  int error; /* errno of the call that failed, else 0 */
  LaChatFramer framer;
  GQueue out;       /* GBytes *, first the one being sent */
  size_t out_at;    /* bytes of the first that are sent already */
  size_t out_bytes; /* not yet sent, of all */
  uint64_t bytes_in, bytes_out;
} LaChatStream;

/* Prepares a stream in place on `fd` (non-blocking, stays the caller's) for frames of at most `max_frame` bytes. */
void la_chat_stream_init(LaChatStream *stream, int fd, size_t max_frame);

/* Frees what waits; the descriptor stays open. */
void la_chat_stream_clear(LaChatStream *stream);

/* Reads until nothing is left, or at most about `budget` bytes. */
LaChatReadResult la_chat_stream_read(LaChatStream *stream, LaChatInput input, size_t budget);

/* Queues a frame (transfer full). */
void la_chat_stream_push(LaChatStream *stream, GBytes *frame);

/* Sends what the socket takes now, many frames a call. False when the connection is broken (`error` is set). */
gboolean la_chat_stream_flush(LaChatStream *stream);

#endif
