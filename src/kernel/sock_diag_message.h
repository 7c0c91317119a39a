/* One answer of the kernel's socket diagnostics (linux/inet_diag.h), from its bytes. */
#ifndef LA_KERNEL_SOCK_DIAG_MESSAGE_H
#define LA_KERNEL_SOCK_DIAG_MESSAGE_H

#include <stddef.h>

#include "kernel/socket.h"

/* Reads the `len` bytes after a netlink header (struct inet_diag_msg and its attributes; `data` may be unaligned) into
 * `ret_socket`. False, and `ret_socket` untouched, when they hold no TCP socket. Attributes that are cut short or unknown are passed
 * over. */
bool la_sock_diag_message_read(const void *data, size_t len, LaSocket *ret_socket);

#endif
