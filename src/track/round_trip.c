/* A kernel that knows no round trip waits a second (RFC 6298 section 2.1). Over a satellite, a full queue or a radio that sleeps the answer
 * takes longer, so the SYN goes out again, and the server answers both. Four things tell that from loss:
 *
 *   the echo       timestamps (RFC 7323) name the sending that was answered. A later one: the first was lost. The first: it arrived, and what
 *                  was lost, if anything, is its answer.
 *   the twin       on a slow path the second sending is answered as well, and after just as long as the first.
 *   other trips    a FIN, or the first payload, that was acknowledged in much less time: the path is quick.
 *   the distance   an answer that comes at once after the second sending is the second sending's.
 *
 * A quick path outweighs a twin: two losses in a row, with timers of a second each, leave the same picture. */
#include "track/round_trip.h"

#include "base/seq.h"

#define SENDINGS_MAX 8
/* How far two trips of one path may differ. */
#define TWIN_MARGIN (50 * LA_MSEC)
#define QUEUEING (100 * LA_MSEC)
#define AT_ONCE (30 * LA_MSEC)

static bool is_counted(const LaMoment *m)
{
  return (m->marks & (LA_MARK_DUPLICATE | LA_MARK_STALE_SYN | LA_MARK_ICMP | LA_MARK_INVALID_FLAGS | LA_MARK_BAD_ACK)) == 0;
}

/* Answers to the SYN are SYN-ACKs, answers to the SYN-ACK the opener's acknowledgments of it alone. */
static bool is_answer(const LaConnection *conn, LaSide side, const LaMoment *m)
{
  if (m->side == side || !is_counted(m))
    return false;
  if (side == LA_OPENER)
    return (m->marks & LA_MARK_SYN_ACK) != 0;
  return m->frame == conn->handshake_ack_frame || (m->marks & LA_MARK_ACKS_SYN) != 0;
}

/* The shortest time in which something else that `side` sent was acknowledged. */
static LaTime other_trip(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *me = &conn->end[side];
  LaTime least = LA_TIME_NONE;
  if ((me->flags & (LA_END_FIN | LA_END_FIN_ACKED)) == (LA_END_FIN | LA_END_FIN_ACKED) && me->fin_sent == 1 &&
      me->fin_acked_time > me->fin_time)
    least = me->fin_acked_time - me->fin_time;
  const LaMoment *data = NULL;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (!is_counted(m))
      continue;
    if (data == NULL && m->side == side && (m->marks & LA_MARK_FIRST_DATA) != 0 && m->payload_len != 0) {
      data = m;
    } else if (data != NULL && m->side == side && (m->marks & LA_MARK_RETRANSMISSION) != 0) {
      break; /* which sending is acknowledged is not known (RFC 6298 section 3) */
    } else if (data != NULL && m->side != side && (m->flags & (LA_TCP_ACK | LA_TCP_RST)) == LA_TCP_ACK &&
               la_seq_ge(m->ack, data->seq + data->payload_len)) {
      if (m->time > data->time && (least == LA_TIME_NONE || m->time - data->time < least))
        least = m->time - data->time;
      break;
    }
  }
  return least;
}

static LaTime apart(LaTime a, LaTime b)
{
  return a > b ? a - b : b - a;
}

typedef struct {
  const LaMoment *sent[SENDINGS_MAX];
  const LaMoment *answer;
  bool twin;
  bool in_vain; /* between the two answers the sender said more, again and again: nobody took anything until then */
} Trip;

