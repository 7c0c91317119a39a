/* `lastack diff BEFORE AFTER`: each of them is read (a capture through the whole analysis, a stored result record by record) into what is
 * kept of a run, and the two are compared. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/escape.h"
#include "capture/spool.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/pipeline.h"
#include "cli/policy_source.h"
#include "cli/terminal.h"
#include "report/comparison.h"

/* ---- reading one of the two ---- */

typedef struct {
  const LaOptions *options;
  LaFilter *filter;
  const LaPolicy *policy; /* NULL: none */
  const volatile sig_atomic_t *interrupt;
  LaProgress *progress;
} Reading;

/* A report that feeds a run. */
typedef struct {
  LaReport base;
  LaRun *run;
} Feeder;

static void feed_connection(LaReport *base, const LaConnectionRecord *record)
{
  la_run_add_connection(((Feeder *)base)->run, record);
}

static void feed_host(LaReport *base, const LaHostRecord *record)
{
  la_run_add_host(((Feeder *)base)->run, record);
}

/* Not in the list of formats: it writes nothing. */
static const LaFormat feeder_format = {
    .name = "feeder",
    .records = LA_RECORDS_BRIEF,
    .connection = feed_connection,
    .host = feed_host,
};

/* `fd`: stands for the path "-", or LA_NOT_SPOOLED. */
static LaExitCode read_capture(const Reading *reading, const char *path, int fd, LaRun *run)
{
  /* What is verbose is given whole connections. */
  bool whole = reading->policy != NULL && la_policy_records(reading->policy) == LA_RECORDS_WHOLE;
  LaReportOptions how = {.verbosity = whole ? LA_VERBOSITY_VERBOSE : LA_VERBOSITY_NORMAL};
  Feeder feeder = {.base = {.format = &feeder_format, .options = &how}, .run = run};
  LaReport *reports[] = {&feeder.base};
  g_autoptr(GPtrArray) words = g_ptr_array_new();
  g_ptr_array_add(words, (gpointer)(guintptr)path);
  LaOptions options = *reading->options; /* borrows everything but the words */
  options.words = words;
  LaPipeline pipeline = {.options = &options,
                         .filter = reading->filter,
                         .where = options.where,
                         .reports = reports,
                         .report_count = 1,
                         .interrupt = reading->interrupt,
                         .progress = reading->progress,
                         .spooled = fd};
  return la_pipeline_run(&pipeline);
}

static LaExitCode read_stored(const Reading *reading, const char *name, int fd, LaRun *run)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaStoredReader) reader = la_stored_open_fd(fd, name, &error);
  LaStored *record;
  LaExitCode code = LA_EXIT_OK;
  while (reader != NULL && *reading->interrupt == 0 && (record = la_stored_next(reader, &error)) != NULL) {
    LaCandidate candidate = {.stored = record};
    if (la_stored_type(record) == LA_STORED_CONNECTION && reading->options->where != NULL &&
        !la_expression_holds(reading->options->where, &candidate))
      continue;
    la_run_add_stored(run, record);
    if (la_stored_truncated(record))
      code = LA_EXIT_BROKEN;
  }
  return error != NULL ? la_exit_tell(error) : code;
}

/* A descriptor of the file that can be read from its beginning more than once; -1. */
static int open_again_and_again(const Reading *reading, const char *path, GError **error)
{
  struct stat status;
  bool standard = strcmp(path, "-") == 0;
  int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OPEN, "%s: %s", standard ? "standard input" : path, g_strerror(errno));
    return -1;
  }
  if ((fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) || S_ISDIR(status.st_mode))
    return fd;
  int copy = la_spool_fd(fd, reading->options->spool_limit, error);
  close(fd);
  return copy;
}

/* A result begins with a brace, a capture never does. */
static bool is_stored(int fd)
{
  char start[64];
  ssize_t n = pread(fd, start, sizeof start, 0);
  ssize_t i = 0;
  while (i < n && g_ascii_isspace(start[i]))
    i++;
  return i < n && start[i] == '{';
}

static LaExitCode read_run(const Reading *reading, const char *path, LaRun *run)
{
  g_autoptr(GError) error = NULL;
  int fd = open_again_and_again(reading, path, &error);
  if (fd < 0)
    return la_exit_tell(error);
  lseek(fd, 0, SEEK_SET);
  if (is_stored(fd))
    return read_stored(reading, path, fd, run);
  struct stat status;
  bool file = stat(path, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) && strcmp(path, "-") != 0;
  LaExitCode code = read_capture(reading, file ? path : "-", file ? LA_NOT_SPOOLED : fd, run);
  close(fd);
  return code;
}

/* ---- writing ---- */

static bool check_formats(const LaOptions *options, GError **error)
{
  for (unsigned i = 0; i < options->outputs->len; i++) {
    const LaOutputChoice *choice = g_ptr_array_index(options->outputs, i);
    if (strcmp(choice->format->name, "text") != 0 && strcmp(choice->format->name, "ndjson") != 0) {
      la_error_set(error, LA_ERROR_USAGE, "diff writes text and ndjson, not %s", choice->format->name);
      return false;
    }
  }
  return true;
}

