/* Aggregates: two halves of any connections merge into what the whole would be, also beyond the limits; what the findings about hosts
 * say; what does not make one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

#include "diagnose/aggregate.h"
#include "diagnose/subjects.h"

#define BEGIN (INT64_C(1790000000) * LA_SEC)

typedef enum {
  SERVED,
  SERVED_SERVER_FIRST,
  LEAKED, /* the server never closes */
  ABORTED,
  REFUSED,
  EMBRYO,
  IGNORED, /* one SYN, no answer */
  RETRIED, /* SYNs, no answer */
  PROBED,
  KINDS,
} Kind;

typedef struct {
  Kind kind;
  uint32_t client, server; /* IPv4 */
  uint16_t port;
  LaTime at;
  uint64_t frame;
} Plan;

static void step(LaEndpoint *end, LaTcpState state, LaTime time)
{
  end->path[end->steps++] = (LaStep){.time = time, .frame = 1, .state = (uint8_t)state};
  end->state = (uint8_t)state;
}

static void fin(LaEndpoint *end, LaTime time, uint64_t frame)
{
  end->flags |= LA_END_FIN | LA_END_FIN_ACKED;
  end->fin_time = time;
  end->fin_frame = frame;
  end->fin_acked_time = time + 2 * LA_MSEC;
  end->fin_acked_frame = frame + 1;
}

static void set_addr(LaAddr *addr, uint32_t ip)
{
  memset(addr, 0, sizeof *addr);
  for (unsigned i = 0; i < 4; i++)
    addr->bytes[i] = (uint8_t)(ip >> (24 - 8 * i));
}

/* A finished connection as the tracker would hand it over, as far as aggregates look. */
static void make(const Plan *plan, LaConnection *conn)
{
  memset(conn, 0, sizeof *conn);
  LaEndpoint *client = &conn->end[LA_OPENER];
  LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  LaTime t = plan->at;
  set_addr(&conn->addr[LA_OPENER], plan->client);
  set_addr(&conn->addr[LA_ACCEPTOR], plan->server);
  conn->port[LA_OPENER] = (uint16_t)(32768 + plan->frame % 28000);
  conn->port[LA_ACCEPTOR] = plan->port;
  conn->family = LA_FAMILY_IPV4;
  conn->roles_from = LA_ROLES_SYN;
  conn->file = 1;
  conn->first_frame = plan->frame;
  conn->first_time = conn->last_time = t;
  conn->first_fin = LA_SIDE_N;
  conn->end_time = t + 300 * LA_SEC;
  conn->ended_by = LA_ENDED_FAILED;
  client->flags = LA_END_SYN;
  client->packets = 1;
  client->syn_sent = plan->kind == RETRIED ? 3 : 1;
  client->syn = client->syn_sent;
  client->syn_time = client->syn_last_time = t;
  client->syn_frame = plan->frame;
  client->ttl_min = client->ttl_max = 60;
  step(client, LA_TCP_SYN_SENT, t);
  if (plan->kind == IGNORED || plan->kind == RETRIED)
    return;
  server->packets = 1;
  if (plan->kind == REFUSED || plan->kind == PROBED) {
    conn->flags |= LA_CONN_RST | (plan->kind == REFUSED ? LA_CONN_REFUSED : LA_CONN_ABANDONED);
    conn->rst_side = plan->kind == REFUSED ? LA_ACCEPTOR : LA_OPENER;
    conn->rst_time = t + LA_MSEC;
    conn->rst_frame = plan->frame + 1;
    return;
  }
  server->flags = LA_END_SYN_ACK;
  server->syn = server->syn_ack_sent = 1;
  server->syn_time = server->syn_last_time = t + 5 * LA_MSEC;
  server->syn_frame = plan->frame + 1;
  step(server, LA_TCP_SYN_RECEIVED, t);
  if (plan->kind == EMBRYO)
    return;
  conn->handshake_ack_frame = plan->frame + 2;
  conn->handshake_ack_time = t + 6 * LA_MSEC;
  client->packets = server->packets = 4;
  client->payload_bytes = server->payload_bytes = 10;
  step(client, LA_TCP_ESTABLISHED, t + 5 * LA_MSEC);
  step(server, LA_TCP_ESTABLISHED, t + 6 * LA_MSEC);
  if (plan->kind == ABORTED) {
    conn->flags |= LA_CONN_RST;
    conn->rst_side = LA_ACCEPTOR;
    conn->rst_time = conn->last_time = t + 50 * LA_MSEC;
    conn->rst_frame = plan->frame + 3;
    conn->ended_by = LA_ENDED_RESET;
    return;
  }
  bool server_first = plan->kind == SERVED_SERVER_FIRST;
  conn->first_fin = server_first ? LA_ACCEPTOR : LA_OPENER;
  LaEndpoint *first = &conn->end[conn->first_fin];
  LaEndpoint *second = &conn->end[LA_OTHER(conn->first_fin)];
  fin(first, t + 50 * LA_MSEC, plan->frame + 3);
  if (plan->kind == LEAKED) {
    conn->ended_by = LA_ENDED_CAPTURE_END;
    return;
  }
  fin(second, t + 55 * LA_MSEC, plan->frame + 4);
  step(first, LA_TCP_TIME_WAIT, t + 57 * LA_MSEC);
  conn->flags |= LA_CONN_CLOSED;
  conn->ended_by = LA_ENDED_CLOSED;
  conn->last_time = t + 57 * LA_MSEC;
  conn->end_time = t + 57 * LA_MSEC + 60 * LA_SEC;
}

