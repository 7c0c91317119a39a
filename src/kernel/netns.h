/* Network namespaces, held by descriptors: they have no name in the file system and vanish with the last descriptor, process and
 * socket in them, also after SIGKILL. */
#ifndef LA_KERNEL_NETNS_H
#define LA_KERNEL_NETNS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor of the calling thread's namespace; -1 and LA_ERROR_PERMISSION. (transfer full: close()) */
int la_netns_open_current(GError **error);

/* A descriptor of the namespace in which process `pid` lives; -1 and LA_ERROR_PERMISSION (no such process, not allowed).
 * (transfer full: close()) */
int la_netns_open_pid(pid_t pid, GError **error);

/* A descriptor of the namespace that a person names: `pid:4121`, or a file such as /run/netns/blue. -1 and LA_ERROR_USAGE when the
 * text is neither, LA_ERROR_PERMISSION when it cannot be opened. (transfer full: close()) */
int la_netns_open_name(const char *name, GError **error);

/* Moves the calling thread into the namespace behind `netns` (borrowed). Needs CAP_SYS_ADMIN over it: LA_ERROR_PERMISSION. */
bool la_netns_enter(int netns, GError **error);

/* Makes an empty namespace (a loopback interface that is down) and leaves the calling thread where it is. Needs CAP_SYS_ADMIN:
 * la_netns_become_root gives it to processes that may make user namespaces. -1 and LA_ERROR_PERMISSION.
 * (transfer full: close()) */
int la_netns_new(GError **error);

/* A number that no other namespace of this machine has (its inode). 0 when `netns` is no namespace. */
uint64_t la_netns_id(int netns);

/* Moves the calling process (which must have one thread) into a new user namespace in which it is root, and into a new network
 * namespace that belongs to it: what a process without rights needs before la_netns_new. LA_ERROR_PERMISSION where the system
 * forbids it. */
bool la_netns_become_root(GError **error);

#endif
