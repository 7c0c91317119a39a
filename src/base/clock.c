#include "base/clock.h"

#include <time.h>

static LaTime read_clock(clockid_t id)
{
  struct timespec now;
  clock_gettime(id, &now);
  return (LaTime)now.tv_sec * LA_SEC + now.tv_nsec;
}

LaTime la_clock_monotonic(void)
{
  return read_clock(CLOCK_MONOTONIC);
}

LaTime la_clock_boot(void)
{
  return read_clock(CLOCK_BOOTTIME);
}

LaTime la_clock_wall(void)
{
  return read_clock(CLOCK_REALTIME);
}