typedef struct {
  LaThresholds thresholds;
  LaContext context;
  LaConnection *conn;
  LaFindings *none;
} Bench;

static Bench *bench_new(void)
{
  Bench *bench = g_new0(Bench, 1);
  la_thresholds_init(&bench->thresholds);
  bench->context.thresholds = &bench->thresholds;
  bench->conn = g_new0(LaConnection, 1);
  bench->none = g_new0(LaFindings, 1);
  return bench;
}

static void bench_free(Bench *bench)
{
  g_free(bench->conn);
  g_free(bench->none);
  g_free(bench);
}

static LaAggregate *aggregate_new(const Bench *bench)
{
  LaAggregateOptions options = la_aggregate_options(&bench->thresholds, 60 * LA_SEC, 28232);
  LaAggregate *aggregate = la_aggregate_new(&options);
  la_aggregate_observed(aggregate, BEGIN, BEGIN + 2000 * LA_SEC);
  return aggregate;
}

static void feed(Bench *bench, LaAggregate *aggregate, const Plan *plan)
{
  make(plan, bench->conn);
  la_aggregate_connection(aggregate, bench->conn, bench->none);
}

static void assert_same_fact(const LaFact *a, const LaFact *b)
{
  assert_string_equal(a->name, b->name);
  assert_int_equal(a->kind, b->kind);
  if (a->kind == LA_FACT_ADDR)
    assert_true(la_addr_equal(&a->value.addr, &b->value.addr));
  else if (a->kind == LA_FACT_RATIO)
    assert_true(a->value.ratio >= b->value.ratio && a->value.ratio <= b->value.ratio);
  else
    assert_true(a->value.count == b->value.count);
}

static void assert_same_findings(const GArray *a, const GArray *b)
{
  assert_int_equal(a->len, b->len);
  for (guint i = 0; i < a->len; i++) {
    const LaHostFinding *x = &g_array_index(a, LaHostFinding, i);
    const LaHostFinding *y = &g_array_index(b, LaHostFinding, i);
    assert_true(la_subject_equal(&x->subject, &y->subject));
    assert_ptr_equal(x->finding.rule, y->finding.rule);
    assert_int_equal(x->finding.severity, y->finding.severity);
    assert_int_equal(x->finding.blame, y->finding.blame);
    assert_int_equal(x->finding.blame_also, y->finding.blame_also);
    assert_true(x->finding.at == y->finding.at);
    assert_int_equal(x->finding.packet_count, y->finding.packet_count);
    assert_int_equal(x->finding.packets_total, y->finding.packets_total);
    assert_memory_equal(x->finding.packets, y->finding.packets, x->finding.packet_count * sizeof *x->finding.packets);
    assert_int_equal(x->finding.fact_count, y->finding.fact_count);
    for (unsigned k = 0; k < x->finding.fact_count; k++)
      assert_same_fact(&x->finding.facts[k], &y->finding.facts[k]);
    g_autoptr(GString) one = g_string_new(NULL);
    g_autoptr(GString) other = g_string_new(NULL);
    la_host_finding_summary(&x->finding, &x->subject, one);
    la_host_finding_summary(&y->finding, &y->subject, other);
    assert_string_equal(one->str, other->str);
  }
}

