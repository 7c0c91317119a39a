/* The array that poll() wants is kept from wait to wait; a source knows its place in it, and the last one fills a gap. What is
 * ready is noted before anything is called, for the calls may add and remove. */
#include "chat/poll_set.h"

#include <errno.h>

#include "base/error.h"

/* Nobody sleeps longer, even without anything due. */
#define WAIT_MAX (60 * LA_SEC)

typedef struct {
  LaChatSource *source;
  unsigned events;
} Ready;

void la_chat_poll_set_init(LaChatPollSet *set)
{
  set->items = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
  set->sources = g_ptr_array_new();
  set->ready = g_array_new(FALSE, FALSE, sizeof(Ready));
}

void la_chat_poll_set_clear(LaChatPollSet *set)
{
  g_array_unref(set->items);
  g_ptr_array_unref(set->sources);
  g_array_unref(set->ready);
}

static short events_of(unsigned want)
{
  return (short)(((want & LA_CHAT_READ) != 0 ? POLLIN : 0) | ((want & LA_CHAT_WRITE) != 0 ? POLLOUT : 0));
}

void la_chat_poll_set_add(LaChatPollSet *set, LaChatSource *source)
{
  struct pollfd item = {.fd = source->fd, .events = events_of(source->want)};
  source->slot = set->sources->len;
  g_array_append_val(set->items, item);
  g_ptr_array_add(set->sources, source);
}

void la_chat_poll_set_update(LaChatPollSet *set, const LaChatSource *source)
{
  g_array_index(set->items, struct pollfd, source->slot).events = events_of(source->want);
}

void la_chat_poll_set_remove(LaChatPollSet *set, const LaChatSource *source)
{
  LaChatSource *last = g_ptr_array_index(set->sources, set->sources->len - 1);
  g_array_remove_index_fast(set->items, (guint)source->slot);
  g_ptr_array_remove_index_fast(set->sources, (guint)source->slot);
  last->slot = source->slot;
}

bool la_chat_poll_set_wait(LaChatPollSet *set, LaTime timeout, GError **error)
{
  struct pollfd *items = (struct pollfd *)(void *)set->items->data;
  g_array_set_size(set->ready, 0);
  LaTime wait = CLAMP(timeout, 0, WAIT_MAX);
  struct timespec limit = {.tv_sec = (time_t)(wait / LA_SEC), .tv_nsec = (long)(wait % LA_SEC)};
  int count = ppoll(items, set->items->len, &limit, NULL);
  if (count < 0 && errno != EINTR) {
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "poll: %s", g_strerror(errno));
    return false;
  }
  for (guint i = 0; i < set->items->len && count > 0; i++) {
    if (items[i].revents == 0)
      continue;
    count--;
    Ready ready = {.source = g_ptr_array_index(set->sources, i)};
    if ((items[i].revents & POLLIN) != 0)
      ready.events |= LA_CHAT_READ;
    if ((items[i].revents & POLLOUT) != 0)
      ready.events |= LA_CHAT_WRITE;
    if ((items[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
      ready.events |= LA_CHAT_BROKEN;
    g_array_append_val(set->ready, ready);
  }
  return true;
}

void la_chat_poll_set_dispatch(LaChatPollSet *set, void (*step)(LaChatSource *source, unsigned events))
{
  for (guint i = 0; i < set->ready->len; i++) {
    const Ready *ready = &g_array_index(set->ready, Ready, i);
    step(ready->source, ready->events);
  }
}

bool la_chat_poll_io_attach(void *io, LaChatSource *source, GError **error G_GNUC_UNUSED)
{
  la_chat_poll_set_add(io, source);
  return true;
}

void la_chat_poll_io_update(void *io, LaChatSource *source)
{
  la_chat_poll_set_update(io, source);
}

void la_chat_poll_io_detach(void *io, LaChatSource *source)
{
  la_chat_poll_set_remove(io, source);
}
