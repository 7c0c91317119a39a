/* Theory of operation.
 *
 * Two sources are put together. Tracepoints tell every change of a full socket's state at its moment, but know nothing of requests
 * (SYN-RECEIVED before the handshake is done) and timewaits, which are no full sockets. Dumps of all sockets, made every few
 * milliseconds, show those, late by up to one period. Without tracepoints the dumps tell everything; the path is long enough that a
 * state which waits for the peer is seen.
 *
 * When the kernel replaces a socket by a timewait, the tracepoint says CLOSE. The next dump knows better: the row then names what the
 * dump saw (`bucket`), and a path has that state instead of CLOSE.
 *
 * A connection is a four-tuple, with the client's end first. Which end a socket belongs to is told by its address. Rows are written in
 * the order of their times, whatever order they came in. */
#include "lab/truth.h"

#include <string.h>

#include "lab/truth_private.h"

static guint hash_key(gconstpointer data)
{
  const LaLabKey *key = data;
  guint hash = 5381;
  for (int end = 0; end < LA_LAB_END_N; end++) {
    for (size_t i = 0; i < sizeof key->at[end].addr.bytes; i++)
      hash = hash * 33 + key->at[end].addr.bytes[i];
    hash = hash * 33 + key->at[end].port;
  }
  return hash;
}

static gboolean equal_key(gconstpointer a, gconstpointer b)
{
  const LaLabKey *x = a, *y = b;
  for (int end = 0; end < LA_LAB_END_N; end++) {
    if (x->at[end].port != y->at[end].port || !la_addr_equal(&x->at[end].addr, &y->at[end].addr))
      return FALSE;
  }
  return TRUE;
}

static void free_conn(void *data)
{
  LaLabConn *conn = data;
  g_array_unref(conn->states);
  g_array_unref(conn->events);
  g_array_unref(conn->samples);
  g_free(conn);
}

LaLabTruth *la_lab_truth_new(const LaLabTruthSetup *setup)
{
  LaLabTruth *truth = g_new0(LaLabTruth, 1);
  truth->setup = *setup;
  truth->by_key = g_hash_table_new(hash_key, equal_key);
  truth->conns = g_ptr_array_new_with_free_func(free_conn);
  truth->apps = g_array_new(FALSE, FALSE, sizeof(LaLabAppRow));
  truth->network = g_array_new(FALSE, FALSE, sizeof(LaLabNetworkRow));
  truth->queues = g_array_new(FALSE, FALSE, sizeof(LaLabQueueRow));
  return truth;
}

void la_lab_truth_free(LaLabTruth *truth)
{
  if (truth == NULL)
    return;
  g_hash_table_unref(truth->by_key);
  g_ptr_array_unref(truth->conns);
  g_array_unref(truth->apps);
  g_array_unref(truth->network);
  g_array_unref(truth->queues);
  g_free(truth);
}

/* Which end has this address; LA_LAB_END_N: neither, it is of somebody else. The ends' addresses count up from the first, and the
 * client's network has room for addresses that the path forges. */
static LaLabEnd end_of(const LaLabTruth *truth, const LaHostPort *at)
{
  size_t last = truth->setup.family == LA_FAMILY_IPV6 ? 15 : 3;
  if (at->family != truth->setup.family)
    return LA_LAB_END_N;
  for (int end = 0; end < LA_LAB_END_N; end++) {
    if (memcmp(at->addr.bytes, truth->setup.address[end].bytes, last) == 0 &&
        at->addr.bytes[last] >= truth->setup.address[end].bytes[last])
      return (LaLabEnd)end;
  }
  return LA_LAB_END_N;
}

static LaLabConn *find_conn(LaLabTruth *truth, LaLabEnd end, const LaHostPort *local, const LaHostPort *remote)
{
  LaLabKey key;
  key.at[end] = *local;
  key.at[LA_LAB_OTHER(end)] = *remote;
  LaLabConn *conn = g_hash_table_lookup(truth->by_key, &key);
  if (conn != NULL)
    return conn;
  conn = g_new0(LaLabConn, 1);
  conn->key = key;
  conn->states = g_array_new(FALSE, FALSE, sizeof(LaLabStateRow));
  conn->events = g_array_new(FALSE, FALSE, sizeof(LaLabEventRow));
  conn->samples = g_array_new(FALSE, FALSE, sizeof(LaLabSampleRow));
  g_ptr_array_add(truth->conns, conn);
  conn->id = truth->conns->len;
  g_hash_table_add(truth->by_key, conn);
  return conn;
}

