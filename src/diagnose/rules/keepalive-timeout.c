/* Keep-alive probes were not answered, then a RST gave the connection up. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_KEEPALIVE)
    return false;
  const LaEndpoint *silent = &conn->end[LA_OTHER(v->sender)];
  ret->side = (uint8_t)v->sender;
  ret->at = conn->rst_time;
  la_blame_silence(context, LA_OTHER(v->sender), ret);
  LaTime first = conn->rst_time;
  int64_t probes = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != v->sender || (m->marks & LA_MARK_KEEPALIVE) == 0 || m->frame < silent->last_frame ||
        m->frame > conn->rst_frame)
      continue;
    la_finding_add_packet(ret, m->frame);
    if (probes++ == 0)
      first = m->time;
  }
  la_finding_add_packet(ret, conn->rst_frame);
  la_finding_add_count(ret, "unanswered", probes);
  if (silent->last_frame != 0)
    la_finding_add_span(ret, "idle_s", first - silent->last_time);
  la_finding_add_span(ret, "waited_s", conn->rst_time - first);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "unanswered"), "keep-alive", "keep-alives");
  g_string_append(out, " in ");
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append(out, ", heard nothing from ");
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append_printf(
      out, ", and gave up with a RST in packet %" G_GUINT64_FORMAT ": the way is broken or the host is gone.", conn->rst_frame);
}

const LaRule la_rule_keepalive_timeout = {
    .code = "keepalive-timeout",
    .title = "keep-alives unanswered",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
