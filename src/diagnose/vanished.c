/* An end waits for an answer when it has sent something that asks for one and the other end has said nothing since. One
 * repetition is ordinary loss; the verdict needs three sendings that each had the time to be answered. A
 * connection whose capture shows one direction only is not judged, nor one that was reset, unless the waiting end itself gave up with a RST,
 * as BSD and Windows do. */
#include "diagnose/vanished.h"

#include "base/seq.h"
#include "diagnose/evidence.h"

#define SENDINGS_MIN 3
#define FIN_SENDINGS_MIN 3
/* A RST after fewer retransmissions is the application's: no kernel gives up so soon (Windows: 5, BSD: 12). */
#define GIVES_UP_AFTER 5

typedef enum {
  IN_TIME,
  EARLY
} Judged;

/* EARLY: the last sending counts although nobody had the time to answer it. */
static LaVanished of_side(const LaConnection *conn, LaSide side, Judged when)
{
  LaVanished gone = {.sender = LA_SIDE_N, .stage = LA_VANISHED_DATA, .sendings = 0, .waited = 0, .idle = 0, .unacked = 0};
  const LaEndpoint *me = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  if (peer->packets == 0 || me->unanswered < SENDINGS_MIN || (me->flags & LA_END_UNA) == 0 || !la_was_established(conn, side))
    return gone;
  unsigned sendings = when == EARLY ? me->repeats + 1 : la_sendings_in_vain(conn, me->repeats + 1, me->last_time);
  if (la_seq_ge(me->snd_una, me->snd_nxt) || sendings < SENDINGS_MIN)
    return gone;
  uint32_t open = me->snd_nxt - me->snd_una;
  bool fin_open = (me->flags & LA_END_FIN) != 0 && la_seq_lt(me->snd_una, me->fin_end);
  gone.sender = side;
  gone.stage = fin_open && open == 1 ? LA_VANISHED_FIN : LA_VANISHED_DATA;
  gone.sendings = gone.stage == LA_VANISHED_FIN ? me->fin_sent : me->unanswered;
  /* The RST with which it gave up is no sending. */
  LaTime last = (conn->flags & LA_CONN_RST) != 0 ? MAX(me->data_last_time, me->fin_last_time) : me->last_time;
  gone.waited = last - (gone.stage == LA_VANISHED_FIN ? me->fin_time : me->unanswered_since);
  gone.unacked = open - fin_open;
  LaTime before = peer->last_time;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->frame == me->unanswered_frame && m->since_last != LA_TIME_NONE)
      before = m->time - m->since_last;
  }
  gone.idle = me->unanswered_since - before;
  gone.took_nothing = (peer->flags & (LA_END_DATA | LA_END_FIN)) == 0 && me->progress_time <= peer->syn_last_time + LA_MSEC;
  if (gone.stage == LA_VANISHED_FIN && (gone.sendings < FIN_SENDINGS_MIN || (peer->flags & LA_END_FIN) != 0))
    gone.sender = LA_SIDE_N; /* the last FIN of two is missing-final-ack's */
  return gone;
}

static LaVanished judge(const LaConnection *conn, Judged when)
{
  LaVanished gone = {.sender = LA_SIDE_N, .stage = LA_VANISHED_DATA, .sendings = 0, .waited = 0, .idle = 0, .unacked = 0};
  if (!la_both_directions(conn))
    return gone;
  if ((conn->flags & LA_CONN_RST) != 0)
    return conn->rst_foreign == 0 && when == IN_TIME && conn->end[conn->rst_side].repeats >= GIVES_UP_AFTER
               ? of_side(conn, (LaSide)conn->rst_side, when)
               : gone;
  gone = of_side(conn, LA_OPENER, when);
  return gone.sender != LA_SIDE_N ? gone : of_side(conn, LA_ACCEPTOR, when);
}

LaVanished la_vanished(const LaConnection *conn)
{
  return judge(conn, IN_TIME);
}

LaVanished la_vanishing(const LaConnection *conn)
{
  return judge(conn, EARLY);
}

void la_vanished_fill(const LaConnection *conn, const LaContext *context, const LaVanished *gone, LaFinding *ret)
{
  const LaEndpoint *me = &conn->end[gone->sender];
  ret->side = (uint8_t)gone->sender;
  ret->at = gone->stage == LA_VANISHED_FIN ? me->fin_time : me->unanswered_since;
  if ((conn->flags & LA_CONN_RST) != 0)
    la_finding_add_packet(ret, conn->rst_frame);
  la_finding_rests_on_silence(ret, ret->at, la_answer_due(conn, me->last_time));
  /* An end that never acknowledged anything after its handshake is there and does not take part; one that had worked is more
   * often cut off by the network than dead. */
  la_blame_silence(context, LA_OTHER(gone->sender), ret);
  if (gone->took_nothing) {
    ret->blame = (uint8_t)la_blame_host(LA_OTHER(gone->sender));
    ret->blame_also = 1u << LA_BLAME_NETWORK;
  }
}