static void add_state(LaLabConn *conn, LaTime time, LaLabEnd end, LaLabStateRow row)
{
  row.time = time;
  row.end = end;
  g_array_append_val(conn->states, row);
  conn->last[end] = row.new_state;
}

void la_lab_truth_trace(LaLabTruth *truth, const LaTraceEvent *event)
{
  LaLabEnd end = end_of(truth, &event->local);
  if (end == LA_LAB_END_N || end_of(truth, &event->remote) != LA_LAB_OTHER(end))
    return;
  if (event->time < truth->rebooted[end])
    return;
  LaLabConn *conn = find_conn(truth, end, &event->local, &event->remote);
  if (event->kind == LA_TRACE_STATE) {
    add_state(conn, event->time, end,
              (LaLabStateRow){.old_state = event->old_state, .new_state = event->new_state, .source = LA_LAB_FROM_TRACE});
    return;
  }
  LaLabEventRow row = {.time = event->time, .end = end, .kind = event->kind, .state = event->new_state};
  g_strlcpy(row.reason, event->reason, sizeof row.reason);
  g_array_append_val(conn->events, row);
}

/* The kernel's words, as the tracepoints and /proc have them. */
static const char *word_of(const LaSocket *socket)
{
  static const char *const full[] = {
      [LA_SOCKET_CLOSED] = "CLOSE",          [LA_SOCKET_LISTEN] = "LISTEN",           [LA_SOCKET_SYN_SENT] = "SYN_SENT",
      [LA_SOCKET_SYN_RECEIVED] = "SYN_RECV", [LA_SOCKET_ESTABLISHED] = "ESTABLISHED", [LA_SOCKET_FIN_WAIT_1] = "FIN_WAIT1",
      [LA_SOCKET_FIN_WAIT_2] = "FIN_WAIT2",  [LA_SOCKET_CLOSE_WAIT] = "CLOSE_WAIT",   [LA_SOCKET_CLOSING] = "CLOSING",
      [LA_SOCKET_LAST_ACK] = "LAST_ACK",     [LA_SOCKET_TIME_WAIT] = "TIME_WAIT",
  };
  if (socket->kind == LA_SOCKET_REQUEST)
    return "req:SYN_RECV";
  if (socket->kind == LA_SOCKET_TIMEWAIT)
    return socket->state == LA_SOCKET_FIN_WAIT_2 ? "tw:FIN_WAIT2" : "tw:TIME_WAIT";
  return full[socket->state];
}

static bool same_sample(const LaLabSampleRow *a, const LaLabSampleRow *b)
{
  return a->state == b->state && a->cookie == b->cookie && a->owned == b->owned && a->timer == b->timer &&
         a->retries == b->retries && a->receive_queue == b->receive_queue && a->send_queue == b->send_queue;
}

static void take_listener(LaLabTruth *truth, LaTime time, LaLabEnd end, const LaSocket *socket)
{
  LaLabQueueRow row = {
      .time = time, .end = end, .port = socket->local.port, .waiting = socket->receive_queue, .backlog = socket->send_queue};
  for (guint i = truth->queues->len; i > 0; i--) {
    const LaLabQueueRow *before = &g_array_index(truth->queues, LaLabQueueRow, i - 1);
    if (before->end == end && before->port == row.port) {
      if (before->waiting == row.waiting && before->backlog == row.backlog)
        return;
      break;
    }
  }
  g_array_append_val(truth->queues, row);
}

static bool is_full_word(const char *word)
{
  return strchr(word, ':') == NULL;
}

