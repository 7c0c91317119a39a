/* A process for each connection. Processes share no memory, so the rooms live in the parent, which is the broker: a child
 * owns its socket and all that is done to it (framing, sending, closing, faults), and speaks with the parent over a pair of
 * Unix sockets, in records framed as the chat's own frames are. What a record is says its first byte:
 *
 *   child to parent:  F a frame came   B the stream is broken, with a code   G no more will come   E how it ended
 *   parent to child:  S send a frame   C close after what was sent   A all that came before G is answered
 *
 * The parent learns that a child has ended from the end of its channel. A child dies with its parent; the signals that stop
 * the server are blocked in it, for the parent tells it what to do. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/poll_set.h"
#include "chat/server_private.h"

#define RECORD_MAX (LA_CHAT_FRAME_MAX + 64)
#define READ_BUDGET ((size_t)1 << 20)
/* So many bytes may wait for the parent before a child stops reading from its client. */
#define UPLINK_MAX ((size_t)1 << 20)
/* How often the parent looks after children whose channel has ended and who have not. */
#define REAP_INTERVAL (20 * LA_MSEC)
/* How long a child tries to hand over its last records. */
#define FAREWELL_MS 1000

enum {
  ENDED_BY_RESET = 1,
  ENDED_SLOW = 2,
  ENDED_OVERDUE = 4
};

typedef struct {
  LaChatPollSet set; /* first: la_chat_poll_io_attach */
  LaChatServer *server;
  GPtrArray *children;
  GArray *leaving; /* pid_t: their channels have ended */
} Broker;
static_assert(offsetof(Broker, set) == 0, "its set is what the poll functions are given");

/* The parent's side of a child. */
typedef struct {
  LaChatSource source; /* the channel */
  LaChatStream link;
  Broker *broker;
  LaChatSession *session; /* NULL for a refused client, and after the last frame */
  LaChatAdmission admission;
  pid_t pid;
} Child;

