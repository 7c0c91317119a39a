/* An endpoint's path through the states: steps are pushed by events, proved by later packets, and taken back when a later
 * packet shows that what they rest on never arrived. Library-internal to src/track. */
#ifndef LA_TRACK_PATH_H
#define LA_TRACK_PATH_H

#include "track/connection.h"
#include "track/tcp_fsm.h"

/* Where a step comes from. */
typedef struct {
  uint64_t frame;     /* the packet that causes it */
  LaTime time;        /* its time */
  uint64_t proved_by; /* 0: assumed for now */
} LaCause;

/* Applies `event`; true when the state changed. */
bool la_path_apply(LaEndpoint *end, LaTcpEvent event, LaCause cause);

/* Takes back the last step (which must not be proved) and notes the correction. */
void la_path_take_back(LaEndpoint *end);

/* The last step, or NULL when nothing is known of the end. */
static inline LaStep *la_path_last(LaEndpoint *end)
{
  return end->steps != 0 ? &end->path[end->steps - 1] : NULL;
}

/* Whether the last step is in the path only by assumption. */
static inline bool la_path_assumed(const LaEndpoint *end)
{
  return end->steps != 0 && end->path[end->steps - 1].proved_by == 0;
}

#endif
