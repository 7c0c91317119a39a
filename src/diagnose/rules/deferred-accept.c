/* The listener waits for the client's first data by intention (TCP_DEFER_ACCEPT): the kernel drops the bare ACK, leaves out
 * the first retries of its SYN-ACK, and sends one late. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaOpening *o = &context->opening;
  if (o->kind != LA_OPENING_DEFERRED)
    return false;
  ret->at = conn->handshake_ack_time;
  ret->side = LA_ACCEPTOR;
  la_finding_add_packet(ret, conn->handshake_ack_frame);
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == LA_ACCEPTOR && (m->marks & LA_MARK_SYN_ACK) != 0 && (m->marks & LA_MARK_DUPLICATE) == 0 &&
        m->frame > conn->handshake_ack_frame)
      la_finding_add_packet(ret, m->frame);
  }
  la_finding_add_packet(ret, o->cured_frame);
  la_finding_add_span(ret, "held_s", o->late_first - conn->handshake_ack_time);
  if (o->data_first_time != LA_TIME_NONE)
    la_finding_add_span(ret, "data_after_s", o->data_first_time - conn->handshake_ack_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " sent its SYN-ACK once more ");
  la_say_span(out, la_fact_span(f, "held_s"));
  g_string_append(out, " after ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out,
                         " had acknowledged it in packet %" G_GUINT64_FORMAT
                         " without data: the listener waits for the first data (TCP_DEFER_ACCEPT), nothing was lost.",
                         conn->handshake_ack_frame);
}

const LaRule la_rule_deferred_accept = {
    .code = "deferred-accept",
    .title = "accept deferred until data comes",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_SYN_ACK,
    .decide = decide,
    .summarize = summarize,
};
