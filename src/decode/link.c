/* Link types: one row of the table for each LINKTYPE_ value of a capture file (tcpdump.org/linktypes.html).
 *
 * A row's function takes the link header and says what follows. Most link layers name the next protocol by an EtherType, so the
 * rest is shared with Ethernet. Link headers written by the capturing host rather than sent on a wire (loopback families, NFLOG)
 * may be in either byte order, and the file does not say which; there the order is told from the values. */
#include "decode/layer.h"

/* Address families of loopback and NFLOG headers; IPv6 has as many numbers as there are BSDs. */
enum {
  FAMILY_INET = 2,
  FAMILY_INET6_LINUX = 10,
  FAMILY_INET6_NETBSD = 24,
  FAMILY_INET6_FREEBSD = 28,
  FAMILY_INET6_DARWIN = 30,
};

/* ARPHRD_ values of Linux cooked captures in which the protocol field is no EtherType. */
enum {
  ARPHRD_80211 = 801,
  ARPHRD_80211_PRISM = 802,
  ARPHRD_80211_RADIOTAP = 803,
  ARPHRD_NETLINK_MONITOR = 824,
};

/* LINKTYPE_ values that other headers lead to. */
enum {
  LINK_IEEE80211 = 105,
  LINK_PRISM = 119,
  LINK_RADIOTAP = 127,
};

static LaStep step_of_family(const LaWalk *w, uint32_t family)
{
  switch (family) {
  case FAMILY_INET: return LA_STEP_IPV4;
  case FAMILY_INET6_LINUX:
  case FAMILY_INET6_NETBSD:
  case FAMILY_INET6_FREEBSD:
  case FAMILY_INET6_DARWIN: return LA_STEP_IPV6;
  default: return la_walk_other(w);
  }
}

/* NULL: a family in the capturing host's byte order; LOOP: in network order. Families are small, so that both are read alike. */
static LaStep link_null(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_short(w, 4);
  uint32_t family = la_be32(h);
  return step_of_family(w, family > 0xffff ? la_le32(h) : family);
}

static LaStep cooked_next(LaWalk *w, uint16_t arphrd, uint16_t protocol)
{
  switch (arphrd) {
  case ARPHRD_80211: w->link_type = LINK_IEEE80211; return LA_STEP_LINK;
  case ARPHRD_80211_PRISM: w->link_type = LINK_PRISM; return LA_STEP_LINK;
  case ARPHRD_80211_RADIOTAP: w->link_type = LINK_RADIOTAP; return LA_STEP_LINK;
  case ARPHRD_NETLINK_MONITOR: return la_walk_other(w);
  default: break;
  }
  if (protocol == 4) /* 802.2 LLC */
    return LA_STEP_LLC;
  return protocol < 0x600 ? la_walk_other(w) : la_ether_next(w, protocol);
}

/* Packet type, ARPHRD, address length, address (8), protocol. */
static LaStep link_linux_sll(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 16);
  return h == NULL ? la_walk_short(w, 16) : cooked_next(w, la_be16(h + 2), la_be16(h + 14));
}

/* Protocol, reserved, interface index (4), ARPHRD, packet type, address length, address (8). */
static LaStep link_linux_sll2(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 20);
  return h == NULL ? la_walk_short(w, 20) : cooked_next(w, la_be16(h + 8), la_be16(h));
}

/* Cisco HDLC: address 0x0f (unicast) or 0x8f (broadcast), control, EtherType. */
static LaStep link_c_hdlc(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_short(w, 4);
  uint16_t type = la_be16(h + 2);
  return type < 0x600 ? la_walk_other(w) : la_ether_next(w, type);
}

/* PPP in HDLC-like framing (RFC 1662); also used for Cisco HDLC, whose first byte no PPP frame has. */
static LaStep link_ppp_serial(LaWalk *w)
{
  uint8_t address = la_cursor_peek_u8(&w->in, 0);
  return address == 0x0f || address == 0x8f ? link_c_hdlc(w) : la_ppp_step(w);
}

/* Frame control, two addresses of six bytes, LLC. */
static LaStep link_fddi(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 13);
  if (h == NULL)
    return la_walk_short(w, 13);
  return (h[0] & 0x70) == 0x50 ? LA_STEP_LLC : la_walk_other(w);
}

/* ARCNET after its addresses: protocol, and with RFC 1201 a split flag and a sequence number. RFC 1201 cuts datagrams: split flag 0
 * is a whole one, odd the first part, even another part. A frame of a length that the hardware cannot send is stretched: its split
 * flag is 0xff, and protocol, split flag and sequence number stand there once more. */
