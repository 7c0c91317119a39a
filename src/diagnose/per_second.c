/* A dense array of at most 8,192 buckets from the first event to the last. When the capture becomes longer than they reach, buckets
 * become twice as wide: 1/1024 s for 8 s, 1 s for two hours and a quarter. How wide they are depends on the first and
 * the last event only, and sums of sums are sums, so parts merge into the whole exactly.
 *
 * Levels are read at the ends of buckets, where they are true; what began and ended within one bucket does not show. They are
 * never more than there really was. */
#include "diagnose/per_second.h"

#include <glib.h>
#include <string.h>

#include "diagnose/series.h"

static void widen(LaPerSecond *p)
{
  uint64_t first = p->first >> 1;
  uint64_t last = p->last >> 1;
  int32_t(*buckets)[LA_FLOW_N] = g_malloc0_n(LA_PER_SECOND_BUCKETS, sizeof *buckets);
  for (uint64_t i = p->first; i <= p->last; i++)
    for (unsigned flow = 0; flow < LA_FLOW_N; flow++)
      buckets[(i >> 1) - first][flow] += p->buckets[i - p->offset][flow];
  g_free(p->buckets);
  p->buckets = buckets;
  p->cap = LA_PER_SECOND_BUCKETS;
  p->offset = p->first = first;
  p->last = last;
  p->level++;
}

/* Moves the array so that it holds [first, last], with room behind for what comes later. */
static void move_to(LaPerSecond *p, uint64_t first, uint64_t last)
{
  uint32_t needed = (uint32_t)(last - first + 1);
  uint32_t cap = MAX(p->cap, 256);
  while (cap < needed)
    cap *= 2;
  int32_t(*buckets)[LA_FLOW_N] = g_malloc0_n(cap, sizeof *buckets);
  memcpy(buckets[p->first - first], p->buckets[p->first - p->offset], (p->last - p->first + 1) * sizeof *buckets);
  g_free(p->buckets);
  p->buckets = buckets;
  p->cap = cap;
  p->offset = first;
}

int32_t *la_per_second_bucket(LaPerSecond *p, uint64_t tick)
{
  uint64_t at = tick >> p->level;
  if (p->used == 0) {
    p->used = 1;
    p->cap = 256;
    p->buckets = g_malloc0_n(p->cap, sizeof *p->buckets);
    p->first = p->last = p->offset = at;
  }
  while (MAX(p->last, at) - MIN(p->first, at) >= LA_PER_SECOND_BUCKETS) {
    widen(p);
    at = tick >> p->level;
  }
  if (at < p->offset || at - p->offset >= p->cap)
    move_to(p, MIN(p->first, at), MAX(p->last, at));
  p->first = MIN(p->first, at);
  p->last = MAX(p->last, at);
  return p->buckets[at - p->offset];
}

void la_per_second_merge(LaPerSecond *into, const LaPerSecond *from)
{
  if (from->used == 0)
    return;
  la_per_second_bucket(into, from->first << from->level);
  la_per_second_bucket(into, from->last << from->level);
  while (into->level < from->level)
    widen(into);
  for (uint64_t i = from->first; i <= from->last; i++) {
    int32_t *bucket = la_per_second_bucket(into, i << from->level);
    for (unsigned flow = 0; flow < LA_FLOW_N; flow++)
      bucket[flow] += from->buckets[i - from->offset][flow];
  }
}

void la_per_second_clear(LaPerSecond *per_second)
{
  g_free(per_second->buckets);
  memset(per_second, 0, sizeof *per_second);
}

uint64_t la_per_second_busiest(const LaPerSecond *p, LaFlow flow, LaTime *ret_when)
{
  uint64_t most = 0;
  *ret_when = LA_TIME_NONE;
  if (p->used == 0)
    return 0;
  unsigned finer = p->level < LA_TICKS_PER_SECOND_BITS ? LA_TICKS_PER_SECOND_BITS - p->level : 0;
  unsigned coarser = p->level > LA_TICKS_PER_SECOND_BITS ? p->level - LA_TICKS_PER_SECOND_BITS : 0;
  for (uint64_t i = p->first; i <= p->last;) {
    uint64_t second = i >> finer;
    uint64_t sum = 0;
    for (; i <= p->last && i >> finer == second; i++)
      sum += (uint64_t)p->buckets[i - p->offset][flow];
    if (sum >> coarser > most) {
      most = sum >> coarser;
      *ret_when = la_tick_time(second << finer << p->level);
    }
  }
  return most;
}

uint64_t la_per_second_peak(const LaPerSecond *p, LaFlow flow, LaTime until, LaTime *ret_when)
{
  int64_t level = 0;
  int64_t most = 0;
  *ret_when = LA_TIME_NONE;
  if (p->used == 0)
    return 0;
  uint64_t last = until != LA_TIME_NONE ? la_tick(until) >> p->level : p->last;
  for (uint64_t i = p->first; i <= p->last && i <= last; i++) {
    const int32_t *bucket = p->buckets[i - p->offset];
    level += bucket[flow];
    if (flow == LA_FLOW_LIVE)
      level += (int64_t)bucket[LA_FLOW_OPENED] - bucket[LA_FLOW_CLOSED];
    if (level > most) {
      most = level;
      *ret_when = la_tick_time(i << p->level);
    }
  }
  return (uint64_t)most;
}
