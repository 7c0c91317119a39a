/* Ethernet and what stands between it and IP: tags, MPLS, LLC/SNAP, PPPoE and PPP.
 *
 * EtherTypes are one table here, used by every layer that has them. A tag holds the EtherType of what follows, so that tags nest
 * by themselves. MPLS does not say what it carries: the first half byte after the label stack is 4 or 6 for IP, 0 for a control
 * word (RFC 4385), and an Ethernet pseudowire without control word begins with any address at all; so the
 * candidates are tried by whether what they lead to is possible. */
#include "decode/layer.h"

enum {
  ETHER_IPV4 = 0x0800,
  ETHER_IPV6 = 0x86dd,
  ETHER_PPP = 0x880b,    /* in GRE */
  ETHER_BRIDGE = 0x6558, /* transparent Ethernet bridging */
};

LaStep la_ether_next(LaWalk *w, uint16_t type)
{
  switch (type) {
  case ETHER_IPV4: return LA_STEP_IPV4;
  case ETHER_IPV6: return LA_STEP_IPV6;
  case 0x8100: /* 802.1Q */
  case 0x88a8: /* 802.1ad */
  case 0x9100: /* QinQ before 802.1ad */
  case 0x9200:
  case 0x9300: return LA_STEP_VLAN;
  case 0x8847: /* unicast; the next multicast, or upstream-assigned */
  case 0x8848: return LA_STEP_MPLS;
  case 0x8864: return LA_STEP_PPPOE;
  case 0x88e7: return LA_STEP_ITAG;
  case 0x893f: return LA_STEP_ETAG;
  case 0x8926: return LA_STEP_VNTAG;
  case 0x8903: return LA_STEP_FABRICPATH;
  case ETHER_BRIDGE: return LA_STEP_ETHERNET;
  case ETHER_PPP: return LA_STEP_PPP;
  default: break;
  }
  if (type > 1500)
    return la_walk_other(w);
  if (type != 0) /* an 802.3 length */
    la_walk_limit(w, type);
  return LA_STEP_LLC;
}

LaStep la_ethernet_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 14);
  return h == NULL ? la_walk_short(w, 14) : la_ether_next(w, la_be16(h + 12));
}

LaStep la_vlan_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_short(w, 4);
  la_walk_push(w, LA_ENCAP_VLAN, la_be16(h) & 0xfff);
  return la_ether_next(w, la_be16(h + 2));
}

/* Service instance in four bytes, then the customer's whole Ethernet frame. */
LaStep la_itag_step(LaWalk *w)
{
  return la_walk_skip(w, 4, LA_STEP_ETHERNET);
}

LaStep la_etag_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  return h == NULL ? la_walk_short(w, 8) : la_ether_next(w, la_be16(h + 6));
}

LaStep la_vntag_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 6);
  return h == NULL ? la_walk_short(w, 6) : la_ether_next(w, la_be16(h + 4));
}

/* Forwarding tag and TTL in two bytes, then the whole Ethernet frame. */
LaStep la_fabricpath_step(LaWalk *w)
{
  return la_walk_skip(w, 2, LA_STEP_ETHERNET);
}

/* Whether `w` may stand, `offset` bytes further, before an Ethernet header: its EtherType was captured and is a common one, and
 * where that is IP, IP may follow. */
static bool is_plausible(const LaWalk *w, size_t offset)
{
  LaWalk inner = *w;
  if (!la_cursor_skip(&inner.in, offset + 12))
    return false;
  uint16_t type = la_cursor_u16(&inner.in);
  for (int tags = 0; tags < 4 && (type == 0x8100 || type == 0x88a8 || type == 0x9100); tags++) {
    (void)la_cursor_u16(&inner.in);
    type = la_cursor_u16(&inner.in);
  }
  switch (type) {
  case ETHER_IPV4:
  case ETHER_IPV6: return la_cursor_peek_u8(&inner.in, 0) >> 4 == (type == ETHER_IPV4 ? 4 : 6) && la_ip_plausible(&inner);
  case 0x0806: /* ARP */
  case 0x8847:
  case 0x8848:
  case 0x8863:
  case 0x8864:
  case 0x88e7: return !inner.in.failed;
  default: return false;
  }
}

