/* An ICMP error that quotes the SYN, and no connection came of it: somebody on the way cannot or will not deliver it. Errors
 * about the path's MTU never count (LA_CONN_ICMP_SYN leaves them out). */
#include "diagnose/evidence.h"
#include "diagnose/icmp_words.h"

enum {
  AT_ONCE,
  TRIES_ON /* the client's kernel did not take it for final (RFC 5461 section 3), or never got it */
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  if (la_connection_handshake(conn) != LA_HANDSHAKE_UNREACHABLE || conn->icmp_frame == 0)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  LaTime syn = opener->syn_time;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == LA_OPENER && (m->marks & LA_MARK_SYN) != 0 && (m->marks & LA_MARK_DUPLICATE) == 0 &&
        m->frame < conn->icmp_frame)
      syn = m->time;
  }
  ret->at = conn->icmp_time;
  ret->blame = LA_BLAME_NETWORK;
  ret->variant = opener->syn_last_frame > conn->icmp_frame ? TRIES_ON : AT_ONCE;
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_add_moments(conn, LA_OPENER, LA_MARK_ICMP, ret);
  la_finding_add_count(ret, "icmp_type", conn->icmp_type);
  la_finding_add_count(ret, "icmp_code", conn->icmp_code);
  la_finding_add_addr(ret, "from", &conn->icmp_reporter, conn->family);
  la_finding_add_span(ret, "answer_s", conn->icmp_time - syn);
  la_finding_add_count(ret, "retries", opener->syn_sent > 0 ? opener->syn_sent - 1 : 0);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_addr(out, &conn->icmp_reporter, conn->family);
  g_string_append(out, " answered the SYN of ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " to ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " after ");
  la_say_span(out, la_fact_span(f, "answer_s"));
  g_string_append_printf(
      out, " with the ICMP error \"%s\" (type %u, code %u, packet %" G_GUINT64_FORMAT "): %s.",
      la_icmp_words(conn->family, conn->icmp_type, conn->icmp_code), conn->icmp_type, conn->icmp_code, conn->icmp_frame,
      f->variant == AT_ONCE ? "the connect fails at once" : "the client does not take that for the last word and tries on");
}

const LaRule la_rule_icmp_unreachable = {
    .code = "icmp-unreachable",
    .title = "unreachable by ICMP",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_ICMP_SYN,
    .decide = decide,
    .summarize = summarize,
};
