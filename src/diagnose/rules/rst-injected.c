/* Signs say that the RST was not sent by the end whose address it carries. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

/* The answer of a host without a socket to what it was sent while the connection had hardly opened: another machine behind the same
 * address (anycast, a balancer that sends the flow elsewhere) does just that, with a TTL of its own, while the first goes on. */
static bool answers_for_another(const LaConnection *conn, const LaResetVerdict *v)
{
  const LaMoment *rst = v->moment;
  const LaEndpoint *named = &conn->end[v->sender];
  if (v->sender != LA_ACCEPTOR || !la_rst_is_bare(rst) || rst->window != 0 || rst->ip_id != 0 ||
      (named->flags & (LA_END_DATA | LA_END_FIN)) != 0)
    return false;
  for (unsigned i = la_moment_index(conn, rst); i-- > 0;) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == LA_OPENER)
      return m->ack == rst->seq && (m->marks & LA_MARK_RST) == 0;
  }
  return false;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_INJECTED)
    return false;
  const LaEndpoint *named = &conn->end[v->sender];
  la_reset_fill(conn, v, ret);
  ret->blame = LA_BLAME_NETWORK;
  ret->variant = answers_for_another(conn, v);
  if (ret->variant != 0)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  la_finding_add_count(ret, "signs", v->signs);
  if (named->ttl_max != 0)
    la_finding_add_count(ret, "ttl_expected", named->ttl_max);
  la_finding_add_count(ret, "ttl_seen", v->moment->ttl);
  if ((named->flags & LA_END_WENT_ON) != 0) {
    unsigned went_on = 0;
    for (unsigned i = 0; i < conn->moments_used; i++) {
      const LaMoment *m = la_connection_moment(conn, i);
      if (m->side == v->sender && m->frame > conn->rst_frame && (m->marks & LA_MARK_RST) == 0) {
        la_finding_add_packet(ret, m->frame);
        went_on++;
      }
    }
    if (went_on == 0 && named->last_frame > conn->rst_frame) {
      la_finding_add_packet(ret, named->last_frame);
      went_on = 1;
    }
    la_finding_add_count(ret, "went_on", went_on);
  }
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append_printf(out, "The RST in packet %" G_GUINT64_FORMAT " carries the address of ", conn->rst_frame);
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append(out, ", but ");
  int64_t seen = la_fact_count(f, "ttl_seen");
  int64_t expected = la_fact_count(f, "ttl_expected");
  bool said = false;
  if (expected != 0 && seen != expected) {
    g_string_append_printf(out, "has TTL %" G_GINT64_FORMAT " instead of %" G_GINT64_FORMAT, seen, expected);
    said = true;
  }
  if (la_fact_count(f, "went_on") != 0) {
    g_string_append_printf(out, "%sthat end went on afterwards", said ? " and " : "");
    said = true;
  }
  if (!said)
    g_string_append(out, "both ends were reset at once or its number is not its sender's");
  g_string_append(out, f->variant != 0
                           ? ": a device on the way forged it, or another machine behind that address (anycast, a balancer) "
                             "got the packet that it answers."
                           : ": a device on the way forged it.");
}

const LaRule la_rule_rst_injected = {
    .code = "rst-injected",
    .title = "RST forged on the way",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_RST,
    .thresholds = {{"rst-injected.signs", LA_UNIT_COUNT, 2, "how many signs are needed"},
                   {"rst-injected.ttl", LA_UNIT_COUNT, 2, "difference of TTL that is a sign"}},
    .decide = decide,
    .summarize = summarize,
};
