/* Names of control groups (version 2): a socket tells its group by number, people know it by its path. */
#ifndef LA_KERNEL_CGROUP_H
#define LA_KERNEL_CGROUP_H

#include <glib.h>
#include <stdint.h>

typedef struct LaCgroups LaCgroups;

/* Reads the groups that there are now: at most 65,536, at most 32 deep. Empty where no such file system is mounted. Needs no
 * rights. (transfer full) */
LaCgroups *la_cgroups_read(void);

void la_cgroups_free(LaCgroups *groups);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaCgroups, la_cgroups_free)

/* The path below the mount point, `/system.slice/chatd.service`, of the group with this number (LaSocket.cgroup); NULL when it is not
 * among them. Any bytes. (borrowed from `groups`) */
const char *la_cgroups_path(const LaCgroups *groups, uint64_t id);

#endif
