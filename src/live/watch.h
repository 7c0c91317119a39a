/* The screen of `lastack live --watch`. */
#ifndef LA_LIVE_WATCH_H
#define LA_LIVE_WATCH_H

#include <glib.h>
#include <stdbool.h>

#include "live/top.h"

typedef struct LaWatchScreen LaWatchScreen;

/* What is shown above the tables. Texts are borrowed for the call. */
typedef struct {
  const char *where; /* the interfaces */
  LaTime now;        /* capture time */
  LaTime running;    /* since the capture began */
  double packets_per_s, opened_per_s, ended_per_s;
  const LaStatsRecord *stats; /* since the beginning */
  LaClockZone zone;
} LaWatchFigures;

/* Takes the terminal over; it is given back by la_watch_screen_free, or, however this process ends, by a small process that waits for that
 * end. NULL and LA_ERROR_USAGE when standard input or output is no terminal. (transfer full) */
LaWatchScreen *la_watch_screen_new(GError **error);
void la_watch_screen_free(LaWatchScreen *screen);

/* Handles the keys that were pressed and draws. False when it was asked to quit. */
bool la_watch_screen_show(LaWatchScreen *screen, LaTop *top, LaTracker *tracker, const LaWatchFigures *figures);

/* A line for the bottom, until the next one (what would be told on standard error otherwise). */
void la_watch_screen_say(LaWatchScreen *screen, const char *line);

#endif
