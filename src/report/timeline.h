/* What happened to the connections of each service over time: how many opened, closed, were reset or failed in each interval, and in which
 * states the servers' ends stood at its end.
 *
 * Fed with finished connections in any order; memory is bounded whatever the input. */
#ifndef LA_REPORT_TIMELINE_H
#define LA_REPORT_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"
#include "report/window.h"
#include "track/connection.h"

/* What is told of an interval. */
enum {
  LA_TIMELINE_OPENED, /* handshake `complete` or `simultaneous`, at the SYN-ACK */
  LA_TIMELINE_CLOSED, /* teardown `fin`, at the acknowledgment of the last FIN */
  LA_TIMELINE_RESET,  /* teardown `rst` or `fin-rst`, at the RST */
  LA_TIMELINE_FAILED, /* every other handshake with a verdict, at what ended it, else at its last packet */
  LA_TIMELINE_STATES, /* the first of the states: SYN_SENT to TIME_WAIT */
  LA_TIMELINE_COLUMNS = LA_TIMELINE_STATES + LA_TCP_TIME_WAIT - LA_TCP_SYN_SENT + 1,
};

#define LA_TIMELINE_INTERVAL_MIN LA_USEC
#define LA_TIMELINE_INTERVAL_MAX (1000 * 24 * 3600 * LA_SEC)
#define LA_TIMELINE_ROWS_MAX 60u /* intervals, where the choice is ours; more than 20 then */
#define LA_TIMELINE_SERVICES_SHOWN 20u

typedef struct LaTimeline LaTimeline;

/* `interval`: how long one is (LA_TIMELINE_INTERVAL_MIN .. _MAX; twice as long, again and again, when there would be too many), or 0: as
 * fits. (transfer full) */
LaTimeline *la_timeline_new(LaTime interval);
void la_timeline_free(LaTimeline *timeline);

/* To be called first: only what happened in the window is told; who was there before is there when it begins. */
void la_timeline_limit(LaTimeline *timeline, const LaWindow *window);

/* Takes a finished connection, which must be whole. */
void la_timeline_add(LaTimeline *timeline, const LaConnection *conn);

/* Packets were observed from `from` to `until`; LA_TIME_NONE is passed over. */
void la_timeline_observed(LaTimeline *timeline, LaTime from, LaTime until);

/* Nothing more comes: settles how long an interval is, and which services are told by name (those with the most connections). */
void la_timeline_conclude(LaTimeline *timeline);

/* How long an interval is, once concluded. They begin at multiples of it since the epoch, in UTC. */
LaTime la_timeline_interval(const LaTimeline *timeline);

typedef struct {
  LaTime start;
  LaHostPort service; /* family LA_FAMILY_NONE: all those that are not told by name */
  uint64_t count[LA_TIMELINE_COLUMNS];
  bool changed; /* something happened, or other numbers of connections are in the states than a row before */
} LaTimelineRow;

/* The next row, by time, in an interval the services with more connections first; those in which nothing happened and nobody was in a
 * state are left out. False: no more. */
bool la_timeline_next(LaTimeline *timeline, LaTimelineRow *ret_row);

/* From the first interval's beginning to the last one's end; LA_TIME_NONE: there was no packet. */
void la_timeline_span(const LaTimeline *timeline, LaTime *ret_from, LaTime *ret_until);

/* Begins with the rows again. */
void la_timeline_rewind(LaTimeline *timeline);

#endif
