/* A connection that worked was idle, and then data met silence or a RST that the peer did not send: a middlebox forgot it. */
#include "diagnose/vanished.h"
#include "diagnose/evidence.h"

enum {
  RESET,
  SILENCE
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  ret->blame = LA_BLAME_NETWORK;
  if (v->kind == LA_RESET_STATE_LOST) {
    const LaEndpoint *named = &conn->end[v->sender];
    ret->side = (uint8_t)v->sender;
    ret->at = conn->rst_time;
    ret->variant = RESET;
    ret->blame_also = (uint8_t)(1u << la_blame_host(v->sender));
    la_finding_add_packet(ret, v->trigger_frame);
    la_finding_add_packet(ret, conn->rst_frame);
    la_finding_add_span(ret, "idle_s", v->idle);
    la_finding_add_word(ret, "stage", "reset");
    la_finding_add_count(ret, "ttl_expected", named->ttl_max);
    la_finding_add_count(ret, "ttl_seen", v->moment->ttl);
    return true;
  }
  LaVanished gone = la_vanished(conn);
  if (gone.sender == LA_SIDE_N || gone.stage != LA_VANISHED_DATA || gone.idle < LA_THRESHOLD(context, idle_state_lost, 0))
    return false;
  la_vanished_fill(conn, context, &gone, ret);
  ret->blame = LA_BLAME_NETWORK;
  ret->variant = SILENCE;
  la_finding_add_packet(ret, conn->end[gone.sender].unanswered_frame);
  la_finding_add_packet(ret, conn->end[gone.sender].last_frame);
  la_finding_add_span(ret, "idle_s", gone.idle);
  la_finding_add_count(ret, "unanswered", gone.sendings);
  la_finding_add_word(ret, "stage", "silence");
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  if (f->variant == RESET) {
    g_string_append_printf(out, "A RST (packet %" G_GUINT64_FORMAT ") in the name of ", conn->rst_frame);
    la_say_end(out, conn, side);
    if (la_finding_fact(f, "idle_s") != NULL && la_fact_span(f, "idle_s") < LA_SEC) {
      g_string_append(out, " answered what was sent to it");
    } else if (la_finding_fact(f, "idle_s") != NULL) {
      g_string_append(out, " answered the first data after ");
      la_say_span(out, la_fact_span(f, "idle_s"));
      g_string_append(out, " of idleness");
    }
    g_string_append_printf(
        out, ", with TTL %" G_GINT64_FORMAT " instead of %" G_GINT64_FORMAT ": a middlebox has lost the connection's state.",
        la_fact_count(f, "ttl_seen"), la_fact_count(f, "ttl_expected"));
    return;
  }
  g_string_append(out, "After ");
  la_say_span(out, la_fact_span(f, "idle_s"));
  g_string_append(out, " of idleness ");
  la_say_end(out, conn, side);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "unanswered"), "time", "times");
  g_string_append_printf(out,
                         " (from packet %" G_GUINT64_FORMAT
                         ") and got no answer: a NAT or firewall on the way has probably dropped the idle connection.",
                         conn->end[side].unanswered_frame);
}

const LaRule la_rule_idle_state_lost = {
    .code = "idle-state-lost",
    .title = "connection forgotten on the way while idle",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_RETRANSMISSION,
    .any_flags = LA_CONN_RST,
    .thresholds = {{"idle-state-lost", LA_UNIT_SECONDS, 30 * LA_SEC, "how long the connection must have been idle"}},
    .waits = true,
    .decide = decide,
    .summarize = summarize,
};
