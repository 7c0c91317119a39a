/* A finished connection is reduced to a few events, each counted at its moment: one to three for its service, three to six for its
 * pair. Nothing is decided here beyond how the attempt went; what a number of events amounts to is asked at the end.
 *
 * An embryo is an attempt whose client fell silent: its SYN-ACK was not answered, or its single SYN had no answer although a client
 * with a real stack would have repeated it after a second. A client that does repeat its SYN waits for an answer: that is no flood, but a
 * service that is down, a full queue or a path that broke. An embryo is held for as long as Linux holds one, 63 s. */
#include "diagnose/digest.h"

#include "diagnose/close_wait.h"
#include "diagnose/evidence.h"
#include "track/measures.h"

#define EMBRYO_HELD (63 * LA_SEC) /* 1 + 2 + 4 + 8 + 16 + 32 s: tcp_synack_retries 5 */
#define RETRY_DUE (2 * LA_SEC)    /* by then a stack has repeated its SYN (RFC 6298: after 1 s) */
#define ANSWER_DUE LA_SEC         /* by then a client has answered the SYN-ACK */
#define PROBE_LIFE (2 * LA_SEC)   /* who connects, sends nothing and closes within this only looked */
#define WAIT_UNIT (10 * LA_USEC)

/* How an attempt went: what is counted for the service and for the pair. */
typedef struct {
  unsigned service, pair; /* kinds */
  LaTime time;            /* LA_TIME_NONE: it began before the capture, there is nothing to count */
} Attempt;

typedef struct {
  LaAggregate *aggregate;
  const LaConnection *conn;
  const LaFindings *findings;
  const LaEndpoint *opener, *acceptor;
  LaDigest *digest;
  Attempt attempt;
  uint64_t opened_tick; /* of attempt.time, when there is one */
  uint64_t closed_tick; /* of `closed`, when there is one */
  LaTime closed;        /* when both FINs were acknowledged, or the RST that ended it came; LA_TIME_NONE: neither */
  bool reset;           /* it was the RST */
  bool lasts;           /* observation ended before it did */
} Case;

/* ---- how it opened ---- */

/* The client fell silent, and not because the observation ended. */
static bool is_embryo(const Case *c, LaHandshakeResult handshake)
{
  const LaConnection *conn = c->conn;
  bool another_isn = (conn->marks & LA_MARK_ISN_CHANGED) != 0;
  if (c->opener->packets == 0 || (c->opener->syn_sent > 1 && !another_isn))
    return false;
  LaTime heard = handshake == LA_HANDSHAKE_SYN_RECEIVED ? c->acceptor->syn_last_time : c->opener->syn_last_time;
  LaTime due = handshake == LA_HANDSHAKE_SYN_RECEIVED ? ANSWER_DUE : RETRY_DUE;
  /* One that was given up for want of room was the oldest of so many attempts that nobody went on with. */
  return conn->end_time - heard >= due || c->acceptor->syn_ack_sent > 1 || conn->ended_by == LA_ENDED_EVICTED;
}

/* Opened, nothing sent, closed by the client at once: a look, no use. */
static bool only_looked(const Case *c)
{
  bool closed_first = c->reset ? c->conn->rst_side == LA_OPENER : c->conn->first_fin == LA_OPENER;
  return c->opener->payload_bytes + c->acceptor->payload_bytes == 0 && c->closed != LA_TIME_NONE && closed_first &&
         c->closed - c->conn->first_time < PROBE_LIFE;
}

static Attempt judge(const Case *c, LaHandshakeResult handshake)
{
  const LaConnection *conn = c->conn;
  LaTime syn = conn->first_time;
  switch (handshake) {
  case LA_HANDSHAKE_COMPLETE:
  case LA_HANDSHAKE_SIMULTANEOUS: {
    LaTime served = (c->acceptor->flags & LA_END_SYN_ACK) != 0 ? c->acceptor->syn_time : syn;
    return (Attempt){LA_SERVED, only_looked(c) ? LA_PAIR_LOOKED : LA_PAIR_ORDINARY, served};
  }
  case LA_HANDSHAKE_REFUSED: return (Attempt){LA_REFUSED, LA_PAIR_REFUSED, conn->rst_time};
  case LA_HANDSHAKE_ABANDONED: return (Attempt){LA_ATTEMPT, LA_PAIR_PROBED, syn};
  case LA_HANDSHAKE_SYN_RECEIVED:
    if (is_embryo(c, handshake))
      return (Attempt){LA_EMBRYO, LA_PAIR_EMBRYO, syn};
    return (Attempt){LA_ATTEMPT, c->opener->packets != 0 ? LA_PAIR_PROBED : LA_PAIR_OTHER, syn};
  case LA_HANDSHAKE_UNANSWERED:
    if (is_embryo(c, handshake))
      return (Attempt){LA_EMBRYO, LA_PAIR_SILENT_ONCE, syn};
    return (Attempt){LA_ATTEMPT, LA_PAIR_SILENT, syn};
  case LA_HANDSHAKE_UNDETERMINED:
    if (conn->ended_by == LA_ENDED_EVICTED && c->acceptor->packets == 0 && is_embryo(c, handshake))
      return (Attempt){LA_EMBRYO, LA_PAIR_SILENT_ONCE, syn};
    return (Attempt){LA_ATTEMPT, LA_PAIR_OTHER, syn};
  case LA_HANDSHAKE_UNREACHABLE: return (Attempt){LA_ATTEMPT, LA_PAIR_SILENT, syn};
  case LA_HANDSHAKE_UNSEEN: return (Attempt){0, 0, LA_TIME_NONE};
  default: return (Attempt){LA_ATTEMPT, LA_PAIR_OTHER, syn};
  }
}

