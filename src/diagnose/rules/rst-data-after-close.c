/* A closed completely, B wrote afterwards, and A's host, which has no socket to take it, answers with a bare RST.
 *
 * B's application is to blame when it could have seen the end of the stream before it wrote. It could not within a round trip of the FIN, nor
 * right behind its host's ACK of it: then its host sends what was written earlier. And where A, a client, had asked for something and
 * closed without having heard a byte since, B only answers, and it is A that did not wait: it has a time limit, or was stopped. (What a
 * server says last before it closes is an answer itself.) Without times nothing tells these apart. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"
#include "track/measures.h"

enum {
  PLAIN,
  CROSSING,      /* written before the FIN could arrive */
  AT_ONCE,       /* written, or waiting in its host, when the FIN arrived */
  ANSWER,        /* to what the closer had asked before it closed */
  LATE_ANSWER,   /* the same, and the question had been lost again and again */
  AFTER_A_WHILE, /* the closer had only half-closed first, and taken some of it */
};

/* The round trip when it is not known. */
#define FLIGHT_UNKNOWN (200 * LA_MSEC)
/* What an application needs at least to notice a FIN among other work. */
#define NOTICE (50 * LA_MSEC)

/* Whether the client's last payload asked for something, and nothing came before it closed. */
static bool left_unanswered(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *closer = &conn->end[side];
  const LaEndpoint *writer = &conn->end[LA_OTHER(side)];
  return side == LA_OPENER && (closer->flags & LA_END_DATA) != 0 && (closer->flags & LA_END_ACKED) != 0 &&
         closer->new_data_ack == closer->fin_ack && writer->data_after_fin_bytes != 0;
}

/* Whether what the closer had sent last was sent several times and still not acknowledged when it closed. */
static bool was_not_heard(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *closer = &conn->end[side];
  const LaMoment *fin = la_moment_of_frame(conn, closer->fin_frame);
  if (fin == NULL || fin->in_flight == 0)
    return false;
  for (unsigned i = 0; i < la_moment_index(conn, fin); i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == side && m->frame > closer->new_data_frame && (m->marks & LA_MARK_RETRANSMISSION) != 0)
      return true;
  }
  return false;
}

