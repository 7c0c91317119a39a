/* Composes the stages, for one file after the other:
 *
 *   source -> filter -> decoder         (reader.c, up to 128 packets at a time; with -j in a thread of its own, ahead.c)
 *          -> tracker                   (in runs, so that it can fetch table slots ahead)
 *          -> finished connections -> catalogue -> reports
 *
 * The clock is the running maximum of all packet times, of packets that are no segments too. Connections come out in the order in which
 * they finish and are diagnosed at that moment, so memory follows the connections that are open. Under --sequence one tracker goes on
 * through all files; otherwise each file has its own. Nothing in the loop over packets allocates. */
#include "cli/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "cli/ahead.h"
#include "report/hosts.h"
#include "report/record.h"
#include "track/measures.h"

typedef struct {
  const LaPipeline *pipeline;
  const LaOptions *options;
  LaTracker *tracker;       /* (owned) */
  LaBatch *batch;           /* (owned) */
  LaContext context;        /* what the rules read beside a connection */
  LaFindings *findings;     /* (owned) */
  LaAggregate *aggregate;   /* over all files (owned) */
  LaAggregate *reported;    /* the figures of what is reported; NULL: all is (owned) */
  GPtrArray *captures;      /* of LaCaptureRecord, those that could be opened (owned) */
  GArray *first_frames;     /* of uint64_t: the number of each capture's first packet, under --sequence */
  LaCaptureRecord *capture; /* the one being read (borrowed from captures) */
  LaCounts counts;
  LaTime clock;  /* under --sequence carried over from the files before */
  bool timeless; /* the same */
  uint64_t frame_base;
  uint64_t selected_left;
  LaLosses losses;     /* of the file being read; under --sequence of all so far */
  bool foreseen;       /* all of this file's are in `losses` already */
  LaThresholds scaled; /* for connections that the capture's end cuts off */
  bool has_scaled;
} Run;

static void free_capture(gpointer record)
{
  la_capture_record_free(record);
}

/* Under --sequence the tracker does not know of files: the packet a connection began with tells. */
static LaCaptureRecord *capture_of(const Run *run, const LaConnection *conn)
{
  if (run->options->files_are == LA_FILES_ONE_BY_ONE)
    return run->capture;
  unsigned i = run->first_frames->len - 1;
  while (i > 0 && g_array_index(run->first_frames, uint64_t, i) > conn->first_frame)
    i--;
  return g_ptr_array_index(run->captures, i);
}

/* -Y selects after the diagnosis: what is said of hosts and captures rests on all connections. */
static bool is_selected(const Run *run, const LaConnectionRecord *record)
{
  const LaExpression *where = run->pipeline->where;
  if (where == NULL)
    return true;
  LaCandidate candidate = {.file = record->file, .conn = record->conn, .findings = record->findings};
  return la_expression_holds(where, &candidate);
}

/* Under --sequence ids go on through all files. */
static unsigned file_number(const Run *run)
{
  return run->options->files_are == LA_FILES_SEQUENCE ? 1 : run->capture->file;
}

/* Returns the connection to be given back: `conn`, or the whole that took its place. */
static LaConnection *finish_connection(Run *run, LaConnection *conn)
{
  LaContext *context = &run->context;
  context->vantage = la_tracker_vantage(run->tracker);
  context->thresholds = run->has_scaled && la_judge_is_cut_off(conn) ? &run->scaled : &run->options->thresholds;
  if (!la_diagnose(conn, context, run->findings)) {
    conn = la_tracker_whole(run->tracker, conn);
    la_diagnose(conn, context, run->findings);
  }
  LaCaptureRecord *capture = capture_of(run, conn);
  LaConnectionRecord record = {
      .conn = conn,
      .findings = run->findings,
      .path = capture->path,
      .file = capture->file,
      .handshake = la_connection_handshake(conn),
      .teardown = la_connection_teardown(conn),
  };
  la_aggregate_connection(run->aggregate, conn, run->findings);
  capture->connections++;
  run->counts.connections_total++;
  la_capture_record_add_connection(capture, &record);
  bool selected = is_selected(run, &record);
  bool reported = selected && la_window_has_connection(&run->options->window, &record);
  if (selected && run->reported != NULL)
    (reported ? la_aggregate_connection : la_aggregate_passed)(run->reported, conn, run->findings);
  if (run->pipeline->selection != NULL)
    la_selection_note(run->pipeline->selection, file_number(run), conn->id, reported ? LA_REPORTED : LA_NOT_REPORTED);
  if (!reported)
    return conn;
  if (run->pipeline->judge != NULL)
    la_judge_connection(run->pipeline->judge, &record, run->findings);
  la_counts_add_connection(&run->counts, &record);
  for (unsigned i = 0; i < run->pipeline->report_count; i++)
    la_report_connection(run->pipeline->reports[i], &record);
  return conn;
}

