/* What a run tells while it goes on. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "capture/link_type.h"
#include "cli/live_run_private.h"

void la_live_run_say(const LaLiveRun *run, const char *what)
{
  if (run->screen != NULL) {
    la_watch_screen_say(run->screen, what);
    return;
  }
  g_autoptr(GString) line = g_string_new("lastack: ");
  la_escape_terminal(line, what, -1);
  fprintf(stderr, "%s\n", line->str);
}

void la_live_run_tell_start(LaLiveRun *run)
{
  g_autoptr(GString) line = g_string_new("listening on ");
  unsigned count;
  const LaInterface *interfaces = la_live_interfaces(run->live, &count);
  for (unsigned i = 0; i < count; i++) {
    const char *link = la_link_type_name(interfaces[i].link_type);
    g_string_append_printf(line, "%s%s (%s)", i > 0 ? ", " : "", interfaces[i].name, link != NULL ? link : "unknown link type");
  }
  if (run->options->live.snaplen < LA_LIVE_SNAPLEN_WHOLE)
    g_string_append_printf(line, ", %u bytes of each packet", run->options->live.snaplen);
  if (run->adopted.taken > 0)
    g_string_append_printf(line, ", %u %s there already", run->adopted.taken,
                           run->adopted.taken == 1 ? "connection was" : "connections were");
  if (run->metrics.http != NULL)
    g_string_append_printf(line, ", metrics at http://%s/metrics", la_http_address(run->metrics.http));
  if (run->options->verbosity != LA_VERBOSITY_QUIET)
    la_live_run_say(run, line->str);
  la_notify_ready(&run->notify, line->str);
}

/* What goes to the terminal has to wait until the screen is gone. */
static bool is_behind_screen(const LaLiveRun *run, const LaReport *report)
{
  return run->screen != NULL && la_output_is_standard(report->out);
}

static void tell_event(LaLiveRun *run, const LaEventRecord *event)
{
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    if (!is_behind_screen(run, report))
      la_report_event(report, event);
  }
  if (run->top != NULL)
    la_top_event(run->top, event);
}

/* What the decider tells of connections is judged there. */
static bool is_noise_of_hosts(const LaLiveRun *run, const LaEventRecord *event)
{
  if (run->judge == NULL || event->connection != 0)
    return false;
  LaCandidate candidate = {.finding = &event->finding, .subject = &event->subject};
  LaTime now = la_judge_check(run->judge)->now;
  return la_policy_judge(run->policy, 0, &event->finding, &candidate, now).kind == LA_RULING_SUPPRESSED;
}

/* Errors and warnings that are told are worth their packets. */
static void save(LaLiveRun *run, const LaEventRecord *event)
{
  g_autoptr(GError) error = NULL;
  if (run->saver == NULL || event->kind != LA_EVENT_RAISED || event->finding.severity == LA_SEVERITY_NOTE ||
      la_saver_save(run->saver, event, &error))
    return;
  la_live_run_say(run, error->message);
  run->code = la_exit_code_worse(run->code, LA_EXIT_OUTPUT);
}

static void take_event(LaLiveRun *run, const LaDecided *decided)
{
  LaEventRecord event = decided->record;
  if (is_noise_of_hosts(run, &event))
    return;
  la_live_metrics_event(&run->metrics, &event);
  if (run->top != NULL)
    la_top_count(run->top, &event);
  if (!la_alarms_pass(run->alarms, &event, &event.held_back))
    return;
  if (run->sockets != NULL && event.kind == LA_EVENT_RAISED)
    la_socket_watch_describe(run->sockets, la_clock_monotonic(), &event, &event.socket);
  tell_event(run, &event);
  save(run, &event);
}

void la_live_run_tell_findings(LaLiveRun *run)
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
static void count_states(LaLiveRun *run)
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

LaLiveTotals la_live_run_totals(const LaLiveRun *run)
{
  LaLiveTotals totals = {.packets = run->capture->packets, .evicted = la_tracker_evicted(run->tracker)};
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
static void make_stats(LaLiveRun *run, LaTime interval)
{
  LaLiveTotals now = la_live_run_totals(run);
  if (run->sockets != NULL)
    la_live_run_read_sockets(run);
  count_states(run);
  run->stats.at = MAX(run->clock, 0);
  run->stats.interval = interval;
  if (run->sockets != NULL) {
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

void la_live_run_tell_stats(LaLiveRun *run, LaTime mono)
{
  make_stats(run, LA_LIVE_STATS_INTERVAL + mono - run->stats_due);
  run->told = la_live_run_totals(run);
  run->stats_due = mono + LA_LIVE_STATS_INTERVAL;
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    if (!is_behind_screen(run, report))
      la_report_stats(report, &run->stats);
  }
}

/* Makes run->stats those since the beginning. */
static void stats_of_all(LaLiveRun *run, LaTime mono)
{
  LaLiveTotals kept = run->told;
  run->told = (LaLiveTotals){0};
  make_stats(run, mono - run->started);
  run->told = kept;
}

void la_live_run_tell_so_far(LaLiveRun *run, LaTime mono)
{
  stats_of_all(run, mono);
  la_aggregate_figures(run->aggregate, &run->counts.figures);
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    if (!is_behind_screen(run, report))
      la_report_so_far(report, &run->counts, &run->stats);
  }
}

/* Rates over the second before. */
static void make_rates(LaLiveRun *run, LaTime mono)
{
  LaTime since = mono - run->rates_at;
  if (run->rates_at != 0 && since < 900 * LA_MSEC)
    return;
  uint64_t packets = run->capture->packets;
  uint64_t ended = run->capture->connections;
  uint64_t opened = ended + la_tracker_open(run->tracker);
  double seconds = la_time_seconds(since);
  run->packets_per_s = run->rates_at != 0 ? (double)(packets - run->rates_packets) / seconds : 0;
  run->opened_per_s = run->rates_at != 0 && opened > run->rates_opened ? (double)(opened - run->rates_opened) / seconds : 0;
  run->ended_per_s = run->rates_at != 0 ? (double)(ended - run->rates_ended) / seconds : 0;
  run->rates_packets = packets;
  run->rates_opened = opened;
  run->rates_ended = ended;
  run->rates_at = mono;
}

bool la_live_run_show(LaLiveRun *run, LaTime mono, int asked)
{
  if (run->screen == NULL || (asked == 0 && mono < run->screen_due))
    return true;
  run->screen_due = mono + LA_SEC;
  make_rates(run, mono);
  stats_of_all(run, mono);
  la_top_count_open(run->top, run->tracker);
  LaWatchFigures figures = {.where = run->capture->path,
                            .now = MAX(run->clock, 0),
                            .running = mono - run->started,
                            .packets_per_s = run->packets_per_s,
                            .opened_per_s = run->opened_per_s,
                            .ended_per_s = run->ended_per_s,
                            .stats = &run->stats,
                            .zone = run->options->zone};
  return la_watch_screen_show(run->screen, run->top, run->tracker, &figures);
}
