/* How long the steps of a finished connection took, and who closed first: the values of its record (CONTRACT section 4). What is not
 * known, or would come out negative (captures of several interfaces are not always in order), is LA_TIME_NONE. */
#ifndef LA_TRACK_MEASURES_H
#define LA_TRACK_MEASURES_H

#include "track/connection.h"

/* The time of all packets of a capture whose first has none (simple packet blocks): earlier than any real one, so that the order holds. What
 * rests on it is not known. Packets without a time behind one that has one are given that. */
#define LA_TIME_UNKNOWN (-LA_TIME_OF_PACKET_MAX)

static inline bool la_time_is_known(LaTime time)
{
  return time > LA_TIME_UNKNOWN;
}

/* From the first packet to the last; never negative. */
LaTime la_connection_duration(const LaConnection *conn);

/* The first SYN to the first SYN-ACK, and that to the first ACK of it. */
LaTime la_connection_syn_to_syn_ack(const LaConnection *conn);
LaTime la_connection_syn_ack_to_ack(const LaConnection *conn);

/* From `sender`'s first FIN to its acknowledgment. */
LaTime la_connection_fin_to_ack(const LaConnection *conn, LaSide sender);

/* How long `side` is known to have been in CLOSE_WAIT: to its own next step, or as far as it was observed. */
LaTime la_connection_close_wait(const LaConnection *conn, LaSide side);

/* From the first FIN to the acknowledgment of the last FIN, or to the RST. */
LaTime la_connection_close_duration(const LaConnection *conn);

typedef enum {
  LA_FIRST_CLIENT,
  LA_FIRST_SERVER,
  LA_FIRST_BOTH, /* the FINs crossed */
  LA_FIRST_NONE,
  LA_FIRST_N,
} LaFirstToClose;

/* Who sent the first FIN. */
LaFirstToClose la_connection_first_to_close(const LaConnection *conn);

const char *la_first_to_close_name(LaFirstToClose value); /* "client", "both", "none" */

/* The packet that step `at` of `side`'s path stands at. A step that was only deduced stands at that of the next step that has one: by then
 * it had been taken. 0: the kernel told of it, or what it told implies it, and no packet shows it. */
uint64_t la_connection_step_frame(const LaConnection *conn, LaSide side, unsigned at);

#endif
