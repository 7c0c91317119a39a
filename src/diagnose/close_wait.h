/* How long one end stayed in CLOSE_WAIT without a word. */
#ifndef LA_DIAGNOSE_CLOSE_WAIT_H
#define LA_DIAGNOSE_CLOSE_WAIT_H

#include "track/connection.h"

typedef struct {
  LaSide holder;         /* the end that acknowledged the other's FIN; LA_SIDE_N: none did before it closed itself */
  LaTime since;          /* from when it held */
  LaTime held;           /* from the acknowledgment (or its last payload) to its FIN or RST, or to the end of observation */
  uint64_t closed_frame; /* its FIN or RST; 0: it never closed */
  uint8_t
      told; /* 1: it was there before the capture, as the kernel says: `held` counts from the first reading, it was longer */
} LaCloseWait;

LaCloseWait la_close_wait(const LaConnection *conn);

#endif
