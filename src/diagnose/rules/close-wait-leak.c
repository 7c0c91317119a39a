/* A's FIN was acknowledged by B, and B neither closed nor sent for the threshold: B's application holds the socket. Also
 * close_wait.h: how long it held. */
#include "diagnose/close_wait.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  LaCloseWait held = la_close_wait(conn);
  if (held.holder == LA_SIDE_N || held.held < LA_THRESHOLD(context, close_wait_leak, 0))
    return false;
  const LaEndpoint *closer = &conn->end[LA_OTHER(held.holder)];
  const LaEndpoint *holder = &conn->end[held.holder];
  ret->side = (uint8_t)held.holder;
  ret->blame = (uint8_t)la_blame_application(held.holder);
  ret->at = closer->fin_acked_time;
  /* An end that says something later, if only an answer to a keep-alive, lives and holds the socket still. */
  bool lives = holder->last_time - closer->fin_acked_time >= LA_THRESHOLD(context, close_wait_leak, 0);
  ret->confidence = lives && !la_missed(conn, held.holder) ? LA_CONFIDENCE_CERTAIN : LA_CONFIDENCE_LIKELY;
  /* The holder's own kernel says so, and it has said so until now. */
  if (held.told != 0 && held.closed_frame == 0 && la_step_is_told(&holder->path[holder->steps - 1]))
    ret->confidence = LA_CONFIDENCE_CERTAIN;
  if (la_missed(conn, held.holder))
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  /* What the holder said later, still without a FIN, shows that it had sent none until then. */
  la_finding_rests_on_silence(ret, MAX(closer->fin_acked_time, holder->last_time),
                              held.since + LA_THRESHOLD(context, close_wait_leak, 0));
  la_finding_add_packet(ret, closer->fin_frame);
  la_finding_add_packet(ret, closer->fin_acked_frame);
  la_finding_add_packet(ret, held.closed_frame != 0 ? held.closed_frame : held.cut_frame);
  ret->variant = held.cut_frame != 0;
  la_finding_add_span(ret, "held_s", held.held);
  if (held.closed_frame != 0)
    la_finding_add_span(ret, "closed_after_s", held.held);
  return true;
}

/* The kernel held it in CLOSE_WAIT when the capture began: for how long already nobody knows. */
static void say_held_before(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide holder = (LaSide)f->side;
  g_string_append(out, " was in CLOSE_WAIT towards ");
  la_say_end(out, conn, LA_OTHER(holder));
  g_string_append(out, " when the capture began, and ");
  if (la_finding_fact(f, "closed_after_s") != NULL)
    g_string_append(out, "closed only after ");
  else
    g_string_append(out, "is so still after ");
  la_say_span(out, la_fact_span(f, "held_s"));
  g_string_append_printf(out, " at least: the %s application does not close its socket.", la_side_name(holder));
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide holder = (LaSide)f->side;
  const LaEndpoint *closer = &conn->end[LA_OTHER(holder)];
  la_say_end(out, conn, holder);
  if (closer->fin_frame == 0) {
    say_held_before(f, conn, out);
    return;
  }
  g_string_append(out, " got the FIN of ");
  la_say_end(out, conn, LA_OTHER(holder));
  g_string_append_printf(out, " in packet %" G_GUINT64_FORMAT ", acknowledged it in packet %" G_GUINT64_FORMAT " and ",
                         closer->fin_frame, closer->fin_acked_frame);
  if (la_finding_fact(f, "closed_after_s") != NULL) {
    g_string_append(out, "closed only ");
    la_say_span(out, la_fact_span(f, "held_s"));
    g_string_append(out, " later");
  } else {
    g_string_append(out, "had not closed ");
    la_say_span(out, la_fact_span(f, "held_s"));
    if (f->variant != 0)
      g_string_append_printf(out,
                             " later when a RST in the name of its peer ended the connection (packet %" G_GUINT64_FORMAT ")",
                             conn->rst_frame);
    else
      g_string_append(out, conn->ended_by == LA_ENDED_N ? " later" : " later when the capture ended");
  }
  g_string_append_printf(out, ": the %s application does not close its socket.", la_side_name(holder));
}

const LaRule la_rule_close_wait_leak = {
    .code = "close-wait-leak",
    .title = "CLOSE_WAIT leak",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_marks = LA_MARK_FIN,
    .any_flags = LA_CONN_ADOPTED,
    .thresholds = {{"close-wait-leak", LA_UNIT_SECONDS, 60 * LA_SEC, "how long the end that got the FIN may stay silent"}},
    .without_packets = true,
    .waits = true,
    .decide = decide,
    .summarize = summarize,
};
