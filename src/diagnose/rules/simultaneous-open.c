/* Both ends sent a SYN before they had the other's, and one connection came out of it (RFC 9293 section 3.5). */
#include "diagnose/evidence.h"
#include "diagnose/two_syns.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaTwoSyns two = la_two_syns(conn);
  if (two.kind != LA_TWO_SYNS_CROSSED)
    return false;
  ret->at = two.first->time;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, two.first->frame);
  la_finding_add_packet(ret, two.second->frame);
  la_finding_add_span(ret, "apart_s", two.second->time - two.first->time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " and ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append_printf(
      out, " opened towards one another at once (SYNs in packets %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT ", ",
      f->packets[0], f->packets[f->packet_count - 1]);
  la_say_span(out, la_fact_span(f, "apart_s"));
  g_string_append(out, " apart), and one connection came out of it.");
}

const LaRule la_rule_simultaneous_open = {
    .code = "simultaneous-open",
    .title = "both ends opened at once",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_SIMULTANEOUS,
    .decide = decide,
    .summarize = summarize,
};
