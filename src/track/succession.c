/* One four-tuple, one entry in the table: its newest connection. Usually that is all there is. When a SYN with another initial
 * number comes while the entry's connection may still live, the new connection takes the entry and keeps the older one behind
 * it until somebody answers: a SYN-ACK or RST that fits the new number settles it for the new one; an acknowledgment that
 * does not fit is the older connection's challenge ACK (RFC 5961 section 4), and belongs there, as does the RST it draws. When the older
 * connection then simply goes on, the SYN was stale or forged: it is folded back into the older connection as an event. */
#include <string.h>

#include "base/seq.h"
#include "track/classify.h"
#include "track/tracker_private.h"

static LaSide side_in(const LaConnection *conn, const LaSegment *s)
{
  return conn->port[LA_OPENER] == s->src_port && la_addr_equal(&conn->addr[LA_OPENER], &s->src) ? LA_OPENER : LA_ACCEPTOR;
}

/* What rules need of the connection that had the four-tuple before. */
static void remember_earlier(LaConnection *conn, const LaConnection *old)
{
  LaEarlier *e = &conn->earlier;
  LaSide mapped = old->port[LA_OPENER] == conn->port[LA_OPENER] && la_addr_equal(&old->addr[LA_OPENER], &conn->addr[LA_OPENER])
                      ? LA_OPENER
                      : LA_ACCEPTOR;
  e->id = old->id;
  e->same_roles = mapped == LA_OPENER;
  for (int side = 0; side < LA_SIDE_N; side++) {
    const LaEndpoint *from = &old->end[e->same_roles != 0 ? (LaSide)side : LA_OTHER(side)];
    e->state[side] = from->state;
    e->snd_nxt[side] = from->snd_nxt;
    e->rcv_nxt[side] = from->rcv_nxt;
    e->ts_val[side] = from->ts_val;
  }
  e->teardown = (uint8_t)la_connection_teardown(old);
  e->missed = (old->flags & LA_CONN_MISSED) != 0;
  e->last_time = old->last_time;
  e->last_frame = old->last_frame;
  e->closed_time = LA_TIME_NONE;
  if ((old->flags & LA_CONN_RST) != 0) {
    e->closed_time = old->rst_time;
  } else if ((old->flags & LA_CONN_CLOSED) != 0) {
    LaTime a = old->end[LA_OPENER].fin_acked_time;
    LaTime b = old->end[LA_ACCEPTOR].fin_acked_time;
    e->closed_time = a > b ? a : b;
  }
  conn->flags |= LA_CONN_REUSED;
}

/* ---- one four-tuple, two connections ---- */

