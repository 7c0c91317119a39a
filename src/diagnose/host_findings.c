/* The rules of scope host are asked at the end, each about every subject of its kind. Services and pairs stand in the aggregate. What a
 * source tried is put together here: of sources with enough targets that never worked, the pairs are sorted by host for port
 * scans and by port for address scans, and each group is one question. */
#include <string.h>

#include "diagnose/aggregate_private.h"
#include "diagnose/facts.h"

/* Attempts that became a connection, or cannot be judged. */
#define WORKED (LA_KIND(LA_PAIR_ORDINARY) | LA_KIND(LA_PAIR_LOOKED) | LA_KIND(LA_PAIR_OTHER))

/* The pairs of each service, for counting its clients: those of target t are pairs[first[t]] .. pairs[first[t + 1]] - 1. Made when the
 * first rule asks. */
struct LaClients {
  LaSubjects *subjects;
  uint32_t *first; /* (owned) NULL: not made yet */
  uint32_t *pairs; /* (owned) */
};

typedef struct {
  LaAggregate *aggregate;
  const LaContext *context;
  struct LaClients clients;
  GArray *findings; /* of LaHostFinding */
  uint64_t left;
} Run;

/* ---- the clients of a service ---- */

static void make_clients(struct LaClients *clients)
{
  unsigned target_count;
  uint32_t pair_count = la_subjects_pair_count(clients->subjects);
  la_subjects_targets(clients->subjects, &target_count);
  clients->first = g_new0(uint32_t, target_count + 1);
  clients->pairs = g_new(uint32_t, MAX(pair_count, 1));
  for (unsigned i = 0; i < pair_count; i++)
    clients->first[la_subjects_pair(clients->subjects, i)->target + 1]++;
  for (unsigned i = 0; i < target_count; i++)
    clients->first[i + 1] += clients->first[i];
  uint32_t *next = g_memdup2(clients->first, (target_count + 1) * sizeof *next);
  for (unsigned i = 0; i < pair_count; i++)
    clients->pairs[next[la_subjects_pair(clients->subjects, i)->target]++] = i;
  g_free(next);
}

static uint32_t network_of(const LaSource *source)
{
  uint32_t network;
  memcpy(&network, source->addr.bytes, sizeof network);
  network = GUINT32_FROM_BE(network);
  return source->family == LA_FAMILY_IPV4 ? network >> 16 : network;
}

static gint compare_networks(gconstpointer a, gconstpointer b)
{
  uint32_t x = *(const uint32_t *)a;
  uint32_t y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

LaClientCount la_facts_clients(const LaSubjectFacts *facts, unsigned kinds, uint64_t from, uint64_t to)
{
  /* The index is the driver's own, behind a const view for the rules. */
  struct LaClients *clients = (struct LaClients *)(guintptr)facts->clients;
  if (clients->first == NULL)
    make_clients(clients);
  unsigned count;
  const LaSource *sources = la_subjects_sources(clients->subjects, &count);
  LaClientCount found = {0, 0, 0};
  g_autoptr(GArray) networks = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  uint32_t target = facts->service->target;
  for (uint32_t i = clients->first[target]; i < clients->first[target + 1]; i++) {
    const LaPairSubject *pair = la_subjects_pair(clients->subjects, clients->pairs[i]); /* a sum needs no order */
    uint64_t attempts = la_scan_sum(&pair->series, kinds, from, to);
    if (attempts == 0)
      continue;
    found.clients++;
    found.once += attempts == 1 ? 1 : 0;
    uint32_t network = network_of(&sources[pair->source]);
    g_array_append_val(networks, network);
  }
  g_array_sort(networks, compare_networks);
  for (guint i = 0; i < networks->len; i++)
    if (i == 0 || g_array_index(networks, uint32_t, i) != g_array_index(networks, uint32_t, i - 1))
      found.networks++;
  unsigned level = la_subjects_source_level(clients->subjects);
  found.clients <<= level;
  found.once <<= level;
  return found;
}

void la_facts_show_series(const LaSeries *series, LaFinding *finding)
{
  const LaCell *cells = la_series_cells(series);
  for (unsigned pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < series->len; i++) {
      if (la_cell_kind(cells[i]) != LA_CELL_FRAME)
        continue;
      uint16_t file = (uint16_t)la_cell_count(cells[i]);
      if (pass == 0)
        finding->file = finding->file == 0 ? file : MIN(finding->file, file);
      else if (file == finding->file)
        la_finding_add_packet(finding, la_cell_tick(cells[i]));
    }
  }
}

