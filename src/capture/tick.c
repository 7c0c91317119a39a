/* Ticks to nanoseconds in 128 bits, so that no resolution overflows on the way: 2^64 ticks of a second are 2^94 nanoseconds.
 * A part of a nanosecond is dropped, as Wireshark does. */
#include "capture/tick.h"

__extension__ typedef __int128 Wide;

LaTick la_tick_init(uint8_t tsresol, int64_t tsoffset)
{
  LaTick tick = {.kind = LA_TICK_MULTIPLY, .factor = 1};
  if ((tsresol & 0x80) != 0) {
    tick.kind = LA_TICK_SHIFT;
    tick.shift = tsresol & 0x7f;
  } else if (tsresol <= 9) {
    for (unsigned i = tsresol; i < 9; i++)
      tick.factor *= 10;
  } else if (tsresol <= 9 + 19) { /* 10^19 is the largest power of 10 in 64 bits */
    tick.kind = LA_TICK_DIVIDE;
    for (unsigned i = 9; i < tsresol; i++)
      tick.factor *= 10;
  } else {
    tick.kind = LA_TICK_ZERO;
  }
  Wide offset = (Wide)tsoffset * LA_SEC;
  tick.offset = offset > LA_TIME_MAX ? LA_TIME_MAX : offset < -LA_TIME_MAX ? -LA_TIME_MAX : (LaTime)offset;
  if (tick.kind == LA_TICK_MULTIPLY && tick.offset == 0)
    tick.plain_limit = (uint64_t)LA_TIME_OF_PACKET_MAX / tick.factor + 1;
  return tick;
}

LaTime la_tick_time_wide(const LaTick *tick, uint64_t ticks, bool *ret_held)
{
  Wide time = 0;
  switch (tick->kind) {
  case LA_TICK_MULTIPLY: time = (Wide)ticks * (Wide)tick->factor; break;
  case LA_TICK_DIVIDE: time = (Wide)(ticks / tick->factor); break;
  case LA_TICK_SHIFT: time = ((Wide)ticks * LA_SEC) >> tick->shift; break;
  case LA_TICK_ZERO: break;
  }
  time += tick->offset;
  const Wide most = LA_TIME_OF_PACKET_MAX;
  *ret_held = time > most || time < -most;
  return (LaTime)(time > most ? most : time < -most ? -most : time);
}
