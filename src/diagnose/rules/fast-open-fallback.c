/* Data in the SYN that was not taken with it: it had to be sent again, or the SYN again without it. */
#include "diagnose/evidence.h"
#include "diagnose/syn_data.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaSynData data = la_syn_data(conn);
  if (data.syn == NULL || data.taken || data.answer == NULL)
    return false;
  ret->at = data.syn->time;
  ret->confidence = data.again != NULL ? LA_CONFIDENCE_CERTAIN : LA_CONFIDENCE_LIKELY;
  la_finding_add_packet(ret, data.syn->frame);
  la_finding_add_packet(ret, data.answer->frame);
  la_finding_add_count(ret, "syn_payload_bytes", data.syn->payload_len);
  if (data.again != NULL) {
    la_finding_add_packet(ret, data.again->frame);
    la_finding_add_span(ret, "added_delay_s", data.again->time - data.syn->time);
  }
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "syn_payload_bytes"), "byte", "bytes");
  g_string_append_printf(out, " in its SYN (packet %" G_GUINT64_FORMAT "), but ", f->packets[0]);
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " acknowledged the SYN alone");
  if (la_finding_fact(f, "added_delay_s") != NULL) {
    g_string_append(out, ": the data went again ");
    la_say_span(out, la_fact_span(f, "added_delay_s"));
    g_string_append(out, " later");
  }
  g_string_append(out, "; TCP Fast Open is off there, its cookie is old, or a device on the way drops it.");
}

const LaRule la_rule_fast_open_fallback = {
    .code = "fast-open-fallback",
    .title = "TCP Fast Open not taken",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_marks = LA_MARK_FAST_OPEN,
    .decide = decide,
    .summarize = summarize,
};