/* One label. */
LaStep la_mpls_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_short(w, 4);
  la_walk_push(w, LA_ENCAP_MPLS, la_be32(h) >> 12);
  if ((h[2] & 1) == 0)
    return LA_STEP_MPLS;
  if (la_walk_left(w) == 0)
    return la_walk_other(w);
  if (!la_cursor_has(&w->in, 1))
    return la_walk_short(w, 1);
  unsigned first = w->in.at[0] >> 4;
  if ((first == 4 || first == 6) && (la_ip_fills(w) || !is_plausible(w, 0)))
    return LA_STEP_IP;
  if (first == 0 && is_plausible(w, 4))
    return la_walk_skip(w, 4, LA_STEP_ETHERNET);
  if (is_plausible(w, 0))
    return LA_STEP_ETHERNET;
  /* Neither: too little of it was captured to tell, or it is something else (an associated channel, another kind of circuit). */
  return la_walk_left(w) > la_cursor_left(&w->in) && !la_cursor_has(&w->in, 36) ? (LaStep)LA_DECODED_CUT_SHORT
                                                                                : la_walk_other(w);
}

/* Service access points and control; with AA AA 03 an organization code and a protocol (SNAP). */
LaStep la_llc_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 3);
  if (h == NULL)
    return la_walk_short(w, 3);
  if (h[0] == 0x06 && h[1] == 0x06 && h[2] == 0x03)
    return LA_STEP_IPV4;
  if (h[0] != 0xaa || h[1] != 0xaa || h[2] != 0x03)
    return la_walk_other(w);
  const uint8_t *snap = la_cursor_take(&w->in, 5);
  if (snap == NULL)
    return la_walk_short(w, 5);
  uint32_t organization = la_be24(snap);
  uint16_t protocol = la_be16(snap + 3);
  if (organization == 0 || organization == 0x0000f8) /* Ethernet; 802.1H bridge tunnel */
    return protocol < 0x600 ? la_walk_other(w) : la_ether_next(w, protocol);
  if (organization == 0x0080c2 &&
      (protocol == 0x0001 || protocol == 0x0007)) /* 802.1: a bridged Ethernet frame, padded by two */
    return la_walk_skip(w, 2, LA_STEP_ETHERNET);
  return la_walk_other(w);
}

/* RFC 2516: version and type 1, code (0 in a session), session, length; then PPP. */
LaStep la_pppoe_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 6);
  if (h == NULL)
    return la_walk_short(w, 6);
  if (h[1] != 0)
    return la_walk_other(w); /* discovery */
  if (h[0] != 0x11)
    return la_walk_bad(w);
  la_walk_push(w, LA_ENCAP_PPPOE, la_be16(h + 2));
  la_walk_limit(w, la_be16(h + 4));
  return LA_STEP_PPP;
}

/* Address and control (ff 03) may be left out, and the protocol be cut to its last byte, which is odd (RFC 1661 6.5, 6.6). */
LaStep la_ppp_step(LaWalk *w)
{
  if (la_cursor_peek_u16(&w->in, 0) == 0xff03)
    (void)la_cursor_skip(&w->in, 2);
  uint16_t protocol = la_cursor_peek_u8(&w->in, 0);
  size_t len = (protocol & 1) != 0 && protocol != 0xff ? 1 : 2;
  if (len == 2)
    protocol = la_cursor_peek_u16(&w->in, 0);
  if (!la_cursor_skip(&w->in, len))
    return la_walk_short(w, len);
  switch (protocol) {
  case 0x0021: return LA_STEP_IPV4;
  case 0x0057: return LA_STEP_IPV6;
  case 0x0281:
  case 0x0283: return LA_STEP_MPLS;
  default: return la_walk_other(w); /* control protocols; compressed and encrypted datagrams */
  }
}