static void take_finished(Run *run)
{
  LaConnection *conn;
  while ((conn = la_tracker_next(run->tracker)) != NULL)
    la_tracker_recycle(run->tracker, finish_connection(run, conn));
}

/* A batch with packets in it that are no segments, in capture order. Segments go to the tracker in runs as long as possible. A
 * packet that is no segment only moves the clock, and the next segment moves it as far or farther, unless time goes back there:
 * only then, and at the end, must it be told. */
static void follow_mixed(Run *run, const LaBatch *batch)
{
  LaTracker *tracker = run->tracker;
  unsigned first = 0; /* segments [first, next) are not taken yet */
  unsigned next = 0;
  unsigned icmp = 0;
  LaTime silent = LA_TIME_NONE; /* latest time of the packets since segment next - 1 */
  for (unsigned i = 0; i < batch->count; i++) {
    LaTime time = batch->packets[i].time;
    bool segment = batch->results[i] == LA_DECODED_SEGMENT;
    if (segment && time >= silent) {
      next++;
      silent = LA_TIME_NONE;
      continue;
    }
    if (!segment) {
      run->capture->skipped[la_reader_skipped(batch->results[i])]++;
      silent = MAX(silent, time);
      if (batch->results[i] != LA_DECODED_ICMP)
        continue;
    }
    la_tracker_segments(tracker, batch->segments + first, next - first);
    la_tracker_advance(tracker, silent);
    silent = LA_TIME_NONE;
    first = next;
    if (segment)
      next++;
    else
      la_tracker_icmp(tracker, &batch->icmp[icmp++], NULL);
  }
  la_tracker_segments(tracker, batch->segments + first, next - first);
  if (silent != LA_TIME_NONE)
    la_tracker_advance(tracker, silent);
}

static void follow(Run *run, const LaBatch *batch)
{
  LaCaptureRecord *capture = run->capture;
  if (batch->segment_count == batch->count)
    la_tracker_segments(run->tracker, batch->segments, batch->count);
  else
    follow_mixed(run, batch);
  if (capture->start == LA_TIME_NONE || batch->earliest < capture->start)
    capture->start = batch->earliest;
  capture->segments += batch->segment_count;
  capture->packets += batch->count;
}

/* What the source knows of its interfaces, once it has been read. */
static void note_interfaces(LaCaptureRecord *capture, const LaSource *source)
{
  unsigned count;
  const LaInterface *interfaces = la_source_interfaces(source, &count);
  for (unsigned i = 0; i < count; i++) {
    la_capture_record_add_link_type(capture, interfaces[i].link_type);
    capture->time_went_back += interfaces[i].time_went_back;
    capture->times_out_of_range += interfaces[i].time_out_of_range;
    if (interfaces[i].kernel_drops >= 0)
      capture->kernel_drops = MAX(capture->kernel_drops, 0) + interfaces[i].kernel_drops;
  }
  capture->snaplen = la_source_snaplen(source);
}

static LaTime later(LaTime a, LaTime b)
{
  return a == LA_TIME_NONE || (b != LA_TIME_NONE && b > a) ? b : a;
}

/* The end of observation: the last packet, what the capture states, and what the user knows (CONTRACT section 4). With -c the capture
 * ends where reading stopped. */
static LaTime observed_until(const Run *run, const LaSource *source)
{
  LaTime until = run->capture->end;
  if (until == LA_TIME_NONE && run->capture->packets > 0)
    return LA_TIME_NONE; /* no packet has a time: how long silence lasted nobody knows */
  if (run->selected_left != 0)
    until = later(until, la_source_stated_end(source));
  return later(until, run->options->observed_until);
}

