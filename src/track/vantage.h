/* Where the capture was taken, estimated from handshakes: blame hangs on it. */
#ifndef LA_TRACK_VANTAGE_H
#define LA_TRACK_VANTAGE_H

#include "track/connection.h"

typedef enum {
  LA_VANTAGE_UNKNOWN,
  LA_VANTAGE_CLIENT, /* on the clients' host, or right in front of it */
  LA_VANTAGE_SERVER,
  LA_VANTAGE_MIDDLE,
  LA_VANTAGE_N,
} LaVantage;

/* Votes of completed handshakes. All zero to begin with. */
typedef struct {
  uint32_t votes[LA_VANTAGE_N];
} LaVantageVotes;

/* What one connection's handshake says, from the TTLs and the two halves of the round trip. */
LaVantage la_connection_vantage(const LaConnection *conn);

/* The vantage that two thirds of at least one vote agree on; LA_VANTAGE_UNKNOWN otherwise. */
LaVantage la_vantage_estimate(const LaVantageVotes *votes);

const char *la_vantage_name(LaVantage vantage); /* "middle" */

#endif
