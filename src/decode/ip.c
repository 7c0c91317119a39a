/* IPv4, IPv6 and its extension headers, AH, and what an IP protocol number means.
 *
 * The length in the header rules: it cuts off padding and trailers, and it gives the length of the TCP segment though the snaplen
 * may have cut the bytes. Two things have length 0: packets on their way to a card that segments them (the length was not filled
 * in; they are longer than any padded frame, so that the length on the wire serves), and IPv6 jumbograms (RFC 2675).
 *
 * A datagram's first fragment is decoded like a whole one: CONTRACT counts a fragmented segment at its first fragment, and its
 * payload is what that fragment carries, since nothing here remembers packets. (tshark, which reassembles, counts it with its whole
 * payload at the last fragment.) Later fragments are told by protocol: those that may belong to TCP, itself or in a tunnel
 * directly on IP, are fragments, those of UDP and others are simply not TCP. */
#include "decode/layer.h"

/* IP protocols, which are also IPv6's next header numbers. */
enum {
  PROTOCOL_HOP_BY_HOP = 0,
  PROTOCOL_ICMP = 1,
  PROTOCOL_IPV4 = 4,
  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17,
  PROTOCOL_IPV6 = 41,
  PROTOCOL_ROUTING = 43,
  PROTOCOL_FRAGMENT = 44,
  PROTOCOL_GRE = 47,
  PROTOCOL_AH = 51,
  PROTOCOL_ICMPV6 = 58,
  PROTOCOL_DESTINATION = 60,
  PROTOCOL_MOBILITY = 135,
  PROTOCOL_MPLS = 137,
  PROTOCOL_HIP = 139,
  PROTOCOL_SHIM6 = 140,
};

/* IPv6 option types (with the bits that say what a host does that does not know them). */
enum {
  OPTION_PAD1 = 0x00,
  OPTION_JUMBO = 0xc2,
  OPTION_HOME_ADDRESS = 0xc9,
};

LaStep la_ip_next(LaWalk *w, uint8_t protocol)
{
  bool v6 = w->segment->family == LA_FAMILY_IPV6;
  switch (protocol) {
  case PROTOCOL_TCP: return LA_STEP_TCP;
  case PROTOCOL_UDP: return LA_STEP_UDP;
  case PROTOCOL_ICMP: return v6 ? la_walk_other(w) : LA_STEP_ICMP;
  case PROTOCOL_ICMPV6: return v6 ? LA_STEP_ICMPV6 : la_walk_other(w);
  case PROTOCOL_IPV4: la_walk_push_plain(w, v6 ? LA_ENCAP_4IN6 : LA_ENCAP_IPIP); return LA_STEP_IPV4;
  case PROTOCOL_IPV6: la_walk_push_plain(w, v6 ? LA_ENCAP_6IN6 : LA_ENCAP_6IN4); return LA_STEP_IPV6;
  case PROTOCOL_GRE: return LA_STEP_GRE;
  case PROTOCOL_AH: return LA_STEP_AH;
  case PROTOCOL_MPLS: return LA_STEP_MPLS;
  default: break;
  }
  if (!v6)
    return la_walk_other(w);
  switch (protocol) {
  case PROTOCOL_HOP_BY_HOP:
  case PROTOCOL_DESTINATION: return LA_STEP_OPTIONS;
  case PROTOCOL_ROUTING: return LA_STEP_ROUTING;
  case PROTOCOL_FRAGMENT: return LA_STEP_FRAGMENT;
  case PROTOCOL_MOBILITY:
  case PROTOCOL_HIP:
  case PROTOCOL_SHIM6: return LA_STEP_EXTENSION;
  default: return la_walk_other(w); /* no next header, ESP, other protocols */
  }
}

/* A fragment that is not the first. */
static LaStep later_fragment(LaWalk *w, uint8_t protocol)
{
  switch (la_ip_next(w, protocol)) {
  case LA_STEP_TCP:
  case LA_STEP_IPV4:
  case LA_STEP_IPV6:
  case LA_STEP_GRE:
  case LA_STEP_AH:
  case LA_STEP_MPLS:
  case LA_STEP_OPTIONS:
  case LA_STEP_ROUTING:
  case LA_STEP_FRAGMENT:
  case LA_STEP_EXTENSION: return (LaStep)LA_DECODED_FRAGMENT;
  default: return (LaStep)LA_DECODED_NOT_TCP;
  }
}

