/* What happens at the listeners. Each connection that is accepted gets its faults by the dice, and is handed to the I/O
 * model; one too many is told so in a frame and closed in good order, so that the frame is not lost to a RST.
 *
 * When the system has no descriptor or memory left, the connection stays in the kernel's queue and accepting pauses for a
 * moment: trying again at once would spin, for the listener stays readable. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat/server_private.h"

#define ACCEPT_PAUSE (100 * LA_MSEC)

GBytes *la_chat_server_refusal(void)
{
  return la_chat_frame_error(LA_CHAT_ERROR_TOO_MANY_CONNECTIONS, NULL, LA_CHAT_NO_ID);
}

/* For those beyond even the number that may be told in good order. */
static void turn_away(int fd)
{
  g_autoptr(GBytes) frame = la_chat_server_refusal();
  gsize size;
  const void *data = g_bytes_get_data(frame, &size);
  (void)!send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  close(fd);
}

static void take_connection(LaChatServer *server, int fd)
{
  LaChatArrival arrival = {.fd = fd};
  server->accepted++;
  if (server->peers - server->refusals >= server->config.max_connections) {
    server->refused++;
    arrival.admission = LA_CHAT_REFUSED;
    if (server->refusals >= LA_CHAT_REFUSALS_MAX) {
      turn_away(fd);
      return;
    }
  } else {
    arrival.plan = la_chat_plan_roll(server->faults, server->config.fault_count, LA_CHAT_SCOPE_CONNECTION, server->dice);
  }
  la_chat_tune(fd, &server->config.tuning);
  g_autoptr(GError) error = NULL;
  if (!server->config.io->admit(server, &arrival, &error)) {
    server->refused++;
    la_chat_server_log(server, "a connection was turned away: %s", error->message);
  }
}

static void pause_accepting(LaChatServer *server, int code)
{
  if (server->accept_again == LA_TIME_MAX)
    la_chat_server_log(server, "accepting pauses: %s", g_strerror(code));
  server->accept_again = la_time_add(la_chat_server_now(server), ACCEPT_PAUSE);
  for (size_t i = 0; i < server->listener_count; i++) {
    server->listeners[i].source.want = 0;
    if (server->listeners[i].attached)
      la_chat_server_arm(server, &server->listeners[i].source);
  }
}

/* Takes all that wait: models that tell of a change only once depend on it. */
static void accept_all(LaChatServer *server, const LaChatListener *listener)
{
  for (;;) {
    int fd = accept4(listener->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take_connection(server, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause_accepting(server, errno);
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF || errno == EINVAL) {
      return;
    }
    /* Anything else is the fate of one connection that ended while it waited (ECONNABORTED, EPROTO, EINTR ...). */
  }
}

static void listener_ready(LaChatSource *source, unsigned events)
{
  LaChatListener *listener = source->owner;
  LaChatServer *server = listener->server;
  if ((events & LA_CHAT_READ) == 0 || listener->waiting || server->accept_again != LA_TIME_MAX)
    return;
  LaChatFaultKind kind =
      la_chat_plan_has(&server->plan, LA_CHAT_FAULT_CLOSE_LISTENER) ? LA_CHAT_FAULT_CLOSE_LISTENER : LA_CHAT_FAULT_LATE_ACCEPT;
  if (!la_chat_plan_has(&server->plan, kind)) {
    accept_all(server, listener);
  } else if (la_chat_server_is_readable(source->fd)) {
    listener->waiting = true;
    source->deadline = la_time_add(la_chat_server_now(server), server->plan.param[kind]);
    source->want = 0;
    la_chat_server_arm(server, source);
  }
}

bool la_chat_server_listen(LaChatServer *server, GError **error)
{
  if (la_chat_plan_has(&server->plan, LA_CHAT_FAULT_NO_ACCEPT))
    return true;
  for (size_t i = 0; i < server->listener_count; i++) {
    LaChatListener *listener = &server->listeners[i];
    listener->source.want = listener->source.armed = LA_CHAT_READ;
    listener->source.ready = listener_ready;
    listener->source.owner = listener;
    if (!server->config.io->attach(server->io, &listener->source, error))
      return false;
    listener->attached = true;
  }
  return true;
}

static void close_listener(LaChatServer *server, LaChatListener *listener)
{
  if (listener->attached)
    server->config.io->detach(server->io, &listener->source);
  listener->attached = listener->waiting = false;
  listener->source.deadline = LA_TIME_MAX;
  if (listener->source.fd >= 0)
    close(listener->source.fd);
  listener->source.fd = -1;
}

void la_chat_server_unlisten(LaChatServer *server)
{
  for (size_t i = 0; i < server->listener_count; i++)
    close_listener(server, &server->listeners[i]);
}

static void resume_accepting(LaChatServer *server)
{
  server->accept_again = LA_TIME_MAX;
  for (size_t i = 0; i < server->listener_count; i++) {
    LaChatListener *listener = &server->listeners[i];
    if (!listener->attached || listener->waiting)
      continue;
    listener->source.want = LA_CHAT_READ;
    la_chat_server_arm(server, &listener->source);
  }
}

LaTime la_chat_server_tick_listeners(LaChatServer *server, LaTime now)
{
  if (server->accept_again <= now)
    resume_accepting(server);
  LaTime next = server->accept_again;
  for (size_t i = 0; i < server->listener_count; i++) {
    LaChatListener *listener = &server->listeners[i];
    if (listener->source.deadline > now) {
      next = MIN(next, listener->source.deadline);
    } else if (la_chat_plan_has(&server->plan, LA_CHAT_FAULT_CLOSE_LISTENER)) {
      la_chat_server_log(server, "the listener is closed with connections waiting, as asked");
      close_listener(server, listener);
    } else {
      listener->waiting = false;
      listener->source.deadline = LA_TIME_MAX;
      accept_all(server, listener);
      listener->source.want = server->accept_again == LA_TIME_MAX ? LA_CHAT_READ : 0;
      la_chat_server_arm(server, &listener->source);
    }
  }
  return next;
}
