/* Theory of operation.
 *
 * A label's value makes a time series, which the monitoring system keeps for weeks: so no number of services, and no client, may make
 * more than a fixed number of them. The busiest services have a place with a label of their own; the last place is `other`. A service gets a
 * place with its first completed handshake or its first finding, or with its tenth connection or finding when nothing was ever completed (a
 * port scan tries many), while there are free ones (with an open connection, too, when somebody asks); after that, when it has lately been busier than twice the idlest one that has a place, and by a margin.
 * A service at a port that the policy names takes the place of the idlest one that is not named, and keeps it. The counters of the
 * one that had to go are forgotten, not added to `other`: rates, which is what people look at, then have no peak that never was.
 *
 * Candidates are counted in a table of fixed size by the hash of the service: one that finds another in its place takes one off the
 * other's count, and has the place when that is at nothing. A flood of services that come once leaves a busy one where it is.
 *
 * Connections count when they have finished, findings when they are raised. */
#include "live/metrics.h"

#include <string.h>

#include "diagnose/rule.h"
#include "diagnose/rule_index.h"
#include "track/measures.h"

enum {
  PLACES = LA_METRICS_SERVICES + 1,
  OTHER = LA_METRICS_SERVICES,
  CANDIDATES = 1024, /* a power of two */
  ADMITTED_AT = 10,  /* connections */
  MARGIN = 16,
  BOUNDS = 18,
};

/* Upper bounds of the histograms: a loopback handshake takes some 50 us, a SYN that was tried again seconds. */
static const struct {
  LaTime span;
  const char *text;
} bounds[BOUNDS] = {
    {100 * LA_USEC, "0.0001"},  {250 * LA_USEC, "0.00025"}, {500 * LA_USEC, "0.0005"}, {1 * LA_MSEC, "0.001"},
    {2500 * LA_USEC, "0.0025"}, {5 * LA_MSEC, "0.005"},     {10 * LA_MSEC, "0.01"},    {25 * LA_MSEC, "0.025"},
    {50 * LA_MSEC, "0.05"},     {100 * LA_MSEC, "0.1"},     {250 * LA_MSEC, "0.25"},   {500 * LA_MSEC, "0.5"},
    {1 * LA_SEC, "1"},          {2500 * LA_MSEC, "2.5"},    {5 * LA_SEC, "5"},         {10 * LA_SEC, "10"},
    {30 * LA_SEC, "30"},        {60 * LA_SEC, "60"},
};

typedef struct {
  uint64_t counts[BOUNDS]; /* each span in one of them */
  uint64_t total;
  uint64_t sum; /* ns */
} Spans;

typedef struct {
  LaHostPort service;
  bool used;
  bool named;      /* keeps its place */
  uint32_t recent; /* connections lately */
  uint64_t connections[LA_HANDSHAKE_N][LA_TEARDOWN_N];
  uint64_t findings[LA_RULE_COUNT][LA_SEVERITY_N];
  uint64_t open[LA_TCP_STATE_N];
  Spans handshake;
  Spans close;
} Place;

typedef struct {
  LaHostPort service;
  uint32_t recent;
} Candidate;

struct LaMetrics {
  Place places[PLACES];
  Candidate candidates[CANDIDATES];
  uint16_t ports[LA_METRICS_PORTS_MAX]; /* that are named */
  unsigned port_count;
};

LaMetrics *la_metrics_new(void)
{
  LaMetrics *metrics = g_new0(LaMetrics, 1);
  metrics->places[OTHER].used = true;
  return metrics;
}

void la_metrics_free(LaMetrics *metrics)
{
  g_free(metrics);
}

void la_metrics_name_ports(LaMetrics *metrics, const uint16_t *ports, unsigned count)
{
  metrics->port_count = MIN(count, LA_METRICS_PORTS_MAX);
  for (unsigned i = 0; i < metrics->port_count; i++)
    metrics->ports[i] = ports[i];
}

/* ---- places ---- */

static unsigned hash_of(const LaHostPort *service)
{
  uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ service->port;
  for (unsigned i = 0; i < sizeof service->addr.bytes; i++)
    hash = (hash ^ service->addr.bytes[i]) * UINT64_C(0x100000001b3);
  return (unsigned)(hash >> 32);
}

static unsigned find_place(const LaMetrics *metrics, const LaHostPort *service)
{
  for (unsigned i = 0; i < OTHER; i++) {
    if (metrics->places[i].used && la_host_port_equal(&metrics->places[i].service, service))
      return i;
  }
  return OTHER;
}

