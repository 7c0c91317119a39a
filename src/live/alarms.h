/* Which events are told: the same finding of the same service not more often than once in a span, and then with a count of the others. */
#ifndef LA_LIVE_ALARMS_H
#define LA_LIVE_ALARMS_H

#include <glib.h>
#include <stdbool.h>

#include "report/event.h"

typedef struct LaAlarms LaAlarms;

/* `realarm`: the span; 0: everything is told. (transfer full) */
LaAlarms *la_alarms_new(LaTime realarm);
void la_alarms_free(LaAlarms *alarms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaAlarms, la_alarms_free)

/* Whether `event` is told; then `*ret_held_back` is how many like it were not since the last one. What follows on an event that was
 * held back (updated, ended, withdrawn) is held back, too. */
bool la_alarms_pass(LaAlarms *alarms, const LaEventRecord *event, uint64_t *ret_held_back);

/* The next service and code whose span is over and of which something was held back meanwhile, as an update of the last one that was held
 * back; NULL: none. (borrowed until the next call of any function) */
const LaEventRecord *la_alarms_over(LaAlarms *alarms, LaTime now);

#endif
