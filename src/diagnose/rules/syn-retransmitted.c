/* The same SYN had to be sent again before the handshake went on: the SYN or the SYN-ACK was lost where the capture does not
 * show it. SYNs repeated although a SYN-ACK had passed are syn-ack-retransmitted or syn-ack-not-received; SYNs repeated because the
 * path takes longer than the client's timer are handshake-slow. */
#include "diagnose/evidence.h"
#include "diagnose/reuse.h"
#include "track/measures.h"

enum {
  LOST,
  LOST_OR_ECN,
  LOST_OR_TIME_WAIT,
  ANSWER_LOST,
  LOST_OR_SLOW,
  ANSWER_LOST_OR_SLOW
};

#define ECN_SETUP (LA_TCP_ECE | LA_TCP_CWR)

/* Only the SYN that no longer asked for ECN was answered (RFC 3168 section 6.1.1.1). */
static bool gave_up_ecn(const LaConnection *conn)
{
  const LaMoment *first = la_moment_find(conn, 0, LA_OPENER, LA_MARK_SYN);
  const LaMoment *answer = la_moment_find(conn, 0, LA_ACCEPTOR, LA_MARK_SYN_ACK);
  const LaMoment *last = NULL;
  for (unsigned i = 0; answer != NULL && i < la_moment_index(conn, answer); i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == LA_OPENER && (m->marks & (LA_MARK_SYN | LA_MARK_DUPLICATE)) == LA_MARK_SYN)
      last = m;
  }
  return first != NULL && last != NULL && (first->flags & ECN_SETUP) == ECN_SETUP && (last->flags & ECN_SETUP) == 0;
}

static unsigned variant_of(const LaConnection *conn, const LaContext *context)
{
  const LaRoundTrip *trip = &context->opening.syn;
  if (trip->kind == LA_SENT_AGAIN_UNCLEAR)
    return trip->answered == 1 ? ANSWER_LOST_OR_SLOW : LOST_OR_SLOW;
  if (trip->kind == LA_SENT_AGAIN_ANSWER_LOST)
    return ANSWER_LOST;
  if (gave_up_ecn(conn))
    return LOST_OR_ECN;
  return la_reuse(conn, context) == LA_REUSE_ACCEPTED ? LOST_OR_TIME_WAIT : LOST;
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
  ret->variant = (uint8_t)variant_of(conn, context);
  bool one_cause = ret->variant == LOST || ret->variant == ANSWER_LOST;
  ret->confidence = la_missed(conn, LA_ACCEPTOR) || !one_cause ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
  if (ret->variant == LOST_OR_SLOW || ret->variant == ANSWER_LOST_OR_SLOW)
    ret->blame_also = 1u << LA_BLAME_SERVER_HOST;
  else if (ret->variant == LOST_OR_TIME_WAIT)
    ret->blame_also = 1u << LA_BLAME_CLIENT_HOST;
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
    LaTime answer = la_connection_syn_to_syn_ack(conn);
    g_string_append(out, " before the SYN-ACK came");
    if (answer >= 0) { /* LA_TIME_NONE is not */
      g_string_append(out, ", ");
      la_say_span(out, answer);
      g_string_append(out, " after the first");
    }
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
  case LOST_OR_SLOW:
    g_string_append(out, ": the network lost the SYN or its answer, or the path or the server takes so long.");
    break;
  case LOST_OR_ECN:
    g_string_append(out,
                    ": the SYN that no longer asks for ECN was answered, so a device on the way may drop the others; or the "
                    "network lost them or their answers.");
    break;
  case LOST_OR_TIME_WAIT:
    g_string_append(
        out, ": the connection before it on these ports had just closed, so TIME_WAIT or a filter's memory of it may have "
             "refused the first; or the network lost it or its answer.");
    break;
  default:
    g_string_append(out,
                    ": the first SYN had arrived, as the SYN-ACK's timestamp shows, so the network lost its answer, or the "
                    "path or the server takes so long.");
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
