/* A closed completely, B wrote afterwards, and A's host, which has no socket to take it, answers with a bare RST. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

enum {
  PLAIN,
  CROSSING,      /* written before the FIN could arrive */
  AFTER_A_WHILE, /* the closer had only half-closed first, and taken some of it */
};

/* The round trip when it is not known. */
#define FLIGHT_UNKNOWN (200 * LA_MSEC)

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_DATA_AFTER_CLOSE)
    return false;
  const LaEndpoint *closer = &conn->end[v->sender];
  const LaEndpoint *writer = &conn->end[LA_OTHER(v->sender)];
  const LaPayloadSeen *seen = &conn->before_rst;
  uint32_t refused = MIN(writer->data_after_fin_bytes, v->moment->peer_in_flight);
  LaTime rtt = la_connection_rtt(conn);
  LaTime since = seen->new_time - ((closer->flags & LA_END_FIN_ACKED) != 0 ? closer->fin_acked_time : closer->fin_time);
  la_reset_fill(conn, v, ret);
  ret->side = (uint8_t)LA_OTHER(v->sender);
  la_finding_add_packet(ret, closer->fin_frame);
  /* Written before the FIN could arrive: nobody is to blame. */
  bool acked_before = (closer->flags & LA_END_FIN_ACKED) != 0 && closer->fin_acked_frame < seen->new_frame;
  LaTime flight = rtt != LA_TIME_NONE ? rtt : FLIGHT_UNKNOWN;
  if (!acked_before && seen->new_time - closer->fin_time <= flight) {
    ret->severity = LA_SEVERITY_NOTE;
    ret->blame = LA_BLAME_NONE;
    ret->variant = CROSSING;
  } else {
    ret->blame = (uint8_t)la_blame_application(LA_OTHER(v->sender));
  }
  if (ret->variant == PLAIN && refused < writer->data_after_fin_bytes)
    ret->variant = AFTER_A_WHILE;
  bool proved = ret->variant == PLAIN && acked_before && la_rst_is_bare(v->moment);
  ret->confidence = proved ? LA_CONFIDENCE_CERTAIN : LA_CONFIDENCE_LIKELY;
  la_finding_add_count(ret, "payload_bytes", refused);
  la_finding_add_span(ret, "after_s", since);
  la_finding_add_span(ret, "rtt_s", rtt);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide writer = (LaSide)f->side;
  la_say_end(out, conn, writer);
  g_string_append(out, " wrote ");
  la_say_count(out, la_fact_count(f, "payload_bytes"), "byte", "bytes");
  g_string_append(out, " to ");
  la_say_end(out, conn, LA_OTHER(writer));
  if (f->variant == CROSSING) {
    g_string_append_printf(
        out, " while its FIN was on the way, and met a closed socket (RST in packet %" G_GUINT64_FORMAT "): they crossed.",
        conn->rst_frame);
    return;
  }
  g_string_append_c(out, ' ');
  la_say_span(out, la_fact_span(f, "after_s"));
  g_string_append(out, f->variant == AFTER_A_WHILE ? " after its FIN (" : " after that end had closed completely (FIN ");
  la_say_fin_place(out, conn, LA_OTHER(writer));
  g_string_append(out,
                  f->variant == AFTER_A_WHILE ? "); it had taken what came before and closed completely since, so" : "), so");
  g_string_append_printf(
      out, " its host answered with a RST in packet %" G_GUINT64_FORMAT ": the writer ignores the end of the stream.",
      conn->rst_frame);
}

const LaRule la_rule_rst_data_after_close = {
    .code = "rst-data-after-close",
    .title = "data written after the other end closed",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
