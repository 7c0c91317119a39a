/* Composes the stages over packets as they pass:
 *
 *   interfaces -> decoder -> tracker -> finished connections -> catalogue -> reports
 *            \-> -w
 *
 * One thread, one loop: take what is there, and when nothing is there, wait for packets, a signal, or the next moment something is
 * due. The tracker's clock is the packets' own; while it is quiet it follows the clock of the machine, behind the moment up to which
 * the kernel has handed all packets over. So a run gives what an analysis of its -w file gives. */
#include "cli/live_run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/live_run_private.h"
#include "report/hosts.h"

#define WAIT_MS 100
#define LOSSES_INTERVAL (200 * LA_MSEC) /* shorter than the time for which any finding has to stand */
#define SOCKETS_INTERVAL (30 * LA_SEC)
#define CONTRADICTION_AGE (5 * LA_SEC)
#define CONTRADICTIONS_TOLD 5u
#define HOSTS_SHARE 20              /* looking at hosts takes at most one part in so many of the time */
#define HOSTS_INTERVAL (LA_SEC / 2) /* ... and happens no more often than this */
#define QUIET_FILTER (10 * LA_SEC)  /* a filter that lets nothing through for so long is mentioned */
#define BUSY_PACKETS 100u           /* ... when the interfaces carried so many packets meanwhile */

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

static void finish_connection(LaLiveRun *run, const LaConnection *conn)
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
  if (run->top != NULL)
    la_top_connection(run->top, &record);
  la_counts_add_connection(&run->counts, &record);
  for (unsigned i = 0; i < run->outputs.reports->len; i++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, i);
    la_report_connection(report, &record);
  }
}

static void take_finished(LaLiveRun *run)
{
  LaConnection *conn;
  while ((conn = la_tracker_next(run->tracker)) != NULL) {
    finish_connection(run, conn);
    if (run->saver != NULL) {
      la_live_run_tell_findings(run); /* its packets may be wanted */
      la_saver_forget(run->saver, conn);
    }
    la_tracker_recycle(run->tracker, conn);
  }
}

/* ---- packets ---- */

static void follow(LaLiveRun *run)
{
  const LaBatch *batch = run->batch;
  unsigned first = 0; /* segments [first, next) are not taken yet */
  unsigned next = 0;
  unsigned icmp = 0;
  for (unsigned i = 0; i < batch->count; i++) {
    run->last_packet = MAX(run->last_packet, batch->packets[i].time);
    if (batch->results[i] == LA_DECODED_SEGMENT) {
      if (run->saver != NULL)
        la_saver_packet(run->saver, &batch->packets[i], &batch->segments[next]);
      next++;
      continue;
    }
    run->capture->skipped[la_reader_skipped(batch->results[i])]++;
    la_tracker_segments(run->tracker, batch->segments + first, next - first);
    first = next;
    la_tracker_advance(run->tracker, batch->packets[i].time);
    if (batch->results[i] != LA_DECODED_ICMP)
      continue;
    if (run->saver != NULL)
      la_saver_icmp(run->saver, &batch->packets[i], &batch->icmp[icmp]);
    la_tracker_icmp(run->tracker, &batch->icmp[icmp++], NULL);
  }
  la_tracker_segments(run->tracker, batch->segments + first, next - first);
  run->clock = MAX(run->clock, run->last_packet);
}

static void count(LaLiveRun *run)
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
static void give_up_dump(LaLiveRun *run, GError *error)
{
  if (strcmp(la_dump_path(run->dump), "-") == 0 && la_dump_is_unread(run->dump)) {
    run->ended = true; /* whoever read it has gone: no error */
    g_clear_pointer(&run->dump, la_dump_free);
    return;
  }
  la_live_run_say(run, error->message);
  la_live_run_say(run, "nothing more is written to the capture; the analysis goes on");
  g_clear_pointer(&run->dump, la_dump_free);
  run->code = la_exit_code_worse(run->code, LA_EXIT_OUTPUT);
}

