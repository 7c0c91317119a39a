/* Bins lie on multiples of their own width since the epoch. An event outside the bins first slides them when its own and the
 * occupied ones fit; else neighbours are merged, which doubles the width as often as it takes. So the order of events does not
 * matter and no span must be told. With the bins at least twice as many as a bar's cells, a bar is off by less than a cell. */
#include "report/history.h"

#include <string.h>

#define SHIFT_FIRST 20 /* about 1 ms */

static int64_t floor_shift(int64_t value, unsigned shift)
{
  return value >= 0 ? value >> shift : -((-(value + 1)) >> shift) - 1;
}

/* Slides and merges the bins so that the one numbered `at` since the epoch is among them; returns which it is then. */
static int64_t make_room(LaHistory *history, int64_t at)
{
  int64_t low = MIN(at, history->base + history->first);
  int64_t high = MAX(at, history->base + history->last);
  unsigned doublings = 0;
  while (floor_shift(high, doublings) - floor_shift(low, doublings) >= LA_HISTORY_BINS)
    doublings++;
  int64_t base = floor_shift(low, doublings);
  uint32_t bins[LA_HISTORY_BINS] = {0};
  for (int i = history->first; i <= history->last; i++)
    bins[floor_shift(history->base + i, doublings) - base] += history->bins[i];
  memcpy(history->bins, bins, sizeof bins);
  history->first = (uint8_t)(floor_shift(history->base + history->first, doublings) - base);
  history->last = (uint8_t)(floor_shift(history->base + history->last, doublings) - base);
  history->base = base;
  history->shift = (uint8_t)(history->shift + doublings);
  return floor_shift(at, doublings) - base;
}

void la_history_add(LaHistory *history, LaTime time)
{
  if (time == LA_TIME_NONE)
    return;
  if (history->total == 0) {
    history->shift = SHIFT_FIRST;
    history->base = floor_shift(time, SHIFT_FIRST);
  }
  history->total++;
  int64_t at = floor_shift(time, history->shift);
  int64_t bin = at - history->base;
  if (bin < 0 || bin >= LA_HISTORY_BINS)
    bin = make_room(history, at);
  history->first = MIN(history->first, (uint8_t)bin);
  history->last = MAX(history->last, (uint8_t)bin);
  if (history->bins[bin] < UINT32_MAX)
    history->bins[bin]++;
}

bool la_history_cells(const LaHistory *history, LaTime start, LaTime end, uint64_t ret_cells[LA_HISTORY_CELLS])
{
  if (history->total == 0 || start == LA_TIME_NONE || end <= start)
    return false;
  memset(ret_cells, 0, LA_HISTORY_CELLS * sizeof *ret_cells);
  double span = (double)(end - start);
  for (int i = 0; i < LA_HISTORY_BINS; i++) {
    if (history->bins[i] == 0)
      continue;
    double middle = ((double)(history->base + i) + 0.5) * (double)(INT64_C(1) << history->shift) - (double)start;
    int cell = (int)(middle / span * LA_HISTORY_CELLS);
    ret_cells[CLAMP(cell, 0, LA_HISTORY_CELLS - 1)] += history->bins[i];
  }
  return true;
}

void la_history_bar(const LaHistory *history, GString *out, LaTime start, LaTime end, const LaStyle *style)
{
  static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static const char *const plain[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
  uint64_t cells[LA_HISTORY_CELLS];
  if (!la_history_cells(history, start, end, cells))
    return;
  uint64_t most = 1;
  for (int i = 0; i < LA_HISTORY_CELLS; i++)
    most = MAX(most, cells[i]);
  const char *const *set = style->charset == LA_CHARSET_UTF8 ? blocks : plain;
  for (int i = 0; i < LA_HISTORY_CELLS; i++) {
    uint64_t level = cells[i] == 0 ? 0 : 1 + (cells[i] * 6 + most / 2) / most;
    g_string_append(out, set[MIN(level, 7)]);
  }
}
