/* B acknowledged the FIN of A and closed, but only after the threshold. */
#include "diagnose/close_wait.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  LaCloseWait wait = la_close_wait(conn);
  if (wait.holder == LA_SIDE_N || wait.closed_frame == 0)
    return false;
  if (wait.held < LA_THRESHOLD(context, close_wait_slow, 0) || wait.held >= LA_THRESHOLD(context, close_wait_leak, 0))
    return false;
  const LaEndpoint *closer = &conn->end[LA_OTHER(wait.holder)];
  ret->side = (uint8_t)wait.holder;
  ret->at = closer->fin_acked_time;
  ret->blame = (uint8_t)la_blame_application(wait.holder);
  ret->confidence = la_missed(conn, wait.holder) ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_CERTAIN;
  /* It knew of the half-close and worked for it: whether it still did so during the rest is not in the packets. */
  if (wait.since > closer->fin_acked_time)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  la_finding_add_packet(ret, closer->fin_frame);
  la_finding_add_packet(ret, closer->fin_acked_frame);
  la_finding_add_packet(ret, wait.closed_frame);
  la_finding_add_span(ret, "held_s", wait.held);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide holder = (LaSide)f->side;
  la_say_end(out, conn, holder);
  g_string_append_printf(out, " took %s", conn->end[LA_OTHER(holder)].fin_frame != 0 ? "" : "at least ");
  la_say_span(out, la_fact_span(f, "held_s"));
  bool sent_on = la_close_wait(conn).since > conn->end[LA_OTHER(holder)].fin_acked_time;
  g_string_append(out, sent_on ? " to close after its last payload, which it sent after the FIN of "
                               : " to close after the FIN of ");
  la_say_end(out, conn, LA_OTHER(holder));
  g_string_append_c(out, ' ');
  la_say_fin_place(out, conn, LA_OTHER(holder));
  if (sent_on)
    g_string_append_printf(out, ": the %s application was still at work for it, or is slow to close.", la_side_name(holder));
  else
    g_string_append_printf(out, ": the %s application is slow to notice the end of the stream.", la_side_name(holder));
}

const LaRule la_rule_close_wait_slow = {
    .code = "close-wait-slow",
    .title = "slow to close",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_FIN,
    .any_flags = LA_CONN_ADOPTED,
    .thresholds = {{"close-wait-slow", LA_UNIT_SECONDS, 5 * LA_SEC, "how long the end that got the FIN may take to close"}},
    .decide = decide,
    .summarize = summarize,
};
