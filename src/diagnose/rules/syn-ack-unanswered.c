/* The server answered the SYN, and the client never said another word: a forged or scanning source, a client that is gone, or
 * a SYN-ACK that was lost with every repetition. Many of these from many sources are a SYN flood. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (context->opening.kind != LA_OPENING_SYN_ACK_UNANSWERED)
    return false;
  const LaOpening *o = &context->opening;
  ret->at = o->syn_ack_first;
  ret->side = LA_OPENER;
  la_finding_rests_on_silence(ret, o->syn_ack_first, la_answer_due(conn, o->syn_ack_answered));
  ret->blame = LA_BLAME_CLIENT_HOST;
  /* A server's kernel sends an unanswered SYN-ACK again; one that did not may have got the answer past the point of capture. */
  if (o->syn_acks < 2)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  ret->blame_also = 1u << LA_BLAME_NETWORK;
  la_add_moments(conn, LA_ACCEPTOR, LA_MARK_SYN_ACK, ret);
  la_finding_add_count(ret, "unanswered", o->syn_acks);
  la_finding_add_span(ret, "waited_s", (o->syn_acks > 1 ? o->syn_ack_answered : conn->end_time) - o->syn_ack_first);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " answered the SYN of ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out, " in packet %" G_GUINT64_FORMAT " with ", conn->end[LA_OPENER].syn_frame);
  la_say_count(out, la_fact_count(f, "unanswered"), "SYN-ACK", "SYN-ACKs");
  g_string_append(out, " in ");
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append(out, ", and the client never said another word: it is gone, its address was forged, or every SYN-ACK was "
                       "lost on the way to it.");
}

const LaRule la_rule_syn_ack_unanswered = {
    .code = "syn-ack-unanswered",
    .title = "SYN-ACK unanswered",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_SYN_ACK,
    .decide = decide,
    .summarize = summarize,
};
