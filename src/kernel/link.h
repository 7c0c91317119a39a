/* Network interfaces of namespaces that were made here: pairs of virtual Ethernet interfaces, addresses, routes (rtnetlink), kernel
 * settings. Everything works on the calling thread's namespace unless a descriptor says otherwise. Failures are LA_ERROR_PERMISSION:
 * the kernel lacks the means or forbids them. */
#ifndef LA_KERNEL_LINK_H
#define LA_KERNEL_LINK_H

#include <glib.h>
#include <stdbool.h>

#include "base/addr.h"

#define LA_LINK_MAC_LEN 6

/* One end of a pair. */
typedef struct {
  const char *name; /* at most 15 bytes */
  uint8_t mac[LA_LINK_MAC_LEN];
  int netns; /* where it lives (borrowed) */
} LaLinkEnd;

/* Makes two interfaces, each of which receives what the other sends. Both are down. */
bool la_link_make_pair(const LaLinkEnd *a, const LaLinkEnd *b, GError **error);

/* Brings interface `name` up without address resolution (what sends to it must know its MAC address), and with every checksum and
 * segment made by the kernel and not left to hardware that is not there. */
bool la_link_start(const char *name, GError **error);

/* Brings up the loopback interface. */
bool la_link_start_loopback(GError **error);

/* Gives interface `name` the address `addr`, alone in its network (/32, /128); ready at once, also for IPv6. */
bool la_link_add_address(const char *name, const LaAddr *addr, LaFamily family, GError **error);

/* Sends everything of `family` that has no other way out through interface `name`. */
bool la_link_add_default_route(const char *name, LaFamily family, GError **error);

/* A packet socket that receives every frame which arrives at interface `name` (not those sent from here), does not block, and can
 * send frames from it. -1 and an error. (transfer full: close()) */
int la_link_open_packets(const char *name, GError **error);

/* Sets /proc/sys/net/`setting` (such as ipv4/tcp_fin_timeout) of the calling thread's namespace. */
bool la_link_set_sysctl(const char *setting, const char *value, GError **error);

#endif
