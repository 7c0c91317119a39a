/* Counting, and the folding of "this connection began before the capture" said a thousand times into one finding of the
 * capture: the first of each code is kept, with the packets of the first few and a count of connections. */
#include "report/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/rule.h"

static const char *const skipped_names[] = {"not_tcp", "not_ip", "malformed", "fragment", "cut_short", "not_selected"};
static_assert(G_N_ELEMENTS(skipped_names) == LA_SKIPPED_N, "a name for each reason");

const char *la_skipped_name(LaSkipped reason)
{
  return skipped_names[reason];
}

static void free_capture_finding(gpointer data)
{
  LaCaptureFinding *finding = data;
  g_free(finding->sentence);
  g_free(finding);
}

LaCaptureRecord *la_capture_record_new(const char *path, unsigned file)
{
  LaCaptureRecord *record = g_new0(LaCaptureRecord, 1);
  record->path = g_strdup(path);
  record->file = file;
  record->start = record->end = record->observed_until = LA_TIME_NONE;
  record->kernel_drops = -1;
  record->findings = g_ptr_array_new_with_free_func(free_capture_finding);
  return record;
}

void la_capture_record_free(LaCaptureRecord *record)
{
  if (record == NULL)
    return;
  g_free(record->path);
  g_free(record->broken_by);
  g_ptr_array_unref(record->findings);
  g_free(record);
}

void la_capture_record_add_link_type(LaCaptureRecord *record, uint16_t link_type)
{
  for (unsigned i = 0; i < record->link_type_count; i++) {
    if (record->link_types[i] == link_type)
      return;
  }
  if (record->link_type_count < LA_LINK_TYPES_MAX)
    record->link_types[record->link_type_count++] = link_type;
}

/* The count of connections is kept as the last fact, which no rule about the capture writes for a connection. */
#define CONNECTIONS "connections"

static LaFact *own_fact(LaFinding *finding, const char *name)
{
  for (unsigned i = 0; i < finding->fact_count; i++) {
    if (strcmp(finding->facts[i].name, name) == 0)
      return &finding->facts[i];
  }
  return NULL;
}

/* The capture's finding says the sum of what its connections say; of displacements the largest. Hops and the like stay the
 * first's. */
static void add_fact(LaFact *to, const LaFact *from)
{
  if (to->kind != from->kind || strcmp(to->name, "ttl_difference") == 0 || strcmp(to->name, CONNECTIONS) == 0)
    return;
  if (to->kind == LA_FACT_COUNT)
    to->value.count += from->value.count;
  else if (to->kind == LA_FACT_SPAN && strcmp(to->name, "largest_s") == 0)
    to->value.span = MAX(to->value.span, from->value.span);
}

static void fold(LaCaptureRecord *record, const LaFinding *finding, const LaConnection *conn)
{
  for (unsigned i = 0; i < record->findings->len; i++) {
    LaCaptureFinding *known = g_ptr_array_index(record->findings, i);
    if (known->finding.rule != finding->rule)
      continue;
    LaFact *count = &known->finding.facts[known->finding.fact_count - 1];
    count->value.count++;
    for (unsigned f = 0; f < finding->fact_count; f++) {
      LaFact *fact = own_fact(&known->finding, finding->facts[f].name);
      if (fact != NULL)
        add_fact(fact, &finding->facts[f]);
    }
    /* The packets of the first connections are enough to look at. */
    for (unsigned p = 0; p < finding->packet_count && known->finding.packet_count < LA_FINDING_PACKETS_MAX; p++)
      la_finding_add_packet(&known->finding, finding->packets[p]);
    return;
  }
  LaCaptureFinding *first = g_new0(LaCaptureFinding, 1);
  first->finding = *finding;
  first->finding.fact_count = MIN(first->finding.fact_count, LA_FINDING_FACTS_MAX - 1);
  la_finding_add_count(&first->finding, CONNECTIONS, 1);
  GString *sentence = g_string_new(NULL);
  la_finding_summary(finding, conn, sentence);
  first->sentence = g_string_free(sentence, FALSE);
  g_ptr_array_add(record->findings, first);
}

