/* A bare RST answers data, a FIN, a keep-alive or a challenge ACK on a connection its host no longer knows: it was restarted, or its process
 * was killed and the close got lost. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

/* Its FIN may have passed without being in the capture: lost by it, or before it began, since it did nothing but acknowledge. Then it
 * had closed and given up waiting, and what came too late met the RST (rst-late-fin, rst-data-after-close). */
static bool may_have_closed(const LaConnection *conn, const LaEndpoint *end, LaSide side)
{
  bool before =
      (conn->flags & LA_CONN_MIDSTREAM) != 0 && (end->flags & (LA_END_DATA | LA_END_FIN)) == 0 && end->packets > end->rst;
  return before || la_missed(conn, side);
}

/* All that the capture has is a FIN and its answer: nothing shows that there was a connection, and nobody loses one. */
static bool is_lone_fin(const LaConnection *conn, const LaEndpoint *asked, const LaEndpoint *lost)
{
  return (conn->flags & LA_CONN_MIDSTREAM) != 0 && asked->packets == asked->fin && asked->payload_bytes == 0 &&
         lost->packets == lost->rst;
}

enum {
  FORGOT,
  FORGOT_OR_CLOSED,
  FORGOT_IDLE, /* idle for so long that something in front of the host may have forgotten it */
  LONE_FIN,
  NEVER_SEEN
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_NO_CONNECTION)
    return false;
  const LaEndpoint *lost = &conn->end[v->sender];
  la_reset_fill(conn, v, ret);
  ret->blame = (uint8_t)la_blame_host(v->sender);
  const LaMoment *challenge = la_challenge_answered(conn, v->moment);
  bool exact = v->moment != NULL && v->trigger != NULL && v->moment->seq == v->trigger->ack;
  ret->confidence = lost->ttl_max == 0 ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
  if (!exact && challenge == NULL && v->trigger != NULL)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  if (challenge == NULL && may_have_closed(conn, lost, v->sender)) {
    ret->variant = FORGOT_OR_CLOSED;
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  }
  if (is_lone_fin(conn, &conn->end[LA_OTHER(v->sender)], lost)) {
    ret->variant = LONE_FIN;
    ret->severity = LA_SEVERITY_NOTE;
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
    ret->blame = LA_BLAME_NONE;
  }
  if (ret->variant == FORGOT && (conn->flags & LA_CONN_MIDSTREAM) != 0 && lost->packets == lost->rst) {
    ret->variant = NEVER_SEEN;
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
    ret->blame_also = 1u << LA_BLAME_NETWORK;
  }
  if (ret->variant == FORGOT && challenge == NULL && v->idle != LA_TIME_NONE &&
      v->idle >= LA_THRESHOLD(context, idle_state_lost, 0)) {
    ret->variant = FORGOT_IDLE;
    ret->blame_also = 1u << LA_BLAME_NETWORK;
  }
  const char *stage = "data";
  if (challenge != NULL) {
    stage = "challenge-ack";
    la_finding_add_packet(ret, challenge->frame);
  } else if (v->trigger != NULL && v->trigger->frame == v->trigger_frame)
    stage = (v->trigger->marks & LA_MARK_DATA) != 0 ? "data" : (v->trigger->marks & LA_MARK_FIN) != 0 ? "fin" : "keepalive";
  la_finding_add_word(ret, "stage", stage);
  la_finding_add_span(ret, "idle_s", v->idle);
  if (lost->ttl_max != 0)
    la_finding_add_count(ret, "ttl_expected", lost->ttl_max);
  if (v->moment != NULL)
    la_finding_add_count(ret, "ttl_seen", v->moment->ttl);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide lost = (LaSide)f->side;
  if (f->variant == LONE_FIN) {
    la_say_end(out, conn, LA_OTHER(lost));
    g_string_append(out, " sent a FIN to ");
    la_say_end(out, conn, lost);
    g_string_append_printf(out,
                           ", which knew no such connection (RST in packet %" G_GUINT64_FORMAT
                           "), and nothing else of it is in the capture: a probe, or the late close of a connection that was "
                           "long over there.",
                           conn->rst_frame);
    return;
  }
  la_say_end(out, conn, lost);
  g_string_append(out, " no longer knew the connection: it answered ");
  const char *stage = la_fact_word(f, "stage");
  g_string_append(out, stage[0] == 'd'   ? "data"
                       : stage[0] == 'f' ? "a FIN"
                       : stage[0] == 'c' ? "a challenge ACK"
                                         : "a keep-alive");
  g_string_append(out, " of ");
  la_say_end(out, conn, LA_OTHER(lost));
  g_string_append_printf(out, " with a bare RST in packet %" G_GUINT64_FORMAT, conn->rst_frame);
  switch (f->variant) {
  case FORGOT_OR_CLOSED:
    g_string_append(out, ". It had closed before and given up waiting, with a FIN that is not in the capture (rst-late-fin, "
                         "rst-data-after-close), or its host was restarted or dropped the socket.");
    break;
  case FORGOT_IDLE:
    g_string_append(out, ". After ");
    la_say_span(out, la_fact_span(f, "idle_s"));
    g_string_append(
        out, " of idleness: its host was restarted or dropped the socket without a word, or a load balancer or firewall that "
             "speaks in its name forgot the connection.");
    break;
  case NEVER_SEEN:
    g_string_append(
        out, ". It had closed before the capture began, or its host was restarted or dropped the socket, or never had it: a "
             "NAT gave the client another port, or a balancer sent the packet to another machine.");
    break;
  default:
    g_string_append(out,
                    ". Its host was restarted or dropped the socket without a word, or another machine has its address now.");
  }
}

const LaRule la_rule_rst_no_connection = {
    .code = "rst-no-connection",
    .title = "connection unknown to its host",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
