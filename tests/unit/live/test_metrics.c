/* What is counted under which label, and that labels stay few whatever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib.h>

#include "diagnose/rule.h"
#include "live/metrics.h"

typedef struct {
  LaMetrics *metrics;
  GString *text; /* the last thing written */
} Scene;

static void start(Scene *s)
{
  s->metrics = la_metrics_new();
  s->text = g_string_new(NULL);
}

static void end(Scene *s)
{
  la_metrics_free(s->metrics);
  g_string_free(s->text, TRUE);
}

static LaHostPort service(unsigned port)
{
  return (LaHostPort){.addr = {.bytes = {192, 0, 2, 1}}, .port = (uint16_t)port, .family = LA_FAMILY_IPV4};
}

/* A connection to 192.0.2.1:`port` whose handshake took `span` in all. */
static void connection_took(Scene *s, unsigned port, LaHandshakeResult handshake, LaTime span)
{
  LaConnection *conn = g_new0(LaConnection, 1);
  LaHostPort server = service(port);
  conn->family = server.family;
  conn->addr[LA_ACCEPTOR] = server.addr;
  conn->port[LA_ACCEPTOR] = server.port;
  conn->result_handshake = (uint8_t)(handshake + 1);
  conn->result_teardown = (uint8_t)(LA_TEARDOWN_FIN + 1);
  conn->end[LA_OPENER].syn_frame = 1;
  conn->end[LA_OPENER].syn_time = LA_SEC;
  conn->end[LA_ACCEPTOR].flags = LA_END_SYN_ACK;
  conn->end[LA_ACCEPTOR].syn_frame = 2;
  conn->end[LA_ACCEPTOR].syn_time = LA_SEC + span / 4;
  conn->handshake_ack_frame = 3;
  conn->handshake_ack_time = LA_SEC + span;
  la_metrics_connection(s->metrics, conn);
  g_free(conn);
}

static void connections(Scene *s, unsigned port, LaHandshakeResult handshake, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    connection_took(s, port, handshake, LA_MSEC);
}

/* The value of a series, -1 when there is none. */
static double value(Scene *s, const char *series)
{
  LaMetricsCapture capture = {.version = "1", .last_packet = LA_TIME_NONE};
  g_string_truncate(s->text, 0);
  la_metrics_write(s->metrics, &capture, s->text);
  g_autofree char *start_of = g_strdup_printf("\n%s ", series);
  const char *line = strstr(s->text->str, start_of);
  return line != NULL ? g_ascii_strtod(line + strlen(start_of), NULL) : -1;
}

#define COMPLETE(service) "lastack_connections_total{service=\"" service "\",handshake=\"complete\",teardown=\"fin\"}"
#define REFUSED(service) "lastack_connections_total{service=\"" service "\",handshake=\"refused\",teardown=\"fin\"}"
#define BUCKET(le) "lastack_handshake_duration_seconds_bucket{service=\"192.0.2.1:80\",le=\"" le "\"}"
#define FINDING(service, code) "lastack_findings_total{service=\"" service "\",code=\"" code "\",severity=\"error\"}"

static void spans_are_below_their_bounds(void **state)
{
  (void)state;
  Scene s;
  start(&s);
  connection_took(&s, 80, LA_HANDSHAKE_COMPLETE, 100 * LA_USEC); /* a bound belongs to its bucket */
  connection_took(&s, 80, LA_HANDSHAKE_COMPLETE, 100 * LA_USEC + 1);
  connection_took(&s, 80, LA_HANDSHAKE_COMPLETE, 700 * LA_MSEC);
  connection_took(&s, 80, LA_HANDSHAKE_COMPLETE, 61 * LA_SEC);
  connection_took(&s, 80, LA_HANDSHAKE_REFUSED, 700 * LA_MSEC); /* did not complete */
  assert_true(value(&s, BUCKET("0.0001")) == 1);
  assert_true(value(&s, BUCKET("0.00025")) == 2);
  assert_true(value(&s, BUCKET("0.5")) == 2);
  assert_true(value(&s, BUCKET("1")) == 3);
  assert_true(value(&s, BUCKET("60")) == 3);
  assert_true(value(&s, BUCKET("+Inf")) == 4);
  assert_true(value(&s, "lastack_handshake_duration_seconds_count{service=\"192.0.2.1:80\"}") == 4);
  assert_true(value(&s, "lastack_handshake_duration_seconds_sum{service=\"192.0.2.1:80\"}") == 61.700200001);
  assert_true(value(&s, REFUSED("192.0.2.1:80")) == 1);
  assert_true(value(&s, "lastack_close_duration_seconds_count{service=\"192.0.2.1:80\"}") == -1);
  assert_true(value(&s, "lastack_last_packet_time_seconds") == -1);
  end(&s);
}