/* How many copies the network delivered: they passed twice, and the capture is right to hold them. */
static uint64_t delivered_twice(const LaConnectionRecord *conn)
{
  for (unsigned i = 0; i < conn->findings->count; i++) {
    const LaFinding *finding = &conn->findings->items[i];
    const LaFact *copies = strcmp(finding->rule->code, "duplicate-segment") == 0 ? la_finding_fact(finding, "copies") : NULL;
    if (copies != NULL)
      return (uint64_t)copies->value.count;
  }
  return 0;
}

void la_capture_record_add_connection(LaCaptureRecord *record, const LaConnectionRecord *conn)
{
  uint64_t duplicates = 0;
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    record->missed_segments += conn->conn->end[side].missed;
    duplicates += conn->conn->end[side].duplicate;
  }
  if (duplicates != 0)
    record->duplicate_packets += duplicates - MIN(duplicates, delivered_twice(conn));
  if (la_connection_one_direction(conn->conn))
    record->one_way_connections++;
  for (unsigned i = 0; i < conn->findings->count; i++) {
    const LaFinding *finding = &conn->findings->items[i];
    if (finding->rule->scope == LA_SCOPE_CAPTURE)
      fold(record, finding, conn->conn);
  }
}

static LaCaptureFinding *find_finding(LaCaptureRecord *record, const LaRule *rule)
{
  for (unsigned i = 0; i < record->findings->len; i++) {
    LaCaptureFinding *known = g_ptr_array_index(record->findings, i);
    if (known->finding.rule == rule)
      return known;
  }
  return NULL;
}

/* A finding about packets of which no connection knows. The sentence is taken. */
static LaFinding *add_finding(LaCaptureRecord *record, const LaRule *rule, char *sentence)
{
  LaCaptureFinding *own = g_new0(LaCaptureFinding, 1);
  own->finding.rule = rule;
  own->finding.severity = (uint8_t)rule->severity;
  own->finding.confidence = LA_CONFIDENCE_CERTAIN;
  own->finding.blame = LA_BLAME_CAPTURE;
  own->finding.side = LA_SIDE_N;
  own->finding.at = record->start;
  own->sentence = sentence;
  g_ptr_array_add(record->findings, own);
  return &own->finding;
}

static void set_count(LaCaptureFinding *finding, const char *name, uint64_t value)
{
  LaFact *fact = own_fact(&finding->finding, name);
  if (fact != NULL)
    fact->value.count = (int64_t)value;
}

/* Packets whose header is not whole are no segments, so only the capture knows of them. */
static void conclude_cut_short(LaCaptureRecord *record)
{
  uint64_t cut = record->skipped[LA_SKIPPED_CUT_SHORT];
  const LaRule *rule = la_rule_find("cut-short");
  if (cut == 0 || rule == NULL)
    return;
  LaCaptureFinding *known = find_finding(record, rule);
  if (known != NULL) {
    set_count(known, "cut_packets", cut + (uint64_t)la_finding_fact(&known->finding, "cut_packets")->value.count);
    return;
  }
  GString *text = g_string_new(NULL);
  g_string_append_printf(text,
                         "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " packets were cut before the end of their headers", cut,
                         record->packets);
  if (record->snaplen != 0)
    g_string_append_printf(text, " (snapshot length %u)", record->snaplen);
  g_string_append(text, " and are missing from everything said here: capture at least 96 bytes of each packet (-s 96).");
  LaFinding *finding = add_finding(record, rule, g_string_free(text, FALSE));
  la_finding_add_count(finding, "cut_packets", (int64_t)cut);
  if (record->snaplen != 0)
    la_finding_add_count(finding, "snaplen", record->snaplen);
  la_finding_add_count(finding, CONNECTIONS, 0);
}

