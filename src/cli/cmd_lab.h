/* What the subcommands of `lastack lab` share. */
#ifndef LA_CLI_CMD_LAB_H
#define LA_CLI_CMD_LAB_H

#include <glib.h>

#include "cli/exit_code.h"

/* The subcommands; argv[0] is their name. */
LaExitCode la_cmd_lab_list(int argc, char **argv);
LaExitCode la_cmd_lab_run(int argc, char **argv);
LaExitCode la_cmd_lab_random(int argc, char **argv);
LaExitCode la_cmd_lab_show(int argc, char **argv);

/* Parses a subcommand's options; `min_words` to `max_words` words must remain. LA_ERROR_USAGE otherwise. */
typedef struct {
  int min_words, max_words;
  const char *words; /* what they are, for the message */
} LaLabWords;
gboolean la_lab_options_parse(GOptionContext *context, int *argc, char ***argv, const LaLabWords *words, GError **error);

#endif
