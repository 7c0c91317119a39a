/* Theory of operation.
 *
 * Frames come from kernels in namespaces of this program, over interfaces without offloads: one segment each, checksums filled in. They
 * are read with the checks that any packet deserves all the same. Whatever is changed afterwards has its checksums computed anew;
 * that is cheap at some thousand packets a second and cannot drift. */
#include "lab/packet.h"

#include <string.h>

#include "base/cursor.h"

enum {
  IPV4 = 20,
  IPV6 = 40,
  TCP = 20,
  ICMP = 8,
  PROTOCOL_ICMP = 1,
  PROTOCOL_TCP = 6,
  PROTOCOL_ICMPV6 = 58,
  ETHERTYPE_IPV4 = 0x0800,
  ETHERTYPE_IPV6 = 0x86dd,
  OPTION_END = 0,
  OPTION_NOP = 1,
  OPTION_FAST_OPEN = 34,
  UNREACHABLE = 3,
  UNREACHABLE_V6 = 1,
  QUOTE_MAX = 548,
};

static void put16(uint8_t *at, unsigned value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

static uint32_t sum(uint32_t start, const uint8_t *data, size_t len)
{
  for (size_t i = 0; i + 1 < len; i += 2)
    start += (uint32_t)data[i] << 8 | data[i + 1];
  if (len % 2 != 0)
    start += (uint32_t)data[len - 1] << 8;
  return start;
}

static unsigned fold(uint32_t total)
{
  while (total >> 16 != 0)
    total = (total & 0xffff) + (total >> 16);
  return ~total & 0xffff;
}

static bool is_ipv6(const LaPacket *packet)
{
  return packet->bytes[LA_PACKET_ETHER] >> 4 == 6;
}

/* The checksum of what follows the IP header, with the pseudo header of both IP versions. */
static unsigned upper_checksum(const LaPacket *packet, size_t at, unsigned protocol)
{
  const uint8_t *ip = packet->bytes + LA_PACKET_ETHER;
  size_t len = packet->len - at;
  uint32_t total = is_ipv6(packet) ? sum(0, ip + 8, 32) : sum(0, ip + 12, 8);
  return fold(sum(total + (uint32_t)len + protocol, packet->bytes + at, len));
}

static void seal_ipv4(LaPacket *packet)
{
  uint8_t *ip = packet->bytes + LA_PACKET_ETHER;
  if (is_ipv6(packet))
    return;
  put16(ip + 10, 0);
  put16(ip + 10, fold(sum(0, ip, (size_t)(ip[0] & 15) * 4)));
}

static void seal_tcp(LaPacket *packet)
{
  uint8_t *tcp = packet->bytes + packet->tcp;
  put16(tcp + 16, 0);
  put16(tcp + 16, upper_checksum(packet, packet->tcp, PROTOCOL_TCP));
  seal_ipv4(packet);
}

/* The lengths in the IP header, from the frame's. */
static void set_ip_len(LaPacket *packet)
{
  uint8_t *ip = packet->bytes + LA_PACKET_ETHER;
  if (is_ipv6(packet))
    put16(ip + 4, (unsigned)(packet->len - LA_PACKET_ETHER - IPV6));
  else
    put16(ip + 2, (unsigned)(packet->len - LA_PACKET_ETHER));
}

/* The IP header: addresses, TTL, and `ret_left` bytes behind it at `ret_tcp`. */
static bool read_ip(LaPacket *packet, size_t *ret_left)
{
  LaCursor c = la_cursor_init(packet->bytes, packet->len);
  la_cursor_skip(&c, LA_PACKET_ETHER - 2);
  unsigned type = la_cursor_u16(&c);
  const uint8_t *ip = c.at;
  if (type == ETHERTYPE_IPV4 && la_cursor_has(&c, IPV4)) {
    size_t head = (size_t)(ip[0] & 15) * 4, total = (size_t)ip[2] << 8 | ip[3];
    unsigned fragment = ((unsigned)ip[6] << 8 | ip[7]) & 0x3fff;
    if (ip[0] >> 4 != 4 || head < IPV4 || total < head || !la_cursor_has(&c, total) || ip[9] != PROTOCOL_TCP || fragment != 0)
      return false;
    packet->src.family = packet->dst.family = LA_FAMILY_IPV4;
    memcpy(packet->src.addr.bytes, ip + 12, 4);
    memcpy(packet->dst.addr.bytes, ip + 16, 4);
    packet->ttl = ip[8];
    packet->tcp = (uint16_t)(LA_PACKET_ETHER + head);
    *ret_left = total - head;
    return true;
  }
  if (type == ETHERTYPE_IPV6 && la_cursor_has(&c, IPV6)) {
    size_t total = (size_t)ip[4] << 8 | ip[5];
    if (ip[0] >> 4 != 6 || ip[6] != PROTOCOL_TCP || !la_cursor_has(&c, IPV6 + total))
      return false;
    packet->src.family = packet->dst.family = LA_FAMILY_IPV6;
    memcpy(packet->src.addr.bytes, ip + 8, 16);
    memcpy(packet->dst.addr.bytes, ip + 24, 16);
    packet->ttl = ip[7];
    packet->tcp = LA_PACKET_ETHER + IPV6;
    *ret_left = total;
    return true;
  }
  return false;
}

bool la_packet_read(const uint8_t *frame, size_t len, LaPacket *ret_packet)
{
  if (len == 0 || len > sizeof ret_packet->bytes)
    return false;
  memset(ret_packet, 0, sizeof *ret_packet);
  memcpy(ret_packet->bytes, frame, len);
  ret_packet->len = len;
  size_t left = 0;
  if (!read_ip(ret_packet, &left))
    return false;
  LaCursor c = la_cursor_init(ret_packet->bytes + ret_packet->tcp, left);
  ret_packet->src.port = la_cursor_u16(&c);
  ret_packet->dst.port = la_cursor_u16(&c);
  ret_packet->seq = la_cursor_u32(&c);
  ret_packet->ack = la_cursor_u32(&c);
  size_t head = (size_t)(la_cursor_u8(&c) >> 4) * 4;
  ret_packet->flags = la_cursor_u8(&c) & 63;
  ret_packet->window = la_cursor_u16(&c);
  if (c.failed || head < TCP || head > left)
    return false;
  ret_packet->payload_len = (uint16_t)(left - head);
  ret_packet->len = ret_packet->tcp + left; /* without padding */
  return true;
}

/* Ethernet and IP headers for `len` bytes of `protocol`. */
static void make_ip(LaPacket *packet, const LaPacketPlan *plan, unsigned protocol, size_t len)
{
  memset(packet, 0, sizeof *packet);
  uint8_t *ip = packet->bytes + LA_PACKET_ETHER;
  uint8_t ttl = plan->ttl != 0 ? plan->ttl : LA_PACKET_TTL;
  if (plan->src.family == LA_FAMILY_IPV6) {
    put16(packet->bytes + 12, ETHERTYPE_IPV6);
    ip[0] = 0x60;
    ip[6] = (uint8_t)protocol;
    ip[7] = ttl;
    memcpy(ip + 8, plan->src.addr.bytes, 16);
    memcpy(ip + 24, plan->dst.addr.bytes, 16);
    packet->tcp = LA_PACKET_ETHER + IPV6;
  } else {
    put16(packet->bytes + 12, ETHERTYPE_IPV4);
    ip[0] = 0x45;
    put16(ip + 4, plan->ip_id);
    ip[6] = 0x40; /* do not fragment */
    ip[8] = ttl;
    ip[9] = (uint8_t)protocol;
    memcpy(ip + 12, plan->src.addr.bytes, 4);
    memcpy(ip + 16, plan->dst.addr.bytes, 4);
    packet->tcp = LA_PACKET_ETHER + IPV4;
  }
  packet->len = packet->tcp + len;
  set_ip_len(packet);
}

void la_packet_make(const LaPacketPlan *plan, LaPacket *ret_packet)
{
  size_t options = plan->options_len <= 40 ? plan->options_len : 40;
  size_t payload = plan->payload_len <= 1000 ? plan->payload_len : 1000;
  make_ip(ret_packet, plan, PROTOCOL_TCP, TCP + options + payload);
  uint8_t *tcp = ret_packet->bytes + ret_packet->tcp;
  put16(tcp, plan->src.port);
  put16(tcp + 2, plan->dst.port);
  put32(tcp + 4, plan->seq);
  put32(tcp + 8, plan->ack);
  tcp[12] = (uint8_t)((TCP + options) / 4 << 4);
  tcp[13] = plan->flags;
  put16(tcp + 14, plan->window);
  if (options > 0)
    memcpy(tcp + TCP, plan->options, options);
  memset(tcp + TCP + options, 'x', payload);
  seal_tcp(ret_packet);
  ret_packet->src = plan->src;
  ret_packet->dst = plan->dst;
  ret_packet->seq = plan->seq;
  ret_packet->ack = plan->ack;
  ret_packet->flags = plan->flags;
  ret_packet->window = plan->window;
  ret_packet->payload_len = (uint16_t)payload;
  ret_packet->ttl = plan->ttl != 0 ? plan->ttl : LA_PACKET_TTL;
}

/* RFC 4443 section 3.1 for the codes of RFC 792 and RFC 1812. */
static unsigned code_of_ipv6(unsigned code)
{
  switch (code) {
  case 0: return 0;
  case 3: return 4;
  case 9:
  case 10:
  case 13: return 1;
  default: return 3;
  }
}

void la_packet_make_unreachable(const LaPacket *packet, const LaAddr *router, unsigned code, LaPacket *ret_packet)
{
  LaPacketPlan plan = {.src = {.addr = *router, .family = packet->src.family}, .dst = packet->src};
  bool six = packet->src.family == LA_FAMILY_IPV6;
  size_t quote = packet->len - LA_PACKET_ETHER;
  if (quote > QUOTE_MAX)
    quote = QUOTE_MAX;
  make_ip(ret_packet, &plan, six ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP, ICMP + quote);
  uint8_t *icmp = ret_packet->bytes + ret_packet->tcp;
  icmp[0] = six ? UNREACHABLE_V6 : UNREACHABLE;
  icmp[1] = (uint8_t)(six ? code_of_ipv6(code) : code);
  memcpy(icmp + ICMP, packet->bytes + LA_PACKET_ETHER, quote);
  put16(icmp + 2, six ? upper_checksum(ret_packet, ret_packet->tcp, PROTOCOL_ICMPV6) : fold(sum(0, icmp, ICMP + quote)));
  seal_ipv4(ret_packet);
  ret_packet->src = plan.src;
  ret_packet->dst = plan.dst;
}

bool la_packet_age(LaPacket *packet, unsigned hops)
{
  uint8_t *ttl = packet->bytes + LA_PACKET_ETHER + (is_ipv6(packet) ? 7 : 8);
  if (*ttl <= hops)
    return false;
  *ttl = (uint8_t)(*ttl - hops);
  packet->ttl = *ttl;
  seal_ipv4(packet);
  return true;
}

void la_packet_move_ack(LaPacket *packet, int32_t difference)
{
  packet->ack += (uint32_t)difference;
  put32(packet->bytes + packet->tcp + 8, packet->ack);
  seal_tcp(packet);
}

void la_packet_strip_fast_open(LaPacket *packet)
{
  uint8_t *tcp = packet->bytes + packet->tcp;
  size_t head = (size_t)(tcp[12] >> 4) * 4;
  for (size_t at = TCP; at < head && tcp[at] != OPTION_END;) {
    size_t len = tcp[at] == OPTION_NOP || at + 1 >= head ? 1 : tcp[at + 1];
    if (len == 0 || at + len > head)
      break;
    if (tcp[at] == OPTION_FAST_OPEN)
      memset(tcp + at, OPTION_NOP, len);
    at += len;
  }
  packet->payload_len = 0;
  packet->len = packet->tcp + head;
  set_ip_len(packet);
  seal_tcp(packet);
}

void la_packet_set_mac(LaPacket *packet, const uint8_t *dst, const uint8_t *src)
{
  memcpy(packet->bytes, dst, 6);
  memcpy(packet->bytes + 6, src, 6);
}
