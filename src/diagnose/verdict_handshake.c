/* How the verdict is found.
 *
 * The timeline holds every SYN and SYN-ACK, the opener's first ACK and its first data and repetitions. What was sent again
 * before the other end could have answered says nothing: a SYN that crosses the SYN-ACK, a SYN-ACK that crosses the ACK; on a path
 * that takes longer than a kernel's first timer that is so from the beginning (track/round_trip.h).
 *
 * After the opener's ACK a SYN-ACK comes again for three reasons. The ACK was lost: then the next one settles it. The listener
 * waits for data by intention (TCP_DEFER_ACCEPT): then the kernel leaves out its first retries and sends one late SYN-ACK. The
 * accept queue is full: then it comes again and again, and data of the opener is dropped with the ACK, until there is room. A single
 * SYN-ACK a second later is a lost ACK; data that is sent in vain to the end is a full queue, since one lost ACK does not stop the data
 * behind it; so are several rounds while others hold connections. What the next ACK settles after more than one loss, or at several
 * connections of one service, may be either: both are named. Captured on the server, an ACK has come, and the network is out of it.
 *
 * Behind a SYN cookie the server has no socket and repeats nothing; the same silence comes from a path that loses large
 * packets only, so large segments are no evidence. */
#include "diagnose/verdict_handshake.h"

#include "base/seq.h"
#include "diagnose/diagnose.h"
#include "diagnose/evidence.h"
#include "diagnose/filtered.h"

/* The round trip when it is not known. */
#define FLIGHT_UNKNOWN (200 * LA_MSEC)
#define FLIGHT_MARGIN (20 * LA_MSEC)
/* The first retry of a SYN-ACK comes after about a second; later than this it was left out on purpose. */
#define DEFERRED_MIN (2 * LA_SEC)
/* A kernel's first retry of a SYN or SYN-ACK, on slow stacks: silence for longer means that nothing more comes. */
#define RETRY_MAX (3 * LA_SEC)
#define SETTLED_MIN LA_SEC
/* No timer sends a SYN-ACK again sooner: it answers a copy of the SYN, or one that crossed. */
#define TIMER_MIN (500 * LA_MSEC)
/* Several rounds are more than a lost ACK. */
#define ROUNDS_MIN 3
#define SENDINGS_MIN 3
/* So many connections of one service that lost the same segment are no chance any more. */
#define LATE_ANSWERS_MIN 3
#define PENDING_MAX 16
#define HEARD_AFTER (10 * LA_SEC)
/* A path that loses large packets lets these pass (RFC 9293 section 3.7.1: the least that every path takes). */
#define SMALL_SEGMENT 536u

static LaTime flight_of(const LaConnection *conn)
{
  LaTime rtt = la_connection_rtt(conn);
  return rtt == LA_TIME_NONE ? FLIGHT_UNKNOWN : rtt + FLIGHT_MARGIN;
}

static void read_syn(LaOpening *o, const LaMoment *m, LaTime flight)
{
  o->syn_last = m->time;
  if (o->syn_acks == 0) {
    o->syns_before++;
    o->syn_last_before = m->time;
  } else if (m->time - o->syn_ack_answered > flight) {
    o->syns_after++;
  }
}

/* A sending of its own has a timestamp of its own: this is an earlier packet, delivered twice. */
static bool is_old_packet(const LaConnection *conn, const LaMoment *syn_ack)
{
  for (unsigned i = 0; syn_ack->ts_val != 0 && i < la_moment_index(conn, syn_ack); i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == syn_ack->side && (m->marks & LA_MARK_SYN_ACK) != 0 && m->ts_val == syn_ack->ts_val)
      return true;
  }
  return false;
}