static void first_fragment(LaWalk *w)
{
  w->fragment |= LA_FRAGMENT_OUTER | LA_FRAGMENT_INNER;
}

/* An IP header was taken that ends `len` bytes after the offset `begin`. */
static void enter_ip(LaWalk *w, uint64_t begin, uint64_t len)
{
  uint64_t taken = la_walk_offset(w) - begin;
  w->stated_end = begin + len;
  w->ip_begin = begin;
  la_walk_limit(w, len - taken);
  w->ip_seen = true;
  w->guessed = false;
  w->fragment &= (uint8_t)~LA_FRAGMENT_INNER;
}

bool la_ip_plausible(const LaWalk *w)
{
  if (!la_cursor_has(&w->in, 1))
    return true;
  uint64_t left = (w->fragment & LA_FRAGMENT_OUTER) != 0 ? UINT64_MAX : la_walk_left(w); /* the rest is in another fragment */
  uint8_t first = la_cursor_peek_u8(&w->in, 0);
  if (first >> 4 == 4) {
    unsigned header = (first & 0xfu) * 4, total = la_cursor_peek_u16(&w->in, 2);
    return header >= 20 && (!la_cursor_has(&w->in, 4) || (total >= header && total <= left));
  }
  return first >> 4 == 6 && (!la_cursor_has(&w->in, 6) || la_cursor_peek_u16(&w->in, 4) + 40u <= left);
}

bool la_ip_fills(const LaWalk *w)
{
  uint8_t version = la_cursor_peek_u8(&w->in, 0) >> 4;
  if (la_cursor_has(&w->in, 1) && version != 4 && version != 6)
    return false;
  if (!la_cursor_has(&w->in, 6))
    return la_walk_left(w) >= 20;
  uint64_t len = version == 4 ? la_cursor_peek_u16(&w->in, 2) : la_cursor_peek_u16(&w->in, 4) + 40u;
  return (w->fragment & LA_FRAGMENT_OUTER) != 0 ? len >= la_walk_left(w) : len == la_walk_left(w);
}

/* Link types of raw IP, and MPLS: the version says which. */
LaStep la_ip_step(LaWalk *w)
{
  if (!la_cursor_has(&w->in, 1))
    return la_walk_short(w, 1);
  uint8_t version = la_cursor_peek_u8(&w->in, 0) >> 4;
  return version == 4 ? LA_STEP_IPV4 : version == 6 ? LA_STEP_IPV6 : la_walk_bad(w);
}

LaStep la_ipv4_step(LaWalk *w)
{
  if (w->guessed && !la_ip_plausible(w))
    return la_walk_bad(w);
  uint64_t begin = la_walk_offset(w);
  const uint8_t *h = la_cursor_take(&w->in, 20);
  if (h == NULL)
    return la_walk_short(w, 20);
  uint64_t header = (h[0] & 0xfu) * 4;
  uint64_t total = la_be16(h + 2);
  if (total == 0)
    total = w->wire_end - begin;
  if (h[0] >> 4 != 4 || header < 20 || total < header)
    return la_walk_bad(w);
  enter_ip(w, begin, total);
  if (!la_cursor_skip(&w->in, (size_t)header - 20))
    return la_walk_short(w, header - 20);
  LaSegment *segment = w->segment;
  la_segment_addr_ipv4(segment, h);
  segment->ip_id = la_be16(h + 4);
  segment->ttl = h[8];
  uint16_t fragment = la_be16(h + 6);
  if ((fragment & 0x1fff) != 0)
    return later_fragment(w, h[9]);
  if ((fragment & 0x2000) != 0)
    first_fragment(w);
  return la_ip_next(w, h[9]);
}

/* The value of the option `type` with a value of `len` bytes among `options`, or NULL. */
static const uint8_t *find_option(LaCursor options, uint8_t type, uint8_t len)
{
  while (la_cursor_has(&options, 1)) {
    uint8_t this_type = la_cursor_u8(&options);
    if (this_type == OPTION_PAD1)
      continue;
    uint8_t this_len = la_cursor_u8(&options);
    const uint8_t *value = la_cursor_take(&options, this_len);
    if (value == NULL)
      return NULL;
    if (this_type == type && this_len == len)
      return value;
  }
  return NULL;
}

