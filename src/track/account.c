/* Counters count every segment of the capture; numbers (snd_nxt, rcv_nxt, holes) follow only what is no duplicate.
 *
 * Holes are ranges of a sender's sequence that the capture skipped. One that the receiver acknowledges was delivered all the
 * same, so the capture missed it. An acknowledgment beyond everything seen makes such a hole at once; when the sender later
 * fills it with new data, nothing was missing: the acknowledgment was of data never sent, and is taken back.
 *
 * Of a segment in IP fragments only the first is looked at, and its length is that of the first. Where the segment ended is told by what
 * its sender sends next, or by its acknowledgment: a receiver takes a datagram whole. Until then the end is open, and numbers within
 * a datagram's length behind it are no hole. (A packet missing right behind a fragmented segment is not noticed.) */
#include "track/account.h"

#include "base/seq.h"
#include "track/classify.h"

/* No datagram is longer, and so no rest of one. */
#define DATAGRAM_MAX 65535u

static void drop_hole(LaEndpoint *me, unsigned i)
{
  me->holes[i] = me->holes[--me->holes_used];
}

static void add_hole(LaEndpoint *me, LaHole hole)
{
  if (me->holes_used == LA_HOLES_MAX)
    drop_hole(me, 0);
  me->holes[me->holes_used++] = hole;
}

/* What [seq, end) covers is no hole any more. */
static void fill_holes(LaEndpoint *me, uint32_t seq, uint32_t end)
{
  for (unsigned i = me->holes_used; i-- > 0;) {
    LaHole *hole = &me->holes[i];
    bool from_start = la_seq_le(seq, hole->start);
    bool to_end = la_seq_ge(end, hole->end);
    if (from_start && to_end) {
      if (hole->acked_frame != 0 && me->missed > 0)
        me->missed--;
      drop_hole(me, i);
    } else if (from_start && la_seq_gt(end, hole->start)) {
      hole->start = end;
    } else if (to_end && la_seq_lt(seq, hole->end)) {
      hole->end = seq;
    }
  }
}

/* Holes below an acknowledgment were delivered without being captured. */
static void acknowledge_holes(LaConnection *conn, LaEndpoint *peer, const LaSegment *s)
{
  for (unsigned i = 0; i < peer->holes_used; i++)
    if (peer->holes[i].acked_frame == 0 && la_seq_ge(s->ack, peer->holes[i].end)) {
      peer->holes[i].acked_frame = s->frame;
      peer->holes[i].since = s->time;
      peer->missed++;
      conn->flags |= LA_CONN_MISSED;
    }
}

/* The other end acknowledged numbers that were new data after all. */
static void forget_false_ack(LaEndpoint *me, LaEndpoint *peer, uint32_t end)
{
  for (unsigned i = me->holes_used; i-- > 0;)
    if (me->holes[i].acked_frame != 0 && me->snd_nxt == me->holes[i].end) {
      me->snd_nxt = la_seq_max(end, me->holes[i].start);
      me->snd_una = me->holes[i].start;
      peer->rcv_nxt = me->holes[i].start;
      if (me->missed > 0)
        me->missed--;
      drop_hole(me, i);
    }
}

/* What was taken for missing is there, or was never sent. */
static void forget_missed(LaConnection *conn)
{
  if ((conn->end[LA_OPENER].missed | conn->end[LA_ACCEPTOR].missed) == 0)
    conn->flags &= ~(uint32_t)LA_CONN_MISSED;
}

/* The fragmented segment at the end of what `me` has sent reached up to `end`. */
static void end_fragmented(LaEndpoint *me, uint32_t end)
{
  if ((me->flags & LA_END_FRAGMENT) == 0 || la_seq_lt(end, me->snd_nxt))
    return;
  me->flags &= ~(uint32_t)LA_END_FRAGMENT;
  if (end - me->snd_nxt > DATAGRAM_MAX)
    return;
  if ((me->flags & LA_END_FIN) != 0 && me->fin_end == me->snd_nxt)
    me->fin_end = end;
  me->snd_nxt = end;
}

