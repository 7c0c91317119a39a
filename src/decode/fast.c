/* The common case in one go: Ethernet with at most four VLAN tags, IPv4 without options and not in fragments or IPv6 without extension
 * headers, and TCP of which the fixed header was captured. Anything else, and anything odd, is left to the walk: nothing is
 * decided here but that a packet is a segment.
 *
 * The shortest such packet is known, so that one bounds check lets the cursor give out its headers together. Tagged packets are
 * decoded apart, which keeps the loop over the others small. */
#include <glib.h>

#include "decode/layer.h"

enum {
  LINK_ETHERNET = 1,
  TYPE_IPV4 = 0x0800,
  TYPE_IPV6 = 0x86dd,
  PROTOCOL_TCP = 6,
  MAX_TAGS = 4,
  ETHERNET_LEN = 14,
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

/* A packet whose Ethernet header is followed by tags. */
static G_GNUC_NO_INLINE bool decode_tagged(const LaPacketView *packet, LaSegment *segment)
{
  LaCursor in = la_cursor_init(packet->data, packet->captured_len);
  (void)la_cursor_skip(&in, ETHERNET_LEN - 2);
  uint16_t type = take_tags(&in, la_cursor_u16(&in), segment);
  size_t before = (size_t)(in.at - packet->data);
  const uint8_t *h = la_cursor_take(&in, (type == TYPE_IPV4 ? IPV4_LEN : IPV6_LEN) + TCP_LEN);
  if (h == NULL)
    return false;
  if (type == TYPE_IPV4)
    return fast_ipv4(segment, packet, h, before, la_cursor_left(&in));
  return type == TYPE_IPV6 && fast_ipv6(segment, packet, h, before, la_cursor_left(&in));
}

/* Not inline: seen in a loop, gcc no longer joins the stores to neighbouring fields, which costs more than the call. */
G_GNUC_NO_INLINE bool la_fast_decode(const LaPacketView *packet, LaSegment *segment)
{
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
  return is_tag(type) && decode_tagged(packet, segment);
}

unsigned la_fast_decode_run(const LaPacketView *packets, unsigned count, LaSegment *segments)
{
  unsigned n = 0;
  while (n < count && packets[n].link_type == LINK_ETHERNET && la_fast_decode(&packets[n], &segments[n]))
    n++;
  return n;
}
