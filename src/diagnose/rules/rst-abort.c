/* A live socket sent RST in place of a FIN, or after one, with nothing unread behind it as far as the capture tells: SO_LINGER 0, or
 * the kernel closing for a killed process. */
#include <string.h>

#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

enum {
  WHOLE,
  SUBFLOW
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_ABORT)
    return false;
  const LaEndpoint *own = &conn->end[v->sender];
  const char *stage = la_reset_stage(conn, v);
  la_reset_fill(conn, v, ret);
  ret->blame = (uint8_t)la_blame_application(v->sender);
  uint64_t payload = la_payload(conn);
  bool peer_closed = strcmp(stage, "after-peer-fin") == 0 || strcmp(stage, "after-both-fins") == 0;
  uint32_t unacked = v->moment != NULL && (own->flags & LA_END_UNA) != 0 ? v->moment->in_flight : 0;
  uint32_t lost = v->moment != NULL ? v->moment->peer_in_flight : 0;
  /* A health check that resets, or a reset after everything was said, costs nobody anything. */
  if (payload == 0 || (peer_closed && unacked == 0 && lost <= 1))
    ret->severity = LA_SEVERITY_NOTE;
  /* One of several paths of a connection may end so at any time (RFC 8684 sections 3.5 and 3.6). */
  if (v->moment != NULL && (v->moment->options & LA_OPT_MPTCP) != 0) {
    ret->severity = LA_SEVERITY_NOTE;
    ret->variant = SUBFLOW;
  }
  bool looks_live = v->moment != NULL && !la_rst_is_bare(v->moment);
  ret->confidence = looks_live && own->ttl_max != 0 && (v->moment->marks & LA_MARK_FOREIGN_TTL) == 0 ? LA_CONFIDENCE_LIKELY
                                                                                                     : LA_CONFIDENCE_POSSIBLE;
  if (conn->before_rst.new_frame != 0 && conn->before_rst.new_time >= own->new_data_time)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  /* What the other end said, and whether it had closed, is not in the capture. */
  if (!la_both_directions(conn)) {
    ret->severity = LA_SEVERITY_NOTE;
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  }
  la_finding_add_word(ret, "stage", stage);
  la_finding_add_span(ret, "after_s", v->moment != NULL ? v->moment->since_last : LA_TIME_NONE);
  la_finding_add_count(ret, "payload_bytes", (int64_t)payload);
  la_finding_add_count(ret, "unacked_bytes", unacked);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  const char *stage = la_fact_word(f, "stage");
  la_say_reset(out, f, conn);
  if (strcmp(stage, "established") == 0)
    g_string_append(out, " instead of closing it");
  else
    g_string_append_printf(out, " %s",
                           strcmp(stage, "after-own-fin") == 0    ? "after its own FIN"
                           : strcmp(stage, "after-peer-fin") == 0 ? "in answer to the other end's FIN"
                                                                  : "although both ends had closed");
  int64_t unacked = la_fact_count(f, "unacked_bytes");
  if (unacked > 1) {
    g_string_append(out, ", giving up ");
    la_say_count(out, unacked, "byte", "bytes");
    g_string_append(out, " not yet acknowledged");
  }
  if (strcmp(stage, "after-both-fins") == 0) {
    g_string_append(out, ": its host ends what is left of the close at once, in place of the last ACK or of waiting for it.");
    return;
  }
  if (f->variant == SUBFLOW) {
    g_string_append(out,
                    ", with an option of Multipath TCP: one path of several was taken down, or the whole connection aborted.");
    return;
  }
  g_string_append_printf(out, ": its application aborts (SO_LINGER 0, a kill, or unread data)%s.",
                         la_fact_count(f, "payload_bytes") == 0 && la_both_directions(conn)
                             ? "; no payload had passed, as in a health check"
                             : "");
}

const LaRule la_rule_rst_abort = {
    .code = "rst-abort",
    .title = "closed by RST",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
