/* A clock that does not jump: what the analysis of a running capture goes by.
 *
 * Packets carry the time of day, and somebody may set that clock: an hour forward makes every silence an hour long, an hour back stops all
 * timers for an hour. Here the time of day is held against a clock that nobody sets, and the steps are taken out again. */
#ifndef LA_LIVE_STEADY_H
#define LA_LIVE_STEADY_H

#include "base/time.h"

#define LA_STEADY_STEP LA_SEC /* less than that is followed: the clock is being adjusted */

/* Plain data; {0} is a clock that was not looked at yet. */
typedef struct {
  LaTime apart;   /* time of day less the other clock, at the last look */
  LaTime offset;  /* all steps so far: what is taken off */
  LaTime before;  /* the same without the last step */
  LaTime changed; /* by the other clock, when that was */
  LaTime now;     /* the steady time at the last look */
  int looked, stepped;
} LaSteady;

/* Looks at both clocks: the time of day, and one that nobody sets and that goes on while the machine sleeps (CLOCK_BOOTTIME). Returns by how
 * much the time of day was stepped since the last look; 0: it was not. To be called before the packets that came since are asked about. */
LaTime la_steady_look(LaSteady *steady, LaTime time_of_day, LaTime boot_time);

/* A packet's time without the steps. One from around a step may have been stamped before or after it: it is given the time that is closer to
 * now. LA_TIME_NONE stays. */
LaTime la_steady_time(const LaSteady *steady, LaTime time);

#endif
