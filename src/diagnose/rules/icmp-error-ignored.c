/* An ICMP error quoted the connection, and it went on: the quoted end's later or repeated segments were acknowledged, or the
 * handshake finished. */
#include "diagnose/evidence.h"
#include "diagnose/icmp_words.h"

static bool is_about_delivery(const LaConnection *conn, const LaMoment *m)
{
  unsigned type = m->flags >> 8;
  unsigned code = m->flags & 0xff;
  if (conn->family == LA_FAMILY_IPV4)
    return (type == 3 && code != 4) || type == 11;
  return type == 1 || type == 3;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaMoment *first = NULL;
  const LaMoment *last = NULL;
  int64_t errors = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_ICMP) == 0 || !is_about_delivery(conn, m))
      continue;
    const LaEndpoint *quoted = &conn->end[m->side];
    bool went_on = (quoted->flags & LA_END_UNA) != 0 && quoted->progress_time > m->time;
    if (!went_on)
      continue;
    if (first == NULL)
      first = m;
    last = m;
    errors++;
    la_finding_add_packet(ret, m->frame);
  }
  if (first == NULL || la_connection_handshake(conn) == LA_HANDSHAKE_UNREACHABLE)
    return false;
  ret->at = first->time;
  ret->side = first->side;
  ret->blame = LA_BLAME_NETWORK;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_count(ret, "icmp_type", first->flags >> 8);
  la_finding_add_count(ret, "icmp_code", first->flags & 0xff);
  la_finding_add_addr(ret, "from", &conn->icmp_reporter, conn->family);
  la_finding_add_count(ret, "errors", errors);
  la_finding_add_span(ret, "continued_s", conn->last_time - last->time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  unsigned type = (unsigned)la_fact_count(f, "icmp_type");
  unsigned code = (unsigned)la_fact_count(f, "icmp_code");
  la_say_addr(out, &conn->icmp_reporter, conn->family);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "errors"), "ICMP error", "ICMP errors");
  g_string_append_printf(out, " (\"%s\", type %u, code %u, packet %" G_GUINT64_FORMAT ") about packets of ",
                         la_icmp_words(conn->family, type, code), type, code, f->packets[0]);
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append(out, ", but the connection with ");
  la_say_end(out, conn, LA_OTHER(f->side));
  g_string_append(out, " went on for another ");
  la_say_span(out, la_fact_span(f, "continued_s"));
  g_string_append(out, ": a passing fault of the path, or a device that is wrong about it.");
}

const LaRule la_rule_icmp_error_ignored = {
    .code = "icmp-error-ignored",
    .title = "ICMP error without effect",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_ICMP,
    .decide = decide,
    .summarize = summarize,
};
