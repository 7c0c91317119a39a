/* A four-tuple came back within 2 MSL of a full close, and the server answered with the old connection's ACK or not at all.
 * Where the kernel's normal recovery (RST, SYN again at once) settled it, it is a note that tells the delay. */
#include "diagnose/evidence.h"
#include "diagnose/reuse.h"

enum {
  OLD_ACK,
  SILENCE
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  LaReuse reuse = la_reuse(conn, context);
  if (reuse != LA_REUSE_REJECTED && reuse != LA_REUSE_SILENCE && reuse != LA_REUSE_RECOVERED)
    return false;
  if (reuse == LA_REUSE_RECOVERED)
    ret->severity = LA_SEVERITY_NOTE;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  const LaEarlier *e = &conn->earlier;
  ret->at = opener->syn_time;
  ret->side = LA_OPENER;
  ret->variant = reuse == LA_REUSE_SILENCE ? SILENCE : OLD_ACK;
  ret->blame = LA_BLAME_CLIENT_HOST;
  if (ret->variant == SILENCE)
    la_finding_rests_on_silence(ret, opener->syn_time, la_answer_due(conn, opener->syn_last_time));
  if (ret->variant == SILENCE)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_finding_add_packet(ret, e->challenge_frame);
  la_finding_add_packet(ret, e->challenge_rst_frame);
  la_finding_add_packet(ret, acceptor->syn_frame);
  la_finding_add_span(ret, "reused_after_s", opener->syn_time - e->last_time);
  la_finding_add_count(ret, "retries", opener->syn_sent - 1);
  if ((acceptor->flags & LA_END_SYN_ACK) != 0)
    la_finding_add_span(ret, "added_delay_s", acceptor->syn_time - opener->syn_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " used its port towards ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " again ");
  la_say_span(out, la_fact_span(f, "reused_after_s"));
  g_string_append_printf(out, " after the connection before was closed (SYN in packet %" G_GUINT64_FORMAT ")",
                         conn->end[LA_OPENER].syn_frame);
  if (f->variant == SILENCE) {
    g_string_append(out, ", and nothing came back: TIME_WAIT or a filter's memory of the old connection probably refused it, "
                         "or the SYN was lost.");
    return;
  }
  g_string_append_printf(out,
                         ", and the server answered with the old connection's ACK (packet %" G_GUINT64_FORMAT
                         "): the SYN looked older than what is in TIME_WAIT",
                         conn->earlier.challenge_frame);
  if (la_finding_fact(f, "added_delay_s") != NULL) {
    g_string_append(out, ", which delayed the connect by ");
    la_say_span(out, la_fact_span(f, "added_delay_s"));
    g_string_append_c(out, '.');
  } else {
    g_string_append(out, ", and it never opened.");
  }
}

const LaRule la_rule_port_reuse_rejected = {
    .code = "port-reuse-rejected",
    .title = "port used again too soon",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_flags = LA_CONN_REUSED,
    .decide = decide,
    .summarize = summarize,
};
