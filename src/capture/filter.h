/* Packet selection by BPF (pcap-filter(7)), compiled by libpcap once for each link type it meets. */
#ifndef LA_CAPTURE_FILTER_H
#define LA_CAPTURE_FILTER_H

#include <glib.h>
#include <stdbool.h>

#include "capture/link_type.h"
#include "capture/packet_view.h"

/* Not for two threads at once. */
typedef struct LaFilter LaFilter;

/* Checks `expression` against Ethernet (so that a mistake is told before any file is read) and keeps it. An expression that
 * only another link type knows (`wlan type mgt`) is good too. NULL and LA_ERROR_USAGE with libpcap's own words when it is no
 * filter. (transfer full) */
LaFilter *la_filter_new(const char *expression, GError **error);

/* The same from a file's text: lines whose first character is '#' are comments. A file that cannot be read is LA_ERROR_USAGE
 * too; the message names it. */
LaFilter *la_filter_new_from_file(const char *path, GError **error);

/* The expression, without a file's comments. (borrowed) */
const char *la_filter_expression(const LaFilter *filter);

void la_filter_free(LaFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaFilter, la_filter_free)

/* Whether `packet` passes, in `*ret_match`. False and LA_ERROR_USAGE when libpcap cannot filter its link type; the
 * message names the link type. On a link type that has no VLANs or MPLS labels, `vlan` and `mpls` are false, so that one filter
 * serves captures of all link types. */
bool la_filter_match(LaFilter *filter, const LaPacketView *packet, bool *ret_match, GError **error);

#endif