typedef struct {
  const LaOptions *options;
  const LaComparison *comparison;
  const LaPolicy *policy; /* NULL: none */
} Result;

static bool write_one(const Result *result, const LaOutputChoice *choice, GError **error)
{
  const LaOptions *options = result->options;
  const LaComparison *comparison = result->comparison;
  const char *before = g_ptr_array_index(options->words, 0);
  const char *after = g_ptr_array_index(options->words, 1);
  const char *path = choice != NULL ? choice->path : NULL;
  bool file = path != NULL && strcmp(path, "-") != 0;
  g_autoptr(LaOutput) out = la_output_open(path, error);
  if (out == NULL)
    return false;
  g_autoptr(GString) look = g_string_new("lastack ");
  la_escape_shell(look, after, -1);
  struct stat status;
  bool again = stat(after, &status) == 0 && S_ISREG(status.st_mode) && !la_stored_is(after);
  LaComparisonText how = {.before = before,
                          .after = after,
                          .policy = result->policy != NULL ? result->policy->name : NULL,
                          .look = again ? look->str : NULL,
                          .style = la_terminal_style(options, file ? -1 : STDOUT_FILENO),
                          .shown = options->verbosity == LA_VERBOSITY_VERBOSE ? LA_CHANGES_ALL : LA_CHANGES_SIGNIFICANT};
  if (choice != NULL && strcmp(choice->format->name, "ndjson") == 0)
    la_comparison_ndjson(comparison, &how, la_output_buffer(out));
  else
    la_comparison_text(comparison, &how, la_output_buffer(out));
  return la_output_close(out, error);
}

static LaExitCode write_all(const Result *result)
{
  const LaOptions *options = result->options;
  g_autoptr(GError) error = NULL;
  if (options->outputs->len == 0 && !write_one(result, NULL, &error))
    return la_exit_tell(error);
  for (unsigned i = 0; i < options->outputs->len; i++) {
    if (!write_one(result, g_ptr_array_index(options->outputs, i), &error))
      return la_exit_tell(error);
  }
  return LA_EXIT_OK;
}

/* ---- the command ---- */

/* What was read decides, but for a capture that broke off where that is allowed. */
static bool is_readable(LaExitCode code)
{
  return code == LA_EXIT_OK || code == LA_EXIT_BROKEN;
}

static LaExitCode compare(const LaOptions *options, const LaPolicy *policy, const LaRun *before, const LaRun *after)
{
  LaComparisonOptions how = {.maps = (const LaServiceMap *)(const void *)options->diff.maps->data,
                             .map_count = options->diff.maps->len,
                             .fail_on = options->diff.fail_on};
  g_autoptr(LaComparison) comparison = la_comparison_new(before, after, &how);
  Result result = {.options = options, .comparison = comparison, .policy = policy};
  LaExitCode code = write_all(&result);
  /* What compares nothing proves nothing. */
  bool failed = comparison->regressions > 0 || comparison->services->len == 0;
  return la_exit_code_worse(code, failed ? LA_EXIT_POLICY : LA_EXIT_OK);
}

static LaExitCode diff(const LaOptions *options, LaFilter *filter, const LaPolicy *policy)
{
  g_autoptr(LaProgress) progress = la_progress_new();
  Reading reading = {
      .options = options, .filter = filter, .policy = policy, .interrupt = la_interrupt_watch(), .progress = progress};
  g_autoptr(LaRun) before = la_run_new();
  g_autoptr(LaRun) after = la_run_new();
  LaRun *runs[] = {before, after};
  LaExitCode code = LA_EXIT_OK;
  for (unsigned i = 0; i < 2; i++) {
    if (policy != NULL)
      la_run_set_policy(runs[i], policy, la_clock_wall());
    LaExitCode one = read_run(&reading, g_ptr_array_index(options->words, i), runs[i]);
    la_progress_clear(progress);
    if (*reading.interrupt != 0)
      return *reading.interrupt == SIGTERM ? LA_EXIT_TERMINATED : LA_EXIT_INTERRUPTED;
    if (!is_readable(one))
      return one;
    code = la_exit_code_worse(code, options->diff.truncated == LA_DIFF_TRUNCATED_ALLOWED ? LA_EXIT_OK : one);
  }
  return la_exit_code_worse(compare(options, policy, before, after), code);
}

LaExitCode la_cmd_diff(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_DIFF, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("diff"));
  if (options->words->len != 2) {
    fputs("lastack: diff compares two captures or stored results: lastack diff BEFORE AFTER\n", stderr);
    return LA_EXIT_USAGE;
  }
  g_autoptr(LaFilter) filter = NULL;
  if (!check_formats(options, &error) || !la_options_filter(options, &filter, &error))
    return la_exit_tell(error);
  if (options->policy == NULL)
    return diff(options, filter, NULL);
  g_autoptr(LaPolicy) policy = la_policy_of_analysis(options, &error);
  if (policy == NULL)
    return la_exit_tell(error);
  la_policy_apply_thresholds(policy, options);
  return diff(options, filter, policy);
}
