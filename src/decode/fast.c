/* The common case in one go: Ethernet with at most four VLAN tags, Linux cooked captures and bare IP; IPv4 without options and not in
 * fragments or IPv6 without extension headers; TCP of which the fixed header was captured. Anything else, and anything odd, is left
 * to the walk: nothing is decided here but that a packet is a segment.
 *
 * Untagged Ethernet is what most captures are made of. Its shortest segment is known, so that one bounds check lets the cursor give
 * out the headers together. The others are decoded apart, which keeps that path small. */
#include <glib.h>

#include "decode/layer.h"

enum {
  LINK_ETHERNET = 1,
  LINK_RAW_BSD = 12,
  LINK_RAW_OPENBSD = 14,
  LINK_RAW = 101,
  LINK_LINUX_SLL = 113,
  LINK_IPV4 = 228,
  LINK_IPV6 = 229,
  LINK_LINUX_SLL2 = 276,
  ARPHRD_ETHERNET = 1,
  ARPHRD_LOOPBACK = 772,
  ARPHRD_NONE = 65534, /* tunnels */
  TYPE_IPV4 = 0x0800,
  TYPE_IPV6 = 0x86dd,
  PROTOCOL_TCP = 6,
  MAX_TAGS = 4,
  ETHERNET_LEN = 14,
  LINUX_SLL_LEN = 16,
  LINUX_SLL2_LEN = 20,
  IPV4_LEN = 20,
  IPV6_LEN = 40,
  TCP_LEN = 20,
};

#define INLINE static inline __attribute__((always_inline))

INLINE bool is_tag(uint16_t type)
{
  return type == 0x8100 || type == 0x88a8;
}

/* The tags at `in`, the first of them of type `type`: lists them in `segment` and returns the type of what follows. */
static uint16_t take_tags(LaCursor *in, uint16_t type, LaSegment *segment)
{
  while (is_tag(type) && segment->encap_count < MAX_TAGS) {
    uint32_t id = la_cursor_u16(in) & 0xfff;
    type = la_cursor_u16(in);
    segment->encap[segment->encap_count++] = (LaEncap){.id = id, .kind = LA_ENCAP_VLAN, .has_id = 1};
    if (id != 0)
      segment->tunnel_hash = la_encap_mix(segment->tunnel_hash, LA_ENCAP_VLAN, id);
  }
  return type;
}

/* IPv4 and the fixed TCP header at `h`, `before` bytes into the packet; `behind` bytes more were captured. */
INLINE bool fast_ipv4(LaSegment *segment, const LaPacketView *packet, const uint8_t *h, size_t before, size_t behind)
{
  uint32_t total = la_be16(h + 2);
  unsigned header_len = la_tcp_header_len(h + IPV4_LEN);
  if (G_UNLIKELY(h[0] != 0x45 || h[9] != PROTOCOL_TCP || la_be16_has(h + 6, 0x3fff) || header_len < TCP_LEN ||
                 header_len + IPV4_LEN > total || !la_packet_has_on_wire(packet, before + total)))
    return false;
  la_segment_addr_ipv4(segment, h);
  segment->ip_id = la_be16(h + 4);
  segment->ttl = h[8];
  la_tcp_fill(segment, h + IPV4_LEN, TCP_LEN + behind, header_len, total - IPV4_LEN);
  return true;
}

/* The same for IPv6. */
INLINE bool fast_ipv6(LaSegment *segment, const LaPacketView *packet, const uint8_t *h, size_t before, size_t behind)
{
  uint32_t payload = la_be16(h + 4);
  unsigned header_len = la_tcp_header_len(h + IPV6_LEN);
  if (G_UNLIKELY(h[0] >> 4 != 6 || h[6] != PROTOCOL_TCP || header_len < TCP_LEN || header_len > payload ||
                 !la_packet_has_on_wire(packet, before + IPV6_LEN + payload)))
    return false;
  la_segment_addr_ipv6(segment, h);
  segment->ip_id = 0;
  segment->ttl = h[7];
  la_tcp_fill(segment, h + IPV6_LEN, TCP_LEN + behind, header_len, payload);
  return true;
}

