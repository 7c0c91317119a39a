/* The short way for what nearly every segment is. Library-internal to src/track. */
#ifndef LA_TRACK_LANE_H
#define LA_TRACK_LANE_H

#include "track/connection.h"
#include "track/pool.h"

/* How far a connection has come without anything unusual. */
typedef enum {
  LA_LANE_NONE,        /* something unusual happened: every segment takes the general way */
  LA_LANE_NEW,         /* no segment yet */
  LA_LANE_SYN,         /* one SYN */
  LA_LANE_SYN_ACK,     /* and one SYN-ACK that fits it */
  LA_LANE_ACKED,       /* and the opener's ACK; the acceptor has not shown yet that it took it */
  LA_LANE_ESTABLISHED, /* both ends established, and nothing open but in-order payload */
  LA_LANE_FIN,         /* one FIN, not acknowledged yet */
  LA_LANE_FIN_ACKED,   /* one FIN, acknowledged; the other end may still close */
  LA_LANE_BOTH_FINS,   /* the second FIN is on the way */
} LaLane;

/* Takes `segment` of `side` the short way when the connection is on it and the segment is just what it expects. Returns its marks
 * with everything booked and followed, exactly as the general way (classify, account, follow) would have left it; 0 when it must go
 * the general way, with nothing changed. */
uint64_t la_lane(LaPool *pool, LaConnection *conn, LaSide side, const LaSegment *segment);

/* After a segment that went the general way: whether the connection may go on (or again) the short way. */
void la_lane_rejoin(LaConnection *conn, uint64_t marks);

#endif
