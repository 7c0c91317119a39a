/* Findings about connections that still go on: asked for when they can be known, told as events. */
#ifndef LA_LIVE_DECIDER_H
#define LA_LIVE_DECIDER_H

#include <glib.h>
#include <stdbool.h>

#include "diagnose/diagnose.h"
#include "report/event.h"
#include "select/expression.h"
#include "select/policy.h"
#include "track/tracker.h"

typedef struct LaDecider LaDecider;

/* `tracker` and `context` are borrowed for the decider's life; the tracker is told to note changes. (transfer full) */
LaDecider *la_decider_new(LaTracker *tracker, const LaContext *context);
void la_decider_free(LaDecider *decider);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaDecider, la_decider_free)

/* From now on what `policy` (borrowed) suppresses at `now`, by the clock, is not told. */
void la_decider_set_policy(LaDecider *decider, const LaPolicy *policy, LaTime now);

/* From now on findings are told only of connections for which `where` (borrowed), of kind LA_EXPRESSION_CONNECTION, holds at that moment. */
void la_decider_set_where(LaDecider *decider, const LaExpression *where);

/* To be called after every batch of packets, and when there are none: looks at what changed, and at what has become due by `now`
 * (capture time, the tracker's clock). When very much is due at once some of it is left for the next call: see la_decider_due. */
void la_decider_look(LaDecider *decider, LaTime now);

/* To be called with each finished connection and its findings, before it is recycled. */
void la_decider_finished(LaDecider *decider, const LaConnection *conn, const LaFindings *findings);

/* A pending event; its texts are owned. */
typedef struct {
  LaEventRecord record;
  char key[LA_EVENT_KEY_MAX];
  char *sentence;
} LaDecided;

void la_decided_free(gpointer decided); /* an LaDecided, or NULL */

/* The next event, NULL: none now. (borrowed until the next call) */
const LaDecided *la_decider_next(LaDecider *decider);

/* Capture time at which la_decider_look has something to do even without packets; LA_TIME_MAX: never. */
LaTime la_decider_due(const LaDecider *decider);

/* How many connections are looked after: for bounds and tests. */
unsigned la_decider_watched(const LaDecider *decider);

#endif
