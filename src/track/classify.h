/* What a segment is, in the light of both endpoints before it. Library-internal to src/track. */
#ifndef LA_TRACK_CLASSIFY_H
#define LA_TRACK_CLASSIFY_H

#include "track/connection.h"

/* How far a sender can have come before its SYN stands in the capture, or while the capture lost its packets. */
#define LA_LOST_START_MAX (1u << 20)

/* The marks of `segment`, sent by `side`. Changes nothing. */
uint64_t la_classify(const LaConnection *conn, LaSide side, const LaSegment *segment);

/* A fingerprint of everything that two captures of one packet share and two sendings differ in. */
static inline uint32_t la_segment_fingerprint(const LaSegment *s)
{
  uint64_t h = ((uint64_t)s->seq << 32 | s->ack) * UINT64_C(0x9e3779b97f4a7c15);
  uint64_t ts = (s->options & LA_OPT_TIMESTAMPS) != 0 ? s->ts_val : 0;
  h ^= ts << 32 | ((uint32_t)s->ip_id << 16 ^ s->window ^ (uint32_t)s->flags << 7);
  if ((s->options & LA_OPT_HASHED) != 0)
    h ^= (uint64_t)s->option_hash << 24;
  h = (h + s->payload_len) * UINT64_C(0xbf58476d1ce4e5b9);
  return (uint32_t)(h >> 32) | 1;
}

/* How many sequence numbers a segment takes: payload, SYN and FIN. */
static inline uint32_t la_segment_length(const LaSegment *segment)
{
  return segment->payload_len + ((segment->flags & LA_TCP_SYN) != 0) + ((segment->flags & LA_TCP_FIN) != 0);
}

/* How long a packet of one end may still be under way after a packet of the other end passed the point of capture: a
 * round trip with a margin. */
LaTime la_in_flight_allowance(const LaConnection *conn);

#endif
