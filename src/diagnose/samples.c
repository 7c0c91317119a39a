/* Both arrays hold the smallest of all that were offered by some key, which does not depend on the order of the offers: the k
 * smallest of a whole are among the k smallest of its parts. */
#include "diagnose/samples.h"

#include <glib.h>
#include <string.h>

#define FILE_SHIFT 48u

static uint64_t mix(uint64_t x)
{
  x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
  return x ^ x >> 32;
}

static void keep(LaSample **array, uint8_t *len, uint8_t *cap, LaSample sample, unsigned limit)
{
  LaSample *samples = *array;
  unsigned at = *len;
  if (at >= limit && (limit == 0 || samples[at - 1].key <= sample.key))
    return;
  while (at > 0 && samples[at - 1].key > sample.key)
    at--;
  if (at > 0 && samples[at - 1].key == sample.key)
    return;
  if (*len >= limit) {
    *len = (uint8_t)(limit - 1);
  } else if (*len == *cap) {
    *cap = (uint8_t)(*cap == 0 ? 2 : MIN(2u * *cap, LA_SAMPLES_MAX));
    samples = *array = g_renew(LaSample, samples, *cap);
  }
  memmove(samples + at + 1, samples + at, (*len - at) * sizeof *samples);
  samples[at] = sample;
  ++*len;
}

static void offer(LaSamples *samples, uint64_t id, uint64_t tick, unsigned limit)
{
  keep(&samples->first, &samples->first_len, &samples->first_cap, (LaSample){id, tick, id}, limit);
  keep(&samples->spread, &samples->spread_len, &samples->spread_cap, (LaSample){mix(id), tick, id}, limit);
}

void la_samples_add(LaSamples *samples, unsigned file, uint64_t frame, uint64_t tick, unsigned limit)
{
  if (frame != 0)
    offer(samples, (uint64_t)file << FILE_SHIFT | (frame & ((UINT64_C(1) << FILE_SHIFT) - 1)), tick, limit);
}

void la_samples_merge(LaSamples *into, const LaSamples *from, unsigned limit)
{
  for (unsigned i = 0; i < from->first_len; i++)
    offer(into, from->first[i].id, from->first[i].tick, limit);
  for (unsigned i = 0; i < from->spread_len; i++)
    offer(into, from->spread[i].id, from->spread[i].tick, limit);
}

void la_samples_trim(LaSamples *samples, unsigned limit)
{
  if (samples->first_len > limit) {
    samples->first_len = samples->first_cap = (uint8_t)limit;
    samples->first = g_renew(LaSample, samples->first, limit);
  }
  if (samples->spread_len > limit) {
    samples->spread_len = samples->spread_cap = (uint8_t)limit;
    samples->spread = g_renew(LaSample, samples->spread, limit);
  }
}

void la_samples_clear(LaSamples *samples)
{
  g_free(samples->first);
  g_free(samples->spread);
  memset(samples, 0, sizeof *samples);
}

/* Calls are few; both arrays are gone through once for the file and once for the frames. */
static unsigned add_frames(const LaSamples *samples, uint64_t from, uint64_t to, LaFinding *finding)
{
  const struct {
    const LaSample *samples;
    unsigned len;
  } arrays[] = {{samples->first, samples->first_len}, {samples->spread, samples->spread_len}};
  uint64_t file = UINT64_MAX;
  for (unsigned k = 0; k < 2; k++)
    for (unsigned i = 0; i < arrays[k].len; i++)
      if (arrays[k].samples[i].tick >= from && arrays[k].samples[i].tick <= to)
        file = MIN(file, arrays[k].samples[i].id >> FILE_SHIFT);
  unsigned added = 0;
  for (unsigned k = 0; k < 2; k++) {
    for (unsigned i = 0; i < arrays[k].len; i++) {
      const LaSample *sample = &arrays[k].samples[i];
      if (sample->tick < from || sample->tick > to || sample->id >> FILE_SHIFT != file)
        continue;
      la_finding_add_packet(finding, sample->id & ((UINT64_C(1) << FILE_SHIFT) - 1));
      finding->file = (uint16_t)file;
      added++;
    }
  }
  return added;
}

void la_samples_show(const LaSamples *samples, uint64_t from, uint64_t to, LaFinding *finding)
{
  if (add_frames(samples, from, to, finding) == 0)
    add_frames(samples, 0, UINT64_MAX, finding);
}