static void read_syn_ack(LaOpening *o, const LaConnection *conn, const LaMoment *m, LaTime flight)
{
  if (conn->handshake_ack_frame == 0 || m->frame < conn->handshake_ack_frame) {
    if (o->syn_acks++ == 0)
      o->syn_ack_first = m->time;
    o->syn_ack_answered = m->time;
  } else if (is_old_packet(conn, m)) {
    return;
  } else if (m->time - conn->handshake_ack_time > flight) {
    if (o->syn_acks_late++ == 0)
      o->late_first = m->time;
    o->late_last = m->time;
    o->cured_frame = 0;
  } else {
    o->syn_acks_crossing++;
  }
}

static LaOpening read_timeline(const LaConnection *conn)
{
  LaOpening o = {.kind = LA_OPENING_FINE,
                 .syn_last_before = LA_TIME_NONE,
                 .syn_last = LA_TIME_NONE,
                 .syn_ack_first = LA_TIME_NONE,
                 .syn_ack_answered = LA_TIME_NONE,
                 .late_first = LA_TIME_NONE,
                 .late_last = LA_TIME_NONE,
                 .cured_time = LA_TIME_NONE,
                 .data_first_time = LA_TIME_NONE};
  if (conn->end[LA_OPENER].syn_sent > 1)
    o.syn = la_round_trip(conn, LA_OPENER);
  if (conn->end[LA_ACCEPTOR].syn_ack_sent > 1)
    o.syn_ack = la_round_trip(conn, LA_ACCEPTOR);
  LaTime flight = flight_of(conn);
  unsigned pending = 0,
           early = 0; /* sendings of payload since the last late SYN-ACK; of these, such as had the time to arrive */
  LaTime sent[PENDING_MAX];
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_STALE_SYN | LA_MARK_ICMP | LA_MARK_INVALID_FLAGS | LA_MARK_BAD_ACK)) != 0)
      continue;
    if (m->side == LA_ACCEPTOR) {
      if ((m->marks & LA_MARK_SYN_ACK) == 0)
        continue;
      unsigned late = o.syn_acks_late;
      read_syn_ack(&o, conn, m, flight);
      if (o.syn_acks_late != late) {
        for (early = 0; early < pending && (early >= PENDING_MAX || m->time - sent[early] > flight); early++) {
        }
        o.data_in_vain += early;
        pending = 0;
      }
    } else if ((m->marks & LA_MARK_SYN) != 0) {
      read_syn(&o, m, flight);
    } else if ((m->marks & LA_MARK_RST) == 0) {
      if (m->payload_len != 0) {
        if (pending < PENDING_MAX)
          sent[pending] = m->time;
        pending++;
        if (o.data_first_time == LA_TIME_NONE)
          o.data_first_time = m->time;
      }
      if (o.syn_acks_late != 0 && o.cured_frame == 0) {
        o.cured_frame = m->frame;
        o.cured_time = m->time;
      }
    }
  }
  return o;
}

/* The acceptor behaved as only a synchronized end does. */
static bool worked(const LaConnection *conn)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if ((acceptor->flags & (LA_END_DATA | LA_END_FIN)) != 0)
    return true;
  return (conn->flags & LA_CONN_FAST_OPEN) == 0 && (opener->flags & LA_END_UNA) != 0 &&
         la_seq_gt(opener->snd_una, opener->isn + 1);
}

/* Whether the server is known to the capture at all; a capture of the client's direction alone proves no silence. */
static bool is_unheard(const LaContext *context)
{
  const LaService *host = context->host;
  return host != NULL && host->one_way != 0 && host->ttl_max == 0 && host->refused == 0;
}

/* Whether other connections of the service were heard while this one waited. */
static bool others_heard(const LaConnection *conn, const LaContext *context, LaTime since, LaTime until)
{
  if (conn->others_spoke != LA_TIME_NONE && conn->others_spoke > since)
    return true;
  const LaService *service = context->service;
  if (service == NULL)
    return false;
  /* At a capture's end every connection has told when it was heard, so it counts when a capture is supposed to end, too. */
  LaTime last = conn->ended_by == LA_ENDED_CAPTURE_END ? MAX(service->last_spoke, service->last_heard) : service->last_spoke;
  return last != LA_TIME_NONE && last > since && last <= until;
}

