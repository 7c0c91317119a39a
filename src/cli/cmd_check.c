/* The gate. Its verdict is an exit code, so every way in which nothing would be judged is a failure of its own: no connection, an
 * empty capture, a policy that cannot be read. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/check_run.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/pipeline.h"
#include "cli/policy_source.h"

/* What a check is made with. All borrowed. */
typedef struct {
  const LaOptions *options;
  const LaPolicy *policy;
  const LaMarks *marks;
  const LaBaseline *baseline;
  const volatile sig_atomic_t *interrupt;
  const LaCheckRun *run; /* the command that was captured; NULL: none */
  LaFilter *filter;
  bool broken; /* what came of it */
} Gate;

static LaExitCode verdict(Gate *gate, const LaJudge *judge, LaExitCode code)
{
  const LaCheck *check = la_judge_check(judge);
  gate->broken = check->judged && la_check_is_broken(check);
  /* What was interrupted has not seen its captures' ends: that proves nothing. */
  if (*gate->interrupt != 0 || code == LA_EXIT_USAGE)
    return code;
  return gate->broken ? LA_EXIT_POLICY : code;
}

static void note_run(LaJudge *judge, const LaCheckRun *run)
{
  g_autofree char *note = la_check_run_say(run);
  if (note != NULL)
    la_judge_note(judge, note);
}

static LaExitCode judge_files(Gate *gate)
{
  g_autoptr(GError) error = NULL;
  LaJudgeOptions how = {
      .policy = gate->policy,
      .now = la_clock_wall(),
      .ephemeral_low = gate->options->track.ephemeral_low,
      .marks = gate->marks,
      .baseline = gate->baseline,
      .owners = gate->run != NULL ? gate->run->owners : NULL,
      .paths = gate->options->words,
      .truncated = gate->options->check.allow_truncated ? LA_TRUNCATED_ALLOW : LA_TRUNCATED_TELL,
  };
  g_autoptr(LaJudge) judge = la_judge_new(&how);
  if (gate->run != NULL)
    note_run(judge, gate->run);
  g_auto(LaOutputs) outputs = {0};
  LaOutputsFor what = {.purpose = LA_PURPOSE_VERDICT, .check = la_judge_check(judge)};
  if (!la_outputs_open(&outputs, gate->options, &what, &error))
    return la_exit_tell(error);
  g_autoptr(LaProgress) progress = la_outputs_stream_to_terminal(&outputs, gate->options) ? NULL : la_progress_new();
  LaPipeline pipeline = {
      .options = gate->options,
      .filter = gate->filter,
      .where = gate->options->where,
      .reports = (LaReport *const *)outputs.reports->pdata,
      .report_count = outputs.reports->len,
      .interrupt = gate->interrupt,
      .progress = progress,
      .judge = judge,
      .reads_all = true,
      .spooled = LA_NOT_SPOOLED,
  };
  LaExitCode code = verdict(gate, judge, la_pipeline_run(&pipeline));
  if (!la_outputs_close(&outputs, &error))
    return la_exit_code_worse(code, la_exit_tell(error));
  return code;
}

static bool load_files(const LaOptions *options, const LaPolicy *policy, LaMarks **ret_marks, LaBaseline **ret_baseline,
                       GError **error)
{
  if (options->check.baseline != NULL && (*ret_baseline = la_baseline_load(options->check.baseline, policy, error)) == NULL)
    return false;
  return options->check.marks == NULL || (*ret_marks = la_marks_load(options->check.marks, error)) != NULL;
}

/* Shorter silence would leave a connection that nobody closed too young to be judged. */
static LaTime longest_settle(const LaPolicy *policy)
{
  LaTime longest = 0;
  for (unsigned i = 0; i < policy->services->len; i++)
    longest = MAX(longest, la_policy_service(policy, i)->settle);
  return longest;
}

