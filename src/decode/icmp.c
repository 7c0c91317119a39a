/* ICMP and ICMPv6 errors, which quote the beginning of the packet that they complain of (RFC 792, RFC 4443).
 *
 * Of a quote at least eight bytes after the IP header are there: both ports and the sequence number. The quote is never counted as a
 * segment. A redirect, though it quotes too, is no error: the packet was forwarded. Everything else of ICMP is not TCP, and so is an
 * error that quotes something else or whose quote was cut. */
#include "decode/layer.h"

enum {
  ICMP_UNREACHABLE = 3,
  ICMP_SOURCE_QUENCH = 4,
  ICMP_TIME_EXCEEDED = 11,
  ICMP_PARAMETER_PROBLEM = 12,
  ICMP_CODE_FRAGMENTATION_NEEDED = 4,
  ICMPV6_UNREACHABLE = 1,
  ICMPV6_PACKET_TOO_BIG = 2,
  ICMPV6_TIME_EXCEEDED = 3,
  ICMPV6_PARAMETER_PROBLEM = 4,
};

enum {
  PROTOCOL_TCP = 6
};

/* The quoted TCP header begins at `quote`: fills the error and ends the walk. */
static LaStep quoted_tcp(LaWalk *w, LaCursor quote, const uint8_t *icmp)
{
  const uint8_t *ports = la_cursor_take(&quote, 4);
  if (ports == NULL)
    return (LaStep)LA_DECODED_NOT_TCP;
  const LaSegment *outer = w->segment;
  LaIcmpError *error = w->icmp;
  error->time = w->packet->time;
  error->frame = w->packet->frame;
  error->reporter = outer->src;
  error->quoted_src_port = la_be16(ports);
  error->quoted_dst_port = la_be16(ports + 2);
  error->has_seq = la_cursor_has(&quote, 4);
  error->quoted_seq = la_cursor_u32(&quote);
  error->family = outer->family;
  error->type = icmp[0];
  error->code = icmp[1];
  error->ttl = outer->ttl;
  error->tunnel_hash = outer->tunnel_hash;
  return (LaStep)LA_DECODED_ICMP;
}

LaStep la_icmp_step(LaWalk *w)
{
  const uint8_t *icmp = la_cursor_take(&w->in, 8);
  if (icmp == NULL)
    return (LaStep)LA_DECODED_NOT_TCP;
  uint8_t type = icmp[0];
  if (type != ICMP_UNREACHABLE && type != ICMP_SOURCE_QUENCH && type != ICMP_TIME_EXCEEDED && type != ICMP_PARAMETER_PROBLEM)
    return (LaStep)LA_DECODED_NOT_TCP;
  LaCursor quote = w->in;
  const uint8_t *ip = la_cursor_take(&quote, 20);
  if (ip == NULL || ip[0] >> 4 != 4 || (ip[0] & 0xf) < 5 || ip[9] != PROTOCOL_TCP || (la_be16(ip + 6) & 0x1fff) != 0)
    return (LaStep)LA_DECODED_NOT_TCP;
  if (!la_cursor_skip(&quote, (ip[0] & 0xfu) * 4 - 20))
    return (LaStep)LA_DECODED_NOT_TCP;
  LaIcmpError *error = w->icmp;
  error->quoted_src = (LaAddr){0};
  error->quoted_dst = (LaAddr){0};
  memcpy(error->quoted_src.bytes, ip + 12, 4);
  memcpy(error->quoted_dst.bytes, ip + 16, 4);
  error->mtu = type == ICMP_UNREACHABLE && icmp[1] == ICMP_CODE_FRAGMENTATION_NEEDED ? la_be16(icmp + 6) : 0;
  return quoted_tcp(w, quote, icmp);
}

/* Whether `quote` stands before TCP after the extension headers that the quoted packet had, the first of them of type `next`. */
static bool skip_extensions(LaCursor *quote, uint8_t next)
{
  for (int headers = 0; headers < LA_WALK_DEPTH && next != PROTOCOL_TCP; headers++) {
    const uint8_t *h = la_cursor_take(quote, 8); /* no extension header is shorter */
    if (h == NULL)
      return false;
    size_t rest;
    switch (next) {
    case 0:   /* hop-by-hop options */
    case 43:  /* routing */
    case 60:  /* destination options */
    case 135: /* mobility */
    case 139: /* HIP */
    case 140: /* shim6 */ rest = h[1] * 8u; break;
    case 44: /* fragment; only the first has the TCP header */
      if (la_be16(h + 2) >> 3 != 0)
        return false;
      rest = 0;
      break;
    case 51: /* authentication, counted in fours */ rest = h[1] * 4u; break;
    default: return false;
    }
    if (!la_cursor_skip(quote, rest))
      return false;
    next = h[0];
  }
  return next == PROTOCOL_TCP;
}

LaStep la_icmpv6_step(LaWalk *w)
{
  const uint8_t *icmp = la_cursor_take(&w->in, 8);
  if (icmp == NULL || icmp[0] < ICMPV6_UNREACHABLE || icmp[0] > ICMPV6_PARAMETER_PROBLEM)
    return (LaStep)LA_DECODED_NOT_TCP;
  LaCursor quote = w->in;
  const uint8_t *ip = la_cursor_take(&quote, 40);
  if (ip == NULL || ip[0] >> 4 != 6 || !skip_extensions(&quote, ip[6]))
    return (LaStep)LA_DECODED_NOT_TCP;
  LaIcmpError *error = w->icmp;
  memcpy(error->quoted_src.bytes, ip + 8, 16);
  memcpy(error->quoted_dst.bytes, ip + 24, 16);
  error->mtu = icmp[0] == ICMPV6_PACKET_TOO_BIG ? la_be32(icmp + 4) : 0;
  return quoted_tcp(w, quote, icmp);
}
