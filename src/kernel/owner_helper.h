/* A small process that answers whose socket it is, for a program that has given its rights up. */
#ifndef LA_KERNEL_OWNER_HELPER_H
#define LA_KERNEL_OWNER_HELPER_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "kernel/owner.h"

typedef struct LaOwnerHelper LaOwnerHelper;

/* Starts it: to be called early, while the rights are there and little else is open, by a process with one thread. It keeps
 * CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, where the caller has them, under the user `nobody`; without them it sees the caller's own
 * processes. It ends when the helper is freed, or when the calling thread ends, however that happens. NULL and LA_ERROR_PERMISSION
 * when it cannot be started. (transfer full) */
LaOwnerHelper *la_owner_helper_start(GError **error);

/* Ends it and waits for its end. Takes NULL. */
void la_owner_helper_free(LaOwnerHelper *helper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaOwnerHelper, la_owner_helper_free)

/* As la_owner_find, by the helper: one search of all processes for all of the `count` sockets (at most 4,194,304), so ask for many
 * at once. Waits at most `timeout_ms`. False, and `owners` as they were, when no answer came in that time (a later one is not
 * mistaken for the answer to another question) or when the helper has ended. */
bool la_owner_helper_find(LaOwnerHelper *helper, LaOwner *owners, size_t count, int timeout_ms, LaOwnerScan *ret_scan);

/* Its process id, for tests. */
pid_t la_owner_helper_pid(const LaOwnerHelper *helper);

#endif