static void assert_same(Bench *bench, LaAggregate *a, LaAggregate *b)
{
  LaFigures x, y;
  uint64_t left_a, left_b;
  la_aggregate_figures(a, &x);
  la_aggregate_figures(b, &y);
  assert_memory_equal(&x, &y, sizeof x);
  g_autoptr(GArray) of_a = la_aggregate_findings(a, &bench->context, &left_a);
  g_autoptr(GArray) of_b = la_aggregate_findings(b, &bench->context, &left_b);
  assert_int_equal(left_a, left_b);
  assert_same_findings(of_a, of_b);
}

static const LaFinding *find(const GArray *findings, const char *code)
{
  for (guint i = 0; i < findings->len; i++)
    if (strcmp(g_array_index(findings, LaHostFinding, i).finding.rule->code, code) == 0)
      return &g_array_index(findings, LaHostFinding, i).finding;
  return NULL;
}

static uint64_t next_random(uint64_t *state)
{
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state >> 24;
}

/* Feeds a whole and its parts, merges these into the first, and compares. Of a thousand connections `first` go to the first part. */
static void compare_divided(Bench *bench, Plan (*plan)(uint64_t *random, unsigned i), unsigned count, unsigned parts,
                            unsigned first)
{
  g_autoptr(LaAggregate) whole = aggregate_new(bench);
  LaAggregate *part[4];
  for (unsigned i = 0; i < parts; i++)
    part[i] = aggregate_new(bench);
  uint64_t random = 99;
  uint64_t dice = 5;
  for (unsigned i = 0; i < count; i++) {
    Plan one = plan(&random, i);
    feed(bench, whole, &one);
    bool to_first = next_random(&dice) % 1000 < first;
    feed(bench, part[to_first ? 0 : 1 + next_random(&dice) % (parts - 1)], &one);
  }
  for (unsigned i = parts - 1; i > 0; i--)
    assert_true(la_aggregate_merge(part[i - 1], part[i]));
  assert_same(bench, whole, part[0]);
  assert_same(bench, whole, part[0]); /* reading changes nothing */
  for (unsigned i = 0; i < parts; i++)
    la_aggregate_free(part[i]);
}

/* In equal parts, and with hardly anything in the first, or in the others: a part may be within limits that the whole exceeds. */
static void compare_with_parts(Bench *bench, Plan (*plan)(uint64_t *random, unsigned i), unsigned count, unsigned parts)
{
  compare_divided(bench, plan, count, parts, 1000 / parts);
  compare_divided(bench, plan, count, parts, 20);
  compare_divided(bench, plan, count, parts, 990);
}

static Plan mixed(uint64_t *random, unsigned i)
{
  return (Plan){.kind = (Kind)(next_random(random) % KINDS),
                .client = 0x0a000000u + (uint32_t)(next_random(random) % 30),
                .server = 0xc0000200u + (uint32_t)(next_random(random) % 30),
                .port = (uint16_t)(next_random(random) % 3 == 0 ? 80 : 100 + next_random(random) % 20),
                .at = BEGIN + (LaTime)(next_random(random) % UINT64_C(120000000000)),
                .frame = 1 + 8 * (uint64_t)i};
}

