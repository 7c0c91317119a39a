/* A RST after both FINs were acknowledged: harmless. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  if ((conn->flags & LA_CONN_CLOSED) == 0)
    return false;
  const LaMoment *first = NULL;
  int64_t resets = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_RST) == 0 || (m->marks & LA_MARK_AFTER_CLOSE) == 0 || (m->marks & LA_MARK_DUPLICATE) != 0)
      continue;
    if (first == NULL)
      first = m;
    resets++;
    la_finding_add_packet(ret, m->frame);
  }
  if (first == NULL)
    return false;
  LaTime a = conn->end[LA_OPENER].fin_acked_time;
  LaTime b = conn->end[LA_ACCEPTOR].fin_acked_time;
  ret->side = first->side;
  ret->at = first->time;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_count(ret, "resets", resets);
  la_finding_add_span(ret, "after_s", first->time - (a > b ? a : b));
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append_printf(out, " sent a RST (packet %" G_GUINT64_FORMAT ") ", f->packets[0]);
  la_say_span(out, la_fact_span(f, "after_s"));
  g_string_append(out, " after both ends had closed in order: harmless.");
}

const LaRule la_rule_rst_after_close = {
    .code = "rst-after-close",
    .title = "RST after a complete close",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_AFTER_CLOSE,
    .decide = decide,
    .summarize = summarize,
};
