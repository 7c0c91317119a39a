/* Runs the catalogue over finished connections. */
#ifndef LA_DIAGNOSE_DIAGNOSE_H
#define LA_DIAGNOSE_DIAGNOSE_H

#include "capture/losses.h"
#include "diagnose/finding.h"
#include "diagnose/rule.h"
#include "diagnose/rule_index.h"
#include "diagnose/verdict_handshake.h"
#include "diagnose/verdict_reset.h"
#include "track/connection.h"
#include "track/service.h"
#include "track/vantage.h"

/* The values of all thresholds: [rule index][threshold]. */
typedef struct {
  int64_t value[LA_RULES_MAX][LA_THRESHOLDS_MAX];
} LaThresholds;

void la_thresholds_init(LaThresholds *thresholds); /* all defaults */

/* Sets one from `CODE[.NAME]=VALUE`. False and LA_ERROR_USAGE, with the nearest code or name, when it is no threshold, or the
 * value has the wrong unit. */
bool la_thresholds_set(LaThresholds *thresholds, const char *assignment, GError **error);

/* Those that are not at their defaults and bear on connections, as assignments that la_thresholds_set takes. (transfer full, of char *) */
GPtrArray *la_thresholds_changed(const LaThresholds *thresholds);

typedef enum {
  LA_ASK_WHAT_MATTERS, /* rules are not asked about connections that are clean in every respect */
  LA_ASK_EVERYTHING,   /* every rule is asked about every connection: slower, the same findings; for tests */
} LaAsk;

/* What rules may read beside the connection. The first part is set by the caller for all connections, the second by la_diagnose
 * for each. Facts about services are as they stand when the connection has finished: its rules' moment of decision. */
typedef struct LaContext {
  const LaThresholds *thresholds;
  LaServices *services;   /* NULL: nothing known of other connections */
  const LaLosses *losses; /* when packets were dropped on their way into the capture, as far as known by now; NULL: not known */
  LaAsk ask;
  LaVantage vantage; /* of the capture, as far as its handshakes tell by now */

  const LaService *service; /* of the connection's server end; NULL: unknown */
  const LaService *host;    /* of the server's address */
  LaResetVerdict reset;     /* what the RST that ended it was */
  LaOpening opening;        /* what went wrong while it opened */
} LaContext;

/* Threshold `n` of rule close_wait_leak: LA_THRESHOLD(context, close_wait_leak, n). */
#define LA_THRESHOLD(context, rule, n) ((context)->thresholds->value[LA_RULE_INDEX_##rule][n])

#define LA_FINDINGS_MAX 48

typedef struct {
  LaFinding items[LA_FINDINGS_MAX]; /* worst first: by severity, then the catalogue's order */
  unsigned count;
} LaFindings;

/* Asks every rule of scope connection or capture about a finished connection. False: rules have to be asked, but `conn` is in brief
 * (LA_CONN_BRIEF) and they need the whole of it. */
bool la_diagnose(const LaConnection *conn, const LaContext *context, LaFindings *ret_findings);

/* The finding's sentence, ended by a full stop, appended to `out`. `conn` may be NULL for a host's finding. */
void la_finding_summary(const LaFinding *finding, const LaConnection *conn, GString *out);

#endif
