/* Tunnels over UDP, told by their port and by whether the bytes bear it out.
 *
 * A port number is a hint, not a fact: any program may use 4789 or 2152. So every field with a fixed value is checked, and the
 * IP packet inside must have a possible version and lengths (the walk is marked as guessed until one was found); a single
 * mismatch makes the datagram ordinary UDP, and never malformed. Where IP follows directly, with but a handful of fixed bits before
 * it, it has to fill the datagram exactly. */
#include "decode/layer.h"

enum {
  PROTOCOL_IPV4 = 4,
  PROTOCOL_IPV6 = 41
};

/* The tunnel of a pair of ports, or LA_DECODED_NOT_TCP. Where both ends use the port, or either may, the source counts too. */
static LaStep step_of_ports(uint16_t src_port, uint16_t dst_port)
{
  switch (dst_port) {
  case 2152: return LA_STEP_GTPU;
  case 4754: return LA_STEP_GRE; /* RFC 8086 */
  case 8472:                     /* what Linux used before 4789 was assigned, and some overlays still do */
  case 4789: return LA_STEP_VXLAN;
  case 4790: return LA_STEP_VXLAN_GPE;
  case 6081: return LA_STEP_GENEVE;
  default: break;
  }
  if (src_port == 3544 || dst_port == 3544)
    return LA_STEP_TEREDO;
  if (src_port == 5072 || dst_port == 5072)
    return LA_STEP_AYIYA;
  if (src_port == 5247 || dst_port == 5247)
    return LA_STEP_CAPWAP;
  return (LaStep)LA_DECODED_NOT_TCP;
}

LaStep la_udp_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return (LaStep)LA_DECODED_NOT_TCP;
  LaStep next = step_of_ports(la_be16(h), la_be16(h + 2));
  if (next == (LaStep)LA_DECODED_NOT_TCP)
    return next;
  uint16_t len = la_be16(h + 4);
  if (len != 0) { /* 0: longer than the field can say (RFC 2675) */
    if (len < 8 || (len - 8u > la_walk_left(w) && (w->fragment & LA_FRAGMENT_OUTER) == 0))
      return (LaStep)LA_DECODED_NOT_TCP;
    la_walk_limit(w, len - 8u);
  }
  w->guessed = true;
  return next;
}

/* RFC 7348: flags with only the bit for a valid VNI, which with group policies may be joined by its own bit and 16 bits of group;
 * VNI; reserved. */
LaStep la_vxlan_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  bool group_policy = h[0] == 0x88;
  if ((h[0] != 0x08 && !group_policy) || h[7] != 0 || (!group_policy && la_be24(h + 1) != 0))
    return la_walk_bad(w);
  la_walk_push(w, LA_ENCAP_VXLAN, la_be24(h + 4));
  return LA_STEP_ETHERNET;
}

/* The generic protocol extension: flags with version 0, a next protocol where its bit is set. */
LaStep la_vxlan_gpe_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  bool has_protocol = (h[0] & 0x04) != 0;
  if ((h[0] & ~0x06) != 0x08 || la_be16(h + 1) != 0 || h[7] != 0 || (!has_protocol && h[3] != 0))
    return la_walk_bad(w);
  la_walk_push(w, LA_ENCAP_VXLAN, la_be24(h + 4));
  switch (has_protocol ? h[3] : 3) {
  case 1: return LA_STEP_IPV4;
  case 2: return LA_STEP_IPV6;
  case 3: return LA_STEP_ETHERNET;
  case 5: return LA_STEP_MPLS;
  default: return la_walk_other(w);
  }
}

/* RFC 8926: version 0 and length of the options in fours; control (0x80) and critical (0x40) bit; protocol; VNI; reserved. */
LaStep la_geneve_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  uint16_t protocol = la_be16(h + 2);
  if (h[0] >> 6 != 0 || (h[1] & ~0x40) != 0 || h[7] != 0 || protocol < 0x600)
    return la_walk_bad(w);
  size_t options = (h[0] & 0x3fu) * 4;
  if (!la_cursor_skip(&w->in, options))
    return la_walk_short(w, options);
  la_walk_push(w, LA_ENCAP_GENEVE, la_be24(h + 4));
  return la_ether_next(w, protocol);
}

/* 3GPP TS 29.281: version 1 and protocol type 1, type 255 (user data), length of what follows the first eight bytes, tunnel endpoint;
 * when any of the flags is set, four bytes with the type of the first extension header. Each of these says its length in fours
 * first and the type of the next one last. */
