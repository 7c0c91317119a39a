/* Acknowledged data that the capture never showed: the packets passed, the capture missed them. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  unsigned holes = conn->end[LA_OPENER].missed + conn->end[LA_ACCEPTOR].missed;
  if (holes == 0)
    return false;
  int64_t bytes = 0;
  for (int side = 0; side < LA_SIDE_N; side++)
    for (unsigned i = 0; i < conn->end[side].holes_used; i++)
      if (conn->end[side].holes[i].acked_frame != 0) {
        la_finding_add_packet(ret, conn->end[side].holes[i].acked_frame);
        bytes += conn->end[side].holes[i].end - conn->end[side].holes[i].start;
      }
  ret->at = conn->last_time;
  ret->blame = LA_BLAME_CAPTURE;
  la_finding_add_count(ret, "holes", holes);
  if (holes <= LA_HOLES_MAX)
    la_finding_add_count(ret, "missing_bytes", bytes);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append(out, "The capture misses packets of ");
  la_say_pair(out, conn);
  g_string_append(out, ": ");
  la_say_count(out, la_fact_count(f, "holes"), "gap was", "gaps were");
  g_string_append(out, " acknowledged by the receiver although the data is not in the capture.");
}

const LaRule la_rule_capture_loss = {
    .code = "capture-loss",
    .title = "packets missing from the capture",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_MISSED,
    .decide = decide,
    .summarize = summarize,
};
