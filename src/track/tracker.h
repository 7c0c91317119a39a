/* The four-tuple table: segments in, finished connections out.
 *
 * Nothing is called back: the caller feeds segments and ICMP errors in capture order and takes finished connections when it
 * likes. Memory follows the connections that are open at one time. */
#ifndef LA_TRACK_TRACKER_H
#define LA_TRACK_TRACKER_H

#include <glib.h>

#include "track/connection.h"
#include "track/service.h"
#include "track/vantage.h"

typedef struct LaTracker LaTracker;

/* What la_tracker_next hands out. */
typedef enum {
  LA_RECORDS_WHOLE, /* everything of every connection */
  LA_RECORDS_BRIEF, /* of ordinary ones only the figures, marked LA_CONN_BRIEF; the rest can be asked for */
} LaRecords;

typedef struct {
  LaTime time_wait;         /* 2 MSL: how long a closed connection is kept; default 60 s */
  LaTime idle_timeout;      /* 0: none */
  uint16_t ephemeral_low;   /* --port-range's start: ports from here on are no services; default 32768 */
  uint8_t by_tunnel;        /* 1: tunnel ids are part of the four-tuple */
  uint32_t max_connections; /* 0: no limit but 2^31 */
  uint64_t max_bytes;       /* of memory for connections; 0: no limit */
  uint8_t general_only;     /* 1: no short way (lane.h, brief.h) for ordinary segments: slower, the same results; for tests */
  uint8_t records;          /* LaRecords */
} LaTrackOptions;

#define LA_TRACK_OPTIONS_DEFAULT                                                                                               \
  ((LaTrackOptions){.time_wait = 60 * LA_SEC, .idle_timeout = 0, .ephemeral_low = 32768, .by_tunnel = 0, .max_connections = 0})

/* What became of a segment, for those who look at every packet (the ladder). */
typedef struct {
  uint32_t id;  /* the connection's id; with a tentative SYN the new one's */
  uint8_t side; /* LaSide of the sender */
  uint64_t marks;
  uint32_t older_id;      /* an older connection holds its four-tuple still, and may turn out to be the one; 0: none */
  uint64_t repeats_frame; /* with LA_MARK_RETRANSMISSION or DUPLICATE of SYN, FIN: the first one's frame; else 0 */
} LaSegmentNote;

LaTracker *la_tracker_new(const LaTrackOptions *options); /* (transfer full) */
void la_tracker_free(LaTracker *tracker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaTracker, la_tracker_free)

/* Starts the numbering of ids (from 1) and the file index of the connections that follow. */
void la_tracker_begin_file(LaTracker *tracker, unsigned file);

/* Takes one segment. */
LaSegmentNote la_tracker_segment(LaTracker *tracker, const LaSegment *segment);

#define LA_TRACKER_BATCH 128

/* Takes up to LA_TRACKER_BATCH segments in order, as if one by one, but with their table slots and connections fetched
 * ahead: the way for bulk. */
void la_tracker_segments(LaTracker *tracker, const LaSegment *segments, unsigned count);

/* Takes one ICMP error; true when it quotes a connection of the table. `ret_note` may be NULL. */
bool la_tracker_icmp(LaTracker *tracker, const LaIcmpError *icmp, LaSegmentNote *ret_note);

/* The clock: the running maximum of all packet times, also of packets that are no segments. */
void la_tracker_advance(LaTracker *tracker, LaTime time);

/* The next connection that has finished by the clock, in order of (end_time, id); NULL when there is none now. It is
 * frozen, and borrowed until la_tracker_recycle. */
LaConnection *la_tracker_next(LaTracker *tracker);

/* The whole of the connection that la_tracker_next returned last, with LA_CONN_BRIEF: its paths and timeline, too. `conn` itself when
 * it is whole. It takes the place of `conn`, which must not be used any more. */
LaConnection *la_tracker_whole(LaTracker *tracker, LaConnection *conn);
void la_tracker_recycle(LaTracker *tracker, LaConnection *conn);

/* The end of observation: after this la_tracker_next returns all that are left, those still open as ended by `capture-end`. */
void la_tracker_finish(LaTracker *tracker, LaTime observed_until);

/* The facts about services and hosts so far. (borrowed) */
LaServices *la_tracker_services(LaTracker *tracker);

/* Where the capture was taken, as far as the handshakes so far tell. */
LaVantage la_tracker_vantage(const LaTracker *tracker);

/* ---- for analysis while packets come in: with an idle_timeout, so that connections are whole from their beginning ---- */

/* From now on la_tracker_changed tells which connections changed. */
void la_tracker_note_changes(LaTracker *tracker);

/* A connection that segments, other than ordinary data, have touched since it was given here last; NULL: no more. Only connections
 * that have not finished. (borrowed until the next segment) */
LaConnection *la_tracker_changed(LaTracker *tracker);

/* How closely a connection is looked at. */
typedef enum {
  LA_WATCH_EVENTS, /* ordinary data and its acknowledgments are no change (at first) */
  LA_WATCH_ALL,    /* every segment is */
} LaWatch;
void la_tracker_watch(LaConnection *conn, LaWatch watch);

/* The connection that was borrowed before with this handle and id, when it has not finished meanwhile; else NULL. */
LaConnection *la_tracker_get(LaTracker *tracker, uint32_t handle, uint32_t id);

/* Goes through all connections that have not finished: begin with 0 in `*at`; NULL at the end. No segment may come between. */
LaConnection *la_tracker_each(LaTracker *tracker, uint32_t *at);

/* Makes an open connection look as if the capture had ended at `at`, so that rules can be asked about it, and takes that back. Nothing
 * else may be done to it between. Its sentences are to be made after la_tracker_resume: then it still goes on. */
void la_tracker_suppose_end(LaTracker *tracker, LaConnection *conn, LaTime at);
void la_tracker_resume(LaConnection *conn);

/* How many connections were given up because of max_connections or max_bytes. Attempts that were not answered yet go first, the
 * oldest of them; then what no packet was ever seen of (adopt.h); then what has closed; then what has been silent for longest. */
uint64_t la_tracker_evicted(const LaTracker *tracker);

/* Bytes of memory for connections and their timelines. */
uint64_t la_tracker_bytes(const LaTracker *tracker);

/* How many connections are open now, and how many there were at most. */
uint32_t la_tracker_open(const LaTracker *tracker);
uint32_t la_tracker_peak(const LaTracker *tracker);

#endif
