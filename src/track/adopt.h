/* Connections that were there before the capture: what the kernel tells of its own sockets makes them, without a packet.
 *
 * An adopted connection has LA_CONN_ADOPTED and LA_ROLES_KERNEL. Until a packet of it comes its first_frame is 0, and its first_time is
 * the moment at which the kernel was asked: it began before that.
 *
 * Ids count packets' connections. An adopted one has an id from LA_ADOPTED_IDS on, and when its first packet comes the number that it would
 * have had without the kernel is left out: so the other connections have the ids that a file with the same packets gives them. */
#ifndef LA_TRACK_ADOPT_H
#define LA_TRACK_ADOPT_H

#include "track/tracker.h"

#define LA_ADOPTED_IDS UINT32_C(3000000001)

/* Where somebody listens, which tells the server. */
typedef enum {
  LA_LISTENER_NONE, /* nowhere: a port that only services have tells (--port-range), and else this machine's end is the client */
  LA_LISTENER_LOCAL,
  LA_LISTENER_PEER,
} LaListener;

/* What the kernel says of a four-tuple. */
typedef struct {
  LaHostPort local, peer; /* IPv4-mapped addresses written as IPv4; `local` is an end that this machine holds */
  uint8_t state[2];       /* LaTcpState of the local end and of its peer; LA_TCP_CLOSED: this machine does not hold it */
  uint8_t listener;       /* LaListener */
  LaTime time;            /* when the kernel had answered */
} LaAdopted;

typedef enum {
  LA_ADOPT_TAKEN,
  LA_ADOPT_KNOWN, /* the four-tuple has a connection already */
  LA_ADOPT_PASSED, /* nothing to follow: a listener, a handshake under way (its next packet will tell more), or TIME_WAIT (it is over) */
  LA_ADOPT_FULL, /* max_connections or max_bytes is reached: no real connection is given up for one without packets */
} LaAdoptResult;

LaAdoptResult la_tracker_adopt(LaTracker *tracker, const LaAdopted *adopted);

/* Whether the four-tuple has a connection. */
bool la_tracker_has(LaTracker *tracker, const LaHostPort *a, const LaHostPort *b);

/* Goes through the adopted connections that have not finished: begin with 0 in `*at`; NULL at the end. Meanwhile they may be ended
 * with la_tracker_gone, but nothing else may be done to the tracker. */
LaConnection *la_tracker_next_adopted(LaTracker *tracker, uint32_t *at);

/* The kernel still holds an adopted connection, its ends in these states (by LaSide; LA_TCP_CLOSED: not this machine's end): it is not
 * given up as idle, and while there was no packet of it the kernel's states are its states. */
void la_tracker_held(LaTracker *tracker, LaConnection *conn, const uint8_t state[LA_SIDE_N], LaTime time);

/* The kernel holds an adopted connection no more: it has finished, by LA_ENDED_GONE. */
void la_tracker_gone(LaTracker *tracker, LaConnection *conn, LaTime time);

#endif
