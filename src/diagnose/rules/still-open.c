/* Neither closed nor failed when the observation ended. */
#include "diagnose/close_wait.h"
#include "diagnose/evidence.h"

/* An end that is not in the capture has no state that anybody knows. */
static const char *state_of(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  return la_connection_knows(conn, side) && end->steps > 0 ? la_tcp_state_name((LaTcpState)end->state) : NULL;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (conn->ended_by != LA_ENDED_CAPTURE_END && conn->ended_by != LA_ENDED_IDLE && conn->ended_by != LA_ENDED_EVICTED)
    return false;
  LaTeardownResult teardown = la_connection_teardown(conn);
  if (teardown != LA_TEARDOWN_OPEN && teardown != LA_TEARDOWN_HALF_CLOSED)
    return false;
  if (la_connection_handshake(conn) == LA_HANDSHAKE_FINAL_ACK_DROPPED || (conn->flags & LA_CONN_STRAY) != 0)
    return false;
  LaCloseWait wait = la_close_wait(conn);
  bool half = teardown == LA_TEARDOWN_HALF_CLOSED;
  if (half && wait.holder != LA_SIDE_N && wait.held >= LA_THRESHOLD(context, close_wait_leak, 0))
    return false;
  ret->at = conn->last_time;
  /* What an unseen end sent may have closed the connection. */
  bool both = la_connection_knows(conn, LA_OPENER) && la_connection_knows(conn, LA_ACCEPTOR);
  /* So may what is known to be missing, and a RST behind it. */
  bool lacking = la_endpoint_is_ahead(&conn->end[LA_OPENER]) || la_endpoint_is_ahead(&conn->end[LA_ACCEPTOR]);
  ret->confidence = both && !lacking ? LA_CONFIDENCE_CERTAIN : LA_CONFIDENCE_LIKELY;
  if (conn->early_rst_frame != 0)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  la_finding_rests_on_silence(ret, conn->last_time, conn->end_time);
  la_finding_add_packet(ret, conn->last_frame);
  la_finding_add_span(ret, "idle_s", la_silence(conn));
  la_finding_add_span(ret, "open_s", conn->end_time - conn->first_time);
  if (half && wait.holder != LA_SIDE_N) {
    ret->side = (uint8_t)wait.holder;
    la_finding_add_packet(ret, conn->end[LA_OTHER(wait.holder)].fin_frame);
    la_finding_add_span(ret, "held_s", wait.held);
  }
  const char *client = state_of(conn, LA_OPENER);
  const char *server = state_of(conn, LA_ACCEPTOR);
  if (client != NULL)
    la_finding_add_word(ret, "client_state", client);
  if (server != NULL)
    la_finding_add_word(ret, "server_state", server);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  const char *client = state_of(conn, LA_OPENER);
  const char *server = state_of(conn, LA_ACCEPTOR);
  la_say_pair(out, conn);
  g_string_append_printf(out, " was still open when the observation ended (client %s, server %s), idle for ",
                         client != NULL ? client : "unseen", server != NULL ? server : "unseen");
  la_say_span(out, la_fact_span(f, "idle_s"));
  if (f->side != LA_SIDE_N) {
    g_string_append(out, "; ");
    la_say_end(out, conn, (LaSide)f->side);
    g_string_append(out, " has held it in CLOSE_WAIT for ");
    la_say_span(out, la_fact_span(f, "held_s"));
    g_string_append(out, " so far");
  }
  g_string_append_c(out, '.');
}

const LaRule la_rule_still_open = {
    .code = "still-open",
    .title = "still open at the end",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .settles = LA_SETTLES_AT_END,
    .without_packets = true,
    .decide = decide,
    .summarize = summarize,
};
