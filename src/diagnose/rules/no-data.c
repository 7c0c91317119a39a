/* Opened and closed without a byte in either direction: a health check, a probe, a connection that a pool opened ahead of
 * need. */
#include "base/seq.h"
#include "diagnose/evidence.h"

/* Whether the other end acknowledged more than the SYN and FIN of `side`: data that the capture misses. */
static bool hides_data(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  uint32_t last = end->isn + 1 + ((end->flags & LA_END_FIN) != 0);
  return end->missed != 0 || ((end->flags & LA_END_UNA) != 0 && la_seq_gt(end->snd_una, last)) || la_seq_gt(end->snd_nxt, last);
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if ((conn->flags & LA_CONN_MIDSTREAM) != 0 || la_payload(conn) != 0 || conn->handshake_ack_frame == 0 ||
      !la_both_directions(conn))
    return false;
  LaTeardownResult teardown = la_connection_teardown(conn);
  bool closed = teardown == LA_TEARDOWN_FIN || teardown == LA_TEARDOWN_FIN_UNCONFIRMED || teardown == LA_TEARDOWN_FIN_RST ||
                teardown == LA_TEARDOWN_RST;
  if (!closed || context->opening.kind == LA_OPENING_QUEUE_FULL || context->reset.kind == LA_RESET_LISTENER_CLOSED ||
      hides_data(conn, LA_OPENER) || hides_data(conn, LA_ACCEPTOR))
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  LaTime closing = LA_TIME_MAX;
  uint64_t frame = 0;
  if ((opener->flags & LA_END_FIN) != 0) {
    closing = opener->fin_time;
    frame = opener->fin_frame;
  }
  if ((acceptor->flags & LA_END_FIN) != 0 && acceptor->fin_time < closing) {
    closing = acceptor->fin_time;
    frame = acceptor->fin_frame;
  }
  if ((conn->flags & LA_CONN_RST) != 0 && conn->rst_time < closing) {
    closing = conn->rst_time;
    frame = conn->rst_frame;
  }
  ret->at = closing;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, conn->handshake_ack_frame);
  la_finding_add_packet(ret, frame);
  la_finding_add_span(ret, "open_s", closing - conn->handshake_ack_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_pair(out, conn);
  g_string_append(out, " was opened and closed after ");
  la_say_span(out, la_fact_span(f, "open_s"));
  g_string_append(out, " without a byte of data: a health check, a port probe, or a connection opened ahead of need.");
}

const LaRule la_rule_no_data = {
    .code = "no-data",
    .title = "closed without data",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_FIN | LA_MARK_RST,
    .decide = decide,
    .summarize = summarize,
};
