/* poll(): the whole list goes to the kernel and back at every wait. */
#include "chat/poll_set.h"
#include "chat/server_private.h"

static void *open_set(LaChatServer *server G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  LaChatPollSet *set = g_new(LaChatPollSet, 1);
  la_chat_poll_set_init(set);
  return set;
}

static void free_set(void *io)
{
  la_chat_poll_set_clear(io);
  g_free(io);
}

static void step(LaChatSource *source, unsigned events)
{
  source->ready(source, events);
}

static bool turn(void *io, LaTime timeout, GError **error)
{
  if (!la_chat_poll_set_wait(io, timeout, error))
    return false;
  la_chat_poll_set_dispatch(io, step);
  return true;
}

const LaChatIo la_chat_io_poll = {.name = "poll",
                                  .summary = "one thread, a list of descriptors given to the kernel at every wait",
                                  .descriptors_each = 1,
                                  .open = open_set,
                                  .free = free_set,
                                  .attach = la_chat_poll_io_attach,
                                  .update = la_chat_poll_io_update,
                                  .detach = la_chat_poll_io_detach,
                                  .admit = la_chat_server_admit,
                                  .turn = turn};
