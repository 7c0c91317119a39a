/* A RST exactly in sequence into TIME_WAIT (RFC 1337). */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_RST_COUNTS | LA_MARK_AFTER_CLOSE)) != (LA_MARK_RST_COUNTS | LA_MARK_AFTER_CLOSE))
      continue;
    if ((m->marks & LA_MARK_DUPLICATE) != 0 || m->peer_state != LA_TCP_TIME_WAIT)
      continue;
    LaSide waiting = LA_OTHER(m->side);
    if (m->seq != conn->end[waiting].rcv_nxt)
      continue;
    LaTime since = LA_TIME_NONE;
    for (unsigned k = 0; k < conn->end[waiting].steps; k++)
      if (conn->end[waiting].path[k].state == LA_TCP_TIME_WAIT)
        since = conn->end[waiting].path[k].time;
    if (since == LA_TIME_NONE)
      return false;
    ret->side = (uint8_t)waiting;
    ret->at = m->time;
    ret->blame = LA_BLAME_NETWORK;
    la_finding_add_packet(ret, m->frame);
    la_finding_add_span(ret, "after_s", m->time - since);
    la_finding_add_span(ret, "left_s", 60 * LA_SEC - (m->time - since));
    return true;
  }
  return false;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append_printf(out, "The RST in packet %" G_GUINT64_FORMAT " met ", f->packets[0]);
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append(out, " in TIME_WAIT exactly in sequence, ");
  la_say_span(out, la_fact_span(f, "after_s"));
  g_string_append(out, " after it began, and ends it on most kernels (RFC 1337).");
}

const LaRule la_rule_time_wait_assassination = {
    .code = "time-wait-assassination",
    .title = "TIME_WAIT ended by a RST",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_AFTER_CLOSE,
    .decide = decide,
    .summarize = summarize,
};
