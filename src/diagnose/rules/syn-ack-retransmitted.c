/* The SYN-ACK had to be sent again before the client's ACK came, and then the connection opened. A SYN-ACK that comes again
 * after the ACK is another story: handshake-ack-lost, deferred-accept, accept-queue-overflow. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaOpening *o = &context->opening;
  if (o->kind != LA_OPENING_SYN_ACK_REPEATED || o->syn_acks < 2)
    return false;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == LA_ACCEPTOR && (m->marks & LA_MARK_SYN_ACK) != 0 && (m->marks & LA_MARK_DUPLICATE) == 0 &&
        m->frame < conn->handshake_ack_frame)
      la_finding_add_packet(ret, m->frame);
  }
  ret->at = o->syn_ack_first;
  ret->blame = LA_BLAME_NETWORK;
  la_finding_rests_on_silence(ret, o->syn_ack_first, o->syn_ack_answered); /* an ACK before that makes it handshake-ack-lost */
  ret->variant = o->syn_ack.kind == LA_SENT_AGAIN_UNCLEAR;
  ret->confidence = la_missed(conn, LA_OPENER) || ret->variant != 0 ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
  la_finding_add_packet(ret, conn->handshake_ack_frame);
  la_finding_add_count(ret, "retries", o->syn_acks - 1);
  la_finding_add_span(ret, "added_delay_s", o->syn_ack_answered - o->syn_ack_first);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " had to send its SYN-ACK to ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out, " (packet %" G_GUINT64_FORMAT ") ", f->packets[0]);
  la_say_count(out, la_fact_count(f, "retries"), "time more", "times more");
  g_string_append(out, " before it was acknowledged, which delayed the connect by ");
  la_say_span(out, la_fact_span(f, "added_delay_s"));
  g_string_append(
      out, f->variant != 0
               ? ": the network lost the SYN-ACK or the ACK, or the path or the client takes longer than the server's timer."
               : ": the network lost the SYN-ACK or the ACK.");
}

const LaRule la_rule_syn_ack_retransmitted = {
    .code = "syn-ack-retransmitted",
    .title = "SYN-ACK sent again",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_SYN_ACK,
    .decide = decide,
    .summarize = summarize,
};
