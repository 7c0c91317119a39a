/* Bookkeeping: what a classified segment does to the numbers and counters of its connection. Library-internal to src/track. */
#ifndef LA_TRACK_ACCOUNT_H
#define LA_TRACK_ACCOUNT_H

#include "track/connection.h"

/* Books `segment` of `side`, which has `marks`. */
void la_account(LaConnection *conn, LaSide side, const LaSegment *segment, uint64_t marks);

#endif
