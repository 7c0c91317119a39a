#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/annotate.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/pipeline.h"
#include "cli/policy_source.h"

/* A misspelt command looks like a file that does not exist: say so before the file's own message. */
static void hint_at_command(const LaOptions *options)
{
  struct stat status;
  const char *word = g_ptr_array_index(options->words, 0);
  if (stat(word, &status) == 0)
    return;
  const char *nearest = la_command_nearest(word);
  if (nearest != NULL)
    fprintf(stderr, "lastack: there is no such file; if a command was meant: lastack %s\n", nearest);
}

/* What a second pass over the captures came to. */
static LaExitCode tell_second(const LaPipeline *pipeline, bool ok, const GError *error)
{
  la_progress_clear(pipeline->progress);
  if (!ok)
    return la_exit_tell(error);
  if (*pipeline->interrupt != 0)
    return *pipeline->interrupt == SIGTERM ? LA_EXIT_TERMINATED : LA_EXIT_INTERRUPTED;
  return LA_EXIT_OK;
}

static LaRereading rereading(const LaPipeline *pipeline)
{
  return (LaRereading){.options = pipeline->options,
                       .filter = pipeline->filter,
                       .interrupt = pipeline->interrupt,
                       .progress = pipeline->progress,
                       .spooled = pipeline->spooled};
}

/* -w */
static LaExitCode write_selection(const LaPipeline *pipeline)
{
  g_autoptr(GError) error = NULL;
  LaRereading pass = rereading(pipeline);
  bool ok = la_selection_write(pipeline->selection, &pass, &error);
  return tell_second(pipeline, ok, error);
}

/* -o pcapng */
static LaExitCode write_annotated(const LaPipeline *pipeline, LaRemarks *remarks, LaPcapngWriter *writer)
{
  g_autoptr(GError) error = NULL;
  LaRereading pass = rereading(pipeline);
  bool ok = la_annotate_write(remarks, writer, &pass, &error);
  LaExitCode code = tell_second(pipeline, ok, error);
  if (la_remarks_left_out(remarks) > 0)
    fprintf(stderr,
            "lastack: -o pcapng writes at most %d comments (notes: half of that): %" G_GUINT64_FORMAT
            " were left out; -Y or --policy can leave out others\n",
            LA_REMARKS_MAX, la_remarks_left_out(remarks));
  return code;
}

/* What has to be known before the first pass when there will be a second. */
static bool prepare_second(LaPipeline *pipeline, const LaOutputChoice *packets, GError **error)
{
  const LaOptions *options = pipeline->options;
  if (pipeline->selection != NULL && !la_reread_check(options, "-w", options->write_path, error))
    return false;
  if (packets != NULL && !la_annotate_check(options, packets->path, error))
    return false;
  return la_reader_spool(options->words, options->spool_limit, &pipeline->spooled, error);
}

/* A policy only suppresses here; the formats for CI tell what it would say. NULL: neither is wanted. */
static LaJudge *judge_of(const LaOptions *options, const LaPolicy *policy)
{
  if (options->policy == NULL && !la_outputs_judge(options))
    return NULL;
  LaJudgeOptions how = {
      .policy = policy, .now = la_clock_wall(), .ephemeral_low = options->track.ephemeral_low, .paths = options->words};
  return la_judge_new(&how);
}

static LaExitCode analyze(const LaOptions *options, LaFilter *filter, const LaPolicy *policy)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaJudge) judge = judge_of(options, policy);
  g_auto(LaOutputs) outputs = {0};
  LaPipeline pipeline = {.options = options,
                         .filter = filter,
                         .where = options->where,
                         .judge = judge,
                         .interrupt = la_interrupt_watch(),
                         .spooled = LA_NOT_SPOOLED};
  g_autoptr(LaSelection) selection = options->write_path != NULL ? la_selection_new() : NULL;
  pipeline.selection = selection;
  const LaOutputChoice *packets = la_outputs_packets(options);
  g_autoptr(LaPcapngWriter) writer = NULL;
  LaOutputsFor what = {.check = judge != NULL ? la_judge_check(judge) : NULL, .rereads = LA_READ_AGAIN};
  if (((selection != NULL || packets != NULL) && !prepare_second(&pipeline, packets, &error)) ||
      (packets != NULL && (writer = la_annotate_open(packets->path, &error)) == NULL) ||
      !la_outputs_open(&outputs, options, &what, &error))
    return la_exit_tell(error);
  g_autoptr(LaProgress) progress = la_outputs_stream_to_terminal(&outputs, options) ? NULL : la_progress_new();
  pipeline.reports = (LaReport *const *)outputs.reports->pdata;
  pipeline.report_count = outputs.reports->len;
  pipeline.progress = progress;
  LaExitCode code = la_pipeline_run(&pipeline);
  if (!la_outputs_close(&outputs, &error))
    code = la_exit_code_worse(code, la_exit_tell(error));
  if (selection != NULL && *pipeline.interrupt == 0)
    code = la_exit_code_worse(code, write_selection(&pipeline));
  if (writer != NULL && *pipeline.interrupt == 0)
    code = la_exit_code_worse(code, write_annotated(&pipeline, la_report_remarks(la_outputs_packet_report(&outputs)), writer));
  if (pipeline.spooled != LA_NOT_SPOOLED)
    close(pipeline.spooled);
  return code;
}

LaExitCode la_cmd_analyze(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_ANALYZE, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("analyze"));
  if (options->words->len == 0) {
    fputs("lastack: no capture given (lastack FILE..., - is standard input)\n", stderr);
    return LA_EXIT_USAGE;
  }
  g_autoptr(LaFilter) filter = NULL;
  if (!la_options_filter(options, &filter, &error))
    return la_exit_tell(error);
  g_autoptr(LaPolicy) policy = la_policy_of_analysis(options, &error);
  if (policy == NULL)
    return la_exit_tell(error);
  la_policy_apply_thresholds(policy, options);
  hint_at_command(options);
  return analyze(options, filter, policy);
}
