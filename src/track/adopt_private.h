/* What the tracker asks of its adopted connections. Library-internal to src/track. */
#ifndef LA_TRACK_ADOPT_PRIVATE_H
#define LA_TRACK_ADOPT_PRIVATE_H

#include <glib.h>

#include "track/connection.h"

struct LaTracker;

typedef struct {
  GArray *refs;   /* of LaRef, in the order in which they were adopted; some of them have finished. NULL: none (owned) */
  uint32_t count; /* how many there were */
  guint spare;    /* where to look for the next that can be spared */
} LaAdoption;

void la_adoption_clear(LaAdoption *adoption);

/* The first packet of an adopted connection: what it tells of FINs that passed before the capture. */
void la_adopted_spoke(LaConnection *conn, LaSide side, const LaSegment *segment);

/* Whether this is the SYN, from before the kernel was asked, of a connection that was adopted by mistake: it began within the capture. */
bool la_adopted_is_mistake(const LaConnection *conn, const LaSegment *segment);

/* Takes such a one back. */
void la_adopted_forget(struct LaTracker *tracker, LaConnection *conn);

/* One without packets, never `spared`; NULL: none. */
LaConnection *la_adopted_to_spare(struct LaTracker *tracker, const LaConnection *spared);

#endif
