/* An end that kept sending and heard nothing more to the end of observation. */
#ifndef LA_DIAGNOSE_VANISHED_H
#define LA_DIAGNOSE_VANISHED_H

#include "diagnose/diagnose.h"

typedef enum {
  LA_VANISHED_DATA, /* payload was never acknowledged */
  LA_VANISHED_FIN,  /* only a FIN */
} LaVanishedStage;

typedef struct {
  LaSide sender; /* LA_SIDE_N: nobody vanished */
  LaVanishedStage stage;
  uint32_t sendings; /* of what was not answered, the first included */
  LaTime waited;     /* from the first of them to the last */
  LaTime idle;       /* of the connection before them */
  uint64_t unacked;  /* payload octets never acknowledged */
  bool took_nothing; /* the other end answered the SYN, and acknowledged nothing since */
} LaVanished;

LaVanished la_vanished(const LaConnection *conn);

/* The same where the observation ended too early to say so: its last sending had no time to be answered. */
LaVanished la_vanishing(const LaConnection *conn);

/* Side, moment, blame and confidence of a finding about it. */
void la_vanished_fill(const LaConnection *conn, const LaContext *context, const LaVanished *gone, LaFinding *ret);

#endif
