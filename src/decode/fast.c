/* The common case in one go: Ethernet with at most four VLAN tags, IPv4 without options and not in fragments or IPv6 without extension
 * headers, and TCP of which the fixed header was captured. Anything else, and anything odd, is left to the walk: nothing is
 * decided here but that a packet is a segment. */
#include "decode/layer.h"

enum {
  MAX_TAGS = 4
};

static inline bool is_tag(uint16_t type)
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

/* TCP at `in`, which is `len` bytes by the IP header; the packet has `wire_left` bytes left on the wire. */
static inline bool fast_tcp(LaCursor *in, uint32_t len, uint64_t wire_left, LaSegment *segment)
{
  size_t captured = la_cursor_left(in) < len ? la_cursor_left(in) : len;
  const uint8_t *tcp = la_cursor_take(in, 20);
  return tcp != NULL && len <= wire_left && captured >= 20 && la_tcp_fill(segment, tcp, captured, len);
}

bool la_fast_decode(const LaPacketView *packet, LaSegment *segment)
{
  LaCursor in = la_cursor_init(packet->data, packet->captured_len);
  const uint8_t *ether = la_cursor_take(&in, 14);
  if (ether == NULL)
    return false;
  la_segment_begin(segment, packet);
  uint16_t type = la_be16(ether + 12);
  if (is_tag(type))
    type = take_tags(&in, type, segment);
  uint64_t wire_len = la_packet_wire_len(packet);
  if (type == 0x0800) {
    const uint8_t *h = la_cursor_take(&in, 20);
    if (h == NULL || h[0] != 0x45 || h[9] != 6 || (la_be16(h + 6) & 0x3fff) != 0)
      return false;
    uint16_t total = la_be16(h + 2);
    uint64_t before = (uint64_t)(in.at - packet->data);
    if (total < 40 || before > wire_len)
      return false;
    la_segment_addr_ipv4(segment, h);
    segment->ip_id = la_be16(h + 4);
    segment->ttl = h[8];
    return fast_tcp(&in, total - 20u, wire_len - before, segment);
  }
  if (type == 0x86dd) {
    const uint8_t *h = la_cursor_take(&in, 40);
    if (h == NULL || h[0] >> 4 != 6 || h[6] != 6)
      return false;
    uint16_t payload = la_be16(h + 4);
    uint64_t before = (uint64_t)(in.at - packet->data);
    if (payload < 20 || before > wire_len)
      return false;
    la_segment_addr_ipv6(segment, h);
    segment->ip_id = 0;
    segment->ttl = h[7];
    return fast_tcp(&in, payload, wire_len - before, segment);
  }
  return false;
}
