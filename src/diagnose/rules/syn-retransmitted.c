/* The same SYN had to be sent again before the handshake went on: the SYN or the SYN-ACK was lost where the capture does not
 * show it. SYNs repeated although a SYN-ACK had passed are syn-ack-retransmitted or syn-ack-not-received; SYNs repeated because the
 * path takes longer than the client's timer are handshake-slow. */
#include "diagnose/evidence.h"

enum {
  LOST,
  ANSWER_LOST,
  LOST_OR_SLOW,
  ANSWER_LOST_OR_SLOW
};

static unsigned variant_of(const LaRoundTrip *trip)
{
  if (trip->kind == LA_SENT_AGAIN_UNCLEAR)
    return trip->answered == 1 ? ANSWER_LOST_OR_SLOW : LOST_OR_SLOW;
  return trip->kind == LA_SENT_AGAIN_ANSWER_LOST ? ANSWER_LOST : LOST;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaOpening *o = &context->opening;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if (o->syns_before < 2 || o->syn.kind == LA_SENT_AGAIN_NEEDLESS || (conn->flags & LA_CONN_SYN_TWICE) != 0 ||
      !la_was_established(conn, LA_ACCEPTOR))
    return false;
  /* A four-tuple that was still held explains it; a SYN with data may have been dropped for the data. */
  if (conn->earlier.challenges != 0 || (conn->flags & LA_CONN_FAST_OPEN) != 0)
    return false;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != LA_OPENER || (m->marks & LA_MARK_SYN) == 0 || (m->marks & (LA_MARK_DUPLICATE | LA_MARK_STALE_SYN)) != 0)
      continue;
    if (acceptor->syn_frame != 0 && m->frame > acceptor->syn_frame)
      break;
    /* A RST answered the one before it: it was refused and tried again (Windows), not lost. */
    const LaMoment *refusal = la_moment_find(conn, 0, LA_ACCEPTOR, LA_MARK_RST);
    if (refusal != NULL && refusal->frame < m->frame)
      return false;
    la_finding_add_packet(ret, m->frame);
  }
  ret->at = opener->syn_time;
  ret->blame = LA_BLAME_NETWORK;
  ret->variant = (uint8_t)variant_of(&o->syn);
  ret->confidence =
      la_missed(conn, LA_ACCEPTOR) || o->syn.kind == LA_SENT_AGAIN_UNCLEAR ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
  la_finding_add_packet(ret, acceptor->syn_frame);
  la_finding_add_count(ret, "retries", o->syns_before - 1);
  la_finding_add_span(ret, "added_delay_s", o->syn_last_before - opener->syn_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " had to send its SYN to ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append_printf(out, " (packet %" G_GUINT64_FORMAT ") ", f->packets[0]);
  la_say_count(out, la_fact_count(f, "retries"), "time more", "times more");
  bool unclear = f->variant == LOST_OR_SLOW || f->variant == ANSWER_LOST_OR_SLOW;
  if (unclear) {
    g_string_append(out, " before the SYN-ACK came, ");
    la_say_span(out, conn->end[LA_ACCEPTOR].syn_time - conn->end[LA_OPENER].syn_time);
    g_string_append(out, " after the first");
  } else {
    g_string_append(out, ", which delayed the connect by ");
    la_say_span(out, la_fact_span(f, "added_delay_s"));
  }
  switch (f->variant) {
  case LOST: g_string_append(out, ": the network lost the SYN or its answer."); break;
  case ANSWER_LOST:
    g_string_append(out,
                    ": the first SYN had arrived, as the SYN-ACK's timestamp shows, so the network lost its answer, or the "
                    "server was late.");
    break;
  case LOST_OR_SLOW: g_string_append(out, ": the network lost the SYN or its answer, or the path takes so long."); break;
  default:
    g_string_append(out,
                    ": the first SYN had arrived, as the SYN-ACK's timestamp shows, so the network lost its answer, or the "
                    "path takes so long.");
  }
}

const LaRule la_rule_syn_retransmitted = {
    .code = "syn-retransmitted",
    .title = "SYN sent again",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_RETRANSMISSION,
    .decide = decide,
    .summarize = summarize,
};
