/* An observer in the middle sees a segment leave its sender and does not see it arrive. So a segment says two things:
 *
 *   about its sender, for certain: what the sender did (its own step), and what it had received before (its acknowledgment);
 *   about its receiver, by assumption: what it will do to it, if it arrives.
 *
 * An assumed step is proved when the receiver's later segments show it (they acknowledge the SYN, the FIN), and taken back when
 * they show the contrary: an end that repeats its FIN has not got the acknowledgment, an end that answers a FIN with a RST that does not
 * acknowledge it never took it, an end that speaks long after a RST has survived it. What was taken back is assumed again only by
 * what is no repetition itself: a FIN that had to be sent twice waits for its acknowledgment; a pure acknowledgment sent again
 * counts again, since its sender would not have sent it without cause. */
#include "track/follow.h"

#include "base/seq.h"
#include "track/classify.h"
#include "track/path.h"

#define REORDERED (3 * LA_MSEC)

typedef struct {
  LaConnection *conn;
  LaSide side;
  LaEndpoint *me, *peer;
  const LaSegment *s;
  uint64_t marks;
  uint64_t added;
} Follow;

static bool has(const Follow *f, uint64_t marks)
{
  return (f->marks & marks) != 0;
}

static bool carries_ack(const Follow *f)
{
  return (f->s->flags & LA_TCP_ACK) != 0;
}

/* Acknowledges the other end's FIN. */
static bool covers_fin(const Follow *f)
{
  return carries_ack(f) && (f->peer->flags & LA_END_FIN) != 0 && la_seq_ge(f->s->ack, f->peer->fin_end);
}

/* Reports data behind a hole (RFC 2018): what it does not acknowledge has not come. */
static bool reports_hole(const Follow *f)
{
  return (f->s->options & LA_OPT_SACK) != 0 && f->s->sack_count != 0 && la_seq_gt(f->s->sack[0].right, f->s->ack);
}

/* Acknowledges the other end's SYN and is no SYN itself. */
static bool covers_syn(const Follow *f)
{
  return carries_ack(f) && !has(f, LA_MARK_SYN_ACK) && (f->peer->flags & LA_END_ISN) != 0 && la_seq_gt(f->s->ack, f->peer->isn);
}

/* What only an end sends whose SYN was acknowledged. */
static bool is_synchronized_talk(const Follow *f)
{
  if (has(f, LA_MARK_SYN | LA_MARK_SYN_ACK))
    return false;
  if (has(f, LA_MARK_RST))
    return carries_ack(f);
  if (has(f, LA_MARK_DATA | LA_MARK_FIN | LA_MARK_KEEPALIVE | LA_MARK_WINDOW_PROBE))
    return true;
  if ((f->s->options & LA_OPT_SACK) != 0)
    return true; /* a request socket keeps no data that it could report */
  uint32_t first = f->peer->isn + 1;
  return carries_ack(f) && (f->peer->flags & LA_END_ISN) != 0 && la_seq_gt(f->s->ack, first) &&
         (f->conn->flags & LA_CONN_FAST_OPEN) == 0;
}

static bool received_fin(LaTcpState state)
{
  return state == LA_TCP_CLOSE_WAIT || state == LA_TCP_LAST_ACK || state == LA_TCP_CLOSING || state == LA_TCP_TIME_WAIT;
}

static bool has_open_hole(const LaEndpoint *end)
{
  for (unsigned i = 0; i < end->holes_used; i++)
    if (end->holes[i].acked_frame == 0)
      return true;
  return false;
}

static LaCause own(const Follow *f)
{
  return (LaCause){.frame = f->s->frame, .time = f->s->time, .proved_by = f->s->frame};
}

static LaCause on_its_way(const Follow *f)
{
  return (LaCause){.frame = f->s->frame, .time = f->s->time, .proved_by = 0};
}

/* ---- what the segment says about steps its sender was assumed to have made ---- */

static LaTcpState state_before(const LaEndpoint *end, unsigned i)
{
  return i > 0 ? (LaTcpState)end->path[i - 1].state : LA_TCP_CLOSED;
}