/* ---- the order of findings ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
  return a < b ? -1 : a > b;
}

static int compare_ends(const LaHostPort *a, const LaHostPort *b)
{
  if (a->family != b->family)
    return a->family < b->family ? -1 : 1;
  int order = la_addr_compare(&a->addr, &b->addr);
  return order != 0 ? order : compare_u64(a->port, b->port);
}

static gint compare_findings(gconstpointer a, gconstpointer b)
{
  const LaHostFinding *x = a;
  const LaHostFinding *y = b;
  if (x->subject.kind != y->subject.kind)
    return x->subject.kind < y->subject.kind ? -1 : 1;
  int order = compare_ends(&x->subject.client, &y->subject.client);
  if (order == 0)
    order = compare_ends(&x->subject.server, &y->subject.server);
  if (order != 0)
    return order;
  if (x->finding.severity != y->finding.severity)
    return x->finding.severity > y->finding.severity ? -1 : 1;
  order = compare_u64(la_rule_index(x->finding.rule), la_rule_index(y->finding.rule));
  if (order != 0)
    return order;
  /* Two scans of one source: their first fact is the host or the port. */
  const LaFact *one = x->finding.fact_count > 0 ? &x->finding.facts[0] : NULL;
  const LaFact *other = y->finding.fact_count > 0 ? &y->finding.facts[0] : NULL;
  if (one == NULL || other == NULL)
    return 0;
  if (one->kind == LA_FACT_ADDR)
    return la_addr_compare(&one->value.addr, &other->value.addr);
  return compare_u64((uint64_t)one->value.count, (uint64_t)other->value.count);
}

/* The limit is applied in this order, so that which findings are kept does not depend on the order in which they were found. */
static void keep_first(Run *run)
{
  g_array_sort(run->findings, compare_findings);
  if (run->findings->len <= LA_HOST_FINDINGS_MAX)
    return;
  run->left += run->findings->len - LA_HOST_FINDINGS_MAX;
  g_array_set_size(run->findings, LA_HOST_FINDINGS_MAX);
}

/* ---- asking ---- */

static void ask(Run *run, LaAbout about, const LaSubjectFacts *facts)
{
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  for (unsigned i = 0; i < count; i++) {
    const LaRule *rule = rules[i];
    if (rule->scope != LA_SCOPE_HOST || rule->about != about)
      continue;
    LaHostFinding found = {.subject = facts->subject,
                           .finding = {.rule = rule,
                                       .rule_index = (uint8_t)i,
                                       .severity = (uint8_t)rule->severity,
                                       .confidence = LA_CONFIDENCE_LIKELY,
                                       .blame = LA_BLAME_NONE,
                                       .side = LA_SIDE_N,
                                       .at = facts->observed_until}};
    if (!rule->decide_host(facts, run->context, &found.finding))
      continue;
    g_array_append_val(run->findings, found);
    if (run->findings->len == 2 * LA_HOST_FINDINGS_MAX)
      keep_first(run);
  }
}

static LaSubjectFacts facts_of(const Run *run)
{
  const LaAggregate *a = run->aggregate;
  LaTime until = a->observed_until != LA_TIME_NONE ? a->observed_until : LA_TIME_MAX;
  return (LaSubjectFacts){.observed_until = until,
                          .until = la_tick(until),
                          .ordinary_segments = a->ordinary_segments,
                          .syns_alone = a->ordinary_segments + a->answers + a->syns_again == 0,
                          .clients = &run->clients,
                          .time_wait = a->options.time_wait,
                          .ports = a->options.ports};
}

static LaHostPort end_of(const LaTarget *target)
{
  return (LaHostPort){.addr = target->addr, .port = target->port, .family = target->family};
}

