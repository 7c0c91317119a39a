/* What all finished connections together say: figures of the whole capture, and findings about services, sources and pairs.
 *
 * Fed once for each finished connection, in any order. Two aggregates of disjoint connections merge into exactly what one of all of
 * them would be. Memory is bounded whatever the input: subjects.c says by how much. */
#ifndef LA_DIAGNOSE_AGGREGATE_H
#define LA_DIAGNOSE_AGGREGATE_H

#include <glib.h>

#include "diagnose/diagnose.h"
#include "diagnose/subject.h"

typedef struct LaAggregate LaAggregate;

/* What an aggregate is for. */
typedef enum {
  LA_AGGREGATE_ALL,     /* figures, and findings about services, sources and pairs */
  LA_AGGREGATE_FIGURES, /* figures alone: those of subjects are 0 */
} LaAggregatePurpose;

typedef struct {
  LaTime time_wait;       /* --time-wait */
  uint32_t ports;         /* how many ports --port-range holds */
  LaTime close_wait_held; /* threshold close-wait-pileup.held: how long a socket must have been in CLOSE_WAIT to count */
  LaAggregatePurpose purpose;
  LaTime from, to; /* only what happened then is in the figures (for LA_AGGREGATE_FIGURES alone); LA_TIME_NONE: no limit */
} LaAggregateOptions;

/* The options that go with these thresholds, for LA_AGGREGATE_ALL. */
LaAggregateOptions la_aggregate_options(const LaThresholds *thresholds, LaTime time_wait, uint32_t ports);

LaAggregate *la_aggregate_new(const LaAggregateOptions *options); /* (transfer full) */
void la_aggregate_free(LaAggregate *aggregate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaAggregate, la_aggregate_free)

/* Takes a finished connection with its findings. Copies what it needs. */
void la_aggregate_connection(LaAggregate *aggregate, const LaConnection *conn, const LaFindings *findings);

/* With LA_AGGREGATE_FIGURES: takes a connection that was not there between `from` and `to`, except perhaps in TIME_WAIT, which counts. */
void la_aggregate_passed(LaAggregate *aggregate, const LaConnection *conn, const LaFindings *findings);

/* Packets were observed from `from` to `until`: of several captures the whole span counts. LA_TIME_NONE is passed over. */
void la_aggregate_observed(LaAggregate *aggregate, LaTime from, LaTime until);

/* Adds all of `from`, which must have been made with the same options (else false, and nothing is changed). `from` may still be used and
 * freed as before. */
bool la_aggregate_merge(LaAggregate *into, LaAggregate *from);

typedef struct {
  uint64_t count;
  LaTime p50, p90, p99; /* LA_TIME_NONE when count is 0 */
} LaTimes;

/* The figures an operator watches. Rates are connections a second of the clock. */
typedef struct {
  LaTime observed_from, observed_until; /* LA_TIME_NONE: no packet */
  uint64_t opened, closed;              /* handshakes that completed; connections that ended by FINs or RST */
  double opened_per_s, closed_per_s;    /* mean over the time observed; 0 when that is less than a millisecond */
  uint64_t opened_peak_per_s, closed_peak_per_s;
  uint64_t simultaneous_peak, time_wait_peak, close_wait_peak; /* at once */
  LaTime opened_peak_at, closed_peak_at, simultaneous_peak_at, time_wait_peak_at,
      close_wait_peak_at;                                 /* LA_TIME_NONE: there is none */
  LaTimes syn_to_syn_ack, syn_ack_to_ack, close;          /* `close`: teardown.duration_s */
  uint64_t segments[LA_SIDE_N], retransmitted[LA_SIDE_N]; /* by the sender; whenever they were sent */
  uint64_t connections, with_retransmissions;
  uint64_t services, sources, pairs;            /* kept */
  uint64_t services_not_kept, sources_not_kept; /* connections whose service, or source, found no room */
} LaFigures;

void la_aggregate_figures(LaAggregate *aggregate, LaFigures *ret_figures);

typedef struct {
  LaSubject subject;
  LaFinding finding;
} LaHostFinding;

#define LA_HOST_FINDINGS_MAX 4096u

/* What can be said of hosts by now: findings of the same subject stand together, worst first; services, then sources, then pairs,
 * by address. At most LA_HOST_FINDINGS_MAX; `*ret_left` is how many more there were. Does not change what later calls say. (transfer full,
 * of LaHostFinding) */
GArray *la_aggregate_findings(LaAggregate *aggregate, const LaContext *context, uint64_t *ret_left);

/* The sentence of a host's finding. */
void la_host_finding_summary(const LaFinding *finding, const LaSubject *subject, GString *out);

/* Whether a host finding's rule sums up connection findings of `rule`. */
bool la_rule_covers(const LaRule *host, const LaRule *rule);

#endif