static void blame_who_did_not_wait(const LaConnection *conn, const LaResetVerdict *v, LaFinding *ret)
{
  const LaEndpoint *closer = &conn->end[v->sender];
  LaBlame closing = la_blame_application(v->sender);
  LaBlame answering = la_blame_application(LA_OTHER(v->sender));
  bool lost = was_not_heard(conn, v->sender);
  ret->variant = lost ? LATE_ANSWER : ANSWER;
  ret->blame = (uint8_t)(lost ? LA_BLAME_NETWORK : closing);
  ret->blame_also = (uint8_t)(1u << (lost ? closing : answering));
  la_finding_add_span(ret, "waited_s", closer->fin_time - closer->new_data_time);
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_DATA_AFTER_CLOSE)
    return false;
  const LaEndpoint *closer = &conn->end[v->sender];
  const LaEndpoint *writer = &conn->end[LA_OTHER(v->sender)];
  const LaPayloadSeen *seen = &conn->before_rst;
  uint32_t refused = MIN(writer->data_after_fin_bytes, v->moment->peer_in_flight);
  LaTime rtt = la_connection_rtt(conn);
  LaTime since = seen->new_time - ((closer->flags & LA_END_FIN_ACKED) != 0 ? closer->fin_acked_time : closer->fin_time);
  la_reset_fill(conn, v, ret);
  ret->side = (uint8_t)LA_OTHER(v->sender);
  la_finding_add_packet(ret, closer->fin_frame);
  /* Written before the FIN could arrive: nobody is to blame. */
  bool acked_before = (closer->flags & LA_END_FIN_ACKED) != 0 && closer->fin_acked_frame < seen->new_frame;
  LaTime flight = rtt != LA_TIME_NONE ? rtt : FLIGHT_UNKNOWN;
  bool timed = la_time_is_known(conn->first_time);
  if (!timed) {
    ret->blame = (uint8_t)la_blame_application(LA_OTHER(v->sender));
    ret->blame_also = (uint8_t)(1u << LA_BLAME_NONE | 1u << la_blame_application(v->sender));
  } else if (!acked_before && seen->new_time - closer->fin_time <= flight) {
    ret->severity = LA_SEVERITY_NOTE;
    ret->blame = LA_BLAME_NONE;
    ret->variant = CROSSING;
  } else if ((acked_before ? since : seen->new_time - closer->fin_time) <= MAX(flight, NOTICE)) {
    ret->severity = LA_SEVERITY_NOTE;
    ret->blame = LA_BLAME_NONE;
    ret->variant = AT_ONCE;
  } else if (left_unanswered(conn, v->sender) && refused == writer->data_after_fin_bytes) {
    blame_who_did_not_wait(conn, v, ret);
  } else {
    ret->blame = (uint8_t)la_blame_application(LA_OTHER(v->sender));
  }
  if (ret->variant == PLAIN && refused < writer->data_after_fin_bytes)
    ret->variant = AFTER_A_WHILE;
  bool proved = ret->variant == PLAIN && acked_before && la_rst_is_bare(v->moment);
  ret->confidence = !timed ? LA_CONFIDENCE_POSSIBLE : proved ? LA_CONFIDENCE_CERTAIN : LA_CONFIDENCE_LIKELY;
  la_finding_add_count(ret, "payload_bytes", refused);
  la_finding_add_span(ret, "after_s", since);
  la_finding_add_span(ret, "rtt_s", rtt);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide writer = (LaSide)f->side;
  la_say_end(out, conn, writer);
  g_string_append(out, " wrote ");
  la_say_count(out, la_fact_count(f, "payload_bytes"), "byte", "bytes");
  g_string_append(out, " to ");
  la_say_end(out, conn, LA_OTHER(writer));
  if (f->variant == CROSSING) {
    g_string_append_printf(
        out, " while its FIN was on the way, and met a closed socket (RST in packet %" G_GUINT64_FORMAT "): they crossed.",
        conn->rst_frame);
    return;
  }
  if (f->variant == AT_ONCE) {
    g_string_append_printf(out,
                           " just when its FIN had arrived, too soon for the application to have noticed it, and met a closed "
                           "socket (RST in packet %" G_GUINT64_FORMAT ").",
                           conn->rst_frame);
    return;
  }
  if (f->variant == ANSWER || f->variant == LATE_ANSWER) {
    g_string_append(out, " in answer to what that end had sent last; but it had closed ");
    la_say_span(out, la_fact_span(f, "waited_s"));
    g_string_append(out, f->variant == ANSWER ? " after that without waiting" : " after that, not even acknowledged by then");
    g_string_append_printf(out, ", and its host answered with a RST in packet %" G_GUINT64_FORMAT ": ", conn->rst_frame);
    g_string_append(out, f->variant == ANSWER ? "a time limit, or a cancelled request."
                                              : "the network lost what it had sent, until it gave up.");
    return;
  }
  g_string_append_c(out, ' ');
  la_say_span(out, la_fact_span(f, "after_s"));
  g_string_append(out, f->variant == AFTER_A_WHILE ? " after its FIN (" : " after that end had closed completely (FIN ");
  la_say_fin_place(out, conn, LA_OTHER(writer));
  g_string_append(out,
                  f->variant == AFTER_A_WHILE ? "); it had taken what came before and closed completely since, so" : "), so");
  g_string_append_printf(
      out, " its host answered with a RST in packet %" G_GUINT64_FORMAT ": the writer ignores the end of the stream.",
      conn->rst_frame);
}

const LaRule la_rule_rst_data_after_close = {
    .code = "rst-data-after-close",
    .title = "data written after the other end closed",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
