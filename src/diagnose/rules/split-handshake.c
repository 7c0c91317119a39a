/* The server answered the SYN with a bare ACK and a SYN of its own: no ordinary server does, and devices that tell the roles
 * by the SYN-ACK are led astray. */
#include "diagnose/evidence.h"
#include "diagnose/two_syns.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaTwoSyns two = la_two_syns(conn);
  if (two.kind != LA_TWO_SYNS_SPLIT)
    return false;
  ret->at = two.second->time;
  ret->side = LA_ACCEPTOR;
  la_finding_add_packet(ret, two.first->frame);
  if (two.ack != NULL)
    la_finding_add_packet(ret, two.ack->frame);
  la_finding_add_packet(ret, two.second->frame);
  la_finding_add_span(ret, "apart_s", two.second->time - two.first->time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append_printf(out, " answered the SYN of ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out, " in packet %" G_GUINT64_FORMAT " after ", f->packets[0]);
  la_say_span(out, la_fact_span(f, "apart_s"));
  g_string_append_printf(out,
                         " with a SYN of its own (packet %" G_GUINT64_FORMAT
                         ") in place of a SYN-ACK: a split handshake, which misleads firewalls about who is the server.",
                         f->packets[f->packet_count - 1]);
}

const LaRule la_rule_split_handshake = {
    .code = "split-handshake",
    .title = "split handshake",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_flags = LA_CONN_SIMULTANEOUS,
    .decide = decide,
    .summarize = summarize,
};
