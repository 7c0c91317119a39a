/* A SYN of each end without ACK: did they cross, or did the second answer the first? */
#ifndef LA_DIAGNOSE_TWO_SYNS_H
#define LA_DIAGNOSE_TWO_SYNS_H

#include "track/connection.h"

typedef enum {
  LA_TWO_SYNS_NONE,
  LA_TWO_SYNS_CROSSED, /* simultaneous open */
  LA_TWO_SYNS_SPLIT,   /* the acceptor had the opener's SYN when it sent its own */
} LaTwoSynsKind;

typedef struct {
  LaTwoSynsKind kind;
  const LaMoment *first, *second; /* the opener's and the acceptor's SYN (borrowed with the connection) */
  const LaMoment *ack;            /* with SPLIT: the acceptor's bare ACK between them; NULL: not in the capture */
} LaTwoSyns;

LaTwoSyns la_two_syns(const LaConnection *conn);

#endif
