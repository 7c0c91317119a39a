/* The capture has no handshake of the connection: it began before. */
#include "diagnose/evidence.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  if ((conn->flags & LA_CONN_MIDSTREAM) == 0 || (conn->flags & LA_CONN_STRAY) != 0)
    return false;
  ret->at = conn->first_time;
  ret->blame = LA_BLAME_CAPTURE;
  ret->confidence = LA_CONFIDENCE_CERTAIN;
  la_finding_add_packet(ret, conn->first_frame);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  (void)f;
  la_say_pair(out, conn);
  g_string_append_printf(out,
                         " was already open at packet %" G_GUINT64_FORMAT
                         ": its handshake is not in the capture, so nothing is said about it.",
                         conn->first_frame);
}

const LaRule la_rule_midstream = {
    .code = "midstream",
    .title = "began before the capture",
    .scope = LA_SCOPE_CAPTURE,
    .severity = LA_SEVERITY_NOTE,
    .any_flags = LA_CONN_MIDSTREAM,
    .decide = decide,
    .summarize = summarize,
};
