/* The clocks that the chat is handed: it never asks the system for the time by itself, so that tests can. */
#ifndef LA_CHAT_CLOCK_H
#define LA_CHAT_CLOCK_H

#include "base/time.h"

/* Both functions may be called from several threads. */
typedef struct {
  LaTime (*monotonic)(void *ctx); /* never goes back; only differences count */
  LaTime (*wall)(void *ctx);      /* nanoseconds since the epoch, for time stamps in messages */
  void *ctx;                      /* (borrowed) handed to both */
} LaChatClock;

static inline LaTime la_chat_clock_now(const LaChatClock *clock)
{
  return clock->monotonic(clock->ctx);
}

/* Wall time in microseconds, as messages carry it (fits the 53 bits that every JSON reader has). */
static inline int64_t la_chat_clock_wall_us(const LaChatClock *clock)
{
  return clock->wall(clock->ctx) / LA_USEC;
}

#endif