/* The length of a packet whose IPv6 payload length is 0, from its first byte on. */
static uint64_t ipv6_jumbo_len(const LaWalk *w, uint64_t begin, uint8_t next)
{
  LaCursor options = w->in;
  if (next == PROTOCOL_HOP_BY_HOP && la_cursor_has(&options, 2)) {
    la_cursor_limit(&options, (la_cursor_peek_u8(&options, 1) + 1u) * 8);
    (void)la_cursor_skip(&options, 2);
    const uint8_t *jumbo = find_option(options, OPTION_JUMBO, 4);
    if (jumbo != NULL && la_be32(jumbo) > UINT16_MAX)
      return 40 + (uint64_t)la_be32(jumbo);
  }
  return w->wire_end - begin;
}

LaStep la_ipv6_step(LaWalk *w)
{
  if (w->guessed && !la_ip_plausible(w))
    return la_walk_bad(w);
  uint64_t begin = la_walk_offset(w);
  const uint8_t *h = la_cursor_take(&w->in, 40);
  if (h == NULL)
    return la_walk_short(w, 40);
  if (h[0] >> 4 != 6)
    return la_walk_bad(w);
  uint16_t payload = la_be16(h + 4);
  enter_ip(w, begin, payload != 0 ? payload + UINT64_C(40) : ipv6_jumbo_len(w, begin, h[6]));
  la_segment_addr_ipv6(w->segment, h);
  w->segment->ip_id = 0;
  w->segment->ttl = h[7];
  return la_ip_next(w, h[6]);
}

/* Takes the rest of an extension header of which the next two bytes are next header and length (in `unit` bytes, `extra` units not
 * counted). NULL, and the result in `*ret_result`, when it is not there; else its first byte, and its length in `*ret_len`. */
static const uint8_t *take_extension(LaWalk *w, unsigned unit, unsigned extra, size_t *ret_len, LaStep *ret_result)
{
  if (!la_cursor_has(&w->in, 2)) {
    *ret_result = la_walk_short(w, 2);
    return NULL;
  }
  size_t len = (la_cursor_peek_u8(&w->in, 1) + extra) * unit;
  const uint8_t *h = la_cursor_take(&w->in, len);
  if (h == NULL)
    *ret_result = la_walk_short(w, len);
  else
    *ret_len = len;
  return h;
}

/* A mobile host away from home (RFC 6275) puts its home address into an option; that one is the connection's. */
LaStep la_options_step(LaWalk *w)
{
  LaStep result;
  size_t len;
  const uint8_t *h = take_extension(w, 8, 1, &len, &result);
  if (h == NULL)
    return result;
  const uint8_t *home = find_option(la_cursor_init(h + 2, len - 2), OPTION_HOME_ADDRESS, 16);
  if (home != NULL)
    memcpy(w->segment->src.bytes, home, 16);
  return la_ip_next(w, h[0]);
}

LaStep la_extension_step(LaWalk *w)
{
  LaStep result;
  size_t len;
  const uint8_t *h = take_extension(w, 8, 1, &len, &result);
  return h == NULL ? result : la_ip_next(w, h[0]);
}

/* While segments are left, the destination in the IPv6 header is only the next stop. The last one, which is in the TCP pseudo
 * header, is the last address of types 0 and 2 and the first of a segment routing header (type 4). */
LaStep la_routing_step(LaWalk *w)
{
  LaStep result;
  size_t len;
  const uint8_t *h = take_extension(w, 8, 1, &len, &result);
  if (h == NULL)
    return result;
  if (h[3] != 0 && len >= 24) {
    if (h[2] == 0 || h[2] == 2)
      memcpy(w->segment->dst.bytes, h + 8 + ((len - 8) / 16 - 1) * 16, 16);
    else if (h[2] == 4)
      memcpy(w->segment->dst.bytes, h + 8, 16);
  }
  return la_ip_next(w, h[0]);
}

LaStep la_fragment_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  uint16_t fragment = la_be16(h + 2);
  if (fragment >> 3 != 0)
    return later_fragment(w, h[0]);
  if ((fragment & 1) != 0)
    first_fragment(w);
  return la_ip_next(w, h[0]);
}

/* Authentication header (RFC 4302): what it protects is in clear. */
LaStep la_ah_step(LaWalk *w)
{
  LaStep result;
  size_t len;
  const uint8_t *h = take_extension(w, 4, 2, &len, &result);
  if (h == NULL)
    return result;
  if (len < 12)
    return la_walk_bad(w);
  la_walk_push_plain(w, LA_ENCAP_AH);
  return la_ip_next(w, h[0]);
}