/* Everything at one service: many cells in one series. */
static Plan crowded(uint64_t *random, unsigned i)
{
  Plan plan = mixed(random, i);
  plan.client = 0x0a000000u + (uint32_t)(next_random(random) % 3);
  plan.server = 0xc0000200u;
  plan.port = 443;
  plan.at = BEGIN + (LaTime)(next_random(random) % UINT64_C(1800000000000));
  return plan;
}

static Plan many_sources(uint64_t *random, unsigned i)
{
  Plan plan = mixed(random, i);
  plan.client = (uint32_t)next_random(random);
  return plan;
}

static Plan many_services(uint64_t *random, unsigned i)
{
  Plan plan = mixed(random, i);
  plan.server = (uint32_t)next_random(random);
  plan.client = 0x0a000000u + (uint32_t)(next_random(random) % 2000);
  return plan;
}

static Plan many_targets(uint64_t *random, unsigned i)
{
  Plan plan = mixed(random, i);
  plan.client = 0x0a000000u + i % 4;
  plan.server = 0xc0000200u;
  plan.port = (uint16_t)next_random(random);
  plan.kind = next_random(random) % 4 == 0 ? SERVED : REFUSED;
  return plan;
}

static void parts_merge_into_the_whole(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  for (unsigned count = 1; count < 6000; count = count * 3 + 1)
    compare_with_parts(bench, mixed, count, 3);
  compare_with_parts(bench, crowded, 220000, 2);
  bench_free(bench);
}

static void parts_merge_beyond_every_limit(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  compare_with_parts(bench, many_sources, 150000, 2);
  compare_with_parts(bench, many_services, 150000, 3);
  compare_with_parts(bench, many_targets, 40000, 2);
  bench_free(bench);
}

static void overflow_is_bounded_and_told(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  g_autoptr(LaAggregate) sources = aggregate_new(bench);
  g_autoptr(LaAggregate) services = aggregate_new(bench);
  for (unsigned i = 0; i < 100000; i++) {
    Plan plan = {.kind = REFUSED,
                 .client = 0x0a000000u + i,
                 .server = 0xc0000201u,
                 .port = 80,
                 .at = BEGIN + i * LA_MSEC,
                 .frame = 1 + i};
    feed(bench, sources, &plan);
    plan.client = 0x0a000000u;
    plan.server = 0xc0000000u + i;
    feed(bench, services, &plan);
  }
  LaFigures figures;
  la_aggregate_figures(sources, &figures);
  assert_true(figures.sources <= LA_SOURCES_MAX && figures.sources > LA_SOURCES_MAX / 4);
  assert_int_equal(figures.sources + figures.sources_not_kept, 100000);
  assert_int_equal(figures.services_not_kept, 0);
  assert_true(figures.pairs <= LA_PAIRS_MAX);
  /* The clients that are left stand for all of them. */
  uint64_t left;
  g_autoptr(GArray) findings = la_aggregate_findings(sources, &bench->context, &left);
  const LaFinding *burst = find(findings, "refused-burst");
  assert_non_null(burst);
  int64_t clients = la_finding_fact(burst, "clients")->value.count;
  assert_true(clients > 98000 && clients < 102000);
  assert_int_equal(burst->packets_total, 100000);
  assert_int_equal(burst->packet_count, LA_FINDING_PACKETS_MAX);
  assert_int_equal(burst->packets[0], 2);

  la_aggregate_figures(services, &figures);
  assert_true(figures.services <= LA_SERVICE_SUBJECTS_MAX);
  assert_int_equal(figures.services + figures.services_not_kept, 100000);
  assert_true(figures.pairs <= LA_TARGETS_MAX);
  g_autoptr(GArray) scans = la_aggregate_findings(services, &bench->context, &left);
  const LaFinding *scan = find(scans, "address-scan");
  assert_non_null(scan);
  int64_t hosts = la_finding_fact(scan, "hosts")->value.count;
  assert_true(hosts > 90000 && hosts < 110000);
  int64_t one_in = la_finding_fact(scan, "one_in")->value.count;
  assert_true(one_in > 100000 / LA_TARGETS_MAX && hosts % one_in == 0);
  /* One port of each host, also when one host that was kept stands for many. */
  assert_null(find(scans, "port-scan"));

  /* Neither do ten ports of each make the sample keep all ten of one. */
  g_autoptr(LaAggregate) few_ports = aggregate_new(bench);
  for (unsigned i = 0; i < 100000; i++)
    feed(bench, few_ports,
         &(Plan){.kind = REFUSED,
                 .client = 0x0a000000u,
                 .server = 0x0c000000u + i / 10,
                 .port = (uint16_t)(1 + i % 65535),
                 .at = BEGIN + i * LA_MSEC,
                 .frame = 1 + i});
  g_autoptr(GArray) none = la_aggregate_findings(few_ports, &bench->context, &left);
  assert_null(find(none, "port-scan"));
  bench_free(bench);
}