/* Marks that the command itself writes are there only now. */
static LaExitCode judge_run(Gate *gate, LaOptions *options, GPtrArray *command)
{
  g_autoptr(GError) error = NULL;
  g_auto(LaCheckRun) run = {.settle = longest_settle(gate->policy)};
  if (!la_check_run(&run, options, command, gate->interrupt, &error)) {
    la_check_run_end(&run, LA_DROP_CAPTURE);
    LaExitCode code = la_exit_tell(error);
    return run.status != 0 ? (LaExitCode)run.status : code;
  }
  g_autoptr(LaMarks) marks = NULL;
  if (options->check.marks != NULL && (marks = la_marks_load(options->check.marks, &error)) == NULL)
    la_exit_tell(error);
  g_ptr_array_set_size(options->words, 0);
  g_ptr_array_add(options->words, g_strdup(run.path));
  gate->marks = marks;
  gate->run = &run;
  LaExitCode code = judge_files(gate);
  if (error != NULL) /* the marks */
    code = la_exit_code_worse(code, la_exit_code_of(error));
  la_check_run_end(&run, gate->broken || code != LA_EXIT_OK ? LA_KEEP_CAPTURE : LA_DROP_CAPTURE);
  return run.status != 0 ? (LaExitCode)run.status : code;
}

static LaExitCode explain(const LaPolicy *policy)
{
  g_autoptr(GString) out = g_string_new(NULL);
  la_policy_explain(policy, la_clock_wall(), out);
  fputs(out->str, stdout);
  return LA_EXIT_OK;
}

/* Where --run stands, a -- has to stand too: else the command's options would be taken for ours. */
static bool check_words(int argc, char **argv, const LaOptions *options, GError **error)
{
  bool dashes = false;
  for (int i = 1; i < argc; i++)
    dashes = dashes || strcmp(argv[i], "--") == 0;
  const LaCheckOptions *check = &options->check;
  if (check->run && (!dashes || options->words->len == 0)) {
    la_error_set(error, LA_ERROR_USAGE, "--run wants the command behind --: lastack check --run [-i lo] -- COMMAND ...");
    return false;
  }
  const LaLiveChoices *live = &options->live;
  if (!check->run && (live->interfaces->len > 0 || live->write != NULL || live->snaplen != LA_LIVE_SNAPLEN ||
                      live->buffer != LA_LIVE_BUFFER)) {
    la_error_set(error, LA_ERROR_USAGE, "-i, -w, -s and -B are for --run: a check of captures that are there captures nothing");
    return false;
  }
  if (check->run || check->explain_policy || options->words->len > 0)
    return true;
  la_error_set(error, LA_ERROR_USAGE,
               "no capture given (lastack check FILE..., - is standard input; lastack check --run -- COMMAND)");
  return false;
}

LaExitCode la_cmd_check(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_CHECK, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("check"));
  if (!check_words(argc, argv, options, &error))
    return la_exit_tell(error);
  g_autoptr(LaPolicy) policy = la_policy_of_check(options, &error);
  if (policy == NULL)
    return la_exit_tell(error);
  if (options->check.explain_policy)
    return explain(policy);
  la_policy_apply_thresholds(policy, options);
  g_autoptr(LaFilter) filter = NULL;
  g_autoptr(LaMarks) marks = NULL;
  g_autoptr(LaBaseline) baseline = NULL;
  if (!la_options_filter(options, &filter, &error))
    return la_exit_tell(error);
  Gate gate = {.options = options, .policy = policy, .filter = filter, .interrupt = la_interrupt_watch()};
  if (options->check.run) {
    if (options->check.baseline != NULL && (baseline = la_baseline_load(options->check.baseline, policy, &error)) == NULL)
      return la_exit_tell(error);
    gate.baseline = baseline;
    g_autoptr(GPtrArray) command = g_steal_pointer(&options->words);
    options->words = g_ptr_array_new_with_free_func(g_free);
    return judge_run(&gate, options, command);
  }
  if (!load_files(options, policy, &marks, &baseline, &error))
    return la_exit_tell(error);
  gate.marks = marks;
  gate.baseline = baseline;
  return judge_files(&gate);
}