static void judge_no_answer(const LaConnection *conn, const LaContext *context, LaOpening *o)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  if ((conn->flags & LA_CONN_ICMP_SYN) != 0 || conn->earlier.challenges != 0 || is_unheard(context) ||
      opener->packets > opener->syn + opener->rst)
    return;
  LaTime silence = conn->end_time - opener->syn_time;
  unsigned in_vain = la_sendings_in_vain(conn, opener->syn_sent, opener->syn_last_time);
  if (in_vain < LA_THRESHOLD(context, syn_unanswered, 1) && silence < LA_THRESHOLD(context, syn_unanswered, 0))
    return;
  if (la_filtered(conn, context) == LA_FILTERED_OPENING)
    return;
  o->kind = LA_OPENING_SYN_UNANSWERED;
  bool after_close = (conn->flags & LA_CONN_REUSED) != 0 && conn->earlier.teardown == LA_TEARDOWN_FIN;
  if (conn->others_live == 0 || conn->others_served != 0 || opener->syn_sent < 2 || after_close)
    return;
  /* An idle connection that still counts as alive proves little alone: the whole path may be down. */
  o->others_heard = others_heard(conn, context, opener->syn_time, opener->syn_last_time + HEARD_AFTER);
  if (o->others_heard ||
      (context->service != NULL && context->service->queue_clients >= LA_THRESHOLD(context, accept_queue_overflow, 0))) {
    o->kind = LA_OPENING_QUEUE_FULL;
    o->stage = LA_QUEUE_SYN_DROPPED;
  }
}

static void judge_syn_ack(const LaConnection *conn, const LaContext *context, LaOpening *o)
{
  if (o->syns_after != 0) {
    if (la_sendings_in_vain(conn, o->syns_after, o->syn_last) != 0 && conn->end_time - o->syn_ack_answered >= SETTLED_MIN)
      o->kind = LA_OPENING_SYN_ACK_NOT_RECEIVED;
    return;
  }
  if (la_filtered(conn, context) == LA_FILTERED_OPENING)
    return;
  /* The retry's interval doubles: what comes next is as far away as everything before together. */
  LaTime next = o->syn_acks > 1 ? o->syn_ack_answered - o->syn_ack_first + 2 * SETTLED_MIN : RETRY_MAX;
  if (conn->end_time - o->syn_ack_answered >= next ||
      (conn->ended_by != LA_ENDED_CAPTURE_END && conn->ended_by != LA_ENDED_EVICTED))
    o->kind = LA_OPENING_SYN_ACK_UNANSWERED;
}

/* Data met silence although the port serves others. */
static bool is_cookie_silence(const LaConnection *conn, const LaContext *context)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if (acceptor->packets - acceptor->duplicate != acceptor->syn_ack_sent || opener->unanswered < SENDINGS_MIN ||
      opener->payload_segments < SENDINGS_MIN)
    return false;
  if (conn->others_live == 0 || !others_heard(conn, context, opener->data_first_time, LA_TIME_MAX))
    return false;
  return opener->snd_nxt - opener->snd_una <= SMALL_SEGMENT;
}

/* What is captured on the server's own host was not lost on the way to it; nor is there a way between two ends of one host. */
static bool is_at_server(const LaConnection *conn, const LaContext *context)
{
  return context->vantage == LA_VANTAGE_SERVER || la_addr_equal(&conn->addr[LA_OPENER], &conn->addr[LA_ACCEPTOR]);
}

