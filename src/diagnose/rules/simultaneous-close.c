/* Neither FIN acknowledges the other: they crossed, and both ends go through CLOSING. */
#include "base/seq.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if ((opener->flags & acceptor->flags & LA_END_FIN) == 0)
    return false;
  const LaMoment *a = la_moment_of_frame(conn, opener->fin_frame);
  const LaMoment *b = la_moment_of_frame(conn, acceptor->fin_frame);
  if (a == NULL || b == NULL || la_seq_ge(a->ack, acceptor->fin_end) || la_seq_ge(b->ack, opener->fin_end))
    return false;
  /* Crossed means: the later was sent before the earlier could arrive. */
  LaTime apart = a->time - b->time;
  if (apart < 0)
    apart = -apart;
  LaTime rtt = la_connection_rtt(conn);
  if (apart > (rtt == LA_TIME_NONE ? 200 * LA_MSEC : rtt + 20 * LA_MSEC))
    return false;
  ret->at = a->time < b->time ? a->time : b->time;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, a->frame);
  la_finding_add_packet(ret, b->frame);
  la_finding_add_span(ret, "apart_s", apart);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_pair(out, conn);
  g_string_append_printf(
      out, ": both ends closed at once, their FINs (packets %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT ") crossed, ",
      f->packets[0], f->packets[f->packet_count - 1]);
  la_say_span(out, la_fact_span(f, "apart_s"));
  g_string_append(out, " apart.");
}

const LaRule la_rule_simultaneous_close = {
    .code = "simultaneous-close",
    .title = "both ends closed at once",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_FIN,
    .decide = decide,
    .summarize = summarize,
};
