/* The listener's accept queue is full: the kernel drops SYNs, or ACKs and the data behind them, or resets what it cannot
 * queue. One client alone may have lost its packets on the way, so several are needed for certainty; dropped SYNs never reach
 * it, since a limit on new connections in a firewall looks the same. While the listener takes others that came later, one path that
 * loses these packets, or one queue of several (SO_REUSEPORT), fits as well; and a port that never served anybody may be a proxy or
 * balancer whose server is gone. */
#include "diagnose/evidence.h"

static LaConfidence confidence_of(const LaOpening *o, const LaConnection *conn, const LaContext *context, bool several)
{
  bool others_taken = conn->others_taken != LA_TIME_NONE && conn->others_taken > conn->handshake_ack_time;
  bool served = context->service != NULL && (context->service->last_spoke != LA_TIME_NONE || context->service->midstream != 0);
  bool missed = la_missed(conn, LA_ACCEPTOR) || la_missed(conn, LA_OPENER);
  switch (o->stage) {
  case LA_QUEUE_SYN_DROPPED: return o->others_heard ? LA_CONFIDENCE_LIKELY : LA_CONFIDENCE_POSSIBLE;
  case LA_QUEUE_ACK_DROPPED:
    /* Once may be TCP_DEFER_ACCEPT of a second, or a filter that was slow. */
    if (o->taken && o->syn_acks_late == 1)
      return LA_CONFIDENCE_POSSIBLE;
    /* A single repetition just before the end: what follows it may settle it, as after a lost ACK. */
    if (missed || la_sendings_in_vain(conn, o->syn_acks_late, o->late_last) == 0)
      return LA_CONFIDENCE_POSSIBLE;
    return several && o->others_heard && !others_taken && !la_was_established(conn, LA_ACCEPTOR) ? LA_CONFIDENCE_CERTAIN
                                                                                                 : LA_CONFIDENCE_LIKELY;
  case LA_QUEUE_ABORTED: return several && served ? LA_CONFIDENCE_CERTAIN : LA_CONFIDENCE_LIKELY;
  default: return several ? LA_CONFIDENCE_LIKELY : LA_CONFIDENCE_POSSIBLE;
  }
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaOpening *o = &context->opening;
  if (o->kind != LA_OPENING_QUEUE_FULL)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  int64_t clients = context->service != NULL && context->service->queue_clients > 1 ? context->service->queue_clients : 1;
  bool by_syn = o->stage == LA_QUEUE_SYN_DROPPED;
  LaTime from = by_syn ? opener->syn_time : conn->handshake_ack_time;
  LaTime until = by_syn ? opener->syn_last_time : o->taken ? o->cured_time : opener->last_time;
  if ((conn->flags & LA_CONN_RST) != 0 && conn->rst_side == LA_ACCEPTOR)
    until = conn->rst_time;
  ret->at = from;
  ret->side = LA_ACCEPTOR;
  ret->variant = (uint8_t)o->stage;
  ret->blame = LA_BLAME_SERVER_APPLICATION;
  if (by_syn || (o->stage == LA_QUEUE_COOKIE && (conn->flags & LA_CONN_RST) == 0))
    la_finding_rests_on_silence(ret, from, la_answer_due(conn, until));
  if (o->taken && o->syn_acks_late == 1)
    ret->severity = LA_SEVERITY_WARNING;
  ret->confidence = (uint8_t)confidence_of(o, conn, context, clients >= LA_THRESHOLD(context, accept_queue_overflow, 0));
  if (by_syn) {
    la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  } else {
    la_finding_add_packet(ret, conn->end[LA_ACCEPTOR].syn_frame);
    la_finding_add_packet(ret, conn->handshake_ack_frame);
    for (unsigned i = 0; i < conn->moments_used; i++) {
      const LaMoment *m = la_connection_moment(conn, i);
      if (m->frame <= conn->handshake_ack_frame || (m->marks & LA_MARK_DUPLICATE) != 0)
        continue;
      bool again = m->side == LA_ACCEPTOR && (m->marks & (LA_MARK_SYN_ACK | LA_MARK_RST)) != 0;
      if (again || (m->side == LA_OPENER && m->payload_len != 0 && (o->stage == LA_QUEUE_COOKIE)))
        la_finding_add_packet(ret, m->frame);
    }
  }
  la_finding_add_word(ret, "stage", la_queue_stage_name(o->stage));
  la_finding_add_count(ret, "retries", by_syn ? (int64_t)opener->syn_sent - 1 : (int64_t)o->syn_acks_late);
  la_finding_add_span(ret, "waited_s", until - from);
  if (o->taken)
    la_finding_add_span(ret, "taken_after_s", until - from);
  la_finding_add_count(ret, "clients", clients);
  la_finding_add_count(ret, "live", conn->others_live);
  return true;
}

