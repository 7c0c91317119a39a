/* How the program ends. The numbers are public (the manual's table). */
#ifndef LA_CLI_EXIT_CODE_H
#define LA_CLI_EXIT_CODE_H

#include <glib.h>

typedef enum {
  LA_EXIT_OK = 0,
  LA_EXIT_POLICY = 1, /* the policy is proved broken */
  LA_EXIT_USAGE = 2,
  LA_EXIT_OPEN = 3,   /* a capture could not be opened, or is no capture */
  LA_EXIT_BROKEN = 4, /* a capture broke off in the middle */
  LA_EXIT_PERMISSION = 5,
  LA_EXIT_OUTPUT = 6,
  LA_EXIT_INTERNAL = 70,
  LA_EXIT_INTERRUPTED = 130,
  LA_EXIT_TERMINATED = 143,
} LaExitCode;

/* The code that an error ends in; LA_EXIT_INTERNAL for errors of another domain. */
LaExitCode la_exit_code_of(const GError *error);

/* The code of two files together: a broken policy before all others, else the higher one. */
LaExitCode la_exit_code_worse(LaExitCode a, LaExitCode b);

/* Prints `lastack: MESSAGE` in one line on standard error and returns the error's exit code. */
LaExitCode la_exit_tell(const GError *error);

#endif