/* The EtherType that a cooked header gives; 0 for kinds of devices whose packets may be something else. */
static uint16_t cooked_type(uint16_t arphrd, uint16_t type)
{
  return arphrd == ARPHRD_ETHERNET || arphrd == ARPHRD_LOOPBACK || arphrd == ARPHRD_NONE ? type : 0;
}

/* Takes the link header and returns the EtherType of what follows; 0 when it is not for here. */
static uint16_t take_link(LaCursor *in, uint16_t link_type)
{
  const uint8_t *h;
  switch (link_type) {
  case LINK_ETHERNET: h = la_cursor_take(in, ETHERNET_LEN); return h != NULL ? la_be16(h + 12) : 0;
  case LINK_LINUX_SLL:
    h = la_cursor_take(in, LINUX_SLL_LEN);
    return h != NULL ? cooked_type(la_be16(h + 2), la_be16(h + 14)) : 0;
  case LINK_LINUX_SLL2: h = la_cursor_take(in, LINUX_SLL2_LEN); return h != NULL ? cooked_type(la_be16(h + 8), la_be16(h)) : 0;
  case LINK_RAW_BSD:
  case LINK_RAW_OPENBSD:
  case LINK_RAW: return la_cursor_peek_u8(in, 0) >> 4 == 4 ? TYPE_IPV4 : TYPE_IPV6;
  case LINK_IPV4: return TYPE_IPV4;
  case LINK_IPV6: return TYPE_IPV6;
  default: return 0;
  }
}

/* Any of these but untagged Ethernet. */
static G_GNUC_NO_INLINE bool decode_apart(const LaPacketView *packet, LaSegment *segment)
{
  LaCursor in = la_cursor_init(packet->data, packet->captured_len);
  la_segment_begin(segment, packet);
  uint16_t type = take_link(&in, packet->link_type);
  if (is_tag(type))
    type = take_tags(&in, type, segment);
  if (type != TYPE_IPV4 && type != TYPE_IPV6)
    return false;
  size_t before = (size_t)(in.at - packet->data);
  const uint8_t *h = la_cursor_take(&in, (type == TYPE_IPV4 ? IPV4_LEN : IPV6_LEN) + TCP_LEN);
  if (h == NULL)
    return false;
  return type == TYPE_IPV4 ? fast_ipv4(segment, packet, h, before, la_cursor_left(&in))
                           : fast_ipv6(segment, packet, h, before, la_cursor_left(&in));
}

/* Not inline: seen in a loop, gcc no longer joins the stores to neighbouring fields, which costs more than the call. */
G_GNUC_NO_INLINE bool la_fast_decode(const LaPacketView *packet, LaSegment *segment)
{
  if (packet->link_type != LINK_ETHERNET)
    return decode_apart(packet, segment);
  LaCursor in = la_cursor_init(packet->data, packet->captured_len);
  if (G_UNLIKELY(!la_cursor_has(&in, ETHERNET_LEN + IPV4_LEN + TCP_LEN)))
    return false;
  const uint8_t *ether = la_cursor_take(&in, ETHERNET_LEN + IPV4_LEN + TCP_LEN);
  la_segment_begin(segment, packet);
  uint16_t type = la_be16(ether + 12);
  if (G_LIKELY(type == TYPE_IPV4))
    return fast_ipv4(segment, packet, ether + ETHERNET_LEN, ETHERNET_LEN, la_cursor_left(&in));
  if (type == TYPE_IPV6)
    return la_cursor_skip(&in, IPV6_LEN - IPV4_LEN) &&
           fast_ipv6(segment, packet, ether + ETHERNET_LEN, ETHERNET_LEN, la_cursor_left(&in));
  return is_tag(type) && decode_apart(packet, segment);
}

unsigned la_fast_decode_run(const LaPacketView *packets, unsigned count, LaSegment *segments)
{
  unsigned n = 0;
  while (n < count && la_fast_decode(&packets[n], &segments[n]))
    n++;
  return n;
}