/* ---- how it closed ---- */

static void find_close(Case *c, LaHandshakeResult handshake)
{
  const LaConnection *conn = c->conn;
  c->closed = LA_TIME_NONE;
  if ((conn->flags & LA_CONN_CLOSED) != 0) {
    c->closed = MAX(c->opener->fin_acked_time, c->acceptor->fin_acked_time);
  } else if ((conn->flags & LA_CONN_RST) != 0 && handshake != LA_HANDSHAKE_REFUSED && handshake != LA_HANDSHAKE_ABANDONED &&
             handshake != LA_HANDSHAKE_SYN_RECEIVED && handshake != LA_HANDSHAKE_UNANSWERED &&
             (conn->flags & LA_CONN_STRAY) == 0) {
    c->closed = conn->rst_time;
    c->reset = true;
  }
}

/* Which end went to TIME_WAIT; LA_SIDE_N: none. With crossing FINs both do: the one that closed first counts. */
static LaSide time_waiter(const LaConnection *conn)
{
  LaSide first = conn->first_fin < LA_SIDE_N ? (LaSide)conn->first_fin : LA_OPENER;
  if (conn->end[first].state == LA_TCP_TIME_WAIT)
    return first;
  return conn->end[LA_OTHER(first)].state == LA_TCP_TIME_WAIT ? LA_OTHER(first) : LA_SIDE_N;
}

/* ---- counting ---- */

static bool is_within(const LaAggregate *a, uint64_t tick)
{
  return tick >= a->first_tick && tick <= a->last_tick;
}

/* Where only a stretch of time counts: what was there when it began is there from its first moment on, though it was not opened then. */
static void count_limited(LaAggregate *a, LaFlow flow, uint64_t tick, int32_t change)
{
  if (tick > a->last_tick)
    return;
  if (flow == LA_FLOW_CLOSED)
    change = -change;
  if (flow == LA_FLOW_OPENED || flow == LA_FLOW_CLOSED)
    flow = LA_FLOW_LIVE;
  la_per_second_add(&a->flows, flow, a->first_tick, change);
}

static void count_flow(const Case *c, LaFlow flow, uint64_t tick, int32_t change)
{
  LaAggregate *a = c->aggregate;
  if (G_UNLIKELY(!la_time_is_known(c->conn->first_time)))
    return; /* it has no place in time */
  if (G_LIKELY(is_within(a, tick)))
    la_per_second_add(&a->flows, flow, tick, change);
  else
    count_limited(a, flow, tick, change);
}

static void service_event(const Case *c, unsigned kind, uint64_t tick)
{
  if (c->digest->service_count < LA_DIGEST_CELLS)
    c->digest->service_cells[c->digest->service_count++] = la_cell(kind, tick, 1);
}

static void pair_event(const Case *c, unsigned kind, uint64_t tick)
{
  if (c->digest->pair_count < LA_DIGEST_CELLS)
    c->digest->pair_cells[c->digest->pair_count++] = la_cell(kind, tick, 1);
}

/* A packet about `topic`, and how many of the connection's findings are about that. */
static void sample(const Case *c, LaTopic topic, uint64_t frame, LaTime time)
{
  if (c->digest->samples == LA_DIGEST_SAMPLES)
    return;
  LaDigestSample *s = &c->digest->sample[c->digest->samples++];
  *s = (LaDigestSample){.topic = topic, .frame = frame, .tick = la_tick(time)};
  for (unsigned i = 0; i < c->findings->count; i++)
    s->covers += c->aggregate->topics[c->findings->items[i].rule_index] >> topic & 1;
}

