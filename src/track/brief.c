/* Nine connections of ten open, talk in order and close, and nobody asks for more of them than a few figures. While a connection does
 * nothing else, its segments are only noted, forty bytes each, after the same questions that lane.c asks of them: with so little
 * memory a connection the next segment of any of them is near. When something else comes, or there are too many segments, or somebody
 * wants the whole record, a LaConnection is written by following the noted segments through lane.c, which then must take every one of
 * them. What the segments meant to others (services, hosts) was told when they came, and is not told again. */
#include "track/brief.h"

#include <assert.h>
#include <stddef.h>

#include "base/seq.h"
#include "track/lane.h"

static_assert(sizeof(LaBriefSegment) == 40 && offsetof(LaBrief, segment) == 192, "a brief fills whole cache lines");

#define UNUSUAL_OPTIONS (LA_OPT_SACK | LA_OPT_CUT)

bool la_brief_may_begin(const LaSegment *s)
{
  return (s->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST | LA_TCP_FIN)) == LA_TCP_SYN && s->payload_len == 0 &&
         ((s->options & UNUSUAL_OPTIONS) | s->checksum_bad | s->fragment | s->encap_count) == 0;
}

static void note(LaBrief *b, LaSide side, const LaSegment *s)
{
  b->segment[b->count++] = (LaBriefSegment){.time = s->time,
                                            .frame = (uint32_t)(s->frame - b->first_frame),
                                            .seq = s->seq,
                                            .ack = s->ack,
                                            .ts_val = s->ts_val,
                                            .payload_len = (uint16_t)s->payload_len,
                                            .window = s->window,
                                            .ip_id = s->ip_id,
                                            .options = s->options,
                                            .option_hash = s->option_hash,
                                            .flags = s->flags,
                                            .ttl = s->ttl,
                                            .side = (uint8_t)side};
  b->last_time = s->time;
}

static void note_syn(LaBrief *b, LaSide side, const LaSegment *s)
{
  b->mss[side] = s->mss;
  b->wscale[side] = s->wscale;
  b->cookie_len[side] = s->cookie_len;
  b->nxt[side] = s->seq + 1;
  note(b, side, s);
}

void la_brief_begin(LaBrief *b, const LaSegment *s)
{
  b->addr[LA_OPENER] = s->src;
  b->addr[LA_ACCEPTOR] = s->dst;
  b->port[LA_OPENER] = s->src_port;
  b->port[LA_ACCEPTOR] = s->dst_port;
  b->family = s->family;
  b->first_time = s->time;
  b->first_frame = s->frame;
  b->interface = s->interface;
  b->count = 0;
  b->data = 0;
  b->acked = 0;
  b->shift[LA_OPENER] = b->shift[LA_ACCEPTOR] = 0;
  b->first_fin = LA_SIDE_N;
  b->exit_run_id = b->exit_run = b->exit_runs = 0;
  b->exit_idle = b->exit_run_span = 0;
  b->exit_side = b->exit_timed = 0;
  b->others_served = 0;
  b->phase = LA_BRIEF_SYN;
  note_syn(b, LA_OPENER, s);
}

static void widen(LaBrief *b, LaSide side, const LaSegment *s, unsigned shift)
{
  uint32_t edge = s->ack + ((uint32_t)s->window << shift);
  if (la_seq_gt(edge, b->edge[side]))
    b->edge[side] = edge;
}

static bool take_syn_ack(LaBrief *b, LaSide side, const LaSegment *s)
{
  if (b->phase != LA_BRIEF_SYN || side != LA_ACCEPTOR || s->payload_len != 0 || (s->flags & LA_TCP_FIN) != 0 ||
      s->ack != b->nxt[LA_OPENER])
    return false;
  if ((s->options & b->segment[0].options & LA_OPT_WSCALE) != 0) {
    b->shift[LA_OPENER] = b->wscale[LA_OPENER] > 14 ? 14 : b->wscale[LA_OPENER];
    b->shift[LA_ACCEPTOR] = s->wscale > 14 ? 14 : s->wscale;
  }
  note_syn(b, LA_ACCEPTOR, s);
  b->una[LA_OPENER] = s->ack;
  b->edge[LA_ACCEPTOR] = s->ack + s->window;
  b->phase = LA_BRIEF_SYN_ACK;
  return true;
}

