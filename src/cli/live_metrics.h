/* --metrics of a running capture: what is counted, and the server that tells it. */
#ifndef LA_CLI_LIVE_METRICS_H
#define LA_CLI_LIVE_METRICS_H

#include "live/http.h"
#include "live/metrics.h"
#include "select/policy.h"

/* All zero: nothing is counted and nobody served; then all functions do nothing. */
typedef struct {
  LaHttp *http;       /* (owned) */
  LaMetrics *metrics; /* (owned) */
  LaTime open_due;    /* monotonic: when the open connections may be counted again */
  LaTime age_due;     /* monotonic */
} LaLiveMetrics;

/* Listens at `address`; NULL: does nothing. Services that `policy` (NULL: none) names keep their labels. False and LA_ERROR_USAGE or LA_ERROR_OUTPUT. */
bool la_live_metrics_open(LaLiveMetrics *metrics, const char *address, const LaPolicy *policy, GError **error);
void la_live_metrics_clear(LaLiveMetrics *metrics);

void la_live_metrics_connection(LaLiveMetrics *metrics, const LaConnection *conn);
void la_live_metrics_event(LaLiveMetrics *metrics, const LaEventRecord *event);

/* Whether somebody waits for la_live_metrics_answer. To be called in every round of the loop. */
bool la_live_metrics_are_wanted(LaLiveMetrics *metrics, LaTime mono);
void la_live_metrics_answer(LaLiveMetrics *metrics, LaTracker *tracker, const LaMetricsCapture *capture, LaTime mono);

#endif
