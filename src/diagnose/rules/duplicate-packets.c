/* Packets that were captured twice: at two points of the way, by a mirror port, or by the `any` device. They were sent once. */
#include "diagnose/duplicates.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaDuplicates d = la_duplicates(conn);
  if (d.by_capture == 0)
    return false;
  uint64_t packets = conn->end[LA_OPENER].packets + conn->end[LA_ACCEPTOR].packets;
  ret->at = d.capture_time != LA_TIME_NONE ? d.capture_time : conn->first_time;
  ret->blame = LA_BLAME_CAPTURE;
  la_duplicates_add(conn, LA_COPIES_BY_CAPTURE, ret);
  la_finding_add_count(ret, "copies", d.by_capture);
  la_finding_add_ratio(ret, "share", (double)d.by_capture / (double)packets);
  la_finding_add_span(ret, "apart_s", d.apart);
  if (d.ttl_difference >= 0)
    la_finding_add_count(ret, "ttl_difference", d.ttl_difference);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_count(out, la_fact_count(f, "copies"), "packet", "packets");
  g_string_append(out, " of ");
  la_say_pair(out, conn);
  g_string_append(out, la_fact_count(f, "copies") == 1 ? " stands in the capture twice" : " stand in the capture twice");
  if (la_finding_fact(f, "apart_s") != NULL) {
    g_string_append(out, ", ");
    la_say_span(out, la_fact_span(f, "apart_s"));
    g_string_append(out, " apart");
  }
  if (la_fact_count(f, "ttl_difference") > 0)
    g_string_append_printf(out, " and with TTLs that differ by %" G_GINT64_FORMAT, la_fact_count(f, "ttl_difference"));
  g_string_append(out, ": they were captured at two points or in two ways; the copies are left out of every judgement.");
}

const LaRule la_rule_duplicate_packets = {
    .code = "duplicate-packets",
    .title = "packets captured twice",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_DUPLICATE,
    .decide = decide,
    .summarize = summarize,
};