static void what_has_a_label(void **state)
{
  (void)state;
  Scene s;
  start(&s);
  for (unsigned port = 1; port < 3000; port++) /* a scan: each port twice */
    connections(&s, port, LA_HANDSHAKE_REFUSED, 2);
  assert_true(value(&s, REFUSED("other")) == 2 * 2999);
  assert_true(value(&s, REFUSED("192.0.2.1:2")) == -1);
  connections(&s, 8001, LA_HANDSHAKE_COMPLETE, 1); /* one that works has one at once */
  assert_true(value(&s, COMPLETE("192.0.2.1:8001")) == 1);
  la_metrics_age(s.metrics); /* what the scan left behind */
  la_metrics_age(s.metrics);
  connections(&s, 8002, LA_HANDSHAKE_REFUSED, 9); /* one that is down, when it is asked for again and again */
  assert_true(value(&s, REFUSED("192.0.2.1:8002")) == -1);
  connections(&s, 8002, LA_HANDSHAKE_REFUSED, 3);
  assert_true(value(&s, REFUSED("192.0.2.1:8002")) == 3);
  end(&s);
}

static void the_busiest_have_places(void **state)
{
  (void)state;
  Scene s;
  start(&s);
  for (unsigned i = 0; i < LA_METRICS_SERVICES; i++)
    connections(&s, 8000 + i, LA_HANDSHAKE_COMPLETE, i == 5 ? 4 : 100);
  connections(&s, 9000, LA_HANDSHAKE_COMPLETE, 20); /* all places are taken, and this is not busy enough */
  assert_true(value(&s, COMPLETE("192.0.2.1:9000")) == -1);
  assert_true(value(&s, COMPLETE("other")) == 20);
  connections(&s, 9000, LA_HANDSHAKE_COMPLETE, 50); /* now it has the place of the idlest */
  assert_true(value(&s, COMPLETE("192.0.2.1:9000")) > 0);
  assert_true(value(&s, COMPLETE("192.0.2.1:8005")) == -1);
  assert_true(value(&s, COMPLETE("other")) + value(&s, COMPLETE("192.0.2.1:9000")) == 70);
  assert_true(value(&s, COMPLETE("192.0.2.1:8006")) == 100);
  for (unsigned i = 0; i < 12; i++) /* long ago does not count */
    la_metrics_age(s.metrics);
  connections(&s, 9001, LA_HANDSHAKE_COMPLETE, 40);
  assert_true(value(&s, COMPLETE("192.0.2.1:9001")) > 0);
  end(&s);
}

static void named_ports_keep_their_labels(void **state)
{
  (void)state;
  Scene s;
  start(&s);
  la_metrics_name_ports(s.metrics, (const uint16_t[]){9000, 9001}, 2);
  connections(&s, 9000, LA_HANDSHAKE_COMPLETE, 1);
  for (unsigned i = 0; i < LA_METRICS_SERVICES; i++)
    connections(&s, 8000 + i, LA_HANDSHAKE_COMPLETE, 1000);
  connections(&s, 7000, LA_HANDSHAKE_COMPLETE, 5000); /* takes the place of the idlest, and that is not the named one */
  assert_true(value(&s, COMPLETE("192.0.2.1:7000")) > 0);
  assert_true(value(&s, COMPLETE("192.0.2.1:9000")) == 1);
  connections(&s, 9001, LA_HANDSHAKE_COMPLETE, 1); /* a named one needs not be busy */
  assert_true(value(&s, COMPLETE("192.0.2.1:9001")) == 1);
  end(&s);
}

