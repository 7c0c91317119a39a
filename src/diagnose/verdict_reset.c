/* How the verdict is found.
 *
 * First what the RST answers: a SYN, a SYN-ACK, the handshake's ACK, data, a FIN, a probe, or nothing. Then how it looks. A
 * socket that is aborted sends RST+ACK with its own window and options; a host without a socket answers the offending segment with a
 * bare RST whose number is the one that segment acknowledged (RFC 9293 section 3.10.7.1). Then whether it is its sender's at all: TTL,
 * whether the sender goes on, whether the other end was reset at the same moment, whether its number lies behind data in flight.
 *
 * Injection needs two signs; a bare RST that answers nothing is one more. One sign, a TTL that is not the sender's, is enough where a middlebox has a reason to answer: the
 * connection was idle and its state may be gone. */
#include "diagnose/verdict_reset.h"

#include <stdlib.h>

#include "base/seq.h"
#include "diagnose/diagnose.h"
#include "diagnose/evidence.h"
#include "diagnose/vanished.h"

/* A host's answer to a segment comes this soon after it, besides the round trip. */
#define ANSWER_MAX (500 * LA_MSEC)
#define BOTH_ENDS (5 * LA_MSEC)
#define PROBES_MIN 2

typedef struct {
  const LaConnection *conn;
  const LaContext *context;
  const LaMoment *rst;
  LaSide a, b; /* named sender, receiver */
  const LaEndpoint *sender, *receiver;
  LaTime flight;
} Case;

static LaTime flight_of(const LaConnection *conn)
{
  LaTime rtt = la_connection_rtt(conn);
  return rtt == LA_TIME_NONE ? 200 * LA_MSEC : rtt + 20 * LA_MSEC;
}

/* The receiver's last segment before the RST, when it asks for an answer and came just before. */
static const LaMoment *trigger_of(const Case *c)
{
  const LaMoment *found = NULL;
  for (unsigned i = 0; i < c->conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(c->conn, i);
    if (m->frame >= c->rst->frame)
      break;
    if (m->side == c->b && (m->marks & LA_MARK_DUPLICATE) == 0 &&
        (m->marks & (LA_MARK_DATA | LA_MARK_FIN | LA_MARK_KEEPALIVE | LA_MARK_WINDOW_PROBE)) != 0)
      found = m;
  }
  return found;
}

/* The frame of the receiver's last payload, FIN or probe, from the moments or what was noted when the RST passed. */
static uint64_t trigger_frame(const Case *c, const LaMoment *trigger)
{
  return MAX(c->conn->before_rst.data_frame, trigger != NULL ? trigger->frame : 0);
}

static LaTime trigger_time(const Case *c, const LaMoment *trigger)
{
  if (trigger == NULL || c->conn->before_rst.data_frame > trigger->frame)
    return c->conn->before_rst.data_frame != 0 ? c->conn->before_rst.data_time : LA_TIME_NONE;
  return trigger->time;
}

static int ttl_off(const Case *c)
{
  if (c->sender->ttl_max == 0)
    return 0;
  int below = c->sender->ttl_min - c->rst->ttl;
  int above = c->rst->ttl - c->sender->ttl_max;
  return below > 0 ? below : above > 0 ? above : 0;
}

/* Whether the receiver waits for an answer when the RST comes: a host without a socket speaks only when spoken to. A challenge ACK answers
 * a SYN that began another connection: its sender's host knows nothing of this one (RFC 5961 section 4). */
static bool is_provoked(const Case *c)
{
  if (c->rst->peer_in_flight != 0 || la_challenge_answered(c->conn, c->rst) != NULL)
    return true;
  for (unsigned i = la_moment_index(c->conn, c->rst); i-- > 0;) {
    const LaMoment *m = la_connection_moment(c->conn, i);
    if (m->side == c->b)
      return (m->marks & (LA_MARK_KEEPALIVE | LA_MARK_WINDOW_PROBE | LA_MARK_FIN | LA_MARK_DATA)) != 0 &&
             m->time + ANSWER_MAX > c->rst->time;
    if ((m->marks & LA_MARK_RST) == 0)
      break;
  }
  return false;
}

