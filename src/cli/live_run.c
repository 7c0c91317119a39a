/* Composes the stages over packets as they pass:
 *
 *   interfaces -> decoder -> tracker -> finished connections -> catalogue -> reports
 *            \-> -w
 *
 * One thread, one loop: take what is there, and when nothing is there, wait for packets, a signal, or the next moment something is
 * due. The tracker's clock is the packets' own; while it is quiet it follows the clock of the machine, behind the moment up to which
 * the kernel has handed all packets over. So a run gives what an analysis of its -w file gives. */
#include "cli/live_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/json.h"
#include "capture/link_type.h"
#include "cli/interrupt.h"
#include "cli/live_metrics.h"
#include "cli/outputs.h"
#include "cli/reader.h"
#include "live/alarms.h"
#include "live/dump.h"
#include "live/host_watch.h"
#include "live/rights.h"
#include "live/socket_watch.h"
#include "live/decider.h"
#include "report/judge.h"

#define APPLICATION "lastack " LASTACK_VERSION
#define WAIT_MS 100
#define IDLE_TIMEOUT (2 * 3600 * LA_SEC)
#define STATS_INTERVAL (60 * LA_SEC)
#define SOCKETS_INTERVAL (30 * LA_SEC)
#define CONTRADICTION_AGE (5 * LA_SEC)
#define CONTRADICTIONS_TOLD 5u
#define HOSTS_SPAN (600 * LA_SEC)
#define HOSTS_SHARE 20             /* looking at hosts takes at most one part in so many of the time */
#define QUIET_FILTER (10 * LA_SEC) /* a filter that lets nothing through for so long is mentioned */
#define BUSY_PACKETS 100u          /* ... when the interfaces carried so many packets meanwhile */

typedef struct {
  uint64_t packets, kernel, interface, evicted;
} Totals;

typedef struct {
  const LaOptions *options;
  LaTrackOptions track;
  const char *filter;
  const LaPolicy *policy;
  LaJudge *judge; /* NULL: nobody asked for a policy (owned) */
  LaLive *live;   /* (owned) */
  LaDump *dump;   /* NULL: none (owned) */
  LaOutputs outputs;
  LaTracker *tracker;       /* (owned) */
  LaBatch *batch;           /* (owned) */
  LaContext context;        /* what the rules read beside a connection */
  LaFindings *findings;     /* (owned) */
  LaAggregate *aggregate;   /* (owned) */
  LaCaptureRecord *capture; /* (owned) */
  LaDecider *decider;       /* (owned) */
  LaHostWatch *hosts;       /* (owned) */
  LaAlarms *alarms;         /* (owned) */
  LaLiveMetrics metrics;
  LaSocketWatch *sockets;  /* NULL: the kernel does not tell (owned) */
  LaTime sockets_due;      /* monotonic */
  unsigned contradictions; /* at the last reading */
  char *identity;          /* what every NDJSON record carries (owned) */
  LaStatsRecord stats;
  Totals told;      /* what the stats record before this one counted up to */
  LaTime stats_due; /* monotonic */
  LaTime hosts_due; /* monotonic */
  LaCounts counts;
  LaTime last_packet; /* the running maximum of all packet times */
  LaTime clock;       /* the running maximum of all packet times, and of silence */
  LaTime started;     /* monotonic */
  LaTime second;      /* monotonic: when the next round of what is done each second is due */
  uint64_t left;      /* packets until -c is reached */
  LaExitCode code;
  bool ended;
  bool filter_judged; /* its silence was looked at */
  uint64_t carried;   /* packets of the interfaces when the capture began */
  const volatile sig_atomic_t *interrupt;
} Run;

static LaTime clock_of(clockid_t id)
{
  struct timespec time;
  clock_gettime(id, &time);
  return (LaTime)time.tv_sec * LA_SEC + time.tv_nsec;
}

static void tell(const char *what)
{
  g_autoptr(GString) line = g_string_new("lastack: ");
  la_escape_terminal(line, what, -1);
  fprintf(stderr, "%s\n", line->str);
}