static void other_options_do_not_merge(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  g_autoptr(LaAggregate) one = aggregate_new(bench);
  LaAggregateOptions options = la_aggregate_options(&bench->thresholds, 30 * LA_SEC, 28232);
  g_autoptr(LaAggregate) other = la_aggregate_new(&options);
  assert_false(la_aggregate_merge(one, other));
  bench_free(bench);
}

typedef struct {
  Kind kind;
  unsigned count;
  LaTime apart;
} Row;

/* `count` connections of a kind from as many (or one) clients to one service. */
static GArray *findings_of(Bench *bench, const Row *row, unsigned clients)
{
  g_autoptr(LaAggregate) aggregate = aggregate_new(bench);
  for (unsigned i = 0; i < row->count; i++) {
    Plan plan = {.kind = row->kind,
                 .client = 0x0a000000u + i % clients,
                 .server = 0xc0000201u,
                 .port = 80,
                 .at = BEGIN + i * row->apart,
                 .frame = 1 + 8 * (uint64_t)i};
    feed(bench, aggregate, &plan);
  }
  /* One ordinary segment: the capture is not one of SYNs only. */
  feed(bench, aggregate,
       &(Plan){.kind = SERVED, .client = 0x0b000000, .server = 0xc0000299, .port = 81, .at = BEGIN, .frame = 9999999});
  uint64_t left;
  return la_aggregate_findings(aggregate, &bench->context, &left);
}

static void assert_fires(Bench *bench, Row row, unsigned clients, const char *code)
{
  g_autoptr(GArray) findings = findings_of(bench, &row, clients);
  assert_non_null(find(findings, code));
}

static void assert_quiet(Bench *bench, Row row, unsigned clients, const char *code)
{
  g_autoptr(GArray) findings = findings_of(bench, &row, clients);
  assert_null(find(findings, code));
}

static void thresholds_are_where_they_should_be(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  assert_fires(bench, (Row){EMBRYO, 20, LA_MSEC}, 1, "syn-flood");
  assert_quiet(bench, (Row){EMBRYO, 19, LA_MSEC}, 1, "syn-flood");
  assert_fires(bench, (Row){IGNORED, 20, LA_MSEC}, 20, "syn-flood");
  assert_quiet(bench, (Row){RETRIED, 200, LA_MSEC}, 200, "syn-flood");   /* a service that is down */
  assert_quiet(bench, (Row){EMBRYO, 100, 4 * LA_SEC}, 100, "syn-flood"); /* held for 63 s: never twenty at once */
  assert_fires(bench, (Row){REFUSED, 3, LA_SEC}, 1, "refused-burst");
  assert_quiet(bench, (Row){REFUSED, 2, LA_SEC}, 1, "refused-burst");
  assert_fires(bench, (Row){ABORTED, 11, 80 * LA_MSEC}, 5, "reset-rate-high");
  assert_quiet(bench, (Row){ABORTED, 100, 150 * LA_MSEC}, 5, "reset-rate-high");
  assert_fires(bench, (Row){LEAKED, 10, LA_SEC}, 10, "close-wait-pileup");
  assert_quiet(bench, (Row){LEAKED, 9, LA_SEC}, 9, "close-wait-pileup");
  assert_fires(bench, (Row){SERVED, 100, 200 * LA_MSEC}, 1, "time-wait-pileup");
  assert_quiet(bench, (Row){SERVED, 99, 200 * LA_MSEC}, 1, "time-wait-pileup");
  assert_quiet(bench, (Row){SERVED, 1000, 700 * LA_MSEC}, 1, "time-wait-pileup"); /* 86 in a minute */
  assert_quiet(bench, (Row){SERVED, 1000, 20 * LA_MSEC}, 20, "time-wait-pileup");
  assert_fires(bench, (Row){SERVED, 50, 200 * LA_MSEC}, 1, "connection-churn");
  assert_quiet(bench, (Row){SERVED, 49, 200 * LA_MSEC}, 1, "connection-churn");
  assert_quiet(bench, (Row){SERVED, 500, 260 * LA_MSEC}, 1, "connection-churn");
  assert_quiet(bench, (Row){SERVED, 100, 0}, 1, "connection-churn"); /* all at the same time: nothing to use again */
  bench_free(bench);
}

