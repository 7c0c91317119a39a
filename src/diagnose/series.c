/* A series is a log that is put in order when it is full: events are appended behind a part that is in order already, and when no
 * room is left they are sorted, merged with it, and cells of the same time and kind are added up. Only when that frees less than half
 * does the array grow. So an event costs a store now and a share of a sort later, and a thousand equal events cost one cell.
 *
 * A coarser series is what the finer one would be if all times were rounded down, and rounding down twice is rounding down to the
 * coarser: neither the order of events nor the moment of coarsening shows in the result. */
#include "diagnose/series.h"

#include <glib.h>
#include <string.h>

#define KIND_SHIFT LA_CELL_COUNT_BITS
#define TICK_SHIFT (64u - LA_TICK_BITS)
#define INSERTION_MAX 48u
#define DIGIT 8u
#define DIGITS (1u << DIGIT)
#define HEAP_LEAST 16u
#define SETTLE_FROM 4096u

uint64_t la_tick(LaTime time)
{
  if (time <= 0)
    return 0;
  uint64_t seconds = (uint64_t)time / (uint64_t)LA_SEC;
  uint64_t rest = (uint64_t)time % (uint64_t)LA_SEC;
  uint64_t tick = (seconds << LA_TICKS_PER_SECOND_BITS) | ((rest << LA_TICKS_PER_SECOND_BITS) / (uint64_t)LA_SEC);
  return tick < LA_TICK_MAX ? tick : LA_TICK_MAX;
}

LaTime la_tick_span(uint64_t ticks)
{
  uint64_t whole = ticks >> LA_TICKS_PER_SECOND_BITS;
  uint64_t rest = ticks & ((1u << LA_TICKS_PER_SECOND_BITS) - 1);
  return (LaTime)(whole * (uint64_t)LA_SEC + (rest * (uint64_t)LA_SEC >> LA_TICKS_PER_SECOND_BITS));
}

LaTime la_tick_time(uint64_t tick)
{
  return la_tick_span(tick);
}

static bool is_timed(unsigned kind)
{
  return kind < LA_CELL_LIFE;
}

static LaCell *cells_of(LaSeries *series)
{
  return series->on_heap != 0 ? series->at.heap.cells : series->at.in_place;
}

/* Merges the sorted ranges [0, middle) and [middle, count). */
static void merge_ranges(LaCell *cells, uint32_t middle, uint32_t count)
{
  if (middle == 0 || middle == count || cells[middle - 1] <= cells[middle])
    return;
  /* Only what lies above the second range's first cell moves. */
  uint32_t low = 0;
  uint32_t high = middle;
  while (low < high) {
    uint32_t half = low + (high - low) / 2;
    if (cells[half] <= cells[middle])
      low = half + 1;
    else
      high = half;
  }
  uint32_t tail = count - middle;
  LaCell *copy = g_new(LaCell, tail);
  memcpy(copy, cells + middle, tail * sizeof *copy);
  uint32_t a = middle;
  uint32_t b = tail;
  for (uint32_t to = count; b > 0;) {
    if (a > low && cells[a - 1] > copy[b - 1])
      cells[--to] = cells[--a];
    else
      cells[--to] = copy[--b];
  }
  g_free(copy);
}

static void insertion_sort(LaCell *cells, uint32_t count)
{
  for (uint32_t i = 1; i < count; i++) {
    LaCell cell = cells[i];
    uint32_t at = i;
    for (; at > 0 && cells[at - 1] > cell; at--)
      cells[at] = cells[at - 1];
    cells[at] = cell;
  }
}

/* Digit by digit from the lowest; only as many digits as the largest difference has. */
static void radix_sort(LaCell *cells, uint32_t count)
{
  LaCell least = cells[0];
  LaCell most = cells[0];
  LaCell ones = ~UINT64_C(0);
  LaCell any = 0;
  for (uint32_t i = 0; i < count; i++) {
    least = MIN(least, cells[i]);
    most = MAX(most, cells[i]);
    ones &= cells[i];
    any |= cells[i];
  }
  LaCell differ = ones ^ any; /* digits in which all are the same are passed over */
  LaCell *from = cells;
  LaCell *to = g_new(LaCell, count);
  LaCell *copy = to;
  for (unsigned shift = 0; shift < 64 && (least ^ most) >> shift != 0; shift += DIGIT) {
    if ((differ >> shift & (DIGITS - 1)) == 0)
      continue;
    uint32_t start[DIGITS + 1] = {0};
    for (uint32_t i = 0; i < count; i++)
      start[(from[i] >> shift & (DIGITS - 1)) + 1]++;
    for (unsigned digit = 0; digit < DIGITS; digit++)
      start[digit + 1] += start[digit];
    for (uint32_t i = 0; i < count; i++)
      to[start[from[i] >> shift & (DIGITS - 1)]++] = from[i];
    LaCell *swap = from;
    from = to;
    to = swap;
  }
  if (from != cells)
    memcpy(cells, from, count * sizeof *cells);
  g_free(copy);
}

static void sort_cells(LaCell *cells, uint32_t count)
{
  if (count <= INSERTION_MAX)
    insertion_sort(cells, count);
  else
    radix_sort(cells, count);
}

