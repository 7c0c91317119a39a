/* The clock of a pcapng interface: what one tick of its timestamps is (if_tsresol) and where they begin (if_tsoffset). */
#ifndef LA_CAPTURE_TICK_H
#define LA_CAPTURE_TICK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

typedef enum {
  LA_TICK_MULTIPLY, /* a tick is `factor` nanoseconds */
  LA_TICK_DIVIDE,   /* a nanosecond is `factor` ticks */
  LA_TICK_SHIFT,    /* a second is 2^`shift` ticks */
  LA_TICK_ZERO,     /* a tick is so short that 2^64 of them are less than a nanosecond */
} LaTickKind;

typedef struct {
  LaTickKind kind;
  uint8_t shift;
  uint64_t factor;
  uint64_t plain_limit; /* below so many ticks the time is simply ticks * factor */
  LaTime offset;        /* added, held within the range of LaTime */
} LaTick;

/* A clock from the value of if_tsresol (RFC draft-ietf-opsawg-pcapng: below 0x80 a negative power of 10, else of 2) and that of
 * if_tsoffset in seconds. Every value is valid. */
LaTick la_tick_init(uint8_t tsresol, int64_t tsoffset);

/* The time of `ticks`. A time beyond LA_TIME_OF_PACKET_MAX, or before its negative, becomes that; whether it did is in `*ret_held`. */
LaTime la_tick_time_wide(const LaTick *tick, uint64_t ticks, bool *ret_held);

/* The same, quick for the common resolutions. */
static inline LaTime la_tick_time(const LaTick *tick, uint64_t ticks, bool *ret_held)
{
  if (ticks >= tick->plain_limit)
    return la_tick_time_wide(tick, ticks, ret_held);
  *ret_held = false;
  return (LaTime)(ticks * tick->factor);
}

#endif
