/* Segments stand in the capture behind their own acknowledgments: the capture, not the network, changed their order. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaEndpoint *a = &conn->end[LA_OPENER];
  const LaEndpoint *b = &conn->end[LA_ACCEPTOR];
  int64_t segments = (int64_t)a->recorded_late + b->recorded_late;
  if (segments == 0)
    return false;
  ret->at = conn->first_time;
  ret->blame = LA_BLAME_CAPTURE;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_ACK_OF_UNSEEN) == 0 || (m->marks & LA_MARK_DUPLICATE) != 0 ||
        conn->end[LA_OTHER(m->side)].recorded_late == 0)
      continue;
    if (ret->packet_count == 0)
      ret->at = m->time;
    la_finding_add_packet(ret, m->frame);
  }
  la_finding_add_count(ret, "segments", segments);
  la_finding_add_span(ret, "largest_s",
                      a->recorded_late_most > b->recorded_late_most ? a->recorded_late_most : b->recorded_late_most);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_count(out, la_fact_count(f, "segments"), "segment", "segments");
  g_string_append(out, " of ");
  la_say_pair(out, conn);
  g_string_append(out, la_fact_count(f, "segments") == 1 ? " stands" : " stand");
  g_string_append(out, " in the capture behind the acknowledgment, by up to ");
  la_say_span(out, la_fact_span(f, "largest_s"));
  g_string_append(out, ": the capture put packets in another order than they passed.");
}

const LaRule la_rule_reordered_capture = {
    .code = "reordered-capture",
    .title = "packets recorded out of order",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_ACK_OF_UNSEEN,
    .decide = decide,
    .summarize = summarize,
};