static bool is_named(const LaMetrics *metrics, const LaHostPort *service)
{
  for (unsigned i = 0; i < metrics->port_count; i++)
    if (metrics->ports[i] == service->port)
      return true;
  return false;
}

/* A free place, or that of the idlest one that is not named: when `recent` is well above it, or this one is named; else OTHER. */
static unsigned place_for(const LaMetrics *metrics, const LaHostPort *service, uint32_t recent)
{
  unsigned idlest = OTHER;
  for (unsigned i = 0; i < OTHER; i++) {
    const Place *place = &metrics->places[i];
    if (!place->used)
      return i;
    if (!place->named && (idlest == OTHER || place->recent < metrics->places[idlest].recent))
      idlest = i;
  }
  if (idlest == OTHER || is_named(metrics, service))
    return idlest;
  return recent / 2 > metrics->places[idlest].recent + MARGIN ? idlest : OTHER;
}

static void settle(LaMetrics *metrics, unsigned place, const LaHostPort *service, uint32_t recent)
{
  metrics->places[place] = (Place){.service = *service, .used = true, .named = is_named(metrics, service), .recent = recent};
}

/* How often this service has come lately, this time included. */
static Candidate *count_candidate(LaMetrics *metrics, const LaHostPort *service)
{
  Candidate *candidate = &metrics->candidates[hash_of(service) % CANDIDATES];
  if (candidate->recent > 0 && !la_host_port_equal(&candidate->service, service)) {
    candidate->recent--;
    return NULL;
  }
  candidate->service = *service;
  candidate->recent += candidate->recent < UINT32_MAX ? 1 : 0;
  return candidate;
}

/* What may give a service a place. */
typedef enum {
  FAILED, /* an attempt: it may be a scan's */
  WORKED, /* something that was open */
} Evidence;

/* The place of a service; it may get one by this. */
static unsigned admit(LaMetrics *metrics, const LaHostPort *service, Evidence evidence)
{
  unsigned place = find_place(metrics, service);
  if (place != OTHER)
    return place;
  Candidate *candidate = count_candidate(metrics, service);
  if (candidate == NULL || (evidence == FAILED && candidate->recent < ADMITTED_AT))
    return OTHER;
  place = place_for(metrics, service, candidate->recent);
  if (place != OTHER) {
    settle(metrics, place, service, candidate->recent - 1);
    *candidate = (Candidate){.recent = 0};
  }
  return place;
}

void la_metrics_age(LaMetrics *metrics)
{
  for (unsigned i = 0; i < PLACES; i++)
    metrics->places[i].recent /= 2;
  for (unsigned i = 0; i < CANDIDATES; i++)
    metrics->candidates[i].recent /= 2;
}

/* ---- counting ---- */

static void add_span(Spans *spans, LaTime span)
{
  if (span == LA_TIME_NONE)
    return;
  span = MAX(span, 0);
  for (unsigned i = 0; i < BOUNDS; i++) {
    if (span <= bounds[i].span) {
      spans->counts[i]++;
      break;
    }
  }
  spans->total++;
  spans->sum += (uint64_t)span;
}

/* From the first SYN to the ACK of the SYN-ACK. */
static LaTime handshake_span(const LaConnection *conn)
{
  LaTime first = la_connection_syn_to_syn_ack(conn);
  LaTime second = la_connection_syn_ack_to_ack(conn);
  return first != LA_TIME_NONE && second != LA_TIME_NONE ? la_time_add(MAX(first, 0), MAX(second, 0)) : LA_TIME_NONE;
}

void la_metrics_connection(LaMetrics *metrics, const LaConnection *conn)
{
  LaHostPort service = la_connection_end(conn, LA_ACCEPTOR);
  LaHandshakeResult handshake = la_connection_handshake(conn);
  Place *place = &metrics->places[admit(metrics, &service, handshake == LA_HANDSHAKE_COMPLETE ? WORKED : FAILED)];
  place->recent += place->recent < UINT32_MAX ? 1 : 0;
  place->connections[handshake][la_connection_teardown(conn)]++;
  if (handshake == LA_HANDSHAKE_COMPLETE)
    add_span(&place->handshake, handshake_span(conn));
  add_span(&place->close, la_connection_close_duration(conn));
}