/* The phase that a segment leads to; LA_BRIEF_FREE: not what is expected. `said` is whether it says anything new. */
static LaBriefPhase next_phase(const LaBrief *b, LaSide side, const LaSegment *s, bool said)
{
  bool fin = (s->flags & LA_TCP_FIN) != 0;
  bool empty = s->payload_len == 0;
  bool acks_all = s->ack == b->nxt[LA_OTHER(side)];
  switch ((LaBriefPhase)b->phase) {
  case LA_BRIEF_SYN_ACK: return side == LA_OPENER && !fin && acks_all ? LA_BRIEF_ACKED : LA_BRIEF_FREE;
  case LA_BRIEF_ACKED:
    if (fin || !said)
      return LA_BRIEF_FREE;
    return side == LA_ACCEPTOR ? LA_BRIEF_ESTABLISHED : LA_BRIEF_ACKED;
  case LA_BRIEF_ESTABLISHED:
    if (!said)
      return LA_BRIEF_FREE;
    return fin ? LA_BRIEF_FIN : LA_BRIEF_ESTABLISHED;
  case LA_BRIEF_FIN:
    if (side == (LaSide)b->first_fin || !empty || !acks_all)
      return LA_BRIEF_FREE;
    return fin ? LA_BRIEF_BOTH_FINS : LA_BRIEF_FIN_ACKED;
  case LA_BRIEF_FIN_ACKED:
    return side != (LaSide)b->first_fin && fin && empty && s->ack == b->una[b->first_fin] &&
                   b->segment[b->fin_at[b->first_fin]].time < b->last_time
               ? LA_BRIEF_BOTH_FINS
               : LA_BRIEF_FREE;
  case LA_BRIEF_BOTH_FINS: return side == (LaSide)b->first_fin && !fin && empty && acks_all ? LA_BRIEF_CLOSED : LA_BRIEF_FREE;
  default: return LA_BRIEF_FREE;
  }
}

bool la_brief_take(LaBrief *b, LaSide side, const LaSegment *s)
{
  uint64_t frame = s->frame - b->first_frame;
  if (((s->options & UNUSUAL_OPTIONS) | s->checksum_bad | s->fragment | (frame >> 32) | (s->payload_len >> 16)) != 0 ||
      b->count == LA_BRIEF_SEGMENTS || s->time < b->last_time || s->interface != b->interface)
    return false;
  unsigned kind = s->flags & (LA_TCP_SYN | LA_TCP_RST | LA_TCP_ACK);
  if (kind == (LA_TCP_SYN | LA_TCP_ACK))
    return take_syn_ack(b, side, s);
  if (kind != LA_TCP_ACK || b->phase < LA_BRIEF_SYN_ACK || s->seq != b->nxt[side] || s->window == 0)
    return false;
  LaSide other = LA_OTHER(side);
  bool answered = other == LA_OPENER || b->acked != 0; /* the other end's SYN */
  bool progress = !answered || la_seq_gt(s->ack, b->una[other]);
  if (answered && s->ack - b->una[other] > b->nxt[other] - b->una[other])
    return false;
  bool fin = (s->flags & LA_TCP_FIN) != 0;
  uint32_t length = s->payload_len + fin;
  bool said = length != 0 || (progress && (b->data >> other & 1) != 0);
  LaBriefPhase phase = next_phase(b, side, s, said);
  if (phase == LA_BRIEF_FREE)
    return false;
  /* Until the opener's first ACK it has announced no window that counts. */
  if (length != 0 && (other == LA_ACCEPTOR || b->acked != 0) && la_seq_gt(s->seq, b->edge[other]))
    return false;
  if (side == LA_OPENER && b->acked == 0) {
    b->edge[LA_OPENER] = s->ack + ((uint32_t)s->window << b->shift[LA_OPENER]);
    b->acked = 1;
  } else {
    widen(b, side, s, b->shift[side]);
  }
  if (progress)
    b->una[other] = s->ack;
  if (s->payload_len != 0)
    b->data |= (uint8_t)(1u << side);
  b->nxt[side] = s->seq + length;
  if (phase >= LA_BRIEF_FIN) {
    if (fin) {
      b->fin_at[side] = b->count;
      if (b->first_fin == LA_SIDE_N)
        b->first_fin = (uint8_t)side;
    }
    if (phase == LA_BRIEF_CLOSED || b->phase == LA_BRIEF_FIN)
      b->fin_acked_at[other] = b->count;
  }
  note(b, side, s);
  b->phase = (uint8_t)phase;
  return true;
}

void la_brief_segment(const LaBrief *b, unsigned index, LaSegment *ret)
{
  const LaBriefSegment *from = &b->segment[index];
  LaSide side = (LaSide)from->side;
  ret->time = from->time;
  ret->frame = b->first_frame + from->frame;
  ret->src = b->addr[side];
  ret->dst = b->addr[LA_OTHER(side)];
  ret->src_port = b->port[side];
  ret->dst_port = b->port[LA_OTHER(side)];
  ret->seq = from->seq;
  ret->ack = from->ack;
  ret->payload_len = from->payload_len;
  ret->ts_ecr = 0;
  ret->ts_val = from->ts_val;
  ret->window = from->window;
  ret->flags = from->flags;
  ret->options = from->options;
  ret->option_hash = from->option_hash;
  ret->ip_id = from->ip_id;
  ret->header_len = 0;
  ret->ttl = from->ttl;
  ret->family = b->family;
  ret->wscale = b->wscale[side];
  ret->mss = b->mss[side];
  ret->sack_count = 0;
  ret->cookie_len = b->cookie_len[side];
  ret->tunnel_hash = 0;
  ret->checksum_bad = 0;
  ret->fragment = 0;
  ret->encap_count = 0;
  ret->interface = b->interface;
}

