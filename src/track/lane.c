/* Most connections open with three segments, carry payload in order and close with two FINs, and nearly every segment is the
 * one its connection expects. For those the questions of classify.c and follow.c all have the same answers; this file knows the answers.
 *
 *   NEW --SYN--> SYN --SYN,ACK--> SYN_ACK --ACK--> ACKED --acceptor talks--> ESTABLISHED --FIN--> FIN
 *   FIN --ACK--> FIN_ACKED --FIN--> BOTH_FINS --ACK--> (closed)      FIN --FIN,ACK--> BOTH_FINS
 *
 * In every place the segment must be exactly in order (its number is the next one, it acknowledges something between what was
 * acknowledged and what was sent, its time does not go back) and bring something new; anything else goes the general way, which decides
 * afterwards whether the connection may come back here. A test runs everything both ways and compares the records. */
#include "track/lane.h"

#include "base/seq.h"
#include "track/classify.h"
#include "track/moment.h"

#define UNUSUAL_END                                                                                                            \
  (LA_END_ZERO_WINDOW | LA_END_DOUBT | LA_END_FIN_UNTAKEN | LA_END_WENT_ON | LA_END_PROBED | LA_END_CHALLENGED | LA_END_RST |  \
   LA_END_SYN_ACK_BAD | LA_END_COPIED | LA_END_FRAGMENT | LA_END_AHEAD)
#define UNUSUAL_CONN                                                                                                           \
  (LA_CONN_RST | LA_CONN_CLOSED | LA_CONN_TENTATIVE | LA_CONN_MISSED | LA_CONN_FAST_OPEN | LA_CONN_SIMULTANEOUS)
#define UNUSUAL_OPTIONS (LA_OPT_SACK | LA_OPT_CUT)

static inline bool at_least_established(const LaEndpoint *end)
{
  return end->steps != 0 && (end->path[end->steps - 1].proved_by | end->path[end->steps - 1].gap) != 0;
}

static inline void push(LaEndpoint *end, LaTcpState state, LaStep step)
{
  step.state = (uint8_t)state;
  step.gap = 0;
  end->path[end->steps++] = step;
  end->state = (uint8_t)state;
}

static inline LaStep seen(const LaSegment *s)
{
  return (LaStep){.time = s->time, .frame = s->frame, .proved_by = 0};
}

static inline LaStep own(const LaSegment *s)
{
  return (LaStep){.time = s->time, .frame = s->frame, .proved_by = s->frame};
}

static inline void prove(LaEndpoint *end, uint64_t frame)
{
  for (unsigned i = end->steps; i-- > 0 && end->path[i].proved_by == 0;)
    if (!end->path[i].gap)
      end->path[i].proved_by = frame;
}

/* What every segment leaves with its sender. */
static inline void book_sender(LaEndpoint *me, LaEndpoint *peer, const LaSegment *s)
{
  unsigned slot = me->recent_next++ & 7;
  me->recent_hash[slot] = la_segment_fingerprint(s);
  me->recent_time[slot] = (uint32_t)((uint64_t)s->time / 1000u);
  me->packets++;
  peer->unanswered = 0;
  if (s->ttl < me->ttl_min || me->ttl_max == 0)
    me->ttl_min = s->ttl;
  if (s->ttl > me->ttl_max)
    me->ttl_max = s->ttl;
  me->flags |= LA_END_SPOKE;
  if ((s->options & LA_OPT_TIMESTAMPS) != 0)
    me->ts_val = s->ts_val;
  me->window = s->window;
  me->ip_id = s->ip_id;
  me->last_time = s->time;
  me->last_frame = s->frame;
}

static inline void book_connection(LaConnection *conn, const LaSegment *s, uint64_t marks)
{
  conn->marks |= marks;
  conn->last_time = s->time;
  conn->last_frame = s->frame;
  conn->interface = s->interface;
}

static inline void ask(LaEndpoint *me, const LaSegment *s)
{
  if (me->unanswered++ == 0) {
    me->unanswered_frame = s->frame;
    me->unanswered_since = s->time;
  }
}

static inline void book_payload(LaEndpoint *me, const LaSegment *s, LaTime idle)
{
  me->payload_bytes += s->payload_len;
  me->payload_segments++;
  me->flags |= LA_END_DATA;
  if (me->data_first_frame == 0) {
    me->data_first_frame = s->frame;
    me->data_first_time = s->time;
  }
  me->data_last_frame = me->new_data_frame = s->frame;
  me->data_last_time = me->new_data_time = s->time;
  me->new_data_idle = idle;
  me->new_data_ack = s->ack;
}