/* Findings of which a scan raises one for each port or host that it tries. */
static Evidence evidence_of(const LaFinding *finding)
{
  switch (finding->rule_index) {
  case LA_RULE_INDEX_syn_unanswered:
  case LA_RULE_INDEX_syn_isn_changed:
  case LA_RULE_INDEX_connection_refused:
  case LA_RULE_INDEX_icmp_unreachable:
  case LA_RULE_INDEX_syn_ack_unanswered:
  case LA_RULE_INDEX_connect_abandoned:
  case LA_RULE_INDEX_stray_segment:
  case LA_RULE_INDEX_invalid_flags: return FAILED;
  default: return WORKED;
  }
}

void la_metrics_event(LaMetrics *metrics, const LaEventRecord *event)
{
  if (event->kind != LA_EVENT_RAISED || event->finding.rule_index >= LA_RULE_COUNT)
    return;
  unsigned place = OTHER;
  if (event->connection != 0)
    place = admit(metrics, &event->server, evidence_of(&event->finding));
  else if (event->subject.kind != LA_SUBJECT_SOURCE)
    place = admit(metrics, &event->subject.server, WORKED);
  metrics->places[place].findings[event->finding.rule_index][event->finding.severity]++;
}

void la_metrics_count_open(LaMetrics *metrics, LaTracker *tracker)
{
  for (unsigned i = 0; i < PLACES; i++)
    memset(metrics->places[i].open, 0, sizeof metrics->places[i].open);
  uint32_t at = 0;
  const LaConnection *conn;
  while ((conn = la_tracker_each(tracker, &at)) != NULL) {
    LaHostPort service = la_connection_end(conn, LA_ACCEPTOR);
    /* The end that has gone farther; after a RST there is no connection, whatever the table still knows. */
    unsigned state = MAX(conn->end[LA_OPENER].state, conn->end[LA_ACCEPTOR].state);
    if ((conn->flags & LA_CONN_RST) != 0)
      state = LA_TCP_CLOSED;
    unsigned place = find_place(metrics, &service);
    /* A service that never closes anything finishes no connection, and is the one to look for. */
    bool works = la_connection_handshake(conn) == LA_HANDSHAKE_COMPLETE || (conn->flags & LA_CONN_ADOPTED) != 0;
    if (place == OTHER && works && (place = place_for(metrics, &service, 0)) != OTHER)
      settle(metrics, place, &service, 0);
    metrics->places[place].open[state]++;
  }
}

/* ---- writing ---- */

static void head(GString *out, const char *name, const char *type, const char *help)
{
  g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *label_of(const LaMetrics *metrics, unsigned place, char *text)
{
  return place == OTHER ? "other" : la_host_port_format(&metrics->places[place].service, text);
}

static void write_connections(const LaMetrics *metrics, GString *out)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  head(out, "lastack_connections_total", "counter", "TCP connections that have finished, by how they opened and closed.");
  for (unsigned i = 0; i < PLACES; i++) {
    for (unsigned h = 0; h < LA_HANDSHAKE_N; h++) {
      for (unsigned t = 0; t < LA_TEARDOWN_N; t++) {
        if (metrics->places[i].connections[h][t] > 0)
          g_string_append_printf(
              out, "lastack_connections_total{service=\"%s\",handshake=\"%s\",teardown=\"%s\"} %" G_GUINT64_FORMAT "\n",
              label_of(metrics, i, text), la_handshake_result_name((LaHandshakeResult)h),
              la_teardown_result_name((LaTeardownResult)t), metrics->places[i].connections[h][t]);
      }
    }
  }
}

static void write_findings(const LaMetrics *metrics, GString *out)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  head(out, "lastack_findings_total", "counter", "Findings raised (lastack explain CODE tells what each means).");
  for (unsigned i = 0; i < PLACES; i++) {
    for (unsigned r = 0; r < count; r++) {
      for (unsigned s = 0; s < LA_SEVERITY_N; s++) {
        if (metrics->places[i].findings[r][s] > 0)
          g_string_append_printf(
              out, "lastack_findings_total{service=\"%s\",code=\"%s\",severity=\"%s\"} %" G_GUINT64_FORMAT "\n",
              label_of(metrics, i, text), rules[r]->code, la_severity_name((LaSeverity)s), metrics->places[i].findings[r][s]);
      }
    }
  }
}