static LaStep arcnet_next(LaWalk *w)
{
  enum {
    IP_RFC1051 = 240,
    IPV6_RFC1201 = 196,
    IP_RFC1201 = 212
  };
  const uint8_t *h = la_cursor_take(&w->in, 1);
  if (h == NULL)
    return la_walk_short(w, 1);
  if (h[0] == IP_RFC1051)
    return LA_STEP_IPV4;
  if (h[0] != IP_RFC1201 && h[0] != IPV6_RFC1201)
    return la_walk_other(w);
  const uint8_t *split = la_cursor_take(&w->in, 3);
  if (split != NULL && split[0] == 0xff) {
    if (!la_cursor_skip(&w->in, 1))
      return la_walk_short(w, 1);
    split = la_cursor_take(&w->in, 3);
  }
  if (split == NULL)
    return la_walk_short(w, 3);
  if (split[0] != 0 && (split[0] & 1) == 0)
    return (LaStep)LA_DECODED_FRAGMENT;
  if (split[0] != 0)
    w->fragment |= LA_FRAGMENT_OUTER;
  return h[0] == IP_RFC1201 ? LA_STEP_IPV4 : LA_STEP_IPV6;
}

static LaStep link_arcnet_bsd(LaWalk *w)
{
  return la_cursor_skip(&w->in, 2) ? arcnet_next(w) : la_walk_short(w, 2);
}

static LaStep link_arcnet_linux(LaWalk *w)
{
  return la_cursor_skip(&w->in, 4) ? arcnet_next(w) : la_walk_short(w, 4);
}

/* Magic "MGC", flags; flag 0x80: a length and that many bytes of extensions; flag 0x02: four bytes of protocol and then IP instead
 * of the Ethernet header. */
static LaStep link_juniper_ethernet(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_short(w, 4);
  if (la_be24(h) != 0x4d4743)
    return la_walk_bad(w);
  if ((h[3] & 0x80) != 0) {
    const uint8_t *length = la_cursor_take(&w->in, 2);
    if (length == NULL)
      return la_walk_short(w, 2);
    if (!la_cursor_skip(&w->in, la_be16(length)))
      return la_walk_short(w, la_be16(length));
  }
  if ((h[3] & 0x02) == 0)
    return LA_STEP_ETHERNET;
  if (!la_cursor_skip(&w->in, 4))
    return la_walk_short(w, 4);
  uint8_t version = la_cursor_peek_u8(&w->in, 0) >> 4;
  if (la_walk_left(w) != 0 && !la_cursor_has(&w->in, 1))
    return (LaStep)LA_DECODED_CUT_SHORT;
  return version == 4 || version == 6 ? LA_STEP_IP : la_walk_other(w);
}

/* IEEE 802.3br: eight bytes of preamble, of which the last two say what comes: 55 and a start delimiter before the beginning of an
 * Ethernet frame (d5: one that is never cut; e6, 4c, 7f, b3: whole or its first part), or a continuation's own pair. Four bytes
 * of check sequence end it. */
static LaStep link_mpacket(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  bool express = h[6] == 0x55 && h[7] == 0xd5;
  bool start = h[6] == 0x55 && (h[7] == 0xe6 || h[7] == 0x4c || h[7] == 0x7f || h[7] == 0xb3);
  bool continued = h[6] == 0x61 || h[6] == 0x52 || h[6] == 0x9e || h[6] == 0x2a;
  if (continued)
    return (LaStep)LA_DECODED_FRAGMENT;
  if (!express && !start)
    return la_walk_other(w); /* verify and respond */
  if (start)
    w->fragment |= LA_FRAGMENT_OUTER; /* whether it is whole, only its check sequence tells */
  uint64_t left = la_walk_left(w);
  if (w->packet->fcs_len <= 0 && left >= 4)
    la_walk_limit(w, left - 4);
  return LA_STEP_ETHERNET;
}

/* IPoIB as Linux hands it out: forty bytes in the place of the global route header, then EtherType and two reserved bytes. */
static LaStep link_ipoib(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 44);
  if (h == NULL)
    return la_walk_short(w, 44);
  uint16_t type = la_be16(h + 40);
  return type < 0x600 ? la_walk_other(w) : la_ether_next(w, type);
}

/* InfiniBand from its local route header on: an unreliable datagram of IPoIB (RFC 4391) has, after the optional global route
 * header, the base and the datagram transport header, and then EtherType and two reserved bytes that are 0. */
static LaStep link_infiniband(LaWalk *w)
{
  const uint8_t *lrh = la_cursor_take(&w->in, 8);
  if (lrh == NULL)
    return la_walk_short(w, 8);
  unsigned next_header = lrh[1] & 3;
  if (next_header < 2) /* 0, 1: raw packets */
    return la_walk_other(w);
  if (next_header == 3 && !la_cursor_skip(&w->in, 40))
    return la_walk_short(w, 40);
  const uint8_t *bth = la_cursor_take(&w->in, 12);
  if (bth == NULL)
    return la_walk_short(w, 12);
  if (bth[0] != 0x64 && bth[0] != 0x65) /* unreliable datagram: send only, and the same with four bytes of immediate data */
    return la_walk_other(w);
  size_t rest = bth[0] == 0x64 ? 8 : 12;
  if (!la_cursor_skip(&w->in, rest))
    return la_walk_short(w, rest);
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_left(w) < 4 ? la_walk_other(w) : la_walk_short(w, 4);
  uint16_t type = la_be16(h);
  return type < 0x600 || la_be16(h + 2) != 0 ? la_walk_other(w) : la_ether_next(w, type);
}

