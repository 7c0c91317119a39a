/* The last FIN came again after it had been acknowledged, its ACK was repeated, and that settled it. */
#include "diagnose/last_fin.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaLastFin last = la_last_fin(conn);
  if (last.verdict != LA_LAST_FIN_ACK_LOST)
    return false;
  const LaEndpoint *end = &conn->end[last.sender];
  ret->side = (uint8_t)last.sender;
  ret->at = end->fin_last_time;
  ret->blame = LA_BLAME_NETWORK;
  la_add_moments(conn, last.sender, LA_MARK_FIN, ret);
  la_add_moments(conn, LA_OTHER(last.sender), LA_MARK_ACKS_FIN, ret);
  la_finding_add_count(ret, "retries", last.retries);
  la_finding_add_span(ret, "added_delay_s", last.settled_time - last.first_ack_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append_printf(out, " repeated its FIN (packet %" G_GUINT64_FORMAT ") ", conn->end[side].fin_frame);
  la_say_count(out, la_fact_count(f, "retries"), "time", "times");
  g_string_append(out, " although ");
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append_printf(
      out, " had acknowledged it in packet %" G_GUINT64_FORMAT ": the network lost the final ACK, which came again ",
      conn->end[side].fin_acked_frame);
  la_say_span(out, la_fact_span(f, "added_delay_s"));
  g_string_append(out, " later.");
}

const LaRule la_rule_final_ack_lost = {
    .code = "final-ack-lost",
    .title = "final ACK lost",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_FIN,
    .decide = decide,
    .summarize = summarize,
};
