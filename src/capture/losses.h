/* When packets were dropped on their way into a capture, by the kernel or by the interface, as far as the capturing side tells.
 *
 * It counts drops and says now and then how many there were: a rise between two readings says that they were lost in between, not
 * when exactly. What was lost then may be the very packet whose absence a finding rests on. */
#ifndef LA_CAPTURE_LOSSES_H
#define LA_CAPTURE_LOSSES_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

/* A stretch of capture time, both ends included, in which so many packets were dropped. */
typedef struct {
  LaTime from; /* LA_TIME_NONE: since the capture began */
  LaTime until;
  uint64_t packets;
} LaLoss;

#define LA_LOSSES_MAX 256

/* In order and apart from one another. {0} is none. */
typedef struct {
  unsigned count;
  LaLoss items[LA_LOSSES_MAX];
} LaLosses;

/* Adds a stretch; 0 packets add nothing, ends in the wrong order (the clock stepped back) are swapped. Those that touch become one; of
 * too many the two become one that are the least apart. */
void la_losses_add(LaLosses *losses, LaLoss loss);

/* Adds all of `from`. */
void la_losses_add_all(LaLosses *losses, const LaLosses *from);

/* How many packets were dropped in stretches that share a moment with [from, until]; 0: none. */
uint64_t la_losses_within(const LaLosses *losses, LaTime from, LaTime until);

/* What a capture file will say of losses, told before its packets are read: a statistics block at its end speaks of connections that
 * finish long before it. Reads the last blocks of a pcapng file, and only when these speak of drops all of it. True when they do; `ret`
 * is then added to. False and untouched for what cannot be read twice (a pipe), is compressed, or speaks of none. `fd` stands
 * at the capture's beginning, before and after (borrowed); `interrupt` is that of la_source_set_interrupt. */
bool la_losses_foresee(int fd, const volatile sig_atomic_t *interrupt, LaLosses *ret);

#endif