/* NFLOG: family, version, group, then attributes of length (with their own four bytes), type and value, each padded to four
 * bytes, in the byte order of the host that logged. Type 1 begins with the EtherType, type 9 is the packet from its network
 * header on. */
static LaStep link_nflog(LaWalk *w)
{
  enum {
    ATTRIBUTE_HEADER = 1,
    ATTRIBUTE_PAYLOAD = 9
  };
  const uint8_t *h = la_cursor_take(&w->in, 4);
  if (h == NULL)
    return la_walk_short(w, 4);
  if (h[1] != 0)
    return la_walk_other(w);
  uint16_t ether_type = 0;
  while (la_walk_left(w) != 0) {
    const uint8_t *a = la_cursor_take(&w->in, 4);
    if (a == NULL)
      return la_walk_short(w, 4);
    /* Types are below 256, and their high byte has but two flag bits: only one order gives that. */
    bool little = (a[3] & 0x3f) == 0 && a[2] != 0;
    unsigned len = little ? (unsigned)(a[1] << 8 | a[0]) : la_be16(a);
    unsigned type = little ? a[2] : a[3];
    if (len < 4)
      return la_walk_bad(w);
    if (type == ATTRIBUTE_PAYLOAD) {
      la_walk_limit(w, len - 4);
      LaStep step = step_of_family(w, h[0]);
      return step != (LaStep)LA_DECODED_NOT_IP || ether_type < 0x600 ? step : la_ether_next(w, ether_type);
    }
    if (type == ATTRIBUTE_HEADER && len >= 6)
      ether_type = la_cursor_peek_u16(&w->in, 0);
    size_t padded = ((len + 3) & ~3u) - 4;
    if (la_walk_left(w) < padded && la_walk_left(w) >= len - 4)
      break; /* the last one need not be padded */
    if (!la_cursor_skip(&w->in, padded))
      return la_walk_short(w, padded);
  }
  return la_walk_other(w);
}

typedef LaStep LinkFunction(LaWalk *w);

/* THE TABLE: a link type is understood when it has a row here. */
static LinkFunction *const link_types[] = {
    [0] = link_null,               /* NULL: BSD loopback */
    [1] = la_ethernet_step,        /* ETHERNET */
    [7] = link_arcnet_bsd,         /* ARCNET_BSD */
    [9] = la_ppp_step,             /* PPP */
    [10] = link_fddi,              /* FDDI */
    [12] = la_ip_step,             /* RAW, as some systems number it */
    [14] = la_ip_step,             /* RAW, as others do */
    [50] = link_ppp_serial,        /* PPP_HDLC */
    [51] = la_pppoe_step,          /* PPP_ETHER: PPPoE without the Ethernet header */
    [101] = la_ip_step,            /* RAW */
    [104] = link_c_hdlc,           /* C_HDLC */
    [105] = la_wifi_step,          /* IEEE802_11 */
    [108] = link_null,             /* LOOP: OpenBSD loopback */
    [113] = link_linux_sll,        /* LINUX_SLL */
    [119] = la_link_prism,         /* IEEE802_11_PRISM */
    [127] = la_link_radiotap,      /* IEEE802_11_RADIOTAP */
    [129] = link_arcnet_linux,     /* ARCNET_LINUX */
    [163] = la_link_avs,           /* IEEE802_11_AVS */
    [178] = link_juniper_ethernet, /* JUNIPER_ETHER */
    [192] = la_link_ppi,           /* PPI */
    [228] = la_ipv4_step,          /* IPV4 */
    [229] = la_ipv6_step,          /* IPV6 */
    [239] = link_nflog,            /* NFLOG */
    [242] = link_ipoib,            /* IPOIB */
    [247] = link_infiniband,       /* INFINIBAND */
    [274] = link_mpacket,          /* ETHERNET_MPACKET */
    [276] = link_linux_sll2,       /* LINUX_SLL2 */
};

static LinkFunction *link_function(uint16_t link_type)
{
  return link_type < sizeof link_types / sizeof link_types[0] ? link_types[link_type] : NULL;
}

bool la_decode_knows_link_type(uint16_t link_type)
{
  return link_function(link_type) != NULL;
}

LaStep la_link_step(LaWalk *w)
{
  LinkFunction *function = link_function(w->link_type);
  return function != NULL ? function(w) : la_walk_other(w);
}
