/* Several sockets of one host closed at once with no reason in the traffic: the process exited, and the kernel closed them. */
#include "diagnose/close_wait.h"
#include "diagnose/evidence.h"

/* A host that closes idle sockets all the time closes two of them at once by chance. */
#define BUSY_RUNS 5
#define BUSY_MORE 2

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  int64_t needed = LA_THRESHOLD(context, closed_by_exit, 1) + (conn->exit_runs > BUSY_RUNS ? BUSY_MORE : 0);
  if (conn->exit_run < needed || conn->exit_run_span > LA_THRESHOLD(context, closed_by_exit, 0) * (conn->exit_run - 1))
    return false;
  if (conn->exit_timed != 0)
    return false;
  if (context->reset.kind == LA_RESET_LISTENER_CLOSED || context->reset.kind == LA_RESET_KEEPALIVE)
    return false;
  LaSide side = (LaSide)conn->exit_side;
  const LaEndpoint *end = &conn->end[side];
  bool by_fin = (end->flags & LA_END_FIN) != 0 && ((conn->flags & LA_CONN_RST) == 0 || end->fin_frame < conn->rst_frame);
  uint64_t frame = by_fin ? end->fin_frame : conn->rst_frame;
  ret->side = (uint8_t)side;
  ret->at = by_fin ? end->fin_time : conn->rst_time;
  ret->blame = (uint8_t)la_blame_application(side);
  LaCloseWait wait = la_close_wait(conn);
  bool leaked = wait.holder == side && wait.closed_frame == frame;
  /* An orderly drain and a pool that shuts down look the same; sockets that had been leaked before speak for an exit. */
  ret->confidence = leaked ? LA_CONFIDENCE_LIKELY : LA_CONFIDENCE_POSSIBLE;
  if (!leaked && conn->exit_idle < LA_SEC)
    return false;
  if (!leaked)
    ret->severity = LA_SEVERITY_NOTE;
  la_finding_add_packet(ret, frame);
  la_finding_add_count(ret, "sockets", conn->exit_run);
  la_finding_add_span(ret, "within_s", conn->exit_run_span);
  la_finding_add_span(ret, "idle_s", conn->exit_idle);
  if (leaked)
    la_finding_add_span(ret, "held_s", wait.held);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append(out, " closed this and ");
  la_say_count(out, la_fact_count(f, "sockets") - 1, "other socket", "other sockets");
  g_string_append(out, " of its host within ");
  la_say_span(out, la_fact_span(f, "within_s"));
  g_string_append(out, " without any reason in the traffic (packet ");
  g_string_append_printf(out, "%" G_GUINT64_FORMAT ", idle for ", f->packets[0]);
  la_say_span(out, la_fact_span(f, "idle_s"));
  g_string_append(out, "): the process probably exited and the kernel closed what it had left open.");
}

const LaRule la_rule_closed_by_exit = {
    .code = "closed-by-exit",
    .title = "closed when its process exited",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_FIN | LA_MARK_RST,
    .thresholds = {{"closed-by-exit", LA_UNIT_SECONDS, 50 * LA_MSEC, "time in which the sockets must end"},
                   {"closed-by-exit.sockets", LA_UNIT_COUNT, 2, "how many sockets"}},
    .decide = decide,
    .summarize = summarize,
};
