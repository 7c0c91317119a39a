/* Whether a capture filter kept only some kinds of a connection's packets. */
#ifndef LA_DIAGNOSE_FILTERED_H
#define LA_DIAGNOSE_FILTERED_H

#include "diagnose/diagnose.h"

typedef enum {
  LA_FILTERED_NOT,
  LA_FILTERED_CONTROL,      /* SYN, FIN and RST alone */
  LA_FILTERED_NO_PAYLOAD,   /* no segment with payload */
  LA_FILTERED_PAYLOAD_ONLY, /* no other */
  LA_FILTERED_OPENING,      /* SYNs alone, with their SYN-ACKs or without */
} LaFiltered;

LaFiltered la_filtered(const LaConnection *conn, const LaContext *context);

#endif
