/* Bookkeeping: what a classified segment does to the numbers and counters of its connection. Library-internal to src/track. */
#ifndef LA_TRACK_ACCOUNT_H
#define LA_TRACK_ACCOUNT_H

#include "track/connection.h"

/* Before a segment is classified: what it tells of the length of the fragmented segment that its sender, or its receiver, sent last. To
 * be called when either end has LA_END_FRAGMENT. */
void la_account_fragments(LaConnection *conn, LaSide side, const LaSegment *segment);

/* Books `segment` of `side`, which has `marks`. */
void la_account(LaConnection *conn, LaSide side, const LaSegment *segment, uint64_t marks);

#endif
