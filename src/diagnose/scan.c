#include "diagnose/scan.h"

#define TICKS_OF_A_SECOND (UINT64_C(1) << LA_TICKS_PER_SECOND_BITS)

/* A cell counts when any of its time may lie in [from, to]. */
static uint64_t cell_start(const LaSeries *series, uint64_t tick)
{
  return tick >> series->level << series->level;
}

static bool has_kind(LaCell cell, unsigned kinds)
{
  return (kinds >> la_cell_kind(cell) & 1) != 0;
}

uint64_t la_scan_sum(const LaSeries *series, unsigned kinds, uint64_t from, uint64_t to)
{
  const LaCell *cells = la_series_cells(series);
  uint64_t sum = 0;
  from = cell_start(series, from);
  for (uint32_t i = 0; i < series->len; i++)
    if (has_kind(cells[i], kinds) && la_cell_tick(cells[i]) >= from && la_cell_tick(cells[i]) <= to)
      sum += la_cell_count(cells[i]);
  return sum;
}

bool la_scan_range(const LaSeries *series, unsigned kinds, uint64_t from, uint64_t to, uint64_t *ret_first, uint64_t *ret_last)
{
  const LaCell *cells = la_series_cells(series);
  bool found = false;
  from = cell_start(series, from);
  for (uint32_t i = 0; i < series->len; i++) {
    uint64_t tick = la_cell_tick(cells[i]);
    if (!has_kind(cells[i], kinds) || tick < from || tick > to)
      continue;
    if (!found)
      *ret_first = tick;
    *ret_last = tick;
    found = true;
  }
  return found;
}

uint64_t la_scan_busiest(const LaSeries *series, unsigned kinds, uint64_t from, uint64_t to)
{
  const LaCell *cells = la_series_cells(series);
  unsigned coarser = series->level > LA_TICKS_PER_SECOND_BITS ? series->level - LA_TICKS_PER_SECOND_BITS : 0;
  uint64_t most = 0;
  uint64_t sum = 0;
  uint64_t second = UINT64_MAX;
  from = cell_start(series, from);
  for (uint32_t i = 0; i < series->len; i++) {
    uint64_t tick = la_cell_tick(cells[i]);
    if (!has_kind(cells[i], kinds) || tick < from || tick > to)
      continue;
    if (tick / TICKS_OF_A_SECOND != second)
      sum = 0;
    second = tick / TICKS_OF_A_SECOND;
    sum += la_cell_count(cells[i]);
    if (sum >> coarser > most)
      most = sum >> coarser;
  }
  return most;
}

void la_scan_begin(LaScan *scan, const LaSeries *series, unsigned up, unsigned down)
{
  *scan = (LaScan){.series = series, .up = up, .down = down};
}

/* The first cell from `i` on that has one of the kinds. */
static uint32_t seek(const LaSeries *series, uint32_t i, unsigned kinds)
{
  const LaCell *cells = la_series_cells(series);
  while (i < series->len && !has_kind(cells[i], kinds))
    i++;
  return i;
}

static uint64_t due_at(const LaScan *scan)
{
  if (scan->lasting == 0 || scan->expiring >= scan->series->len)
    return UINT64_MAX;
  return la_cell_tick(la_series_cells(scan->series)[scan->expiring]) + scan->delay;
}

bool la_scan_next(LaScan *scan, uint64_t until)
{
  const LaSeries *series = scan->series;
  const LaCell *cells = la_series_cells(series);
  unsigned kinds = scan->up | scan->down;
  scan->next = seek(series, scan->next, kinds);
  scan->expiring = seek(series, scan->expiring, scan->lasting);
  uint64_t next = scan->next < series->len ? la_cell_tick(cells[scan->next]) : UINT64_MAX;
  uint64_t due = due_at(scan);
  uint64_t tick = next < due ? next : due;
  if (tick > until || tick == UINT64_MAX)
    return false;
  scan->tick = tick;
  while (scan->next < series->len && la_cell_tick(cells[scan->next]) == tick) {
    int64_t count = la_cell_count(cells[scan->next]);
    scan->level += has_kind(cells[scan->next], scan->up) ? count : -count;
    scan->next = seek(series, scan->next + 1, kinds);
  }
  while (due_at(scan) == tick) {
    scan->level -= la_cell_count(cells[scan->expiring]);
    scan->expiring = seek(series, scan->expiring + 1, scan->lasting);
  }
  return true;
}

LaPeak la_scan_peak(LaScan scan, uint64_t until)
{
  LaPeak peak = {0, 0, 0};
  while (la_scan_next(&scan, until)) {
    if (scan.level > (int64_t)peak.peak) {
      peak.peak = (uint64_t)scan.level;
      peak.tick = scan.tick;
    }
  }
  peak.last = scan.level > 0 ? (uint64_t)scan.level : 0;
  return peak;
}
