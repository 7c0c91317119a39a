/* Runs the catalogue over finished connections. */
#ifndef LA_DIAGNOSE_DIAGNOSE_H
#define LA_DIAGNOSE_DIAGNOSE_H

#include "diagnose/finding.h"
#include "diagnose/rule.h"
#include "track/connection.h"

/* The values of all thresholds: [rule index][threshold]. */
typedef struct {
  int64_t value[LA_RULES_MAX][LA_THRESHOLDS_MAX];
} LaThresholds;

void la_thresholds_init(LaThresholds *thresholds); /* all defaults */

/* Sets one from `CODE[.NAME]=VALUE`. False and LA_ERROR_USAGE, with the nearest code or name, when it is no threshold, or the
 * value has the wrong unit. */
bool la_thresholds_set(LaThresholds *thresholds, const char *assignment, GError **error);

/* The value of threshold `n` of `rule`. */
static inline int64_t la_threshold(const LaThresholds *thresholds, const LaRule *rule, unsigned n)
{
  return thresholds->value[la_rule_index(rule)][n];
}

/* What rules may read beside the connection. */
typedef struct LaContext {
  const LaThresholds *thresholds;
  LaTime observed_until; /* the end of observation as far as it is known when the rule is decided */
} LaContext;

#define LA_FINDINGS_MAX 48

typedef struct {
  LaFinding items[LA_FINDINGS_MAX]; /* worst first: by severity, then the catalogue's order */
  unsigned count;
} LaFindings;

/* Asks every rule of scope connection or capture about a finished connection. */
void la_diagnose(const LaConnection *conn, const LaContext *context, LaFindings *ret_findings);

/* The finding's sentence, ended by a full stop, appended to `out`. `conn` may be NULL for a host's finding. */
void la_finding_summary(const LaFinding *finding, const LaConnection *conn, GString *out);

#endif