static bool proves(const Follow *f, unsigned i)
{
  LaTcpState before = state_before(f->me, i);
  switch ((LaTcpState)f->me->path[i].state) {
  case LA_TCP_ESTABLISHED: return before == LA_TCP_SYN_SENT ? covers_syn(f) : is_synchronized_talk(f);
  case LA_TCP_CLOSE_WAIT:
  case LA_TCP_CLOSING: return covers_fin(f);
  case LA_TCP_TIME_WAIT:
    if (before == LA_TCP_FIN_WAIT_2)
      return covers_fin(f);
    return carries_ack(f) && la_seq_gt(f->s->ack, f->me->fin_acked_seq);
  case LA_TCP_FIN_WAIT_2: return carries_ack(f) && la_seq_gt(f->s->ack, f->me->fin_acked_seq);
  case LA_TCP_SYN_RECEIVED: return has(f, LA_MARK_SYN_ACK);
  default: return false;
  }
}

/* An empty acknowledgment below what its sender had sent: it was sent before that, and was delayed. One below is where keep-alives
 * stand. */
static bool is_belated(const Follow *f)
{
  return carries_ack(f) && f->s->payload_len == 0 && !has(f, LA_MARK_SYN | LA_MARK_SYN_ACK | LA_MARK_FIN) &&
         la_seq_lt(f->s->seq + 1, f->me->snd_nxt);
}

/* Whether the segment shows that the sender did not survive the RST that was sent to it, or rather that it did. */
static bool survives_rst(const Follow *f, const LaStep *step)
{
  if (has(f, LA_MARK_RST) || is_belated(f))
    return false;
  if (f->s->time - step->time > la_in_flight_allowance(f->conn))
    return true;
  return has(f, LA_MARK_CHALLENGE_ACK);
}

static bool contradicts(const Follow *f, unsigned i)
{
  const LaStep *step = &f->me->path[i];
  LaTcpState before = state_before(f->me, i);
  bool repeats_fin = has(f, LA_MARK_FIN) && has(f, LA_MARK_RETRANSMISSION);
  bool bare_rst = has(f, LA_MARK_RST) && !carries_ack(f);
  if (step->gap)
    return false;
  switch ((LaTcpState)step->state) {
  case LA_TCP_ESTABLISHED:
    if (before == LA_TCP_SYN_SENT)
      return has(f, LA_MARK_SYN) || bare_rst;
    /* A SYN-ACK sent again at once may have crossed the ACK. */
    return (has(f, LA_MARK_SYN_ACK) && f->s->time - step->time > la_in_flight_allowance(f->conn)) || bare_rst;
  case LA_TCP_CLOSE_WAIT:
  case LA_TCP_CLOSING:
  case LA_TCP_TIME_WAIT:
    if (step->state == LA_TCP_TIME_WAIT && before == LA_TCP_CLOSING)
      return repeats_fin;
    if (covers_fin(f))
      return false;
    if (has(f, LA_MARK_FIN | LA_MARK_RST) || reports_hole(f))
      return true;
    return f->s->time - step->time > la_in_flight_allowance(f->conn);
  case LA_TCP_FIN_WAIT_2: return repeats_fin;
  case LA_TCP_CLOSED:
    if (step->frame == f->conn->rst_frame || before != LA_TCP_LAST_ACK)
      return survives_rst(f, step);
    return repeats_fin;
  default: return false;
  }
}

/* The RST in front of which this end was closed did not end it after all. */
static void rst_was_survived(Follow *f)
{
  f->conn->flags &= ~(uint32_t)LA_CONN_RST;
  f->conn->rst_time = LA_TIME_NONE;
  f->conn->rst_frame = 0;
  f->me->flags &= ~(uint32_t)LA_END_DOUBT;
}