static bool is_interrupted(const Run *run)
{
  return run->pipeline->interrupt != NULL && *run->pipeline->interrupt != 0;
}

static bool is_read(const Run *run)
{
  if (run->pipeline->reads_all)
    return true;
  if (run->pipeline->selection != NULL)
    return true; /* -w wants all of it */
  for (unsigned i = 0; i < run->pipeline->report_count; i++) {
    if (run->pipeline->reports[i]->out == NULL || !la_output_is_unread(run->pipeline->reports[i]->out))
      return true;
  }
  return run->pipeline->report_count == 0;
}

/* From the reader, or from the thread that reads ahead: the batches are the same. */
static bool next_batch(const Run *run, LaReader *reader, LaAhead *ahead, LaTaken *ret, GError **error)
{
  if (ahead != NULL)
    return la_ahead_next(ahead, run->pipeline->interrupt, ret, error);
  ret->batch = run->batch;
  return la_reader_next(reader, run->batch, &ret->result, error);
}

/* Reads the source to its end. False when the filter cannot go on (nothing of the run is worth reporting then). */
static bool read_all(Run *run, LaSource *source, LaReadResult *ret_result, GError **error)
{
  LaReader reader = {
      .source = source,
      .filter = run->pipeline->filter,
      .decode = &run->options->decode,
      .frame_base = run->frame_base,
      .selected_left = run->selected_left,
      .clock = run->clock,
      .timeless = run->timeless,
  };
  g_autoptr(LaAhead) ahead = run->options->threads > 1 ? la_ahead_start(&reader) : NULL;
  LaTaken taken = {.result = LA_READ_PACKET};
  while ((ahead != NULL || !is_interrupted(run)) && is_read(run)) {
    if (!next_batch(run, &reader, ahead, &taken, error))
      return false;
    if (taken.result != LA_READ_PACKET || taken.batch == NULL)
      break;
    if (!run->foreseen)
      la_losses_add_all(&run->losses, &taken.batch->losses);
    follow(run, taken.batch);
    take_finished(run);
    run->selected_left = taken.batch->selected_left;
    run->clock = taken.batch->clock;
    la_progress_update(run->pipeline->progress, taken.batch);
  }
  *ret_result = taken.result;
  g_clear_pointer(&ahead, la_ahead_stop); /* the source is ours again */
  run->timeless = reader.timeless;
  if (!run->foreseen)
    la_source_take_losses(source, &run->losses); /* behind the last packet */
  return true;
}

/* What all reports together, -Y, and the policy need of ordinary connections. */
static LaRecords records_for(const LaPipeline *pipeline)
{
  if (pipeline->judge != NULL && la_policy_records(la_judge_check(pipeline->judge)->policy) == LA_RECORDS_WHOLE)
    return LA_RECORDS_WHOLE;
  if (pipeline->where != NULL && la_expression_records(pipeline->where) == LA_RECORDS_WHOLE)
    return LA_RECORDS_WHOLE;
  for (unsigned i = 0; i < pipeline->report_count; i++) {
    const LaReport *report = pipeline->reports[i];
    if (report->format->records == LA_RECORDS_WHOLE || report->options->verbosity == LA_VERBOSITY_VERBOSE)
      return LA_RECORDS_WHOLE;
  }
  return LA_RECORDS_BRIEF;
}

static void begin_file(Run *run, const char *path, unsigned file)
{
  run->capture = la_capture_record_new(path, file);
  g_ptr_array_add(run->captures, run->capture);
  if (run->options->files_are == LA_FILES_SEQUENCE) {
    uint64_t first = run->frame_base + 1;
    g_array_append_val(run->first_frames, first);
    if (run->tracker != NULL)
      return;
  } else {
    run->frame_base = 0;
    run->losses.count = 0;
    run->clock = LA_TIME_NONE;
    run->timeless = false;
    run->selected_left = run->options->count != 0 ? run->options->count : UINT64_MAX;
  }
  la_tracker_free(run->tracker);
  LaTrackOptions track = run->options->track;
  track.records = (uint8_t)records_for(run->pipeline);
  run->tracker = la_tracker_new(&track);
  run->context = (LaContext){
      .thresholds = &run->options->thresholds, .services = la_tracker_services(run->tracker), .losses = &run->losses};
  la_tracker_begin_file(run->tracker, file);
}

