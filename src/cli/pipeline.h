/* The one way through: bytes, packets, segments, connections, findings, reports. */
#ifndef LA_CLI_PIPELINE_H
#define LA_CLI_PIPELINE_H

#include <signal.h>

#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/reader.h"
#include "cli/selection.h"
#include "report/judge.h"

typedef struct {
  const LaOptions *options;  /* words are the files */
  LaFilter *filter;          /* NULL: all packets */
  const LaExpression *where; /* which connections are reported; NULL: all */
  LaSelection *selection;    /* is told which connections were reported; NULL: nobody asks */
  LaReport *const *reports;
  unsigned report_count;
  const volatile sig_atomic_t *interrupt; /* not 0: end with what there is */
  LaProgress *progress;                   /* NULL: none */
  LaJudge *judge;                         /* holds the records against a policy; NULL: nobody does */
  bool reads_all;                         /* also when nobody reads the reports any more: the exit code is what is wanted */
  int spooled;                            /* stands for standard input, or LA_NOT_SPOOLED */
} LaPipeline;

/* Reads all files and hands every record to every report. What goes wrong with a file is told on standard error in one line; the
 * others are read all the same. */
LaExitCode la_pipeline_run(const LaPipeline *pipeline);

#endif
