/* A packet's time lies before that of the packet in front of it on the same interface: the clock was set, or the file is not in
 * the order of its times. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  int64_t times = 0;
  LaTime largest = 0;
  LaTime at = conn->first_time;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_TIME_WENT_BACK) == 0)
      continue;
    if (m->since_last != LA_TIME_NONE && -m->since_last > largest)
      largest = -m->since_last;
    /* All packets after one step back lie before the latest time; the step is where the neighbour is later. */
    const LaMoment *before = i > 0 ? la_connection_moment(conn, i - 1) : NULL;
    if (before != NULL && before->time <= m->time && (before->marks & LA_MARK_TIME_WENT_BACK) != 0)
      continue;
    if (times++ == 0)
      at = m->time;
    la_finding_add_packet(ret, m->frame);
  }
  if (times == 0)
    return false;
  ret->at = at;
  ret->blame = LA_BLAME_CAPTURE;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_count(ret, "times", times);
  la_finding_add_span(ret, "largest_s", largest);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append(out, "The times of ");
  la_say_pair(out, conn);
  g_string_append(out, " go back ");
  la_say_count(out, la_fact_count(f, "times"), "time", "times");
  g_string_append(out, ", by up to ");
  la_say_span(out, la_fact_span(f, "largest_s"));
  g_string_append_printf(
      out,
      " (packet %" G_GUINT64_FORMAT
      "): the capturing clock was set, or the packets are not in the order of their times; spans across it are wrong.",
      f->packets[0]);
}

const LaRule la_rule_time_went_back = {
    .code = "time-went-back",
    .title = "times go backwards",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_TIME_WENT_BACK,
    .decide = decide,
    .summarize = summarize,
};
