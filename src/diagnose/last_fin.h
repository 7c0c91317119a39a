/* What became of the FIN that was sent second: acknowledged, acknowledged late, or never as far as its sender knows. */
#ifndef LA_DIAGNOSE_LAST_FIN_H
#define LA_DIAGNOSE_LAST_FIN_H

#include "track/connection.h"

typedef enum {
  LA_LAST_FIN_NONE,      /* fewer than two FINs, or a RST came in between */
  LA_LAST_FIN_FINE,      /* acknowledged without being sent again */
  LA_LAST_FIN_LATE,      /* sent again before any acknowledgment of it was seen, then acknowledged */
  LA_LAST_FIN_ACK_LOST,  /* acknowledged, sent again all the same, and settled by a further acknowledgment */
  LA_LAST_FIN_MISSING,   /* sent again to the end */
  LA_LAST_FIN_UNDECIDED, /* not acknowledged, not sent again: the capture ended too early, or missed packets */
} LaLastFinVerdict;

typedef struct {
  LaSide sender; /* LA_SIDE_N with NONE */
  LaLastFinVerdict verdict;
  unsigned retries;       /* sendings after the first */
  unsigned acks;          /* acknowledgments of it in the capture */
  uint64_t settled_frame; /* the acknowledgment after its last sending; 0: none */
  LaTime settled_time;
  LaTime first_ack_time; /* LA_TIME_NONE: none */
} LaLastFin;

LaLastFin la_last_fin(const LaConnection *conn);

/* How often the end sent its FIN again because it waited. When the FINs cross, BSD's acknowledgment of the other end's FIN carries
 * its own once more (tcp_outflags of CLOSING is FIN|ACK): that one answers at once and is not counted. */
unsigned la_fin_retries(const LaConnection *conn, LaSide side);

#endif
