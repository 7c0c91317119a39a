/* Addresses as people write them and as sockets take them. */
#ifndef LA_CHAT_ADDRESS_H
#define LA_CHAT_ADDRESS_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/addr.h"

#define LA_CHAT_DEFAULT_PORT 8888

/* A socket address with its length; scopes of IPv6 link-local addresses are kept. */
typedef struct {
  struct sockaddr_storage storage;
  socklen_t len;
} LaChatAddress;

/* Splits `HOST:PORT`, `[V6]:PORT`, `HOST`, `V6` or `PORT`; what is missing is 127.0.0.1 and 8888. `ret_host` is
 * (transfer full). LA_ERROR_USAGE when it is none of these. */
bool la_chat_host_split(const char *text, char **ret_host, uint16_t *ret_port, GError **error);

/* As above, where the host must be an address. */
bool la_chat_address_parse(const char *text, LaChatAddress *ret_address, GError **error);

/* All addresses of a host, an array of LaChatAddress (transfer full), never empty. LA_ERROR_USAGE when the name does not
 * resolve: trying again would not help. May take as long as the system's resolver does. */
GArray *la_chat_resolve(const char *host, uint16_t port, GError **error);

/* Whether it is a loopback address: 127.0.0.0/8, ::1, or the former within ::ffff:0:0/96. */
bool la_chat_address_is_loopback(const LaChatAddress *address);

/* The value of a socket address; family LA_FAMILY_NONE when it is neither IPv4 nor IPv6. */
LaHostPort la_chat_address_value(const LaChatAddress *address);

/* Writes `1.2.3.4:80` into `ret_text` (LA_HOST_PORT_TEXT_MAX bytes) and returns it. */
char *la_chat_address_format(const LaChatAddress *address, char *ret_text);

typedef enum {
  LA_CHAT_END_LOCAL,
  LA_CHAT_END_PEER,
} LaChatEndOf;

/* The address of one end of socket `fd`; false when it has none. */
bool la_chat_address_of(int fd, LaChatEndOf end, LaChatAddress *ret_address);

#endif
