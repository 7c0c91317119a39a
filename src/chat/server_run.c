/* A server's life is a row of turns. In each the I/O model waits once and lets what is ready take a step; then the server
 * looks after the connections that the steps touched (others got messages, some are done), and does what is due: idle
 * clients, waiting listeners, deadlines, the status line.
 *
 * Connections are freed only between steps, never inside one, so that a model may walk over its list of ready sources
 * without asking whether each still lives.
 *
 * Deadlines are not kept in order: the earliest is remembered, and when it has come all connections are asked. Most
 * connections have none, and a step that sets one lowers the remembered time. */
#include <unistd.h>

#include "chat/server_private.h"

static LaChatServer *server_of(LaChatConn *conn)
{
  return conn->shared->owner_data;
}

static void conn_frame(LaChatConn *conn, const uint8_t *data, size_t len)
{
  if (conn->user != NULL)
    la_chat_hub_frame(server_of(conn)->hub, conn->user, data, len);
}

static void conn_broken(LaChatConn *conn, LaChatErrorCode code)
{
  if (conn->user != NULL)
    la_chat_hub_broken(server_of(conn)->hub, conn->user, code);
}

static void conn_gone(LaChatConn *conn)
{
  LaChatSession *session = g_steal_pointer(&conn->user);
  if (session != NULL)
    la_chat_hub_gone(server_of(conn)->hub, session);
}

static void conn_touched(LaChatConn *conn)
{
  LaChatServer *server = server_of(conn);
  if (server->io == NULL)
    return; /* the run is over */
  if (server->config.io->touch != NULL) {
    server->config.io->touch(server->io, &conn->source);
  } else if (!conn->listed) {
    conn->listed = true;
    g_ptr_array_add(server->touched, conn);
  }
}

static const LaChatConnOwner conn_owner = {
    .frame = conn_frame, .broken = conn_broken, .gone = conn_gone, .touched = conn_touched};

static void conn_deliver(void *peer, GBytes *frame)
{
  la_chat_conn_deliver(peer, frame);
}

static void conn_close(void *peer)
{
  la_chat_conn_close(peer);
}

static const LaChatTransport conn_transport = {.deliver = conn_deliver, .close = conn_close};

void la_chat_server_count_in(LaChatServer *server, LaChatAdmission admission)
{
  server->peers++;
  if (admission == LA_CHAT_REFUSED)
    server->refusals++;
  server->peak = MAX(server->peak, server->peers - server->refusals);
}

void la_chat_server_count_out(LaChatServer *server, LaChatAdmission admission)
{
  server->peers--;
  if (admission == LA_CHAT_REFUSED)
    server->refusals--;
}

LaChatSession *la_chat_server_open_session(LaChatServer *server, const LaChatTransport *transport, void *peer,
                                           const LaChatPlan *plan)
{
  LaChatPings pings = la_chat_plan_has(plan, LA_CHAT_FAULT_NO_PONG) ? LA_CHAT_PINGS_IGNORED : LA_CHAT_PINGS_ANSWERED;
  return la_chat_hub_open(server->hub, transport, peer, pings);
}

LaChatConn *la_chat_server_adopt(LaChatServer *server, const LaChatArrival *arrival)
{
  LaChatConn *conn = la_chat_conn_new(arrival->fd, &arrival->plan, &server->shared);
  conn->admission = arrival->admission;
  conn->index = server->conns->len;
  g_ptr_array_add(server->conns, conn);
  la_chat_server_count_in(server, arrival->admission);
  if (arrival->admission == LA_CHAT_REFUSED) {
    g_autoptr(GBytes) frame = la_chat_server_refusal();
    la_chat_conn_deliver(conn, frame);
    la_chat_conn_close(conn);
  } else {
    conn->user = la_chat_server_open_session(server, &conn_transport, conn, &arrival->plan);
  }
  return conn;
}

bool la_chat_server_admit(LaChatServer *server, const LaChatArrival *arrival, GError **error)
{
  LaChatConn *conn = la_chat_server_adopt(server, arrival);
  conn->source.armed = conn->source.want;
  if (server->config.io->attach(server->io, &conn->source, error))
    return true;
  la_chat_server_drop(server, conn);
  return false;
}

void la_chat_server_drop(LaChatServer *server, LaChatConn *conn)
{
  LaChatConn *last = g_ptr_array_index(server->conns, server->conns->len - 1);
  g_ptr_array_remove_index_fast(server->conns, conn->index);
  last->index = conn->index;
  if (conn->listed)
    g_ptr_array_remove_fast(server->touched, conn);
  la_chat_server_count_out(server, conn->admission);
  la_chat_conn_free(conn);
}

void la_chat_server_note_deadline(LaChatServer *server, const LaChatConn *conn)
{
  server->next_deadline = MIN(server->next_deadline, conn->source.deadline);
}

/* Lets the connections that were touched take a step, frees those that are done, and tells the model what others want now.
 * One that is touched meanwhile has its turn next time. */
static void look_after(LaChatServer *server)
{
  GPtrArray *list = server->touched;
  server->touched = server->looking;
  server->looking = list;
  for (guint i = 0; i < list->len; i++) {
    LaChatConn *conn = g_ptr_array_index(list, i);
    la_chat_conn_step(conn, 0);
    conn->listed = false;
    if (conn->state == LA_CHAT_CONN_DONE) {
      server->config.io->detach(server->io, &conn->source);
      la_chat_server_drop(server, conn);
      continue;
    }
    la_chat_server_arm(server, &conn->source);
    la_chat_server_note_deadline(server, conn);
    if (conn->more)
      conn_touched(conn);
  }
  g_ptr_array_set_size(list, 0);
}

