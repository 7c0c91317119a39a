/* Spans of time counted in fixed logarithmic buckets, for percentiles that merge exactly. */
#ifndef LA_DIAGNOSE_HISTOGRAM_H
#define LA_DIAGNOSE_HISTOGRAM_H

#include <stdint.h>

#include "base/time.h"

/* 64 buckets an octave: a bucket is at most 1/64 of its value wide, so its middle is off by at most 0.8 %. Below 64 ns they are exact; the
 * last one holds everything from 2^50 ns (13 days) on. */
#define LA_HISTOGRAM_SUB_BITS 6u
#define LA_HISTOGRAM_OCTAVES 44u
#define LA_HISTOGRAM_BUCKETS ((LA_HISTOGRAM_OCTAVES + 1u) << LA_HISTOGRAM_SUB_BITS)

/* All zero: empty. */
typedef struct {
  uint64_t total;
  uint32_t count[LA_HISTOGRAM_BUCKETS];
} LaHistogram;

/* The bucket of a span; a negative one counts as 0. */
unsigned la_histogram_bucket(LaTime span);

/* The middle of a bucket in ns: what its spans are reported as. */
LaTime la_histogram_value(unsigned bucket);

void la_histogram_add(LaHistogram *histogram, LaTime span);
void la_histogram_merge(LaHistogram *into, const LaHistogram *from);

/* The smallest value that at least `per_mille` of a thousand spans do not exceed (500: the median); LA_TIME_NONE when it is empty. */
LaTime la_histogram_quantile(const LaHistogram *histogram, unsigned per_mille);

#endif