static void review(Follow *f)
{
  LaEndpoint *me = f->me;
  /* A RST with this end's address, and yet this end goes on: it was somebody else's. */
  bool reset_by_it = (f->conn->flags & LA_CONN_RST) != 0 && f->conn->rst_side == f->side;
  if (reset_by_it && !has(f, LA_MARK_RST) && !is_belated(f) && f->s->time - f->conn->rst_time > REORDERED) {
    const LaStep *last = la_path_last(me);
    if (last != NULL && last->state == LA_TCP_CLOSED && last->frame == f->conn->rst_frame)
      la_path_take_back(me);
    me->flags |= LA_END_WENT_ON;
    f->conn->rst_foreign = 1;
    f->added |= LA_MARK_CORRECTED;
  }
  for (unsigned i = me->steps; i-- > 0 && me->path[i].proved_by == 0;) {
    if (proves(f, i)) {
      for (unsigned k = i + 1; k-- > 0 && me->path[k].proved_by == 0;)
        if (!me->path[k].gap)
          me->path[k].proved_by = f->s->frame;
      break;
    }
  }
  while (la_path_assumed(me) && contradicts(f, me->steps - 1u)) {
    LaStep step = me->path[me->steps - 1];
    la_path_take_back(me);
    f->added |= LA_MARK_CORRECTED;
    if (received_fin((LaTcpState)step.state) && step.frame == f->peer->fin_last_frame && !has(f, LA_MARK_FIN))
      f->peer->flags |= LA_END_FIN_UNTAKEN;
    if (step.state == LA_TCP_CLOSED && step.frame == f->conn->rst_frame)
      rst_was_survived(f);
  }
  me->flags &= ~(uint32_t)LA_END_DOUBT;
}

/* ---- what the sender had received, as its acknowledgment proves ---- */

static void apply_proved_receptions(Follow *f)
{
  LaEndpoint *me = f->me;
  LaEndpoint *peer = f->peer;
  uint64_t proof = f->s->frame;
  if (me->state == LA_TCP_SYN_SENT && (peer->flags & LA_END_SYN_ACK) != 0 && covers_syn(f))
    la_path_apply(me, LA_EVENT_RCV_SYN_ACK, (LaCause){peer->syn_last_frame, peer->syn_last_time, proof});
  if (me->state == LA_TCP_SYN_RECEIVED && (peer->flags & LA_END_SPOKE) != 0 && is_synchronized_talk(f) &&
      (peer->flags & LA_END_ACKED) != 0 && la_seq_gt(peer->rcv_nxt, me->isn))
    la_path_apply(me, LA_EVENT_RCV_ACK, (LaCause){peer->last_frame, peer->last_time, proof});
  if (covers_fin(f) && !received_fin((LaTcpState)me->state) && me->steps != 0 && me->state != LA_TCP_CLOSED) {
    LaCause fin = {peer->fin_last_frame, peer->fin_last_time, proof};
    /* What filled the hole in front of the FIN let it in. */
    if ((peer->flags & LA_END_FIN_UNTAKEN) != 0 && peer->data_last_frame > peer->fin_last_frame) {
      fin.frame = peer->data_last_frame;
      fin.time = peer->data_last_time;
    }
    /* An echo older than the last copy of the FIN (RFC 7323 section 4.3) tells that an earlier copy was taken: when it passed before
     * the acknowledgment of this end's own FIN, both closed at once. */
    bool earlier_copy = peer->fin_sent > 1 && peer->fin_ts != 0 && (f->s->options & LA_OPT_TIMESTAMPS) != 0 &&
                        la_seq_lt(f->s->ts_ecr, peer->fin_ts);
    if (earlier_copy && me->state == LA_TCP_FIN_WAIT_2 && la_path_assumed(me) && peer->fin_frame < me->fin_acked_frame) {
      la_path_take_back(me);
      la_path_apply(me, LA_EVENT_RCV_FIN, (LaCause){peer->fin_frame, peer->fin_time, proof});
      la_path_apply(me, LA_EVENT_RCV_FIN_ACK, (LaCause){me->fin_acked_frame, me->fin_acked_time, proof});
      return;
    }
    if (me->state == LA_TCP_FIN_WAIT_1 && (me->flags & LA_END_FIN_ACKED) != 0 && la_seq_ge(peer->fin_ack, me->fin_end))
      la_path_apply(me, LA_EVENT_RCV_FIN_ACK, fin);
    la_path_apply(me, LA_EVENT_RCV_FIN, fin);
  }
}

/* ---- what the sender did ---- */

/* A RST shows its sender closed unless somebody else sent it, or it refuses an unacceptable acknowledgment in SYN_SENT. */
static bool is_own_end(const Follow *f)
{
  if (has(f, LA_MARK_FOREIGN_TTL))
    return false;
  if (f->me->state == LA_TCP_SYN_SENT)
    return f->s->seq == f->me->snd_nxt || carries_ack(f);
  return has(f, LA_MARK_RST_COUNTS) || f->s->seq == f->me->snd_nxt;
}

