/* A bare RST answers data, a FIN, a keep-alive or a challenge ACK on a connection its host no longer knows: it was restarted, or its process
 * was killed and the close got lost. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

/* The challenge ACK that the RST answers (RFC 5961 section 4), or NULL. */
static const LaMoment *challenge_before(const LaConnection *conn, const LaMoment *rst)
{
  for (unsigned i = rst != NULL ? la_moment_index(conn, rst) : 0; i-- > 0;) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != rst->side)
      return (m->marks & LA_MARK_CHALLENGE_ACK) != 0 && m->ack == rst->seq ? m : NULL;
  }
  return NULL;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_NO_CONNECTION)
    return false;
  const LaEndpoint *lost = &conn->end[v->sender];
  la_reset_fill(conn, v, ret);
  ret->blame = (uint8_t)la_blame_host(v->sender);
  const LaMoment *challenge = challenge_before(conn, v->moment);
  bool exact = v->moment != NULL && v->trigger != NULL && v->moment->seq == v->trigger->ack;
  ret->confidence = lost->ttl_max == 0 ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
  if (!exact && challenge == NULL && v->trigger != NULL)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  const char *stage = "data";
  if (challenge != NULL) {
    stage = "challenge-ack";
    la_finding_add_packet(ret, challenge->frame);
  } else if (v->trigger != NULL && v->trigger->frame == v->trigger_frame)
    stage = (v->trigger->marks & LA_MARK_DATA) != 0 ? "data" : (v->trigger->marks & LA_MARK_FIN) != 0 ? "fin" : "keepalive";
  la_finding_add_word(ret, "stage", stage);
  la_finding_add_span(ret, "idle_s", v->idle);
  if (lost->ttl_max != 0)
    la_finding_add_count(ret, "ttl_expected", lost->ttl_max);
  if (v->moment != NULL)
    la_finding_add_count(ret, "ttl_seen", v->moment->ttl);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide lost = (LaSide)f->side;
  la_say_end(out, conn, lost);
  g_string_append(out, " no longer knew the connection: it answered ");
  const char *stage = la_fact_word(f, "stage");
  g_string_append(out, stage[0] == 'd'   ? "data"
                       : stage[0] == 'f' ? "a FIN"
                       : stage[0] == 'c' ? "a challenge ACK"
                                         : "a keep-alive");
  g_string_append(out, " of ");
  la_say_end(out, conn, LA_OTHER(lost));
  g_string_append_printf(
      out, " with a bare RST in packet %" G_GUINT64_FORMAT ". Its host was restarted, or dropped the socket without a word.",
      conn->rst_frame);
}

const LaRule la_rule_rst_no_connection = {
    .code = "rst-no-connection",
    .title = "connection unknown to its host",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
