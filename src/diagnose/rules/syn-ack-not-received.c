/* The client goes on sending its SYN although SYN-ACKs pass the point of capture: the way back is broken behind it. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (context->opening.kind != LA_OPENING_SYN_ACK_NOT_RECEIVED)
    return false;
  const LaOpening *o = &context->opening;
  ret->at = o->syn_ack_first;
  ret->side = LA_OPENER;
  ret->blame = LA_BLAME_NETWORK;
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_add_moments(conn, LA_ACCEPTOR, LA_MARK_SYN_ACK, ret);
  la_finding_add_count(ret, "retries", o->syns_after);
  la_finding_add_count(ret, "syn_acks", o->syn_acks);
  la_finding_add_span(ret, "waited_s", o->syn_last - o->syn_ack_first);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " sent its SYN ");
  la_say_count(out, la_fact_count(f, "retries"), "time more", "times more");
  g_string_append(out, " in the ");
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append(out, " after ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append_printf(out, " had answered it in packet %" G_GUINT64_FORMAT " (", conn->end[LA_ACCEPTOR].syn_frame);
  la_say_count(out, la_fact_count(f, "syn_acks"), "SYN-ACK", "SYN-ACKs");
  g_string_append(out, "): the SYN-ACKs are lost between the point of capture and the client.");
}

const LaRule la_rule_syn_ack_not_received = {
    .code = "syn-ack-not-received",
    .title = "SYN-ACK does not arrive",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_SYN_ACK,
    .decide = decide,
    .summarize = summarize,
};
