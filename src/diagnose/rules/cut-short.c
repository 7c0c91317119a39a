/* The snapshot length cut off TCP options. What is cut before the 20 bytes of the header is no segment at all and counted with
 * the capture. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  int64_t cut = (int64_t)conn->end[LA_OPENER].cut + conn->end[LA_ACCEPTOR].cut;
  if (cut == 0)
    return false;
  ret->at = conn->first_time;
  ret->blame = LA_BLAME_CAPTURE;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->options & LA_OPT_CUT) != 0)
      la_finding_add_packet(ret, m->frame);
  }
  la_finding_add_count(ret, "cut_packets", cut);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_count(out, la_fact_count(f, "cut_packets"), "packet", "packets");
  g_string_append(out, " of ");
  la_say_pair(out, conn);
  g_string_append(out, la_fact_count(f, "cut_packets") == 1 ? " was" : " were");
  g_string_append(out, " cut inside the TCP header: options are not known; capture at least 96 bytes of each packet (-s 96).");
}

const LaRule la_rule_cut_short = {
    .code = "cut-short",
    .title = "headers cut off",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .decide = decide,
    .summarize = summarize,
};