/* Queues a record of one byte and, if there is one, a frame (borrowed). */
static void push_record(LaChatStream *link, char kind, GBytes *frame)
{
  size_t len = 1 + (frame != NULL ? g_bytes_get_size(frame) : 0);
  char head[LA_CHAT_FRAME_HEADER + 1] = {(char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len, kind};
  la_chat_stream_push(link, g_bytes_new(head, sizeof head));
  if (frame != NULL)
    la_chat_stream_push(link, g_bytes_ref(frame));
}

static void push_bytes(LaChatStream *link, char kind, const uint8_t *data, size_t len)
{
  g_autoptr(GBytes) bytes = g_bytes_new(data, len);
  push_record(link, kind, bytes);
}

/* ---- the child ---- */

typedef struct {
  LaChatConn *conn;
  LaChatStream link;
} Own;

static Own *own_of(LaChatConn *conn)
{
  return conn->shared->owner_data;
}

static void own_frame(LaChatConn *conn, const uint8_t *data, size_t len)
{
  push_bytes(&own_of(conn)->link, 'F', data, len);
}

static void own_broken(LaChatConn *conn, LaChatErrorCode code)
{
  uint8_t byte = (uint8_t)code;
  push_bytes(&own_of(conn)->link, 'B', &byte, 1);
}

static void own_gone(LaChatConn *conn)
{
  push_record(&own_of(conn)->link, 'G', NULL);
}

/* The child's loop lets its one connection take a step every time round. */
static void own_touched(LaChatConn *conn G_GNUC_UNUSED)
{
}

static const LaChatConnOwner own_owner = {.frame = own_frame, .broken = own_broken, .gone = own_gone, .touched = own_touched};

/* Does what the parent says. False when the parent is gone. */
static bool obey(Own *own)
{
  LaChatReadResult result = la_chat_stream_read(&own->link, LA_CHAT_INPUT_KEEP, READ_BUDGET);
  const uint8_t *data;
  size_t len;
  while (la_chat_framer_next(&own->link.framer, &data, &len) == LA_CHAT_FRAME_READY) {
    if (data[0] == 'C') {
      la_chat_conn_close(own->conn);
    } else if (data[0] == 'A') {
      la_chat_conn_answered(own->conn);
    } else if (data[0] == 'S') {
      g_autoptr(GBytes) frame = g_bytes_new(data + 1, len - 1);
      la_chat_conn_deliver(own->conn, frame);
    }
  }
  return result == LA_CHAT_READ_AGAIN || result == LA_CHAT_READ_MORE;
}

/* Waits for the client, unless too much waits for the parent already, and for the parent. */
static unsigned own_wait(Own *own)
{
  const LaChatConn *conn = own->conn;
  bool full = own->link.out_bytes > UPLINK_MAX;
  struct pollfd items[2] = {{.fd = full ? -1 : conn->source.fd}, {.fd = own->link.fd, .events = POLLIN}};
  if ((conn->source.want & LA_CHAT_READ) != 0)
    items[0].events |= POLLIN;
  if ((conn->source.want & LA_CHAT_WRITE) != 0)
    items[0].events |= POLLOUT;
  if (own->link.out_bytes > 0)
    items[1].events |= POLLOUT;
  int timeout = -1;
  if (conn->source.deadline != LA_TIME_MAX)
    timeout = la_chat_io_timeout_ms(conn->source.deadline - la_chat_clock_now(conn->shared->clock));
  if (poll(items, 2, timeout) <= 0)
    return 0;
  unsigned seen = (items[0].revents & POLLIN) != 0 ? LA_CHAT_READ : 0;
  if ((items[0].revents & POLLOUT) != 0)
    seen |= LA_CHAT_WRITE;
  if ((items[0].revents & (POLLERR | POLLHUP)) != 0)
    seen |= LA_CHAT_BROKEN;
  return seen;
}

/* Hands over what still waits for the parent. */
static void say_farewell(Own *own)
{
  for (int tries = 0; tries < 10 && la_chat_stream_flush(&own->link) && own->link.out_bytes > 0; tries++) {
    struct pollfd item = {.fd = own->link.fd, .events = POLLOUT};
    poll(&item, 1, FAREWELL_MS / 10);
  }
}

/* The child's whole life. */
static void own_serve(const LaChatServer *server, const LaChatArrival *arrival, int link)
{
  Own own = {0};
  LaChatConnShared shared = server->shared;
  shared.owner = &own_owner;
  shared.owner_data = &own;
  shared.answers_later = true;
  shared.resets = shared.slow_readers = shared.overdue = 0;
  la_chat_stream_init(&own.link, link, RECORD_MAX);
  own.conn = la_chat_conn_new(arrival->fd, &arrival->plan, &shared);
  unsigned seen = 0;
  for (;;) {
    if (!obey(&own))
      return;
    la_chat_conn_step(own.conn, seen);
    own.conn->more = false; /* poll tells again of what is left; while the parent lags behind it is not asked */
    if (own.conn->state == LA_CHAT_CONN_DONE || !la_chat_stream_flush(&own.link))
      break;
    seen = own_wait(&own);
  }
  la_chat_conn_free(own.conn);
  uint8_t how = (uint8_t)((shared.resets > 0 ? ENDED_BY_RESET : 0) | (shared.slow_readers > 0 ? ENDED_SLOW : 0) |
                          (shared.overdue > 0 ? ENDED_OVERDUE : 0));
  push_bytes(&own.link, 'E', &how, 1);
  say_farewell(&own);
}

/* Closes all descriptors but the standard ones and these two. */
static void close_others(int a, int b)
{
  unsigned low = (unsigned)MIN(a, b), high = (unsigned)MAX(a, b);
  if (low > 3)
    close_range(3, low - 1, 0);
  if (high > low + 1)
    close_range(low + 1, high - 1, 0);
  close_range(high + 1, ~0U, 0);
}

/* ---- the parent ---- */

static void reap(Broker *broker)
{
  for (guint i = broker->leaving->len; i > 0; i--) {
    if (waitpid(g_array_index(broker->leaving, pid_t, i - 1), NULL, WNOHANG) != 0)
      g_array_remove_index_fast(broker->leaving, i - 1);
  }
}

/* Forgets a child whose channel has ended. */
static void child_free(Child *child)
{
  Broker *broker = child->broker;
  if (child->session != NULL)
    la_chat_hub_gone(broker->server->hub, child->session);
  la_chat_poll_set_remove(&broker->set, &child->source);
  g_ptr_array_remove_fast(broker->children, child);
  g_array_append_val(broker->leaving, child->pid);
  la_chat_server_count_out(broker->server, child->admission);
  close(child->source.fd);
  la_chat_stream_clear(&child->link);
  g_free(child);
}

static void child_ended_how(LaChatConnShared *shared, uint8_t how)
{
  shared->resets += (how & ENDED_BY_RESET) != 0;
  shared->slow_readers += (how & ENDED_SLOW) != 0;
  shared->overdue += (how & ENDED_OVERDUE) != 0;
}

static void take_record(Child *child, const uint8_t *data, size_t len)
{
  LaChatServer *server = child->broker->server;
  char kind = (char)data[0];
  if (kind == 'E' && len == 2) {
    child_ended_how(&server->shared, data[1]);
  } else if (child->session == NULL) {
    return;
  } else if (kind == 'F') {
    server->shared.bytes_in += LA_CHAT_FRAME_HEADER + len - 1;
    la_chat_hub_frame(server->hub, child->session, data + 1, len - 1);
  } else if (kind == 'B' && len == 2 && data[1] < LA_CHAT_ERROR_COUNT) {
    la_chat_hub_broken(server->hub, child->session, (LaChatErrorCode)data[1]);
  } else if (kind == 'G') {
    la_chat_hub_gone(server->hub, g_steal_pointer(&child->session));
    push_record(&child->link, 'A', NULL);
  }
}

static void child_ready(LaChatSource *source, unsigned events)
{
  Child *child = source->owner;
  if ((events & (LA_CHAT_READ | LA_CHAT_BROKEN)) == 0)
    return;
  LaChatReadResult result = la_chat_stream_read(&child->link, LA_CHAT_INPUT_KEEP, READ_BUDGET);
  const uint8_t *data;
  size_t len;
  while (la_chat_framer_next(&child->link.framer, &data, &len) == LA_CHAT_FRAME_READY)
    take_record(child, data, len);
  if (result == LA_CHAT_READ_EOF || result == LA_CHAT_READ_ERROR)
    child_free(child);
}

static void child_deliver(void *peer, GBytes *frame)
{
  Child *child = peer;
  LaChatServer *server = child->broker->server;
  /* The child cuts off a client that does not read; this is for a child that does not run. Its end is seen on the channel. */
  if (child->link.out_bytes > 2 * server->config.send_queue + RECORD_MAX) {
    kill(child->pid, SIGKILL);
    return;
  }
  server->shared.bytes_out += g_bytes_get_size(frame);
  push_record(&child->link, 'S', frame);
}

static void child_close(void *peer)
{
  Child *child = peer;
  push_record(&child->link, 'C', NULL);
}

static const LaChatTransport child_transport = {.deliver = child_deliver, .close = child_close};

static void *broker_open(LaChatServer *server, GError **error G_GNUC_UNUSED)
{
  Broker *broker = g_new(Broker, 1);
  *broker = (Broker){.server = server, .children = g_ptr_array_new(), .leaving = g_array_new(FALSE, FALSE, sizeof(pid_t))};
  la_chat_poll_set_init(&broker->set);
  return broker;
}

static void broker_free(void *io)
{
  Broker *broker = io;
  while (broker->children->len > 0) {
    Child *child = g_ptr_array_index(broker->children, 0);
    kill(child->pid, SIGKILL);
    child_free(child);
  }
  for (guint i = 0; i < broker->leaving->len; i++) {
    pid_t pid = g_array_index(broker->leaving, pid_t, i);
    if (waitpid(pid, NULL, WNOHANG) != 0)
      continue;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
  }
  la_chat_poll_set_clear(&broker->set);
  g_ptr_array_unref(broker->children);
  g_array_unref(broker->leaving);
  g_free(broker);
}

static void child_start(Broker *broker, const LaChatArrival *arrival, int link, pid_t pid)
{
  Child *child = g_new0(Child, 1);
  child->source = (LaChatSource){
      .fd = link, .want = LA_CHAT_READ, .armed = LA_CHAT_READ, .deadline = LA_TIME_MAX, .ready = child_ready, .owner = child};
  la_chat_stream_init(&child->link, link, RECORD_MAX);
  child->broker = broker;
  child->admission = arrival->admission;
  child->pid = pid;
  g_ptr_array_add(broker->children, child);
  la_chat_poll_set_add(&broker->set, &child->source);
  la_chat_server_count_in(broker->server, arrival->admission);
  if (arrival->admission == LA_CHAT_REFUSED) {
    g_autoptr(GBytes) frame = la_chat_server_refusal();
    push_record(&child->link, 'S', frame);
    push_record(&child->link, 'C', NULL);
  } else {
    child->session = la_chat_server_open_session(broker->server, &child_transport, child, &arrival->plan);
  }
}

static bool admit(LaChatServer *server, const LaChatArrival *arrival, GError **error)
{
  Broker *broker = server->io;
  int links[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, links) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot make a socket pair: %s", g_strerror(errno));
    close(arrival->fd);
    return false;
  }
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) {
      close_others(arrival->fd, links[1]);
      own_serve(broker->server, arrival, links[1]);
    }
    /* lint-allow calls: a child process of this model has nobody to return to; _exit leaves the parent's buffers alone */
    _exit(0);
  }
  int code = errno;
  close(arrival->fd);
  close(links[1]);
  if (pid < 0) {
    close(links[0]);
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot start a process: %s", g_strerror(code));
    return false;
  }
  child_start(broker, arrival, links[0], pid);
  return true;
}

