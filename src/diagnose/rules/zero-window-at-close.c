/* An end cannot send what it has left, its FIN behind that, because the peer keeps its window at 0 to the end. */
#include "diagnose/evidence.h"

/* The FIN follows this soon after the window opened, when it had been waiting for that. */
#define AT_ONCE (500 * LA_MSEC)

enum {
  TO_THE_END,
  UNTIL_OPENED
};

/* How long the FIN of `sender` had waited before a window that then opened; 0: it had not. */
static LaTime waited_for_window(const LaConnection *conn, LaSide sender)
{
  LaSide shut = LA_OTHER(sender);
  const LaEndpoint *end = &conn->end[sender];
  const LaMoment *opened = NULL;
  const LaMoment *zero = NULL;
  if ((end->flags & LA_END_FIN) == 0)
    return 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != shut || m->frame > end->fin_frame)
      continue;
    if ((m->marks & LA_MARK_WINDOW_OPENED) != 0) {
      opened = m;
    } else if ((m->marks & LA_MARK_ZERO_WINDOW) != 0 && (zero == NULL || opened != NULL)) {
      zero = m;
      opened = NULL;
    }
  }
  bool waiting = opened != NULL && zero != NULL && end->probes != 0 && end->fin_time - opened->time <= AT_ONCE;
  return waiting ? opened->time - zero->time : 0;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  for (int i = 0; i < LA_SIDE_N; i++) {
    const LaEndpoint *shut = &conn->end[i];
    LaSide sender = LA_OTHER(i);
    const LaEndpoint *end = &conn->end[sender];
    LaTime waited = waited_for_window(conn, sender);
    bool to_the_end =
        (shut->flags & LA_END_ZERO_WINDOW) != 0 && (end->flags & LA_END_DATA) != 0 && (end->flags & LA_END_FIN) == 0;
    if (!to_the_end && waited == 0)
      continue;
    /* A reset, or the end of observation: either way the sender never got to its FIN. */
    LaTime held =
        waited != 0 ? waited : ((conn->flags & LA_CONN_RST) != 0 ? conn->rst_time : conn->end_time) - shut->zero_window_since;
    if (held < LA_THRESHOLD(context, zero_window_at_close, 0))
      continue;
    ret->side = (uint8_t)i;
    ret->at = shut->zero_window_since;
    ret->variant = waited != 0 ? UNTIL_OPENED : TO_THE_END;
    ret->blame = (uint8_t)la_blame_application((LaSide)i);
    if (waited == 0)
      la_finding_rests_on_silence(ret, conn->last_time, shut->zero_window_since + held);
    const LaMoment *zero = la_moment_last(conn, (LaSide)i, LA_MARK_ZERO_WINDOW);
    la_finding_add_packet(ret, zero != NULL ? zero->frame : 0);
    la_add_moments(conn, sender, LA_MARK_WINDOW_PROBE, ret);
    la_finding_add_span(ret, "held_s", held);
    la_finding_add_count(ret, "probes", end->probes);
    return true;
  }
  return false;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide shut = (LaSide)f->side;
  la_say_end(out, conn, shut);
  g_string_append(out, " kept its window shut for ");
  la_say_span(out, la_fact_span(f, "held_s"));
  if (f->variant == UNTIL_OPENED) {
    g_string_append(out, ", and ");
    la_say_end(out, conn, LA_OTHER(shut));
    g_string_append_printf(out, " had to wait with the rest of its data and its FIN: the %s application was not reading.",
                           la_side_name(shut));
    return;
  }
  g_string_append(out, conn->ended_by == LA_ENDED_N ? " so far, so that " : " to the end, so that ");
  la_say_end(out, conn, LA_OTHER(shut));
  g_string_append_printf(out, " can send neither the rest of its data nor a FIN: the %s application does not read.",
                         la_side_name(shut));
}

const LaRule la_rule_zero_window_at_close = {
    .code = "zero-window-at-close",
    .title = "closing stuck behind a zero window",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_ZERO_WINDOW,
    .thresholds = {{"zero-window-at-close", LA_UNIT_SECONDS, LA_SEC, "how long the window must have been closed"}},
    .decide = decide,
    .summarize = summarize,
};
