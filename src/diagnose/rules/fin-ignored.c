/* A FIN outside the window that its receiver had announced: it changes nothing, and the connection goes on. */
#include "base/seq.h"
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaMoment *first = NULL;
  int64_t fins = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_FIN | LA_MARK_OUT_OF_WINDOW | LA_MARK_DUPLICATE)) != (LA_MARK_FIN | LA_MARK_OUT_OF_WINDOW))
      continue;
    if (first == NULL)
      first = m;
    if (m->side != first->side)
      continue;
    fins++;
    la_finding_add_packet(ret, m->frame);
  }
  if (first == NULL)
    return false;
  LaSide side = (LaSide)first->side;
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  /* Missing packets hide how far the window had moved. The receiver must have gone on as if nothing had come. */
  if (la_missed(conn, side) || la_missed(conn, LA_OTHER(side)) || peer->last_frame < first->frame ||
      (conn->flags & LA_CONN_RST) != 0)
    return false;
  uint32_t end = first->seq + first->payload_len + 1;
  bool behind = la_seq_lt(end, peer->rcv_nxt);
  if (!behind && la_seq_ge(peer->rcv_nxt, end))
    return false;
  int64_t outside = behind ? la_seq_diff(peer->rcv_nxt, end) : la_seq_diff(first->seq, peer->rcv_edge);
  ret->at = first->time;
  ret->side = (uint8_t)side;
  ret->blame = (uint8_t)la_blame_host(side);
  la_finding_add_count(ret, "outside_bytes", outside > 0 ? outside : 0);
  la_finding_add_count(ret, "retries", fins - 1);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  g_string_append(out, "The FIN of ");
  la_say_end(out, conn, side);
  g_string_append_printf(out, " in packet %" G_GUINT64_FORMAT " lay ", f->packets[0]);
  la_say_count(out, la_fact_count(f, "outside_bytes"), "byte", "bytes");
  g_string_append(out, " outside the window of ");
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append(out, ", which went on as if it had not come: its sender has lost its place, or somebody else made it.");
}

const LaRule la_rule_fin_ignored = {
    .code = "fin-ignored",
    .title = "FIN outside the window",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_OUT_OF_WINDOW,
    .decide = decide,
    .summarize = summarize,
};
