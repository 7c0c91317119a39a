/* The handshake completed, nobody accepted, and a RST came when the listener went away, together with others of its kind.
 *
 * Where the clients had sent something, a process that had accepted them, read nothing and ended sends the same RSTs: its kernel resets
 * what holds unread data (tcp_close). Without payload it would have sent FINs. */
#include "diagnose/evidence.h"
#include "diagnose/reset_words.h"

enum {
  WAITED,
  WAITED_OR_UNREAD
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaResetVerdict *v = &context->reset;
  if (v->kind != LA_RESET_LISTENER_CLOSED)
    return false;
  la_reset_fill(conn, v, ret);
  ret->blame = LA_BLAME_SERVER_APPLICATION;
  if (conn->end[LA_OPENER].payload_segments != 0) {
    ret->variant = WAITED_OR_UNREAD;
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  }
  la_finding_add_span(ret, "waited_s", conn->rst_time - conn->handshake_ack_time);
  la_finding_add_count(ret, "sockets", conn->exit_run);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, f->variant == WAITED ? " never accepted the connection of " : " read nothing of the connection of ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out, " and reset it in packet %" G_GUINT64_FORMAT ", ", conn->rst_frame);
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append(out, " after the handshake, together with ");
  la_say_count(out, la_fact_count(f, "sockets") - 1, "other", "others");
  g_string_append(out, f->variant == WAITED
                           ? ": the listening socket was closed with connections waiting."
                           : ": the listening socket was closed with connections waiting to be accepted, or the "
                             "process that had accepted them ended without reading.");
}

const LaRule la_rule_rst_listener_closed = {
    .code = "rst-listener-closed",
    .title = "listener closed with connections waiting",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_RST,
    .decide = decide,
    .summarize = summarize,
};