static void count_embryo(const Case *c)
{
  const LaConnection *conn = c->conn;
  LaTime until = MAX(la_time_add(conn->first_time, EMBRYO_HELD), conn->last_time);
  if (!c->lasts || until < conn->end_time)
    service_event(c, LA_EMBRYO_END, la_tick(until));
  sample(c, LA_TOPIC_EMBRYO, c->opener->syn_frame, conn->first_time);
  c->digest->embryo_repeated = c->acceptor->syn_ack_sent > 1;
  c->digest->embryo_ignored = c->acceptor->packets == 0;
  c->digest->ttl_min = c->opener->ttl_min;
  c->digest->ttl_max = c->opener->ttl_max;
}

static void count_attempt(const Case *c)
{
  const Attempt *attempt = &c->attempt;
  if (attempt->time == LA_TIME_NONE)
    return;
  service_event(c, attempt->service, c->opened_tick);
  pair_event(c, attempt->pair, c->opened_tick);
  c->digest->pair_cells[c->digest->pair_count++] = la_cell(LA_CELL_FRAME, c->conn->first_frame, c->conn->file);
  if (attempt->service == LA_EMBRYO)
    count_embryo(c);
  if (attempt->service == LA_REFUSED)
    sample(c, LA_TOPIC_REFUSED, c->conn->rst_frame, c->conn->rst_time);
  if (attempt->pair == LA_PAIR_ORDINARY)
    return;
  for (unsigned i = 0; i < c->findings->count; i++)
    c->digest->findings += c->aggregate->scans[c->findings->items[i].rule_index];
}

/* Whom the finding about the RST blames; without one its sender's application. */
static LaBlame blame_of_reset(const Case *c)
{
  for (unsigned i = 0; i < c->findings->count; i++)
    if ((c->aggregate->topics[c->findings->items[i].rule_index] >> LA_TOPIC_RESET & 1) != 0 &&
        c->findings->items[i].blame != LA_BLAME_NONE)
      return (LaBlame)c->findings->items[i].blame;
  return la_blame_application((LaSide)c->conn->rst_side);
}

static void count_close(const Case *c)
{
  LaAggregate *a = c->aggregate;
  const LaConnection *conn = c->conn;
  if (c->closed == LA_TIME_NONE)
    return;
  bool counts = is_within(a, c->closed_tick);
  a->closed += counts ? 1 : 0;
  count_flow(c, LA_FLOW_CLOSED, c->closed_tick, 1);
  if (counts && conn->first_fin < LA_SIDE_N && conn->end[conn->first_fin].fin_frame != 0 && la_time_is_known(conn->first_time))
    la_histogram_add(&a->close, c->closed - conn->end[conn->first_fin].fin_time);
  service_event(c, c->reset ? LA_RESET : LA_CLOSED, c->closed_tick);
  if (c->reset) {
    sample(c, LA_TOPIC_RESET, conn->rst_frame, conn->rst_time);
    c->digest->reset_by = (uint8_t)blame_of_reset(c);
  }
  LaSide waiter = time_waiter(conn);
  if (waiter == LA_SIDE_N) {
    pair_event(c, LA_PAIR_CLOSED, c->closed_tick);
    return;
  }
  pair_event(c, waiter == LA_OPENER ? LA_PAIR_TIME_WAIT_CLIENT : LA_PAIR_TIME_WAIT_SERVER, c->closed_tick);
  count_flow(c, LA_FLOW_TIME_WAIT, c->closed_tick, 1);
  LaTime due = la_time_add(c->closed, a->options.time_wait);
  if (due <= conn->end_time) {
    count_flow(c, LA_FLOW_TIME_WAIT, la_tick(due), -1);
  } else if (!c->lasts) {
    uint64_t end = la_tick(conn->end_time);
    pair_event(c, LA_PAIR_TIME_WAIT_EARLY, end);
    pair_event(c, LA_PAIR_TIME_WAIT_DUE, la_tick(due));
    count_flow(c, LA_FLOW_TIME_WAIT, end, -1);
  }
}

