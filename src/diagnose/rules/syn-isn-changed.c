/* The client tried the four-tuple again with another initial number before anything had answered: another attempt, not the
 * kernel's own retry. */
#include "diagnose/evidence.h"

#define ISNS_MAX 16

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  uint32_t isn[ISNS_MAX];
  unsigned isns = 0;
  int64_t syns = 0;
  LaTime first = LA_TIME_NONE;
  LaTime changed = LA_TIME_NONE;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_STALE_SYN | LA_MARK_INVALID_FLAGS)) != 0)
      continue;
    if (m->side == LA_ACCEPTOR || (m->marks & LA_MARK_ICMP) != 0)
      break; /* an answer */
    if ((m->marks & LA_MARK_SYN) == 0)
      continue;
    la_finding_add_packet(ret, m->frame);
    syns++;
    if (first == LA_TIME_NONE)
      first = m->time;
    bool known = false;
    for (unsigned k = 0; k < isns; k++)
      known |= isn[k] == m->seq;
    if (known || isns == ISNS_MAX)
      continue;
    isn[isns++] = m->seq;
    if (isns == 2)
      changed = m->time;
  }
  if (isns < 2)
    return false;
  ret->at = changed;
  ret->side = LA_OPENER;
  ret->blame = LA_BLAME_CLIENT_HOST;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_count(ret, "isns", isns);
  la_finding_add_count(ret, "syns", syns);
  la_finding_add_span(ret, "after_s", changed - first);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " tried ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " with ");
  la_say_count(out, la_fact_count(f, "isns"), "initial sequence number", "initial sequence numbers");
  g_string_append(out, " in ");
  la_say_count(out, la_fact_count(f, "syns"), "SYN", "SYNs");
  g_string_append_printf(out, " from packet %" G_GUINT64_FORMAT " on, the second after ", f->packets[0]);
  la_say_span(out, la_fact_span(f, "after_s"));
  g_string_append(out, ", before anything had answered: these are new attempts on one port, not the kernel's retries.");
}

const LaRule la_rule_syn_isn_changed = {
    .code = "syn-isn-changed",
    .title = "tried again with another number",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_SYN_TWICE,
    .decide = decide,
    .summarize = summarize,
};
