/* IP addresses as values. Unused bytes are zero, so that two addresses are equal exactly when all their bytes are. */
#ifndef LA_BASE_ADDR_H
#define LA_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum {
  LA_FAMILY_NONE = 0,
  LA_FAMILY_IPV4 = 4,
  LA_FAMILY_IPV6 = 6,
} LaFamily;

/* `bytes` in network order; IPv4 in the first four, the other twelve zero. `family` is kept beside the bytes (in a segment
 * both ends share it). */
typedef struct {
  uint8_t bytes[16];
} LaAddr;

/* One end of a connection: address and port (host order). */
typedef struct {
  LaAddr addr;
  uint16_t port;
  uint8_t family; /* LaFamily */
} LaHostPort;

/* The longest text of an address, with the closing zero (as INET6_ADDRSTRLEN). */
#define LA_ADDR_TEXT_MAX 46
/* The longest text of `address:port` / `[address]:port`, with the closing zero. */
#define LA_HOST_PORT_TEXT_MAX (LA_ADDR_TEXT_MAX + 8)

static inline bool la_addr_equal(const LaAddr *a, const LaAddr *b)
{
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Hash and equality of ends by address and port, of the types that a GHashTable wants. */
static inline unsigned la_host_port_hash(const void *key)
{
  const LaHostPort *end = (const LaHostPort *)key;
  uint32_t hash = end->port * 2654435761u;
  for (unsigned i = 0; i < sizeof end->addr.bytes; i += 4) {
    uint32_t word;
    memcpy(&word, end->addr.bytes + i, sizeof word);
    hash = (hash ^ word) * 2654435761u;
  }
  return hash;
}

static inline int la_host_port_equal(const void *a, const void *b)
{
  const LaHostPort *x = (const LaHostPort *)a;
  const LaHostPort *y = (const LaHostPort *)b;
  return x->family == y->family && x->port == y->port && la_addr_equal(&x->addr, &y->addr);
}

/* Orders addresses by their bytes, as memcmp does. */
static inline int la_addr_compare(const LaAddr *a, const LaAddr *b)
{
  return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* Writes the text of `addr` (RFC 5952 for IPv6) into `ret_text`, at least LA_ADDR_TEXT_MAX bytes, and returns it. */
char *la_addr_format(const LaAddr *addr, LaFamily family, char *ret_text);

/* Writes `1.2.3.4:80` or `[2001:db8::1]:80` into `ret_text`, at least LA_HOST_PORT_TEXT_MAX bytes, and returns it. */
char *la_host_port_format(const LaHostPort *end, char *ret_text);

/* Reads an IPv4 or IPv6 address. Returns its family, or LA_FAMILY_NONE (and leaves `ret_addr` alone) when `text` is none. */
LaFamily la_addr_parse(const char *text, LaAddr *ret_addr);

/* Whether `addr` lies in the prefix `net`/`bits` of the same family (bits 0-32 or 0-128). */
bool la_addr_in_prefix(const LaAddr *addr, const LaAddr *net, unsigned bits);

#endif
