/* The same RST right after payload that the sender's application had not answered: the kernel resets when a socket is closed with
 * unread data (RFC 1122 section 4.2.2.13, RFC 2525 section 2.17). */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_UNREAD_DATA)
    return false;
  la_reset_fill(conn, v, ret);
  ret->blame = (uint8_t)la_blame_application(v->sender);
  /* The application may have read it and aborted for another reason: the capture cannot tell. */
  ret->confidence = LA_CONFIDENCE_POSSIBLE;
  la_finding_add_packet(ret, conn->before_rst.new_frame);
  la_finding_add_word(ret, "stage", la_reset_stage(conn, v));
  /* What came before an answer was read; how much of the rest came after the last answer is not kept. */
  if ((conn->end[v->sender].flags & LA_END_DATA) == 0)
    la_finding_add_count(ret, "unread_bytes", (int64_t)conn->end[LA_OTHER(v->sender)].payload_bytes);
  la_finding_add_span(ret, "after_s", conn->rst_time - conn->before_rst.new_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_reset(out, f, conn);
  g_string_append(out, ", ");
  la_say_span(out, la_fact_span(f, "after_s"));
  g_string_append_printf(out,
                         " after data that it had not answered (packet %" G_GUINT64_FORMAT
                         "): its application closed with unread data, or aborted.",
                         conn->before_rst.new_frame);
}

const LaRule la_rule_rst_unread_data = {
    .code = "rst-unread-data",
    .title = "closed with unread data",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
