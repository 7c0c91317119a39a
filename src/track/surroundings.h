/* What connections say about their services and hosts while they are tracked. Library-internal to src/track. */
#ifndef LA_TRACK_SURROUNDINGS_H
#define LA_TRACK_SURROUNDINGS_H

#include "track/connection.h"
#include "track/service.h"
#include "track/vantage.h"

/* A close this soon after the last packet is part of the conversation. */
#define LA_CLOSE_PAUSE (500 * LA_MSEC)
#define LA_RUN_HOSTS 1024u /* hosts whose latest run of closes is remembered */
#define LA_RUNS 16384u     /* runs whose counts can still be asked for */
#define LA_PORT_CACHE 256u

typedef struct {
  LaServices *services;
  LaVantageVotes vantage;
  struct {
    LaAddr addr;
    LaTime last;
    uint32_t run;
    uint32_t runs; /* how many runs there were, single closes included */
  } hosts[LA_RUN_HOSTS];
  struct {
    uint32_t id, count;
    LaTime first, last;
    LaTime idle_least, idle_most; /* how long its sockets had been idle */
  } runs[LA_RUNS];
  uint32_t next_run;
  struct {
    uint16_t port;
    uint8_t refused_family, established_family; /* LaFamily; 0: none yet */
    LaTime refused_time, established_time;
    uint32_t refused_id;
    LaConnection *refused;
  } ports[LA_PORT_CACHE];
} LaSurroundings;

/* One segment that may matter beyond its connection. */
typedef struct {
  LaSide side;
  const LaSegment *segment;
  uint64_t marks;
  uint32_t gained; /* LA_CONN_* flags that it added */
  LaTime idle;     /* since the connection's segment before it */
} LaAround;

void la_surroundings_init(LaSurroundings *around);
void la_surroundings_clear(LaSurroundings *around);

/* A connection was opened (its service and host are set here), had a segment that may matter, has finished. */
void la_surroundings_opened(LaSurroundings *around, LaConnection *conn);
void la_surroundings_segment(LaSurroundings *around, LaConnection *conn, const LaAround *what);
/* Tells the service when the connection's server end was last heard, unless that was a SYN-ACK or RST. */
void la_surroundings_spoke(LaSurroundings *around, const LaConnection *conn);
/* The exact time of what la_surroundings_spoke tells by stretches; what is said at the end of a capture has it anyway. */
void la_surroundings_spoke_now(LaSurroundings *around, const LaConnection *conn);
/* The service was last heard at `time` (LA_TIME_NONE: not at all), on a connection that began at `since` (LA_TIME_NONE: unseen). */
void la_surroundings_heard(LaSurroundings *around, uint32_t service, LaTime since, LaTime time);
void la_surroundings_finished(LaSurroundings *around, LaConnection *conn);

/* Notes with the connection whether its socket was closed together with others of its host, as far as that is known by now. */
void la_surroundings_exit_run(const LaSurroundings *a, LaConnection *conn);

#endif
