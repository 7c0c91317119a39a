/* Both ends closed, and the last FIN was sent again to the end: its sender never got the acknowledgment, whether one is in the
 * capture or not. */
#include "base/seq.h"
#include "diagnose/evidence.h"
#include "diagnose/last_fin.h"

enum {
  NEVER,
  NOT_BY_THEN /* nobody listened after the last sending */
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  LaLastFin last = la_last_fin(conn);
  if (last.sender == LA_SIDE_N || last.verdict != LA_LAST_FIN_MISSING ||
      last.retries < LA_THRESHOLD(context, missing_final_ack, 0))
    return false;
  const LaEndpoint *end = &conn->end[last.sender];
  ret->side = (uint8_t)last.sender;
  ret->at = end->fin_last_time;
  la_blame_silence(context, LA_OTHER(last.sender), ret);
  la_finding_rests_on_silence(ret, end->fin_time, la_answer_due(conn, end->fin_last_time));
  ret->confidence = last.acks != 0 ? LA_CONFIDENCE_LIKELY : LA_CONFIDENCE_POSSIBLE;
  ret->variant = la_silence(conn) < LA_ANSWERED_BY ? NOT_BY_THEN : NEVER;
  la_add_moments(conn, last.sender, LA_MARK_FIN, ret);
  la_add_moments(conn, LA_OTHER(last.sender), LA_MARK_ACKS_FIN, ret);
  la_finding_add_count(ret, "retries", last.retries);
  la_finding_add_span(ret, "waited_s", end->fin_last_time - end->fin_time);
  la_finding_add_count(ret, "acks_seen", last.acks);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append(out, " sent its FIN ");
  la_say_count(out, la_fact_count(f, "retries") + 1, "time", "times");
  g_string_append(out, " in ");
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append_printf(out,
                         f->variant == NOT_BY_THEN ? " (first in packet %" G_GUINT64_FORMAT
                                                     ") and had not got the final ACK when the capture ended: "
                                                   : " (first in packet %" G_GUINT64_FORMAT ") and never got the final ACK: ",
                         conn->end[side].fin_frame);
  int64_t acks = la_fact_count(f, "acks_seen");
  if (acks != 0) {
    la_say_end(out, conn, LA_OTHER(side));
    g_string_append_printf(
        out, " did answer (%" G_GINT64_FORMAT " in the capture), so the network loses the ACK behind the point of capture.",
        acks);
  } else {
    g_string_append(out, "the network drops it, or ");
    la_say_end(out, conn, LA_OTHER(side));
    g_string_append(out, " does not answer any more.");
  }
}

const LaRule la_rule_missing_final_ack = {
    .code = "missing-final-ack",
    .title = "final ACK missing",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_FIN,
    .thresholds = {{"missing-final-ack.retries", LA_UNIT_COUNT, 1, "how often the last FIN must have come again"}},
    .decide = decide,
    .summarize = summarize,
};