/* Waits that are longer than the whole capture could never be seen in it. */
static void scale_thresholds(Run *run, LaTime until)
{
  LaTime start = LA_TIME_NONE;
  unsigned first = run->options->files_are == LA_FILES_SEQUENCE ? 0 : run->captures->len - 1;
  for (unsigned i = first; i < run->captures->len; i++) {
    const LaCaptureRecord *capture = g_ptr_array_index(run->captures, i);
    if (capture->start != LA_TIME_NONE && (start == LA_TIME_NONE || capture->start < start))
      start = capture->start;
  }
  run->has_scaled = run->pipeline->judge != NULL && start != LA_TIME_NONE && until >= start &&
                    la_judge_scale(run->pipeline->judge, &run->options->thresholds, until - start, &run->scaled);
}

static void finish_tracker(Run *run, LaTime until)
{
  scale_thresholds(run, until);
  la_tracker_finish(run->tracker, until != LA_TIME_NONE ? until : LA_TIME_UNKNOWN);
  take_finished(run);
  run->has_scaled = false;
  LaVantage vantage = la_tracker_vantage(run->tracker);
  if (run->options->files_are == LA_FILES_SEQUENCE)
    for (unsigned i = 0; i < run->captures->len; i++)
      ((LaCaptureRecord *)g_ptr_array_index(run->captures, i))->vantage = vantage;
  else
    run->capture->vantage = vantage;
}

/* One line on standard error, the path escaped. */
static void tell(const Run *run, const char *path, const char *what)
{
  g_autoptr(GString) line = g_string_new("lastack: ");
  la_escape_terminal(line, strcmp(path, "-") == 0 ? "standard input" : path, -1);
  g_string_append(line, ": ");
  la_escape_terminal(line, what, -1);
  la_progress_clear(run->pipeline->progress);
  fprintf(stderr, "%s\n", line->str);
}

/* Reads one file; `*ret_code` is how it went. False when the whole run has to end (with LA_ERROR_USAGE). */
static bool read_file(Run *run, const char *path, unsigned file, LaExitCode *ret_code, GError **error)
{
  g_autoptr(GError) open_error = NULL;
  LaLosses losses = {.count = 0};
  bool foreseen = la_reader_foresee(path, run->pipeline->spooled, run->pipeline->interrupt, &losses);
  g_autoptr(LaSource) source = la_reader_open(path, run->pipeline->spooled, run->pipeline->interrupt, &open_error);
  if (source == NULL) {
    if (!is_interrupted(run)) {
      la_progress_clear(run->pipeline->progress);
      *ret_code = la_exit_tell(open_error);
      if (run->pipeline->judge != NULL)
        la_judge_unreadable(run->pipeline->judge, open_error->message);
    }
    return true;
  }
  begin_file(run, path, file);
  if (foreseen)
    la_losses_add_all(&run->losses, &losses);
  run->foreseen = foreseen;
  LaReadResult result;
  if (!read_all(run, source, &result, error))
    return false;
  LaCaptureRecord *capture = run->capture;
  if (run->clock != LA_TIME_NONE && capture->packets > 0)
    capture->end = run->clock;
  else
    capture->start = LA_TIME_NONE; /* no packet had a time */
  note_interfaces(capture, source);
  capture->observed_until = observed_until(run, source);
  if (run->pipeline->selection != NULL)
    la_selection_observed(run->pipeline->selection, file_number(run), capture->observed_until);
  la_aggregate_observed(run->aggregate, capture->start, capture->observed_until);
  if (run->reported != NULL)
    la_aggregate_observed(run->reported, capture->start, capture->observed_until);
  if (result == LA_READ_BROKEN) {
    const char *why = la_source_error(source);
    capture->broken_by = g_strdup(why != NULL ? why : "corrupt");
    tell(run, path, capture->broken_by);
    *ret_code = run->options->check.allow_truncated ? LA_EXIT_OK : LA_EXIT_BROKEN;
  }
  run->frame_base += capture->packets;
  if (run->options->files_are == LA_FILES_ONE_BY_ONE)
    finish_tracker(run, capture->observed_until);
  return true;
}

