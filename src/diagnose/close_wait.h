/* How long one end stayed in CLOSE_WAIT without a word. */
#ifndef LA_DIAGNOSE_CLOSE_WAIT_H
#define LA_DIAGNOSE_CLOSE_WAIT_H

#include "track/connection.h"

typedef struct {
  LaSide holder;         /* the end that acknowledged the other's FIN; LA_SIDE_N: none did before it closed itself */
  LaTime since;          /* from when it held */
  LaTime held;           /* from the acknowledgment (or its last payload) to `until` */
  LaTime until;          /* its FIN or RST, a RST in the other's name, or the end of observation */
  uint64_t closed_frame; /* its own FIN or RST; 0: it never closed */
  uint64_t cut_frame;    /* the RST of the other end, or of somebody in its name, that ended the wait; 0: none */
  uint8_t
      told; /* 1: it was there before the capture, as the kernel says: `held` counts from the first reading, it was longer */
} LaCloseWait;

LaCloseWait la_close_wait(const LaConnection *conn);

#endif
