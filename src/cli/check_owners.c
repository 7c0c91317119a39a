/* All sockets are asked for ten times a second; only those that were not there before are looked for in /proc, which takes longer. A
 * socket that lives for less than that is not seen; one that leaks does. Looking takes at most a tenth of the time. */
#include "cli/check_owners.h"

#include "base/clock.h"
#include "kernel/inet_diag.h"
#include "kernel/owner.h"

#define EVERY (100 * LA_MSEC)
#define SHARE 10 /* of the time, one part */

struct LaOwnerWatch {
  LaOwners *owners; /* (borrowed) */
  LaInetDiag *diag;
  GHashTable *known; /* cookies (uint64_t, owned) of sockets that were looked for */
  GArray *sockets;   /* of LaSocket */
  GArray *found;     /* of LaOwner */
  LaTime next;       /* not before */
};

LaOwnerWatch *la_owner_watch_new(LaOwners *owners)
{
  LaInetDiag *diag = la_inet_diag_open(NULL);
  if (diag == NULL)
    return NULL;
  LaOwnerWatch *watch = g_new0(LaOwnerWatch, 1);
  watch->owners = owners;
  watch->diag = diag;
  watch->known = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  watch->sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket));
  watch->found = g_array_new(FALSE, TRUE, sizeof(LaOwner));
  return watch;
}

void la_owner_watch_free(LaOwnerWatch *watch)
{
  if (watch == NULL)
    return;
  la_inet_diag_free(watch->diag);
  g_hash_table_unref(watch->known);
  g_array_unref(watch->sockets);
  g_array_unref(watch->found);
  g_free(watch);
}

/* Leaves only sockets that somebody holds and that are new. One that has been made and not yet accepted is held by nobody: it stays
 * new. */
static void keep_new(LaOwnerWatch *watch)
{
  unsigned kept = 0;
  for (unsigned i = 0; i < watch->sockets->len; i++) {
    LaSocket socket = g_array_index(watch->sockets, LaSocket, i);
    if (socket.inode == 0 || g_hash_table_contains(watch->known, &socket.cookie) ||
        g_hash_table_size(watch->known) >= LA_OWNERS_MAX)
      continue;
    g_hash_table_add(watch->known, g_memdup2(&socket.cookie, sizeof socket.cookie));
    g_array_index(watch->sockets, LaSocket, kept++) = socket;
  }
  g_array_set_size(watch->sockets, kept);
}

void la_owner_watch_look(LaOwnerWatch *watch, LaTime steady, LaTime now)
{
  if (watch == NULL || steady < watch->next)
    return;
  g_array_set_size(watch->sockets, 0);
  if (la_inet_diag_dump(watch->diag, LA_INET_DIAG_PLAIN, watch->sockets, NULL))
    keep_new(watch);
  else
    g_array_set_size(watch->sockets, 0);
  g_array_set_size(watch->found, 0);
  for (unsigned i = 0; i < watch->sockets->len; i++) {
    LaOwner owner = {.inode = g_array_index(watch->sockets, LaSocket, i).inode};
    g_array_append_val(watch->found, owner);
  }
  if (watch->found->len > 0)
    la_owner_find((LaOwner *)(void *)watch->found->data, watch->found->len);
  for (unsigned i = 0; i < watch->found->len; i++) {
    const LaOwner *owner = &g_array_index(watch->found, LaOwner, i);
    const LaSocket *socket = &g_array_index(watch->sockets, LaSocket, i);
    if (owner->pid != 0)
      la_owners_add(watch->owners, &socket->local, &socket->remote, now, owner->command, owner->pid);
  }
  LaTime after = la_clock_monotonic();
  watch->next = MAX(steady + EVERY, after + SHARE * (after - steady));
}
