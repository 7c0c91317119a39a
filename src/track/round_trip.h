/* How long one half of the handshake took, and whether what was sent twice had to be: a path that takes longer than a kernel's first timer
 * makes it send again although nothing is lost. */
#ifndef LA_TRACK_ROUND_TRIP_H
#define LA_TRACK_ROUND_TRIP_H

#include "track/connection.h"

typedef enum {
  LA_SENT_ONCE,
  LA_SENT_AGAIN_LOST, /* the first, or its answer, was lost: what came back answers a later one, or came right after it */
  LA_SENT_AGAIN_ANSWER_LOST, /* what came back answers the first, and came when a later one had been sent: an answer before it was lost */
  LA_SENT_AGAIN_UNCLEAR,  /* lost, or slow */
  LA_SENT_AGAIN_NEEDLESS, /* the path takes longer than the timer */
} LaSentAgain;

typedef struct {
  LaSentAgain kind;
  unsigned sendings;  /* before the first answer */
  unsigned answered;  /* which of them the answer echoes, from 1; 0: not known */
  LaTime first, last; /* the first and the last of them */
  LaTime answer;      /* when the answer came; LA_TIME_NONE: never */
  LaTime likely;      /* how long the half took, as far as the capture tells */
} LaRoundTrip;

/* The half behind the point of capture that `side` waits for: of the opener, from its SYN to the SYN-ACK; of the acceptor, from its SYN-ACK to
 * the opener's ACK. */
LaRoundTrip la_round_trip(const LaConnection *conn, LaSide side);

#endif
