/* A RST answers the SYN. The host says so when nobody listens; a filter says so with the host's address, and is told by a TTL that the
 * host's other packets do not have. */
#include "diagnose/evidence.h"

enum {
  PLAIN,
  STARTING,
  OTHER_FAMILY,
  FILTERED,
  JOINING
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (context->reset.kind != LA_RESET_REFUSED || context->reset.moment == NULL)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaMoment *rst = context->reset.moment;
  const LaService *host = context->host;
  const LaService *service = context->service;
  ret->at = rst->time;
  ret->side = LA_ACCEPTOR;
  ret->blame = LA_BLAME_SERVER_APPLICATION;
  ret->variant = PLAIN;
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_finding_add_packet(ret, rst->frame);
  la_finding_add_span(ret, "answer_s", rst->time - opener->syn_last_time);
  la_finding_add_count(ret, "retries", opener->syn_sent - 1);
  bool host_known = host != NULL && host->ttl_max != 0;
  if (host_known) {
    la_finding_add_count(ret, "ttl_expected", host->ttl_max);
    la_finding_add_count(ret, "ttl_seen", rst->ttl);
    if (rst->ttl < host->ttl_min || rst->ttl > host->ttl_max) {
      ret->variant = FILTERED;
      ret->blame = LA_BLAME_NETWORK;
    }
  }
  if (ret->variant == PLAIN && service != NULL && service->first_established != LA_TIME_NONE &&
      service->first_established > rst->time) {
    ret->variant = STARTING;
    ret->severity = LA_SEVERITY_NOTE;
    la_finding_add_span(ret, "served_after_s", service->first_established - rst->time);
  }
  if (ret->variant == PLAIN && conn->other_family != LA_TIME_NONE &&
      conn->other_family <= LA_THRESHOLD(context, connection_refused, 0)) {
    ret->variant = OTHER_FAMILY;
    ret->severity = LA_SEVERITY_NOTE;
    la_finding_add_span(ret, "other_family_s", conn->other_family);
  }
  /* A subflow is refused by who does not know its connection (RFC 8684 section 3.2), whoever listens. */
  if (ret->variant == PLAIN && (opener->syn_options & LA_OPT_MPTCP) != 0 && conn->others_live != 0) {
    ret->variant = JOINING;
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
    ret->blame_also = 1u << LA_BLAME_SERVER_HOST;
  }
  if (ret->variant == PLAIN && !host_known)
    ret->blame_also = 1u << LA_BLAME_NETWORK;
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " refused the connection of ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append_printf(out, " with a RST (packet %" G_GUINT64_FORMAT ") ", f->packets[f->packet_count - 1]);
  la_say_span(out, la_fact_span(f, "answer_s"));
  g_string_append(out, " after the SYN");
  switch (f->variant) {
  case STARTING:
    g_string_append(out, ": the service was only starting, it accepted its first connection ");
    la_say_span(out, la_fact_span(f, "served_after_s"));
    g_string_append(out, " later.");
    break;
  case OTHER_FAMILY:
    g_string_append(out, ", but the same port answered over the other address family within ");
    la_say_span(out, la_fact_span(f, "other_family_s"));
    g_string_append(out, ": the client tries both.");
    break;
  case FILTERED:
    g_string_append_printf(out,
                           ": its TTL is %" G_GINT64_FORMAT " where that host's packets have %" G_GINT64_FORMAT
                           ", so a firewall on the way refused it, not the host.",
                           la_fact_count(f, "ttl_seen"), la_fact_count(f, "ttl_expected"));
    break;
  case JOINING:
    g_string_append(
        out,
        " of Multipath TCP, while others of the service live: nothing listens on that port any more, or, where it was to join "
        "a connection, the server does not know that.");
    break;
  default:
    g_string_append(out, f->blame_also != 0 ? ": nothing listens on that port (or a firewall refuses in the host's name)."
                                            : ": nothing listens on that port.");
  }
}

const LaRule la_rule_connection_refused = {
    .code = "connection-refused",
    .title = "connection refused",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .any_flags = LA_CONN_REFUSED,
    .thresholds = {{"connection-refused.other-family", LA_UNIT_SECONDS, 300 * LA_MSEC,
                    "time in which an answer over the other address family makes it a note"}},
    .decide = decide,
    .summarize = summarize,
};
