/* Packets that show something, out of any number: the first of all, and some from the whole time. */
#ifndef LA_DIAGNOSE_SAMPLES_H
#define LA_DIAGNOSE_SAMPLES_H

#include <stdint.h>

#include "diagnose/finding.h"

typedef struct {
  uint64_t key;  /* what decides whether it is kept: the smallest are */
  uint64_t tick; /* when (series.h) */
  uint64_t id;   /* file << 48 | frame */
} LaSample;

#define LA_SAMPLES_MAX 32u

/* The smallest frames, and as many with the smallest hash, which lie anywhere in the capture. All zero: none. */
typedef struct {
  LaSample *first;  /* (owned) by frame */
  LaSample *spread; /* (owned) by hash */
  uint8_t first_len, first_cap;
  uint8_t spread_len, spread_cap;
} LaSamples;

/* Offers a packet; at most `limit` (<= LA_SAMPLES_MAX) of each kind are kept. Frame 0 is passed over. */
void la_samples_add(LaSamples *samples, unsigned file, uint64_t frame, uint64_t tick, unsigned limit);
void la_samples_merge(LaSamples *into, const LaSamples *from, unsigned limit);
void la_samples_trim(LaSamples *samples, unsigned limit);
void la_samples_clear(LaSamples *samples);

/* Adds the frames with from <= tick <= to to the finding: those of the earliest file among them, since a frame number means nothing
 * without its file. All times when none lies between. */
void la_samples_show(const LaSamples *samples, uint64_t from, uint64_t to, LaFinding *finding);

#endif
