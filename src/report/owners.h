/* Which processes had the two sockets of a connection, as far as somebody looked while it was there. */
#ifndef LA_REPORT_OWNERS_H
#define LA_REPORT_OWNERS_H

#include <glib.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/time.h"

#define LA_OWNERS_MAX 100000u /* sockets remembered; more are passed over */

typedef struct LaOwners LaOwners;

LaOwners *la_owners_new(void);         /* (transfer full) */
void la_owners_free(LaOwners *owners); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaOwners, la_owners_free)

/* One socket that was seen at `seen`. A listening one has port 0 in `remote`. Copies `command` (any bytes). */
void la_owners_add(LaOwners *owners, const LaHostPort *local, const LaHostPort *remote, LaTime seen, const char *command,
                   uint32_t pid);

/* "client python3 (1234), server chatd (99)" of the connection that began at `started`; an end whose own socket was never seen is
 * told by who listened. NULL when neither is known. Untrusted. (transfer full) */
char *la_owners_say(const LaOwners *owners, const LaHostPort *client, const LaHostPort *server, LaTime started);

#endif
