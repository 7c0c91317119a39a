/* SYNs, and nothing comes back: no SYN-ACK, no RST, no ICMP error. Where the same service serves others at that moment, the
 * silence is its full queue: accept-queue-overflow says so. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  if (la_connection_handshake(conn) != LA_HANDSHAKE_UNANSWERED || conn->end[LA_ACCEPTOR].packets != 0 || (conn->flags & LA_CONN_ICMP) != 0)
    return false;
  LaTime silence = conn->end_time - opener->syn_time;
  if (opener->syn_sent < LA_THRESHOLD(context, syn_unanswered, 1) && silence < LA_THRESHOLD(context, syn_unanswered, 0))
    return false;
  ret->at = opener->syn_time;
  ret->blame = LA_BLAME_NETWORK;
  ret->blame_also = 1u << LA_BLAME_SERVER_HOST;
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_finding_add_count(ret, "unanswered", opener->syn_sent);
  la_finding_add_count(ret, "retries", opener->syn_sent - 1);
  la_finding_add_span(ret, "waited_s", opener->syn_sent > 1 ? opener->syn_last_time - opener->syn_time : silence);
  int64_t others = context->service != NULL ? context->service->established : 0;
  la_finding_add_count(ret, "answered_others", others);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "unanswered"), "SYN", "SYNs");
  g_string_append(out, " to ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " in ");
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append(out, " and nothing came back, not even an error");
  int64_t others = la_fact_count(f, "answered_others");
  if (others > 0) {
    g_string_append(out, ", while the service answered ");
    la_say_count(out, others, "other connection", "other connections");
  }
  g_string_append(out, ": a filter drops the SYN or its answer, or the host is not there.");
}

const LaRule la_rule_syn_unanswered = {
  .code = "syn-unanswered",
  .title = "SYN unanswered",
  .scope = LA_SCOPE_CONNECTION,
  .severity = LA_SEVERITY_ERROR,
  .any_marks = LA_MARK_SYN,
  .thresholds = {{"syn-unanswered", LA_UNIT_SECONDS, 3 * LA_SEC, "silence after a single SYN that is enough"},
                 {"syn-unanswered.syns", LA_UNIT_COUNT, 2, "SYNs without an answer that are enough"}},
  .decide = decide,
  .summarize = summarize,
};
