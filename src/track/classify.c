/* Classification looks at numbers only: where a segment lies against what its sender has sent (snd_nxt), against what the other
 * end has acknowledged and announced (rcv_nxt, rcv_edge), and whether the very same packet was there a moment ago.
 *
 * What a capture calls "new" is what it sees for the first time. A number above snd_nxt leaves a hole; a segment that fills
 * one soon was out of order, one that fills it later was sent again. A segment at or below snd_nxt outside every hole is a
 * retransmission, unless it is a probe: RFC 9293 section 3.8.4 keep-alives carry the last number before the next one. */
#include "track/classify.h"

#include "base/seq.h"
#include "track/pool.h"

/* The same packet captured twice differs by less than this where IP ID or timestamp tell that it is the same; */
#define DUPLICATE_KNOWN_US 400000u
/* where neither does, only an interval no timer reaches makes it a copy. */
#define DUPLICATE_BLIND_US 1500u
/* Reordering on a path without a known round trip. */
#define REORDER_MIN (3 * LA_MSEC)
#define CHALLENGE_MAX LA_SEC
#define CAPTURE_ORDER_MAX LA_MSEC
/* Without a handshake the round trip is not known. */
#define FLIGHT_UNKNOWN (200 * LA_MSEC)
#define FLIGHT_MARGIN (20 * LA_MSEC)

LaTime la_in_flight_allowance(const LaConnection *conn)
{
  LaTime rtt = la_connection_rtt(conn);
  return rtt == LA_TIME_NONE ? FLIGHT_UNKNOWN : rtt + FLIGHT_MARGIN;
}

/* Bare RSTs have nothing to tell them apart, and a host sends one for each segment that it refuses. A copy has another TTL, or is not the
 * first copy of this capture. */
static bool may_be_another_rst(const LaEndpoint *me, const LaEndpoint *peer, const LaSegment *s)
{
  if ((s->flags & LA_TCP_RST) == 0 || s->ip_id != 0 || (s->options & LA_OPT_TIMESTAMPS) != 0)
    return false;
  return me->ttl_max != 0 && s->ttl >= me->ttl_min && s->ttl <= me->ttl_max && (me->duplicate | peer->duplicate) == 0;
}

/* Whether this very packet was captured a moment ago. */
static bool is_duplicate(const LaEndpoint *me, const LaSegment *s)
{
  uint32_t hash = la_segment_fingerprint(s);
  uint32_t now = (uint32_t)((uint64_t)s->time / 1000u);
  bool telling = s->ip_id != 0 || (s->options & LA_OPT_TIMESTAMPS) != 0;
  /* Two pure ACKs without IP ID in one millisecond are ordinary: both may be real. */
  bool bare = la_segment_length(s) == 0 && (s->flags & LA_TCP_RST) == 0 && s->ip_id == 0;
  uint32_t limit = bare ? 0 : telling ? DUPLICATE_KNOWN_US : DUPLICATE_BLIND_US;
  for (unsigned i = 0; i < 8; i++)
    if (me->recent_hash[i] == hash) {
      uint32_t apart = now - me->recent_time[i];
      /* Captures merged from two points may have the copies in either order. */
      if ((int32_t)apart < 0)
        apart = 0u - apart;
      if (apart <= limit)
        return true;
    }
  return false;
}

static bool has_invalid_flags(const LaSegment *s)
{
  unsigned f = s->flags & (LA_TCP_FIN | LA_TCP_SYN | LA_TCP_RST | LA_TCP_PSH | LA_TCP_ACK | LA_TCP_URG);
  if ((f & LA_TCP_SYN) != 0)
    return (f & (LA_TCP_FIN | LA_TCP_RST)) != 0;
  if ((f & LA_TCP_RST) != 0)
    return (f & LA_TCP_FIN) != 0 && (f & (LA_TCP_PSH | LA_TCP_URG)) != 0;
  return (f & LA_TCP_ACK) == 0;
}

