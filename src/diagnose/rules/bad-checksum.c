/* Wrong TCP checksums, with --verify-checksums. When all of one end's segments are wrong and the other answers them, they were
 * copied before the network card filled the checksum in; otherwise they were damaged, and their receiver dropped them. */
#include "diagnose/evidence.h"

enum {
  SENT,
  RECEIVED
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  int side = conn->end[LA_OPENER].bad_checksums != 0 ? LA_OPENER : LA_ACCEPTOR;
  if (conn->end[side].bad_checksums == 0)
    return false;
  const LaEndpoint *end = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  bool all = end->bad_checksums == end->packets && (peer->packets != 0 || end->packets > 1);
  ret->variant = all ? SENT : RECEIVED;
  ret->side = (uint8_t)side;
  ret->at = conn->first_time;
  ret->blame = LA_BLAME_CAPTURE;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_BAD_CHECKSUM) == 0)
      continue;
    if (ret->packet_count == 0)
      ret->at = m->time;
    la_finding_add_packet(ret, m->frame);
  }
  la_finding_add_count(ret, "segments", (int64_t)end->bad_checksums + peer->bad_checksums);
  la_finding_add_word(ret, "stage", all ? "sent" : "received");
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_count(out, la_fact_count(f, "segments"), "segment", "segments");
  g_string_append(out, " of ");
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append(out, la_fact_count(f, "segments") == 1 ? " has" : " have");
  g_string_append(out, " a wrong TCP checksum: ");
  g_string_append(out, f->variant == SENT
                           ? "they were captured on the sending host before its network card filled it in, and count."
                           : "damaged on the way, so the receiver dropped them in silence.");
}

const LaRule la_rule_bad_checksum = {
    .code = "bad-checksum",
    .title = "wrong checksums",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_BAD_CHECKSUM,
    .decide = decide,
    .summarize = summarize,
};
