/* Values below 2^BITS have a bucket each; above, every doubling is cut into 2^BITS equal parts, so that a bucket is never
 * wider than 1/128 of its values. */
#include "chat/histogram.h"

#include <math.h>
#include <stddef.h>

#define PARTS (UINT64_C(1) << LA_CHAT_HISTOGRAM_BITS)

static size_t bucket_of(uint64_t value)
{
  if (value < PARTS)
    return (size_t)value;
  unsigned top = 63 - (unsigned)__builtin_clzll(value);
  unsigned shift = top - LA_CHAT_HISTOGRAM_BITS;
  return (size_t)((shift + 1) * PARTS + ((value >> shift) - PARTS));
}

/* The largest value of a bucket. */
static uint64_t top_of(size_t bucket)
{
  if (bucket < PARTS)
    return bucket;
  unsigned shift = (unsigned)(bucket / PARTS) - 1;
  return ((PARTS + bucket % PARTS + 1) << shift) - 1;
}

void la_chat_histogram_add(LaChatHistogram *histogram, LaTime span)
{
  LaTime value = span > 0 ? span : 0;
  histogram->counts[bucket_of((uint64_t)value)]++;
  histogram->total++;
  if (value > histogram->max)
    histogram->max = value;
}

LaTime la_chat_histogram_percentile(const LaChatHistogram *histogram, double share)
{
  if (histogram->total == 0)
    return LA_TIME_NONE;
  uint64_t rank = (uint64_t)ceil(share * (double)histogram->total);
  uint64_t seen = 0;
  for (size_t i = 0; i < LA_CHAT_HISTOGRAM_BUCKETS; i++) {
    seen += histogram->counts[i];
    if (seen >= rank && seen > 0) {
      LaTime value = (LaTime)top_of(i);
      return value < histogram->max ? value : histogram->max;
    }
  }
  return histogram->max;
}
