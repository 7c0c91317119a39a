/* A SYN on a four-tuple that the other end still holds: the client forgot the connection, or somebody sent an old or forged
 * SYN. In the first case the challenge ACK draws a RST and the SYN comes again; in the second the old connection goes on
 * unmoved. */
#include "diagnose/evidence.h"
#include "diagnose/reuse.h"

enum {
  CURED,
  REPEATED,
  UNKNOWN,
  MOVED_ON
};

static bool decide_moved_on(const LaConnection *conn, LaFinding *ret)
{
  const LaMoment *first = NULL;
  int64_t attempts = 0;
  int64_t challenged = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_DUPLICATE) != 0)
      continue;
    if ((m->marks & (LA_MARK_STALE_SYN | LA_MARK_SYN)) == (LA_MARK_STALE_SYN | LA_MARK_SYN)) {
      if (first == NULL)
        first = m;
      attempts++;
      la_finding_add_packet(ret, m->frame);
    } else if (first != NULL && m->side != first->side && (m->marks & LA_MARK_CHALLENGE_ACK) != 0) {
      challenged++;
      la_finding_add_packet(ret, m->frame);
    }
  }
  if (first == NULL)
    return false;
  ret->variant = MOVED_ON;
  ret->at = first->time;
  ret->side = first->side;
  ret->blame = LA_BLAME_NETWORK;
  la_finding_add_count(ret, "attempts", attempts);
  la_finding_add_count(ret, "challenged", challenged);
  if (conn->first_time <= first->time && conn->end[first->side].last_time > first->time)
    la_finding_add_packet(ret, conn->end[first->side].last_frame);
  la_finding_add_word(ret, "stage", "moved-on");
  return true;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if ((conn->flags & LA_CONN_STALE_SYN) != 0)
    return decide_moved_on(conn, ret);
  LaReuse reuse = la_reuse(conn, context);
  if (reuse != LA_REUSE_LIVE_CURED && reuse != LA_REUSE_LIVE_REPEATED && reuse != LA_REUSE_LIVE_UNKNOWN)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  const LaEarlier *e = &conn->earlier;
  ret->variant = reuse == LA_REUSE_LIVE_CURED ? CURED : reuse == LA_REUSE_LIVE_REPEATED ? REPEATED : UNKNOWN;
  if (ret->variant == REPEATED)
    ret->severity = LA_SEVERITY_ERROR;
  ret->at = opener->syn_time;
  ret->side = LA_OPENER;
  ret->blame = LA_BLAME_CLIENT_HOST;
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_finding_add_packet(ret, e->challenge_frame);
  la_finding_add_packet(ret, e->challenge_rst_frame);
  if (e->missed != 0)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  la_finding_add_count(ret, "attempts", opener->syn_sent);
  la_finding_add_count(ret, "challenged", e->challenges);
  if (opener->syn_time > e->last_time)
    la_finding_add_span(ret, "idle_s", opener->syn_time - e->last_time);
  if (ret->variant == CURED) {
    la_finding_add_packet(ret, acceptor->syn_frame);
    la_finding_add_span(ret, "added_delay_s", acceptor->syn_time - opener->syn_time);
  }
  if (ret->variant != UNKNOWN)
    la_finding_add_word(ret, "stage", ret->variant == CURED ? "cured" : "repeated");
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  if (f->variant == MOVED_ON) {
    la_say_count(out, la_fact_count(f, "attempts"), "SYN", "SYNs");
    g_string_append_printf(out, " in the name of ");
    la_say_end(out, conn, side);
    g_string_append_printf(out, " (packet %" G_GUINT64_FORMAT ") came for the connection with ", f->packets[0]);
    la_say_end(out, conn, LA_OTHER(side));
    g_string_append(out, " that was still open, and it went on unmoved: an old duplicate or a forged SYN.");
    return;
  }
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out, " sent a SYN (packet %" G_GUINT64_FORMAT ") to ", f->packets[0]);
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append_printf(
      out, ", which still held the connection before it and answered with %s (packet %" G_GUINT64_FORMAT "): ",
      la_fact_count(f, "challenged") == 1 ? "a challenge ACK" : "challenge ACKs", conn->earlier.challenge_frame);
  g_string_append(
      out, conn->earlier.missed != 0
               ? "that one had been closed with packets that the capture misses (then it is only a port in use again), or "
                 "the client host forgot it (restart, crash)"
               : "the client host forgot that one (restart, crash)");
  if (f->variant == CURED) {
    g_string_append(out, ", and got through ");
    la_say_span(out, la_fact_span(f, "added_delay_s"));
    g_string_append(out, " late.");
  } else if (f->variant == REPEATED) {
    g_string_append(out, ", and ");
    la_say_count(out, la_fact_count(f, "attempts"), "attempt", "attempts");
    g_string_append(out, " did not get through.");
  } else {
    g_string_append(out, "; what became of the attempt is not in the capture.");
  }
}

const LaRule la_rule_syn_on_live_connection = {
    .code = "syn-on-live-connection",
    .title = "SYN on a live connection",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_flags = LA_CONN_REUSED | LA_CONN_STALE_SYN,
    .decide = decide,
    .summarize = summarize,
};
