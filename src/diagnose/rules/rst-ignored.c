/* A RST at a number its receiver does not obey (RFC 5961 section 3): the connection lives on.
 *
 * A host that has closed answers what was still under way to it with bare RSTs, each at the number which that segment acknowledged (RFC
 * 9293 section 3.10.7.1). Behind its own FIN such a number is an old one: the RST is genuine, and means nothing. */
#include "base/seq.h"
#include "diagnose/evidence.h"

static bool answers_what_was_under_way(const LaConnection *conn, const LaMoment *rst)
{
  const LaEndpoint *sender = &conn->end[rst->side];
  return (rst->flags & LA_TCP_ACK) == 0 && (sender->flags & LA_END_FIN) != 0 && sender->fin_frame < rst->frame &&
         la_seq_lt(rst->seq, sender->fin_end) && (rst->marks & LA_MARK_FOREIGN_TTL) == 0;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (!la_both_directions(conn) || (conn->handshake_ack_frame == 0 && (conn->flags & LA_CONN_MIDSTREAM) == 0))
    return false;
  int64_t resets = 0;
  const LaMoment *first = NULL;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_RST_IGNORED) == 0 ||
        (m->marks & (LA_MARK_AFTER_RST | LA_MARK_AFTER_CLOSE | LA_MARK_DUPLICATE)) != 0)
      continue;
    if (m->state == LA_TCP_CLOSED || m->peer_state == LA_TCP_CLOSED || answers_what_was_under_way(conn, m))
      continue;
    if (first == NULL)
      first = m;
    resets++;
    la_finding_add_packet(ret, m->frame);
  }
  if (first == NULL)
    return false;
  /* It lived on: the other end, or the one whose address it carries, spoke later than what was under way. */
  const LaEndpoint *target = &conn->end[LA_OTHER(first->side)];
  LaTime went_on = conn->last_time - first->time;
  if (target->last_frame <= first->frame || target->last_time <= first->time)
    return false;
  const LaMoment *challenge = la_moment_find(conn, la_moment_index(conn, first), LA_OTHER(first->side), LA_MARK_CHALLENGE_ACK);
  /* Its receiver asked back, and its sender said it again: it was real, only early. */
  if (challenge != NULL && (conn->flags & LA_CONN_RST) != 0 && conn->rst_side == first->side && context->reset.moment != NULL &&
      context->reset.moment->frame > challenge->frame && context->reset.moment->seq == challenge->ack &&
      context->reset.kind == LA_RESET_ABORT)
    return false;
  la_finding_add_packet(ret, challenge != NULL ? challenge->frame : target->last_frame);
  ret->side = first->side;
  ret->at = first->time;
  ret->blame = LA_BLAME_NETWORK;
  uint32_t expected = conn->end[first->side].snd_nxt;
  int64_t off = (int64_t)la_seq_diff(first->seq, expected);
  la_finding_add_count(ret, "resets", resets);
  la_finding_add_count(ret, "off_bytes", off < 0 ? -off : off);
  la_finding_add_span(ret, "continued_s", went_on);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append_printf(out, "The RST in packet %" G_GUINT64_FORMAT " in the name of ", f->packets[0]);
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append(out, " had a sequence number that ");
  la_say_end(out, conn, LA_OTHER(f->side));
  g_string_append(out, " need not obey (RFC 5961), and the connection lived on for ");
  la_say_span(out, la_fact_span(f, "continued_s"));
  g_string_append(out, ": it was forged or came too late.");
}

const LaRule la_rule_rst_ignored = {
    .code = "rst-ignored",
    .title = "RST that was not obeyed",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_RST_IGNORED,
    .decide = decide,
    .summarize = summarize,
};
