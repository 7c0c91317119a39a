/* What became of data in a SYN. */
#ifndef LA_DIAGNOSE_SYN_DATA_H
#define LA_DIAGNOSE_SYN_DATA_H

#include "track/connection.h"

typedef struct {
  const LaMoment *syn;    /* the first SYN with payload (borrowed with the connection); NULL: none, or nothing is known of it */
  const LaMoment *answer; /* the first SYN-ACK that answers that attempt; NULL: none */
  const LaMoment *again;  /* the data once more, in an ordinary segment; NULL: not seen */
  bool taken;             /* the answer acknowledges payload of the SYN */
} LaSynData;

LaSynData la_syn_data(const LaConnection *conn);

#endif