/* The source compares each packet with the one before it, whatever connection it belongs to. */
static void conclude_time_went_back(LaCaptureRecord *record)
{
  const LaRule *rule = la_rule_find("time-went-back");
  if (record->time_went_back == 0 || rule == NULL)
    return;
  LaCaptureFinding *known = find_finding(record, rule);
  if (known != NULL) {
    set_count(known, "times", record->time_went_back);
    return;
  }
  char *text =
      g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                      " packets have a time before that of the packet in front of them: the capturing clock was set, or "
                      "the file is not in the order of its times.",
                      record->time_went_back, record->packets);
  LaFinding *finding = add_finding(record, rule, text);
  la_finding_add_count(finding, "times", (int64_t)record->time_went_back);
  la_finding_add_count(finding, CONNECTIONS, 0);
}

static void conclude_share(LaCaptureRecord *record)
{
  for (unsigned i = 0; i < record->findings->len; i++) {
    LaCaptureFinding *finding = g_ptr_array_index(record->findings, i);
    const LaFact *copies = la_finding_fact(&finding->finding, "copies");
    LaFact *share = own_fact(&finding->finding, "share");
    if (copies != NULL && share != NULL && record->segments != 0)
      share->value.ratio = (double)copies->value.count / (double)record->segments;
  }
}

void la_capture_record_conclude(LaCaptureRecord *record)
{
  conclude_share(record);
  conclude_cut_short(record);
  conclude_time_went_back(record);
  for (unsigned i = 0; i < record->findings->len; i++) {
    LaCaptureFinding *finding = g_ptr_array_index(record->findings, i);
    const LaFact *count = la_finding_fact(&finding->finding, CONNECTIONS);
    if (count == NULL || count->value.count < 2)
      continue;
    char *sentence = g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GUINT64_FORMAT " connections; the first: %s",
                                     count->value.count, record->connections, finding->sentence);
    g_free(finding->sentence);
    finding->sentence = sentence;
  }
}

static LaSeverity count_findings(LaCounts *counts, const LaFinding *findings, unsigned count)
{
  LaSeverity worst = LA_SEVERITY_NOTE;
  for (unsigned i = 0; i < count; i++) {
    counts->by_finding[la_rule_index(findings[i].rule)]++;
    counts->by_severity[findings[i].severity]++;
    if (findings[i].severity > worst)
      worst = (LaSeverity)findings[i].severity;
  }
  return worst;
}

void la_counts_add_connection(LaCounts *counts, const LaConnectionRecord *record)
{
  counts->connections++;
  counts->by_handshake[record->handshake]++;
  counts->by_teardown[record->teardown]++;
  if (count_findings(counts, record->findings->items, record->findings->count) >= LA_SEVERITY_WARNING)
    counts->with_problems++;
}

void la_counts_add_host(LaCounts *counts, const LaHostRecord *record)
{
  count_findings(counts, record->findings, record->finding_count);
}

static int by_frequency(const void *a, const void *b)
{
  const LaResultCount *one = a;
  const LaResultCount *other = b;
  if (one->count != other->count)
    return one->count > other->count ? -1 : 1;
  return strcmp(one->name, other->name);
}

unsigned la_counts_handshakes(const LaCounts *counts, LaResultCount ret[LA_HANDSHAKE_N])
{
  unsigned used = 0;
  for (unsigned i = 0; i < LA_HANDSHAKE_N; i++) {
    if (counts->by_handshake[i] > 0)
      ret[used++] = (LaResultCount){la_handshake_result_name((LaHandshakeResult)i), counts->by_handshake[i]};
  }
  qsort(ret, used, sizeof *ret, by_frequency);
  return used;
}

unsigned la_counts_teardowns(const LaCounts *counts, LaResultCount ret[LA_TEARDOWN_N])
{
  unsigned used = 0;
  for (unsigned i = 0; i < LA_TEARDOWN_N; i++) {
    if (counts->by_teardown[i] > 0)
      ret[used++] = (LaResultCount){la_teardown_result_name((LaTeardownResult)i), counts->by_teardown[i]};
  }
  qsort(ret, used, sizeof *ret, by_frequency);
  return used;
}