/* Adds up equal times and kinds of sorted cells. A sum too large for one cell is as many full cells as it takes, the rest in front of
 * them, which is the one way to write it that stays in order. */
static uint32_t add_up(LaCell *cells, uint32_t count)
{
  uint32_t kept = 0;
  uint32_t frames = 0;
  for (uint32_t i = 0; i < count;) {
    LaCell key = cells[i] >> KIND_SHIFT;
    if (la_cell_kind(cells[i]) == LA_CELL_FRAME) {
      if (frames < LA_SERIES_FRAMES && (kept == 0 || cells[kept - 1] != cells[i])) {
        cells[kept++] = cells[i];
        frames++;
      }
      i++;
      continue;
    }
    uint64_t sum = 0;
    for (; i < count && cells[i] >> KIND_SHIFT == key; i++)
      sum += la_cell_count(cells[i]);
    if (sum % LA_CELL_COUNT_MAX != 0)
      cells[kept++] = key << KIND_SHIFT | sum % LA_CELL_COUNT_MAX;
    for (uint64_t full = sum / LA_CELL_COUNT_MAX; full > 0; full--)
      cells[kept++] = key << KIND_SHIFT | LA_CELL_COUNT_MAX;
  }
  return kept;
}

void la_series_settle(LaSeries *series)
{
  LaCell *cells = cells_of(series);
  uint32_t sorted = series->on_heap != 0 ? series->at.heap.sorted : 0;
  if (sorted == series->len)
    return;
  sort_cells(cells + sorted, series->len - sorted);
  merge_ranges(cells, sorted, series->len);
  series->len = add_up(cells, series->len);
  if (series->on_heap != 0)
    series->at.heap.sorted = series->len;
}

/* Makes room for one more. */
static void grow(LaSeries *series)
{
  if (series->on_heap == 0) {
    uint32_t cap = HEAP_LEAST;
    LaCell *cells = g_new(LaCell, cap);
    memcpy(cells, series->at.in_place, series->len * sizeof *cells);
    series->at.heap.cells = cells;
    series->at.heap.cap = cap;
    series->at.heap.sorted = 0;
    series->on_heap = 1;
    return;
  }
  /* Short ones are put in order once, when they are read. */
  if (series->at.heap.cap >= SETTLE_FROM)
    la_series_settle(series);
  if (series->len <= series->at.heap.cap / 2)
    return;
  series->at.heap.cap *= 2;
  series->at.heap.cells = g_renew(LaCell, series->at.heap.cells, series->at.heap.cap);
}

static LaCell coarse(LaCell cell, unsigned level)
{
  return is_timed(la_cell_kind(cell)) ? cell & ~(((UINT64_C(1) << level) - 1) << TICK_SHIFT) : cell;
}

void la_series_append(LaSeries *series, const LaCell *cells, unsigned count)
{
  uint32_t cap = series->on_heap != 0 ? series->at.heap.cap : LA_SERIES_INLINE;
  if (series->len + count <= cap && series->level == 0) {
    LaCell *to = cells_of(series) + series->len;
    for (unsigned i = 0; i < count; i++)
      to[i] = cells[i];
    series->len += count;
    return;
  }
  for (unsigned i = 0; i < count; i++) {
    if (series->len == (series->on_heap != 0 ? series->at.heap.cap : LA_SERIES_INLINE))
      grow(series);
    cells_of(series)[series->len++] = coarse(cells[i], series->level);
  }
}

void la_series_coarsen(LaSeries *series, unsigned level)
{
  if (level > series->level) {
    LaCell *cells = cells_of(series);
    for (uint32_t i = 0; i < series->len; i++)
      cells[i] = coarse(cells[i], level);
    series->level = (uint8_t)level;
    if (series->on_heap != 0)
      series->at.heap.sorted = 0;
  }
  la_series_settle(series);
}

void la_series_merge(LaSeries *into, const LaSeries *from)
{
  if (from->level > into->level)
    la_series_coarsen(into, from->level);
  la_series_append(into, la_series_cells(from), from->len);
  la_series_settle(into);
}

void la_series_clear(LaSeries *series)
{
  if (series->on_heap != 0)
    g_free(series->at.heap.cells);
  memset(series, 0, sizeof *series);
}

void la_series_totals(const LaSeries *series, uint64_t *ret_totals)
{
  const LaCell *cells = la_series_cells(series);
  memset(ret_totals, 0, LA_CELL_KINDS * sizeof *ret_totals);
  for (uint32_t i = 0; i < series->len; i++)
    ret_totals[la_cell_kind(cells[i])] += la_cell_count(cells[i]);
}

uint64_t la_series_total(const LaSeries *series, unsigned kinds)
{
  const LaCell *cells = la_series_cells(series);
  uint64_t total = 0;
  for (uint32_t i = 0; i < series->len; i++)
    if ((kinds >> la_cell_kind(cells[i]) & 1) != 0)
      total += la_cell_count(cells[i]);
  return total;
}

uint32_t la_series_timed(const LaSeries *series)
{
  const LaCell *cells = la_series_cells(series);
  uint32_t timed = 0;
  for (uint32_t i = 0; i < series->len; i++)
    timed += is_timed(la_cell_kind(cells[i])) ? 1 : 0;
  return timed;
}