static void judge_after_ack(const LaConnection *conn, const LaContext *context, LaOpening *o)
{
  if (context->reset.kind == LA_RESET_QUEUE_ABORT) {
    o->kind = LA_OPENING_QUEUE_FULL;
    bool after_data = conn->end[LA_OPENER].data_first_frame != 0 && conn->end[LA_OPENER].data_first_frame < conn->rst_frame &&
                      conn->rst_time - conn->handshake_ack_time > flight_of(conn);
    o->stage = o->syn_acks_late != 0 ? LA_QUEUE_ACK_DROPPED : after_data ? LA_QUEUE_COOKIE : LA_QUEUE_ABORTED;
    return;
  }
  if (o->syn_acks_late == 0) {
    if (!worked(conn) && (conn->flags & LA_CONN_RST) == 0 && is_cookie_silence(conn, context)) {
      o->kind = LA_OPENING_QUEUE_FULL;
      o->stage = LA_QUEUE_COOKIE;
    } else if (o->syn_acks > 1 && o->syn_ack_answered - o->syn_ack_first >= TIMER_MIN &&
               o->syn_ack.kind != LA_SENT_AGAIN_NEEDLESS) {
      o->kind = LA_OPENING_SYN_ACK_REPEATED;
    }
    return;
  }
  o->others_heard = others_heard(conn, context, conn->handshake_ack_time, LA_TIME_MAX);
  o->taken = worked(conn) && o->cured_frame != 0;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  bool later_in_vain = !worked(conn) && opener->data_last_frame != 0 && opener->unanswered != 0;
  /* A queue is full of others; an ACK that is lost again and again needs none. */
  bool others = conn->others_live != 0 || (context->service != NULL && context->service->midstream != 0);
  bool rounds = o->syn_acks_late >= ROUNDS_MIN || (o->syn_acks_late >= 2 && !worked(conn));
  /* The timer doubles with every sending. */
  unsigned before = o->syn_acks + o->syn_acks_crossing;
  bool left_out = o->late_first - o->syn_ack_answered >= DEFERRED_MIN << (before > 1 ? MIN(before - 1, 5u) : 0);
  bool cured_at_once = o->syn_acks_late == 1 && worked(conn);
  if ((o->data_in_vain >= 2 && !cured_at_once) || (later_in_vain && o->data_in_vain != 0) || (rounds && others)) {
    o->kind = LA_OPENING_QUEUE_FULL;
    o->stage = LA_QUEUE_ACK_DROPPED;
  } else if (o->syn_acks_late == 1 && left_out && o->data_in_vain == 0) {
    o->kind = LA_OPENING_DEFERRED;
  } else if (o->taken && is_at_server(conn, context) && (conn->flags & LA_CONN_MISSED) == 0) {
    o->kind = LA_OPENING_QUEUE_FULL; /* what is captured there has come */
    o->stage = LA_QUEUE_ACK_DROPPED;
  } else if (o->cured_frame != 0) {
    o->kind = LA_OPENING_ACK_LOST;
    bool others_too = context->service != NULL && context->service->late_answers >= LATE_ANSWERS_MIN;
    o->queue_fits = o->syn_acks_late > 1 || o->data_in_vain != 0 || others_too;
  }
}

LaOpening la_verdict_handshake(const LaConnection *conn, const struct LaContext *context)
{
  LaOpening o = read_timeline(conn);
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  bool seen = (opener->flags & LA_END_SYN) != 0 && (conn->flags & (LA_CONN_STRAY | LA_CONN_SIMULTANEOUS | LA_CONN_SPLIT)) == 0;
  if (!seen || (conn->flags & (LA_CONN_REFUSED | LA_CONN_ABANDONED)) != 0)
    return o;
  if (acceptor->packets == 0)
    judge_no_answer(conn, context, &o);
  else if (o.syn_acks == 0)
    return o;
  else if (conn->handshake_ack_frame != 0)
    judge_after_ack(conn, context, &o);
  else if ((conn->flags & (LA_CONN_RST | LA_CONN_ICMP_SYN)) == 0 && !worked(conn))
    judge_syn_ack(conn, context, &o);
  return o;
}

const char *la_queue_stage_name(LaQueueStage stage)
{
  static const char *const names[] = {[LA_QUEUE_SYN_DROPPED] = "syn-dropped",
                                      [LA_QUEUE_ACK_DROPPED] = "ack-dropped",
                                      [LA_QUEUE_ABORTED] = "aborted",
                                      [LA_QUEUE_COOKIE] = "cookie"};
  return names[stage];
}
