/* The FIN passed while data in front of it was missing: it came later in the capture, or had been lost behind the point of
 * capture and was sent again after the receiver had said what it lacked. Data that the receiver acknowledged at once only the
 * capture misses. */
#include "base/seq.h"
#include "diagnose/evidence.h"

/* The segment with data before the FIN of `side` that filled the hole; NULL: there was no hole that the receiver saw. */
static const LaMoment *filler(const LaConnection *conn, LaSide side, const LaMoment *fin)
{
  bool asked = (fin->marks & LA_MARK_HOLE_BEFORE) != 0;
  for (unsigned i = la_moment_index(conn, fin) + 1; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_ICMP | LA_MARK_INVALID_FLAGS)) != 0)
      continue;
    if (m->side == side) {
      bool before_fin = m->payload_len != 0 && la_seq_lt(m->seq, fin->seq) &&
                        (m->marks & (LA_MARK_RETRANSMISSION | LA_MARK_OUT_OF_ORDER)) != 0;
      if (before_fin)
        return asked ? m : NULL;
      continue;
    }
    /* The receiver had everything: what comes now is a needless repetition. */
    if ((m->flags & LA_TCP_ACK) != 0 && la_seq_ge(m->ack, fin->seq))
      return NULL;
    if ((m->marks & LA_MARK_DUP_ACK) != 0 || (m->options & LA_OPT_SACK) != 0)
      asked = true;
  }
  return NULL;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  for (int i = 0; i < LA_SIDE_N; i++) {
    LaSide side = (LaSide)i;
    const LaEndpoint *end = &conn->end[side];
    const LaMoment *fin = (end->flags & LA_END_FIN) != 0 ? la_moment_of_frame(conn, end->fin_frame) : NULL;
    const LaMoment *data = fin != NULL ? filler(conn, side, fin) : NULL;
    if (data == NULL || end->recorded_late != 0)
      continue;
    if ((end->flags & LA_END_FIN_ACKED) != 0 && end->fin_acked_frame < data->frame)
      continue;
    ret->at = fin->time;
    ret->side = (uint8_t)side;
    ret->blame = LA_BLAME_NETWORK;
    ret->confidence = la_missed(conn, side) ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
    la_finding_add_packet(ret, fin->frame);
    la_finding_add_packet(ret, data->frame);
    la_finding_add_count(ret, "missing_bytes", la_seq_diff(fin->seq, data->seq));
    la_finding_add_span(ret, "filled_after_s", data->time - fin->time);
    return true;
  }
  return false;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  g_string_append(out, "The FIN of ");
  la_say_end(out, conn, side);
  g_string_append_printf(out, " (packet %" G_GUINT64_FORMAT ") reached ", f->packets[0]);
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append(out, " before ");
  la_say_count(out, la_fact_count(f, "missing_bytes"), "byte", "bytes");
  g_string_append(out, " in front of it, which came ");
  la_say_span(out, la_fact_span(f, "filled_after_s"));
  g_string_append(out, " later; until then it could not be taken.");
}

const LaRule la_rule_fin_out_of_order = {
    .code = "fin-out-of-order",
    .title = "FIN before its data",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_FIN,
    .decide = decide,
    .summarize = summarize,
};
