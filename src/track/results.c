/* What a finished connection amounts to: the words of `handshake.result`, `teardown.result` and `final`. */
#include "base/seq.h"
#include "track/connection.h"
#include "track/round_trip.h"

/* So many SYNs without an answer, or one followed by so long a silence, are unanswered: what the finding syn-unanswered takes, too. */
#define SYNS_UNANSWERED 2
#define SYN_VERDICT (3 * LA_SEC)
/* So many sendings without an answer make a peer that vanished. */
#define VANISHED_SENDINGS 3

static bool ever_established(const LaEndpoint *end)
{
  for (unsigned i = 0; i < end->steps; i++)
    if (end->path[i].state >= LA_TCP_ESTABLISHED)
      return true;
  return false;
}

unsigned la_sendings_in_vain(const LaConnection *conn, unsigned sendings, LaTime last)
{
  bool ended = (conn->flags & LA_CONN_GOES_ON) == 0; /* who looks at one that goes on waits for an answer by himself */
  return ended && sendings != 0 && conn->end_time - last < LA_ANSWERED_BY ? sendings - 1 : sendings;
}

LaTime la_connection_rtt(const LaConnection *conn)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if (conn->handshake_ack_frame == 0 || (acceptor->flags & LA_END_SYN_ACK) == 0)
    return LA_TIME_NONE;
  LaTime client_half = conn->handshake_ack_time - acceptor->syn_time;
  if (acceptor->syn_ack_sent > 1) {
    LaRoundTrip trip = la_round_trip(conn, LA_ACCEPTOR);
    client_half = trip.likely != LA_TIME_NONE ? trip.likely : client_half;
  }
  LaTime server_half = 0;
  if ((opener->flags & LA_END_SYN) != 0) {
    server_half = acceptor->syn_time - opener->syn_time;
    if (opener->syn_sent > 1) {
      LaRoundTrip trip = la_round_trip(conn, LA_OPENER);
      server_half = trip.likely != LA_TIME_NONE ? trip.likely : server_half;
    }
  }
  LaTime rtt = (client_half > 0 ? client_half : 0) + (server_half > 0 ? server_half : 0);
  return rtt;
}

bool la_connection_one_direction(const LaConnection *conn)
{
  const LaEndpoint *a = &conn->end[LA_OPENER];
  const LaEndpoint *b = &conn->end[LA_ACCEPTOR];
  const LaEndpoint *speaker = a->packets != 0 ? a : b;
  const LaEndpoint *silent = a->packets != 0 ? b : a;
  if (silent->packets != 0 || speaker->packets == 0)
    return false;
  /* An end that acknowledges has heard something; SYNs and RSTs alone have not. */
  bool acknowledges = (speaker->flags & LA_END_ACKED) != 0;
  bool progresses = (speaker->flags & LA_END_UNA) == 0 && speaker->packets > (uint64_t)speaker->syn + speaker->rst;
  return acknowledges && progresses && (speaker->packets > 1 || (speaker->flags & LA_END_DATA) != 0);
}

bool la_endpoint_is_ahead(const LaEndpoint *end)
{
  return (end->flags & LA_END_AHEAD) != 0 && la_seq_gt(end->ahead, end->snd_nxt);
}

bool la_connection_final_certain(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  if (end->steps == 0 || (end->flags & LA_END_DOUBT) != 0 || conn->early_rst_frame != 0)
    return false;
  const LaStep *last = &end->path[end->steps - 1];
  if (last->proved_by == 0 || (peer->packets == 0 && last->proved_by != LA_PROVED_BY_KERNEL))
    return false;
  /* Where the beginning was assumed, only the whole close tells which end closed first. */
  if (end->path[0].gap != 0)
    return (end->flags & LA_END_FIN_ACKED) != 0 && (peer->flags & LA_END_FIN) != 0;
  /* Numbers of the peer that were never seen may hide its FIN. */
  if (last->state == LA_TCP_ESTABLISHED || last->state == LA_TCP_FIN_WAIT_1 || last->state == LA_TCP_FIN_WAIT_2) {
    if ((peer->flags & LA_END_FIN) != 0 && last->frame < peer->fin_last_frame && end->last_frame < peer->fin_last_frame)
      return false;
    if ((peer->missed != 0 || la_endpoint_is_ahead(peer)) && (peer->flags & LA_END_FIN) == 0)
      return false;
  }
  /* Its own missing numbers may hide its own FIN. */
  if ((last->state == LA_TCP_ESTABLISHED || last->state == LA_TCP_CLOSE_WAIT) &&
      (end->missed != 0 || la_endpoint_is_ahead(end)))
    return false;
  return true;
}

bool la_connection_is_stray(const LaConnection *conn)
{
  const LaEndpoint *a = &conn->end[LA_OPENER];
  const LaEndpoint *b = &conn->end[LA_ACCEPTOR];
  uint64_t packets = a->packets + b->packets;
  if ((a->flags & LA_END_SYN) != 0 || (conn->flags & LA_CONN_ADOPTED) != 0 || packets > LA_MOMENTS_HEAD ||
      conn->moments_used == 0)
    return false;
  const LaMoment *first = NULL;
  uint64_t seen = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_ICMP) != 0)
      continue;
    seen++;
    bool impossible = (m->marks & LA_MARK_INVALID_FLAGS) != 0;
    if (!impossible && ((m->flags & LA_TCP_FIN) != 0 || (m->payload_len != 0 && (m->flags & LA_TCP_RST) == 0)))
      return false;
    if (first == NULL)
      first = m;
    else if (m->side != first->side ? (m->flags & LA_TCP_RST) == 0
                                    : !impossible && (m->seq != first->seq || m->flags != first->flags))
      return false;
  }
  /* What the timeline did not keep was ordinary. */
  return first != NULL && seen == packets;
}

