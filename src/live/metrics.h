/* What a monitoring system asks for: counters, gauges and histograms, in the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4). */
#ifndef LA_LIVE_METRICS_H
#define LA_LIVE_METRICS_H

#include <glib.h>

#include "report/event.h"
#include "track/tracker.h"

typedef struct LaMetrics LaMetrics;

/* Services that have a label of their own: those at the ports that somebody named, then the busiest ones. All others are `other`,
 * together. */
#define LA_METRICS_SERVICES 32
#define LA_METRICS_PORTS_MAX 32u /* that may be named */

LaMetrics *la_metrics_new(void); /* (transfer full) */
void la_metrics_free(LaMetrics *metrics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaMetrics, la_metrics_free)

/* From now on services at these ports (`count` of them, at most LA_METRICS_PORTS_MAX are taken) keep their label however busy others are. */
void la_metrics_name_ports(LaMetrics *metrics, const uint16_t *ports, unsigned count);

/* Counts a finished connection. Constant time. */
void la_metrics_connection(LaMetrics *metrics, const LaConnection *conn);

/* Counts a finding when it is raised, which gives its service a label if there is one to give; to be called with every event, also those that are held back. */
void la_metrics_event(LaMetrics *metrics, const LaEventRecord *event);

/* To be called about once a minute: which services are busy is told by what they did lately. */
void la_metrics_age(LaMetrics *metrics);

/* Counts the open connections by service and state; the gauges stay so until the next call. Goes through all of them. */
void la_metrics_count_open(LaMetrics *metrics, LaTracker *tracker);

/* What the capture itself has to tell, since it began. */
typedef struct {
  const char *version;
  LaTime started;     /* UTC */
  LaTime last_packet; /* UTC; LA_TIME_NONE: there was none */
  uint64_t packets;
  uint64_t kernel_drops;
  uint64_t interface_drops;
  uint64_t evicted; /* connections */
  uint64_t bytes;   /* of memory for connections */
} LaMetricsCapture;

/* Appends all of it. */
void la_metrics_write(const LaMetrics *metrics, const LaMetricsCapture *capture, GString *out);

/* The content type of that text. */
#define LA_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
