#include "base/community_id.h"

#include <glib.h>
#include <string.h>

/* SHA-1 over seed, lower end's address, higher end's address, protocol, 0, lower port, higher port, all in network order. The
 * lower end is the one with the smaller address, or the smaller port when the addresses are equal. */
char *la_community_id(const LaHostPort *one, const LaHostPort *other, char *ret_text)
{
  int order = la_addr_compare(&one->addr, &other->addr);
  if (order > 0 || (order == 0 && one->port > other->port)) {
    const LaHostPort *swap = one;
    one = other;
    other = swap;
  }
  size_t width = one->family == LA_FAMILY_IPV6 ? 16 : 4;
  uint8_t bytes[2 + 16 + 16 + 2 + 4] = {0};
  size_t n = 2;
  memcpy(bytes + n, one->addr.bytes, width);
  n += width;
  memcpy(bytes + n, other->addr.bytes, width);
  n += width;
  bytes[n++] = 6;
  bytes[n++] = 0;
  bytes[n++] = (uint8_t)(one->port >> 8);
  bytes[n++] = (uint8_t)one->port;
  bytes[n++] = (uint8_t)(other->port >> 8);
  bytes[n++] = (uint8_t)other->port;

  g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
  g_checksum_update(sha1, bytes, (gssize)n);
  uint8_t digest[20];
  gsize digest_len = sizeof digest;
  g_checksum_get_digest(sha1, digest, &digest_len);
  g_autofree char *base64 = g_base64_encode(digest, digest_len);
  g_strlcpy(ret_text, "1:", LA_COMMUNITY_ID_MAX);
  g_strlcat(ret_text, base64, LA_COMMUNITY_ID_MAX);
  return ret_text;
}
