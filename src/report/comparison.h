/* Two runs side by side: what is told of each service before and after, and what of it is a change for the worse. */
#ifndef LA_REPORT_COMPARISON_H
#define LA_REPORT_COMPARISON_H

#include "diagnose/aggregate.h"
#include "report/output.h"
#include "report/record.h"
#include "report/significance.h"
#include "report/style.h"
#include "select/policy.h"
#include "select/stored.h"

/* ---- a run ---- */

/* What is kept of a run: bounded, whatever the input. */
typedef struct LaRun LaRun;

#define LA_RUN_SERVICES_MAX 2048u /* further ones count, but are not compared */

LaRun *la_run_new(void); /* (transfer full) */
void la_run_free(LaRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaRun, la_run_free)

/* From now on what the policy (borrowed) allows at `now` is counted as suppressed and nothing else, and what can be a regression is what it
 * fails: not LaComparisonOptions.fail_on. */
void la_run_set_policy(LaRun *run, const LaPolicy *policy, LaTime now);

/* Adds a finished connection, or the findings about a host, of this run or of a stored one. */
void la_run_add_connection(LaRun *run, const LaConnectionRecord *record);
void la_run_add_host(LaRun *run, const LaHostRecord *record);
void la_run_add_stored(LaRun *run, LaStored *stored);

/* ---- which services are the same ---- */

/* Services of the run before, `from`, that are compared as `to`. Where the address has no family, it stays as it is; where the port is 0,
 * too. */
typedef struct {
  LaHostPort from, to;
} LaServiceMap;

/* Reads `A=B`: both ADDRESS:PORT, both ADDRESS, or both :PORT. False and LA_ERROR_USAGE. */
bool la_service_map_parse(const char *text, LaServiceMap *ret_map, GError **error);

/* ---- the comparison ---- */

typedef enum {
  LA_CHANGE_NONE, /* the same share */
  LA_CHANGE_NEW,  /* not one before */
  LA_CHANGE_MORE,
  LA_CHANGE_LESS,
  LA_CHANGE_GONE, /* not one after */
  LA_CHANGE_N,
} LaChange;

const char *la_change_name(LaChange change); /* "none", "new" ... */

typedef struct {
  const LaRule *rule;
  LaSeverity severity; /* the worst that it had */
  LaShare before, after;
  LaChange change;
  double p;            /* la_share_fisher; of findings about hosts, which have no share, 0 */
  uint8_t breaks;      /* 1: severe enough to be a regression */
  uint8_t significant; /* 1: not by chance (see la_comparison_new) */
  uint8_t worse;       /* 1: significant, new or more frequent, and severe enough: a regression */
} LaFindingChange;

#define LA_COMPARED_TIMES 3
extern const char *const la_compared_times[LA_COMPARED_TIMES]; /* "syn_to_syn_ack_s", "syn_ack_to_ack_s", "close_s" */

typedef struct {
  uint64_t connections;
  LaTimes times[LA_COMPARED_TIMES];
} LaServiceSide;

typedef struct {
  LaHostPort service; /* as it is called after; family LA_FAMILY_NONE: what has no service (sources of scans) */
  LaHostPort was;     /* as it was called before */
  LaServiceSide before, after;
  GArray *findings; /* of LaFindingChange, regressions first, then by severity (owned) */
} LaServiceChange;

typedef struct {
  GPtrArray *services;                 /* of LaServiceChange, in both, by regressions and then by address (owned) */
  GPtrArray *only_before, *only_after; /* the same, in one alone: not compared (owned) */
  LaServiceSide all[2];                /* before, after: the compared services together */
  uint64_t connections[2];             /* before, after */
  uint64_t not_kept[2];                /* connections of services beyond LA_RUN_SERVICES_MAX */
  uint64_t suppressed[2];              /* findings that a policy allows */
  uint64_t unknown[2];                 /* findings of stored results that this version does not know */
  unsigned regressions;
  unsigned compared; /* shares that were compared */
  double limit;      /* below which p is significant */
  uint8_t paired;    /* 1: the only service of each run was compared although their names differ */
} LaComparison;

/* How to compare. */
typedef struct {
  const LaServiceMap *maps; /* (borrowed for the call) */
  unsigned map_count;
  LaSeverity fail_on; /* findings as severe as this can be regressions; with a policy, what that fails */
} LaComparisonOptions;

/* Compares. A share has changed significantly when la_share_fisher gives less than 1 % divided by the number of shares that are compared (so
 * that the whole comparison is wrong once in a hundred times at most); in runs of fewer than 50 connections of a service, where the test can
 * see little, also when a finding is new and at least a tenth of the connections have it. (transfer full) */
LaComparison *la_comparison_new(const LaRun *before, const LaRun *after, const LaComparisonOptions *options);
void la_comparison_free(LaComparison *comparison);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaComparison, la_comparison_free)

typedef enum {
  LA_CHANGES_SIGNIFICANT, /* and what is new or gone */
  LA_CHANGES_ALL,
} LaChangesShown;

/* What a report of a comparison says beside it. */
typedef struct {
  const char *before, *after; /* what was compared; untrusted */
  const char *policy;         /* its name; NULL: none */
  const char *look;           /* begins a command that shows connections of the run after, quoted for a shell; NULL: none */
  LaStyle style;
  LaChangesShown shown;
} LaComparisonText;

/* Appends the comparison for a person, or as records. */
void la_comparison_text(const LaComparison *comparison, const LaComparisonText *how, GString *out);
void la_comparison_ndjson(const LaComparison *comparison, const LaComparisonText *how, GString *out);

#endif
