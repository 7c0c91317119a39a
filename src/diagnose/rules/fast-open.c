/* Data in the SYN, taken with it (RFC 7413). */
#include "diagnose/evidence.h"
#include "diagnose/syn_data.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaSynData data = la_syn_data(conn);
  if (!data.taken)
    return false;
  ret->at = data.syn->time;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, data.syn->frame);
  la_finding_add_packet(ret, data.answer->frame);
  la_finding_add_count(ret, "syn_payload_bytes", data.syn->payload_len);
  la_finding_add_span(ret, "saved_s", data.answer->time - data.syn->time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "syn_payload_bytes"), "byte", "bytes");
  g_string_append_printf(out, " in its SYN (packet %" G_GUINT64_FORMAT ") and ", f->packets[0]);
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " took them with it: TCP Fast Open saved about ");
  la_say_span(out, la_fact_span(f, "saved_s"));
  g_string_append_c(out, '.');
}

const LaRule la_rule_fast_open = {
    .code = "fast-open",
    .title = "TCP Fast Open",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_FAST_OPEN,
    .decide = decide,
    .summarize = summarize,
};
