#include "live/steady.h"

/* How long after a step packets may still come that were stamped before it. */
#define LINGER (10 * LA_SEC)

static LaTime distance(LaTime a, LaTime b)
{
  return a > b ? a - b : b - a;
}

LaTime la_steady_look(LaSteady *steady, LaTime time_of_day, LaTime boot_time)
{
  LaTime apart = time_of_day - boot_time;
  LaTime step = steady->looked != 0 ? apart - steady->apart : 0;
  if (distance(step, 0) < LA_STEADY_STEP)
    step = 0;
  steady->looked = 1;
  steady->apart = apart;
  if (step != 0) {
    steady->before = steady->offset;
    steady->offset += step;
    steady->changed = boot_time;
    steady->stepped = 1;
  } else if (steady->before != steady->offset && boot_time - steady->changed > LINGER) {
    steady->before = steady->offset;
  }
  steady->now = time_of_day - steady->offset;
  return step;
}

LaTime la_steady_time(const LaSteady *steady, LaTime time)
{
  if (steady->stepped == 0 || time == LA_TIME_NONE)
    return time;
  LaTime after = time - steady->offset;
  LaTime before = time - steady->before;
  return distance(before, steady->now) < distance(after, steady->now) ? before : after;
}