LaTime la_brief_server_spoke(const LaBrief *b)
{
  for (unsigned i = b->count; i-- > 2;)
    if (b->segment[i].side == LA_ACCEPTOR)
      return b->segment[i].time;
  return LA_TIME_NONE;
}

void la_brief_copy_head(const LaBrief *b, LaConnection *conn)
{
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    conn->addr[side] = b->addr[side];
    conn->port[side] = b->port[side];
  }
  conn->family = b->family;
  conn->roles_from = LA_ROLES_SYN;
  conn->hash = b->hash;
  conn->id = b->id;
  conn->file = b->file;
  conn->first_time = b->first_time;
  conn->first_frame = b->first_frame;
  conn->last_time = b->last_time;
  conn->deadline = b->deadline;
  conn->interface = b->interface;
  conn->service = b->service;
  conn->host = b->host;
  conn->others_spoke = b->others_spoke;
  conn->others_taken = LA_TIME_NONE; /* a SYN-ACK that comes again is no matter of a brief */
  conn->others_live = b->others_live;
  conn->others_before = b->others_before;
  conn->others_served = b->others_served;
  conn->other_family = LA_TIME_NONE;
  conn->exit_run_id = b->exit_run_id;
  conn->exit_run = b->exit_run;
  conn->exit_runs = b->exit_runs;
  conn->exit_run_span = b->exit_run_span;
  conn->exit_side = b->exit_side;
  conn->exit_timed = b->exit_timed;
  conn->exit_idle = b->exit_idle;
}

static void sum_end(const LaBrief *b, LaSide side, LaEndpoint *end)
{
  const LaBriefSegment *syn = &b->segment[side == LA_OPENER ? 0 : 1];
  const LaBriefSegment *fin = &b->segment[b->fin_at[side]];
  const LaBriefSegment *fin_acked = &b->segment[b->fin_acked_at[side]];
  bool first = side == (LaSide)b->first_fin;
  end->flags = LA_END_ISN | LA_END_SPOKE | LA_END_ACKED | LA_END_UNA | LA_END_FIN | LA_END_FIN_ACKED | LA_END_SCALE_KNOWN |
               (side == LA_OPENER ? LA_END_SYN : LA_END_SYN_ACK) | ((b->data >> side & 1) != 0 ? LA_END_DATA : 0);
  end->isn = syn->seq;
  end->state = first ? LA_TCP_TIME_WAIT : LA_TCP_CLOSED;
  end->syn = 1;
  end->syn_sent = side == LA_OPENER;
  end->syn_ack_sent = side == LA_ACCEPTOR;
  end->syn_frame = end->syn_last_frame = b->first_frame + syn->frame;
  end->syn_time = end->syn_last_time = syn->time;
  end->fin = end->fin_sent = 1;
  end->fin_frame = end->fin_last_frame = b->first_frame + fin->frame;
  end->fin_time = end->fin_last_time = fin->time;
  end->fin_ack = fin->ack;
  end->fin_end = b->nxt[side];
  end->fin_acked_frame = b->first_frame + fin_acked->frame;
  end->fin_acked_time = fin_acked->time;
  end->packets = 0;
  end->payload_bytes = 0;
  end->payload_segments = 0;
  end->ttl_min = UINT8_MAX;
  end->ttl_max = 0;
}

void la_brief_sum(const LaBrief *b, LaConnection *conn)
{
  la_brief_copy_head(b, conn);
  conn->flags = LA_CONN_BRIEF | LA_CONN_CLOSED | LA_CONN_ESTABLISHED;
  conn->marks = LA_MARK_SYN | LA_MARK_SYN_ACK | LA_MARK_HANDSHAKE_ACK | LA_MARK_ACKS_SYN | LA_MARK_FIN | LA_MARK_ACKS_FIN |
                (b->data != 0 ? LA_MARK_DATA | LA_MARK_FIRST_DATA : 0);
  conn->last_frame = b->first_frame + b->segment[b->count - 1].frame;
  conn->handshake_ack_frame = b->first_frame + b->segment[2].frame;
  conn->handshake_ack_time = b->segment[2].time;
  conn->first_fin = b->first_fin;
  sum_end(b, LA_OPENER, &conn->end[LA_OPENER]);
  sum_end(b, LA_ACCEPTOR, &conn->end[LA_ACCEPTOR]);
  for (unsigned i = 0; i < b->count; i++) {
    const LaBriefSegment *s = &b->segment[i];
    LaEndpoint *end = &conn->end[s->side];
    end->packets++;
    end->payload_bytes += s->payload_len;
    end->payload_segments += s->payload_len != 0;
    end->ttl_min = s->ttl < end->ttl_min ? s->ttl : end->ttl_min;
    end->ttl_max = s->ttl > end->ttl_max ? s->ttl : end->ttl_max;
    end->last_time = s->time;
    end->last_frame = b->first_frame + s->frame;
  }
}
