/* What happened to one subject and when: counts of events by kind and moment, in a small array that merges exactly. */
#ifndef LA_DIAGNOSE_SERIES_H
#define LA_DIAGNOSE_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

/* Time in ticks of 1/1024 s since the epoch, held in 0 .. 2^42 - 1 (until 2106). */
#define LA_TICKS_PER_SECOND_BITS 10u
#define LA_TICK_BITS 42u
#define LA_TICK_MAX ((UINT64_C(1) << LA_TICK_BITS) - 1)

uint64_t la_tick(LaTime time);
LaTime la_tick_time(uint64_t tick); /* the tick's beginning */
LaTime la_tick_span(uint64_t ticks);

/* A cell: when, what, how often. From the top: 42 bits of time, 4 of kind, 18 of count, so that cells sort as numbers. */
typedef uint64_t LaCell;
#define LA_CELL_COUNT_BITS 18u
#define LA_CELL_COUNT_MAX ((1u << LA_CELL_COUNT_BITS) - 1)
#define LA_CELL_KINDS 16u

static inline uint64_t la_cell_tick(LaCell cell)
{
  return cell >> (64 - LA_TICK_BITS);
}

static inline unsigned la_cell_kind(LaCell cell)
{
  return (unsigned)(cell >> LA_CELL_COUNT_BITS) & (LA_CELL_KINDS - 1);
}

static inline uint32_t la_cell_count(LaCell cell)
{
  return (uint32_t)cell & LA_CELL_COUNT_MAX;
}

/* Two kinds hold no time in their upper bits and are never made coarser: a life's histogram bucket, and a frame number with the file
 * in place of the count. Of the frames only the smallest 32 are kept. */
#define LA_CELL_LIFE 14u
#define LA_CELL_FRAME 15u
#define LA_SERIES_FRAMES 32u

#define LA_SERIES_INLINE 5u

/* All zero: empty. Up to five cells are held in place. */
typedef struct {
  uint32_t len;
  uint8_t level;   /* a cell's time is a multiple of 2^level ticks */
  uint8_t on_heap; /* 1: `heap` is in use */
  uint16_t reserved;
  union {
    LaCell in_place[LA_SERIES_INLINE];
    struct {
      LaCell *cells; /* (owned) */
      uint32_t cap;
      uint32_t sorted; /* the first so many are in order, one cell for a time and kind */
    } heap;
  } at;
} LaSeries;

void la_series_clear(LaSeries *series);

/* A cell made by hand: `count` of `kind` at `tick` (for frames the file in place of the count). */
static inline LaCell la_cell(unsigned kind, uint64_t tick, uint32_t count)
{
  return (tick < LA_TICK_MAX ? tick : LA_TICK_MAX) << (64 - LA_TICK_BITS) | (uint64_t)kind << LA_CELL_COUNT_BITS |
         (count & LA_CELL_COUNT_MAX);
}

/* Adds cells as they are. */
void la_series_append(LaSeries *series, const LaCell *cells, unsigned count);

/* Puts the cells in order, one for a time and kind; the reading functions below and la_series_cells need it. */
void la_series_settle(LaSeries *series);

/* Makes the cells at least 2^level ticks wide, and settles. Coarser cells are sums of finer ones: it does not matter when. */
void la_series_coarsen(LaSeries *series, unsigned level);

/* Adds all of `from` (left alone); the result is as coarse as the coarser one. */
void la_series_merge(LaSeries *into, const LaSeries *from);

static inline const LaCell *la_series_cells(const LaSeries *series)
{
  return series->on_heap != 0 ? series->at.heap.cells : series->at.in_place;
}

/* How often the kinds of `kinds` (bits 1 << kind) happened; whether settled or not. */
uint64_t la_series_total(const LaSeries *series, unsigned kinds);

/* The same for each kind: LA_CELL_KINDS numbers. (That of frames means nothing.) */
void la_series_totals(const LaSeries *series, uint64_t *ret_totals);

/* How many cells hold a time (settled). */
uint32_t la_series_timed(const LaSeries *series);

#endif
