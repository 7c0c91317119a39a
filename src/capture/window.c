/* One buffer, filled by whole blocks.
 *
 * Packets are used where they lie. When the block is used up but for a packet that goes on in the next one, its beginning is
 * moved to just before a page's start and the next block is read behind it, so that reads stay whole blocks at the same
 * place. The buffer holds one block and one page. It doubles only when three quarters of it are bytes that are there and
 * still needed: its size follows the bytes that arrived, at most four thirds of twice as many, whatever a length field says.
 *
 * A pipe gives less than a block at a time: then the next read goes behind the last as long as there is room for a page. */
#include "capture/window.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define PAGE ((size_t)4096)
#define BLOCK ((size_t)256 << 10)

static uint8_t *pages_new(size_t size)
{
  void *pages = NULL;
  if (posix_memalign(&pages, PAGE, size) != 0)
    g_error("out of memory: %zu bytes for a capture's block", size); /* as g_malloc does */
  return pages;
}

void la_window_init(LaWindow *window, LaStream *stream)
{
  *window = (LaWindow){.stream = stream, .capacity = PAGE + BLOCK, .at = PAGE, .end = PAGE};
  window->bytes = pages_new(window->capacity);
}

void la_window_clear(LaWindow *window)
{
  free(window->bytes);
  window->bytes = NULL;
}

void la_window_reset(LaWindow *window)
{
  window->at = PAGE;
  window->end = PAGE;
  window->total = 0;
}

/* Makes room for at least a page behind the last byte. */
static void make_room(LaWindow *window)
{
  size_t left = la_window_left(window);
  size_t capacity = window->capacity;
  if (left > capacity - capacity / 4)
    capacity *= 2;
  size_t end = (left + PAGE - 1) / PAGE * PAGE; /* where the moved bytes end */
  end = MAX(end, PAGE);
  if (capacity == window->capacity) {
    memmove(window->bytes + end - left, window->bytes + window->at, left);
  } else {
    uint8_t *bytes = pages_new(capacity);
    memcpy(bytes + end - left, window->bytes + window->at, left);
    free(window->bytes);
    window->bytes = bytes;
    window->capacity = capacity;
  }
  window->at = end - left;
  window->end = end;
}

static LaFill fill(LaWindow *window)
{
  if (window->capacity - window->end < PAGE)
    make_room(window);
  ssize_t got = la_stream_read(window->stream, window->bytes + window->end, MIN(window->capacity - window->end, BLOCK));
  if (got > 0) {
    window->end += (size_t)got;
    window->total += (uint64_t)got;
    return LA_FILL_READY;
  }
  return got == 0 ? LA_FILL_END : got == LA_STREAM_INTERRUPTED ? LA_FILL_INTERRUPTED : LA_FILL_BROKEN;
}

LaFill la_window_need(LaWindow *window, size_t n)
{
  while (la_window_left(window) < n) {
    LaFill result = fill(window);
    if (result != LA_FILL_READY)
      return result;
  }
  return LA_FILL_READY;
}

LaFill la_window_skip(LaWindow *window, uint64_t n)
{
  while (n > la_window_left(window)) {
    n -= la_window_left(window);
    window->at = window->end;
    LaFill result = fill(window);
    if (result != LA_FILL_READY)
      return result;
  }
  window->at += (size_t)n;
  return LA_FILL_READY;
}