static unsigned signs_of_injection(const Case *c)
{
  unsigned signs = 0;
  bool unprovoked = la_rst_is_bare(c->rst) && !is_provoked(c);
  if (ttl_off(c) >= (int)LA_THRESHOLD(c->context, rst_injected, 1) || (unprovoked && ttl_off(c) > 0))
    signs++;
  if (unprovoked && c->sender->ttl_max != 0)
    signs++;
  if ((c->sender->flags & LA_END_WENT_ON) != 0)
    signs++;
  for (unsigned i = 0; i < c->conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(c->conn, i);
    if ((m->marks & LA_MARK_RST) != 0 && m->side == c->b && llabs(m->time - c->rst->time) < BOTH_ENDS &&
        m->time - c->rst->time < c->flight / 2) {
      signs++;
      break;
    }
  }
  /* Its own kernel knows what it has sent; a stranger in the middle may not. */
  if (c->sender->ttl_max != 0 && c->rst->in_flight != 0 && !la_rst_is_bare(c->rst) && (c->sender->flags & LA_END_SPOKE) != 0 &&
      la_seq_lt(c->rst->seq, c->sender->snd_nxt) && (c->sender->flags & LA_END_FIN) == 0)
    signs++;
  return signs;
}

/* The handshake completed, and the acceptor said nothing but SYN-ACKs (and pure ACKs). */
static bool never_accepted(const Case *c)
{
  return c->a == LA_ACCEPTOR && (c->sender->flags & (LA_END_DATA | LA_END_FIN)) == 0 &&
         (c->sender->flags & LA_END_SYN_ACK) != 0 && c->conn->handshake_ack_frame != 0;
}

static bool aborts_on_overflow(const Case *c)
{
  if (c->a != LA_ACCEPTOR || !la_rst_is_bare(c->rst) || (c->sender->flags & LA_END_SYN_ACK) == 0 || ttl_off(c) > 0)
    return false;
  bool only_syn_acks = c->sender->packets - c->sender->rst == c->sender->syn;
  bool untaken = c->rst->state == LA_TCP_SYN_RECEIVED || !c->sender->path[0].gap;
  return only_syn_acks && untaken && c->conn->handshake_ack_frame != 0;
}

/* A close by idleness and a request that cross. What a server pushes to a client that leaves is no request, and nobody misses it. */
static bool is_keepalive_race(const Case *c, const LaMoment *trigger, LaResetVerdict *v)
{
  LaTime least = LA_THRESHOLD(c->context, keepalive_race, 0);
  LaTime request = trigger_time(c, trigger);
  bool closed_by_fin = (c->sender->flags & LA_END_FIN) != 0 && c->sender->fin_frame < c->rst->frame;
  LaTime closing = closed_by_fin ? c->sender->fin_time : c->rst->time;
  if (c->b != LA_OPENER || request == LA_TIME_NONE || c->receiver->data_last_frame == 0)
    return false;
  /* Whose host had acknowledged the FIN did not cross it. */
  if (closed_by_fin && (c->sender->flags & LA_END_FIN_ACKED) != 0 && c->sender->fin_acked_frame < c->receiver->new_data_frame)
    return false;
  request = c->receiver->new_data_time;
  LaTime apart = request - closing;
  if (apart < 0)
    apart = -apart;
  if (apart > c->flight)
    return false;
  /* The request must be new and unanswered, and the closer must not have acknowledged it before it closed. */
  const LaMoment *first = la_moment_of_frame(c->conn, closed_by_fin ? c->sender->fin_frame : c->rst->frame);
  if (first == NULL || first->since_last == LA_TIME_NONE)
    return false;
  LaTime idle = first->since_last;
  if (request < closing && !closed_by_fin)
    return false; /* data, then RST: it answers the data */
  if (request < closing && c->receiver->new_data_idle != LA_TIME_NONE)
    idle = c->receiver->new_data_idle;
  if (idle < least)
    return false;
  v->idle = idle;
  v->crossing = apart;
  return true;
}

