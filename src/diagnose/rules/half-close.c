/* B sent new payload after A's FIN, and A took it: a half-close, which is legal. */
#include "base/seq.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  if (conn->first_fin == LA_SIDE_N)
    return false;
  LaSide sender = LA_OTHER(conn->first_fin);
  const LaEndpoint *end = &conn->end[sender];
  const LaEndpoint *closer = &conn->end[conn->first_fin];
  if (end->data_after_fin_bytes == 0)
    return false;
  const LaMoment *first = la_moment_find(conn, 0, sender, LA_MARK_AFTER_PEER_FIN);
  /* Taken: acknowledged after the FIN, beyond what was in flight when it was sent. */
  if (first == NULL || closer->rcv_nxt == 0 || la_seq_le(closer->rcv_nxt, first->seq))
    return false;
  ret->side = (uint8_t)sender;
  ret->at = first->time;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, closer->fin_frame);
  la_add_moments(conn, sender, LA_MARK_AFTER_PEER_FIN, ret);
  la_finding_add_count(ret, "payload_bytes", MIN(end->data_after_fin_bytes, closer->rcv_nxt - first->seq));
  la_finding_add_span(ret, "lasted_s", end->new_data_time - closer->fin_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide sender = (LaSide)f->side;
  la_say_end(out, conn, sender);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "payload_bytes"), "byte", "bytes");
  g_string_append(out, " after the FIN ");
  la_say_fin_place(out, conn, LA_OTHER(sender));
  g_string_append(out, " of ");
  la_say_end(out, conn, LA_OTHER(sender));
  g_string_append(out, ", which took them: a half-close.");
}

const LaRule la_rule_half_close = {
    .code = "half-close",
    .title = "half-close",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_AFTER_PEER_FIN,
    .decide = decide,
    .summarize = summarize,
};
