/* What the files of the aggregate share. */
#ifndef LA_DIAGNOSE_AGGREGATE_PRIVATE_H
#define LA_DIAGNOSE_AGGREGATE_PRIVATE_H

#include "diagnose/aggregate.h"
#include "diagnose/histogram.h"
#include "diagnose/per_second.h"
#include "diagnose/subjects.h"

typedef struct LaDigest LaDigest;

#define LA_AGGREGATE_QUEUE 32u /* a power of two */

struct LaAggregate {
  LaAggregateOptions options;
  LaSubjects *subjects;           /* (owned) */
  LaDigest *queue;                /* of LA_AGGREGATE_QUEUE (owned) */
  uint32_t queued, taken;         /* how many went in and out; the difference is what waits */
  uint64_t first_tick, last_tick; /* of what counts */
  LaPerSecond flows;
  LaHistogram syn_ack, ack, close;
  LaTime observed_from, observed_until;
  uint64_t connections, with_subjects;
  uint64_t opened, closed;
  uint64_t segments[LA_SIDE_N], retransmitted[LA_SIDE_N];
  uint64_t with_retransmissions;
  uint64_t ordinary_segments;   /* neither SYN nor RST */
  uint64_t answers;             /* SYN-ACKs, RSTs, connections with an ICMP error */
  uint64_t syns_again;          /* connections whose SYN came again */
  uint8_t topics[LA_RULES_MAX]; /* by la_rule_index: 1 << LaTopic when that topic's host rule covers it */
  uint8_t scans[LA_RULES_MAX];  /* 1: a rule about scans covers it */
};

/* Takes what still waits in the queue. To be called before the subjects are read. */
void la_aggregate_flush(LaAggregate *aggregate);

#endif