static inline void book_ack(LaEndpoint *me, LaEndpoint *peer, const LaSegment *s)
{
  if ((peer->flags & LA_END_UNA) == 0 || la_seq_gt(s->ack, peer->snd_una)) {
    peer->flags |= LA_END_UNA;
    peer->snd_una = s->ack;
    peer->repeats = 0;
    peer->progress_time = s->time;
  }
  if ((me->flags & LA_END_ACKED) == 0 || la_seq_gt(s->ack, me->rcv_nxt))
    me->rcv_nxt = s->ack;
  uint32_t edge = s->ack + ((uint32_t)s->window << ((s->flags & LA_TCP_SYN) != 0 ? 0 : me->wscale));
  if ((me->flags & LA_END_ACKED) == 0 || la_seq_gt(edge, me->rcv_edge))
    me->rcv_edge = edge;
  me->flags |= LA_END_ACKED;
}

__attribute__((noinline)) static uint64_t take_syn(LaPool *pool, LaConnection *conn, LaEndpoint *me, LaEndpoint *peer,
                                                   const LaSegment *s)
{
  la_moment_add(pool, conn, LA_OPENER, s, LA_MARK_SYN);
  ask(me, s);
  me->syn++;
  me->syn_sent++;
  me->isn = s->seq;
  me->snd_nxt = s->seq + 1;
  me->syn_options = s->options;
  me->mss = (s->options & LA_OPT_MSS) != 0 ? s->mss : 0;
  me->syn_wscale = (s->options & LA_OPT_WSCALE) != 0 ? s->wscale : 0;
  me->cookie_len = s->cookie_len;
  me->syn_frame = me->syn_last_frame = s->frame;
  me->syn_time = me->syn_last_time = s->time;
  me->flags |= LA_END_ISN | LA_END_SYN;
  book_sender(me, peer, s);
  push(me, LA_TCP_SYN_SENT, own(s));
  book_connection(conn, s, LA_MARK_SYN);
  conn->lane = LA_LANE_SYN;
  return LA_MARK_SYN;
}

__attribute__((noinline)) static uint64_t take_syn_ack(LaPool *pool, LaConnection *conn, LaEndpoint *me, LaEndpoint *peer,
                                                       const LaSegment *s)
{
  la_moment_add(pool, conn, LA_ACCEPTOR, s, LA_MARK_SYN_ACK);
  ask(me, s);
  me->syn++;
  me->syn_ack_sent++;
  me->isn = s->seq;
  me->snd_nxt = s->seq + 1;
  me->syn_options = s->options;
  me->mss = (s->options & LA_OPT_MSS) != 0 ? s->mss : 0;
  me->syn_wscale = (s->options & LA_OPT_WSCALE) != 0 ? s->wscale : 0;
  me->cookie_len = s->cookie_len;
  me->syn_frame = me->syn_last_frame = s->frame;
  me->syn_time = me->syn_last_time = s->time;
  me->flags |= LA_END_ISN | LA_END_SYN_ACK | LA_END_SCALE_KNOWN;
  peer->flags |= LA_END_SCALE_KNOWN;
  bool both = (me->syn_options & peer->syn_options & LA_OPT_WSCALE) != 0;
  me->wscale = both ? (me->syn_wscale > 14 ? 14 : me->syn_wscale) : 0;
  peer->wscale = both ? (peer->syn_wscale > 14 ? 14 : peer->syn_wscale) : 0;
  book_ack(me, peer, s);
  book_sender(me, peer, s);
  push(me, LA_TCP_SYN_RECEIVED, own(s));
  push(peer, LA_TCP_ESTABLISHED, seen(s));
  book_connection(conn, s, LA_MARK_SYN_ACK);
  conn->lane = LA_LANE_SYN_ACK;
  return LA_MARK_SYN_ACK;
}

/* The steps that a FIN, or the acknowledgment of one, adds; the lane it leads to. */
static inline LaLane close_steps(const LaConnection *conn, LaEndpoint *me, LaEndpoint *peer, const LaSegment *s, uint64_t marks)
{
  LaLane lane = (LaLane)conn->lane;
  if ((marks & LA_MARK_ACKS_FIN) != 0) {
    prove(me, s->frame);
    if (lane == LA_LANE_BOTH_FINS) {
      push(peer, LA_TCP_CLOSED, seen(s));
      return LA_LANE_NONE;
    }
    push(peer, LA_TCP_FIN_WAIT_2, seen(s));
    lane = LA_LANE_FIN_ACKED;
  }
  if ((marks & LA_MARK_FIN) == 0)
    return lane;
  if (lane == LA_LANE_ESTABLISHED) {
    push(me, LA_TCP_FIN_WAIT_1, own(s));
    push(peer, LA_TCP_CLOSE_WAIT, seen(s));
    return LA_LANE_FIN;
  }
  push(me, LA_TCP_LAST_ACK, own(s));
  push(peer, LA_TCP_TIME_WAIT, seen(s));
  return LA_LANE_BOTH_FINS;
}

