/* The client's RST answers the SYN-ACK: its application gave up before the answer came, or the SYN was an old duplicate of an
 * earlier connection that nobody wanted any more. */
#include "base/seq.h"
#include "diagnose/evidence.h"

enum {
  GAVE_UP,
  EITHER,
  STALE
};

/* Whether the SYN is older than the earlier connection on its four-tuple (RFC 7323 section 5, RFC 6191). */
static bool is_stale(const LaConnection *conn, const LaMoment *syn)
{
  const LaEarlier *e = &conn->earlier;
  if (syn->ts_val != 0 && e->ts_val[LA_OPENER] != 0)
    return la_seq_lt(syn->ts_val, e->ts_val[LA_OPENER]);
  return la_seq_lt(syn->seq, e->snd_nxt[LA_OPENER]);
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaMoment *syn = la_moment_find(conn, 0, LA_OPENER, LA_MARK_SYN);
  if (context->reset.kind != LA_RESET_ABANDONED || syn == NULL)
    return false;
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  bool reused = (conn->flags & LA_CONN_REUSED) != 0;
  ret->variant = !reused ? GAVE_UP : is_stale(conn, syn) ? STALE : EITHER;
  ret->at = conn->rst_time;
  ret->side = LA_OPENER;
  ret->blame = ret->variant == STALE ? LA_BLAME_NONE : LA_BLAME_CLIENT_APPLICATION;
  if (ret->variant == EITHER)
    ret->blame_also = 1u << LA_BLAME_NONE;
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_add_moments(conn, LA_ACCEPTOR, LA_MARK_SYN_ACK, ret);
  la_finding_add_packet(ret, conn->rst_frame);
  la_finding_add_span(ret, "waited_s", conn->rst_time - syn->time);
  la_finding_add_span(ret, "answer_s", acceptor->syn_time - syn->time);
  if (reused)
    la_finding_add_span(ret, "reused_after_s", syn->time - conn->earlier.last_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out, " answered the SYN-ACK in packet %" G_GUINT64_FORMAT " of ", conn->end[LA_ACCEPTOR].syn_frame);
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append_printf(out, " with a RST (packet %" G_GUINT64_FORMAT ", ", conn->rst_frame);
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append(out, " after its SYN): ");
  if (f->variant == GAVE_UP) {
    g_string_append(out, "it had given up, or it only wanted to know whether the port answers.");
    return;
  }
  g_string_append(out, "the four-tuple was in use ");
  la_say_span(out, la_fact_span(f, "reused_after_s"));
  g_string_append(out, f->variant == STALE
                           ? " before and the SYN is older than that, so it was an old duplicate that nobody waited for."
                           : " before, so either the SYN was an old duplicate, or the application gave up.");
}

const LaRule la_rule_connect_abandoned = {
    .code = "connect-abandoned",
    .title = "connect abandoned",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_ABANDONED,
    .decide = decide,
    .summarize = summarize,
};
