/* A connection in brief: its four-tuple, the segments it has had so far, and the few numbers that tell whether the next one is what it
 * should be. Library-internal to src/track. */
#ifndef LA_TRACK_BRIEF_H
#define LA_TRACK_BRIEF_H

#include <stdbool.h>

#include "decode/segment.h"
#include "track/connection.h"

#define LA_BRIEF_SEGMENTS 16u

/* How far it has come. As LaLane, but for the first and the last. */
typedef enum {
  LA_BRIEF_FREE, /* nobody's: back in the pool, or written out as a LaConnection */
  LA_BRIEF_SYN,
  LA_BRIEF_SYN_ACK,
  LA_BRIEF_ACKED,
  LA_BRIEF_ESTABLISHED,
  LA_BRIEF_FIN,
  LA_BRIEF_FIN_ACKED,
  LA_BRIEF_BOTH_FINS,
  LA_BRIEF_CLOSED, /* both FINs acknowledged: waits for the end of its TIME_WAIT */
  LA_BRIEF_OVER,   /* finished, and no longer in the table */
} LaBriefPhase;

/* What of a segment the tracker asks, 40 bytes. */
typedef struct {
  LaTime time;
  uint32_t frame; /* since the first */
  uint32_t seq, ack;
  uint32_t ts_val;
  uint16_t payload_len;
  uint16_t window;
  uint16_t ip_id;
  uint16_t options; /* LA_OPT_* */
  uint16_t flags;   /* LA_TCP_* */
  uint8_t ttl;
  uint8_t side;         /* LaSide of the sender */
  uint16_t option_hash; /* as in LaSegment */
} LaBriefSegment;

typedef struct {
  /* what every segment touches */
  uint32_t nxt[LA_SIDE_N];  /* one past the highest number it sent */
  uint32_t una[LA_SIDE_N];  /* the highest acknowledgment of it */
  uint32_t edge[LA_SIDE_N]; /* the right edge of the window it announced */
  LaTime last_time;
  LaTime deadline; /* when it ends if nothing more comes; LA_TIME_MAX: never */
  uint32_t hash;
  uint32_t id;
  uint16_t port[LA_SIDE_N];
  uint8_t phase; /* LaBriefPhase */
  uint8_t count; /* of its segments */
  uint8_t family;
  uint8_t data;      /* bit LaSide: it has sent payload */
  uint8_t first_fin; /* LaSide that sent the first FIN; LA_SIDE_N: none */
  uint8_t shift[LA_SIDE_N];
  uint8_t acked; /* 1: the opener has acknowledged the SYN-ACK */

  LaAddr addr[LA_SIDE_N];
  LaTime first_time;
  uint64_t first_frame;
  uint32_t service, host;
  uint32_t others_live, others_before;

  LaTime others_spoke;
  LaTime exit_idle, exit_run_span;
  uint32_t others_served;
  uint32_t exit_run_id, exit_run, exit_runs; /* the last two once it has finished */
  uint32_t handle;
  uint16_t file;
  uint16_t interface;
  uint16_t mss[LA_SIDE_N];
  uint8_t wscale[LA_SIDE_N]; /* as offered */
  uint8_t cookie_len[LA_SIDE_N];
  uint8_t exit_side, exit_timed;
  uint8_t fin_at[LA_SIDE_N];       /* index of the segment with its FIN */
  uint8_t fin_acked_at[LA_SIDE_N]; /* of the one that acknowledged it */

  LaBriefSegment segment[LA_BRIEF_SEGMENTS];
} LaBrief;

/* Whether a connection may begin in brief with this segment: a SYN and nothing unusual. */
bool la_brief_may_begin(const LaSegment *segment);

/* Sets up `brief`, all but its handle and what surroundings know, from its first segment. */
void la_brief_begin(LaBrief *brief, const LaSegment *segment);

/* Takes the next segment when it is just what the connection expects and there is room: true, with the phase set. Otherwise nothing
 * is changed, and the connection must be written out before the segment is followed. */
bool la_brief_take(LaBrief *brief, LaSide side, const LaSegment *segment);

/* The segment of that index, 0 <= index < count, as the decoder gave it; set is what lane.c reads. */
void la_brief_segment(const LaBrief *brief, unsigned index, LaSegment *ret);

/* When its server end was last heard, unless that was the SYN-ACK; LA_TIME_NONE: not yet. */
LaTime la_brief_server_spoke(const LaBrief *brief);

/* Copies the four-tuple and what stands beside it to a connection that is clear. */
void la_brief_copy_head(const LaBrief *brief, LaConnection *conn);

/* Writes a closed connection's figures over those of another: everything that is asked of one that did nothing worth mentioning. Its
 * paths, its timeline and what only unusual connections have stay empty; LA_CONN_BRIEF says so. `conn` was cleared when it was new
 * and nobody but this function has written into it. */
void la_brief_sum(const LaBrief *brief, LaConnection *conn);

#endif