static uint64_t classify_syn(const LaEndpoint *me, const LaEndpoint *peer, const LaSegment *s)
{
  bool with_ack = (s->flags & LA_TCP_ACK) != 0;
  uint64_t marks = with_ack ? LA_MARK_SYN_ACK : LA_MARK_SYN;
  if ((me->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0) {
    bool same_kind = (me->flags & (with_ack ? LA_END_SYN_ACK : LA_END_SYN)) != 0;
    if (s->seq != me->isn)
      marks |= LA_MARK_ISN_CHANGED;
    else if (same_kind)
      marks |= LA_MARK_RETRANSMISSION;
  }
  if (with_ack && (peer->flags & LA_END_ISN) != 0 && (peer->flags & LA_END_SYN) != 0 &&
      (la_seq_le(s->ack, peer->isn) || la_seq_gt(s->ack, peer->snd_nxt)))
    marks |= LA_MARK_BAD_ACK;
  if (s->payload_len != 0 && !with_ack)
    marks |= LA_MARK_FAST_OPEN;
  return marks;
}

/* The hole of `me` that holds [seq, end), or NULL. */
static const LaHole *find_hole(const LaEndpoint *me, uint32_t seq, uint32_t end)
{
  for (unsigned i = 0; i < me->holes_used; i++)
    if (la_seq_le(me->holes[i].start, seq) && la_seq_le(end, me->holes[i].end))
      return &me->holes[i];
  return NULL;
}

static uint64_t classify_old(const LaConnection *conn, const LaEndpoint *me, const LaSegment *s, uint32_t end)
{
  const LaHole *hole = me->holes_used != 0 ? find_hole(me, s->seq, end) : NULL;
  if (hole == NULL)
    return LA_MARK_RETRANSMISSION;
  LaTime since = s->time - hole->since;
  LaTime rtt = la_connection_rtt(conn);
  LaTime soon = rtt == LA_TIME_NONE || rtt < REORDER_MIN ? REORDER_MIN : rtt;
  if (hole->acked_frame != 0)
    return since <= REORDER_MIN ? LA_MARK_OUT_OF_ORDER : LA_MARK_ACK_OF_UNSENT;
  return since <= soon ? LA_MARK_OUT_OF_ORDER : LA_MARK_RETRANSMISSION;
}

/* A bare ACK carries SND.NXT (RFC 9293 section 3.10.7.4): when it stands before numbers that the other end has acknowledged already, they
 * were never sent. Captures that change the order do so by less. */
static bool stands_before_false_ack(const LaEndpoint *me, const LaSegment *s)
{
  for (unsigned i = 0; i < me->holes_used; i++) {
    const LaHole *hole = &me->holes[i];
    if (hole->acked_frame != 0 && hole->end == me->snd_nxt && s->seq == hole->start &&
        s->time - hole->since >= CAPTURE_ORDER_MAX)
      return true;
  }
  return false;
}

/* Payload, FIN, or neither: where it lies in the sender's sequence. */
static uint64_t classify_sequence(const LaConnection *conn, const LaEndpoint *me, const LaEndpoint *peer, const LaSegment *s)
{
  uint32_t length = la_segment_length(s);
  uint32_t end = s->seq + length;
  uint64_t marks = 0;
  if ((s->flags & LA_TCP_FIN) != 0)
    marks |= LA_MARK_FIN;
  if (s->payload_len != 0)
    marks |= LA_MARK_DATA;
  if ((me->flags & (LA_END_SPOKE | LA_END_ISN)) == 0)
    return marks | ((marks & LA_MARK_DATA) != 0 ? LA_MARK_FIRST_DATA : 0);

  bool plain = (s->flags & LA_TCP_FIN) == 0;
  bool one_below = s->seq == me->snd_nxt - 1 && plain && me->state >= LA_TCP_ESTABLISHED;
  if (one_below &&
      (s->payload_len == 0 || (s->payload_len == 1 && (me->flags & LA_END_UNA) != 0 && me->snd_una == me->snd_nxt))) {
    marks &= ~LA_MARK_DATA;
    return marks | ((peer->flags & LA_END_ZERO_WINDOW) != 0 ? LA_MARK_WINDOW_PROBE : LA_MARK_KEEPALIVE);
  }
  if (length == 0)
    return marks | (me->holes_used != 0 && stands_before_false_ack(me, s) ? LA_MARK_ACK_OF_UNSENT : 0);

  if ((marks & LA_MARK_DATA) != 0 && (me->flags & LA_END_DATA) == 0)
    marks |= LA_MARK_FIRST_DATA;
  if (la_seq_gt(end, me->snd_nxt)) {
    if (la_seq_gt(s->seq, me->snd_nxt))
      marks |= LA_MARK_HOLE_BEFORE;
    if ((me->flags & LA_END_FIN) != 0)
      marks |= LA_MARK_BEYOND_FIN;
    if ((marks & LA_MARK_DATA) != 0 && (peer->flags & LA_END_FIN) != 0)
      marks |= LA_MARK_AFTER_PEER_FIN;
  } else {
    marks |= classify_old(conn, me, s, end);
    /* A window probe may carry the byte that does not fit. */
    if (s->payload_len == 1 && plain && (peer->flags & LA_END_ZERO_WINDOW) != 0)
      marks |= LA_MARK_WINDOW_PROBE;
  }
  if ((peer->flags & (LA_END_ACKED | LA_END_SCALE_KNOWN)) == (LA_END_ACKED | LA_END_SCALE_KNOWN) &&
      la_seq_gt(s->seq, peer->rcv_edge))
    marks |= LA_MARK_OUT_OF_WINDOW;
  return marks;
}

static uint64_t classify_ack(const LaConnection *conn, LaSide side, const LaSegment *s)
{
  const LaEndpoint *me = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  uint64_t marks = 0;
  bool bare = la_segment_length(s) == 0 && (s->flags & LA_TCP_RST) == 0;
  if ((peer->flags & (LA_END_SPOKE | LA_END_ISN)) != 0 && la_seq_gt(s->ack, peer->snd_nxt))
    marks |= LA_MARK_ACK_OF_UNSEEN;
  if ((peer->flags & LA_END_UNA) == 0 || la_seq_gt(s->ack, peer->snd_una)) {
    if ((peer->flags & LA_END_DATA) != 0)
      marks |= LA_MARK_ACKS_DATA;
  } else if (bare && s->ack == peer->snd_una && (me->flags & LA_END_ACKED) != 0 && s->ack == me->rcv_nxt &&
             s->window == me->window && la_seq_lt(peer->snd_una, peer->snd_nxt)) {
    marks |= LA_MARK_DUP_ACK;
  }
  if ((peer->flags & LA_END_SYN_ACK) != 0 && side == LA_OPENER && (s->flags & (LA_TCP_SYN | LA_TCP_RST)) == 0) {
    if (conn->handshake_ack_frame == 0 && la_seq_gt(s->ack, peer->isn))
      marks |= LA_MARK_HANDSHAKE_ACK | LA_MARK_ACKS_SYN;
    else if (bare && s->ack == peer->isn + 1 && (peer->syn_ack_sent > 1 || peer->syn_last_time >= me->last_time))
      marks |= LA_MARK_ACKS_SYN;
  }
  if ((peer->flags & LA_END_FIN) != 0 && la_seq_ge(s->ack, peer->fin_end) &&
      ((peer->flags & LA_END_FIN_ACKED) == 0 || peer->fin_last_time >= me->last_time))
    marks |= LA_MARK_ACKS_FIN;
  if ((s->options & LA_OPT_SACK) != 0 && s->sack_count != 0 && la_seq_le(s->sack[0].right, s->ack))
    marks |= LA_MARK_DSACK;
  if (bare && (s->flags & LA_TCP_SYN) == 0) {
    /* Half of a split handshake. */
    if (side == LA_ACCEPTOR && peer->state == LA_TCP_SYN_SENT && s->ack == peer->isn + 1)
      marks |= LA_MARK_ACKS_SYN;
    if ((me->flags & LA_END_PROBED) != 0)
      marks |= LA_MARK_KEEPALIVE_ANSWER;
    /* A SYN with a new number is kept apart from the connection that it challenges. */
    bool syn_waits = conn->newer != LA_HANDLE_NONE;
    if ((me->flags & LA_END_CHALLENGED) != 0 && (syn_waits || s->time - peer->last_time <= CHALLENGE_MAX))
      marks |= LA_MARK_CHALLENGE_ACK;
  }
  if ((s->flags & (LA_TCP_SYN | LA_TCP_RST)) == 0) {
    if (s->window == 0)
      marks |= LA_MARK_ZERO_WINDOW;
    else if ((me->flags & LA_END_ZERO_WINDOW) != 0)
      marks |= LA_MARK_WINDOW_OPENED;
  }
  return marks;
}

/* RFC 9293 section 3.10.7 and RFC 5961 section 3: a RST counts when its number is the receiver's RCV.NXT. The capture knows
 * RCV.NXT as a range: at least what the receiver acknowledged, at most what was sent to it. */
static uint64_t classify_rst(const LaConnection *conn, const LaEndpoint *me, const LaEndpoint *peer, const LaSegment *s)
{
  uint64_t marks = LA_MARK_RST;
  if (me->ttl_max != 0 && (s->ttl < me->ttl_min || s->ttl > me->ttl_max))
    marks |= LA_MARK_FOREIGN_TTL;
  if (peer->state == LA_TCP_SYN_SENT) {
    bool acks = (s->flags & LA_TCP_ACK) != 0 && la_seq_gt(s->ack, peer->isn) && la_seq_le(s->ack, peer->snd_nxt);
    return marks | (acks ? LA_MARK_RST_COUNTS : LA_MARK_RST_IGNORED);
  }
  if ((peer->flags & LA_END_SPOKE) == 0)
    return marks | LA_MARK_RST_COUNTS;
  bool known_sender = (me->flags & (LA_END_SPOKE | LA_END_ISN)) != 0;
  bool low_ok = (peer->flags & LA_END_ACKED) == 0 || la_seq_ge(s->seq, peer->rcv_nxt);
  bool high_ok = !known_sender || la_seq_le(s->seq, me->snd_nxt) || (conn->flags & LA_CONN_MISSED) != 0;
  return marks | (low_ok && high_ok ? LA_MARK_RST_COUNTS : LA_MARK_RST_IGNORED);
}

/* The way out of a four-tuple that the acceptor still holds from before the capture (RFC 9293 section 3.10.7.3, RFC 5961 section 4): its ACK
 * to the SYN acknowledges numbers of that connection, and the RST that the opener answers with carries them. Neither belongs to this one. */
static bool is_for_another(const LaConnection *conn, LaSide side, const LaSegment *s)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if (opener->state != LA_TCP_SYN_SENT || acceptor->steps != 0 || (acceptor->flags & LA_END_SPOKE) != 0 ||
      (opener->flags & (LA_END_SYN | LA_END_ACKED)) != LA_END_SYN || la_segment_length(s) != 0)
    return false;
  unsigned kind = s->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST);
  if (side == LA_ACCEPTOR ? kind != LA_TCP_ACK : kind != LA_TCP_RST)
    return false;
  /* A little ahead of the SYN it may be of this one, in a capture that lost what was between. */
  return (side == LA_ACCEPTOR ? s->ack : s->seq) - opener->isn > LA_LOST_START_MAX;
}

