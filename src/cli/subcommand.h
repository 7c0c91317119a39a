/* Commands that are made of others: lastack chat server, lastack lab run. */
#ifndef LA_CLI_SUBCOMMAND_H
#define LA_CLI_SUBCOMMAND_H

#include "cli/exit_code.h"

typedef struct {
  const char *name;
  LaExitCode (*run)(int argc, char **argv); /* argv[0] is its name */
  const char *meaning;                      /* one line for the usage */
} LaSubcommand;

/* The subcommands of one command; all static. */
typedef struct {
  const char *command;
  const LaSubcommand *items;
  unsigned count;
  const char *names; /* for the message about an unknown one: "list, run, random or show" */
} LaSubcommands;

/* Runs the one that argv[1] names, or tells the usage. */
LaExitCode la_subcommand_run(const LaSubcommands *all, int argc, char **argv);

#endif