void la_account_fragments(LaConnection *conn, LaSide side, const LaSegment *s)
{
  if ((s->flags & LA_TCP_SYN) != 0)
    return;
  end_fragmented(&conn->end[side], s->seq);
  if ((s->flags & LA_TCP_ACK) != 0)
    end_fragmented(&conn->end[LA_OTHER(side)], s->ack);
}

static void account_syn(LaConnection *conn, LaEndpoint *me, LaEndpoint *peer, const LaSegment *s, uint64_t marks)
{
  bool with_ack = (s->flags & LA_TCP_ACK) != 0;
  bool first = (me->flags & (with_ack ? LA_END_SYN_ACK : LA_END_SYN)) == 0;
  if (with_ack && (marks & LA_MARK_BAD_ACK) != 0) {
    me->flags |= LA_END_SYN_ACK_BAD;
    if ((me->flags & LA_END_SYN_ACK) == 0)
      me->syn_ack_sent++;
    return;
  }
  if (with_ack)
    me->syn_ack_sent++;
  else
    me->syn_sent++;
  if (first || (marks & LA_MARK_ISN_CHANGED) != 0) {
    if ((marks & LA_MARK_ISN_CHANGED) != 0 && !with_ack)
      conn->flags |= LA_CONN_SYN_TWICE;
    me->isn = s->seq;
    uint32_t end = s->seq + la_segment_length(s);
    /* A first SYN that the capture has late lies before what its sender has sent since. */
    bool late = (marks & LA_MARK_ISN_CHANGED) == 0 && (me->flags & LA_END_SPOKE) != 0 && me->snd_nxt - end < LA_LOST_START_MAX;
    if (!late)
      me->snd_nxt = end;
    me->holes_used = 0;
    me->syn_options = s->options;
    me->mss = (s->options & LA_OPT_MSS) != 0 ? s->mss : 0;
    me->syn_wscale = (s->options & LA_OPT_WSCALE) != 0 ? s->wscale : 0;
    me->cookie_len = s->cookie_len;
  }
  if (first && me->syn_frame == 0) {
    me->syn_frame = s->frame;
    me->syn_time = s->time;
  }
  me->syn_last_frame = s->frame;
  me->syn_last_time = s->time;
  me->flags |= LA_END_ISN | (with_ack ? LA_END_SYN_ACK : LA_END_SYN);
  if (s->payload_len != 0)
    conn->flags |= LA_CONN_FAST_OPEN;

  /* RFC 7323 section 2.2: windows are scaled only when both SYNs offered it; never those of the SYNs themselves. */
  bool mine = (me->syn_options & LA_OPT_WSCALE) != 0;
  bool cut = (s->options & LA_OPT_CUT) != 0;
  bool peer_syn = (peer->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0;
  if (peer_syn && !cut) {
    bool both = mine && (peer->syn_options & LA_OPT_WSCALE) != 0;
    me->wscale = both ? (me->syn_wscale > 14 ? 14 : me->syn_wscale) : 0;
    peer->wscale = both ? (peer->syn_wscale > 14 ? 14 : peer->syn_wscale) : 0;
    me->flags |= LA_END_SCALE_KNOWN;
    peer->flags |= LA_END_SCALE_KNOWN;
  }
}

/* Acknowledged before it stands in the capture, and yet new: the capture changed the order. */
static void note_recorded_late(LaEndpoint *me, const LaSegment *s, uint32_t end)
{
  for (unsigned i = 0; i < me->holes_used; i++) {
    const LaHole *hole = &me->holes[i];
    if (hole->acked_frame == 0 || la_seq_gt(hole->start, s->seq) || la_seq_gt(end, hole->end))
      continue;
    me->recorded_late++;
    if (s->time - hole->since > me->recorded_late_most)
      me->recorded_late_most = s->time - hole->since;
    return;
  }
}

/* Whether an empty segment may be believed about where its sender stands: anybody can send one in its name. */
static bool is_credible(const LaSegment *s, uint64_t marks)
{
  return (s->flags & LA_TCP_RST) == 0 && (marks & (LA_MARK_OUT_OF_WINDOW | LA_MARK_BAD_ACK | LA_MARK_ACK_OF_UNSENT)) == 0;
}

static void account_data(LaConnection *conn, LaSide side, const LaSegment *s, uint64_t marks)
{
  LaEndpoint *me = &conn->end[side];
  uint32_t end = s->seq + la_segment_length(s);
  bool known = (me->flags & (LA_END_SPOKE | LA_END_ISN)) != 0;
  if ((marks & (LA_MARK_KEEPALIVE | LA_MARK_WINDOW_PROBE)) != 0) {
    if ((marks & LA_MARK_KEEPALIVE) != 0)
      me->keepalive++;
    else
      me->probes++;
    conn->end[LA_OTHER(side)].flags |= LA_END_PROBED;
    return;
  }
  if (!known) {
    me->snd_nxt = (me->flags & LA_END_UNA) != 0 ? la_seq_max(end, me->snd_una) : end;
  } else if ((marks & LA_MARK_ACK_OF_UNSENT) != 0) {
    forget_false_ack(me, &conn->end[LA_OTHER(side)], end);
    me->snd_nxt = la_seq_max(me->snd_nxt, end);
    forget_missed(conn);
  } else if ((marks & LA_MARK_RETRANSMISSION) != 0 || (marks & LA_MARK_OUT_OF_ORDER) != 0) {
    if ((marks & LA_MARK_RETRANSMISSION) != 0) {
      me->retransmitted++;
      if (la_seq_le(s->seq, me->snd_una) || (me->flags & LA_END_UNA) == 0)
        me->repeats++;
    } else {
      me->out_of_order++;
      note_recorded_late(me, s, end);
    }
    fill_holes(me, s->seq, end);
    forget_missed(conn);
  } else if (la_segment_length(s) != 0) {
    if ((marks & LA_MARK_HOLE_BEFORE) != 0 && (marks & LA_MARK_OUT_OF_WINDOW) == 0)
      add_hole(me, (LaHole){.start = me->snd_nxt, .end = s->seq, .since = s->time, .acked_frame = 0});
    else if (me->holes_used != 0)
      fill_holes(me, s->seq, end);
    if ((marks & LA_MARK_OUT_OF_WINDOW) == 0)
      me->snd_nxt = end;
  } else if (la_seq_gt(s->seq, me->snd_nxt) && is_credible(s, marks)) {
    /* An empty segment carries SND.NXT (RFC 9293 section 3.10.7.4). */
    me->ahead = s->seq;
    me->flags |= LA_END_AHEAD;
  } else if ((marks & LA_MARK_DUPLICATE) == 0 && s->seq == me->snd_nxt) {
    me->flags &= ~(uint32_t)LA_END_AHEAD; /* it stands here: the other was not its own */
  }
  if ((me->flags & LA_END_AHEAD) != 0 && la_seq_ge(me->snd_nxt, me->ahead))
    me->flags &= ~(uint32_t)LA_END_AHEAD; /* the capture had only changed the order */
  if (s->fragment != 0 && me->snd_nxt == end)
    me->flags |= LA_END_FRAGMENT;
  if (s->payload_len != 0) {
    me->flags |= LA_END_DATA;
    if (me->data_first_frame == 0) {
      me->data_first_frame = s->frame;
      me->data_first_time = s->time;
    }
    me->payload_segments++;
    me->data_last_frame = s->frame;
    me->data_last_time = s->time;
    if ((marks & (LA_MARK_RETRANSMISSION | LA_MARK_OUT_OF_ORDER)) == 0) {
      me->new_data_frame = s->frame;
      me->new_data_time = s->time;
      me->new_data_idle = conn->last_frame != 0 ? s->time - conn->last_time : LA_TIME_NONE;
      me->new_data_ack = s->ack;
    }
    if ((marks & LA_MARK_AFTER_PEER_FIN) != 0)
      me->data_after_fin_bytes += s->payload_len;
  }
  /* One with another number is no second sending of the first, whatever it is. */
  bool same_fin = (me->flags & LA_END_FIN) == 0 || end == me->fin_end;
  if ((s->flags & LA_TCP_FIN) != 0 && (marks & LA_MARK_OUT_OF_WINDOW) == 0 && same_fin) {
    if ((me->flags & LA_END_FIN) == 0) {
      me->fin_end = end;
      me->fin_frame = s->frame;
      me->fin_time = s->time;
      me->flags |= LA_END_FIN;
      if (conn->first_fin == LA_SIDE_N)
        conn->first_fin = (uint8_t)side;
    }
    me->fin_sent++;
    me->fin_ack = s->ack;
    me->fin_ts = (s->options & LA_OPT_TIMESTAMPS) != 0 ? s->ts_val : 0;
    me->fin_last_frame = s->frame;
    me->fin_last_time = s->time;
  }
}

static void account_ack(LaConnection *conn, LaSide side, const LaSegment *s, uint64_t marks, uint32_t my_nxt_before)
{
  LaEndpoint *me = &conn->end[side];
  LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  if ((marks & LA_MARK_ACK_OF_UNSEEN) != 0) {
    if ((peer->flags & LA_END_SPOKE) != 0) {
      /* Holes of earlier acknowledgments that touch it are one with it. */
      uint32_t start = peer->snd_nxt;
      add_hole(peer, (LaHole){.start = start, .end = s->ack, .since = s->time, .acked_frame = s->frame});
      peer->missed++;
      conn->flags |= LA_CONN_MISSED;
    }
    peer->snd_nxt = s->ack;
  } else if ((peer->flags & (LA_END_SPOKE | LA_END_ISN)) == 0) {
    peer->snd_nxt = (peer->flags & LA_END_UNA) != 0 ? la_seq_max(peer->snd_nxt, s->ack) : s->ack;
  }
  if (peer->holes_used != 0)
    acknowledge_holes(conn, peer, s);
  if ((peer->flags & LA_END_UNA) == 0 || la_seq_gt(s->ack, peer->snd_una)) {
    if ((peer->flags & (LA_END_UNA | LA_END_SPOKE)) == 0)
      peer->una_first = s->ack;
    peer->flags |= LA_END_UNA;
    peer->snd_una = s->ack;
    peer->repeats = 0;
    peer->progress_time = s->time;
  }
  if ((me->flags & LA_END_ACKED) == 0 || la_seq_gt(s->ack, me->rcv_nxt))
    me->rcv_nxt = s->ack;
  bool synchronized = (s->flags & (LA_TCP_SYN | LA_TCP_RST)) == 0;
  if ((s->flags & LA_TCP_RST) == 0) {
    uint32_t edge = s->ack + ((uint32_t)s->window << (synchronized ? me->wscale : 0));
    if ((me->flags & LA_END_ACKED) == 0 || la_seq_gt(edge, me->rcv_edge))
      me->rcv_edge = edge;
    me->flags |= LA_END_ACKED;
  }
  if ((marks & LA_MARK_HANDSHAKE_ACK) != 0) {
    conn->handshake_ack_frame = s->frame;
    conn->handshake_ack_time = s->time;
  }
  if ((marks & LA_MARK_ACKS_FIN) != 0 && (peer->flags & LA_END_FIN_ACKED) == 0) {
    peer->flags |= LA_END_FIN_ACKED;
    peer->fin_acked_frame = s->frame;
    peer->fin_acked_time = s->time;
    peer->fin_acked_seq = my_nxt_before;
    if ((me->flags & LA_END_FIN_ACKED) != 0)
      conn->flags |= LA_CONN_CLOSED;
  }
  if ((marks & LA_MARK_ZERO_WINDOW) != 0 && (me->flags & LA_END_ZERO_WINDOW) == 0) {
    me->flags |= LA_END_ZERO_WINDOW;
    me->zero_window_since = s->time;
  } else if ((marks & LA_MARK_WINDOW_OPENED) != 0) {
    me->flags &= ~(uint32_t)LA_END_ZERO_WINDOW;
    if (s->time - me->zero_window_since > me->zero_window_longest)
      me->zero_window_longest = s->time - me->zero_window_since;
  }
}

/* The end's first segment lies behind what the other end had acknowledged step by step: all that was before it the capture missed. In a
 * connection that began before the capture it may have passed before, too. */
static void note_missed_start(LaConnection *conn, LaEndpoint *me, const LaEndpoint *peer, const LaSegment *s)
{
  if ((conn->flags & LA_CONN_MIDSTREAM) != 0 || (me->flags & LA_END_UNA) == 0 || (s->flags & LA_TCP_SYN) != 0 ||
      !la_seq_gt(me->snd_una, me->una_first) || la_seq_lt(s->seq + 1, me->snd_una))
    return;
  add_hole(me,
           (LaHole){.start = me->una_first, .end = me->snd_una, .since = me->progress_time, .acked_frame = peer->last_frame});
  me->missed++;
  conn->flags |= LA_CONN_MISSED;
}

void la_account(LaConnection *conn, LaSide side, const LaSegment *s, uint64_t marks)
{
  LaEndpoint *me = &conn->end[side];
  LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  me->packets++;
  me->payload_bytes += s->payload_len;
  me->syn += (s->flags & LA_TCP_SYN) != 0;
  me->fin += (s->flags & LA_TCP_FIN) != 0;
  me->rst += (s->flags & LA_TCP_RST) != 0;
  if ((marks & LA_MARK_TIME_WENT_BACK) != 0)
    conn->flags |= LA_CONN_TIME_WENT_BACK;
  me->cut += (s->options & LA_OPT_CUT) != 0;
  me->bad_checksums += s->checksum_bad;
  if (s->fragment != 0)
    conn->flags |= LA_CONN_FRAGMENTS;

  if ((marks & LA_MARK_DUPLICATE) != 0) {
    me->duplicate++;
    peer->flags |= LA_END_COPIED;
  } else {
    me->recent_hash[me->recent_next & 7] = la_segment_fingerprint(s);
    me->recent_time[me->recent_next & 7] = (uint32_t)((uint64_t)s->time / 1000u);
    me->recent_next++;
    uint32_t nxt_before = (me->flags & (LA_END_SPOKE | LA_END_ISN)) != 0 ? me->snd_nxt : s->seq;
    peer->unanswered = 0;
    peer->flags &= ~(uint32_t)LA_END_COPIED;
    if ((marks & LA_MARK_CHALLENGE_ACK) != 0 && me->steps == 0 && peer->state == LA_TCP_SYN_SENT) {
      /* Of a connection before this one, which the capture does not have: no number of it counts here. */
      if (conn->earlier.challenges++ == 0) {
        conn->earlier.challenge_frame = s->frame;
        conn->earlier.challenge_time = s->time;
      }
    } else if ((marks & LA_MARK_INVALID_FLAGS) == 0) {
      if (la_segment_length(s) != 0 || (marks & (LA_MARK_KEEPALIVE | LA_MARK_WINDOW_PROBE)) != 0) {
        if (me->unanswered++ == 0) {
          me->unanswered_frame = s->frame;
          me->unanswered_since = s->time;
        }
      }
      if ((s->flags & LA_TCP_RST) != 0) {
        if ((marks & LA_MARK_RST_IGNORED) != 0)
          peer->flags |= LA_END_CHALLENGED;
      } else {
        if (s->ttl < me->ttl_min || me->ttl_max == 0)
          me->ttl_min = s->ttl;
        if (s->ttl > me->ttl_max)
          me->ttl_max = s->ttl;
        me->flags &= ~(uint32_t)(LA_END_PROBED | LA_END_CHALLENGED);
        if ((me->flags & LA_END_SPOKE) == 0)
          note_missed_start(conn, me, peer, s);
        if ((s->flags & LA_TCP_SYN) != 0) {
          if ((marks & LA_MARK_RETRANSMISSION) != 0)
            me->retransmitted++;
          account_syn(conn, me, peer, s, marks);
        } else {
          account_data(conn, side, s, marks);
        }
        if ((s->flags & LA_TCP_ACK) != 0 && (marks & LA_MARK_BAD_ACK) == 0)
          account_ack(conn, side, s, marks, nxt_before);
        me->flags |= LA_END_SPOKE;
        if ((s->options & LA_OPT_TIMESTAMPS) != 0)
          me->ts_val = s->ts_val;
        me->window = s->window;
        me->ip_id = s->ip_id;
      }
    }
    me->last_time = s->time;
    me->last_frame = s->frame;
  }
}
