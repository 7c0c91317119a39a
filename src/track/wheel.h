/* Deadlines: a wheel of one-second slots. A connection stands in at most one slot; one whose deadline has moved on is put
 * into its new slot when the old one comes round. Library-internal to src/track. */
#ifndef LA_TRACK_WHEEL_H
#define LA_TRACK_WHEEL_H

#include "track/pool.h"

#define LA_WHEEL_SLOTS 1024u

typedef struct {
  uint32_t slot[LA_WHEEL_SLOTS]; /* first handle, or LA_HANDLE_NONE */
  int64_t tick;                  /* all slots of seconds before this one are done */
  uint8_t started;
  uint32_t count;
} LaWheel;

void la_wheel_init(LaWheel *wheel);

/* Before the first la_wheel_advance nothing may be set: it gives the wheel its place in time.
 *
 * Sees to it that `conn` comes up at its deadline (LA_TIME_MAX: never, or not before). */
void la_wheel_set(LaWheel *wheel, LaPool *pool, LaConnection *conn);
void la_wheel_remove(LaWheel *wheel, LaPool *pool, LaConnection *conn);

/* Appends the handles of all connections whose deadline lies in a second that is wholly past at `now` to `due`. */
void la_wheel_advance(LaWheel *wheel, LaPool *pool, LaTime now, GArray *due);

#endif