static void facts_are_right(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  g_autoptr(GArray) flood = findings_of(bench, &(Row){EMBRYO, 40, 50 * LA_MSEC}, 40);
  const LaFinding *f = find(flood, "syn-flood");
  assert_non_null(f);
  assert_int_equal(la_finding_fact(f, "peak")->value.count, 40);
  assert_int_equal(la_finding_fact(f, "sources")->value.count, 40);
  assert_int_equal(la_finding_fact(f, "rate_per_s")->value.count, 20);
  assert_int_equal(f->blame, LA_BLAME_CLIENT_HOST); /* one network: they may be real */
  g_autoptr(GArray) pile = findings_of(bench, &(Row){SERVED_SERVER_FIRST, 300, 100 * LA_MSEC}, 1);
  f = find(pile, "time-wait-pileup");
  assert_non_null(f);
  assert_int_equal(f->blame, LA_BLAME_SERVER_APPLICATION);
  assert_int_equal(la_finding_fact(f, "peak")->value.count, 300);
  assert_null(la_finding_fact(f, "exhausted_in_s")); /* 10/s for 60 s are 600 of 28232 */
  f = find(pile, "connection-churn");
  assert_non_null(f);
  assert_int_equal(la_finding_fact(f, "rate_per_s")->value.count, 10);
  assert_int_equal(la_finding_fact(f, "saved_handshakes")->value.count, 299);
  assert_int_equal(la_finding_fact(f, "saved_s")->value.span / LA_MSEC, 299 * 5);
  bench_free(bench);
}

static void forged_sources_blame_the_network(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  g_autoptr(LaAggregate) aggregate = aggregate_new(bench);
  uint64_t random = 3;
  for (unsigned i = 0; i < 60; i++) {
    Plan plan = {.kind = IGNORED,
                 .client = (uint32_t)next_random(&random),
                 .server = 0xc0000201u,
                 .port = 80,
                 .at = BEGIN + i * LA_MSEC,
                 .frame = 1 + i};
    feed(bench, aggregate, &plan);
  }
  uint64_t left;
  g_autoptr(GArray) findings = la_aggregate_findings(aggregate, &bench->context, &left);
  assert_int_equal(find(findings, "syn-flood")->blame, LA_BLAME_NETWORK);
  bench_free(bench);
}

static void a_capture_of_syns_only_shows_no_flood(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  g_autoptr(LaAggregate) aggregate = aggregate_new(bench);
  for (unsigned i = 0; i < 60; i++)
    feed(bench, aggregate,
         &(Plan){.kind = EMBRYO,
                 .client = 0x0a000000u + i,
                 .server = 0xc0000201u,
                 .port = 80,
                 .at = BEGIN + i * LA_MSEC,
                 .frame = 1 + i});
  uint64_t left;
  g_autoptr(GArray) findings = la_aggregate_findings(aggregate, &bench->context, &left);
  assert_null(find(findings, "syn-flood"));
  bench_free(bench);
}