LaStep la_gtpu_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  if ((h[0] & 0xf8) != 0x30 || h[1] != 0xff)
    return la_walk_bad(w);
  if (la_be16(h + 2) != la_walk_left(w) && (w->fragment & LA_FRAGMENT_OUTER) == 0)
    return la_walk_bad(w);
  if ((h[0] & 0x07) != 0) {
    const uint8_t *optional = la_cursor_take(&w->in, 4);
    if (optional == NULL)
      return la_walk_short(w, 4);
    uint8_t extension = (h[0] & 0x04) != 0 ? optional[3] : 0;
    for (int headers = 0; extension != 0; headers++) {
      if (!la_cursor_has(&w->in, 1))
        return la_walk_short(w, 1);
      size_t len = la_cursor_peek_u8(&w->in, 0) * 4u;
      if (len == 0 || headers == LA_WALK_DEPTH)
        return la_walk_bad(w);
      const uint8_t *header = la_cursor_take(&w->in, len);
      if (header == NULL)
        return la_walk_short(w, len);
      extension = header[len - 1];
    }
  }
  if (!la_ip_fills(w))
    return la_walk_bad(w);
  la_walk_push(w, LA_ENCAP_GTPU, la_be32(h + 4));
  return LA_STEP_IP;
}

/* RFC 4380: an authentication (00 01, lengths of client id and of authentication value, both, nonce of eight bytes, confirmation) and
 * an origin indication (00 00, port, address) may stand before the IPv6 packet. */
LaStep la_teredo_step(LaWalk *w)
{
  if (la_cursor_has(&w->in, 4) && la_cursor_peek_u16(&w->in, 0) == 1) {
    size_t len = 4u + la_cursor_peek_u8(&w->in, 2) + la_cursor_peek_u8(&w->in, 3) + 8u + 1u;
    if (!la_cursor_skip(&w->in, len))
      return la_walk_short(w, len);
  }
  if (la_cursor_has(&w->in, 2) && la_cursor_peek_u16(&w->in, 0) == 0 && !la_cursor_skip(&w->in, 8))
    return la_walk_short(w, 8);
  if (!la_cursor_has(&w->in, 1))
    return la_walk_short(w, 1);
  if (la_cursor_peek_u8(&w->in, 0) >> 4 != 6 || !la_ip_fills(w))
    return la_walk_bad(w);
  la_walk_push_plain(w, LA_ENCAP_TEREDO);
  return LA_STEP_IPV6;
}

/* Identity length (as a power of two) and type, signature length (in fours) and method, authentication method and operation (1:
 * forward), next header, time; identity; signature. */
LaStep la_ayiya_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  bool v6 = h[3] == PROTOCOL_IPV6;
  if ((h[2] & 0x0f) != 1 || (!v6 && h[3] != PROTOCOL_IPV4))
    return la_walk_bad(w);
  size_t len = ((size_t)1 << (h[0] >> 4)) + (h[1] >> 4) * 4u;
  if (!la_cursor_skip(&w->in, len))
    return la_walk_short(w, len);
  if (!la_cursor_has(&w->in, 1))
    return la_walk_short(w, 1);
  if (la_cursor_peek_u8(&w->in, 0) >> 4 != (v6 ? 6 : 4) || !la_ip_fills(w))
    return la_walk_bad(w);
  la_walk_push_plain(w, LA_ENCAP_AYIYA);
  return LA_STEP_IP;
}

/* RFC 5415: preamble 0 (1 would be DTLS); header length in fours, radio, wireless binding, flags: native frame (T), fragment (F), last
 * fragment (L), wireless information (W), radio MAC address (M), keep-alive (K); fragment id and offset. The header's length
 * covers what W and M announce. Native frames of binding 1 are 802.11, the others 802.3. */
LaStep la_capwap_step(LaWalk *w)
{
  enum {
    FLAG_FRAGMENT = 0x80,
    FLAG_KEEP_ALIVE = 0x08,
    FLAGS_RESERVED = 0x07
  };
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  size_t len = (h[1] >> 3) * 4u;
  unsigned binding = h[2] >> 1 & 0x1f;
  bool native = (h[2] & 1) != 0;
  if (h[0] != 0 || len < 8 || (h[3] & FLAGS_RESERVED) != 0 || (h[7] & 7) != 0)
    return la_walk_bad(w);
  if ((h[3] & FLAG_KEEP_ALIVE) != 0 || (native && binding != 1))
    return la_walk_other(w);
  bool later = (la_be16(h + 6) >> 3) != 0;
  if ((h[3] & FLAG_FRAGMENT) != 0 && later)
    return (LaStep)LA_DECODED_FRAGMENT;
  if (later)
    return la_walk_bad(w);
  if ((h[3] & FLAG_FRAGMENT) != 0)
    w->fragment |= LA_FRAGMENT_OUTER;
  if (!la_cursor_skip(&w->in, len - 8))
    return la_walk_short(w, len - 8);
  la_walk_push_plain(w, LA_ENCAP_CAPWAP);
  return native ? LA_STEP_WIFI : LA_STEP_ETHERNET;
}