static void named_ports_are_bounded(void **state)
{
  (void)state;
  Scene s;
  start(&s);
  uint16_t ports[2 * LA_METRICS_PORTS_MAX];
  for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++)
    ports[i] = (uint16_t)(9000 + i);
  la_metrics_name_ports(s.metrics, ports, G_N_ELEMENTS(ports));
  for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++)
    connections(&s, 9000 + i, LA_HANDSHAKE_COMPLETE, 1);
  assert_true(value(&s, COMPLETE("192.0.2.1:9000")) == 1);
  assert_true(value(&s, COMPLETE("192.0.2.1:9031")) == 1);
  assert_true(value(&s, COMPLETE("192.0.2.1:9032")) == -1);
  assert_true(value(&s, COMPLETE("other")) == 32);
  end(&s);
}

static unsigned rule_index(const char *code)
{
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  for (unsigned i = 0; i < count; i++)
    if (strcmp(rules[i]->code, code) == 0)
      return i;
  fail();
  return 0;
}

static void findings_count_when_raised(void **state)
{
  (void)state;
  Scene s;
  start(&s);
  connections(&s, 80, LA_HANDSHAKE_COMPLETE, 1);
  LaEventRecord event = {.kind = LA_EVENT_RAISED, .connection = 7, .server = service(80)};
  event.finding.rule_index = (uint8_t)rule_index("close-wait-leak");
  event.finding.severity = LA_SEVERITY_ERROR;
  la_metrics_event(s.metrics, &event);
  event.kind = LA_EVENT_UPDATED;
  la_metrics_event(s.metrics, &event);
  event.kind = LA_EVENT_ENDED;
  la_metrics_event(s.metrics, &event);
  assert_true(value(&s, FINDING("192.0.2.1:80", "close-wait-leak")) == 1);
  event.kind = LA_EVENT_RAISED;
  event.server = service(81); /* no connection of it has finished yet: it is open, and that is what is wrong */
  la_metrics_event(s.metrics, &event);
  assert_true(value(&s, FINDING("192.0.2.1:81", "close-wait-leak")) == 1);
  event.finding.rule_index = (uint8_t)rule_index("connection-refused"); /* may be a scan */
  for (unsigned port = 100; port < 200; port++) {
    event.server = service(port);
    la_metrics_event(s.metrics, &event);
  }
  assert_true(value(&s, FINDING("other", "connection-refused")) == 100);
  event.server = service(7000);
  for (unsigned i = 0; i < 20; i++) /* and this is a service that is down */
    la_metrics_event(s.metrics, &event);
  assert_true(value(&s, FINDING("192.0.2.1:7000", "connection-refused")) >= 10);
  /* Of a host: the service, but never a source. */
  event.connection = 0;
  event.finding.rule_index = (uint8_t)rule_index("close-wait-pileup");
  event.subject = (LaSubject){.kind = LA_SUBJECT_SERVICE, .server = service(80)};
  la_metrics_event(s.metrics, &event);
  assert_true(value(&s, FINDING("192.0.2.1:80", "close-wait-pileup")) == 1);
  event.subject = (LaSubject){.kind = LA_SUBJECT_SOURCE, .client = service(80), .server = service(80)};
  la_metrics_event(s.metrics, &event);
  assert_true(value(&s, FINDING("other", "close-wait-pileup")) == 1);
  event.finding.rule_index = UINT8_MAX;
  la_metrics_event(s.metrics, &event);
  end(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spans_are_below_their_bounds), cmocka_unit_test(what_has_a_label),
      cmocka_unit_test(the_busiest_have_places),      cmocka_unit_test(named_ports_keep_their_labels),
      cmocka_unit_test(named_ports_are_bounded),      cmocka_unit_test(findings_count_when_raised),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
