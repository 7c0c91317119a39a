#include "cli/live_metrics.h"

#include "base/clock.h"

#define AGE_INTERVAL (60 * LA_SEC)
#define OPEN_SHARE 20 /* counting open connections takes at most one part in so many of the time, however often somebody asks */

bool la_live_metrics_open(LaLiveMetrics *metrics, const char *address, const LaPolicy *policy, GError **error)
{
  *metrics = (LaLiveMetrics){0};
  if (address == NULL)
    return true;
  metrics->http = la_http_open(address, error);
  if (metrics->http == NULL)
    return false;
  metrics->metrics = la_metrics_new();
  uint16_t ports[LA_METRICS_PORTS_MAX];
  if (policy != NULL)
    la_metrics_name_ports(metrics->metrics, ports, la_policy_ports(policy, ports, LA_METRICS_PORTS_MAX));
  return true;
}

void la_live_metrics_clear(LaLiveMetrics *metrics)
{
  g_clear_pointer(&metrics->http, la_http_free);
  g_clear_pointer(&metrics->metrics, la_metrics_free);
}

void la_live_metrics_connection(LaLiveMetrics *metrics, const LaConnection *conn)
{
  if (metrics->metrics != NULL)
    la_metrics_connection(metrics->metrics, conn);
}

void la_live_metrics_event(LaLiveMetrics *metrics, const LaEventRecord *event)
{
  if (metrics->metrics != NULL)
    la_metrics_event(metrics->metrics, event);
}

bool la_live_metrics_are_wanted(LaLiveMetrics *metrics, LaTime mono)
{
  if (metrics->http == NULL)
    return false;
  if (mono >= metrics->age_due) {
    la_metrics_age(metrics->metrics);
    metrics->age_due = mono + AGE_INTERVAL;
  }
  return la_http_serve(metrics->http);
}

void la_live_metrics_answer(LaLiveMetrics *metrics, LaTracker *tracker, const LaMetricsCapture *capture, LaTime mono)
{
  if (mono >= metrics->open_due) {
    LaTime before = la_clock_monotonic();
    la_metrics_count_open(metrics->metrics, tracker);
    LaTime after = la_clock_monotonic();
    metrics->open_due = after + OPEN_SHARE * (after - before);
  }
  g_autoptr(GString) text = g_string_new(NULL);
  la_metrics_write(metrics->metrics, capture, text);
  la_http_answer(metrics->http, text, LA_METRICS_TYPE);
}
