/* The commands: each gets its own argv (argv[0] is its name) and returns the exit code. */
#ifndef LA_CLI_COMMANDS_H
#define LA_CLI_COMMANDS_H

#include <glib.h>

#include "cli/exit_code.h"

LaExitCode la_cmd_analyze(int argc, char **argv);
LaExitCode la_cmd_show(int argc, char **argv);
LaExitCode la_cmd_check(int argc, char **argv);
LaExitCode la_cmd_diff(int argc, char **argv);
LaExitCode la_cmd_explain(int argc, char **argv);
LaExitCode la_cmd_live(int argc, char **argv);
LaExitCode la_cmd_interfaces(int argc, char **argv);
LaExitCode la_cmd_sockets(int argc, char **argv);
LaExitCode la_cmd_help(int argc, char **argv);
LaExitCode la_cmd_lab(int argc, char **argv);
int la_cmd_chat(int argc, char **argv);

typedef struct {
  const char *name;
  LaExitCode (*run)(int argc, char **argv);
  const char *meaning; /* one line */
} LaCommand;

/* All commands, the default first. */
const LaCommand *la_commands(unsigned *ret_count);

/* The command of that name, or NULL. */
const LaCommand *la_command_find(const char *name);

/* The name of the command that `word` was probably meant to be, or NULL. */
const char *la_command_nearest(const char *word);

/* Appends what `lastack` alone, and `lastack help`, print. */
void la_usage_append(GString *out);

/* Prints the help of a command on standard output. Returns LA_EXIT_OK. */
LaExitCode la_help_command(const LaCommand *command);

#endif