/* ---- signals beside SIGINT and SIGTERM ---- */

/* A signal handler can reach nothing but what is static. */
static volatile sig_atomic_t asked_reopen;
static volatile sig_atomic_t asked_summary;

static void on_signal(int number)
{
  if (number == SIGHUP)
    asked_reopen = 1;
  else
    asked_summary = 1;
}

static void watch_signals(void)
{
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
}

/* ---- connections ---- */

static void finish_connection(Run *run, const LaConnection *conn)
{
  run->context.vantage = la_tracker_vantage(run->tracker);
  LaConnectionRecord record = {
      .conn = conn,
      .findings = run->findings,
      .path = run->capture->path,
      .file = 1,
      .handshake = la_connection_handshake(conn),
      .teardown = la_connection_teardown(conn),
  };
  la_diagnose(conn, &run->context, run->findings);
  la_aggregate_connection(run->aggregate, conn, run->findings);
  la_host_watch_finished(run->hosts, conn, run->findings);
  la_live_metrics_connection(&run->metrics, conn);
  run->capture->connections++;
  run->counts.connections_total++;
  la_capture_record_add_connection(run->capture, &record);
  LaCandidate candidate = {.file = record.file, .conn = conn, .findings = run->findings};
  bool selected = run->options->where == NULL || la_expression_holds(run->options->where, &candidate);
  if (run->judge != NULL && selected)
    la_judge_connection(run->judge, &record, run->findings);
  else if (run->judge != NULL)
    la_policy_drop_noise(run->policy, conn, run->findings, la_judge_check(run->judge)->now);
  la_decider_finished(run->decider, conn, run->findings);
  if (!selected)
    return;
  la_counts_add_connection(&run->counts, &record);
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    report->format->connection(report, &record);
  }
}

static void take_finished(Run *run)
{
  LaConnection *conn;
  while ((conn = la_tracker_next(run->tracker)) != NULL) {
    finish_connection(run, conn);
    la_tracker_recycle(run->tracker, conn);
  }
}

/* ---- findings while they happen ---- */

static void tell_event(Run *run, const LaEventRecord *event)
{
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    if (report->format->event != NULL)
      report->format->event(report, event);
  }
}

/* What the decider tells of connections is judged there. */
static bool is_noise_of_hosts(const Run *run, const LaEventRecord *event)
{
  if (run->judge == NULL || event->connection != 0)
    return false;
  LaCandidate candidate = {.finding = &event->finding, .subject = &event->subject};
  LaTime now = la_judge_check(run->judge)->now;
  return la_policy_judge(run->policy, 0, &event->finding, &candidate, now).kind == LA_RULING_SUPPRESSED;
}

static void take_event(Run *run, const LaDecided *decided)
{
  LaEventRecord event = decided->record;
  if (is_noise_of_hosts(run, &event))
    return;
  la_live_metrics_event(&run->metrics, &event);
  if (!la_alarms_pass(run->alarms, &event, &event.held_back))
    return;
  if (run->sockets != NULL && event.kind == LA_EVENT_RAISED)
    la_socket_watch_describe(run->sockets, clock_of(CLOCK_MONOTONIC), &event, &event.socket);
  tell_event(run, &event);
}

static void tell_findings(Run *run)
{
  const LaDecided *decided;
  while ((decided = la_decider_next(run->decider)) != NULL)
    take_event(run, decided);
  while ((decided = la_host_watch_next(run->hosts)) != NULL)
    take_event(run, decided);
  const LaEventRecord *held;
  while (run->clock != LA_TIME_NONE && (held = la_alarms_over(run->alarms, run->clock)) != NULL)
    tell_event(run, held);
}

/* The state of the end that has gone farther. */
static void count_states(Run *run)
{
  LaStatsRecord *stats = &run->stats;
  memset(stats->states, 0, sizeof stats->states);
  uint32_t at = 0;
  const LaConnection *conn;
  while ((conn = la_tracker_each(run->tracker, &at)) != NULL) {
    unsigned state = MAX(conn->end[LA_OPENER].state, conn->end[LA_ACCEPTOR].state);
    stats->states[(conn->flags & LA_CONN_RST) != 0 ? LA_TCP_CLOSED : state]++;
  }
  stats->connections = la_tracker_open(run->tracker);
  stats->bytes = la_tracker_bytes(run->tracker);
}