static void tick_deadlines(LaChatServer *server, LaTime now)
{
  if (server->next_deadline > now)
    return;
  server->next_deadline = LA_TIME_MAX;
  for (guint i = 0; i < server->conns->len; i++) {
    LaChatConn *conn = g_ptr_array_index(server->conns, i);
    if (conn->source.deadline <= now)
      conn_touched(conn);
    else
      la_chat_server_note_deadline(server, conn);
  }
}

/* Stops accepting, tells everybody, and gives them the grace time to close. */
static void begin_drain(LaChatServer *server)
{
  la_chat_server_log(server, "stopping: %u connections have %g s to close", server->peers,
                     la_time_seconds(server->config.grace));
  la_chat_server_unlisten(server);
  server->accept_again = LA_TIME_MAX;
  server->cut = server->shared.overdue;
  la_chat_hub_shutdown(server->hub);
  if (server->config.io->drain != NULL)
    server->config.io->drain(server->io);
  for (guint i = 0; i < server->conns->len; i++)
    la_chat_conn_close(g_ptr_array_index(server->conns, i));
  /* The connections end by themselves when the time is over; a little later the server does it for them. */
  server->drain_until = la_time_add(la_chat_server_now(server), la_time_add(server->config.grace, LA_SEC / 2));
}

static void stop_ready(LaChatSource *source, unsigned events)
{
  LaChatServer *server = source->owner;
  if ((events & (LA_CHAT_READ | LA_CHAT_BROKEN)) == 0 || !la_chat_server_is_readable(source->fd))
    return;
  /* Large enough for one signal from a signalfd, so that a second one is a second request. */
  uint8_t buffer[128];
  ssize_t n = read(source->fd, buffer, sizeof buffer);
  if (server->drain_until != LA_TIME_MAX) {
    server->stop_now = true;
  } else {
    begin_drain(server);
  }
  if (n <= 0) {
    server->config.io->detach(server->io, source);
    server->stop_attached = false;
  }
}

static bool attach_stop(LaChatServer *server, GError **error)
{
  if (server->config.stop_fd < 0)
    return true;
  server->stop = (LaChatSource){.fd = server->config.stop_fd,
                                .want = LA_CHAT_READ,
                                .armed = LA_CHAT_READ,
                                .deadline = LA_TIME_MAX,
                                .ready = stop_ready,
                                .owner = server};
  server->stop_attached = server->config.io->attach(server->io, &server->stop, error);
  return server->stop_attached;
}

/* What is due between turns; returns when the next turn must end at the latest. */
static LaTime tick(LaChatServer *server)
{
  LaTime now = la_chat_server_now(server);
  LaTime next = la_chat_hub_tick(server->hub);
  next = MIN(next, la_chat_server_tick_listeners(server, now));
  tick_deadlines(server, now);
  if (server->next_status <= now) {
    LaChatServerStats stats = la_chat_server_stats(server);
    server->config.events.status(server->config.events.ctx, &stats);
    server->next_status = la_time_add(now, server->config.status_interval);
  }
  next = MIN(MIN(next, server->next_status), MIN(server->next_deadline, server->drain_until));
  return server->touched->len > 0 ? now : next;
}

static bool exit_is_due(const LaChatServer *server)
{
  return la_chat_plan_has(&server->plan, LA_CHAT_FAULT_EXIT) &&
         la_chat_hub_stats(server->hub).users >= (unsigned)server->plan.param[LA_CHAT_FAULT_EXIT];
}

static bool is_over(const LaChatServer *server)
{
  bool drained = server->drain_until != LA_TIME_MAX && server->peers == 0;
  return server->stop_now || drained || server->drain_until <= la_chat_server_now(server);
}

static bool run_turns(LaChatServer *server, LaChatEnding *ret_ending, GError **error)
{
  while (!is_over(server)) {
    LaTime next = tick(server);
    LaTime timeout = next == LA_TIME_MAX ? LA_TIME_MAX : next - la_chat_server_now(server);
    if (!server->config.io->turn(server->io, timeout, error))
      return false;
    look_after(server);
    if (exit_is_due(server)) {
      *ret_ending = LA_CHAT_ENDED_BY_FAULT;
      return true;
    }
  }
  server->cut = server->shared.overdue - server->cut + server->peers;
  *ret_ending = server->cut == 0 ? LA_CHAT_ENDED_DRAINED : LA_CHAT_ENDED_CUT;
  return true;
}

bool la_chat_server_run(LaChatServer *server, LaChatEnding *ret_ending, GError **error)
{
  server->shared = (LaChatConnShared){.owner = &conn_owner,
                                      .owner_data = server,
                                      .clock = &server->config.clock,
                                      .grace = server->config.grace,
                                      .send_queue = server->config.send_queue};
  bool with_status = server->config.events.status != NULL && server->config.status_interval != LA_TIME_MAX;
  server->next_status = with_status ? la_time_add(la_chat_server_now(server), server->config.status_interval) : LA_TIME_MAX;
  server->io = server->config.io->open(server, error);
  if (server->io == NULL)
    return false;
  LaChatEnding ending = LA_CHAT_ENDED_CUT;
  bool ok = attach_stop(server, error) && la_chat_server_listen(server, error) && run_turns(server, &ending, error);
  if (ok && ending == LA_CHAT_ENDED_BY_FAULT) {
    *ret_ending = ending;
    return true;
  }
  la_chat_server_unlisten(server);
  if (server->stop_attached)
    server->config.io->detach(server->io, &server->stop);
  server->stop_attached = false;
  server->config.io->free(server->io);
  server->io = NULL;
  while (server->conns->len > 0)
    la_chat_server_drop(server, g_ptr_array_index(server->conns, server->conns->len - 1));
  if (ok)
    *ret_ending = ending;
  return ok;
}