static void figures_count_what_happened(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  g_autoptr(LaAggregate) aggregate = aggregate_new(bench);
  for (unsigned i = 0; i < 100; i++)
    feed(bench, aggregate,
         &(Plan){.kind = i % 2 == 0 ? SERVED : LEAKED,
                 .client = 1,
                 .server = 2,
                 .port = 80,
                 .at = BEGIN + i * 10 * LA_MSEC,
                 .frame = 1 + i});
  LaFigures figures;
  la_aggregate_figures(aggregate, &figures);
  assert_int_equal(figures.opened, 100);
  assert_int_equal(figures.closed, 50);
  assert_int_equal(figures.opened_peak_per_s, 100);
  assert_int_equal(figures.time_wait_peak, 50);
  assert_int_equal(figures.close_wait_peak, 50);
  assert_int_equal(figures.syn_to_syn_ack.count, 100);
  assert_true(figures.syn_to_syn_ack.p50 > 4950 * LA_USEC && figures.syn_to_syn_ack.p99 < 5050 * LA_USEC);
  assert_true(figures.opened_per_s > 0.0499 && figures.opened_per_s < 0.0501);
  bench_free(bench);
}

/* A hundred connections, one each 10 ms; of the second half second, from the 50th on, is told. */
static void figures_of_a_stretch_of_time(void **state)
{
  (void)state;
  Bench *bench = bench_new();
  LaAggregateOptions options = la_aggregate_options(&bench->thresholds, 60 * LA_SEC, 28232);
  options.purpose = LA_AGGREGATE_FIGURES;
  options.from = BEGIN + 500 * LA_MSEC;
  options.to = BEGIN + 1000 * LA_MSEC;
  g_autoptr(LaAggregate) aggregate = la_aggregate_new(&options);
  la_aggregate_observed(aggregate, BEGIN, BEGIN + 2000 * LA_SEC);
  la_aggregate_observed(aggregate, BEGIN + 3000 * LA_SEC, BEGIN + 4000 * LA_SEC); /* all of it later */
  for (unsigned i = 0; i < 200; i++) {
    make(&(Plan){.kind = i % 2 == 0 ? SERVED : LEAKED,
                 .client = 1,
                 .server = 2,
                 .port = 80,
                 .at = BEGIN + i * 10 * LA_MSEC,
                 .frame = 1 + i},
         bench->conn);
    if (i < 100)
      la_aggregate_connection(aggregate, bench->conn, bench->none);
    else
      la_aggregate_passed(aggregate, bench->conn, bench->none);
  }
  LaFigures figures;
  la_aggregate_figures(aggregate, &figures);
  assert_true(figures.observed_from == options.from && figures.observed_until == options.to);
  assert_int_equal(figures.connections, 100);
  assert_true(figures.opened >= 49 && figures.opened <= 51);
  assert_true(figures.syn_to_syn_ack.count == figures.opened);
  assert_true(figures.opened_per_s > 97 && figures.opened_per_s < 103);
  assert_true(figures.opened_peak_per_s <= figures.opened);
  assert_true(figures.simultaneous_peak >= 50 && figures.simultaneous_peak <= 55); /* leaked ones from before, too */
  assert_int_equal(figures.services, 0);
  uint64_t left;
  g_autoptr(GArray) findings = la_aggregate_findings(aggregate, &bench->context, &left);
  assert_int_equal(findings->len, 0);
  g_autoptr(LaAggregate) whole = aggregate_new(bench);
  assert_false(la_aggregate_merge(whole, aggregate));
  bench_free(bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parts_merge_into_the_whole),          cmocka_unit_test(parts_merge_beyond_every_limit),
      cmocka_unit_test(overflow_is_bounded_and_told),        cmocka_unit_test(other_options_do_not_merge),
      cmocka_unit_test(thresholds_are_where_they_should_be), cmocka_unit_test(facts_are_right),
      cmocka_unit_test(forged_sources_blame_the_network),    cmocka_unit_test(a_capture_of_syns_only_shows_no_flood),
      cmocka_unit_test(figures_count_what_happened),         cmocka_unit_test(figures_of_a_stretch_of_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