static inline void book_fin(LaConnection *conn, LaEndpoint *me, const LaSegment *s, uint32_t end)
{
  me->fin++;
  me->fin_end = end;
  me->fin_frame = me->fin_last_frame = s->frame;
  me->fin_time = me->fin_last_time = s->time;
  me->flags |= LA_END_FIN;
  if (conn->first_fin == LA_SIDE_N)
    conn->first_fin = me == &conn->end[LA_OPENER] ? LA_OPENER : LA_ACCEPTOR;
  me->fin_sent++;
  me->fin_ack = s->ack;
  me->fin_ts = (s->options & LA_OPT_TIMESTAMPS) != 0 ? s->ts_val : 0;
}

/* The marks of a synchronized segment on the lane, or 0 when it is not what is expected. */
static inline uint64_t expected_marks(const LaConnection *conn, const LaEndpoint *me, const LaEndpoint *peer,
                                      const LaSegment *s)
{
  LaSide side = me == &conn->end[LA_OPENER] ? LA_OPENER : LA_ACCEPTOR;
  bool fin = (s->flags & LA_TCP_FIN) != 0;
  uint64_t marks = fin ? LA_MARK_FIN : 0;
  if (s->payload_len != 0)
    marks |= (me->flags & LA_END_DATA) != 0 ? LA_MARK_DATA : LA_MARK_DATA | LA_MARK_FIRST_DATA;
  bool progress = (peer->flags & LA_END_UNA) == 0 || la_seq_gt(s->ack, peer->snd_una);
  if (progress && (peer->flags & LA_END_DATA) != 0)
    marks |= LA_MARK_ACKS_DATA;
  /* A pure acknowledgment of nothing new may be anything: a copy, a probe's answer, a window update. */
  if (marks == 0 && !progress)
    return 0;
  switch ((LaLane)conn->lane) {
  case LA_LANE_SYN_ACK:
    return side == LA_OPENER && !fin && s->ack == peer->snd_nxt ? marks | LA_MARK_HANDSHAKE_ACK | LA_MARK_ACKS_SYN : 0;
  case LA_LANE_ACKED:
    /* Only payload, or what acknowledges some, shows that the acceptor took the ACK. */
    return fin || (side == LA_ACCEPTOR && s->payload_len == 0 && !progress) || marks == 0 ? 0 : marks;
  case LA_LANE_ESTABLISHED: return marks;
  case LA_LANE_FIN:
    return side != conn->first_fin && s->payload_len == 0 && s->ack == peer->fin_end ? marks | LA_MARK_ACKS_FIN : 0;
  case LA_LANE_FIN_ACKED:
    return side != conn->first_fin && fin && s->payload_len == 0 && s->ack == peer->fin_end && !progress &&
                   peer->fin_last_time < me->last_time
               ? marks
               : 0;
  case LA_LANE_BOTH_FINS:
    return side == conn->first_fin && !fin && s->payload_len == 0 && s->ack == peer->fin_end ? marks | LA_MARK_ACKS_FIN : 0;
  default: return 0;
  }
}

