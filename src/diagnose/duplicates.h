/* Packets that stand in the capture twice: delivered twice by the network, or only captured twice? */
#ifndef LA_DIAGNOSE_DUPLICATES_H
#define LA_DIAGNOSE_DUPLICATES_H

#include "diagnose/finding.h"
#include "track/connection.h"

typedef struct {
  unsigned by_network; /* their receiver reacted to the copy */
  unsigned by_capture; /* all others */
  LaTime network_time; /* of the first that the network copied; LA_TIME_NONE: none */
  LaTime network_apart;
  uint8_t network_side; /* LaSide of its sender; LA_SIDE_N: none */
  LaTime capture_time;  /* of the first that was captured twice */
  LaTime apart;         /* median between the packet and its copy; LA_TIME_NONE: not known */
  int ttl_difference;   /* median hops between them; -1: not known */
} LaDuplicates;

LaDuplicates la_duplicates(const LaConnection *conn);

/* Adds the frames of the copies, and with them the frames of what they are copies of. */
typedef enum {
  LA_COPIES_BY_NETWORK,
  LA_COPIES_BY_CAPTURE,
} LaCopies;
void la_duplicates_add(const LaConnection *conn, LaCopies which, LaFinding *finding);

#endif