static void apply_own(Follow *f)
{
  LaEndpoint *me = f->me;
  if (has(f, LA_MARK_SYN))
    la_path_apply(me, LA_EVENT_SND_SYN, own(f));
  if (has(f, LA_MARK_SYN_ACK))
    la_path_apply(me, LA_EVENT_SND_SYN_ACK, own(f));
  if (has(f, LA_MARK_RST)) {
    if (me->steps != 0 && is_own_end(f)) {
      LaCause cause = own(f);
      if (me->ttl_max == 0)
        cause.proved_by = 0;
      la_path_apply(me, LA_EVENT_SND_RST, cause);
    }
    return;
  }
  if (has(f, LA_MARK_SYN | LA_MARK_SYN_ACK))
    return;
  /* A bare ACK to a SYN is a challenge of an older connection, or the first half of a split handshake. */
  bool refuses_syn = f->peer->state == LA_TCP_SYN_SENT && !has(f, LA_MARK_DATA);
  bool unknown = me->steps == 0 && (!has(f, LA_MARK_FIN) || covers_fin(f)) && !refuses_syn;
  bool missing = (me->state == LA_TCP_SYN_SENT && carries_ack(f) && (f->peer->flags & LA_END_SYN) == 0) ||
                 (me->state == LA_TCP_SYN_RECEIVED && is_synchronized_talk(f) && !has(f, LA_MARK_FIN));
  if (unknown || missing) {
    /* What acknowledges the other end's FIN was there before that FIN. */
    LaCause cause = own(f);
    if (me->steps == 0 && covers_fin(f)) {
      cause.frame = f->peer->fin_last_frame;
      cause.time = f->peer->fin_last_time;
    }
    la_path_apply(me, LA_EVENT_SND_DATA, cause);
  }
  if (me->steps == 1 && me->path[0].gap && covers_fin(f))
    la_path_apply(me, LA_EVENT_RCV_FIN, (LaCause){f->peer->fin_last_frame, f->peer->fin_last_time, f->s->frame});
  if (has(f, LA_MARK_FIN) && !has(f, LA_MARK_OUT_OF_WINDOW))
    la_path_apply(me, LA_EVENT_SND_FIN, own(f));
}

/* The other end's FIN is still on its way to the sender. */
static void assume_pending_fin(Follow *f)
{
  LaEndpoint *me = f->me;
  const LaEndpoint *peer = f->peer;
  bool pending = (peer->flags & LA_END_FIN) != 0 && (peer->flags & LA_END_FIN_UNTAKEN) == 0 && peer->fin_sent == 1;
  bool waits = me->state == LA_TCP_ESTABLISHED || me->state == LA_TCP_FIN_WAIT_1 || me->state == LA_TCP_FIN_WAIT_2;
  if (pending && waits && !covers_fin(f) && !has_open_hole(peer) &&
      f->s->time - peer->fin_time <= la_in_flight_allowance(f->conn)) {
    LaCause fin = {peer->fin_frame, peer->fin_time, 0};
    if (me->state == LA_TCP_FIN_WAIT_1 && la_seq_ge(peer->fin_ack, me->fin_end))
      la_path_apply(me, LA_EVENT_RCV_FIN_ACK, fin);
    la_path_apply(me, LA_EVENT_RCV_FIN, fin);
  }
}

/* ---- what the segment does to its receiver, if it arrives ---- */

/* Takes back the receiver's last step if it rests on an earlier copy of what is now repeated. */
static void repeated(Follow *f, bool (*is_step)(LaTcpState))
{
  LaEndpoint *peer = f->peer;
  if (la_path_assumed(peer) && !peer->path[peer->steps - 1].gap && is_step((LaTcpState)peer->state)) {
    la_path_take_back(peer);
    f->added |= LA_MARK_CORRECTED;
  }
  peer->flags |= LA_END_DOUBT;
}