/* Both ends are handed in, so that they stay in registers: this runs for every packet. */
__attribute__((noinline)) static uint64_t take_synchronized(LaPool *pool, LaConnection *conn, LaEndpoint *me, LaEndpoint *peer,
                                                            const LaSegment *s)
{
  uint64_t marks = expected_marks(conn, me, peer, s);
  if (marks == 0)
    return 0;
  if (s->payload_len + ((marks & LA_MARK_FIN) != 0) != 0 &&
      (peer->flags & (LA_END_ACKED | LA_END_SCALE_KNOWN)) == (LA_END_ACKED | LA_END_SCALE_KNOWN) &&
      la_seq_gt(s->seq, peer->rcv_edge))
    return 0;
  if ((marks & ~LA_PLAIN_MARKS) != 0)
    la_moment_add_ends(pool, conn, me, peer, s)->marks = marks;
  uint32_t before = me->snd_nxt;
  uint32_t end = s->seq + la_segment_length(s);
  if (end != s->seq)
    ask(me, s);
  me->snd_nxt = end;
  if (s->payload_len != 0)
    book_payload(me, s, s->time - conn->last_time);
  if ((marks & LA_MARK_FIN) != 0)
    book_fin(conn, me, s, end);
  book_ack(me, peer, s);
  book_sender(me, peer, s);
  if ((marks & (LA_MARK_FIN | LA_MARK_ACKS_FIN)) != 0) {
    if ((marks & LA_MARK_ACKS_FIN) != 0) {
      peer->flags |= LA_END_FIN_ACKED;
      peer->fin_acked_frame = s->frame;
      peer->fin_acked_time = s->time;
      peer->fin_acked_seq = before;
      if ((me->flags & LA_END_FIN_ACKED) != 0)
        conn->flags |= LA_CONN_CLOSED;
    }
    conn->lane = (uint8_t)close_steps(conn, me, peer, s, marks);
  } else if ((marks & LA_MARK_HANDSHAKE_ACK) != 0) {
    conn->handshake_ack_frame = s->frame;
    conn->handshake_ack_time = s->time;
    prove(me, s->frame);
    push(peer, LA_TCP_ESTABLISHED, seen(s));
    conn->flags |= LA_CONN_ESTABLISHED;
    conn->lane = LA_LANE_ACKED;
  } else if (conn->lane == LA_LANE_ACKED && me == &conn->end[LA_ACCEPTOR]) {
    prove(me, s->frame);
    conn->lane = LA_LANE_ESTABLISHED;
  }
  book_connection(conn, s, marks);
  return marks;
}

uint64_t la_lane(LaPool *pool, LaConnection *conn, LaSide side, const LaSegment *s)
{
  LaEndpoint *me = &conn->end[side];
  LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  unsigned kind = s->flags & (LA_TCP_SYN | LA_TCP_RST | LA_TCP_ACK);
  if (((s->options & UNUSUAL_OPTIONS) | s->checksum_bad | s->fragment) != 0)
    return 0;
  if (kind == LA_TCP_ACK) {
    if (conn->lane < LA_LANE_SYN_ACK || s->seq != me->snd_nxt || s->window == 0 || s->time < conn->last_time)
      return 0;
    uint32_t unusual = ((me->flags | peer->flags) & UNUSUAL_END) | (conn->flags & UNUSUAL_CONN) | me->repeats | peer->repeats |
                       me->holes_used | peer->holes_used;
    if (unusual != 0)
      return 0;
    if ((peer->flags & LA_END_UNA) != 0 ? s->ack - peer->snd_una > peer->snd_nxt - peer->snd_una
                                        : conn->lane != LA_LANE_SYN_ACK)
      return 0;
    return take_synchronized(pool, conn, me, peer, s);
  }
  if (s->payload_len != 0 || (s->flags & LA_TCP_FIN) != 0)
    return 0;
  if (conn->lane == LA_LANE_NEW && kind == LA_TCP_SYN && side == LA_OPENER)
    return take_syn(pool, conn, me, peer, s);
  if (conn->lane == LA_LANE_SYN && kind == (LA_TCP_SYN | LA_TCP_ACK) && side == LA_ACCEPTOR && s->ack == peer->snd_nxt &&
      s->time >= conn->last_time && (peer->flags & UNUSUAL_END) == 0 && me->packets == 0)
    return take_syn_ack(pool, conn, me, peer, s);
  return 0;
}

void la_lane_rejoin(LaConnection *conn, uint64_t marks)
{
  const LaEndpoint *a = &conn->end[LA_OPENER];
  const LaEndpoint *b = &conn->end[LA_ACCEPTOR];
  bool established =
      a->state == LA_TCP_ESTABLISHED && b->state == LA_TCP_ESTABLISHED && at_least_established(a) && at_least_established(b);
  bool acked = (a->flags & b->flags & LA_END_UNA) != 0 && (a->flags & b->flags & LA_END_SPOKE) != 0;
  /* A SYN captured late, or with another number, may have put SND.NXT behind SND.UNA. */
  bool sound = la_seq_ge(a->snd_nxt, a->snd_una) && la_seq_ge(b->snd_nxt, b->snd_una);
  /* Until the opener's ACK has been seen, later ones may still be the handshake's. */
  bool opened = conn->handshake_ack_frame != 0 || (b->flags & LA_END_SYN_ACK) == 0;
  if (established && acked && sound && opened && ((a->flags | b->flags) & LA_END_FIN) == 0 && conn->early_rst_frame == 0)
    conn->lane = LA_LANE_ESTABLISHED;
  else if (conn->lane != LA_LANE_ACKED || (marks & ~(LA_PLAIN_MARKS & ~LA_MARK_HOLE_BEFORE)) != 0)
    conn->lane = LA_LANE_NONE;
}
