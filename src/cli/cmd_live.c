#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/filter_name.h"
#include "cli/live_run.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/policy_source.h"

/* The filter as text: the words, -f, or -F; NULL without. (transfer full) */
static bool filter_text(const LaOptions *options, char **ret_text, GError **error)
{
  if (options->words->len > 0 && (options->filter != NULL || options->filter_file != NULL)) {
    la_error_set(error, LA_ERROR_USAGE, "a filter in words and -%c exclude each other", options->filter != NULL ? 'f' : 'F');
    return false;
  }
  if (options->words->len > 0) {
    g_ptr_array_add(options->words, NULL);
    *ret_text = g_strjoinv(" ", (char **)options->words->pdata);
    g_ptr_array_remove_index(options->words, options->words->len - 1);
    return true;
  }
  g_autoptr(LaFilter) filter = NULL;
  if (!la_options_filter(options, &filter, error))
    return false;
  *ret_text = filter != NULL ? g_strdup(la_filter_expression(filter)) : NULL;
  return true;
}

static bool check(const LaOptions *options, GError **error)
{
  if (!la_live_choices_check(&options->live, error))
    return false;
  for (unsigned i = 0; options->live.watch && i < options->outputs->len; i++) {
    const LaOutputChoice *choice = g_ptr_array_index(options->outputs, i);
    if ((choice->path == NULL || strcmp(choice->path, "-") == 0) && strcmp(choice->format->name, "text") != 0) {
      la_error_set(error, LA_ERROR_USAGE, "--watch has the terminal: give -o %s a file, -o %s:FILE", choice->format->name,
                   choice->format->name);
      return false;
    }
  }
  if (options->live.write == NULL || strcmp(options->live.write, "-") != 0)
    return true;
  for (unsigned i = 0; i < options->outputs->len; i++) {
    const LaOutputChoice *choice = g_ptr_array_index(options->outputs, i);
    if (choice->path != NULL && strcmp(choice->path, "-") != 0)
      return true;
  }
  la_error_set(error, LA_ERROR_USAGE, "the capture and the report on standard output: give the report a file, -o text:FILE");
  return false;
}

LaExitCode la_cmd_live(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_LIVE, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("live"));
  g_autofree char *filter = NULL;
  if (!check(options, &error) || !filter_text(options, &filter, &error))
    return la_exit_tell(error);
  g_autoptr(LaPolicy) policy = la_policy_of_analysis(options, &error);
  if (policy == NULL)
    return la_exit_tell(error);
  la_policy_apply_thresholds(policy, options);
  return la_live_run(options, filter, policy);
}
