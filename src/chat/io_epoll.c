/* epoll, level-triggered and edge-triggered: the kernel keeps the list of what is watched, and a wait costs by what is ready,
 * not by what is watched.
 *
 * Edge-triggered it tells of a change once. That is enough because every step reads until nothing is left, or else asks for
 * another step by itself (a connection's `more`), because listeners accept until nobody waits, and because changing what
 * a source wants makes the kernel tell again what is ready already. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/server_private.h"

#define BATCH 128

/* The difference between the two. */
typedef struct {
  uint32_t flags;
} Variant;

static const Variant level = {.flags = 0};
static const Variant edge = {.flags = EPOLLET};

typedef struct {
  int fd;
  const Variant *variant;
} Epoll;

static void *open_variant(const Variant *variant, GError **error)
{
  int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot make an epoll instance: %s", g_strerror(errno));
    return NULL;
  }
  Epoll *epoll = g_new(Epoll, 1);
  *epoll = (Epoll){.fd = fd, .variant = variant};
  return epoll;
}

static void *open_level(LaChatServer *server G_GNUC_UNUSED, GError **error)
{
  return open_variant(&level, error);
}

static void *open_edge(LaChatServer *server G_GNUC_UNUSED, GError **error)
{
  return open_variant(&edge, error);
}

static void epoll_free(void *io)
{
  Epoll *epoll = io;
  close(epoll->fd);
  g_free(epoll);
}

static int control(const Epoll *epoll, int operation, LaChatSource *source)
{
  struct epoll_event event = {.events = epoll->variant->flags, .data.ptr = source};
  if ((source->want & LA_CHAT_READ) != 0)
    event.events |= EPOLLIN;
  if ((source->want & LA_CHAT_WRITE) != 0)
    event.events |= EPOLLOUT;
  return epoll_ctl(epoll->fd, operation, source->fd, &event);
}

static bool attach(void *io, LaChatSource *source, GError **error)
{
  if (control(io, EPOLL_CTL_ADD, source) == 0)
    return true;
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "epoll cannot watch descriptor %d: %s", source->fd, g_strerror(errno));
  return false;
}

static void update(void *io, LaChatSource *source)
{
  control(io, EPOLL_CTL_MOD, source);
}

static void detach(void *io, LaChatSource *source)
{
  const Epoll *epoll = io;
  epoll_ctl(epoll->fd, EPOLL_CTL_DEL, source->fd, NULL);
}

static bool turn(void *io, LaTime timeout, GError **error)
{
  const Epoll *epoll = io;
  struct epoll_event events[BATCH];
  int count = epoll_wait(epoll->fd, events, BATCH, la_chat_io_timeout_ms(timeout));
  if (count < 0 && errno != EINTR) {
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "epoll_wait: %s", g_strerror(errno));
    return false;
  }
  for (int i = 0; i < count; i++) {
    LaChatSource *source = events[i].data.ptr;
    unsigned seen = 0;
    if ((events[i].events & EPOLLIN) != 0)
      seen |= LA_CHAT_READ;
    if ((events[i].events & EPOLLOUT) != 0)
      seen |= LA_CHAT_WRITE;
    if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
      seen |= LA_CHAT_BROKEN;
    source->ready(source, seen);
  }
  return true;
}

const LaChatIo la_chat_io_epoll = {.name = "epoll",
                                   .summary = "one thread, the kernel's list of descriptors, level-triggered",
                                   .descriptors_each = 1,
                                   .open = open_level,
                                   .free = epoll_free,
                                   .attach = attach,
                                   .update = update,
                                   .detach = detach,
                                   .admit = la_chat_server_admit,
                                   .turn = turn};

const LaChatIo la_chat_io_epoll_et = {.name = "epoll-et",
                                      .summary = "the same, edge-triggered: told once of each change",
                                      .descriptors_each = 1,
                                      .open = open_edge,
                                      .free = epoll_free,
                                      .attach = attach,
                                      .update = update,
                                      .detach = detach,
                                      .admit = la_chat_server_admit,
                                      .turn = turn};
