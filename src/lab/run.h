/* Runs one experiment: hosts, path, processes, recording, the kernel's account. */
#ifndef LA_LAB_RUN_H
#define LA_LAB_RUN_H

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "lab/experiment.h"

typedef struct {
  const LaLabExperiment *experiment; /* borrowed */
  const char *capture;               /* the file to write; the account goes beside it, with .json in place of its ending */
  unsigned slot;                     /* 0 to LA_LAB_SLOTS - 1: which addresses; no two runs at a time may have the same */
  const char *trace;                 /* name of its tracefs instance; NULL: without tracepoints */
  const char *no_trace;              /* why there are none */
  int mirror;                        /* la_lab_mirror_open; -1: none (borrowed) */
  const volatile sig_atomic_t *stop; /* not 0: end now, with LA_ERROR_INTERNAL (borrowed) */
} LaLabRunSetup;

enum {
  LA_LAB_SLOTS = 200,
};

typedef struct {
  uint64_t packets;
  uint32_t connections;
  uint32_t milliseconds;
  uint64_t unmirrored; /* packets that the mirror did not take */
  int mirror_code;     /* why: errno of the first; 0: it took all */
} LaLabRunResult;

/* Runs it in the calling process, which must have one thread, be root (perhaps of a user namespace), and not mind to find itself in
 * another network namespace afterwards. LA_ERROR_PERMISSION, LA_ERROR_OUTPUT, LA_ERROR_INTERNAL. */
bool la_lab_run(const LaLabRunSetup *setup, LaLabRunResult *ret_result, GError **error);

/* Where the account of a capture is: its name with .json in place of .pcapng. (transfer full) */
char *la_lab_truth_path(const char *capture);

#endif
