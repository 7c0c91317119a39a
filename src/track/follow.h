/* Follows the states of both endpoints. Library-internal to src/track. */
#ifndef LA_TRACK_FOLLOW_H
#define LA_TRACK_FOLLOW_H

#include "track/connection.h"

/* Applies a segment of `side`, already booked, with its `marks`, to both paths. Returns marks to add (LA_MARK_CORRECTED). */
uint64_t la_follow(LaConnection *conn, LaSide side, const LaSegment *segment, uint64_t marks);

/* Lets the RST that early_rst.h tells of count. */
void la_follow_early_rst(LaConnection *conn);

#endif
