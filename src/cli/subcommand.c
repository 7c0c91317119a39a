#include "cli/subcommand.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"

static void print_usage(FILE *to, const LaSubcommands *all)
{
  fprintf(to, "usage: lastack %s SUBCOMMAND [OPTIONS] ...\n\n", all->command);
  for (unsigned i = 0; i < all->count; i++)
    fprintf(to, "  %-10s%s\n", all->items[i].name, all->items[i].meaning);
  fprintf(to, "\nlastack %s SUBCOMMAND --help tells its options.\n", all->command);
}

LaExitCode la_subcommand_run(const LaSubcommands *all, int argc, char **argv)
{
  if (argc < 2) {
    print_usage(stderr, all);
    return LA_EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_usage(stdout, all);
    return LA_EXIT_OK;
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (unsigned i = 0; i < all->count; i++) {
    if (strcmp(argv[1], all->items[i].name) == 0)
      return all->items[i].run(argc - 1, argv + 1);
    g_ptr_array_add(names, (gpointer)(guintptr)all->items[i].name);
  }
  const char *nearest = la_nearest(argv[1], (const char *const *)names->pdata, names->len);
  g_autoptr(GError) error = NULL;
  if (nearest != NULL)
    la_error_set(&error, LA_ERROR_USAGE, "%s: no subcommand '%s', did you mean '%s'?", all->command, argv[1], nearest);
  else
    la_error_set(&error, LA_ERROR_USAGE, "%s: no subcommand '%s': %s", all->command, argv[1], all->names);
  return la_exit_tell(error);
}
