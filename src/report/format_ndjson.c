/* `-o ndjson`: one record a line, in the order of CONTRACT section 4. Nothing is kept: a connection is written when it has
 * finished, so that memory follows the connections that are open and not the file. */
#include "capture/filter.h"
#include "report/format.h"
#include "report/ndjson.h"
#include "track/measures.h"

static void write_facts(LaJson *json, const LaFinding *finding)
{
  char text[LA_ADDR_TEXT_MAX];
  la_json_key(json, "facts");
  la_json_begin_object(json);
  for (unsigned i = 0; i < finding->fact_count; i++) {
    const LaFact *fact = &finding->facts[i];
    if (fact->kind == LA_FACT_SPAN && fact->value.span == LA_TIME_NONE)
      continue; /* not known */
    la_json_key(json, fact->name);
    switch (fact->kind) {
    case LA_FACT_COUNT: la_json_int(json, fact->value.count); break;
    case LA_FACT_SPAN: la_json_span(json, fact->value.span); break;
    case LA_FACT_RATIO: la_json_double(json, fact->value.ratio); break;
    case LA_FACT_WORD: la_json_string(json, fact->value.word); break;
    case LA_FACT_ADDR: la_json_string(json, la_addr_format(&fact->value.addr, (LaFamily)fact->extra, text)); break;
    }
  }
  la_json_end_object(json);
}

void la_json_finding(LaJson *json, const LaFinding *finding, const char *sentence)
{
  la_json_begin_object(json);
  la_json_key(json, "code");
  la_json_string(json, finding->rule->code);
  la_json_key(json, "severity");
  la_json_string(json, la_severity_name((LaSeverity)finding->severity));
  la_json_key(json, "blame");
  la_json_string(json, la_blame_name((LaBlame)finding->blame));
  if (finding->blame_also != 0) {
    la_json_key(json, "blame_also");
    la_json_begin_array(json);
    for (unsigned blame = 0; blame < LA_BLAME_N; blame++) {
      if ((finding->blame_also >> blame & 1) != 0)
        la_json_string(json, la_blame_name((LaBlame)blame));
    }
    la_json_end_array(json);
  }
  la_json_key(json, "confidence");
  la_json_string(json, la_confidence_name((LaConfidence)finding->confidence));
  la_json_key(json, "packets");
  la_json_begin_array(json);
  for (unsigned i = 0; i < finding->packet_count; i++)
    la_json_uint(json, finding->packets[i]);
  la_json_end_array(json);
  if (finding->file != 0) {
    la_json_key(json, "file");
    la_json_uint(json, finding->file);
  }
  if (finding->packets_total > finding->packet_count) {
    la_json_key(json, "packets_total");
    la_json_uint(json, finding->packets_total);
  }
  if (la_time_is_known(finding->at)) {
    la_json_key(json, "at");
    la_json_time(json, finding->at);
  }
  la_json_key(json, "summary");
  la_json_string(json, sentence);
  write_facts(json, finding);
  la_json_end_object(json);
}

void la_json_begin_record(LaJson *json, const char *type)
{
  la_json_begin_object(json);
  la_json_key(json, "type");
  la_json_string(json, type);
  la_json_key(json, "schema");
  la_json_string(json, LA_SCHEMA);
}

static void write_subject_end(LaJson *json, const char *key, const LaHostPort *end, unsigned with_port)
{
  char text[LA_ADDR_TEXT_MAX];
  la_json_key(json, key);
  la_json_begin_object(json);
  la_json_key(json, "ip");
  la_json_string(json, la_addr_format(&end->addr, (LaFamily)end->family, text));
  if (with_port != 0) {
    la_json_key(json, "port");
    la_json_uint(json, end->port);
  }
  la_json_end_object(json);
}

void la_json_host_port(LaJson *json, const char *key, const LaHostPort *end)
{
  write_subject_end(json, key, end, 1);
}