/* Whether a SYN without ACK on the four-tuple of `conn` begins another connection. */
static bool syn_starts_new(const LaConnection *conn, LaSide side, const LaSegment *s)
{
  const LaEndpoint *me = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  if ((me->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0 && s->seq == me->isn)
    return false;
  if ((conn->flags & (LA_CONN_RST | LA_CONN_CLOSED)) != 0)
    return true;
  bool peer_silent = peer->packets == 0;
  /* Tried again with another number before any answer: the same attempt. An acknowledgment shows an answer that the capture lacks. */
  if ((me->flags & LA_END_SYN) != 0 && peer_silent && (me->flags & LA_END_ACKED) == 0)
    return false;
  if (side == LA_ACCEPTOR && peer->state == LA_TCP_SYN_SENT && (me->flags & LA_END_SYN) == 0)
    return false; /* crossing SYNs, or the second half of a split handshake */
  return true;
}

/* A SYN-ACK with a number the connection does not know, when it is past its handshake. */
static bool syn_ack_starts_new(const LaConnection *conn, LaSide side, const LaSegment *s)
{
  const LaEndpoint *me = &conn->end[side];
  if ((me->flags & LA_END_ISN) != 0 && s->seq == me->isn)
    return false;
  if ((conn->flags & (LA_CONN_RST | LA_CONN_CLOSED)) != 0)
    return true;
  bool opening = conn->end[LA_OPENER].state <= LA_TCP_SYN_RECEIVED && (conn->flags & LA_CONN_MIDSTREAM) == 0;
  return !opening && side == LA_ACCEPTOR && (me->flags & LA_END_FIN) != 0;
}

static LaConnection *begin_newer(LaTracker *t, LaConnection *old, const LaSegment *s, LaSide *ret_side)
{
  LaConnection *conn = la_tracker_open_connection(t, s, old->hash, old, ret_side);
  remember_earlier(conn, old);
  la_table_replace(&t->table, old->hash, old->handle, conn->handle);
  conn->older = old->handle;
  old->newer = conn->handle;
  if ((old->flags & (LA_CONN_RST | LA_CONN_CLOSED)) == 0 && !la_tracker_handshake_pending(old))
    conn->flags |= LA_CONN_TENTATIVE;
  LaSide in_old = side_in(old, s);
  old->end[LA_OTHER(in_old)].flags |= LA_END_CHALLENGED;
  return conn;
}

/* A newer connection has its four-tuple: it ends now. */
static void supersede(LaTracker *t, LaConnection *old)
{
  la_tracker_take_off(t, old);
  if (old->deadline > t->clock) {
    old->deadline = t->clock;
    la_wheel_set(&t->wheel, old);
  }
}

/* The newer connection is the one: the older ends. */
static void settle(LaTracker *t, LaConnection *conn)
{
  conn->flags &= ~(uint32_t)LA_CONN_TENTATIVE;
  if (conn->older == LA_HANDLE_NONE)
    return;
  LaConnection *old = la_pool_get(&t->pool, conn->older);
  LaEarlier kept = conn->earlier;
  remember_earlier(conn, old);
  conn->earlier.challenges = kept.challenges;
  conn->earlier.challenge_frame = kept.challenge_frame;
  conn->earlier.challenge_rst_frame = kept.challenge_rst_frame;
  conn->earlier.challenge_time = kept.challenge_time;
  /* What rules ask of the earlier connection is how it stood when the SYN came. */
  conn->earlier.closed_time = kept.closed_time;
  conn->earlier.last_time = kept.last_time;
  conn->earlier.last_frame = kept.last_frame;
  conn->earlier.teardown = kept.teardown;
  memcpy(conn->earlier.state, kept.state, sizeof kept.state);
  supersede(t, old);
}

static void add_counts(LaEndpoint *to, const LaEndpoint *from)
{
  to->packets += from->packets;
  to->payload_bytes += from->payload_bytes;
  to->syn += from->syn;
  to->retransmitted += from->retransmitted;
  to->duplicate += from->duplicate;
}

/* The older connection lives on: the SYN was stale or forged, and becomes an event of it. */
static void fold_back(LaTracker *t, LaConnection *conn, LaConnection *old)
{
  LaSide same = conn->earlier.same_roles != 0 ? LA_OPENER : LA_ACCEPTOR;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    LaMoment moment = *la_connection_moment(conn, i);
    if (same == LA_ACCEPTOR)
      moment.side ^= 1;
    moment.marks |= LA_MARK_STALE_SYN;
    LaMoment *place = la_pool_add_moment(&t->pool, old);
    *place = moment;
    for (unsigned k = old->moments_used - 1u; k > 0 && old->moments_total <= LA_MOMENTS_HEAD + LA_MOMENTS_TAIL; k--) {
      LaMoment *b = &old->moment_chunk[k / 8][k % 8];
      LaMoment *a = &old->moment_chunk[(k - 1) / 8][(k - 1) % 8];
      if (a->frame <= b->frame)
        break;
      LaMoment swap = *a;
      *a = *b;
      *b = swap;
    }
  }
  old->marks |= conn->marks | LA_MARK_STALE_SYN;
  old->flags |= LA_CONN_STALE_SYN;
  add_counts(&old->end[same], &conn->end[LA_OPENER]);
  add_counts(&old->end[LA_OTHER(same)], &conn->end[LA_ACCEPTOR]);
  la_tracker_take_off(t, conn); /* gives the entry back */
  la_wheel_remove(&t->wheel, conn);
  t->open--;
  la_pool_release(&t->pool, conn);
}

static bool acks_new(const LaConnection *conn, const LaSegment *s)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  return (s->flags & LA_TCP_ACK) != 0 && la_seq_gt(s->ack, opener->isn) && la_seq_le(s->ack, opener->snd_nxt);
}

