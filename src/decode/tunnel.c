/* GRE and what it carries: any EtherType, bridged Ethernet (with a key: NVGRE), PPP (PPTP's version 1), ERSPAN.
 *
 * Version 0 (RFC 2784, 2890, 1701): flags, protocol, then what the flags announce: checksum and offset, key, sequence number, source
 * routes. ERSPAN type I is bridged Ethernet under its own protocol number; type II has the same number but sequence numbers, and
 * a header of eight bytes; type III its own number and twelve, with eight more when its last bit says so. */
#include "decode/layer.h"

enum {
  GRE_CHECKSUM = 0x8000,
  GRE_ROUTING = 0x4000,
  GRE_KEY = 0x2000,
  GRE_SEQUENCE = 0x1000,
  GRE_RESERVED = 0x07f8, /* recursion control and flags that are 0 in version 0 since RFC 2784 */
  GRE_VERSION = 0x0007,
  GRE_ACKNOWLEDGMENT = 0x0080, /* version 1 */
};

enum {
  PROTOCOL_ERSPAN_2 = 0x88be, /* I and II */
  PROTOCOL_ERSPAN_3 = 0x22eb,
  PROTOCOL_BRIDGE = 0x6558,
  PROTOCOL_PPP = 0x880b,
};

enum {
  NVGRE_SUBNET_MIN = 0x1000
};

/* Source route entries: address family (2), offset, length and so many bytes, up to one of family 0 and length 0. */
static bool skip_source_routes(LaWalk *w, LaStep *ret_result)
{
  for (;;) {
    const uint8_t *entry = la_cursor_take(&w->in, 4);
    if (entry == NULL) {
      *ret_result = la_walk_short(w, 4);
      return false;
    }
    if (la_be16(entry) == 0 && entry[3] == 0)
      return true;
    if (!la_cursor_skip(&w->in, entry[3])) {
      *ret_result = la_walk_short(w, entry[3]);
      return false;
    }
  }
}

/* PPTP (RFC 2637): the key is payload length and call, which differs by direction; without sequence number it carries nothing. */
static LaStep gre_pptp(LaWalk *w, uint16_t flags, uint16_t protocol)
{
  if (protocol != PROTOCOL_PPP || (flags & GRE_KEY) == 0)
    return la_walk_other(w);
  size_t len = 4u + ((flags & GRE_SEQUENCE) != 0 ? 4 : 0) + ((flags & GRE_ACKNOWLEDGMENT) != 0 ? 4 : 0);
  const uint8_t *h = la_cursor_take(&w->in, len);
  if (h == NULL)
    return la_walk_short(w, len);
  if ((flags & GRE_SEQUENCE) == 0)
    return la_walk_other(w);
  la_walk_push_plain(w, LA_ENCAP_GRE);
  la_walk_limit(w, la_be16(h));
  return LA_STEP_PPP;
}

/* NVGRE (RFC 7637) is bridged Ethernet with a key and neither checksum nor sequence number; the key is virtual subnet and flow.
 * A plain Ethernet-in-GRE tunnel may have a key as well. It is told by its number: virtual subnets below 0x1000 are reserved
 * (section 3.2), so that keys people choose, up to a million, are none of NVGRE's. */
static void push_gre(LaWalk *w, uint16_t flags, uint16_t protocol, uint32_t key)
{
  if ((flags & GRE_KEY) == 0)
    la_walk_push_plain(w, LA_ENCAP_GRE);
  else if (protocol == PROTOCOL_BRIDGE && (flags & (GRE_CHECKSUM | GRE_ROUTING | GRE_SEQUENCE)) == 0 &&
           key >> 8 >= NVGRE_SUBNET_MIN)
    la_walk_push(w, LA_ENCAP_NVGRE, key >> 8);
  else
    la_walk_push(w, LA_ENCAP_GRE, key);
}

LaStep la_gre_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_short(w, 4);
  uint16_t flags = la_be16(h), protocol = la_be16(h + 2);
  if ((flags & GRE_VERSION) == 1 && !w->guessed)
    return gre_pptp(w, flags, protocol);
  if ((flags & GRE_VERSION) != 0 || (w->guessed && (flags & (GRE_RESERVED | GRE_ROUTING)) != 0))
    return la_walk_other(w);
  size_t before_key = (flags & (GRE_CHECKSUM | GRE_ROUTING)) != 0 ? 4 : 0;
  size_t key_len = (flags & GRE_KEY) != 0 ? 4 : 0;
  size_t len = before_key + key_len + ((flags & GRE_SEQUENCE) != 0 ? 4 : 0);
  const uint8_t *fields = la_cursor_take(&w->in, len);
  if (fields == NULL)
    return la_walk_short(w, len);
  LaStep result;
  if ((flags & GRE_ROUTING) != 0 && !skip_source_routes(w, &result))
    return result;
  if (protocol == PROTOCOL_ERSPAN_2 && (flags & GRE_SEQUENCE) != 0)
    return LA_STEP_ERSPAN_2;
  if (protocol == PROTOCOL_ERSPAN_3)
    return LA_STEP_ERSPAN_3;
  if (protocol == PROTOCOL_ERSPAN_2) {
    la_walk_push_plain(w, LA_ENCAP_ERSPAN);
    return LA_STEP_ETHERNET;
  }
  if (protocol < 0x600)
    return la_walk_other(w); /* keep-alives have 0 */
  push_gre(w, flags, protocol, key_len != 0 ? la_be32(fields + before_key) : 0);
  return la_ether_next(w, protocol);
}

/* Version 1 and VLAN (2), flags and session of 10 bits (2), index (4). */
LaStep la_erspan_2_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  if (h[0] >> 4 != 1)
    return la_walk_bad(w);
  la_walk_push(w, LA_ENCAP_ERSPAN, la_be16(h + 2) & 0x3ff);
  return LA_STEP_ETHERNET;
}

/* Version 2 and VLAN (2), flags and session (2), timestamp (4), security group (2), then: PDU bit, frame type of 5 bits (0: Ethernet,
 * 2: IP), hardware id, direction, granularity, and whether a subheader follows. */
LaStep la_erspan_3_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 12);
  if (h == NULL)
    return la_walk_short(w, 12);
  if (h[0] >> 4 != 2)
    return la_walk_bad(w);
  la_walk_push(w, LA_ENCAP_ERSPAN, la_be16(h + 2) & 0x3ff);
  unsigned frame_type = h[10] >> 2 & 0x1f;
  if (frame_type != 0 && frame_type != 2)
    return la_walk_other(w);
  return la_walk_skip(w, (h[11] & 1) != 0 ? 8 : 0, frame_type == 0 ? LA_STEP_ETHERNET : LA_STEP_IP);
}
