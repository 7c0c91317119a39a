/* A run as it is kept for a comparison: for each service how many connections it had, how many of them each finding, and three histograms
 * of times. A connection that has a finding twice counts once. */
#include "report/run.h"

#include <string.h>

#include "base/error.h"
#include "track/measures.h"

static void service_free(gpointer data)
{
  LaRunService *service = data;
  for (unsigned i = 0; i < LA_COMPARED_TIMES; i++)
    g_free(service->times[i]);
  g_free(service);
}

LaRun *la_run_new(void)
{
  LaRun *run = g_new0(LaRun, 1);
  run->services = g_hash_table_new_full(la_host_port_hash, la_host_port_equal, NULL, service_free);
  return run;
}

void la_run_free(LaRun *run)
{
  if (run == NULL)
    return;
  g_hash_table_unref(run->services);
  g_free(run);
}

LaRunService *la_run_service(LaRun *run, const LaHostPort *name)
{
  LaRunService *service = g_hash_table_lookup(run->services, name);
  if (service != NULL || g_hash_table_size(run->services) >= LA_RUN_SERVICES_MAX)
    return service;
  service = g_new0(LaRunService, 1);
  service->name = service->was = *name;
  g_hash_table_insert(run->services, &service->name, service);
  return service;
}

static void add_time(LaRunService *service, unsigned which, LaTime time)
{
  if (time == LA_TIME_NONE)
    return;
  if (service->times[which] == NULL)
    service->times[which] = g_new0(LaHistogram, 1);
  la_histogram_add(service->times[which], time);
}

void la_run_set_policy(LaRun *run, const LaPolicy *policy, LaTime now)
{
  run->policy = policy;
  run->now = now;
}

/* A record that is being counted. */
typedef struct {
  LaRun *run;
  LaRunService *service;
  const LaCandidate *candidate;
  unsigned section;                 /* of the policy */
  uint64_t seen[LA_RULES_MAX / 64]; /* findings it has been counted for */
} Counted;

static Counted count_record(LaRun *run, LaRunService *service, const LaCandidate *candidate)
{
  return (Counted){.run = run,
                   .service = service,
                   .candidate = candidate,
                   .section = run->policy != NULL ? la_policy_service_of(run->policy, candidate) : 0};
}

static void add_finding(Counted *counted, const LaRule *rule, LaSeverity severity)
{
  LaRun *run = counted->run;
  LaRulingKind ruling = LA_RULING_PASSES;
  if (run->policy != NULL) {
    LaFinding judged = {.rule = rule, .severity = (uint8_t)severity};
    ruling = la_policy_judge(run->policy, counted->section, &judged, counted->candidate, run->now).kind;
  }
  if (ruling == LA_RULING_SUPPRESSED) {
    run->suppressed++;
    return;
  }
  unsigned index = la_rule_index(rule);
  LaRunFinding *finding = &counted->service->findings[index];
  if (ruling == LA_RULING_BREAKS)
    finding->breaks = 1;
  finding->severity = MAX(finding->severity, (uint8_t)severity);
  if ((counted->seen[index / 64] >> (index % 64) & 1) != 0)
    return;
  counted->seen[index / 64] |= UINT64_C(1) << (index % 64);
  finding->count++;
}

void la_run_add_connection(LaRun *run, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  run->connections++;
  LaRunService *service = la_run_service(run, &server);
  if (service == NULL) {
    run->not_kept++;
    return;
  }
  service->connections++;
  add_time(service, 0, la_connection_syn_to_syn_ack(conn));
  add_time(service, 1, la_connection_syn_ack_to_ack(conn));
  add_time(service, 2, la_connection_close_duration(conn));
  LaCandidate candidate = {.file = record->file, .conn = conn, .findings = record->findings};
  Counted counted = count_record(run, service, &candidate);
  for (unsigned i = 0; i < record->findings->count; i++)
    add_finding(&counted, record->findings->items[i].rule, (LaSeverity)record->findings->items[i].severity);
}

