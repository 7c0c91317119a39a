/* The stretch of time that --from and --to ask for: who and what was there in it. */
#ifndef LA_REPORT_WINDOW_H
#define LA_REPORT_WINDOW_H

#include <stdbool.h>

#include "base/time.h"
#include "diagnose/finding.h"
#include "report/record.h"

/* Both ends belong to it; LA_TIME_NONE: no limit. */
typedef struct {
  LaTime from, to;
} LaWindow;

/* Whether it leaves nothing out; NULL: so it does. */
static inline bool la_window_is_all(const LaWindow *window)
{
  return window == NULL || (window->from == LA_TIME_NONE && window->to == LA_TIME_NONE);
}

/* Whether a finished connection was there. One that was closed, reset or never came about is there from its first packet to its last: that
 * a timer of TIME_WAIT or of a lost SYN runs on is nothing that the capture shows. One that was left open, in whatever state, is there
 * until its record ends: at the end of observation, or when it was given up. */
bool la_window_has_connection(const LaWindow *window, const LaConnectionRecord *record);

/* Whether a host's finding is about something that was there: it lasts from its moment as long as its facts say. */
bool la_window_has_host_finding(const LaWindow *window, const LaFinding *finding);

#endif