static void drain(void *io)
{
  Broker *broker = io;
  for (guint i = 0; i < broker->children->len; i++)
    child_close(g_ptr_array_index(broker->children, i));
}

/* Sends the children what waits for them. A channel that is broken shows as ended in the next wait. */
static void flush_links(Broker *broker)
{
  for (guint i = 0; i < broker->children->len; i++) {
    Child *child = g_ptr_array_index(broker->children, i);
    if (child->link.out_bytes > 0)
      (void)la_chat_stream_flush(&child->link);
    child->source.want = LA_CHAT_READ | (child->link.out_bytes > 0 ? (unsigned)LA_CHAT_WRITE : 0);
    if (child->source.want != child->source.armed) {
      child->source.armed = child->source.want;
      la_chat_poll_set_update(&broker->set, &child->source);
    }
  }
}

static void step(LaChatSource *source, unsigned events)
{
  source->ready(source, events);
}

static bool turn(void *io, LaTime timeout, GError **error)
{
  Broker *broker = io;
  flush_links(broker);
  if (broker->leaving->len > 0)
    timeout = MIN(timeout, REAP_INTERVAL);
  if (!la_chat_poll_set_wait(&broker->set, timeout, error))
    return false;
  la_chat_poll_set_dispatch(&broker->set, step);
  reap(broker);
  return true;
}

const LaChatIo la_chat_io_fork = {.name = "fork",
                                  .summary = "a process for each connection, the parent routes between them",
                                  .descriptors_each = 1,
                                  .open = broker_open,
                                  .free = broker_free,
                                  .attach = la_chat_poll_io_attach,
                                  .update = la_chat_poll_io_update,
                                  .detach = la_chat_poll_io_detach,
                                  .admit = admit,
                                  .drain = drain,
                                  .turn = turn};
