/* All TCP sockets of a network namespace, from the kernel's socket diagnostics (NETLINK_SOCK_DIAG): what ss shows. Needs no rights. */
#ifndef LA_KERNEL_INET_DIAG_H
#define LA_KERNEL_INET_DIAG_H

#include <glib.h>
#include <stdbool.h>

#include "kernel/socket.h"

/* A way to ask one namespace; it stays with that namespace, wherever its thread goes. Not for two threads at once. */
typedef struct LaInetDiag LaInetDiag;

typedef enum {
  LA_INET_DIAG_PLAIN,
  LA_INET_DIAG_INFO, /* with LaSocketInfo */
} LaInetDiagDetail;

/* Asks the calling thread's network namespace. LA_ERROR_PERMISSION when the kernel has no such interface. (transfer full) */
LaInetDiag *la_inet_diag_open(GError **error);

/* Asks the namespace behind `netns` (la_netns_open...; borrowed). Needs CAP_SYS_ADMIN over it: LA_ERROR_PERMISSION. (transfer full) */
LaInetDiag *la_inet_diag_open_netns(int netns, GError **error);

void la_inet_diag_free(LaInetDiag *diag);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaInetDiag, la_inet_diag_free)

/* Appends all TCP sockets, IPv4 and IPv6, in every state but CLOSED, to `sockets` (GArray of LaSocket). One dump is not one moment:
 * a socket that changes meanwhile may be in it twice or not at all; a dump that the kernel calls inconsistent is made again, three
 * times at most. False, and `sockets` as it was, on LA_ERROR_PERMISSION (the kernel refuses) or LA_ERROR_INTERNAL. */
bool la_inet_diag_dump(LaInetDiag *diag, LaInetDiagDetail detail, GArray *sockets, GError **error);

/* Closes every TCP connection of the namespace at once, as if the peer had reset it; a RST goes out to each peer that can be reached. For
 * namespaces that are to vanish: a socket that waits for its last acknowledgment would keep them for minutes. Does nothing where the
 * kernel cannot (SOCK_DESTROY) or the caller may not. */
void la_inet_diag_destroy_all(LaInetDiag *diag);

#endif
