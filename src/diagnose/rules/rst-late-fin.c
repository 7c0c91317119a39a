/* A's FIN_WAIT_2 was over (Linux keeps an orphan for 60 s) when B's FIN came at last: A's host answers it with a bare RST. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

/* Sooner than this nobody gave up waiting: the socket was gone when the FIN came, closed with unread data or aborted. */
#define WAITED_MIN LA_SEC

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_LATE_FIN)
    return false;
  const LaEndpoint *early = &conn->end[v->sender];
  const LaEndpoint *late = &conn->end[LA_OTHER(v->sender)];
  la_reset_fill(conn, v, ret);
  ret->side = (uint8_t)LA_OTHER(v->sender);
  ret->blame = (uint8_t)la_blame_application(LA_OTHER(v->sender));
  la_finding_add_packet(ret, early->fin_frame);
  la_finding_add_span(ret, "held_s",
                      late->fin_time - ((early->flags & LA_END_FIN_ACKED) != 0 ? early->fin_acked_time : early->fin_time));
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide late = (LaSide)f->side;
  bool waited = la_fact_span(f, "held_s") >= WAITED_MIN;
  la_say_end(out, conn, late);
  g_string_append(out, " closed (FIN ");
  la_say_fin_place(out, conn, late);
  g_string_append(out, waited ? ") only " : ") ");
  la_say_span(out, la_fact_span(f, "held_s"));
  g_string_append(out, " after ");
  la_say_end(out, conn, LA_OTHER(late));
  g_string_append(out, " (FIN ");
  la_say_fin_place(out, conn, LA_OTHER(late));
  g_string_append_printf(out, "), whose host %s and answered with a RST in packet %" G_GUINT64_FORMAT ".",
                         waited ? "had given up waiting" : "no longer had the socket", conn->rst_frame);
}

const LaRule la_rule_rst_late_fin = {
    .code = "rst-late-fin",
    .title = "late FIN met a RST",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
