/* The whole capture's connections over time: how many were opened and closed, and how many stood in a state at once. */
#ifndef LA_DIAGNOSE_PER_SECOND_H
#define LA_DIAGNOSE_PER_SECOND_H

#include <stdint.h>

#include "base/time.h"
#include "diagnose/series.h"

typedef enum {
  LA_FLOW_OPENED, /* counts */
  LA_FLOW_CLOSED,
  LA_FLOW_LIVE,      /* +1 and -1: by how much more than opened less closed there are at once */
  LA_FLOW_TIME_WAIT, /* +1 and -1: how many there are at once */
  LA_FLOW_CLOSE_WAIT,
  LA_FLOW_N,
} LaFlow;

#define LA_PER_SECOND_BUCKETS 8192u

/* All zero: empty. */
typedef struct {
  uint64_t first, last;          /* buckets in use, as ticks >> level */
  uint8_t level;                 /* a bucket is 2^level ticks of 1/1024 s wide */
  uint8_t used;                  /* 1: there are any */
  uint32_t cap;                  /* how many buckets are allocated */
  uint64_t offset;               /* the bucket at index 0 */
  int32_t (*buckets)[LA_FLOW_N]; /* (owned) */
} LaPerSecond;

void la_per_second_clear(LaPerSecond *per_second);

/* The bucket of a tick, with room made for it. (borrowed until the next call) */
int32_t *la_per_second_bucket(LaPerSecond *per_second, uint64_t tick);

static inline void la_per_second_add(LaPerSecond *per_second, LaFlow flow, uint64_t tick, int32_t change)
{
  uint64_t at = tick >> per_second->level;
  /* Nearly all events fall between the first and the last so far. */
  if (per_second->used != 0 && at >= per_second->first && at <= per_second->last)
    per_second->buckets[at - per_second->offset][flow] += change;
  else
    la_per_second_bucket(per_second, tick)[flow] += change;
}
void la_per_second_merge(LaPerSecond *into, const LaPerSecond *from);

/* The most of a count within a second of the clock (an average, rounded down, where buckets are longer than that). */
uint64_t la_per_second_busiest(const LaPerSecond *per_second, LaFlow flow, LaTime *ret_when);

/* The most there were at once (of LA_FLOW_LIVE, TIME_WAIT or CLOSE_WAIT), at the end of a bucket, up to `until`. `*ret_when` is
 * LA_TIME_NONE when it is 0. */
uint64_t la_per_second_peak(const LaPerSecond *per_second, LaFlow flow, LaTime until, LaTime *ret_when);

#endif
