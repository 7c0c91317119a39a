/* The observation ended before a verdict was possible; says which one. */
#include "diagnose/evidence.h"
#include "diagnose/last_fin.h"
#include "diagnose/vanished.h"

/* A kernel's second sending of a FIN or of data comes well before this. */
#define RETRY_BY LA_SEC
/* A SYN-ACK's second sending, on slow stacks. */
#define ANSWER_BY (3 * LA_SEC)

typedef struct {
  const char *code;
  uint64_t frame;
  LaTime at, needed;
} Waiting;

static Waiting waits_for(const LaConnection *conn, const LaContext *context)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  LaHandshakeResult handshake = la_connection_handshake(conn);
  bool asked = (opener->flags & LA_END_SYN) != 0 && conn->earlier.challenges == 0;
  bool unanswered = handshake == LA_HANDSHAKE_UNDETERMINED || handshake == LA_HANDSHAKE_UNANSWERED;
  if (unanswered && conn->end[LA_ACCEPTOR].packets == 0 && asked && context->opening.kind == LA_OPENING_FINE) {
    if (opener->syn_sent > 1)
      return (Waiting){"syn-unanswered", opener->syn_last_frame, opener->syn_last_time, LA_ANSWERED_BY};
    return (Waiting){"syn-unanswered", opener->syn_last_frame, opener->syn_time, LA_THRESHOLD(context, syn_unanswered, 0)};
  }
  if (handshake == LA_HANDSHAKE_SYN_RECEIVED && context->opening.kind == LA_OPENING_FINE && context->opening.syns_after != 0 &&
      conn->end_time - opener->syn_last_time < LA_ANSWERED_BY)
    return (Waiting){"syn-ack-not-received", opener->syn_last_frame, opener->syn_last_time, LA_ANSWERED_BY};
  if (handshake == LA_HANDSHAKE_SYN_RECEIVED && asked && context->opening.kind == LA_OPENING_FINE &&
      (conn->flags & LA_CONN_RST) == 0) {
    const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
    return (Waiting){"syn-ack-unanswered", acceptor->syn_last_frame, acceptor->syn_last_time, ANSWER_BY};
  }
  LaTeardownResult teardown = la_connection_teardown(conn);
  if (teardown == LA_TEARDOWN_HALF_CLOSED && (conn->end[conn->first_fin].flags & LA_END_FIN_ACKED) == 0) {
    const LaEndpoint *closer = &conn->end[conn->first_fin];
    return (Waiting){"fin-unanswered", closer->fin_last_frame, closer->fin_last_time, RETRY_BY};
  }
  if (la_last_fin(conn).verdict == LA_LAST_FIN_UNDECIDED) {
    const LaEndpoint *last = &conn->end[la_last_fin(conn).sender];
    return (Waiting){"missing-final-ack", last->fin_last_frame, last->fin_last_time, RETRY_BY};
  }
  LaVanished gone = la_vanished(conn).sender == LA_SIDE_N ? la_vanishing(conn) : (LaVanished){.sender = LA_SIDE_N};
  if (gone.sender != LA_SIDE_N) {
    const LaEndpoint *sender = &conn->end[gone.sender];
    const char *code = gone.stage == LA_VANISHED_FIN ? "fin-unanswered" : "peer-vanished";
    return (Waiting){code, sender->last_frame, sender->last_time, LA_ANSWERED_BY};
  }
  return (Waiting){NULL, 0, 0, 0};
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (conn->ended_by != LA_ENDED_CAPTURE_END)
    return false;
  Waiting waiting = waits_for(conn, context);
  if (waiting.code == NULL || conn->end_time - waiting.at >= waiting.needed)
    return false;
  ret->at = waiting.at;
  ret->blame = LA_BLAME_CAPTURE;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, waiting.frame);
  la_finding_add_word(ret, "would_be", waiting.code);
  la_finding_add_span(ret, "observed_s", conn->end_time - waiting.at);
  la_finding_add_span(ret, "needed_s", waiting.needed);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append(out, "The capture ended ");
  la_say_span(out, la_fact_span(f, "observed_s"));
  g_string_append_printf(out, " after packet %" G_GUINT64_FORMAT " of ", f->packets[0]);
  la_say_pair(out, conn);
  g_string_append_printf(out, ", too early to say whether it is %s (that takes ", la_fact_word(f, "would_be"));
  la_say_span(out, la_fact_span(f, "needed_s"));
  g_string_append(out, ").");
}

const LaRule la_rule_inconclusive = {
    .code = "inconclusive",
    .title = "ended too early for a verdict",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .settles = LA_SETTLES_AT_END,
    .decide = decide,
    .summarize = summarize,
};
