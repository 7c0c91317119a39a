/* An acknowledgment of numbers that the other end had not sent: it sent them later for the first time, or said with an ACK of
 * its own that it was not there yet. An acknowledgment of numbers that merely are not in the capture is capture-loss. */
#include "base/seq.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaMoment *first = NULL;
  const LaMoment *proof = NULL;
  int64_t segments = 0;
  for (unsigned i = 0; i < conn->moments_used && proof == NULL; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_DUPLICATE) != 0)
      continue;
    if ((m->marks & LA_MARK_ACK_OF_UNSENT) == 0 || (m->marks & LA_MARK_FIN) != 0)
      continue;
    for (unsigned k = 0; k < i; k++) {
      const LaMoment *ack = la_connection_moment(conn, k);
      bool false_ack = (ack->marks & LA_MARK_ACK_OF_UNSEEN) != 0 && (ack->marks & LA_MARK_DUPLICATE) == 0 &&
                       ack->side != m->side && la_seq_gt(ack->ack, m->seq);
      if (!false_ack)
        continue;
      if (first == NULL)
        first = ack;
      segments++;
      la_finding_add_packet(ret, ack->frame);
    }
    if (first != NULL)
      proof = m;
  }
  if (proof == NULL)
    return false;
  LaSide liar = (LaSide)first->side;
  /* Numbers that the capture misses and that were sent again later look the same but for the bare ACK that stands before them. */
  bool by_ack = proof->payload_len == 0;
  if (!by_ack && la_missed(conn, proof->side))
    return false;
  ret->at = first->time;
  ret->side = (uint8_t)liar;
  la_finding_rests_on_silence(ret, conn->first_time, first->time); /* until then nothing of it had been sent */
  ret->blame = (uint8_t)la_blame_host(liar);
  ret->confidence = by_ack && !la_missed(conn, proof->side) ? LA_CONFIDENCE_LIKELY : LA_CONFIDENCE_POSSIBLE;
  la_finding_add_packet(ret, proof->frame);
  la_finding_add_count(ret, "beyond_bytes", la_seq_diff(first->ack, proof->seq));
  la_finding_add_count(ret, "segments", segments);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide liar = (LaSide)f->side;
  la_say_end(out, conn, liar);
  g_string_append_printf(out, " acknowledged in packet %" G_GUINT64_FORMAT " ", f->packets[0]);
  la_say_count(out, la_fact_count(f, "beyond_bytes"), "byte", "bytes");
  g_string_append(out, " that ");
  la_say_end(out, conn, LA_OTHER(liar));
  g_string_append_printf(out,
                         " had not sent (it stood before them still in packet %" G_GUINT64_FORMAT
                         "): its TCP, or a device in its name, is wrong.",
                         f->packets[f->packet_count - 1]);
}

const LaRule la_rule_ack_of_unsent = {
    .code = "ack-of-unsent",
    .title = "acknowledges what was never sent",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_ACK_OF_UNSENT,
    .decide = decide,
    .summarize = summarize,
};