static LaHostPort client_of(const LaSource *source)
{
  return (LaHostPort){.addr = source->addr, .family = source->family};
}

static void ask_services(Run *run)
{
  unsigned count, target_count;
  const LaServiceSubject *services = la_subjects_services(run->aggregate->subjects, &count);
  const LaTarget *targets = la_subjects_targets(run->aggregate->subjects, &target_count);
  for (unsigned i = 0; i < count; i++) {
    LaSubjectFacts facts = facts_of(run);
    facts.subject = (LaSubject){.kind = LA_SUBJECT_SERVICE, .server = end_of(&targets[services[i].target])};
    facts.series = &services[i].series;
    la_series_totals(facts.series, facts.totals);
    facts.service = &services[i];
    ask(run, LA_ABOUT_SERVICE, &facts);
  }
}

/* One pass over all pairs, most of which have little to say: which have enough events for a rule about pairs, and how many targets
 * of each source never worked. */
typedef struct {
  GArray *busy;     /* of uint32_t: pairs (owned) */
  uint32_t *failed; /* by source (owned) */
} Survey;

static Survey survey(const Run *run)
{
  const unsigned closed = LA_KIND(LA_PAIR_CLOSED) | LA_KIND(LA_PAIR_TIME_WAIT_CLIENT) | LA_KIND(LA_PAIR_TIME_WAIT_SERVER);
  LaSubjects *subjects = run->aggregate->subjects;
  const LaContext *context = run->context;
  int64_t least = MIN(LA_THRESHOLD(context, connection_churn, 0), LA_THRESHOLD(context, time_wait_pileup, 0));
  unsigned source_count;
  la_subjects_sources(subjects, &source_count);
  Survey found = {.busy = g_array_new(FALSE, FALSE, sizeof(uint32_t)), .failed = g_new0(uint32_t, MAX(source_count, 1))};
  for (uint32_t i = 0; i < la_subjects_pair_count(subjects); i++) {
    const LaPairSubject *pair = la_subjects_pair(subjects, i);
    const LaCell *cells = la_series_cells(&pair->series);
    int64_t attempts = 0;
    int64_t ends = 0;
    unsigned kinds = 0;
    for (uint32_t k = 0; k < pair->series.len; k++) {
      unsigned kind = 1u << la_cell_kind(cells[k]);
      kinds |= kind;
      attempts += (kind & LA_PAIR_ATTEMPTS) != 0 ? la_cell_count(cells[k]) : 0;
      ends += (kind & closed) != 0 ? la_cell_count(cells[k]) : 0;
    }
    if (attempts >= least || ends >= least)
      g_array_append_val(found.busy, i);
    if ((kinds & WORKED) == 0 && (kinds & LA_PAIR_ATTEMPTS) != 0)
      found.failed[pair->source]++;
  }
  return found;
}

static void ask_pairs(Run *run, const GArray *busy)
{
  unsigned unused;
  LaSubjects *subjects = run->aggregate->subjects;
  const LaTarget *targets = la_subjects_targets(subjects, &unused);
  const LaSource *sources = la_subjects_sources(subjects, &unused);
  for (guint i = 0; i < busy->len; i++) {
    LaPairSubject *pair = la_subjects_pair(subjects, g_array_index(busy, uint32_t, i));
    la_series_settle(&pair->series);
    LaSubjectFacts facts = facts_of(run);
    facts.subject = (LaSubject){
        .kind = LA_SUBJECT_PAIR, .client = client_of(&sources[pair->source]), .server = end_of(&targets[pair->target])};
    facts.series = &pair->series;
    la_series_totals(facts.series, facts.totals);
    facts.waited = (LaTime)pair->wait * 10 * LA_USEC;
    ask(run, LA_ABOUT_PAIR, &facts);
  }
}

/* ---- scans ---- */

/* A target that a source tried, with what groups it. */
typedef struct {
  uint32_t source;
  LaTried tried;
} Attempted;

