/* The client's ACK of the handshake was lost behind the point of capture: the SYN-ACK came again, and the client's next segment
 * settled it. */
#include "diagnose/evidence.h"

enum {
  PROVED = 1 << 0,     /* the server then behaved as connected */
  QUEUE_FITS = 1 << 1, /* a full accept queue explains it as well */
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaOpening *o = &context->opening;
  if (o->kind != LA_OPENING_ACK_LOST)
    return false;
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  bool proved =
      (acceptor->flags & (LA_END_DATA | LA_END_FIN)) != 0 || conn->end[LA_OPENER].progress_time > acceptor->syn_last_time;
  if (!proved || o->queue_fits)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  ret->at = conn->handshake_ack_time;
  ret->blame = LA_BLAME_NETWORK;
  ret->variant = (uint8_t)((o->queue_fits ? QUEUE_FITS : 0) | (proved ? PROVED : 0));
  if (o->queue_fits)
    ret->blame_also = 1u << LA_BLAME_SERVER_APPLICATION;
  la_finding_add_packet(ret, conn->handshake_ack_frame);
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == LA_ACCEPTOR && (m->marks & LA_MARK_SYN_ACK) != 0 && (m->marks & LA_MARK_DUPLICATE) == 0 &&
        m->frame > conn->handshake_ack_frame)
      la_finding_add_packet(ret, m->frame);
  }
  la_finding_add_packet(ret, o->cured_frame);
  la_finding_add_count(ret, "retries", o->syn_acks_late);
  la_finding_add_span(ret, "added_delay_s", o->cured_time - conn->handshake_ack_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " sent its SYN-ACK ");
  la_say_count(out, la_fact_count(f, "retries"), "time more", "times more");
  g_string_append(out, " although ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(
      out,
      " had acknowledged it in packet %" G_GUINT64_FORMAT ": the network lost that ACK%s, and packet %" G_GUINT64_FORMAT " %s ",
      conn->handshake_ack_frame, (f->variant & QUEUE_FITS) != 0 ? ", or the accept queue was full until then" : "",
      f->packets[f->packet_count - 1], (f->variant & PROVED) != 0 ? "repaired it" : "repeated it");
  la_say_span(out, la_fact_span(f, "added_delay_s"));
  g_string_append(out, " later.");
}

const LaRule la_rule_handshake_ack_lost = {
    .code = "handshake-ack-lost",
    .title = "ACK of the handshake lost",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_SYN_ACK,
    .decide = decide,
    .summarize = summarize,
};