/* The RST of a live socket came behind data that was lost, so its receiver doubted it and asked; this bare RST is the answer (RFC 5961
 * section 3). What ended the connection is the first. */
static bool confirms_earlier(const Case *c)
{
  bool aborted = false;
  const LaMoment *asked = NULL;
  for (unsigned i = 0; i < la_moment_index(c->conn, c->rst); i++) {
    const LaMoment *m = la_connection_moment(c->conn, i);
    if (m->side == c->a && (m->marks & LA_MARK_RST_IGNORED) != 0 && !la_rst_is_bare(m) && (m->marks & LA_MARK_FOREIGN_TTL) == 0)
      aborted = true;
    else if (aborted && m->side == c->b && (m->marks & LA_MARK_CHALLENGE_ACK) != 0)
      asked = m;
  }
  return asked != NULL && asked->ack == c->rst->seq && c->rst->time - asked->time <= c->flight + ANSWER_MAX;
}

static LaResetKind of_bare(const Case *c, const LaMoment *trigger, LaResetVerdict *v)
{
  bool fin_before = (c->sender->flags & LA_END_FIN) != 0 && c->sender->fin_frame < c->rst->frame;
  LaTime when = trigger_time(c, trigger);
  bool trigger_is_data = c->conn->before_rst.data_frame != 0 && v->trigger_frame == c->conn->before_rst.data_frame;
  /* An ACK that acknowledges nothing of a SYN-ACK (RFC 9293 section 3.10.7.4): what it answers is no attempt of the client's. */
  if (c->a == LA_ACCEPTOR && c->rst->state == LA_TCP_SYN_RECEIVED && c->receiver->data_last_frame == 0)
    return LA_RESET_ABANDONED;
  /* The kernel's way out of a four-tuple that the other end still holds: SYN, its old ACK, this RST, SYN again (RFC 9293 section 3.10.7.3).
   * An end that had closed has forgotten nothing; and where only its packets are in the capture, the ACK is not. */
  if (fin_before && (la_challenge_answered(c->conn, c->rst) != NULL || !la_both_directions(c->conn)))
    return LA_RESET_NONE;
  if (confirms_earlier(c))
    return LA_RESET_ABORT;
  if (fin_before) {
    if (is_keepalive_race(c, trigger, v))
      return LA_RESET_KEEPALIVE_RACE;
    if (trigger != NULL && (trigger->marks & LA_MARK_FIN) != 0 && trigger->payload_len == 0 && !trigger_is_data)
      return LA_RESET_LATE_FIN;
    if (when != LA_TIME_NONE && trigger_is_data) {
      v->idle = c->conn->before_rst.new_idle;
      return ttl_off(c) > 0 ? LA_RESET_STATE_LOST : LA_RESET_DATA_AFTER_CLOSE;
    }
    if (trigger != NULL && (trigger->marks & LA_MARK_FIN) != 0)
      return LA_RESET_LATE_FIN;
    /* FIN_WAIT_2 is over, and a probe found it out: who held the other end is told by close-wait-leak. */
    if (trigger != NULL && (trigger->marks & (LA_MARK_KEEPALIVE | LA_MARK_WINDOW_PROBE)) != 0 && is_provoked(c))
      return LA_RESET_NONE;
    return LA_RESET_ABORT;
  }
  v->idle = LA_TIME_NONE;
  if (trigger_is_data)
    v->idle = c->conn->before_rst.new_idle;
  else if (trigger != NULL && trigger->since_last != LA_TIME_NONE)
    v->idle = trigger->since_last;
  else if (c->sender->last_frame != 0)
    v->idle = c->rst->since_last;
  if (!is_provoked(c))
    return LA_RESET_ABORT;
  return ttl_off(c) > 0 ? LA_RESET_STATE_LOST : LA_RESET_NO_CONNECTION;
}

