/* A copy that the network made reaches the receiver, which reacts to it: with a DSACK (RFC 2883), with the same acknowledgment
 * once more, with a second SYN-ACK. One that was only captured twice draws no reaction. The reaction may also answer a segment
 * that was sent again; so there must be no such segment before it. Copies with another TTL passed another point of capture,
 * whatever else they drew. */
#include "diagnose/duplicates.h"

#include <stdlib.h>

#include "base/seq.h"
#include "diagnose/evidence.h"

#define FLIGHT_UNKNOWN (200 * LA_MSEC)
/* A receiver may wait so long with its ACK. */
#define DELAYED_ACK (60 * LA_MSEC)

static const LaMoment *original_of(const LaConnection *conn, unsigned at)
{
  const LaMoment *copy = la_connection_moment(conn, at);
  for (unsigned i = at; i-- > 0;) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_ICMP)) == 0 && m->side == copy->side && m->seq == copy->seq &&
        m->ack == copy->ack && m->flags == copy->flags && m->payload_len == copy->payload_len && m->ts_val == copy->ts_val &&
        m->ip_id == copy->ip_id)
      return m;
  }
  return NULL;
}

static bool is_bare_ack(const LaMoment *m)
{
  return m->payload_len == 0 && (m->flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST | LA_TCP_ACK)) == LA_TCP_ACK;
}

/* The acknowledgment that the first drew before the copy passed; NULL: none that the timeline keeps. */
static const LaMoment *acknowledged_between(const LaConnection *conn, const LaMoment *original, const LaMoment *copy,
                                            uint32_t end)
{
  const LaMoment *found = NULL;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->frame > original->frame && m->frame < copy->frame && m->side != copy->side && is_bare_ack(m) &&
        la_seq_ge(m->ack, end))
      found = m;
  }
  return found;
}

static bool has_reaction(const LaConnection *conn, unsigned at, const LaMoment *original)
{
  const LaMoment *copy = la_connection_moment(conn, at);
  if (original != NULL && original->ttl != copy->ttl)
    return false;
  uint32_t end = copy->seq + copy->payload_len + ((copy->flags & (LA_TCP_SYN | LA_TCP_FIN)) != 0);
  const LaMoment *first = original != NULL ? acknowledged_between(conn, original, copy, end) : NULL;
  LaTime rtt = la_connection_rtt(conn);
  LaTime limit = (rtt == LA_TIME_NONE ? FLIGHT_UNKNOWN : 2 * rtt) + DELAYED_ACK;
  for (unsigned i = at + 1; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->time - copy->time > limit)
      return false;
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_ICMP)) != 0)
      continue;
    if (m->side == copy->side) {
      if ((m->marks & LA_MARK_RETRANSMISSION) != 0)
        return false;
      continue;
    }
    if ((m->marks & LA_MARK_DSACK) != 0)
      return true;
    if ((copy->marks & LA_MARK_SYN) != 0 &&
        (m->marks & (LA_MARK_SYN_ACK | LA_MARK_RETRANSMISSION)) == (LA_MARK_SYN_ACK | LA_MARK_RETRANSMISSION))
      return true;
    if (!is_bare_ack(m) || la_seq_lt(m->ack, end))
      continue;
    /* The same once more; with another window it would be an announcement of that. */
    if (first != NULL && first->ack == m->ack && first->window == m->window)
      return true;
    first = m;
  }
  return false;
}

/* Whether the copy at moment `at` was made by the network. Where half of the packets are there twice the capture did it. */
static bool is_by_network(const LaConnection *conn, unsigned at, const LaMoment *original)
{
  uint64_t packets = conn->end[LA_OPENER].packets + conn->end[LA_ACCEPTOR].packets;
  uint64_t copies = (uint64_t)conn->end[LA_OPENER].duplicate + conn->end[LA_ACCEPTOR].duplicate;
  return copies * 3 < packets && has_reaction(conn, at, original);
}

static int by_value(const void *a, const void *b)
{
  LaTime x = *(const LaTime *)a;
  LaTime y = *(const LaTime *)b;
  return x < y ? -1 : x > y;
}

LaDuplicates la_duplicates(const LaConnection *conn)
{
  LaDuplicates d = {.by_network = 0,
                    .by_capture = 0,
                    .network_time = LA_TIME_NONE,
                    .network_apart = LA_TIME_NONE,
                    .network_side = LA_SIDE_N,
                    .capture_time = LA_TIME_NONE,
                    .apart = LA_TIME_NONE,
                    .ttl_difference = -1};
  LaTime apart[LA_MOMENTS_HEAD + LA_MOMENTS_TAIL];
  LaTime hops[LA_MOMENTS_HEAD + LA_MOMENTS_TAIL];
  unsigned pairs = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_DUPLICATE) == 0 || (m->marks & LA_MARK_STALE_SYN) != 0)
      continue;
    const LaMoment *original = original_of(conn, i);
    if (is_by_network(conn, i, original)) {
      if (d.by_network++ == 0) {
        d.network_time = m->time;
        d.network_side = m->side;
        d.network_apart = original != NULL ? m->time - original->time : LA_TIME_NONE;
      }
      continue;
    }
    if (d.capture_time == LA_TIME_NONE)
      d.capture_time = m->time;
    if (original != NULL && pairs < G_N_ELEMENTS(apart)) {
      apart[pairs] = llabs(m->time - original->time);
      hops[pairs++] = abs((int)m->ttl - (int)original->ttl);
    }
  }
  unsigned all = conn->end[LA_OPENER].duplicate + conn->end[LA_ACCEPTOR].duplicate;
  d.by_capture = all > d.by_network ? all - d.by_network : 0;
  if (pairs != 0) {
    qsort(apart, pairs, sizeof *apart, by_value);
    qsort(hops, pairs, sizeof *hops, by_value);
    d.apart = apart[pairs / 2];
    d.ttl_difference = (int)hops[pairs / 2];
  }
  return d;
}

void la_duplicates_add(const LaConnection *conn, LaCopies which, LaFinding *finding)
{
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_DUPLICATE) == 0)
      continue;
    const LaMoment *original = original_of(conn, i);
    if (is_by_network(conn, i, original) != (which == LA_COPIES_BY_NETWORK))
      continue;
    if (original != NULL)
      la_finding_add_packet(finding, original->frame);
    la_finding_add_packet(finding, m->frame);
  }
}