void la_json_subject(LaJson *json, const LaSubject *subject)
{
  static const char *const kinds[LA_SUBJECT_N] = {"service", "source", "pair"};
  char text[LA_ADDR_TEXT_MAX];
  la_json_begin_object(json);
  la_json_key(json, "kind");
  la_json_string(json, kinds[subject->kind]);
  if (subject->kind == LA_SUBJECT_SOURCE) {
    la_json_key(json, "ip");
    la_json_string(json, la_addr_format(&subject->client.addr, (LaFamily)subject->client.family, text));
  }
  if (subject->kind == LA_SUBJECT_PAIR)
    write_subject_end(json, "client", &subject->client, 0);
  if (subject->kind != LA_SUBJECT_SOURCE)
    write_subject_end(json, "server", &subject->server, 1);
  la_json_end_object(json);
}

void la_json_host(LaJson *json, const LaHostRecord *record)
{
  la_json_begin_record(json, "host");
  la_json_key(json, "subject");
  la_json_subject(json, &record->subject);
  la_json_key(json, "findings");
  la_json_begin_array(json);
  g_autoptr(GString) sentence = g_string_new(NULL);
  for (unsigned i = 0; i < record->finding_count; i++) {
    g_string_truncate(sentence, 0);
    la_host_finding_summary(&record->findings[i], &record->subject, sentence);
    la_json_finding(json, &record->findings[i], sentence->str);
  }
  la_json_end_array(json);
  la_json_end_object(json);
}

static void write_time(LaJson *json, const char *key, LaTime time)
{
  if (time == LA_TIME_NONE)
    return;
  la_json_key(json, key);
  la_json_time(json, time);
}

static void write_count(LaJson *json, const char *key, uint64_t value)
{
  la_json_key(json, key);
  la_json_uint(json, value);
}

static void write_link_types(LaJson *json, const LaCaptureRecord *record)
{
  la_json_key(json, "link_types");
  la_json_begin_array(json);
  for (unsigned i = 0; i < record->link_type_count; i++) {
    const char *name = la_link_type_name(record->link_types[i]);
    char number[16];
    g_snprintf(number, sizeof number, "%u", record->link_types[i]);
    la_json_string(json, name != NULL ? name : number);
  }
  la_json_end_array(json);
}

void la_json_capture(LaJson *json, const LaCaptureRecord *record)
{
  la_json_begin_record(json, "capture");
  write_count(json, "file", record->file);
  la_json_key(json, "path");
  la_json_string(json, record->path);
  write_count(json, "packets", record->packets);
  write_count(json, "tcp_segments", record->segments);
  write_count(json, "connections", record->connections);
  write_link_types(json, record);
  if (record->snaplen != 0)
    write_count(json, "snaplen", record->snaplen);
  write_time(json, "start", record->start);
  write_time(json, "end", record->end);
  write_time(json, "observed_until", record->observed_until);
  la_json_key(json, "truncated");
  la_json_bool(json, record->broken_by != NULL);
  if (record->broken_by != NULL) {
    la_json_key(json, "broken_by");
    la_json_string(json, record->broken_by);
  }
  la_json_key(json, "skipped");
  la_json_begin_object(json);
  for (unsigned reason = 0; reason < LA_SKIPPED_N; reason++)
    write_count(json, la_skipped_name((LaSkipped)reason), record->skipped[reason]);
  la_json_end_object(json);
  la_json_key(json, "vantage");
  la_json_string(json, la_vantage_name(record->vantage));
  la_json_key(json, "quality");
  la_json_begin_object(json);
  write_count(json, "missed_segments", record->missed_segments);
  write_count(json, "duplicate_packets", record->duplicate_packets);
  write_count(json, "one_way_connections", record->one_way_connections);
  la_json_key(json, "kernel_drops");
  if (record->kernel_drops >= 0)
    la_json_int(json, record->kernel_drops);
  else
    la_json_null(json);
  write_count(json, "time_went_back", record->time_went_back);
  if (record->times_out_of_range != 0)
    write_count(json, "times_out_of_range", record->times_out_of_range);
  la_json_end_object(json);
  la_json_key(json, "findings");
  la_json_begin_array(json);
  for (unsigned i = 0; i < record->findings->len; i++) {
    const LaCaptureFinding *finding = g_ptr_array_index(record->findings, i);
    la_json_finding(json, &finding->finding, finding->sentence);
  }
  la_json_end_array(json);
  la_json_end_object(json);
}