static Attempted attempted(LaPairSubject *pair, const LaTarget *target)
{
  const LaSeries *series = &pair->series;
  la_series_settle(&pair->series);
  Attempted a = {.source = pair->source, .tried = {.end = end_of(target), .findings = pair->findings}};
  uint64_t last;
  la_scan_range(series, LA_PAIR_ATTEMPTS, 0, UINT64_MAX, &a.tried.first_tick, &last);
  unsigned answered = LA_KIND(LA_PAIR_ORDINARY) | LA_KIND(LA_PAIR_LOOKED) | LA_KIND(LA_PAIR_PROBED) | LA_KIND(LA_PAIR_EMBRYO);
  a.tried.failed = la_series_total(series, WORKED) == 0;
  a.tried.answered = la_series_total(series, answered) != 0;
  a.tried.refused = la_series_total(series, LA_KIND(LA_PAIR_REFUSED)) != 0;
  LaFinding first = {.packet_count = 0};
  la_facts_show_series(series, &first);
  a.tried.frame = first.packet_count > 0 ? first.packets[0] : 0;
  a.tried.file = first.file;
  return a;
}

/* By source, then host or port; within these by time, and by address so that equal times have one order. */
static gint compare_attempts(gconstpointer a, gconstpointer b, gpointer data)
{
  const Attempted *x = a;
  const Attempted *y = b;
  LaAbout about = (LaAbout)GPOINTER_TO_UINT(data);
  if (x->source != y->source)
    return x->source < y->source ? -1 : 1;
  int host = la_addr_compare(&x->tried.end.addr, &y->tried.end.addr);
  int port = compare_u64(x->tried.end.port, y->tried.end.port);
  int group = about == LA_ABOUT_SCANNED_HOST ? host : port;
  int rest = about == LA_ABOUT_SCANNED_HOST ? port : host;
  if (group != 0)
    return group;
  int time = compare_u64(x->tried.first_tick, y->tried.first_tick);
  return time != 0 ? time : rest;
}

static bool same_group(const Attempted *a, const Attempted *b, LaAbout about)
{
  return a->source == b->source && (about == LA_ABOUT_SCANNED_HOST ? la_addr_equal(&a->tried.end.addr, &b->tried.end.addr)
                                                                   : a->tried.end.port == b->tried.end.port);
}

static void ask_scans(Run *run, GArray *all, LaAbout about)
{
  unsigned unused;
  const LaSource *sources = la_subjects_sources(run->aggregate->subjects, &unused);
  g_array_sort_with_data(all, compare_attempts, GUINT_TO_POINTER(about));
  g_autoptr(GArray) tried = g_array_new(FALSE, FALSE, sizeof(LaTried));
  for (guint i = 0; i < all->len;) {
    const Attempted *first = &g_array_index(all, Attempted, i);
    g_array_set_size(tried, 0);
    for (; i < all->len && same_group(first, &g_array_index(all, Attempted, i), about); i++)
      g_array_append_val(tried, g_array_index(all, Attempted, i).tried);
    const LaSource *source = &sources[first->source];
    LaSubjectFacts facts = facts_of(run);
    facts.subject = (LaSubject){.kind = LA_SUBJECT_SOURCE, .client = client_of(source)};
    facts.tried = (const LaTried *)(const void *)tried->data;
    facts.tried_count = tried->len;
    facts.tried_level = source->target_level;
    facts.scanned = first->tried.end;
    if (about == LA_ABOUT_SCANNED_HOST)
      facts.scanned.port = 0;
    else
      memset(&facts.scanned.addr, 0, sizeof facts.scanned.addr);
    ask(run, about, &facts);
  }
}

static void ask_sources(Run *run, const uint32_t *failed)
{
  unsigned unused;
  LaSubjects *subjects = run->aggregate->subjects;
  const LaContext *context = run->context;
  const LaTarget *targets = la_subjects_targets(subjects, &unused);
  uint32_t least = (uint32_t)MIN(LA_THRESHOLD(context, port_scan, 0), LA_THRESHOLD(context, address_scan, 0));
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Attempted));
  for (uint32_t i = 0; i < la_subjects_pair_count(subjects); i++) {
    /* Half of the targets of a scan may have worked. A source is skipped when not even then there are enough. */
    LaPairSubject *pair = la_subjects_pair(subjects, i);
    if (2 * failed[pair->source] < least || la_series_total(&pair->series, LA_PAIR_ATTEMPTS) == 0)
      continue;
    Attempted one = attempted(pair, &targets[pair->target]);
    g_array_append_val(all, one);
  }
  ask_scans(run, all, LA_ABOUT_SCANNED_HOST);
  ask_scans(run, all, LA_ABOUT_SCANNED_PORT);
}