/* The FIN came again: whatever rests on its first copy is taken back, then its acknowledgment is applied anew. */
static void repeated_fin(Follow *f)
{
  LaEndpoint *peer = f->peer;
  for (unsigned i = 0; i < peer->steps; i++)
    if (received_fin((LaTcpState)peer->path[i].state) && peer->path[i].proved_by != 0)
      return; /* it has the FIN for certain: only its acknowledgment is asked for again */
  peer->flags |= LA_END_DOUBT;
  unsigned keep = peer->steps;
  for (unsigned i = peer->steps; i-- > 0 && peer->path[i].proved_by == 0 && !peer->path[i].gap;)
    if (received_fin((LaTcpState)peer->path[i].state) && !received_fin(state_before(peer, i)))
      keep = i;
  if (keep == peer->steps)
    return;
  while (peer->steps > keep)
    la_path_take_back(peer);
  f->added |= LA_MARK_CORRECTED;
  if (carries_ack(f) && (peer->flags & LA_END_FIN) != 0 && la_seq_ge(f->s->ack, peer->fin_end))
    la_path_apply(peer, LA_EVENT_RCV_FIN_ACK, on_its_way(f));
}

static bool is_established(LaTcpState state)
{
  return state == LA_TCP_ESTABLISHED;
}

/* The first RST that counts. */
static void note_rst(LaConnection *conn, LaSide side, LaCause cause, uint8_t foreign)
{
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  conn->flags |= LA_CONN_RST;
  conn->rst_frame = cause.frame;
  conn->rst_time = cause.time;
  conn->rst_side = (uint8_t)side;
  conn->before_rst = (LaPayloadSeen){.data_frame = peer->data_last_frame,
                                     .data_time = peer->data_last_time,
                                     .new_frame = peer->new_data_frame,
                                     .new_time = peer->new_data_time,
                                     .new_idle = peer->new_data_idle};
  conn->rst_foreign = foreign;
  conn->end[side].flags |= LA_END_RST;
  if (side == LA_ACCEPTOR && peer->state == LA_TCP_SYN_SENT)
    conn->flags |= LA_CONN_REFUSED;
  if (side == LA_OPENER && conn->handshake_ack_frame == 0 && (peer->flags & LA_END_SYN_ACK) != 0)
    conn->flags |= LA_CONN_ABANDONED;
}

void la_follow_early_rst(LaConnection *conn)
{
  LaSide side = (LaSide)conn->early_rst_side;
  LaEndpoint *me = &conn->end[side];
  LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  LaCause cause = {.frame = conn->early_rst_frame, .time = conn->early_rst_time, .proved_by = 0};
  note_rst(conn, side, cause, 0);
  /* What its receiver says next is no challenge. */
  peer->flags &= ~(uint32_t)LA_END_CHALLENGED;
  if (peer->steps != 0)
    la_path_apply(peer, LA_EVENT_RCV_RST, cause);
  cause.proved_by = cause.frame;
  if (me->steps != 0)
    la_path_apply(me, LA_EVENT_SND_RST, cause);
  conn->early_rst_frame = 0;
}

static void receive_rst(Follow *f)
{
  LaEndpoint *peer = f->peer;
  if (!has(f, LA_MARK_RST_COUNTS)) {
    peer->flags |= LA_END_DOUBT;
    return;
  }
  if ((f->conn->flags & (LA_CONN_RST | LA_CONN_CLOSED)) == 0)
    note_rst(f->conn, f->side, on_its_way(f), has(f, LA_MARK_FOREIGN_TTL));
  if (peer->steps != 0)
    la_path_apply(peer, LA_EVENT_RCV_RST, on_its_way(f));
}

/* The opener did not take the refusal for the last word: Windows sends its SYN again after a RST, and now it is answered. */
static void tried_again(Follow *f)
{
  f->conn->flags &= ~(uint32_t)(LA_CONN_REFUSED | LA_CONN_RST);
  f->conn->rst_frame = 0;
  f->conn->rst_foreign = 0;
  f->me->flags &= ~(uint32_t)LA_END_RST;
}

static void receive_syn(Follow *f)
{
  LaEndpoint *peer = f->peer;
  if (has(f, LA_MARK_SYN)) {
    if (has(f, LA_MARK_RETRANSMISSION))
      return;
    if (peer->state == LA_TCP_SYN_SENT) {
      f->conn->flags |= LA_CONN_SIMULTANEOUS;
      la_path_apply(peer, LA_EVENT_RCV_SYN, on_its_way(f));
      /* The other SYN passed before: it is under way to this one's sender. */
      la_path_apply(f->me, LA_EVENT_RCV_SYN, (LaCause){peer->syn_last_frame, peer->syn_last_time, 0});
    }
    return;
  }
  if (has(f, LA_MARK_BAD_ACK))
    return;
  if (has(f, LA_MARK_RETRANSMISSION))
    repeated(f, is_established);
  else if ((peer->flags & LA_END_SYN) != 0) {
    if ((f->conn->flags & LA_CONN_REFUSED) != 0 && peer->state == LA_TCP_SYN_SENT)
      tried_again(f);
    la_path_apply(peer, LA_EVENT_RCV_SYN_ACK, on_its_way(f));
  }
}