static void take_socket(LaLabTruth *truth, LaTime time, LaLabEnd end, const LaSocket *socket)
{
  LaLabConn *conn = find_conn(truth, end, &socket->local, &socket->remote);
  const char *word = word_of(socket);
  LaLabSampleRow sample = {.time = time,
                           .end = end,
                           .state = word,
                           .cookie = socket->cookie,
                           .owned = socket->inode != 0,
                           .timer = socket->timer,
                           .retries = socket->retries,
                           .expires = socket->timer_left,
                           .receive_queue = socket->receive_queue,
                           .send_queue = socket->send_queue};
  conn->seen[end] = truth->round;
  if (socket->retries > conn->max_retries[end])
    conn->max_retries[end] = socket->retries;
  if (!same_sample(&sample, &conn->sampled[end])) {
    g_array_append_val(conn->samples, sample);
    conn->sampled[end] = sample;
  }
  /* A full socket's changes come from the tracepoints, where there are any. */
  const char *before = conn->watched[end];
  if (before != NULL && strcmp(before, word) == 0 && conn->watched_cookie[end] == socket->cookie)
    return;
  conn->watched[end] = word;
  conn->watched_cookie[end] = socket->cookie;
  if (!is_full_word(word) || truth->setup.no_trace != NULL) {
    const char *old = before != NULL ? before : strcmp(word, "SYN_SENT") == 0 ? "CLOSE" : "?";
    add_state(conn, time, end, (LaLabStateRow){.old_state = old, .new_state = word, .source = LA_LAB_FROM_DIAG});
  }
}

/* What was there and is not any more. A full socket's end is told by the tracepoint. */
static void take_gone(LaLabTruth *truth, LaTime time, LaLabEnd end)
{
  for (guint i = 0; i < truth->conns->len; i++) {
    LaLabConn *conn = truth->conns->pdata[i];
    const char *before = conn->watched[end];
    if (before == NULL || conn->seen[end] == truth->round)
      continue;
    conn->watched[end] = NULL;
    LaLabSampleRow sample = {.time = time, .end = end, .state = "GONE", .cookie = conn->watched_cookie[end]};
    g_array_append_val(conn->samples, sample);
    conn->sampled[end] = sample;
    if (!is_full_word(before) || truth->setup.no_trace != NULL)
      add_state(conn, time, end, (LaLabStateRow){.old_state = before, .new_state = "GONE", .source = LA_LAB_FROM_DIAG});
  }
}

/* What a dump shows was there when it began, or came while it went on. A timewait follows a socket, a request precedes one: so that
 * their rows stand on the right side of the tracepoints' rows, the one is dated by the dump's end, the other by its beginning. */
void la_lab_truth_sockets(LaLabTruth *truth, const LaLabDump *dump)
{
  truth->round++;
  for (guint i = 0; i < dump->sockets->len; i++) {
    const LaSocket *socket = &g_array_index(dump->sockets, LaSocket, i);
    LaTime time = socket->kind == LA_SOCKET_TIMEWAIT ? dump->ended : dump->began;
    if (socket->state == LA_SOCKET_LISTEN)
      take_listener(truth, time, dump->end, socket);
    else if (end_of(truth, &socket->local) == dump->end && end_of(truth, &socket->remote) == LA_LAB_OTHER(dump->end))
      take_socket(truth, time, dump->end, socket);
  }
  take_gone(truth, dump->ended, dump->end);
}

void la_lab_truth_reboot(LaLabTruth *truth, LaTime time, LaLabEnd end)
{
  truth->rebooted[end] = time;
  for (guint i = 0; i < truth->conns->len; i++) {
    LaLabConn *conn = truth->conns->pdata[i];
    conn->watched[end] = NULL;
    if (conn->last[end] != NULL && strcmp(conn->last[end], "CLOSE") != 0 && strcmp(conn->last[end], "GONE") != 0)
      add_state(conn, time, end,
                (LaLabStateRow){.old_state = conn->last[end], .new_state = "CLOSE", .source = LA_LAB_FROM_LAB});
  }
}

void la_lab_truth_app(LaLabTruth *truth, LaLabEnd end, const LaLabReport *report)
{
  LaLabAppRow row = {.end = end, .report = *report};
  g_array_append_val(truth->apps, row);
}

void la_lab_truth_network(LaLabTruth *truth, const LaLabNote *note)
{
  const LaPacket *packet = note->packet;
  LaLabNetworkRow row = {.time = note->time,
                         .action = note->action,
                         .where = note->where,
                         .from = note->from,
                         .src = packet->src,
                         .dst = packet->dst,
                         .seq = packet->seq,
                         .ack = packet->ack,
                         .flags = packet->flags,
                         .payload_len = packet->payload_len};
  g_array_append_val(truth->network, row);
}

unsigned la_lab_truth_connections(const LaLabTruth *truth)
{
  return truth->conns->len;
}
