/* A polling loop: no system call that waits for descriptors. Every turn tries what every source wants; the calls say by
 * themselves that there is nothing (EAGAIN). When a whole round moved nothing, the loop sleeps, each time longer, up to
 * SLEEP_MAX: an answer is late by that much at the most, and an idle server costs a few hundred rounds a second. */
#include <time.h>

#include "chat/server_private.h"
#include "chat/source_list.h"

#define SLEEP_MIN (50 * LA_USEC)
#define SLEEP_MAX (5 * LA_MSEC)

typedef struct {
  LaChatServer *server;
  GPtrArray *sources;
  GPtrArray *round; /* the sources of this turn */
  LaTime sleep;
} Loop;

static void *loop_open(LaChatServer *server, GError **error G_GNUC_UNUSED)
{
  Loop *loop = g_new(Loop, 1);
  *loop = (Loop){.server = server, .sources = g_ptr_array_new(), .round = g_ptr_array_new(), .sleep = SLEEP_MIN};
  return loop;
}

static void loop_free(void *io)
{
  Loop *loop = io;
  g_ptr_array_unref(loop->sources);
  g_ptr_array_unref(loop->round);
  g_free(loop);
}

static bool attach(void *io, LaChatSource *source, GError **error G_GNUC_UNUSED)
{
  Loop *loop = io;
  la_chat_source_list_add(loop->sources, source);
  return true;
}

static void detach(void *io, LaChatSource *source)
{
  Loop *loop = io;
  la_chat_source_list_remove(loop->sources, source);
}

/* Changes whenever anything came, went, or was accepted. */
static uint64_t progress(const LaChatServer *server)
{
  return server->shared.bytes_in + server->shared.bytes_out + server->accepted + server->conns->len;
}

static bool turn(void *io, LaTime timeout, GError **error G_GNUC_UNUSED)
{
  Loop *loop = io;
  uint64_t before = progress(loop->server);
  g_ptr_array_set_size(loop->round, 0);
  g_ptr_array_extend(loop->round, loop->sources, NULL, NULL);
  for (guint i = 0; i < loop->round->len; i++) {
    LaChatSource *source = g_ptr_array_index(loop->round, i);
    if (source->want != 0)
      source->ready(source, source->want);
  }
  if (progress(loop->server) != before || timeout <= 0) {
    loop->sleep = SLEEP_MIN;
    return true;
  }
  LaTime sleep = MIN(loop->sleep, timeout);
  struct timespec span = {.tv_nsec = (long)sleep};
  nanosleep(&span, NULL);
  loop->sleep = MIN(loop->sleep * 2, SLEEP_MAX);
  return true;
}

const LaChatIo la_chat_io_nonblock = {.name = "nonblock",
                                      .summary = "one thread that tries every socket in turn, with short sleeps",
                                      .descriptors_each = 1,
                                      .open = loop_open,
                                      .free = loop_free,
                                      .attach = attach,
                                      .detach = detach,
                                      .admit = la_chat_server_admit,
                                      .turn = turn};
