/* A random mix: many connections, each with its own behaviour at both ends, some of them with losses. */
#ifndef LA_LAB_MIX_H
#define LA_LAB_MIX_H

#include <glib.h>

#include "lab/experiment.h"

enum {
  LA_LAB_MIX_MAX = 2000,
};

/* An experiment of `connections` (1 to LA_LAB_MIX_MAX); the same seed gives the same one. (transfer full) */
LaLabExperiment *la_lab_mix_new(unsigned connections, uint64_t seed);
void la_lab_mix_free(LaLabExperiment *experiment);

#endif