static Totals totals_of(const Run *run)
{
  Totals totals = {.packets = run->capture->packets, .evicted = la_tracker_evicted(run->tracker)};
  unsigned count;
  (void)la_live_interfaces(run->live, &count);
  for (unsigned i = 0; i < count; i++) {
    LaLiveStatistics told = la_live_statistics(run->live, i);
    totals.kernel += told.kernel_drops;
    totals.interface += told.interface_drops;
  }
  return totals;
}

/* How it stands, with the figures since the last time. */
static void make_stats(Run *run, LaTime interval)
{
  Totals now = totals_of(run);
  count_states(run);
  run->stats.at = MAX(run->clock, 0);
  run->stats.interval = interval;
  if (run->sockets != NULL) {
    la_socket_watch_refresh(run->sockets);
    LaSocketCounts counts = la_socket_watch_counts(run->sockets, run->tracker);
    run->stats.asked_kernel = 1;
    run->stats.sockets = 0;
    for (unsigned state = 0; state < LA_SOCKET_STATE_N; state++)
      run->stats.sockets += counts.states[state];
    run->stats.unseen = counts.unseen;
    run->stats.contradicts = run->contradictions;
  }
  run->stats.packets = now.packets - run->told.packets;
  run->stats.kernel_drops = now.kernel - run->told.kernel;
  run->stats.interface_drops = now.interface - run->told.interface;
  run->stats.evicted = now.evicted - run->told.evicted;
}

static void tell_stats(Run *run, LaTime mono)
{
  make_stats(run, STATS_INTERVAL + mono - run->stats_due);
  run->told = totals_of(run);
  run->stats_due = mono + STATS_INTERVAL;
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    if (report->format->stats != NULL)
      report->format->stats(report, &run->stats);
  }
}

/* SIGUSR1: how it stands since the beginning, on the reports that can say so in between. */
static void tell_so_far(Run *run, LaTime mono)
{
  asked_summary = 0;
  Totals kept = run->told;
  run->told = (Totals){0};
  make_stats(run, mono - run->started);
  run->told = kept;
  la_aggregate_figures(run->aggregate, &run->counts.figures);
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    if (report->format->so_far != NULL)
      report->format->so_far(report, &run->counts, &run->stats);
  }
}

/* Somebody may have asked for /metrics. */
static void serve_metrics(Run *run, LaTime mono)
{
  if (!la_live_metrics_are_wanted(&run->metrics, mono))
    return;
  Totals totals = totals_of(run);
  LaMetricsCapture capture = {.version = LASTACK_VERSION,
                              .started = clock_of(CLOCK_REALTIME) - (mono - run->started),
                              .last_packet = run->last_packet,
                              .packets = totals.packets,
                              .kernel_drops = totals.kernel,
                              .interface_drops = totals.interface,
                              .evicted = totals.evicted,
                              .bytes = la_tracker_bytes(run->tracker)};
  la_live_metrics_answer(&run->metrics, run->tracker, &capture, mono);
}

/* ---- packets ---- */

static LaSkipped skipped_as(uint8_t result)
{
  switch (result) {
  case LA_DECODED_NOT_IP: return LA_SKIPPED_NOT_IP;
  case LA_DECODED_MALFORMED: return LA_SKIPPED_MALFORMED;
  case LA_DECODED_FRAGMENT: return LA_SKIPPED_FRAGMENT;
  case LA_DECODED_CUT_SHORT: return LA_SKIPPED_CUT_SHORT;
  default: return LA_SKIPPED_NOT_TCP;
  }
}

