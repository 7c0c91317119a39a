/* A four-tuple came back within 2 MSL of a full close and was taken, if need be after the kernel's normal recovery (the old
 * connection's ACK, RST, SYN again at once). */
#include "diagnose/evidence.h"
#include "diagnose/reuse.h"
#include "track/measures.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  LaReuse reuse = la_reuse(conn, context);
  if (reuse != LA_REUSE_ACCEPTED && reuse != LA_REUSE_RECOVERED)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEarlier *e = &conn->earlier;
  ret->at = opener->syn_time;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  ret->variant = reuse == LA_REUSE_RECOVERED;
  la_finding_add_packet(ret, e->last_frame);
  la_finding_add_packet(ret, opener->syn_frame);
  la_finding_add_packet(ret, e->challenge_frame);
  la_finding_add_packet(ret, e->challenge_rst_frame);
  la_finding_add_packet(ret, conn->end[LA_ACCEPTOR].syn_frame);
  la_finding_add_span(ret, "reused_after_s", opener->syn_time - e->last_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " used its port towards ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " again ");
  la_say_span(out, la_fact_span(f, "reused_after_s"));
  g_string_append_printf(
      out, " after the connection before was closed (SYN in packet %" G_GUINT64_FORMAT "), and the server took it",
      conn->end[LA_OPENER].syn_frame);
  if (f->variant != 0) {
    g_string_append(out, " after an ACK of the old connection and a RST, ");
    la_say_span(out, la_connection_syn_to_syn_ack(conn));
    g_string_append(out, " later");
  }
  g_string_append_c(out, '.');
}

const LaRule la_rule_port_reused = {
    .code = "port-reused",
    .title = "port used again soon",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_REUSED,
    .decide = decide,
    .summarize = summarize,
};
