/* The processes of an experiment: started each in its host, their reports, their end. */
#ifndef LA_LAB_CAST_H
#define LA_LAB_CAST_H

#include <glib.h>
#include <stdbool.h>

#include "lab/actor.h"
#include "lab/experiment.h"

typedef struct LaLabCast LaLabCast;

typedef struct {
  const LaLabExperiment *experiment; /* borrowed */
  LaAddr first[LA_LAB_END_N];
  LaFamily family;
  LaTime began; /* CLOCK_MONOTONIC */
} LaLabCastSetup;

/* No process yet. LA_ERROR_INTERNAL when there is no pipe. (transfer full) */
LaLabCast *la_lab_cast_new(const LaLabCastSetup *setup, GError **error);

typedef enum {
  LA_LAB_CAST_LISTENERS, /* processes that begin by listening, at once */
  LA_LAB_CAST_OTHERS,
  LA_LAB_CAST_AFTER_REBOOT,
} LaLabCastPart;

/* Starts those processes of the part that live at `end`; the calling thread must be in that end's namespace. They die with the calling
 * process. LA_ERROR_INTERNAL. */
bool la_lab_cast_start(LaLabCast *cast, LaLabCastPart part, LaLabEnd end, GError **error);

/* A descriptor that is readable when there are reports (borrowed). */
int la_lab_cast_fd(const LaLabCast *cast);

/* The next report, in order, and the end it comes from. False when there is none now. */
bool la_lab_cast_next(LaLabCast *cast, LaLabReport *ret_report, LaLabEnd *ret_end);

/* Whether every listener that was started listens (or has failed to). */
bool la_lab_cast_is_listening(const LaLabCast *cast);

/* Whether every script at the client's end has come to its end, and every process that was to come has been started. */
bool la_lab_cast_is_done(const LaLabCast *cast);

/* Kills the processes at `end` and waits for them. LA_LAB_END_N: all. */
void la_lab_cast_kill(LaLabCast *cast, LaLabEnd end);

/* Kills all and frees. */
void la_lab_cast_free(LaLabCast *cast);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaLabCast, la_lab_cast_free)

#endif
