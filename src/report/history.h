/* When something happened, as a bounded histogram whose span need not be known beforehand. */
#ifndef LA_REPORT_HISTORY_H
#define LA_REPORT_HISTORY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "report/style.h"

#define LA_HISTORY_BINS 64

/* All zero: empty. */
typedef struct {
  uint64_t total;
  int64_t base;  /* number of the first bin, in bins since the epoch */
  uint8_t shift; /* a bin is 2^shift ns wide */
  uint8_t first; /* the first and the last bin that are not empty */
  uint8_t last;
  uint32_t bins[LA_HISTORY_BINS];
} LaHistory;

/* Counts one event. */
void la_history_add(LaHistory *history, LaTime time);

/* How many cells a bar has. */
#define LA_HISTORY_CELLS 20

/* How many events fell into each part of [start, end]; those outside count at its ends. False and untouched without events or span. */
bool la_history_cells(const LaHistory *history, LaTime start, LaTime end, uint64_t ret_cells[LA_HISTORY_CELLS]);

/* Appends a bar of LA_HISTORY_CELLS characters that shows them. Nothing when there are no events or no span. */
void la_history_bar(const LaHistory *history, GString *out, LaTime start, LaTime end, const LaStyle *style);

#endif
