/* Only one end's packets are in the capture although they acknowledge the other's. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  if (!la_connection_one_direction(conn))
    return false;
  LaSide seen = conn->end[LA_OPENER].packets != 0 ? LA_OPENER : LA_ACCEPTOR;
  ret->side = (uint8_t)seen;
  ret->at = conn->first_time;
  ret->blame = LA_BLAME_CAPTURE;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, conn->first_frame);
  la_finding_add_packet(ret, conn->last_frame);
  la_finding_add_word(ret, "direction", seen == LA_OPENER ? "to_server" : "to_client");
  la_finding_add_count(ret, "segments", (int64_t)conn->end[seen].packets);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  g_string_append(out, "Only packets of ");
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append(out, " are in the capture, although they acknowledge what ");
  la_say_end(out, conn, LA_OTHER(f->side));
  g_string_append(out, " sent: capture where both directions pass.");
}

const LaRule la_rule_one_direction = {
    .code = "one-direction",
    .title = "only one direction captured",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .decide = decide,
    .summarize = summarize,
};
