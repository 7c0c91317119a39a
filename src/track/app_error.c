/* What the application of an end saw as errno: the error that its socket keeps for its next call, or that ends its connect(). It is
 * told where the packets leave one answer, in the words of Linux (tcp_reset, tcp_v4_err, tcp_v6_err, tcp_write_err), and left out where
 * they leave more than one:
 *
 *   RST in ESTABLISHED   ECONNRESET. In a connection that began before the capture the other end may have sent its FIN before, so that
 *                        the RST met CLOSE_WAIT, unless it sends payload still.
 *   RST in CLOSE_WAIT    EPIPE for one that writes; one that reads has got the end of the stream, and closes without an error. An end
 *                        that sent payload after it had acknowledged the FIN writes past the end of the stream; of another it is not
 *                        known.
 *   RST in FIN_WAIT      after close() nobody is there to see it; after shutdown() a reader sees ECONNRESET. Both send the same FIN. The
 *                        closer that acknowledges payload that came after it had only shut down: a closed socket answers with RST.
 *   RST in LAST_ACK, CLOSING, TIME_WAIT   both directions had ended before: nobody asks any more.
 *   RST that gives up    after retransmissions or probes that nobody answered meets nobody either.
 *   RSTs to both ends    what was forged in both names was received by both.
 *   ICMP to a SYN        ends connect(), unless another SYN follows: then this kernel did not take it for final (BSD waits for more of them).
 *                        Where the word is none of the field's (ENETUNREACH, EHOSTDOWN, ENONET, EACCES, EPROTO, which other
 *                        kernels call EHOSTUNREACH in part), it is left out.
 *   ICMP later           is kept in mind and ends nothing (RFC 1122 section 4.2.3.9, RFC 5461); the next acknowledgment wipes it out.
 *                        When the kernel gives up it says that error, else ETIMEDOUT. Keep-alive gives up with a RST, which shows
 *                        when; data and FINs are given up in silence, and whether the application was there until then does
 *                        not show. */
#include "base/seq.h"
#include "track/connection.h"

/* A kernel gives a connect up after tcp_syn_retries, six by default, of which the last waits for 32 s; newer ones send some more before
 * they begin to wait longer. */
#define SYNS_OF_A_TIMEOUT 7
#define SPAN_OF_A_TIMEOUT (60 * LA_SEC)
/* So many probes without an answer make a keep-alive that gave up. */
#define PROBES_OF_A_TIMEOUT 3

static LaAppError error_of_icmp4(unsigned type, unsigned code)
{
  if (type == 11)
    return LA_APP_EHOSTUNREACH;
  if (type != 3)
    return LA_APP_NONE;
  switch (code) {
  case 3: return LA_APP_ECONNREFUSED;
  case 1:
  case 10:
  case 12:
  case 13:
  case 14:
  case 15: return LA_APP_EHOSTUNREACH;
  default: return LA_APP_NONE;
  }
}

static LaAppError error_of_icmp6(unsigned type, unsigned code)
{
  if (type == 3)
    return LA_APP_EHOSTUNREACH;
  if (type != 1)
    return LA_APP_NONE;
  return code == 4 ? LA_APP_ECONNREFUSED : code == 2 || code == 3 ? LA_APP_EHOSTUNREACH : LA_APP_NONE;
}

static LaAppError error_of_icmp(unsigned family, unsigned type, unsigned code)
{
  return family == LA_FAMILY_IPV4 ? error_of_icmp4(type, code) : error_of_icmp6(type, code);
}

/* Fragmentation needed, source quench and redirects leave no error behind; nor does packet too big. */
static bool leaves_an_error(unsigned family, unsigned type, unsigned code)
{
  if (family == LA_FAMILY_IPV4)
    return (type == 3 && code != 4) || type == 11 || type == 12;
  return type == 1 || type == 3 || type == 4;
}

/* Whether `side` sent again and again, or probed, and heard nothing: the RST with which it gave up met nobody. */
static bool gave_up(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  return end->unanswered >= PROBES_OF_A_TIMEOUT &&
         (end->repeats >= PROBES_OF_A_TIMEOUT - 1 || end->keepalive >= PROBES_OF_A_TIMEOUT);
}

