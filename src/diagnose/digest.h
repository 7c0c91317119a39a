/* What the aggregate keeps of a finished connection: its three subjects, and a few events for them. Internal to the aggregates. */
#ifndef LA_DIAGNOSE_DIGEST_H
#define LA_DIAGNOSE_DIGEST_H

#include "diagnose/aggregate_private.h"

#define LA_DIGEST_CELLS 8u
#define LA_DIGEST_SAMPLES 4u

typedef struct {
  LaTopic topic;
  uint64_t frame, tick;
  uint32_t covers; /* the connection's findings about it */
} LaDigestSample;

struct LaDigest {
  LaHostPort client, server;
  LaSubjectHashes hashes;
  uint8_t service_count, pair_count, samples; /* how many */
  uint8_t reset_by;                           /* LaBlame; LA_BLAME_N: no RST ended it */
  uint8_t ttl_min, ttl_max;                   /* of an embryo's SYNs; 0: none */
  uint8_t embryo_repeated, embryo_ignored;
  uint16_t file;
  uint32_t findings;            /* about its opening, when that failed */
  uint32_t wait;                /* for its SYN-ACK, in units of 10 us */
  LaTime close_wait[LA_SIDE_N]; /* how long that end held it; 0: not, or not long enough to count */
  LaCell service_cells[LA_DIGEST_CELLS], pair_cells[LA_DIGEST_CELLS];
  LaDigestSample sample[LA_DIGEST_SAMPLES];
};

/* Counts the connection in the aggregate's figures and fills `ret` with what its subjects need. False when nothing can be said of a client or
 * a service: it has no known roles, or is a stray segment. */
bool la_digest_make(LaAggregate *aggregate, const LaConnection *conn, const LaFindings *findings, LaDigest *ret);

#endif