static void follow(Run *run)
{
  const LaBatch *batch = run->batch;
  unsigned first = 0; /* segments [first, next) are not taken yet */
  unsigned next = 0;
  unsigned icmp = 0;
  for (unsigned i = 0; i < batch->count; i++) {
    run->last_packet = MAX(run->last_packet, batch->packets[i].time);
    if (batch->results[i] == LA_DECODED_SEGMENT) {
      next++;
      continue;
    }
    run->capture->skipped[skipped_as(batch->results[i])]++;
    la_tracker_segments(run->tracker, batch->segments + first, next - first);
    first = next;
    la_tracker_advance(run->tracker, batch->packets[i].time);
    if (batch->results[i] == LA_DECODED_ICMP)
      la_tracker_icmp(run->tracker, &batch->icmp[icmp++], NULL);
  }
  la_tracker_segments(run->tracker, batch->segments + first, next - first);
  run->clock = MAX(run->clock, run->last_packet);
}

static void count(Run *run)
{
  LaBatch *batch = run->batch;
  LaCaptureRecord *capture = run->capture;
  for (unsigned i = 0; i < batch->count; i++)
    if (capture->start == LA_TIME_NONE || batch->packets[i].time < capture->start)
      capture->start = batch->packets[i].time;
  capture->segments += batch->segment_count;
  capture->packets += batch->count;
  run->left -= batch->count;
}

/* Without the file there is nothing to look at later, but the analysis goes on: it is what the run was started for. */
static void give_up_dump(Run *run, GError *error)
{
  if (strcmp(la_dump_path(run->dump), "-") == 0 && la_dump_is_unread(run->dump)) {
    run->ended = true; /* whoever read it has gone: no error */
    g_clear_pointer(&run->dump, la_dump_free);
    return;
  }
  tell(error->message);
  fputs("lastack: nothing more is written to it; the analysis goes on\n", stderr);
  g_clear_pointer(&run->dump, la_dump_free);
  run->code = la_exit_code_worse(run->code, LA_EXIT_OUTPUT);
}

/* Whether there were packets. */
static bool take_packets(Run *run)
{
  LaBatch *batch = run->batch;
  LaTime now = clock_of(CLOCK_REALTIME);
  LaLiveResult result;
  unsigned most = (unsigned)MIN(run->left, LA_BATCH_MAX);
  batch->count = la_live_next_batch(run->live, now, batch->packets, most, &result);
  if (result == LA_LIVE_PACKETS) {
    LaDecodedBatch decoded = {.results = batch->results, .segments = batch->segments, .icmp = batch->icmp};
    la_decode_batch(batch->packets, batch->count, &run->options->decode, &decoded);
    batch->segment_count = decoded.segment_count;
    batch->icmp_count = decoded.icmp_count;
    g_autoptr(GError) error = NULL;
    if (run->dump != NULL && !la_dump_packets(run->dump, batch->packets, batch->count, now, &error))
      give_up_dump(run, error);
    count(run);
    follow(run);
    take_finished(run);
    return true;
  }
  LaTime settled = la_live_settled_until(run->live, now);
  if (result == LA_LIVE_QUIET && settled > run->clock) {
    run->clock = settled;
    la_tracker_advance(run->tracker, settled);
    take_finished(run);
  }
  if (result == LA_LIVE_GONE) {
    run->ended = true;
    run->code = la_exit_code_worse(run->code, LA_EXIT_PERMISSION);
  }
  return false;
}

/* ---- once a second ---- */

static void tell_news(Run *run)
{
  char *line;
  while ((line = la_live_news(run->live)) != NULL) {
    tell(line);
    g_free(line);
  }
}

static void judge_filter(Run *run, LaTime mono)
{
  if (run->filter_judged || run->filter == NULL || mono - run->started < QUIET_FILTER)
    return;
  run->filter_judged = true;
  uint64_t passed = la_live_carried(run->live) - run->carried;
  if (run->capture->packets == 0 && passed >= BUSY_PACKETS)
    fprintf(stderr,
            "lastack: the filter has let nothing through for 10 s, while the interface carried %" G_GUINT64_FORMAT
            " packets. Behind VLAN tags or in a tunnel a filter such as `port 80` matches nothing: try `vlan and port 80`, "
            "or no filter\n",
            passed);
}