/* The kernel of `side` gave its probes up with a RST. */
static LaAppError error_of_giving_up(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  /* Where the other end is not in the capture, its answers are not either. */
  if (end->keepalive < PROBES_OF_A_TIMEOUT || end->unanswered < PROBES_OF_A_TIMEOUT || peer->packets == 0)
    return LA_APP_NONE;
  for (unsigned i = conn->moments_used; i-- > 0;) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->frame <= peer->last_frame)
      break;
    if ((m->marks & LA_MARK_ICMP) != 0 && m->side == side && leaves_an_error(conn->family, m->flags >> 8, m->flags & 0xff))
      return error_of_icmp(conn->family, m->flags >> 8, m->flags & 0xff);
  }
  return LA_APP_ETIMEDOUT;
}

/* The state in which a RST of the other end's name met this one; CLOSED: none did. */
static LaTcpState reset_in(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  if (end->steps < 2 || end->state != LA_TCP_CLOSED)
    return LA_TCP_CLOSED;
  uint64_t frame = end->path[end->steps - 1].frame;
  bool received = frame == conn->rst_frame && conn->rst_side != side;
  for (unsigned i = 0; i < conn->moments_used && !received; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    received = m->frame == frame && m->side != side && (m->marks & LA_MARK_RST) != 0;
  }
  return received ? (LaTcpState)end->path[end->steps - 2].state : LA_TCP_CLOSED;
}

/* Whether the end acknowledged payload that was sent to it after its FIN. */
static bool reads_after_its_fin(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  if (conn->end[LA_OTHER(side)].data_after_fin_bytes == 0 || (end->flags & LA_END_ACKED) == 0)
    return false;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != side && (m->marks & LA_MARK_AFTER_PEER_FIN) != 0 &&
        (m->marks & (LA_MARK_DUPLICATE | LA_MARK_OUT_OF_WINDOW)) == 0 && la_seq_gt(end->rcv_nxt, m->seq))
      return true;
  }
  return false;
}

static LaAppError error_of_reset(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  if (gave_up(conn, LA_OTHER(side)))
    return LA_APP_NONE;
  switch (reset_in(conn, side)) {
  case LA_TCP_ESTABLISHED:
    if (end->path[0].gap != 0 && (peer->flags & LA_END_DATA) == 0)
      return LA_APP_NONE;
    return LA_APP_ECONNRESET;
  case LA_TCP_CLOSE_WAIT:
    return end->data_after_fin_bytes != 0 && (peer->flags & LA_END_FIN_ACKED) != 0 &&
                   end->new_data_frame >= peer->fin_acked_frame
               ? LA_APP_EPIPE
               : LA_APP_NONE;
  case LA_TCP_FIN_WAIT_1:
  case LA_TCP_FIN_WAIT_2: return reads_after_its_fin(conn, side) ? LA_APP_ECONNRESET : LA_APP_NONE;
  default: return LA_APP_NONE;
  }
}

LaAppError la_connection_app_error(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  if (side == LA_OPENER) {
    if ((conn->flags & LA_CONN_REFUSED) != 0)
      return LA_APP_ECONNREFUSED;
    LaHandshakeResult handshake = la_connection_handshake(conn);
    if (handshake == LA_HANDSHAKE_UNREACHABLE)
      return end->syn_last_frame > conn->icmp_frame ? LA_APP_NONE
                                                    : error_of_icmp(conn->family, conn->icmp_type, conn->icmp_code);
    if (handshake == LA_HANDSHAKE_UNANSWERED)
      return end->syn_sent >= SYNS_OF_A_TIMEOUT && end->syn_last_time - end->syn_time >= SPAN_OF_A_TIMEOUT &&
                     conn->ended_by == LA_ENDED_FAILED
                 ? LA_APP_ETIMEDOUT
                 : LA_APP_NONE;
  }
  if ((conn->flags & LA_CONN_RST) == 0)
    return LA_APP_NONE;
  LaAppError error = error_of_reset(conn, side);
  if (error != LA_APP_NONE || conn->rst_side != side || conn->rst_foreign != 0)
    return error;
  return error_of_giving_up(conn, side);
}
