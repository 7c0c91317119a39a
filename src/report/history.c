/* Bins lie on multiples of their own width since the epoch. An event outside the bins first slides them when its own and the
 * occupied ones fit; else neighbours are merged, which doubles the width, until it fits. So the order of events does not matter
 * and no span must be told. With the bins at least twice as many as a bar's cells, a bar is off by less than a cell. */
#include "report/history.h"

#include <string.h>

#define SHIFT_FIRST 20 /* about 1 ms */

static int64_t floor_shift(int64_t value, unsigned shift)
{
  return value >= 0 ? value >> shift : -((-(value + 1)) >> shift) - 1;
}

static int first_used(const LaHistory *history)
{
  int i = 0;
  while (i < LA_HISTORY_BINS && history->bins[i] == 0)
    i++;
  return i;
}

static int last_used(const LaHistory *history)
{
  int i = LA_HISTORY_BINS - 1;
  while (i >= 0 && history->bins[i] == 0)
    i--;
  return i;
}

static void merge(LaHistory *history)
{
  uint32_t merged[LA_HISTORY_BINS] = {0};
  int64_t base = floor_shift(history->base, 1);
  for (int i = 0; i < LA_HISTORY_BINS; i++) {
    int64_t to = floor_shift(history->base + i, 1) - base;
    merged[to] += history->bins[i];
  }
  memcpy(history->bins, merged, sizeof merged);
  history->base = base;
  history->shift++;
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
  for (;;) {
    int64_t bin = floor_shift(time, history->shift) - history->base;
    if (bin >= 0 && bin < LA_HISTORY_BINS) {
      if (history->bins[bin] < UINT32_MAX)
        history->bins[bin]++;
      return;
    }
    int first = first_used(history);
    int last = last_used(history);
    int64_t low = bin < first ? bin : first;
    int64_t high = bin > last ? bin : last;
    if (first >= LA_HISTORY_BINS || high - low >= LA_HISTORY_BINS) {
      merge(history);
      continue;
    }
    uint32_t moved[LA_HISTORY_BINS] = {0};
    for (int i = first; i <= last; i++)
      moved[i - low] = history->bins[i];
    memcpy(history->bins, moved, sizeof moved);
    history->base += low;
  }
}

void la_history_bar(const LaHistory *history, GString *out, LaTime start, LaTime end, const LaStyle *style)
{
  static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static const char *const plain[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
  if (history->total == 0 || start == LA_TIME_NONE || end <= start)
    return;
  uint64_t cells[LA_HISTORY_CELLS] = {0};
  uint64_t most = 1;
  double span = (double)(end - start);
  for (int i = 0; i < LA_HISTORY_BINS; i++) {
    if (history->bins[i] == 0)
      continue;
    double middle = ((double)(history->base + i) + 0.5) * (double)(INT64_C(1) << history->shift) - (double)start;
    int cell = (int)(middle / span * LA_HISTORY_CELLS);
    cell = CLAMP(cell, 0, LA_HISTORY_CELLS - 1);
    cells[cell] += history->bins[i];
    if (cells[cell] > most)
      most = cells[cell];
  }
  const char *const *set = style->charset == LA_CHARSET_UTF8 ? blocks : plain;
  for (int i = 0; i < LA_HISTORY_CELLS; i++) {
    uint64_t level = cells[i] == 0 ? 0 : 1 + (cells[i] * 6 + most / 2) / most;
    g_string_append(out, set[MIN(level, 7)]);
  }
}