uint64_t la_classify(const LaConnection *conn, LaSide side, const LaSegment *s)
{
  const LaEndpoint *me = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  uint64_t marks = 0;
  /* Interfaces of one file have clocks of their own. */
  if (s->time < conn->last_time && s->interface == conn->interface)
    marks |= LA_MARK_TIME_WENT_BACK;
  if (s->checksum_bad != 0)
    marks |= LA_MARK_BAD_CHECKSUM;

  /* Whatever moves forward cannot have been there before. */
  bool spoke = (me->flags & LA_END_SPOKE) != 0;
  bool first = !spoke && (me->packets == 0 || (s->flags & LA_TCP_RST) == 0);
  bool advances = first || (spoke && (la_seq_gt(s->seq + la_segment_length(s), me->snd_nxt) ||
                                      ((s->flags & LA_TCP_ACK) != 0 && la_seq_gt(s->ack, me->rcv_nxt))));
  if (!advances && !may_be_another_rst(me, peer, s) && is_duplicate(me, s))
    marks |= LA_MARK_DUPLICATE;
  if (has_invalid_flags(s))
    return marks | LA_MARK_INVALID_FLAGS;
  if (is_for_another(conn, side, s))
    return marks | ((s->flags & LA_TCP_RST) != 0 ? LA_MARK_RST : LA_MARK_CHALLENGE_ACK);

  if ((s->flags & LA_TCP_RST) != 0)
    marks |= classify_rst(conn, me, peer, s);
  else if ((s->flags & LA_TCP_SYN) != 0)
    marks |= classify_syn(me, peer, s);
  else
    marks |= classify_sequence(conn, me, peer, s);
  if ((s->flags & LA_TCP_ACK) != 0)
    marks |= classify_ack(conn, side, s);
  if ((conn->flags & LA_CONN_RST) != 0)
    marks |= LA_MARK_AFTER_RST;
  if ((conn->flags & LA_CONN_CLOSED) != 0)
    marks |= LA_MARK_AFTER_CLOSE;
  return marks;
}
