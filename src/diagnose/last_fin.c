/* A kernel that repeats its last FIN backs off: 0.2, 0.4, 0.8 s and so on. After three repetitions that were each answered in the
 * capture nothing tells a fourth answer that arrived from a sender that gave up; the road was bad all the time, so that
 * counts as missing. With fewer, the last acknowledgment settled it.
 *
 * The same holds where no acknowledgment of its last copy is in the capture: a sender that has repeated its FIN once or twice goes on, so
 * one that stops there got an answer that the capture missed. */
#include "diagnose/last_fin.h"

#include "base/seq.h"
#include "diagnose/evidence.h"

#define HOPELESS_RETRIES 3
/* Silence after a FIN sent again that is longer than the next retry would have been away. */
#define QUIET_MIN LA_SEC
/* So many sendings after the first that nobody answered, over so long a time: longer than a change of routes or of a base station. */
#define VAIN_RETRIES 5
#define VAIN_SPAN (10 * LA_SEC)
/* The gap to the next sending is twice the last one; the first, of a loss probe, may be shorter. */
#define BACKOFF_MAX 4

/* Whether the sender repeats its FIN to the end of the observation, or for so long that it may have given up. The last sending needs the
 * time to be answered, unless so many before it had that time in vain that one more tells nothing new. Each of them shows by itself that
 * its sender had got nothing until then, whatever the capture missed. */
static bool goes_on(const LaConnection *conn, const LaEndpoint *end, unsigned retries, LaTime gap)
{
  LaTime silence = conn->end_time - end->fin_last_time;
  bool ended = (conn->flags & LA_CONN_GOES_ON) == 0; /* of one that goes on the answer is waited for */
  if (ended && retries > VAIN_RETRIES && end->fin_last_time - end->fin_time >= VAIN_SPAN)
    return true;
  return silence >= QUIET_MIN && (retries >= HOPELESS_RETRIES || silence <= BACKOFF_MAX * gap);
}

static bool covers_fin(const LaMoment *m, const LaEndpoint *peer)
{
  return (m->flags & LA_TCP_ACK) != 0 && la_seq_ge(m->ack, peer->fin_end);
}

unsigned la_fin_retries(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  unsigned retries = end->fin_sent > 0 ? end->fin_sent - 1 : 0;
  if (retries == 0 || (peer->flags & LA_END_FIN) == 0)
    return retries;
  bool crossed = true;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_ICMP)) != 0)
      continue;
    if (m->frame == peer->fin_frame)
      crossed = crossed && !covers_fin(m, end);
    /* Only the end's first word about the other's FIN is that acknowledgment: later ones repeat the FIN for its own sake. */
    if (m->side == (uint8_t)side && m->frame > peer->fin_frame && covers_fin(m, peer))
      return crossed && m->frame != end->fin_frame && end->fin_frame < m->frame && (m->marks & LA_MARK_FIN) != 0 &&
                     m->payload_len == 0
                 ? retries - 1
                 : retries;
  }
  return retries;
}

LaLastFin la_last_fin(const LaConnection *conn)
{
  LaLastFin last = {
      .sender = LA_SIDE_N, .verdict = LA_LAST_FIN_NONE, .settled_time = LA_TIME_NONE, .first_ack_time = LA_TIME_NONE};
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if ((opener->flags & acceptor->flags & LA_END_FIN) == 0 || !la_both_directions(conn))
    return last;
  last.sender = conn->first_fin == LA_OPENER ? LA_ACCEPTOR : LA_OPENER;
  const LaEndpoint *end = &conn->end[last.sender];
  if ((conn->flags & LA_CONN_RST) != 0 && conn->rst_frame > end->fin_frame && (conn->flags & LA_CONN_CLOSED) == 0) {
    last.sender = LA_SIDE_N;
    return last;
  }
  last.retries = la_fin_retries(conn, last.sender);
  bool acked_before_repeat = false;
  LaTime sent = end->fin_time;
  LaTime gap = 0; /* between its last two sendings */
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->frame <= end->fin_frame || (m->marks & LA_MARK_DUPLICATE) != 0)
      continue;
    if (m->side != last.sender && (m->marks & LA_MARK_ACKS_FIN) != 0) {
      last.acks++;
      if (last.first_ack_time == LA_TIME_NONE)
        last.first_ack_time = m->time;
      if (m->frame > end->fin_last_frame && last.settled_frame == 0) {
        last.settled_frame = m->frame;
        last.settled_time = m->time;
      }
    } else if (m->side == last.sender && (m->marks & LA_MARK_FIN) != 0) {
      acked_before_repeat |= last.acks > 0;
      gap = m->time - sent;
      sent = m->time;
    }
  }
  if (last.retries == 0)
    last.verdict = last.acks != 0 ? LA_LAST_FIN_FINE : LA_LAST_FIN_UNDECIDED;
  else if (last.settled_frame == 0)
    last.verdict = goes_on(conn, end, last.retries, gap) ? LA_LAST_FIN_MISSING : LA_LAST_FIN_UNDECIDED;
  else if (!acked_before_repeat)
    last.verdict = LA_LAST_FIN_LATE;
  else
    last.verdict =
        last.retries >= HOPELESS_RETRIES && last.acks >= HOPELESS_RETRIES ? LA_LAST_FIN_MISSING : LA_LAST_FIN_ACK_LOST;
  return last;
}