static void receive_ack(Follow *f)
{
  LaEndpoint *peer = f->peer;
  if (peer->state == LA_TCP_SYN_RECEIVED && covers_syn(f)) {
    bool insists = f->me->repeats > 1 || (has(f, LA_MARK_DATA) && has(f, LA_MARK_RETRANSMISSION));
    if (!insists)
      la_path_apply(peer, LA_EVENT_RCV_ACK, on_its_way(f));
    else
      peer->flags |= LA_END_DOUBT;
  } else if (f->me->repeats > 1 && peer->steps > 0 && state_before(peer, peer->steps - 1u) == LA_TCP_SYN_RECEIVED &&
             has(f, LA_MARK_DATA)) {
    /* Payload behind the ACK comes for the third time: nothing shows that the ACK was taken. */
    repeated(f, is_established);
  }
  if (covers_fin(f) && (peer->state == LA_TCP_FIN_WAIT_1 || peer->state == LA_TCP_CLOSING || peer->state == LA_TCP_LAST_ACK))
    la_path_apply(peer, LA_EVENT_RCV_FIN_ACK, on_its_way(f));
}

static void receive_fin(Follow *f)
{
  LaEndpoint *peer = f->peer;
  if (has(f, LA_MARK_RETRANSMISSION)) {
    f->me->flags |= LA_END_FIN_UNTAKEN;
    repeated_fin(f);
    return;
  }
  /* A hole in a capture that misses packets is no hole on the way. */
  bool hole = (has(f, LA_MARK_HOLE_BEFORE) || has_open_hole(f->me)) && (f->conn->flags & LA_CONN_MISSED) == 0;
  if (hole || has(f, LA_MARK_OUT_OF_WINDOW) || (f->me->flags & LA_END_FIN_UNTAKEN) != 0) {
    f->me->flags |= LA_END_FIN_UNTAKEN;
    peer->flags |= LA_END_DOUBT;
    return;
  }
  if (peer->steps != 0)
    la_path_apply(peer, LA_EVENT_RCV_FIN, on_its_way(f));
}

static void apply_received(Follow *f)
{
  if (has(f, LA_MARK_RST)) {
    receive_rst(f);
    return;
  }
  if (has(f, LA_MARK_SYN | LA_MARK_SYN_ACK)) {
    receive_syn(f);
    return;
  }
  if (carries_ack(f))
    receive_ack(f);
  if (has(f, LA_MARK_FIN)) {
    receive_fin(f);
  } else if (has(f, LA_MARK_DATA) && has(f, LA_MARK_RETRANSMISSION) && (f->me->flags & LA_END_FIN) != 0 &&
             la_seq_lt(f->s->seq, f->me->fin_end)) {
    /* What lies before the FIN is sent again: the FIN waits behind it. */
    f->me->flags |= LA_END_FIN_UNTAKEN;
    repeated_fin(f);
  }
}

uint64_t la_follow(LaConnection *conn, LaSide side, const LaSegment *segment, uint64_t marks)
{
  if ((marks & (LA_MARK_DUPLICATE | LA_MARK_INVALID_FLAGS)) != 0)
    return 0;
  Follow f = {
      .conn = conn, .side = side, .me = &conn->end[side], .peer = &conn->end[LA_OTHER(side)], .s = segment, .marks = marks};
  review(&f);
  apply_proved_receptions(&f);
  apply_own(&f);
  if (!has(&f, LA_MARK_RST))
    assume_pending_fin(&f);
  apply_received(&f);
  if (f.me->state >= LA_TCP_ESTABLISHED && f.peer->state >= LA_TCP_ESTABLISHED)
    conn->flags |= LA_CONN_ESTABLISHED;
  return f.added;
}
