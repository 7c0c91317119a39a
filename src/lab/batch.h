/* Runs experiments side by side, each in a process of its own, and sees to it that nothing of them stays behind. */
#ifndef LA_LAB_BATCH_H
#define LA_LAB_BATCH_H

#include <glib.h>
#include <signal.h>
#include <stdbool.h>

#include "lab/run.h"

typedef struct {
  const LaLabExperiment *experiment; /* borrowed */
  char *capture;                     /* the file to write (owned) */
} LaLabJob;

typedef struct {
  const LaLabJob *job;
  const LaLabRunResult *result; /* NULL: it failed */
  const GError *error;          /* why, or NULL */
  size_t finished, jobs;        /* so many of so many */
} LaLabOutcome;

typedef struct {
  const LaLabJob *jobs; /* borrowed */
  size_t jobs_n;
  unsigned side_by_side;                                /* at most so many at a time */
  int mirror;                                           /* la_lab_mirror_open; -1: none (borrowed) */
  const volatile sig_atomic_t *stop;                    /* not 0: end now (borrowed) */
  void (*told)(void *ctx, const LaLabOutcome *outcome); /* a job is over; called from la_lab_batch_run */
  void *ctx;
} LaLabBatch;

/* Makes this process able to run experiments: root as it is, else root of a user namespace. In `*ret_no_trace` is why there will be no
 * tracepoints (static or interned), or NULL. The process must have one thread. LA_ERROR_PERMISSION when experiments cannot be run. */
bool la_lab_batch_prepare(const char **ret_no_trace, GError **error);

/* Runs all jobs. False when it was stopped: the files of what was not finished are gone then. LA_ERROR_INTERNAL, LA_ERROR_PERMISSION. */
bool la_lab_batch_run(const LaLabBatch *batch, const char *no_trace, GError **error);

/* Frees what a job owns. */
void la_lab_job_clear(LaLabJob *job);

#endif
