/* lastack lab: experiments whose packets and whose kernels are both recorded. */
#include "cli/cmd_lab.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "lab/experiment.h"

static const struct {
  const char *name;
  LaExitCode (*run)(int argc, char **argv);
  const char *meaning;
} subcommands[] = {
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

static void print_usage(FILE *to)
{
  fputs("usage: lastack lab SUBCOMMAND [OPTIONS] ...\n\n", to);
  for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++)
    fprintf(to, "  %-10s%s\n", subcommands[i].name, subcommands[i].meaning);
  fputs("\nlastack lab SUBCOMMAND --help tells its options.\n", to);
}

LaExitCode la_cmd_lab(int argc, char **argv)
{
  if (argc < 2) {
    print_usage(stderr);
    return LA_EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_usage(stdout);
    return LA_EXIT_OK;
  }
  const char *names[G_N_ELEMENTS(subcommands)];
  for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++) {
    names[i] = subcommands[i].name;
    if (strcmp(argv[1], names[i]) == 0)
      return subcommands[i].run(argc - 1, argv + 1);
  }
  const char *nearest = la_nearest(argv[1], names, G_N_ELEMENTS(names));
  g_autoptr(GError) error = NULL;
  if (nearest != NULL)
    la_error_set(&error, LA_ERROR_USAGE, "lab: no subcommand '%s', did you mean '%s'?", argv[1], nearest);
  else
    la_error_set(&error, LA_ERROR_USAGE, "lab: no subcommand '%s': list, run, random or show", argv[1]);
  return la_exit_tell(error);
}
