/* Reading a settled series: sums, the busiest second, how many there were at once, runs of seconds. */
#ifndef LA_DIAGNOSE_SCAN_H
#define LA_DIAGNOSE_SCAN_H

#include <stdbool.h>

#include "diagnose/series.h"

/* How often the kinds happened with from <= tick <= to. Cells as wide as the series' level count as their beginning. */
uint64_t la_scan_sum(const LaSeries *series, unsigned kinds, uint64_t from, uint64_t to);

/* The first and last tick of the kinds within [from, to]; false when there is none. */
bool la_scan_range(const LaSeries *series, unsigned kinds, uint64_t from, uint64_t to, uint64_t *ret_first, uint64_t *ret_last);

/* The most events of the kinds in a second of the clock within [from, to]; where cells are wider than that, their average, rounded down. */
uint64_t la_scan_busiest(const LaSeries *series, unsigned kinds, uint64_t from, uint64_t to);

/* How many there are at once: `up` begins one, `down` ends one. Read at the end of each cell's time, with what ends there taken off, so
 * that it is never more than there were. */
typedef struct {
  const LaSeries *series;
  unsigned up, down;
  unsigned lasting;        /* of the kinds `up` those that end by themselves ... */
  uint64_t delay;          /* ... so many ticks later */
  uint32_t next, expiring; /* cells: the next to begin or end, the next to end by the delay */
  int64_t level;
  uint64_t tick;
} LaScan;

void la_scan_begin(LaScan *scan, const LaSeries *series, unsigned up, unsigned down);

/* The next tick at which the level changed; false when there is none up to `until`. */
bool la_scan_next(LaScan *scan, uint64_t until);

/* The highest level up to `until` and its tick. */
typedef struct {
  uint64_t peak;
  uint64_t tick;
  uint64_t last; /* the level at `until` */
} LaPeak;

LaPeak la_scan_peak(LaScan scan, uint64_t until);

#endif