static void look_at_hosts(Run *run)
{
  if (run->clock == LA_TIME_NONE)
    return;
  LaTime before = clock_of(CLOCK_MONOTONIC);
  la_host_watch_look(run->hosts, run->clock);
  LaTime after = clock_of(CLOCK_MONOTONIC);
  run->hosts_due = after + MAX(LA_SEC, HOSTS_SHARE * (after - before));
}

/* What the kernel holds, beside what the packets say. */
static void look_at_sockets(Run *run, LaTime mono)
{
  run->sockets_due = mono + SOCKETS_INTERVAL;
  la_socket_watch_refresh(run->sockets);
  if (run->clock == LA_TIME_NONE)
    return;
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
  unsigned count = la_socket_watch_contradictions(run->sockets, run->tracker, run->clock - CONTRADICTION_AGE, lines,
                                                  run->contradictions == 0 ? CONTRADICTIONS_TOLD : 0);
  for (unsigned i = 0; i < lines->len; i++)
    tell(g_ptr_array_index(lines, i));
  run->contradictions = count;
}

static void each_second(Run *run, LaTime mono)
{
  if (run->sockets != NULL && mono >= run->sockets_due)
    look_at_sockets(run, mono);
  if (mono >= run->hosts_due)
    look_at_hosts(run);
  if (mono >= run->stats_due)
    tell_stats(run, mono);
  g_autoptr(GError) error = NULL;
  if (run->dump != NULL && !la_dump_tick(run->dump, clock_of(CLOCK_REALTIME), &error))
    give_up_dump(run, error);
  judge_filter(run, mono);
  run->second = mono + LA_SEC;
}

static void reopen(Run *run)
{
  asked_reopen = 0;
  g_autoptr(GError) error = NULL;
  if (!la_outputs_reopen(&run->outputs, &error)) {
    tell(error->message);
    g_clear_error(&error);
  }
  if (run->dump != NULL && !la_dump_reopen(run->dump, clock_of(CLOCK_REALTIME), &error))
    give_up_dump(run, error);
}

/* When all is open: whoever started it in a script waits for this line. */
static void tell_start(const Run *run)
{
  if (run->options->verbosity == LA_VERBOSITY_QUIET)
    return;
  g_autoptr(GString) line = g_string_new("listening on ");
  unsigned count;
  const LaInterface *interfaces = la_live_interfaces(run->live, &count);
  for (unsigned i = 0; i < count; i++) {
    const char *link = la_link_type_name(interfaces[i].link_type);
    g_string_append_printf(line, "%s%s (%s)", i > 0 ? ", " : "", interfaces[i].name, link != NULL ? link : "unknown link type");
  }
  if (run->options->live.snaplen < LA_LIVE_SNAPLEN_WHOLE)
    g_string_append_printf(line, ", %u bytes of each packet", run->options->live.snaplen);
  if (run->metrics.http != NULL)
    g_string_append_printf(line, ", metrics at http://%s/metrics", la_http_address(run->metrics.http));
  tell(line->str);
}

static void wait_for_more(Run *run)
{
  struct pollfd others[1];
  unsigned count = 0;
  if (run->metrics.http != NULL)
    others[count++] = (struct pollfd){.fd = la_http_fd(run->metrics.http), .events = POLLIN};
  la_live_wait(run->live, others, count, WAIT_MS);
}

static void loop(Run *run)
{
  run->started = clock_of(CLOCK_MONOTONIC);
  run->second = run->started + LA_SEC;
  run->stats_due = run->started + STATS_INTERVAL;
  while (!run->ended && *run->interrupt == 0 && run->left > 0) {
    bool busy = take_packets(run);
    LaTime mono = clock_of(CLOCK_MONOTONIC);
    if (mono >= run->second)
      each_second(run, mono);
    if (run->clock != LA_TIME_NONE)
      la_decider_look(run->decider, run->clock);
    tell_findings(run);
    if (asked_reopen != 0)
      reopen(run);
    if (asked_summary != 0)
      tell_so_far(run, mono);
    serve_metrics(run, mono);
    tell_news(run);
    if (!la_outputs_are_read(&run->outputs))
      run->ended = true;
    LaTime until = run->options->live.duration;
    if (until != 0 && mono - run->started >= until)
      run->ended = true;
    if (!busy && !run->ended)
      wait_for_more(run);
  }
}

