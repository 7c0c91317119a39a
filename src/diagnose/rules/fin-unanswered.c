/* A FIN sent again and again, and nothing comes back. */
#include "diagnose/vanished.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  LaVanished gone = la_vanished(conn);
  if (gone.sender == LA_SIDE_N || gone.stage != LA_VANISHED_FIN)
    return false;
  la_vanished_fill(conn, context, &gone, ret);
  la_add_moments(conn, gone.sender, LA_MARK_FIN, ret);
  la_finding_add_count(ret, "unanswered", gone.sendings);
  la_finding_add_span(ret, "waited_s", gone.waited);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append(out, " sent its FIN ");
  la_say_count(out, la_fact_count(f, "unanswered"), "time", "times");
  g_string_append(out, " in ");
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append_printf(out, " (first in packet %" G_GUINT64_FORMAT ") and heard nothing from ", conn->end[side].fin_frame);
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append(out, " any more: the network drops it, or the host is gone; ");
  if ((conn->flags & LA_CONN_RST) != 0)
    g_string_append_printf(out, "it gave up with a RST in packet %" G_GUINT64_FORMAT ".", conn->rst_frame);
  else
    g_string_append(out, "it still holds its end open.");
}

const LaRule la_rule_fin_unanswered = {
    .code = "fin-unanswered",
    .title = "FIN unanswered",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_FIN,
    .decide = decide,
    .summarize = summarize,
};
