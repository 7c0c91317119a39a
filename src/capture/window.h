/* The block a source reads into: one buffer, the bytes of [at, end) are there and not yet used up. */
#ifndef LA_CAPTURE_WINDOW_H
#define LA_CAPTURE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "capture/stream.h"

typedef struct {
  LaStream *stream; /* borrowed */
  uint8_t *bytes;
  size_t capacity;
  size_t at;
  size_t end;
  uint64_t total; /* bytes that came into the window so far: the stream's offset of `end` */
} LaWindow;

typedef enum {
  LA_FILL_READY,       /* the bytes are there */
  LA_FILL_END,         /* the stream ended before; what there is stays in the window */
  LA_FILL_BROKEN,      /* la_stream_error says why */
  LA_FILL_INTERRUPTED, /* the interrupt flag is set */
} LaFill;

void la_window_init(LaWindow *window, LaStream *stream);
void la_window_clear(LaWindow *window);

/* Forgets what is in the window (before the stream starts to decompress). */
void la_window_reset(LaWindow *window);

/* How many bytes are there. */
static inline size_t la_window_left(const LaWindow *window)
{
  return window->end - window->at;
}

/* The next byte. (borrowed until the window is filled again) */
static inline const uint8_t *la_window_at(const LaWindow *window)
{
  return window->bytes + window->at;
}

/* The stream's offset of the next byte. */
static inline uint64_t la_window_offset(const LaWindow *window)
{
  return window->total - la_window_left(window);
}

/* Reads until `n` bytes are there; may move the bytes. Memory grows with the bytes that arrive, not with `n`. */
LaFill la_window_need(LaWindow *window, size_t n);

/* Takes `n` bytes, however many, reading through them without keeping them. */
LaFill la_window_skip(LaWindow *window, uint64_t n);

#endif