/* The end of a sequence is the latest of its files'. */
static void finish_sequence(Run *run)
{
  LaTime until = LA_TIME_NONE;
  for (unsigned i = 0; i < run->captures->len; i++) {
    const LaCaptureRecord *capture = g_ptr_array_index(run->captures, i);
    until = later(until, capture->observed_until);
  }
  finish_tracker(run, until);
}

static void report_end(Run *run)
{
  la_hosts_report(run->aggregate, &run->options->thresholds,
                  &(LaHostsTold){.window = &run->options->window,
                                 .judge = run->pipeline->judge,
                                 .counts = &run->counts,
                                 .reports = run->pipeline->reports,
                                 .report_count = run->pipeline->report_count});
  la_aggregate_figures(run->aggregate, &run->counts.figures);
  run->counts.narrowed = run->reported != NULL;
  if (run->reported != NULL)
    la_aggregate_figures(run->reported, &run->counts.reported);
  for (unsigned i = 0; i < run->captures->len; i++) {
    la_capture_record_conclude(g_ptr_array_index(run->captures, i));
    if (run->pipeline->judge != NULL)
      la_judge_capture(run->pipeline->judge, g_ptr_array_index(run->captures, i));
  }
  if (run->pipeline->judge != NULL)
    la_judge_end(run->pipeline->judge, &run->counts);
  for (unsigned r = 0; r < run->pipeline->report_count; r++) {
    LaReport *report = run->pipeline->reports[r];
    for (unsigned i = 0; i < run->captures->len; i++)
      la_report_capture(report, g_ptr_array_index(run->captures, i));
    la_report_end(report, &run->counts);
    /* The captures are borrowed until now: what the report holds back is written while they are there. */
    if (report->out != NULL)
      la_output_flush(report->out);
  }
}

static LaExitCode run_files(Run *run)
{
  LaExitCode worst = LA_EXIT_OK;
  const GPtrArray *files = run->options->words;
  for (unsigned i = 0; i < files->len && !is_interrupted(run) && is_read(run); i++) {
    LaExitCode code = LA_EXIT_OK;
    g_autoptr(GError) error = NULL;
    if (!read_file(run, g_ptr_array_index(files, i), i + 1, &code, &error)) {
      la_progress_clear(run->pipeline->progress);
      return la_exit_tell(error);
    }
    worst = la_exit_code_worse(worst, code);
  }
  if (run->options->files_are == LA_FILES_SEQUENCE && run->tracker != NULL)
    finish_sequence(run);
  la_progress_clear(run->pipeline->progress);
  report_end(run);
  if (is_interrupted(run))
    return *run->pipeline->interrupt == SIGTERM ? LA_EXIT_TERMINATED : LA_EXIT_INTERRUPTED;
  return worst;
}

LaExitCode la_pipeline_run(const LaPipeline *pipeline)
{
  Run *run = g_new0(Run, 1);
  run->pipeline = pipeline;
  run->options = pipeline->options;
  run->batch = g_new(LaBatch, 1);
  run->findings = g_new0(LaFindings, 1);
  uint32_t ports = run->options->port_range_end + 1u - MIN(run->options->track.ephemeral_low, run->options->port_range_end);
  LaAggregateOptions aggregate = la_aggregate_options(&run->options->thresholds, run->options->track.time_wait, ports);
  run->aggregate = la_aggregate_new(&aggregate);
  aggregate.purpose = LA_AGGREGATE_FIGURES;
  aggregate.from = run->options->window.from;
  aggregate.to = run->options->window.to;
  if (pipeline->where != NULL || !la_window_is_all(&run->options->window))
    run->reported = la_aggregate_new(&aggregate);
  run->captures = g_ptr_array_new_with_free_func(free_capture);
  run->first_frames = g_array_new(FALSE, FALSE, sizeof(uint64_t));
  run->clock = LA_TIME_NONE;
  run->selected_left = run->options->count != 0 ? run->options->count : UINT64_MAX;
  LaExitCode code = run_files(run);
  la_tracker_free(run->tracker);
  g_ptr_array_unref(run->captures);
  g_array_unref(run->first_frames);
  la_aggregate_free(run->aggregate);
  la_aggregate_free(run->reported);
  g_free(run->findings);
  g_free(run->batch);
  g_free(run);
  return code;
}