GArray *la_aggregate_findings(LaAggregate *aggregate, const LaContext *context, uint64_t *ret_left)
{
  la_aggregate_flush(aggregate);
  la_subjects_settle(aggregate->subjects);
  Run run = {.aggregate = aggregate,
             .context = context,
             .clients = {.subjects = aggregate->subjects},
             .findings = g_array_new(FALSE, FALSE, sizeof(LaHostFinding))};
  ask_services(&run);
  Survey found = survey(&run);
  ask_sources(&run, found.failed);
  ask_pairs(&run, found.busy);
  g_array_unref(found.busy);
  g_free(found.failed);
  g_free(run.clients.first);
  g_free(run.clients.pairs);
  keep_first(&run);
  *ret_left = run.left;
  return run.findings;
}

void la_host_finding_summary(const LaFinding *finding, const LaSubject *subject, GString *out)
{
  finding->rule->summarize_host(finding, subject, out);
}

bool la_rule_covers(const LaRule *host, const LaRule *rule)
{
  if (host->covers == NULL)
    return false;
  size_t len = strlen(rule->code);
  for (const char *at = host->covers; (at = strstr(at, rule->code)) != NULL; at += len)
    if ((at == host->covers || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
      return true;
  return false;
}

void la_facts_covers(LaFinding *finding, uint64_t covers)
{
  if (covers != 0)
    la_finding_add_count(finding, "covers", (int64_t)covers);
}

void la_facts_doubt_silence(LaFinding *finding, const LaSubjectFacts *facts)
{
  if (!facts->syns_alone)
    return;
  finding->confidence = LA_CONFIDENCE_POSSIBLE;
  finding->severity = LA_SEVERITY_NOTE;
  la_finding_add_count(finding, "answers_captured", 0);
}

void la_say_silence_doubted(GString *out, const LaFinding *finding)
{
  if (la_finding_fact(finding, "answers_captured") != NULL)
    g_string_append(out,
                    " The capture holds nothing but SYNs, and none came again: where a filter left the answers out, these are "
                    "ordinary connections.");
}

void la_facts_sampled(LaFinding *finding, const LaSubjectFacts *facts)
{
  if (facts->tried_level != 0)
    la_finding_add_count(finding, "one_in", INT64_C(1) << facts->tried_level);
}

const char *la_say_sampled(const LaFinding *finding)
{
  return la_finding_fact(finding, "one_in") != NULL ? "about " : "";
}

void la_facts_packets_total(LaFinding *finding, uint64_t total)
{
  finding->packets_total = MAX(total, finding->packet_count);
}

void la_say_covers(GString *out, const LaFinding *finding)
{
  const LaFact *covers = la_finding_fact(finding, "covers");
  if (covers == NULL || covers->value.count == 0)
    return;
  g_string_append_printf(out, " This sums up %" G_GINT64_FORMAT " %s of single connections.", covers->value.count,
                         covers->value.count == 1 ? "finding" : "findings");
}

bool la_subject_equal(const LaSubject *a, const LaSubject *b)
{
  return a->kind == b->kind && compare_ends(&a->client, &b->client) == 0 && compare_ends(&a->server, &b->server) == 0;
}

void la_say_subject(GString *out, const LaSubject *subject)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  if (subject->kind != LA_SUBJECT_SERVICE)
    g_string_append(out, la_addr_format(&subject->client.addr, (LaFamily)subject->client.family, text));
  if (subject->kind == LA_SUBJECT_PAIR)
    g_string_append(out, " -> ");
  if (subject->kind != LA_SUBJECT_SOURCE)
    g_string_append(out, la_host_port_format(&subject->server, text));
}
