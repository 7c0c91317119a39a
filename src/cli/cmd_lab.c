/* lastack lab: experiments whose packets and whose kernels are both recorded. */
#include "cli/cmd_lab.h"

#include <stdio.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/subcommand.h"
#include "lab/experiment.h"

static const LaSubcommand subcommands[] = {
    {"list", la_cmd_lab_list, "the experiments, one line each"},
    {"run", la_cmd_lab_run, "run experiments: a capture, and beside it what the kernels' sockets did"},
    {"random", la_cmd_lab_random, "many connections with random behaviour and losses"},
    {"show", la_cmd_lab_show,
     "a recording that ships with the program, or your own: the kernel's states beside the inferred ones"},
};

gboolean la_lab_options_parse(GOptionContext *context, int *argc, char ***argv, const LaLabWords *words, GError **error)
{
  g_autoptr(GError) wrong = NULL;
  g_autofree char *name = g_strdup_printf("lastack lab %s", (*argv)[0]);
  g_set_prgname(name);
  if (!g_option_context_parse(context, argc, argv, &wrong)) {
    la_error_set(error, LA_ERROR_USAGE, "%s", wrong->message);
    return FALSE;
  }
  int count = *argc - 1;
  if (count > words->max_words) {
    la_error_set(error, LA_ERROR_USAGE, "'%s' is one word too many", (*argv)[words->max_words + 1]);
    return FALSE;
  }
  if (count < words->min_words) {
    la_error_set(error, LA_ERROR_USAGE, "%s", words->words);
    return FALSE;
  }
  return TRUE;
}

LaExitCode la_cmd_lab_list(int argc, char **argv)
{
  g_autoptr(GOptionContext) context = g_option_context_new("- the experiments, one line each");
  g_autoptr(GError) error = NULL;
  if (!la_lab_options_parse(context, &argc, &argv, &(LaLabWords){0, 0, ""}, &error))
    return la_exit_tell(error);
  for (size_t g = 0; g < la_lab_groups(); g++) {
    const char *name;
    size_t count;
    const LaLabExperiment *group = la_lab_group(g, &name, &count);
    printf("%s%s\n", g > 0 ? "\n" : "", name);
    for (size_t i = 0; i < count; i++)
      printf("  %-28s%s\n", group[i].name, group[i].summary);
  }
  return LA_EXIT_OK;
}

LaExitCode la_cmd_lab(int argc, char **argv)
{
  static const LaSubcommands all = {
      .command = "lab", .items = subcommands, .count = G_N_ELEMENTS(subcommands), .names = "list, run, random or show"};
  return la_subcommand_run(&all, argc, argv);
}