static void count_close_wait(const Case *c)
{
  const LaConnection *conn = c->conn;
  if (conn->first_fin >= LA_SIDE_N)
    return;
  LaCloseWait wait = la_close_wait(conn);
  if (!la_both_directions(conn) && wait.told == 0)
    return;
  if (wait.holder == LA_SIDE_N || wait.held <= 0 || la_missed(conn, wait.holder))
    return;
  bool ended = (wait.closed_frame | wait.cut_frame) != 0 || !c->lasts;
  uint64_t from_tick = la_tick(wait.until - wait.held);
  uint64_t until_tick = la_tick(wait.until);
  /* What is over within a tick changes no level. */
  if (from_tick != until_tick || !ended) {
    count_flow(c, LA_FLOW_CLOSE_WAIT, from_tick, 1);
    if (ended)
      count_flow(c, LA_FLOW_CLOSE_WAIT, until_tick, -1);
  }
  if (wait.held <= c->aggregate->options.close_wait_held)
    return;
  bool server = wait.holder == LA_ACCEPTOR;
  service_event(c, server ? LA_CLOSE_WAIT_SERVER : LA_CLOSE_WAIT_CLIENT,
                la_tick(wait.until - wait.held + c->aggregate->options.close_wait_held));
  if (ended)
    service_event(c, server ? LA_CLOSE_WAIT_SERVER_END : LA_CLOSE_WAIT_CLIENT_END, until_tick);
  sample(c, server ? LA_TOPIC_CLOSE_WAIT_SERVER : LA_TOPIC_CLOSE_WAIT_CLIENT, conn->end[LA_OTHER(wait.holder)].fin_frame,
         wait.until - wait.held);
  c->digest->close_wait[wait.holder] = wait.held;
}

/* How long it lived, how long it waited for its SYN-ACK, and that it was there. */
static void count_life(const Case *c)
{
  LaAggregate *a = c->aggregate;
  const LaConnection *conn = c->conn;
  bool opened = c->attempt.time != LA_TIME_NONE && c->attempt.service == LA_SERVED;
  if (!opened && c->closed != LA_TIME_NONE)
    count_flow(c, LA_FLOW_LIVE, c->closed_tick, 1); /* closed without having been opened in the capture */
  if (!opened)
    return;
  bool counts = is_within(a, c->opened_tick);
  a->opened += counts ? 1 : 0;
  count_flow(c, LA_FLOW_OPENED, c->opened_tick, 1);
  if (c->closed == LA_TIME_NONE && !c->lasts)
    count_flow(c, LA_FLOW_LIVE, la_tick(conn->end_time), -1); /* gone without having been closed */
  if (c->closed != LA_TIME_NONE)
    pair_event(c, LA_CELL_LIFE, la_histogram_bucket(c->closed - conn->first_time));
  if (c->opener->syn_frame == 0 || c->acceptor->syn_frame == 0 || !la_time_is_known(conn->first_time))
    return;
  LaTime wait = c->acceptor->syn_time - c->opener->syn_time;
  if (counts)
    la_histogram_add(&a->syn_ack, wait);
  if (counts && conn->handshake_ack_frame != 0)
    la_histogram_add(&a->ack, conn->handshake_ack_time - c->acceptor->syn_time);
  if (wait > 0)
    c->digest->wait = (uint32_t)MIN(wait / WAIT_UNIT, UINT32_MAX);
}

bool la_digest_make(LaAggregate *aggregate, const LaConnection *conn, const LaFindings *findings, LaDigest *ret)
{
  Case c = {.aggregate = aggregate,
            .conn = conn,
            .findings = findings,
            .digest = ret,
            .opener = &conn->end[LA_OPENER],
            .acceptor = &conn->end[LA_ACCEPTOR],
            .lasts = conn->ended_by == LA_ENDED_CAPTURE_END};
  LaHandshakeResult handshake = la_connection_handshake(conn);
  ret->client = (LaHostPort){.addr = conn->addr[LA_OPENER], .family = conn->family};
  ret->server = (LaHostPort){.addr = conn->addr[LA_ACCEPTOR], .port = conn->port[LA_ACCEPTOR], .family = conn->family};
  ret->service_count = ret->pair_count = ret->samples = 0;
  ret->ttl_min = ret->ttl_max = ret->embryo_repeated = ret->embryo_ignored = 0;
  ret->reset_by = LA_BLAME_N;
  ret->file = conn->file;
  ret->findings = ret->wait = 0;
  ret->close_wait[LA_OPENER] = ret->close_wait[LA_ACCEPTOR] = 0;
  find_close(&c, handshake);
  c.attempt = judge(&c, handshake);
  c.opened_tick = c.attempt.time != LA_TIME_NONE ? la_tick(c.attempt.time) : 0;
  c.closed_tick = c.closed != LA_TIME_NONE ? la_tick(c.closed) : 0;
  count_attempt(&c);
  count_close(&c);
  count_close_wait(&c);
  count_life(&c);
  return conn->roles_from != LA_ROLES_FIRST_PACKET && (conn->flags & LA_CONN_STRAY) == 0 && la_time_is_known(conn->first_time);
}