void la_run_add_host(LaRun *run, const LaHostRecord *record)
{
  LaHostPort server = {0};
  if (record->subject.kind != LA_SUBJECT_SOURCE)
    server = record->subject.server;
  LaRunService *service = la_run_service(run, &server);
  for (unsigned i = 0; i < record->finding_count && service != NULL; i++) {
    LaCandidate candidate = {.finding = &record->findings[i], .subject = &record->subject};
    Counted counted = count_record(run, service, &candidate);
    add_finding(&counted, record->findings[i].rule, (LaSeverity)record->findings[i].severity);
  }
}

static void add_stored_findings(LaRun *run, LaRunService *service, LaStored *stored)
{
  LaCandidate candidate = {.stored = stored};
  Counted counted = count_record(run, service, &candidate);
  unsigned count;
  const LaStoredFinding *findings = la_stored_findings(stored, &count);
  for (unsigned i = 0; i < count; i++) {
    if (la_stored_type(stored) == LA_STORED_HOST)
      la_stored_focus(stored, i);
    if (findings[i].rule != NULL)
      add_finding(&counted, findings[i].rule, findings[i].severity);
    else
      run->unknown++;
  }
}

void la_run_add_stored(LaRun *run, LaStored *stored)
{
  static const char *const fields[LA_COMPARED_TIMES] = {"handshake.syn_to_syn_ack_s", "handshake.syn_ack_to_ack_s",
                                                        "teardown.duration_s"};
  LaStoredType type = la_stored_type(stored);
  LaHostPort server = {0};
  if (type != LA_STORED_CONNECTION && type != LA_STORED_HOST)
    return;
  bool known = la_stored_end(stored, LA_ACCEPTOR, &server);
  run->connections += type == LA_STORED_CONNECTION ? 1 : 0;
  LaRunService *service = known || type == LA_STORED_HOST ? la_run_service(run, &server) : NULL;
  if (service == NULL) {
    run->not_kept += type == LA_STORED_CONNECTION ? 1 : 0;
    return;
  }
  add_stored_findings(run, service, stored);
  if (type == LA_STORED_HOST)
    return;
  service->connections++;
  for (unsigned i = 0; i < LA_COMPARED_TIMES; i++) {
    int64_t time;
    if (la_stored_number(stored, fields[i], &time))
      add_time(service, i, time);
  }
}

/* ---- maps ---- */

/* ADDRESS:PORT, [ADDRESS]:PORT, ADDRESS, or :PORT. */
static bool parse_end(const char *text, LaHostPort *ret)
{
  LaHostPort end = {0};
  const char *colon = strrchr(text, ':');
  bool bracket = text[0] == '[';
  bool only_address = colon == NULL || (!bracket && strchr(text, ':') != colon) || (bracket && colon[-1] != ']');
  g_autofree char *address = g_strdup(text);
  if (!only_address) {
    guint64 port;
    if (!g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))
      return false;
    end.port = (uint16_t)port;
    address[colon - text] = '\0';
  }
  size_t len = strlen(address);
  char *inside = address;
  if (bracket && len > 1 && address[len - 1] == ']') {
    address[len - 1] = '\0';
    inside++;
  }
  if (*inside != '\0' && (end.family = (uint8_t)la_addr_parse(inside, &end.addr)) == LA_FAMILY_NONE)
    return false;
  *ret = end;
  return end.family != LA_FAMILY_NONE || end.port != 0;
}

bool la_service_map_parse(const char *text, LaServiceMap *ret_map, GError **error)
{
  g_auto(GStrv) ends = g_strsplit(text, "=", 2);
  LaServiceMap map;
  bool ok = g_strv_length(ends) == 2 && parse_end(ends[0], &map.from) && parse_end(ends[1], &map.to) &&
            (map.from.family == LA_FAMILY_NONE) == (map.to.family == LA_FAMILY_NONE) &&
            (map.from.port == 0) == (map.to.port == 0);
  if (!ok) {
    la_error_set(error, LA_ERROR_USAGE,
                 "--map wants BEFORE=AFTER, both ADDRESS:PORT, both ADDRESS or both :PORT, such as :8080=:9090, not '%s'",
                 text);
    return false;
  }
  *ret_map = map;
  return true;
}
