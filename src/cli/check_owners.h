/* Looks while a command runs which processes have which sockets, so that a leak can be put at somebody's door. */
#ifndef LA_CLI_CHECK_OWNERS_H
#define LA_CLI_CHECK_OWNERS_H

#include <glib.h>

#include "base/time.h"
#include "report/owners.h"

typedef struct LaOwnerWatch LaOwnerWatch;

/* Begins to look in the calling thread's network namespace; NULL when the kernel does not tell (then nothing is known). Finds are
 * put into `owners` (borrowed). (transfer full) */
LaOwnerWatch *la_owner_watch_new(LaOwners *owners);
void la_owner_watch_free(LaOwnerWatch *watch); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaOwnerWatch, la_owner_watch_free)

/* Looks once, unless it was done a moment ago; cheap when there is no new socket. `steady` runs on whatever happens to the clock of
 * packets, `now`. Takes NULL. */
void la_owner_watch_look(LaOwnerWatch *watch, LaTime steady, LaTime now);

#endif