/* ---- the end ---- */

static void note_interfaces(Run *run)
{
  unsigned count;
  const LaInterface *interfaces = la_live_interfaces(run->live, &count);
  run->capture->kernel_drops = 0;
  for (unsigned i = 0; i < count; i++) {
    la_capture_record_add_link_type(run->capture, interfaces[i].link_type);
    run->capture->time_went_back += interfaces[i].time_went_back;
    run->capture->kernel_drops += (int64_t)la_live_statistics(run->live, i).kernel_drops;
    run->capture->snaplen = interfaces[i].snaplen;
  }
}

/* Host findings, one record a subject. */
static void report_hosts(Run *run)
{
  LaContext context = {.thresholds = &run->options->thresholds};
  g_autoptr(GArray) all = la_aggregate_findings(run->aggregate, &context, &run->counts.host_findings_left);
  g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(LaFinding));
  for (guint i = 0; i < all->len;) {
    LaHostRecord record = {.subject = g_array_index(all, LaHostFinding, i).subject};
    g_array_set_size(findings, 0);
    for (; i < all->len && la_subject_equal(&g_array_index(all, LaHostFinding, i).subject, &record.subject); i++)
      g_array_append_val(findings, g_array_index(all, LaHostFinding, i).finding);
    if (run->judge != NULL)
      la_judge_host(run->judge, &record.subject, findings);
    if (findings->len == 0)
      continue;
    record.findings = (const LaFinding *)(const void *)findings->data;
    record.finding_count = findings->len;
    la_counts_add_host(&run->counts, &record);
    for (unsigned r = 0; r < run->outputs.reports->len; r++) {
      LaReport *report = g_ptr_array_index(run->outputs.reports, r);
      report->format->host(report, &record);
    }
  }
}

/* What is still in the rings belongs to the capture, unless -c says otherwise. */
static void drain(Run *run)
{
  LaTime until = clock_of(CLOCK_MONOTONIC) + LA_SEC;
  while (run->left > 0 && clock_of(CLOCK_MONOTONIC) < until && take_packets(run))
    continue;
}

static void report_end(Run *run)
{
  LaTime now = la_live_settled_until(run->live, clock_of(CLOCK_REALTIME));
  LaTime observed = run->left > 0 ? MAX(run->clock, now) : run->clock;
  g_autoptr(GError) error = NULL;
  if (run->dump != NULL && !la_dump_close(run->dump, observed, &error)) {
    tell(error->message);
    run->code = la_exit_code_worse(run->code, LA_EXIT_OUTPUT);
  }
  LaCaptureRecord *capture = run->capture;
  note_interfaces(run);
  capture->observed_until = observed;
  if (capture->packets > 0)
    capture->end = run->last_packet;
  else
    capture->start = LA_TIME_NONE;
  la_aggregate_observed(run->aggregate, capture->start, observed);
  la_tracker_finish(run->tracker, observed != LA_TIME_NONE ? observed : 0);
  take_finished(run);
  tell_findings(run);
  capture->vantage = la_tracker_vantage(run->tracker);
  report_hosts(run);
  la_aggregate_figures(run->aggregate, &run->counts.figures);
  la_capture_record_conclude(capture);
  if (run->judge != NULL) {
    la_judge_capture(run->judge, capture);
    la_judge_end(run->judge, &run->counts);
  }
  for (unsigned r = 0; r < run->outputs.reports->len; r++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, r);
    report->format->capture(report, capture);
    report->format->end(report, &run->counts);
    /* The capture is borrowed until now: what the report holds back is written while it is there. */
    la_output_flush(report->out);
  }
}

