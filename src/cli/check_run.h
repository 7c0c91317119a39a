/* `check --run`: a capture while a command runs. */
#ifndef LA_CLI_CHECK_RUN_H
#define LA_CLI_CHECK_RUN_H

#include <glib.h>
#include <signal.h>
#include <stdbool.h>

#include "cli/options.h"
#include "report/owners.h"

typedef struct {
  LaTime settle;  /* how long silence is waited for: to be set before the run */
  char *path;     /* of the capture (owned) */
  bool temporary; /* nobody asked for it by -w */
  int status;     /* the command's own code; 128 and the signal's number when one ended it; 127, 126: it could not be started */
  LaTime began, ended; /* of the command, by the clock */
  LaOwners *owners;    /* of the sockets that were there (owned) */
  uint64_t dropped;    /* packets that the capture lost */
} LaCheckRun;

/* Opens the capture (-i, else lo; -f, -F, -s, -w), runs `command` (of char *), goes on until nothing has come for `run->settle` after it
 * ended, at most three times as long, and closes the capture. False with an error: LA_ERROR_PERMISSION when there can be no
 * capture, LA_ERROR_OUTPUT when it cannot be written; or with `run->status` set when the command could not be started. */
bool la_check_run(LaCheckRun *run, const LaOptions *options, const GPtrArray *command, const volatile sig_atomic_t *interrupt,
                  GError **error);

/* What a reader of the verdict has to know of the run; NULL: nothing. (transfer full) */
char *la_check_run_say(const LaCheckRun *run);

typedef enum {
  LA_DROP_CAPTURE, /* unless -w asked for it */
  LA_KEEP_CAPTURE, /* it is wanted: something is to be looked at */
} LaCaptureIs;

/* Removes a temporary capture that nobody needs, or says on standard error where it is. */
void la_check_run_end(LaCheckRun *run, LaCaptureIs what);

void la_check_run_clear(LaCheckRun *run);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LaCheckRun, la_check_run_clear)

#endif
