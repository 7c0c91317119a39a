/* The machine's clocks, for what is no stage: from capture to report nothing reads them, time comes with the packets there. */
#ifndef LA_BASE_CLOCK_H
#define LA_BASE_CLOCK_H

#include "base/time.h"

/* Since some moment of the past, never back: for spans and deadlines. It stands still while the machine is suspended (CLOCK_MONOTONIC). */
LaTime la_clock_monotonic(void);

/* The same, but it goes on while the machine is suspended (CLOCK_BOOTTIME). */
LaTime la_clock_boot(void);

/* Since the epoch, as packets carry it. Somebody may set it (CLOCK_REALTIME). */
LaTime la_clock_wall(void);

#endif