static void say_others(const LaFinding *f, GString *out)
{
  if (la_fact_count(f, "clients") < 2)
    return;
  g_string_append(out, " (the same for ");
  la_say_count(out, la_fact_count(f, "clients") - 1, "other attempt", "other attempts");
  g_string_append_c(out, ')');
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  bool taken = la_finding_fact(f, "taken_after_s") != NULL;
  bool sure = f->confidence == LA_CONFIDENCE_CERTAIN;
  la_say_end(out, conn, LA_ACCEPTOR);
  switch ((LaQueueStage)f->variant) {
  case LA_QUEUE_SYN_DROPPED:
    g_string_append(out, " answered none of ");
    la_say_count(out, la_fact_count(f, "retries") + 1, "SYN", "SYNs");
    g_string_append(out, " of ");
    la_say_end(out, conn, LA_OPENER);
    g_string_append(out, " in ");
    la_say_span(out, la_fact_span(f, "waited_s"));
    g_string_append(out, " and took nobody else meanwhile, while ");
    la_say_count(out, la_fact_count(f, "live"), "other connection", "other connections");
    g_string_append(out, " of the service lived");
    break;
  case LA_QUEUE_ACK_DROPPED:
    g_string_append(out, " sent its SYN-ACK ");
    la_say_count(out, la_fact_count(f, "retries"), "time more", "times more");
    g_string_append(out, " although ");
    la_say_end(out, conn, LA_OPENER);
    g_string_append_printf(out, " had acknowledged it in packet %" G_GUINT64_FORMAT ", and took %s", conn->handshake_ack_frame,
                           taken ? "the connection only " : "nothing of it in ");
    la_say_span(out, la_fact_span(f, "waited_s"));
    g_string_append(out, taken ? " later" : "");
    break;
  case LA_QUEUE_ABORTED:
    g_string_append(out, " reset the connection of ");
    la_say_end(out, conn, LA_OPENER);
    g_string_append_printf(out, " in packet %" G_GUINT64_FORMAT ", ", conn->rst_frame);
    la_say_span(out, la_fact_span(f, "waited_s"));
    g_string_append(out, " after the ACK that finished its handshake");
    break;
  default:
    g_string_append(out, " finished the handshake with ");
    la_say_end(out, conn, LA_OPENER);
    g_string_append_printf(out, " in packet %" G_GUINT64_FORMAT " and then knew nothing of it for ", conn->handshake_ack_frame);
    la_say_span(out, la_fact_span(f, "waited_s"));
    g_string_append(out, ", while the service was there for others (a SYN cookie without a socket)");
  }
  say_others(f, out);
  if (f->severity == LA_SEVERITY_WARNING) {
    g_string_append(out,
                    ": its accept queue was full for a moment, or it waits for the first data (TCP_DEFER_ACCEPT), or a filter "
                    "on that host dropped the ACK.");
    return;
  }
  g_string_append(out, sure ? ": its accept queue is full, the server application does not call accept() fast enough."
                            : ": probably its accept queue is full because the server application does not call accept() fast "
                              "enough, otherwise the path or a "
                              "filter drops the packets.");
}

const LaRule la_rule_accept_queue_overflow = {
    .code = "accept-queue-overflow",
    .title = "accept queue full",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_SYN,
    .thresholds = {{"accept-queue-overflow.clients", LA_UNIT_COUNT, 2,
                    "attempts of different clients that show it, for confidence certain"}},
    .decide = decide,
    .summarize = summarize,
};