static Trip read_trip(const LaConnection *conn, LaSide side, LaRoundTrip *t)
{
  Trip trip = {.answer = NULL, .twin = false, .in_vain = false};
  uint64_t kind = side == LA_OPENER ? LA_MARK_SYN : LA_MARK_SYN_ACK;
  bool said_in_vain = false;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    said_in_vain = said_in_vain ||
                   (trip.answer != NULL && m->side == side && m->payload_len != 0 && (m->marks & LA_MARK_RETRANSMISSION) != 0);
    if (trip.answer == NULL && m->side == side && is_counted(m) && (m->marks & kind) != 0) {
      if ((m->marks & LA_MARK_ISN_CHANGED) != 0)
        t->sendings = 0; /* another attempt */
      if (t->sendings < SENDINGS_MAX)
        trip.sent[t->sendings] = m;
      if (t->sendings++ == 0)
        t->first = m->time;
      t->last = m->time;
    } else if (trip.answer == NULL && t->sendings != 0 && is_answer(conn, side, m)) {
      trip.answer = m;
      t->answer = m->time;
    } else if (trip.answer != NULL && t->sendings > 1 && is_answer(conn, side, m)) {
      trip.in_vain = trip.in_vain || said_in_vain;
      LaTime took = t->answer - t->first;
      LaTime next = m->time - trip.sent[1]->time;
      LaTime margin = took / 16 > TWIN_MARGIN ? took / 16 : TWIN_MARGIN;
      trip.twin = trip.twin || (apart(next, took) <= margin && m->time - t->answer > margin);
    }
  }
  return trip;
}

static LaSentAgain judge(const LaRoundTrip *t, const Trip *trip, LaTime other)
{
  LaTime took = t->answer - t->first;
  LaTime since_last = t->answer - t->last;
  if (t->answered > 1)
    return LA_SENT_AGAIN_LOST;
  bool quick = other != LA_TIME_NONE && other < took / 2;
  /* Timers of a second at both ends make a twin of two losses; then the answer comes at once after the last sending. */
  bool twin = trip->twin && (t->answered == 1 || (since_last >= AT_ONCE && other != LA_TIME_NONE && !trip->in_vain));
  if (!quick && (twin || (other != LA_TIME_NONE && apart(other, took) <= took / 4)))
    return LA_SENT_AGAIN_NEEDLESS;
  bool prompt = quick ? since_last <= 4 * other + QUEUEING : since_last < took / 10;
  if (t->answered == 1)
    return prompt ? LA_SENT_AGAIN_ANSWER_LOST : LA_SENT_AGAIN_UNCLEAR;
  /* Two clocks in one file: what was sent after the answer is not what it answers. */
  if (since_last < 0)
    return LA_SENT_AGAIN_UNCLEAR;
  bool at_once = quick ? since_last <= 4 * other + QUEUEING : since_last < took / 4;
  return at_once ? LA_SENT_AGAIN_LOST : LA_SENT_AGAIN_UNCLEAR;
}

LaRoundTrip la_round_trip(const LaConnection *conn, LaSide side)
{
  LaRoundTrip t = {.kind = LA_SENT_ONCE,
                   .sendings = 0,
                   .answered = 0,
                   .first = LA_TIME_NONE,
                   .last = LA_TIME_NONE,
                   .answer = LA_TIME_NONE,
                   .likely = LA_TIME_NONE};
  Trip trip = read_trip(conn, side, &t);
  if (t.sendings == 0 || trip.answer == NULL)
    return t;
  t.likely = t.answer - t.last;
  if (t.sendings < 2)
    return t;
  for (unsigned i = 0; i < t.sendings && i < SENDINGS_MAX && t.answered == 0; i++)
    if (trip.answer->ts_ecr != 0 && trip.sent[i]->ts_val == trip.answer->ts_ecr)
      t.answered = i + 1;
  /* A clock of a second's grain names two of them. */
  if (t.answered != 0 && t.answered < t.sendings && t.answered < SENDINGS_MAX &&
      trip.sent[t.answered]->ts_val == trip.answer->ts_ecr)
    t.answered = 0;
  LaTime other = other_trip(conn, side);
  t.kind = judge(&t, &trip, other);
  if (t.kind == LA_SENT_AGAIN_NEEDLESS || t.kind == LA_SENT_AGAIN_UNCLEAR) {
    t.likely = t.answer - t.first;
    if (other != LA_TIME_NONE && other < t.likely)
      t.likely = other;
  }
  return t;
}