void la_json_summary(LaJson *json, const LaCounts *counts)
{
  la_json_begin_record(json, "summary");
  write_count(json, "connections", counts->connections);
  write_count(json, "connections_total", counts->connections_total);
  la_json_key(json, "by_handshake");
  la_json_begin_object(json);
  for (unsigned i = 0; i < LA_HANDSHAKE_N; i++)
    write_count(json, la_handshake_result_name((LaHandshakeResult)i), counts->by_handshake[i]);
  la_json_end_object(json);
  la_json_key(json, "by_teardown");
  la_json_begin_object(json);
  for (unsigned i = 0; i < LA_TEARDOWN_N; i++)
    write_count(json, la_teardown_result_name((LaTeardownResult)i), counts->by_teardown[i]);
  la_json_end_object(json);
  la_json_key(json, "by_finding");
  la_json_begin_object(json);
  unsigned rule_count;
  const LaRule *const *rules = la_rules(&rule_count);
  for (unsigned i = 0; i < rule_count && i < LA_RULES_MAX; i++) {
    if (counts->by_finding[i] != 0)
      write_count(json, rules[i]->code, counts->by_finding[i]);
  }
  la_json_end_object(json);
  if (counts->host_findings_left != 0)
    write_count(json, "host_findings_left", counts->host_findings_left);
  la_json_figures(json, &counts->figures);
  la_json_end_object(json);
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  LaReport *report = g_new(LaReport, 1);
  *report = (LaReport){.format = &la_format_ndjson, .options = options, .out = out};
  return report;
}

static LaJson start_line(LaReport *report)
{
  LaJson json;
  la_json_init(&json, la_output_buffer(report->out));
  return json;
}

static void end_line(LaReport *report)
{
  GString *out = la_output_buffer(report->out);
  if (report->options->run != NULL) { /* the same members in every record: before its closing brace */
    g_string_truncate(out, out->len - 1);
    g_string_append_printf(out, ",%s}", report->options->run);
  }
  g_string_append_c(out, '\n');
  la_output_settle(report->out);
}

static void connection(LaReport *report, const LaConnectionRecord *record)
{
  LaJson json = start_line(report);
  la_json_connection(&json, record);
  end_line(report);
}

static void host(LaReport *report, const LaHostRecord *record)
{
  LaJson json = start_line(report);
  la_json_host(&json, record);
  end_line(report);
}

static void capture(LaReport *report, const LaCaptureRecord *record)
{
  LaJson json = start_line(report);
  la_json_capture(&json, record);
  end_line(report);
}

static void end(LaReport *report, const LaCounts *counts)
{
  LaJson json = start_line(report);
  la_json_summary(&json, counts);
  end_line(report);
}

static void event(LaReport *report, const LaEventRecord *record)
{
  LaJson json = start_line(report);
  la_json_event(&json, record);
  end_line(report);
}

static void stats(LaReport *report, const LaStatsRecord *record)
{
  LaJson json = start_line(report);
  la_json_stats(&json, record);
  end_line(report);
}

static void so_far(LaReport *report, const LaCounts *counts, const LaStatsRecord *record)
{
  stats(report, record);
  end(report, counts);
}

static void release(LaReport *report)
{
  g_free(report);
}

const LaFormat la_format_ndjson = {
    .name = "ndjson",
    .begin = begin,
    .connection = connection,
    .host = host,
    .capture = capture,
    .end = end,
    .event = event,
    .stats = stats,
    .so_far = so_far,
    .free = release,
};
