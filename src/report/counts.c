/* Counting, and the folding of "this connection began before the capture" said a thousand times into one finding of the
 * capture: the first of each code is kept, with the packets of the first few and a count of connections. */
#include "report/record.h"

#include <assert.h>
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

static void fold(LaCaptureRecord *record, const LaFinding *finding, const LaConnection *conn)
{
  for (unsigned i = 0; i < record->findings->len; i++) {
    LaCaptureFinding *known = g_ptr_array_index(record->findings, i);
    if (known->finding.rule != finding->rule)
      continue;
    LaFact *count = &known->finding.facts[known->finding.fact_count - 1];
    count->value.count++;
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

void la_capture_record_add_connection(LaCaptureRecord *record, const LaConnectionRecord *conn)
{
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    record->missed_segments += conn->conn->end[side].missed;
    record->duplicate_packets += conn->conn->end[side].duplicate;
  }
  if (la_connection_one_direction(conn->conn))
    record->one_way_connections++;
  for (unsigned i = 0; i < conn->findings->count; i++) {
    const LaFinding *finding = &conn->findings->items[i];
    if (finding->rule->scope == LA_SCOPE_CAPTURE)
      fold(record, finding, conn->conn);
  }
}

void la_capture_record_conclude(LaCaptureRecord *record)
{
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