static void write_open(const LaMetrics *metrics, GString *out)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  head(out, "lastack_open_connections", "gauge",
       "TCP connections that are followed now, by the state of the end that has gone farther.");
  for (unsigned i = 0; i < PLACES; i++) {
    for (unsigned s = 0; s < LA_TCP_STATE_N && metrics->places[i].used; s++) {
      if (s != LA_TCP_LISTEN)
        g_string_append_printf(out, "lastack_open_connections{service=\"%s\",state=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               label_of(metrics, i, text), la_tcp_state_name((LaTcpState)s), metrics->places[i].open[s]);
    }
  }
}

static void write_spans(const Spans *spans, const char *name, const char *service, GString *out)
{
  uint64_t below = 0;
  for (unsigned i = 0; i < BOUNDS; i++) {
    below += spans->counts[i];
    g_string_append_printf(out, "%s_bucket{service=\"%s\",le=\"%s\"} %" G_GUINT64_FORMAT "\n", name, service, bounds[i].text,
                           below);
  }
  g_string_append_printf(out, "%s_bucket{service=\"%s\",le=\"+Inf\"} %" G_GUINT64_FORMAT "\n", name, service, spans->total);
  g_string_append_printf(out, "%s_sum{service=\"%s\"} %" G_GUINT64_FORMAT ".%09" G_GUINT64_FORMAT "\n", name, service,
                         spans->sum / 1000000000, spans->sum % 1000000000);
  g_string_append_printf(out, "%s_count{service=\"%s\"} %" G_GUINT64_FORMAT "\n", name, service, spans->total);
}

static void write_histograms(const LaMetrics *metrics, GString *out)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  head(out, "lastack_handshake_duration_seconds", "histogram",
       "From the first SYN to the ACK of the SYN-ACK, of handshakes that completed.");
  for (unsigned i = 0; i < PLACES; i++)
    if (metrics->places[i].handshake.total > 0)
      write_spans(&metrics->places[i].handshake, "lastack_handshake_duration_seconds", label_of(metrics, i, text), out);
  head(out, "lastack_close_duration_seconds", "histogram", "From the first FIN to the ACK of the last FIN, or to the RST.");
  for (unsigned i = 0; i < PLACES; i++)
    if (metrics->places[i].close.total > 0)
      write_spans(&metrics->places[i].close, "lastack_close_duration_seconds", label_of(metrics, i, text), out);
}

static void write_number(GString *out, const char *name, const char *type, const char *help, uint64_t value)
{
  head(out, name, type, help);
  g_string_append_printf(out, "%s %" G_GUINT64_FORMAT "\n", name, value);
}

static void write_moment(GString *out, const char *name, const char *help, LaTime moment)
{
  head(out, name, "gauge", help);
  g_string_append_printf(out, "%s %" G_GINT64_FORMAT ".%03d\n", name, moment / LA_SEC, (int)(moment % LA_SEC / LA_MSEC));
}

static void write_capture(const LaMetricsCapture *capture, GString *out)
{
  head(out, "lastack_build_info", "gauge", "Always 1; the version is a label.");
  g_string_append_printf(out, "lastack_build_info{version=\"%s\"} 1\n", capture->version);
  write_moment(out, "lastack_start_time_seconds", "When the capture began, seconds since the epoch.", capture->started);
  if (capture->last_packet != LA_TIME_NONE && capture->last_packet >= 0)
    write_moment(out, "lastack_last_packet_time_seconds", "The time of the last packet, seconds since the epoch.",
                 capture->last_packet);
  write_number(out, "lastack_packets_total", "counter", "Packets read.", capture->packets);
  head(out, "lastack_packets_dropped_total", "counter",
       "Packets that could not be read: what they would have shown is not known.");
  g_string_append_printf(out,
                         "lastack_packets_dropped_total{where=\"kernel\"} %" G_GUINT64_FORMAT
                         "\nlastack_packets_dropped_total{where=\"interface\"} %" G_GUINT64_FORMAT "\n",
                         capture->kernel_drops, capture->interface_drops);
  write_number(out, "lastack_connections_evicted_total", "counter",
               "Connections that were given up because of --max-connections or --max-memory.", capture->evicted);
  write_number(out, "lastack_connection_memory_bytes", "gauge", "Memory for connections.", capture->bytes);
}

void la_metrics_write(const LaMetrics *metrics, const LaMetricsCapture *capture, GString *out)
{
  write_capture(capture, out);
  write_connections(metrics, out);
  write_findings(metrics, out);
  write_open(metrics, out);
  write_histograms(metrics, out);
}
