/* Deadlines: a wheel of one-second slots. A connection stands in at most one slot; one whose deadline has moved on is put
 * into its new slot when the old one comes round. Library-internal to src/track. */
#ifndef LA_TRACK_WHEEL_H
#define LA_TRACK_WHEEL_H

#include "track/pool.h"

#define LA_WHEEL_SLOTS 1024u

/* Where a connection stands. Kept apart from the connections, so that taking one out of a slot touches no neighbour's memory. */
typedef struct {
  uint32_t next, prev; /* handles, or LA_HANDLE_NONE */
  int64_t tick;
  uint8_t in; /* 1: in a slot */
} LaWheelLink;

typedef struct {
  uint32_t slot[LA_WHEEL_SLOTS]; /* first handle, or LA_HANDLE_NONE */
  LaWheelLink *links;            /* by handle */
  uint32_t room;
  int64_t tick; /* all slots of seconds before this one are done */
  uint8_t started;
  uint32_t count;
} LaWheel;

void la_wheel_init(LaWheel *wheel);
void la_wheel_clear(LaWheel *wheel);

/* Whether `conn` stands in a slot. */
static inline bool la_wheel_has(const LaWheel *wheel, const LaConnection *conn)
{
  return conn->handle < wheel->room && wheel->links[conn->handle].in != 0;
}

/* Before the first la_wheel_advance nothing may be set: it gives the wheel its place in time.
 *
 * Sees to it that `conn` comes up at its deadline (LA_TIME_MAX: never, or not before). */
void la_wheel_set(LaWheel *wheel, const LaConnection *conn);
void la_wheel_remove(LaWheel *wheel, const LaConnection *conn);

/* Appends the handles of all connections whose deadline lies in a second that is wholly past at `now` to `due`. */
void la_wheel_advance(LaWheel *wheel, const LaPool *pool, LaTime now, GArray *due);

#endif
