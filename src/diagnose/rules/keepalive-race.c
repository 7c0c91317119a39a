/* After a time of idleness one end closed while the other's next request was under way: the request is lost. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_KEEPALIVE_RACE)
    return false;
  const LaEndpoint *closer = &conn->end[v->sender];
  const LaEndpoint *asker = &conn->end[LA_OTHER(v->sender)];
  la_reset_fill(conn, v, ret);
  la_finding_add_packet(ret, closer->fin_frame);
  la_finding_add_packet(ret, asker->new_data_frame);
  ret->blame = (uint8_t)la_blame_application(v->sender);
  ret->blame_also = (uint8_t)(1u << la_blame_application(LA_OTHER(v->sender)));
  const LaMoment *request = la_moment_of_frame(conn, asker->new_data_frame);
  la_finding_add_span(ret, "idle_s", v->idle);
  la_finding_add_span(ret, "crossing_s", v->crossing);
  if (request != NULL)
    la_finding_add_count(ret, "payload_bytes", request->payload_len);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide closer = (LaSide)f->side;
  la_say_end(out, conn, closer);
  g_string_append(out, " closed after ");
  la_say_span(out, la_fact_span(f, "idle_s"));
  g_string_append(out, " of idleness just as ");
  la_say_end(out, conn, LA_OTHER(closer));
  g_string_append_printf(out, " sent its next request (packet %" G_GUINT64_FORMAT ", ",
                         conn->end[LA_OTHER(closer)].new_data_frame);
  la_say_span(out, la_fact_span(f, "crossing_s"));
  g_string_append(out, " apart), which was lost: the closer's idle timeout is shorter than the other end's.");
}

const LaRule la_rule_keepalive_race = {
    .code = "keepalive-race",
    .title = "closed as the next request came",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_RST,
    .thresholds = {{"keepalive-race", LA_UNIT_SECONDS, LA_SEC, "how long the connection must have been idle"}},
    .decide = decide,
    .summarize = summarize,
};
