/* A value's bucket is its highest bit (the octave) and the six bits below it, so that no table and no floating point is needed and
 * every run on every machine puts a span into the same bucket. */
#include "diagnose/histogram.h"

#define SUB_BITS LA_HISTOGRAM_SUB_BITS
#define SUB (1u << SUB_BITS)

unsigned la_histogram_bucket(LaTime span)
{
  uint64_t value = span > 0 ? (uint64_t)span : 0;
  if (value < SUB)
    return (unsigned)value;
  unsigned octave = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
  if (octave >= LA_HISTOGRAM_OCTAVES)
    return LA_HISTOGRAM_BUCKETS - 1;
  return ((octave + 1) << SUB_BITS) + ((unsigned)(value >> octave) & (SUB - 1));
}

LaTime la_histogram_value(unsigned bucket)
{
  if (bucket < SUB)
    return bucket;
  unsigned octave = (bucket >> SUB_BITS) - 1;
  uint64_t low = (uint64_t)(SUB + (bucket & (SUB - 1))) << octave;
  return (LaTime)(low + (octave > 0 ? UINT64_C(1) << (octave - 1) : 0));
}

void la_histogram_add(LaHistogram *histogram, LaTime span)
{
  uint32_t *count = &histogram->count[la_histogram_bucket(span)];
  if (*count == UINT32_MAX)
    return;
  ++*count;
  histogram->total++;
}

void la_histogram_merge(LaHistogram *into, const LaHistogram *from)
{
  for (unsigned i = 0; i < LA_HISTOGRAM_BUCKETS; i++) {
    uint64_t sum = (uint64_t)into->count[i] + from->count[i];
    uint32_t kept = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
    into->total += kept - into->count[i];
    into->count[i] = kept;
  }
}

LaTime la_histogram_quantile(const LaHistogram *histogram, unsigned per_mille)
{
  if (histogram->total == 0)
    return LA_TIME_NONE;
  /* The rank is rounded up: of 10 spans the 9th is p90, of 11 the 10th. */
  uint64_t rank = (histogram->total / 1000) * per_mille + ((histogram->total % 1000) * per_mille + 999) / 1000;
  uint64_t seen = 0;
  for (unsigned i = 0; i < LA_HISTOGRAM_BUCKETS; i++) {
    seen += histogram->count[i];
    if (seen >= rank && seen > 0)
      return la_histogram_value(i);
  }
  return la_histogram_value(LA_HISTOGRAM_BUCKETS - 1);
}