/* The members that tell this run's records from those of others. */
static char *identity_of(const Run *run)
{
  g_autoptr(GString) out = g_string_new(NULL);
  LaJson json;
  la_json_init(&json, out);
  la_json_begin_object(&json);
  la_json_key(&json, "host");
  la_json_string(&json, g_get_host_name());
  la_json_key(&json, "run_id");
  g_autofree char *id = g_uuid_string_random();
  la_json_string(&json, id);
  if (run->dump != NULL) {
    la_json_key(&json, "written");
    la_json_string(&json, la_dump_path(run->dump));
  }
  la_json_end_object(&json);
  return g_strndup(out->str + 1, out->len - 2);
}

static char *name_of_capture(const Run *run)
{
  if (run->dump != NULL)
    return g_strdup(la_dump_path(run->dump));
  g_autoptr(GString) name = g_string_new(NULL);
  unsigned count;
  const LaInterface *interfaces = la_live_interfaces(run->live, &count);
  for (unsigned i = 0; i < count; i++)
    g_string_append_printf(name, "%s%s", i > 0 ? "," : "", interfaces[i].name);
  return g_strdup(name->str);
}

/* A policy suppresses, and formats for CI tell at the end what it says. */
static void begin_judging(Run *run)
{
  if (run->options->policy == NULL && !la_outputs_judge(run->options))
    return;
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(paths, name_of_capture(run));
  LaJudgeOptions how = {.policy = run->policy,
                        .now = clock_of(CLOCK_REALTIME),
                        .ephemeral_low = run->options->track.ephemeral_low,
                        .paths = paths};
  run->judge = la_judge_new(&how);
}

static bool open_all(Run *run, GError **error)
{
  const LaLiveChoices *live = &run->options->live;
  LaLiveOptions how = {
      .interfaces = (const char *const *)live->interfaces->pdata,
      .interface_count = live->interfaces->len,
      .netns = live->netns,
      .filter = run->filter,
      .snaplen = live->snaplen,
      .buffer = live->buffer,
      .hears = live->hears,
  };
  run->live = la_live_open(&how, error);
  if (run->live == NULL)
    return false;
  run->carried = la_live_carried(run->live);
  if (!la_live_metrics_open(&run->metrics, live->metrics, error))
    return false;
  /* Without --owner the kernel's view is a help, and no reason to fail. */
  run->sockets =
      la_socket_watch_new(live->netns, live->owner ? LA_OWNERS_ASKED : LA_OWNERS_UNASKED, live->owner ? error : NULL);
  if (run->sockets == NULL && live->owner)
    return false;
  if (live->write != NULL) {
    LaDumpOptions dump = {.path = live->write,
                          .application = APPLICATION,
                          .ring_files = live->ring_files,
                          .ring_size = live->ring_size,
                          .ring_duration = live->ring_duration};
    run->dump = la_dump_open(&dump, run->live, clock_of(CLOCK_REALTIME), error);
    if (run->dump == NULL)
      return false;
  }
  begin_judging(run);
  LaOutputsFor what = {.check = run->judge != NULL ? la_judge_check(run->judge) : NULL};
  if (!la_outputs_open(&run->outputs, run->options, &what, error))
    return false;
  for (unsigned i = 0; i < run->outputs.outputs->len; i++)
    la_output_by_record(g_ptr_array_index(run->outputs.outputs, i));
  run->identity = identity_of(run);
  for (unsigned i = 0; i < run->outputs.options->len; i++) {
    LaReportOptions *told_how = g_ptr_array_index(run->outputs.options, i);
    told_how->run = run->identity;
    if (run->dump == NULL || live->ring_files != 0)
      told_how->show_options = NULL;
  }
  return true;
}

static void add_folder(GPtrArray *folders, const char *file)
{
  if (file != NULL && strcmp(file, "-") != 0)
    g_ptr_array_add(folders, g_path_get_dirname(file));
}

