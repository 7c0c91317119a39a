/* What the kernel says of a connection. */
#ifndef LA_CHAT_TCP_INFO_H
#define LA_CHAT_TCP_INFO_H

#include <glib.h>

/* Appends lines about socket `fd`: both addresses, what waits in both directions, buffers, and TCP_INFO (state, round-trip
 * time, window, retransmissions, options). Each line ends with a newline. */
void la_chat_tcp_info_append(GString *out, int fd);

#endif
