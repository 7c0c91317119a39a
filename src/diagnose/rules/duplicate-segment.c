/* The network delivered a segment twice: the very same packet, and a receiver that reported the second copy. */
#include "diagnose/duplicates.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaDuplicates d = la_duplicates(conn);
  if (d.by_network == 0)
    return false;
  ret->at = d.network_time;
  ret->side = d.network_side;
  ret->blame = LA_BLAME_NETWORK;
  la_duplicates_add(conn, LA_COPIES_BY_NETWORK, ret);
  la_finding_add_count(ret, "copies", d.by_network);
  la_finding_add_span(ret, "apart_s", d.network_apart);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  g_string_append(out, "The network delivered ");
  la_say_count(out, la_fact_count(f, "copies"), "segment", "segments");
  g_string_append(out, " of ");
  la_say_end(out, conn, side);
  g_string_append_printf(out, " twice (packet %" G_GUINT64_FORMAT, f->packets[f->packet_count - 1]);
  if (la_finding_fact(f, "apart_s") != NULL) {
    g_string_append(out, ", ");
    la_say_span(out, la_fact_span(f, "apart_s"));
    g_string_append(out, " after the first");
  }
  g_string_append(out, "), and ");
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append(out, " reported the copy: some device on the way duplicates packets.");
}

const LaRule la_rule_duplicate_segment = {
    .code = "duplicate-segment",
    .title = "segment delivered twice",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_DUPLICATE,
    .decide = decide,
    .summarize = summarize,
};
