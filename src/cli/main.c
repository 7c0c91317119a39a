/* lastack: how TCP connections open and close, from a packet capture. */
#include <errno.h>
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static LaExitCode run(int argc, char **argv)
{
  if (argc < 2) {
    g_autoptr(GString) usage = g_string_new(NULL);
    la_usage_append(usage);
    fputs(usage->str, stderr);
    return LA_EXIT_USAGE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("lastack " LASTACK_VERSION);
    return LA_EXIT_OK;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
    return la_cmd_help(1, argv + 1);
  /* A command word wins over a file of that name: ./show or -r show. */
  const LaCommand *command = la_command_find(argv[1]);
  return command != NULL ? command->run(argc - 1, argv + 1) : la_cmd_analyze(argc, argv);
}

int main(int argc, char **argv)
{
  /* Only what text looks like: numbers keep their point. */
  setlocale(LC_CTYPE, "");
  LaExitCode code = run(argc, argv);
  /* What was printed by stdio (help, explain, show) may find no room as late as here. */
  bool failed = fflush(stdout) != 0 || ferror(stdout) != 0;
  if (failed && errno != EPIPE && code == LA_EXIT_OK) {
    fprintf(stderr, "lastack: cannot write standard output: %s\n", g_strerror(errno));
    code = LA_EXIT_OUTPUT;
  }
  return (int)code;
}
