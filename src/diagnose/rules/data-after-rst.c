/* Segments of the other end after a RST that counted: they were in flight when it was sent. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  LaSide victim = LA_OTHER(conn->rst_side);
  const LaEndpoint *end = &conn->end[victim];
  if (end->last_frame <= conn->rst_frame)
    return false;
  int64_t segments = 0;
  int64_t bytes = 0;
  LaTime last = conn->rst_time;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != victim || m->frame <= conn->rst_frame || (m->marks & (LA_MARK_RST | LA_MARK_DUPLICATE)) != 0)
      continue;
    segments++;
    bytes += m->payload_len;
    last = m->time;
    la_finding_add_packet(ret, m->frame);
  }
  if (segments == 0 && end->data_last_frame > conn->rst_frame) {
    segments = 1;
    last = end->data_last_time;
    la_finding_add_packet(ret, end->data_last_frame);
  }
  if (segments == 0)
    return false;
  la_finding_add_packet(ret, conn->rst_frame);
  ret->side = (uint8_t)victim;
  ret->at = conn->rst_time;
  la_finding_add_count(ret, "segments", segments);
  la_finding_add_count(ret, "payload_bytes", bytes);
  la_finding_add_span(ret, "after_s", last - conn->rst_time);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_count(out, la_fact_count(f, "segments"), "segment", "segments");
  g_string_append(out, " of ");
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append_printf(out, " followed the RST in packet %" G_GUINT64_FORMAT " within ", conn->rst_frame);
  la_say_span(out, la_fact_span(f, "after_s"));
  g_string_append(out, ": they were under way when it was sent.");
}

const LaRule la_rule_data_after_rst = {
    .code = "data-after-rst",
    .title = "segments in flight when the RST came",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
