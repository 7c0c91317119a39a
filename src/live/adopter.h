/* Which of this machine's sockets were there before the capture and belong to it: they become connections (track/adopt.h). */
#ifndef LA_LIVE_ADOPTER_H
#define LA_LIVE_ADOPTER_H

#include <glib.h>

#include "capture/live.h"
#include "live/socket_watch.h"
#include "track/adopt.h"

typedef struct LaAdopter LaAdopter;

/* For a capture with these options, of which interfaces, netns and filter count. To be called before rights are given up. NULL when the
 * interfaces cannot be listed. (transfer full) */
LaAdopter *la_adopter_new(const LaLiveOptions *options, GError **error);
void la_adopter_free(LaAdopter *adopter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaAdopter, la_adopter_free)

typedef struct {
  unsigned taken;
  unsigned full; /* no room: see LA_ADOPT_FULL */
} LaAdoptedCount;

/* Hands the sockets of the watch's last reading, which was over at `time`, to the tracker: those whose packets pass a captured interface
 * and the filter. */
LaAdoptedCount la_adopter_adopt(LaAdopter *adopter, const LaSocketWatch *watch, LaTracker *tracker, LaTime time);

#endif
