/* Findings about hosts, services and pairs while packets come in. */
#ifndef LA_LIVE_HOST_WATCH_H
#define LA_LIVE_HOST_WATCH_H

#include <glib.h>

#include "diagnose/aggregate.h"
#include "live/decider.h"

typedef struct LaHostWatch LaHostWatch;

/* `tracker` and `context` are borrowed. `span`: how far back it looks at least, and at most twice as far. (transfer full) */
LaHostWatch *la_host_watch_new(LaTracker *tracker, const LaContext *context, const LaAggregateOptions *options, LaTime span);
void la_host_watch_free(LaHostWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaHostWatch, la_host_watch_free)

/* Takes a finished connection. */
void la_host_watch_finished(LaHostWatch *watch, const LaConnection *conn, const LaFindings *findings);

/* Judges by all connections, those that still go on included. Takes a moment when there are many: the caller says how often. */
void la_host_watch_look(LaHostWatch *watch, LaTime now);

/* The next event, as la_decider_next. */
const LaDecided *la_host_watch_next(LaHostWatch *watch);

#endif
