/* The capture holds only some kinds of packets. One connection shows it when what is missing has a pattern: the numbers
 * advance over data, and there is nothing but SYN, FIN and RST; or acknowledgments of data without any; or data without any
 * acknowledgment; or openings without anything after them. */
#include "diagnose/evidence.h"
#include "diagnose/filtered.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  LaFiltered kept = la_filtered(conn, context);
  if (kept == LA_FILTERED_NOT)
    return false;
  ret->variant = (uint8_t)kept;
  if (kept == LA_FILTERED_OPENING)
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  ret->at = conn->first_time;
  ret->blame = LA_BLAME_CAPTURE;
  la_finding_add_packet(ret, conn->first_frame);
  la_finding_add_packet(ret, conn->last_frame);
  la_finding_add_word(ret, "kept",
                      kept == LA_FILTERED_CONTROL      ? "control"
                      : kept == LA_FILTERED_OPENING    ? "opening"
                      : kept == LA_FILTERED_NO_PAYLOAD ? "no-payload"
                                                       : "payload-only");
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append(out, "Of ");
  la_say_pair(out, conn);
  switch ((LaFiltered)f->variant) {
  case LA_FILTERED_CONTROL:
    g_string_append(out, " only SYN, FIN and RST segments are in the capture, although their numbers say that data passed");
    break;
  case LA_FILTERED_NO_PAYLOAD:
    g_string_append(out, " only segments without payload are in the capture, although they acknowledge data");
    break;
  case LA_FILTERED_OPENING:
    g_string_append(out,
                    conn->end[LA_ACCEPTOR].packets == 0
                        ? " only the SYN is in the capture, which holds nothing else of any connection until then, and a "
                          "kernel without an answer would have sent it again: a capture filter left the others out, unless "
                          "the sender is one that never repeats, as a scanner."
                        : " only SYN and SYN-ACK are in the capture, which holds nothing else of any connection until then, "
                          "and a kernel without an answer would have sent its SYN-ACK again: a capture filter left the others "
                          "out, unless the server answers with SYN cookies.");
    return;
  default: g_string_append(out, " only segments with payload are in the capture"); break;
  }
  g_string_append(out, ": a capture filter left the others out, and nothing is said that needs them.");
}

const LaRule la_rule_filtered_capture = {
    .code = "filtered-capture",
    .title = "only some kinds of packets",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .decide = decide,
    .summarize = summarize,
};
