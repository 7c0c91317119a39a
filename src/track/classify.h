/* What a segment is, in the light of both endpoints before it. Library-internal to src/track. */
#ifndef LA_TRACK_CLASSIFY_H
#define LA_TRACK_CLASSIFY_H

#include "track/connection.h"

/* The marks of `segment`, sent by `side`. Changes nothing. */
uint64_t la_classify(const LaConnection *conn, LaSide side, const LaSegment *segment);

/* A fingerprint of everything that two captures of one packet share and two sendings differ in. */
uint32_t la_segment_fingerprint(const LaSegment *segment);

/* How many sequence numbers a segment takes: payload, SYN and FIN. */
static inline uint32_t la_segment_length(const LaSegment *segment)
{
  return segment->payload_len + ((segment->flags & LA_TCP_SYN) != 0) + ((segment->flags & LA_TCP_FIN) != 0);
}

/* How long a packet of one end may still be under way after a packet of the other end passed the point of capture: a
 * round trip with a margin. */
LaTime la_in_flight_allowance(const LaConnection *conn);

#endif