/* The time of day, which packets carry, too. Somebody may set it. */
static LaTime time_of_day(LaLiveRun *run)
{
  LaTime before = la_clock_boot();
  LaTime now = la_clock_wall();
  LaTime boot = la_clock_boot();
  /* Stopped between the two clocks: that is no step. */
  LaTime step = boot - before < LA_STEADY_STEP / 10 ? la_steady_look(&run->steady, now, boot) : 0;
  if (step == 0)
    return now;
  g_autofree char *line = g_strdup_printf(
      "the clock was stepped by %.0f s: times in reports go on as if it had not been, those of -w are as they were",
      la_time_seconds(step));
  la_live_run_say(run, line);
  return now;
}

/* The packets' times without the steps of the clock. */
static void steady_times(LaLiveRun *run)
{
  if (run->steady.stepped == 0)
    return;
  for (unsigned i = 0; i < run->batch->count; i++)
    run->batch->packets[i].time = la_steady_time(&run->steady, run->batch->packets[i].time);
}

/* Whether there were packets. */
static bool take_packets(LaLiveRun *run)
{
  LaBatch *batch = run->batch;
  LaTime now = time_of_day(run);
  LaLiveResult result;
  unsigned most = (unsigned)MIN(run->left, LA_BATCH_MAX);
  batch->count = la_live_next_batch(run->live, now, batch->packets, most, &result);
  if (result == LA_LIVE_PACKETS) {
    g_autoptr(GError) error = NULL;
    if (run->dump != NULL && !la_dump_packets(run->dump, batch->packets, batch->count, now, &error))
      give_up_dump(run, error);
    steady_times(run);
    LaDecodedBatch decoded = {.results = batch->results, .segments = batch->segments, .icmp = batch->icmp};
    la_decode_batch(batch->packets, batch->count, &run->options->decode, &decoded);
    batch->segment_count = decoded.segment_count;
    batch->icmp_count = decoded.icmp_count;
    count(run);
    follow(run);
    take_finished(run);
    return true;
  }
  LaTime settled = la_steady_time(&run->steady, la_live_settled_until(run->live, now));
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

static void tell_news(LaLiveRun *run)
{
  char *line;
  while ((line = la_live_news(run->live)) != NULL) {
    la_live_run_say(run, line);
    g_free(line);
  }
}

static void judge_filter(LaLiveRun *run, LaTime mono)
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

static void look_at_hosts(LaLiveRun *run)
{
  if (run->clock == LA_TIME_NONE)
    return;
  LaTime before = la_clock_monotonic();
  la_host_watch_look(run->hosts, run->clock);
  LaTime after = la_clock_monotonic();
  run->hosts_due = after + MAX(HOSTS_INTERVAL, HOSTS_SHARE * (after - before));
}

/* What the kernel holds, beside what the packets say. */
void la_live_run_read_sockets(LaLiveRun *run)
{
  if (run->sockets == NULL || !la_socket_watch_refresh(run->sockets))
    return;
  LaTime now = la_clock_wall();
  LaTime settled = run->clock != LA_TIME_NONE ? run->clock - CONTRADICTION_AGE : LA_TIME_NONE;
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
  unsigned count = la_socket_watch_reconcile(run->sockets, run->tracker, now, settled, lines);
  take_finished(run);
  if (settled != LA_TIME_NONE)
    count += la_socket_watch_contradictions(run->sockets, run->tracker, settled, lines, CONTRADICTIONS_TOLD);
  for (unsigned i = 0; run->contradictions == 0 && i < MIN(lines->len, CONTRADICTIONS_TOLD); i++)
    la_live_run_say(run, g_ptr_array_index(lines, i));
  run->contradictions = count;
}

static void each_second(LaLiveRun *run, LaTime mono)
{
  if (mono >= run->sockets_due) {
    run->sockets_due = mono + SOCKETS_INTERVAL;
    la_live_run_read_sockets(run);
  }
  if (mono >= run->stats_due)
    la_live_run_tell_stats(run, mono);
  g_autoptr(GError) error = NULL;
  if (run->dump != NULL && !la_dump_tick(run->dump, la_clock_wall(), &error))
    give_up_dump(run, error);
  judge_filter(run, mono);
  run->second = mono + LA_SEC;
}

/* What a finding rests on is weighed with what was dropped by now, so this comes before them. */
static void look_for_losses(LaLiveRun *run, LaTime mono)
{
  run->losses_due = mono + LOSSES_INTERVAL;
  LaLosses read = {.count = 0};
  la_live_read_losses(run->live, time_of_day(run), &read);
  for (unsigned i = 0; i < read.count; i++)
    la_losses_add(&run->losses, (LaLoss){.from = la_steady_time(&run->steady, read.items[i].from),
                                         .until = la_steady_time(&run->steady, read.items[i].until),
                                         .packets = read.items[i].packets});
}

static void reopen(LaLiveRun *run)
{
  asked_reopen = 0;
  g_autoptr(GError) error = NULL;
  if (!la_outputs_reopen(&run->outputs, &error)) {
    la_live_run_say(run, error->message);
    g_clear_error(&error);
  }
  if (run->dump != NULL && !la_dump_reopen(run->dump, la_clock_wall(), &error))
    give_up_dump(run, error);
}

/* Somebody may have asked for /metrics. */
static void serve_metrics(LaLiveRun *run, LaTime mono)
{
  if (!la_live_metrics_are_wanted(&run->metrics, mono))
    return;
  LaLiveTotals totals = la_live_run_totals(run);
  LaMetricsCapture capture = {.version = LASTACK_VERSION,
                              .started = la_clock_wall() - (mono - run->started),
                              .last_packet = run->last_packet,
                              .packets = totals.packets,
                              .kernel_drops = totals.kernel,
                              .interface_drops = totals.interface,
                              .evicted = totals.evicted,
                              .bytes = la_tracker_bytes(run->tracker)};
  la_live_metrics_answer(&run->metrics, run->tracker, &capture, mono);
}

/* Waits for packets, a key, or somebody who asks for figures. */
static void wait_for_more(LaLiveRun *run, LaTime mono)
{
  struct pollfd others[2];
  unsigned count = 0;
  if (run->metrics.http != NULL)
    others[count++] = (struct pollfd){.fd = la_http_fd(run->metrics.http), .events = POLLIN};
  if (run->screen != NULL)
    others[count++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  la_live_wait(run->live, others, count, WAIT_MS);
  if (run->screen == NULL || others[count - 1].revents == 0)
    return;
  /* Nobody looks any more, and a terminal that is gone would be readable for ever. */
  bool gone = (others[count - 1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  if (gone || !la_live_run_show(run, mono, 1))
    run->ended = true;
}

static void loop(LaLiveRun *run)
{
  run->started = la_clock_monotonic();
  run->second = run->started + LA_SEC;
  run->stats_due = run->started + LA_LIVE_STATS_INTERVAL;
  run->sockets_due = run->started + SOCKETS_INTERVAL;
  while (!run->ended && *run->interrupt == 0 && run->left > 0) {
    bool busy = take_packets(run);
    LaTime mono = la_clock_monotonic();
    if (mono >= run->losses_due)
      look_for_losses(run, mono);
    if (mono >= run->second)
      each_second(run, mono);
    if (mono >= run->hosts_due)
      look_at_hosts(run);
    if (run->clock != LA_TIME_NONE)
      la_decider_look(run->decider, run->clock);
    la_live_run_tell_findings(run);
    if (asked_reopen != 0)
      reopen(run);
    if (asked_summary != 0) {
      asked_summary = 0;
      la_live_run_tell_so_far(run, mono);
    }
    serve_metrics(run, mono);
    la_notify_alive(&run->notify, mono);
    if (!la_live_run_show(run, mono, 0))
      run->ended = true;
    tell_news(run);
    if (!la_outputs_are_read(&run->outputs))
      run->ended = true;
    LaTime until = run->options->live.duration;
    if (until != 0 && mono - run->started >= until)
      run->ended = true;
    /* What is due was not all looked at: there was too much of it for one round. */
    bool behind = run->clock != LA_TIME_NONE && la_decider_due(run->decider) <= run->clock;
    if (!busy && !behind && !run->ended)
      wait_for_more(run, mono);
  }
}

/* ---- the end ---- */

static void note_interfaces(LaLiveRun *run)
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

/* What is still in the rings belongs to the capture, unless -c says otherwise. */
static void drain(LaLiveRun *run)
{
  LaTime until = la_clock_monotonic() + LA_SEC;
  while (run->left > 0 && la_clock_monotonic() < until && take_packets(run))
    continue;
}

static void report_end(LaLiveRun *run)
{
  look_for_losses(run, 0);
  LaTime now = la_live_settled_until(run->live, time_of_day(run));
  LaTime steady = la_steady_time(&run->steady, now);
  LaTime observed = run->left > 0 ? MAX(run->clock, steady) : run->clock;
  g_autoptr(GError) error = NULL;
  if (run->dump != NULL && !la_dump_close(run->dump, observed == LA_TIME_NONE ? now : observed + (now - steady), &error)) {
    la_live_run_say(run, error->message);
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
  la_live_run_read_sockets(run);
  la_tracker_finish(run->tracker, observed != LA_TIME_NONE ? observed : 0);
  take_finished(run);
  la_live_run_tell_findings(run);
  capture->vantage = la_tracker_vantage(run->tracker);
  la_hosts_report(run->aggregate, &run->options->thresholds,
                  &(LaHostsTold){.judge = run->judge,
                                 .counts = &run->counts,
                                 .reports = (LaReport *const *)run->outputs.reports->pdata,
                                 .report_count = run->outputs.reports->len});
  la_aggregate_figures(run->aggregate, &run->counts.figures);
  la_capture_record_conclude(capture);
  if (run->judge != NULL) {
    la_judge_capture(run->judge, capture);
    la_judge_end(run->judge, &run->counts);
  }
  for (unsigned r = 0; r < run->outputs.reports->len; r++) {
    LaReport *report = g_ptr_array_index(run->outputs.reports, r);
    la_report_capture(report, capture);
    la_report_end(report, &run->counts);
    /* The capture is borrowed until now: what the report holds back is written while it is there. */
    la_output_flush(report->out);
  }
}

static LaExitCode run_open(LaLiveRun *run)
{
  la_live_run_tell_start(run);
  loop(run);
  la_notify_stopping(&run->notify);
  if (*run->interrupt == 0 || run->left > 0)
    drain(run);
  tell_news(run);
  g_clear_pointer(&run->screen, la_watch_screen_free); /* the report goes to the terminal as it was */
  report_end(run);
  g_autoptr(GError) error = NULL;
  if (!la_outputs_close(&run->outputs, &error))
    run->code = la_exit_code_worse(run->code, la_exit_tell(error));
  if (*run->interrupt != 0)
    return la_exit_code_worse(run->code, *run->interrupt == SIGTERM ? LA_EXIT_TERMINATED : LA_EXIT_INTERRUPTED);
  return run->code;
}

LaExitCode la_live_run(const LaOptions *options, const char *filter, const LaPolicy *policy)
{
  LaLiveRun run = {.options = options, .filter = filter, .policy = policy, .interrupt = la_interrupt_watch()};
  g_autoptr(GError) error = NULL;
  watch_signals();
  bool open = la_live_run_open(&run, &error);
  if (!open)
    g_clear_pointer(&run.screen, la_watch_screen_free); /* the message has to be seen */
  LaExitCode code = open ? run_open(&run) : la_exit_tell(error);
  la_live_run_close(&run);
  return code;
}