/* Whether the receiver had the last word with payload that the sender's application hardly read: a request that got no answer, or what was
 * still coming. The answer to its own request a client has read as a rule. After a FIN of either end the stream was over: only what came
 * later is unread. */
static bool leaves_data_unread(const Case *c)
{
  const LaPayloadSeen *seen = &c->conn->before_rst;
  if (seen->new_frame == 0 || seen->new_time < c->sender->new_data_time)
    return false;
  if ((c->sender->flags & LA_END_FIN) != 0 && c->sender->fin_frame < c->rst->frame && seen->new_frame < c->sender->fin_frame)
    return false;
  bool peer_closed = (c->receiver->flags & LA_END_FIN) != 0 && c->receiver->fin_frame < c->rst->frame;
  if (peer_closed && c->rst->peer_in_flight <= 1)
    return false;
  return c->a == LA_ACCEPTOR || c->rst->peer_in_flight != 0 || (c->sender->flags & LA_END_DATA) == 0;
}

static LaResetKind of_live(const Case *c, const LaMoment *trigger, LaResetVerdict *v)
{
  unsigned probes = 0;
  for (unsigned i = 0; i < c->conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(c->conn, i);
    if (m->frame > c->receiver->last_frame && m->frame < c->rst->frame && m->side == c->a &&
        (m->marks & LA_MARK_KEEPALIVE) != 0)
      probes++;
  }
  /* What answers come from an end that the capture does not have is not known. */
  if (probes >= PROBES_MIN && la_connection_knows(c->conn, c->b))
    return LA_RESET_KEEPALIVE;
  if (la_vanished(c->conn).sender == c->a)
    return LA_RESET_GAVE_UP;
  if (never_accepted(c) && c->conn->exit_run >= 2 && c->conn->exit_side == c->a && c->conn->exit_timed == 0)
    return LA_RESET_LISTENER_CLOSED;
  if (is_keepalive_race(c, trigger, v))
    return LA_RESET_KEEPALIVE_RACE;
  return leaves_data_unread(c) ? LA_RESET_UNREAD_DATA : LA_RESET_ABORT;
}

LaResetVerdict la_verdict_reset(const LaConnection *conn, const struct LaContext *context)
{
  LaResetVerdict v = {.kind = LA_RESET_NONE, .sender = (LaSide)conn->rst_side, .idle = LA_TIME_NONE, .crossing = LA_TIME_NONE};
  if ((conn->flags & LA_CONN_RST) == 0)
    return v;
  v.moment = la_moment_of_frame(conn, conn->rst_frame);
  if (v.moment == NULL) {
    v.kind = LA_RESET_ABORT;
    return v;
  }
  Case c = {.conn = conn,
            .context = context,
            .rst = v.moment,
            .a = v.sender,
            .b = LA_OTHER(v.sender),
            .sender = &conn->end[v.sender],
            .receiver = &conn->end[LA_OTHER(v.sender)],
            .flight = flight_of(conn)};
  v.trigger = trigger_of(&c);
  v.trigger_frame = trigger_frame(&c, v.trigger);
  v.signs = signs_of_injection(&c);
  if ((conn->flags & LA_CONN_REFUSED) != 0)
    v.kind = LA_RESET_REFUSED;
  else if ((conn->flags & LA_CONN_ABANDONED) != 0)
    v.kind = LA_RESET_ABANDONED;
  else if (v.signs >= (unsigned)LA_THRESHOLD(context, rst_injected, 0))
    v.kind = LA_RESET_INJECTED;
  else if (aborts_on_overflow(&c))
    v.kind = LA_RESET_QUEUE_ABORT;
  else
    v.kind = la_rst_is_bare(v.moment) ? of_bare(&c, v.trigger, &v) : of_live(&c, v.trigger, &v);
  return v;
}
