/* Writes moments into a connection's timeline. Library-internal to src/track. */
#ifndef LA_TRACK_MOMENT_H
#define LA_TRACK_MOMENT_H

#include "base/seq.h"
#include "track/connection.h"
#include "track/pool.h"

/* Marks that alone make no moment: ordinary payload and its acknowledgments. */
#define LA_PLAIN_MARKS                                                                                                         \
  (LA_MARK_DATA | LA_MARK_ACKS_DATA | LA_MARK_DUP_ACK | LA_MARK_OUT_OF_ORDER | LA_MARK_HOLE_BEFORE | LA_MARK_AFTER_CLOSE |     \
   LA_MARK_BAD_CHECKSUM)

/* Octets of `end` that nobody has acknowledged yet. */
static inline uint32_t la_in_flight(const LaEndpoint *end)
{
  if ((end->flags & (LA_END_SPOKE | LA_END_UNA)) != (LA_END_SPOKE | LA_END_UNA))
    return (end->flags & LA_END_SPOKE) != 0 && (end->flags & LA_END_ISN) != 0 ? end->snd_nxt - end->isn : 0;
  return la_seq_gt(end->snd_nxt, end->snd_una) ? end->snd_nxt - end->snd_una : 0;
}

/* Where it may name one of several sendings. Whatever a brief holds (brief.h) comes before there are several. */
static inline uint32_t la_echo_that_tells(const LaEndpoint *peer, const LaSegment *s)
{
  bool several = (s->flags & LA_TCP_SYN) != 0 ? peer->syn_sent > 1 : peer->syn_ack_sent > 1;
  return several && (s->options & LA_OPT_TIMESTAMPS) != 0 && (s->flags & LA_TCP_ACK) != 0 ? s->ts_ecr : 0;
}

/* Adds `s` of `me`, as both ends stand before it; its marks are the caller's to set. */
static inline LaMoment *la_moment_add_ends(LaPool *pool, LaConnection *conn, const LaEndpoint *me, const LaEndpoint *peer,
                                           const LaSegment *s)
{
  LaMoment *m = la_pool_add_moment(pool, conn);
  m->time = s->time;
  m->frame = s->frame;
  m->since_last = conn->last_frame != 0 ? s->time - conn->last_time : LA_TIME_NONE;
  m->seq = s->seq;
  m->ack = (s->flags & LA_TCP_ACK) != 0 ? s->ack : 0;
  m->payload_len = s->payload_len;
  m->ts_val = (s->options & LA_OPT_TIMESTAMPS) != 0 ? s->ts_val : 0;
  m->ts_ecr = la_echo_that_tells(peer, s);
  m->in_flight = la_in_flight(me);
  m->peer_in_flight = la_in_flight(peer);
  m->flags = s->flags;
  m->window = s->window;
  m->options = s->options;
  m->ip_id = s->ip_id;
  m->ttl = s->ttl;
  m->side = me == &conn->end[LA_OPENER] ? LA_OPENER : LA_ACCEPTOR;
  m->state = me->state;
  m->peer_state = peer->state;
  return m;
}

/* The same for a side, with its marks. */
static inline LaMoment *la_moment_add(LaPool *pool, LaConnection *conn, LaSide side, const LaSegment *s, uint64_t marks)
{
  LaMoment *m = la_moment_add_ends(pool, conn, &conn->end[side], &conn->end[LA_OTHER(side)], s);
  m->marks = marks;
  return m;
}

#endif
