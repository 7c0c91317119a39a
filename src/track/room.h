/* Who goes when the table is full. Library-internal to src/track. */
#ifndef LA_TRACK_ROOM_H
#define LA_TRACK_ROOM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A connection that may be gone by now. */
typedef struct {
  uint32_t handle, id;
} LaRef;

/* All zero: nothing yet. */
typedef struct {
  GArray *attempts; /* of LaRef: connections that began with a SYN, oldest first from `at` on; many have gone on since */
  guint at;
  uint32_t hand; /* where the search among the others goes on */
  uint64_t evicted;
} LaRoom;

struct LaTracker;
struct LaConnection;

void la_room_clear(LaRoom *room);

/* When the tracker is at one of its limits: gives one connection up, which la_tracker_next then hands out. Never `spared` (NULL: any). */
void la_room_make(struct LaTracker *tracker, const struct LaConnection *spared);

/* Whether it is at one of its limits. */
bool la_room_is_full(const struct LaTracker *tracker);

/* Tells of a new connection that began with a SYN. */
void la_room_note_attempt(struct LaTracker *tracker, const struct LaConnection *conn);

#endif
