/* How often which times occurred, with percentiles that are at most 1 % too high, in a fixed amount of memory. */
#ifndef LA_CHAT_HISTOGRAM_H
#define LA_CHAT_HISTOGRAM_H

#include <stdint.h>

#include "base/time.h"

/* 2^LA_CHAT_HISTOGRAM_BITS buckets for each doubling. */
#define LA_CHAT_HISTOGRAM_BITS 7
#define LA_CHAT_HISTOGRAM_BUCKETS ((64 - LA_CHAT_HISTOGRAM_BITS) << LA_CHAT_HISTOGRAM_BITS)

typedef struct {
  uint64_t counts[LA_CHAT_HISTOGRAM_BUCKETS];
  uint64_t total;
  LaTime max;
} LaChatHistogram;

/* Counts a span; a negative one counts as 0. */
void la_chat_histogram_add(LaChatHistogram *histogram, LaTime span);

/* The span that `share` (0 to 1) of all do not exceed; never above the maximum. LA_TIME_NONE when nothing was counted. */
LaTime la_chat_histogram_percentile(const LaChatHistogram *histogram, double share);

#endif
