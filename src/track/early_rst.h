/* A RST that stands in the capture in front of data that its sender had sent before. Library-internal to src/track. */
#ifndef LA_TRACK_EARLY_RST_H
#define LA_TRACK_EARLY_RST_H

#include "track/connection.h"

/* To be told of every segment of `side` after it was booked and followed. Returns the frame of an earlier RST that now counts, or 0. */
uint64_t la_early_rst(LaConnection *conn, LaSide side, const LaSegment *segment, uint64_t marks);

#endif