static bool is_cut_off(const LaConnection *conn)
{
  return conn->ended_by == LA_ENDED_CAPTURE_END || conn->ended_by == LA_ENDED_EVICTED;
}

static LaHandshakeResult derive_handshake(const LaConnection *conn)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if ((conn->flags & LA_CONN_MIDSTREAM) != 0)
    return LA_HANDSHAKE_UNSEEN;
  if ((conn->flags & LA_CONN_REFUSED) != 0)
    return LA_HANDSHAKE_REFUSED;
  if ((conn->flags & LA_CONN_ABANDONED) != 0)
    return LA_HANDSHAKE_ABANDONED;
  if (ever_established(acceptor))
    return (conn->flags & LA_CONN_SIMULTANEOUS) != 0 ? LA_HANDSHAKE_SIMULTANEOUS : LA_HANDSHAKE_COMPLETE;
  if ((acceptor->flags & (LA_END_SYN_ACK | LA_END_SYN)) != 0) {
    if (conn->handshake_ack_frame == 0)
      return LA_HANDSHAKE_SYN_RECEIVED;
    /* Only payload that went unanswered tells it, and its last sending may yet be answered. */
    bool told = acceptor->syn_last_frame > conn->handshake_ack_frame || (conn->flags & LA_CONN_RST) != 0;
    bool early =
        !told && is_cut_off(conn) && la_sendings_in_vain(conn, opener->repeats + 1, opener->last_time) < VANISHED_SENDINGS;
    return early ? LA_HANDSHAKE_UNDETERMINED : LA_HANDSHAKE_FINAL_ACK_DROPPED;
  }
  if (ever_established(opener))
    return LA_HANDSHAKE_COMPLETE;
  if ((conn->flags & LA_CONN_ICMP_SYN) != 0)
    return LA_HANDSHAKE_UNREACHABLE;
  if (acceptor->packets != 0)
    return LA_HANDSHAKE_UNDETERMINED;
  bool early = is_cut_off(conn) && la_sendings_in_vain(conn, opener->syn_sent, opener->syn_last_time) < SYNS_UNANSWERED &&
               conn->end_time - opener->syn_time < SYN_VERDICT;
  return early ? LA_HANDSHAKE_UNDETERMINED : LA_HANDSHAKE_UNANSWERED;
}

/* Whether `side` kept sending and the other end said nothing more. Before its last sending could be answered, that one does not count. */
static bool peer_vanished(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *me = &conn->end[side];
  if (me->unanswered < VANISHED_SENDINGS)
    return false;
  unsigned sendings = me->keepalive > me->repeats ? me->keepalive : me->repeats + 1;
  return (is_cut_off(conn) ? la_sendings_in_vain(conn, sendings, me->last_time) : sendings) >= VANISHED_SENDINGS;
}

static LaTeardownResult derive_teardown(const LaConnection *conn)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  switch (la_connection_handshake(conn)) {
  case LA_HANDSHAKE_UNANSWERED:
  case LA_HANDSHAKE_REFUSED:
  case LA_HANDSHAKE_UNREACHABLE:
  case LA_HANDSHAKE_SYN_RECEIVED:
  case LA_HANDSHAKE_ABANDONED:
  case LA_HANDSHAKE_UNDETERMINED: return LA_TEARDOWN_NONE;
  default: break;
  }
  unsigned fins = ((opener->flags & LA_END_FIN) != 0) + ((acceptor->flags & LA_END_FIN) != 0);
  if ((conn->flags & LA_CONN_CLOSED) != 0 && (conn->flags & LA_CONN_RST) == 0)
    return LA_TEARDOWN_FIN;
  if ((conn->flags & LA_CONN_RST) != 0) {
    bool before = ((opener->flags & LA_END_FIN) != 0 && opener->fin_frame < conn->rst_frame) ||
                  ((acceptor->flags & LA_END_FIN) != 0 && acceptor->fin_frame < conn->rst_frame);
    return before ? LA_TEARDOWN_FIN_RST : LA_TEARDOWN_RST;
  }
  if (fins == 2)
    return LA_TEARDOWN_FIN_UNCONFIRMED;
  /* Of an end that the capture does not have nobody knows whether it answered. */
  bool both = opener->packets != 0 && acceptor->packets != 0;
  if (both && (peer_vanished(conn, LA_OPENER) || peer_vanished(conn, LA_ACCEPTOR)))
    return LA_TEARDOWN_VANISHED;
  return fins == 1 ? LA_TEARDOWN_HALF_CLOSED : LA_TEARDOWN_OPEN;
}

LaHandshakeResult la_connection_handshake(const LaConnection *conn)
{
  return conn->result_handshake != 0 ? (LaHandshakeResult)(conn->result_handshake - 1) : derive_handshake(conn);
}

LaTeardownResult la_connection_teardown(const LaConnection *conn)
{
  return conn->result_teardown != 0 ? (LaTeardownResult)(conn->result_teardown - 1) : derive_teardown(conn);
}

void la_connection_derive_results(LaConnection *conn)
{
  conn->result_handshake = (uint8_t)(1 + derive_handshake(conn));
  conn->result_teardown = (uint8_t)(1 + derive_teardown(conn));
}
