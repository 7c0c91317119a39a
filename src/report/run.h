/* The inside of a run, shared by the files of the comparison only. */
#ifndef LA_REPORT_RUN_H
#define LA_REPORT_RUN_H

#include "diagnose/histogram.h"
#include "report/comparison.h"

typedef struct {
  uint64_t count;   /* connections that have it; of findings about hosts, records */
  uint8_t severity; /* LaSeverity, the worst seen */
  uint8_t breaks;   /* 1: the policy fails it */
} LaRunFinding;

typedef struct {
  LaHostPort name, was; /* `was` before it was mapped */
  uint64_t connections;
  LaHistogram *times[LA_COMPARED_TIMES]; /* NULL: none measured (owned) */
  LaRunFinding findings[LA_RULES_MAX];   /* by la_rule_index */
} LaRunService;

struct LaRun {
  GHashTable *services; /* LaHostPort -> LaRunService (owned) */
  uint64_t connections, not_kept, unknown, suppressed;
  const LaPolicy *policy; /* NULL: none */
  LaTime now;
};

/* The service of that name, made when it is new; NULL when there is no room. */
LaRunService *la_run_service(LaRun *run, const LaHostPort *name);

#endif
