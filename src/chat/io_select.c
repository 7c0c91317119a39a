/* select(): three bit sets of FD_SETSIZE bits. A descriptor past them cannot be watched at all; writing its bit would destroy
 * whatever lies behind the set, so such a source is refused, and the server refuses a number of connections that would lead there. */
#include <errno.h>
#include <sys/select.h>
#include <time.h>

#include "base/error.h"
#include "chat/server_private.h"
#include "chat/source_list.h"

typedef struct {
  GPtrArray *sources;
  GPtrArray *ready; /* the sources of this turn */
} Select;

static void *select_open(LaChatServer *server G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  Select *state = g_new(Select, 1);
  *state = (Select){.sources = g_ptr_array_new(), .ready = g_ptr_array_new()};
  return state;
}

static void select_free(void *io)
{
  Select *state = io;
  g_ptr_array_unref(state->sources);
  g_ptr_array_unref(state->ready);
  g_free(state);
}

static bool attach(void *io, LaChatSource *source, GError **error)
{
  Select *state = io;
  if (source->fd >= FD_SETSIZE) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "select cannot watch descriptor %d: it ends at %d (FD_SETSIZE)",
                source->fd, FD_SETSIZE - 1);
    return false;
  }
  la_chat_source_list_add(state->sources, source);
  return true;
}

static void detach(void *io, LaChatSource *source)
{
  Select *state = io;
  la_chat_source_list_remove(state->sources, source);
}

static bool turn(void *io, LaTime timeout, GError **error)
{
  Select *state = io;
  fd_set readable, writable;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  int top = -1;
  for (guint i = 0; i < state->sources->len; i++) {
    const LaChatSource *source = g_ptr_array_index(state->sources, i);
    if ((source->want & LA_CHAT_READ) != 0)
      FD_SET(source->fd, &readable);
    if ((source->want & LA_CHAT_WRITE) != 0)
      FD_SET(source->fd, &writable);
    top = MAX(top, source->fd);
  }
  int ms = la_chat_io_timeout_ms(timeout);
  struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * (long)LA_MSEC};
  int count = pselect(top + 1, &readable, &writable, NULL, &limit, NULL);
  if (count < 0 && errno != EINTR) {
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "select: %s", g_strerror(errno));
    return false;
  }
  if (count <= 0)
    return true;
  /* What is called may attach and detach: only the sources of this wait are asked, by a list of their own. */
  g_ptr_array_set_size(state->ready, 0);
  g_ptr_array_extend(state->ready, state->sources, NULL, NULL);
  for (guint i = 0; i < state->ready->len; i++) {
    LaChatSource *source = g_ptr_array_index(state->ready, i);
    if (source->fd < 0)
      continue;
    unsigned seen = FD_ISSET(source->fd, &readable) ? LA_CHAT_READ : 0;
    if (FD_ISSET(source->fd, &writable))
      seen |= LA_CHAT_WRITE;
    if (seen != 0)
      source->ready(source, seen);
  }
  return true;
}

const LaChatIo la_chat_io_select = {.name = "select",
                                    .summary = "one thread, bit sets of 1024 descriptors",
                                    .descriptors_each = 1,
                                    .descriptor_limit = FD_SETSIZE,
                                    .open = select_open,
                                    .free = select_free,
                                    .attach = attach,
                                    .detach = detach,
                                    .admit = la_chat_server_admit,
                                    .turn = turn};