/* Whether a segment that is no SYN belongs to the newer connection rather than to the older one. */
static bool fits_newer(const LaConnection *conn, const LaConnection *old, LaSide side, const LaSegment *s)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  if (side == LA_ACCEPTOR) {
    /* Both may fit when the new number lies close to the old one: then the older connection's own sequence decides. */
    const LaEndpoint *old_sender = &old->end[side_in(old, s)];
    bool old_number = (s->flags & LA_TCP_RST) == 0 && s->seq == old_sender->snd_nxt && (old_sender->flags & LA_END_SPOKE) != 0;
    return acks_new(conn, s) && !old_number;
  }
  if (!la_seq_gt(s->seq, opener->isn) || la_seq_diff(s->seq, opener->snd_nxt) > 1)
    return false;
  return (conn->end[LA_ACCEPTOR].flags & LA_END_SYN_ACK) != 0 || old->end[side_in(old, s)].snd_nxt != s->seq;
}

/* Chooses between a connection that is not answered yet and the older one behind it. */
static LaConnection *route(LaTracker *t, LaConnection *conn, LaSide *side, const LaSegment *s)
{
  LaConnection *old = la_pool_get(&t->pool, conn->older);
  if (old->deadline < t->clock) {
    la_tracker_take_off(t, old);
    return conn;
  }
  bool syn = (s->flags & LA_TCP_SYN) != 0;
  LaSide in_old = side_in(old, s);
  if (syn && (s->flags & LA_TCP_ACK) != 0) {
    if (*side == LA_ACCEPTOR && !acks_new(conn, s) && (old->end[in_old].flags & LA_END_ISN) != 0 &&
        s->seq == old->end[in_old].isn) {
      *side = in_old;
      return old;
    }
    if (acks_new(conn, s))
      settle(t, conn);
    return conn;
  }
  if (syn)
    return conn;
  if (fits_newer(conn, old, *side, s)) {
    settle(t, conn);
    return conn;
  }
  bool bare = la_segment_length(s) == 0;
  if ((s->flags & LA_TCP_RST) != 0) {
    if (*side == LA_OPENER)
      conn->earlier.challenge_rst_frame = s->frame;
  } else if (*side == LA_ACCEPTOR && bare) {
    conn->earlier.challenges++;
    if (conn->earlier.challenge_frame == 0) {
      conn->earlier.challenge_frame = s->frame;
      conn->earlier.challenge_time = s->time;
    }
  } else if (*side == LA_OPENER && (conn->flags & LA_CONN_TENTATIVE) != 0) {
    /* What the other end still sends shows nothing: it may not have got the SYN yet. The SYN's own end does. */
    fold_back(t, conn, old);
  }
  *side = in_old;
  return old;
}

LaConnection *la_tracker_find(LaTracker *t, const LaTuple *tuple, uint32_t hash, LaSide *ret_side)
{
  uint32_t handle = la_table_find(&t->table, &t->pool, tuple, hash, ret_side);
  if (handle == LA_HANDLE_NONE)
    return NULL;
  if (!la_handle_is_brief(handle))
    return la_pool_get(&t->pool, handle);
  LaConnection *conn = la_tracker_write_out(t, la_pool_get_brief(&t->pool, handle));
  la_wheel_set(&t->wheel, conn);
  return conn;
}

LaConnection *la_tracker_find_or_open(LaTracker *t, const LaSegment *s, uint32_t hash, LaSide *ret_side)
{
  LaTuple tuple = la_tuple_of(t, s);
  LaConnection *conn = la_tracker_find(t, &tuple, hash, ret_side);
  while (conn != NULL && conn->deadline < t->clock) {
    la_tracker_take_off(t, conn);
    conn = la_tracker_find(t, &tuple, hash, ret_side);
  }
  if (conn == NULL) {
    conn = la_tracker_open_connection(t, s, hash, NULL, ret_side);
    la_table_insert(&t->table, hash, conn->handle);
    return conn;
  }
  if (conn->older != LA_HANDLE_NONE) {
    LaConnection *chosen = route(t, conn, ret_side, s);
    if (chosen != conn)
      return chosen;
  }
  if (la_adopted_is_mistake(conn, s)) {
    la_adopted_forget(t, conn);
    return la_tracker_find_or_open(t, s, hash, ret_side);
  }
  unsigned kind = s->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST | LA_TCP_FIN);
  bool starts = (kind == LA_TCP_SYN && syn_starts_new(conn, *ret_side, s)) ||
                (kind == (LA_TCP_SYN | LA_TCP_ACK) && syn_ack_starts_new(conn, *ret_side, s));
  if (!starts)
    return conn;
  if (conn->older != LA_HANDLE_NONE)
    settle(t, conn);
  LaConnection *newer = begin_newer(t, conn, s, ret_side);
  if (kind != LA_TCP_SYN)
    settle(t, newer);
  return newer;
}
