/* The kernel's own account of an experiment, gathered while it runs and written as JSON beside the capture. */
#ifndef LA_LAB_TRUTH_H
#define LA_LAB_TRUTH_H

#include <glib.h>

#include "kernel/socket.h"
#include "kernel/trace.h"
#include "lab/actor.h"
#include "lab/experiment.h"
#include "lab/relay.h"

typedef struct LaLabTruth LaLabTruth;

/* What is told once. */
typedef struct {
  const LaLabExperiment *experiment; /* borrowed */
  const LaLabWire *wire;             /* borrowed */
  LaAddr address[LA_LAB_END_N];      /* the first of each end */
  LaFamily family;
  const char *kernel;   /* its release */
  const char *capture;  /* the capture's file name, without folders */
  LaTime wall_offset;   /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
  LaTime period;        /* between two dumps of sockets */
  const char *no_trace; /* why there are no tracepoints; NULL: there are */
} LaLabTruthSetup;

/* (transfer full) */
LaLabTruth *la_lab_truth_new(const LaLabTruthSetup *setup);
void la_lab_truth_free(LaLabTruth *truth);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaLabTruth, la_lab_truth_free)

/* A tracepoint fired; those of sockets elsewhere on this machine are left out. */
void la_lab_truth_trace(LaLabTruth *truth, const LaTraceEvent *event);

/* A dump of an end's sockets: all of them, what is missing counts as gone. Times are CLOCK_MONOTONIC. */
typedef struct {
  LaTime began, ended;
  LaLabEnd end;
  const GArray *sockets; /* of LaSocket (borrowed) */
} LaLabDump;

void la_lab_truth_sockets(LaLabTruth *truth, const LaLabDump *dump);

/* `end` has lost its memory: its sockets are gone, and what the old kernel still says is no part of the account. */
void la_lab_truth_reboot(LaLabTruth *truth, LaTime time, LaLabEnd end);

void la_lab_truth_app(LaLabTruth *truth, LaLabEnd end, const LaLabReport *report);
void la_lab_truth_network(LaLabTruth *truth, const LaLabNote *note);

/* What the recording was. */
typedef struct {
  LaTime started, stopped, end; /* CLOCK_MONOTONIC; end: of the last look at the sockets */
  uint64_t packets;
  uint64_t trace_lost;
} LaLabRecording;

/* Appends the whole account as one JSON object and a newline. */
void la_lab_truth_write(LaLabTruth *truth, const LaLabRecording *recording, GString *out);

/* How many endpoints' states were followed. */
unsigned la_lab_truth_connections(const LaLabTruth *truth);

#endif