/* From here on nothing but what is open can be done. */
static bool give_up_rights(Run *run, GError **error)
{
  LaUser user;
  if (!la_user_find(run->options->live.user, &user, error))
    return false;
  if (run->dump != NULL && user.changes)
    la_dump_give(run->dump, user.uid, user.gid);
  g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
  add_folder(folders, run->options->live.write);
  for (unsigned i = 0; i < run->options->outputs->len; i++)
    add_folder(folders, ((const LaOutputChoice *)g_ptr_array_index(run->options->outputs, i))->path);
  LaRightsKept kept = {.folders = (const char *const *)folders->pdata,
                       .folder_count = folders->len,
                       .names = run->options->names == LA_NAMES_RESOLVE};
  tzset(); /* reads a file */
  bool ok = la_rights_drop(&user, &kept, error) && (run->dump == NULL || la_dump_check_folder(run->dump, error));
  la_user_clear(&user);
  return ok;
}

static void prepare(Run *run)
{
  run->track = run->options->track;
  run->track.max_connections = run->options->live.max_connections;
  run->track.max_bytes = run->options->live.max_memory;
  if (run->track.idle_timeout == 0)
    run->track.idle_timeout = IDLE_TIMEOUT;
  run->batch = g_new(LaBatch, 1);
  run->findings = g_new0(LaFindings, 1);
  uint32_t ports = run->options->port_range_end + 1u - MIN(run->options->track.ephemeral_low, run->options->port_range_end);
  LaAggregateOptions aggregate = la_aggregate_options(&run->options->thresholds, run->track.time_wait, ports);
  run->aggregate = la_aggregate_new(&aggregate);
  g_autofree char *name = name_of_capture(run);
  run->capture = la_capture_record_new(name, 1);
  run->tracker = la_tracker_new(&run->track);
  la_tracker_begin_file(run->tracker, 1);
  run->context = (LaContext){.thresholds = &run->options->thresholds, .services = la_tracker_services(run->tracker)};
  run->decider = la_decider_new(run->tracker, &run->context);
  if (run->judge != NULL)
    la_decider_set_policy(run->decider, run->policy, la_judge_check(run->judge)->now);
  run->hosts = la_host_watch_new(run->tracker, &run->context, &aggregate, HOSTS_SPAN);
  run->alarms = la_alarms_new(run->options->live.realarm);
  run->clock = run->last_packet = LA_TIME_NONE;
  run->left = run->options->count != 0 ? run->options->count : UINT64_MAX;
}

static LaExitCode run_open(Run *run)
{
  prepare(run);
  tell_start(run);
  loop(run);
  if (*run->interrupt == 0 || run->left > 0)
    drain(run);
  tell_news(run);
  report_end(run);
  la_decider_free(run->decider);
  la_host_watch_free(run->hosts);
  la_alarms_free(run->alarms);
  la_tracker_free(run->tracker);
  la_capture_record_free(run->capture);
  la_aggregate_free(run->aggregate);
  g_free(run->findings);
  g_free(run->batch);
  g_autoptr(GError) error = NULL;
  if (!la_outputs_close(&run->outputs, &error))
    run->code = la_exit_code_worse(run->code, la_exit_tell(error));
  if (*run->interrupt != 0)
    return la_exit_code_worse(run->code, *run->interrupt == SIGTERM ? LA_EXIT_TERMINATED : LA_EXIT_INTERRUPTED);
  return run->code;
}

LaExitCode la_live_run(const LaOptions *options, const char *filter, const LaPolicy *policy)
{
  Run run = {.options = options, .filter = filter, .policy = policy, .interrupt = la_interrupt_watch()};
  g_autoptr(GError) error = NULL;
  watch_signals();
  LaExitCode code = open_all(&run, &error) && give_up_rights(&run, &error) ? run_open(&run) : la_exit_tell(error);
  la_outputs_clear(&run.outputs);
  la_judge_free(run.judge);
  la_live_metrics_clear(&run.metrics);
  g_free(run.identity);
  la_socket_watch_free(run.sockets);
  la_dump_free(run.dump);
  la_live_free(run.live);
  return code;
}
