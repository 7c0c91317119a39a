#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/pipeline.h"

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

static LaExitCode analyze(const LaOptions *options, LaFilter *filter)
{
  g_autoptr(GError) error = NULL;
  g_auto(LaOutputs) outputs = {0};
  LaPipeline pipeline = {.options = options,
                         .filter = filter,
                         .where = options->where,
                         .interrupt = la_interrupt_watch(),
                         .spooled = LA_NOT_SPOOLED};
  if (!la_outputs_open(&outputs, options, &error))
    return la_exit_tell(error);
  g_autoptr(LaProgress) progress = la_outputs_stream_to_terminal(&outputs, options) ? NULL : la_progress_new();
  pipeline.reports = (LaReport *const *)outputs.reports->pdata;
  pipeline.report_count = outputs.reports->len;
  pipeline.progress = progress;
  LaExitCode code = la_pipeline_run(&pipeline);
  if (!la_outputs_close(&outputs, &error))
    return la_exit_code_worse(code, la_exit_tell(error));
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
  hint_at_command(options);
  return analyze(options, filter);
}
