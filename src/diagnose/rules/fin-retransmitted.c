/* A FIN was sent again and then acknowledged: the FIN or its acknowledgment was lost or late. Where the last FIN's acknowledgment
 * was lost after the point of capture, final-ack-lost says so instead. */
#include "diagnose/evidence.h"
#include "diagnose/last_fin.h"

#define SLACK (50 * LA_MSEC) /* a delayed ACK */

enum {
  LOST,
  SLOW,
  EARLY, /* all copies left before any answer could have come */
};

/* The end whose FIN was repeated and acknowledged at last; LA_SIDE_N: none. */
static LaSide repeated(const LaConnection *conn)
{
  LaLastFin last = la_last_fin(conn);
  for (int i = 0; i < LA_SIDE_N; i++) {
    LaSide side = i == 0 ? (LaSide)conn->first_fin : LA_OTHER(conn->first_fin);
    const LaEndpoint *end = &conn->end[side];
    if (la_fin_retries(conn, side) == 0 || (end->flags & LA_END_FIN_ACKED) == 0)
      continue;
    if (side == last.sender && last.verdict != LA_LAST_FIN_LATE)
      continue;
    return side;
  }
  return LA_SIDE_N;
}

/* What the repetition shows. Nothing was lost when the first copy was answered as soon as it could be, and the second had left before; and a
 * sender that did not wait for an answer repeats for no loss. */
static unsigned judge(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  LaTime rtt = la_connection_rtt(conn);
  if (rtt == LA_TIME_NONE || end->fin_last_frame >= end->fin_acked_frame)
    return LOST;
  if (end->fin_acked_time - end->fin_time <= rtt + SLACK)
    return SLOW;
  return end->fin_last_time - end->fin_time < rtt ? EARLY : LOST;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  if (conn->first_fin == LA_SIDE_N)
    return false;
  LaSide side = repeated(conn);
  if (side == LA_SIDE_N)
    return false;
  const LaEndpoint *end = &conn->end[side];
  ret->side = (uint8_t)side;
  ret->at = end->fin_last_time;
  ret->blame = LA_BLAME_NETWORK;
  ret->confidence = la_missed(conn, LA_OTHER(side)) ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
  ret->variant = (uint8_t)judge(conn, side);
  if (ret->variant != LOST)
    ret->severity = LA_SEVERITY_NOTE;
  if (ret->variant == EARLY)
    ret->blame = LA_BLAME_NONE;
  la_add_moments(conn, side, LA_MARK_FIN, ret);
  la_finding_add_packet(ret, end->fin_acked_frame);
  la_finding_add_count(ret, "retries", la_fin_retries(conn, side));
  la_finding_add_span(ret, "added_delay_s", end->fin_last_time - end->fin_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append_printf(out, " sent its FIN (packet %" G_GUINT64_FORMAT ") ", conn->end[side].fin_frame);
  if (f->variant == SLOW) {
    la_say_count(out, la_fact_count(f, "retries") + 1, "time", "times");
    g_string_append(out, ", though the first was answered as fast as the way allows: it had been held up before the point of "
                         "capture, not lost.");
    return;
  }
  if (f->variant == EARLY) {
    la_say_count(out, la_fact_count(f, "retries") + 1, "time", "times");
    g_string_append(out, " within ");
    la_say_span(out, la_fact_span(f, "added_delay_s"));
    g_string_append(out, ", before an answer could have come: nothing shows that one was lost.");
    return;
  }
  la_say_count(out, la_fact_count(f, "retries"), "time more", "times more");
  g_string_append(out, ", which delayed the close by ");
  la_say_span(out, la_fact_span(f, "added_delay_s"));
  g_string_append(out, ": the network lost the FIN or its acknowledgment.");
}

const LaRule la_rule_fin_retransmitted = {
    .code = "fin-retransmitted",
    .title = "FIN sent again",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_FIN,
    .decide = decide,
    .summarize = summarize,
};
