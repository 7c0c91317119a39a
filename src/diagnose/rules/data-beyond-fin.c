/* Payload past the sender's own FIN. An orderly TCP cannot do that: two senders speak for one end, or the stack is broken. */
#include "base/seq.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaMoment *first = NULL;
  int64_t segments = 0;
  int64_t beyond = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    uint64_t skipped = LA_MARK_DUPLICATE | LA_MARK_OUT_OF_WINDOW | LA_MARK_RST | LA_MARK_AFTER_RST | LA_MARK_INVALID_FLAGS;
    if ((m->marks & LA_MARK_BEYOND_FIN) == 0 || m->payload_len == 0 || (m->marks & skipped) != 0)
      continue;
    if (first != NULL && m->side != first->side)
      continue;
    const LaEndpoint *end = &conn->end[m->side];
    /* The FIN must have counted: acknowledged, or in sequence with all that was sent. */
    bool counted = (end->flags & LA_END_FIN_ACKED) != 0 || end->missed == 0;
    int64_t past = la_seq_diff(m->seq + m->payload_len, end->fin_end);
    if (!counted || past <= 0)
      continue;
    if (first == NULL) {
      first = m;
      la_finding_add_packet(ret, end->fin_frame);
    }
    segments++;
    if (past > beyond)
      beyond = past;
    la_finding_add_packet(ret, m->frame);
  }
  if (first == NULL || la_missed(conn, (LaSide)first->side))
    return false;
  ret->at = first->time;
  ret->side = first->side;
  ret->blame = (uint8_t)la_blame_host((LaSide)first->side);
  la_finding_add_count(ret, "beyond_bytes", beyond);
  la_finding_add_count(ret, "segments", segments);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "segments"), "segment", "segments");
  g_string_append(out, " of data up to ");
  la_say_count(out, la_fact_count(f, "beyond_bytes"), "byte", "bytes");
  g_string_append_printf(out, " past its own FIN in packet %" G_GUINT64_FORMAT ": ", conn->end[side].fin_frame);
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append(out, " must ignore it; two senders speak for one end, or the stack is broken.");
}

const LaRule la_rule_data_beyond_fin = {
    .code = "data-beyond-fin",
    .title = "data past the own FIN",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_BEYOND_FIN,
    .decide = decide,
    .summarize = summarize,
};
