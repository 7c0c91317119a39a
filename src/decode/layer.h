/* Internal to decode: the walk through the layers of one packet.
 *
 * A packet is a chain of headers. Each step takes one header off the front and says which kind of header comes next, or the
 * result. The loop over the steps (decoder.c) counts them, so no chain of headers, however it is forged, is followed further
 * than LA_WALK_DEPTH; no step calls another one.
 *
 * Two ends are known at every moment, both as offsets from the packet's first byte. `in.end` is where the captured bytes of the
 * current layer end, `wire_end` where the layer ended on the wire (by the lengths in the headers, and never beyond the packet's
 * length on the wire). A header that does not fit before `wire_end` is malformed; one that fits but was not captured is cut short. */
#ifndef LA_DECODE_LAYER_H
#define LA_DECODE_LAYER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cursor.h"
#include "capture/packet_view.h"
#include "decode/decoder.h"
#include "decode/segment.h"

/* How many headers are followed from the link to TCP. */
#define LA_WALK_DEPTH 32

/* What comes next. The values of LaDecodeResult come first, so that a result is also a step: the last one. */
typedef enum {
  LA_STEP_LINK = LA_DECODED_CUT_SHORT + 1, /* by `link_type` */
  LA_STEP_ETHERNET,
  LA_STEP_VLAN,
  LA_STEP_ITAG, /* 802.1ah */
  LA_STEP_ETAG, /* 802.1BR */
  LA_STEP_VNTAG,
  LA_STEP_FABRICPATH,
  LA_STEP_MPLS,
  LA_STEP_LLC,
  LA_STEP_PPPOE,
  LA_STEP_PPP,
  LA_STEP_WIFI, /* 802.11 */
  LA_STEP_IP,   /* IPv4 or IPv6 by its version */
  LA_STEP_IPV4,
  LA_STEP_IPV6,
  LA_STEP_OPTIONS,   /* IPv6 hop-by-hop or destination options */
  LA_STEP_EXTENSION, /* IPv6 mobility, HIP, shim6 */
  LA_STEP_ROUTING,
  LA_STEP_FRAGMENT,
  LA_STEP_AH,
  LA_STEP_GRE,
  LA_STEP_ERSPAN_2,
  LA_STEP_ERSPAN_3,
  LA_STEP_UDP,
  LA_STEP_VXLAN,
  LA_STEP_VXLAN_GPE,
  LA_STEP_GENEVE,
  LA_STEP_GTPU,
  LA_STEP_TEREDO,
  LA_STEP_AYIYA,
  LA_STEP_CAPWAP,
  LA_STEP_ICMP,
  LA_STEP_ICMPV6,
  LA_STEP_TCP,
  LA_STEP_N,
} LaStep;

/* Fragments met on the way. */
enum {
  LA_FRAGMENT_OUTER = 1 << 0, /* a layer below is the first part of something: what does not fit is in another packet */
  LA_FRAGMENT_INNER = 1 << 1, /* the innermost IP datagram is a first fragment */
};

/* Peculiarities of the 802.11 frame at hand. */
enum {
  LA_WIFI_DATA_PAD = 1 << 0, /* its header is padded to a multiple of four bytes */
};

typedef struct {
  LaCursor in;          /* the captured bytes of the layer at hand */
  uint64_t wire_end;    /* offset at which the layer at hand ended on the wire */
  uint64_t stated_end;  /* the same by the innermost IP header alone, whatever the packet's length on the wire */
  uint64_t ip_begin;    /* offset of the innermost IP header so far */
  const uint8_t *start; /* the packet's first byte; the offsets count from here */
  const LaPacketView *packet;
  const LaDecodeOptions *options;
  LaSegment *segment; /* addresses, family, TTL, IP ID and encapsulation are written here on the way */
  LaIcmpError *icmp;
  uint16_t link_type; /* for LA_STEP_LINK */
  uint8_t fragment;   /* LA_FRAGMENT_* */
  uint8_t wifi;       /* LA_WIFI_* */
  bool ip_seen;       /* some IP header was taken */
  bool guessed;       /* that there is another packet inside rests on a UDP port so far */
} LaWalk;

/* Big-endian numbers at a place that the cursor has already handed out. */
static inline uint16_t la_be16(const uint8_t *p)
{
  return (uint16_t)(p[0] << 8 | p[1]);
}

/* Whether the number at `p` has any of the bits of `mask`. */
static inline bool la_be16_has(const uint8_t *p, uint16_t mask)
{
  uint16_t raw;
  memcpy(&raw, p, sizeof raw);
  return (raw & GUINT16_TO_BE(mask)) != 0;
}

static inline uint32_t la_be24(const uint8_t *p)
{
  return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t la_be32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t la_be64(const uint8_t *p)
{
  uint64_t value;
  memcpy(&value, p, sizeof value);
  return GUINT64_FROM_BE(value);
}

static inline uint32_t la_le32(const uint8_t *p)
{
  return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* The offset of the next byte. */
static inline uint64_t la_walk_offset(const LaWalk *w)
{
  return (uint64_t)(w->in.at - w->start);
}

/* How many bytes were left on the wire, captured or not. */
static inline uint64_t la_walk_left(const LaWalk *w)
{
  uint64_t offset = la_walk_offset(w);
  return w->wire_end > offset ? w->wire_end - offset : 0;
}

/* The layer at hand ends `len` bytes from here: what follows is padding, a trailer or another packet. Never widens. */
static inline void la_walk_limit(LaWalk *w, uint64_t len)
{
  uint64_t end = la_walk_offset(w) + len;
  if (end < w->wire_end) {
    w->wire_end = end;
    if (len < la_cursor_left(&w->in))
      la_cursor_limit(&w->in, (size_t)len);
  }
}

/* The result for a field that lies. Below a UDP port it only means that the guess was wrong. */
static inline LaStep la_walk_bad(const LaWalk *w)
{
  return w->guessed ? (LaStep)LA_DECODED_NOT_TCP : (LaStep)LA_DECODED_MALFORMED;
}

/* The result when `need` bytes are not there. */
static inline LaStep la_walk_short(const LaWalk *w, uint64_t need)
{
  if (need <= la_walk_left(w))
    return (LaStep)LA_DECODED_CUT_SHORT;
  return (w->fragment & LA_FRAGMENT_OUTER) != 0 ? (LaStep)LA_DECODED_FRAGMENT : la_walk_bad(w);
}

/* The result when what comes next is neither IP nor leads there. */
static inline LaStep la_walk_other(const LaWalk *w)
{
  return w->ip_seen ? (LaStep)LA_DECODED_NOT_TCP : (LaStep)LA_DECODED_NOT_IP;
}

/* Skips `n` bytes and goes on with `next`, or with the result when they are not there. */
static inline LaStep la_walk_skip(LaWalk *w, size_t n, LaStep next)
{
  return la_cursor_skip(&w->in, n) ? next : la_walk_short(w, n);
}

/* An encapsulation was entered. Those past LA_ENCAP_MAX are not listed. The ids of kinds whose id is the same in both
 * directions go into the tunnel hash, all of them. */
void la_walk_push(LaWalk *w, LaEncapKind kind, uint32_t id);
void la_walk_push_plain(LaWalk *w, LaEncapKind kind); /* one without an id */

/* What a protocol number means: an EtherType (or, below 0x600, an 802.3 length: LLC), an IP protocol or next header, a PPP
 * protocol. LA_DECODED_NOT_IP or LA_DECODED_NOT_TCP when it leads nowhere. */
LaStep la_ether_next(LaWalk *w, uint16_t type);
LaStep la_ip_next(LaWalk *w, uint8_t protocol);

/* Whether `w` may stand before an IP packet: no captured field of version, header length and length contradicts it. */
bool la_ip_plausible(const LaWalk *w);

/* Whether `w` may stand before an IP packet that is exactly as long as what is left (in a first fragment: at least so long). */
bool la_ip_fills(const LaWalk *w);

/* Sets what every segment has from its packet, and the encapsulation to none. */
static inline void la_segment_begin(LaSegment *segment, const LaPacketView *packet)
{
  uint32_t interface = packet->interface < UINT16_MAX ? packet->interface : UINT16_MAX;
  segment->time = packet->time;
  segment->frame = packet->frame;
  segment->tunnel_hash = 0;
  segment->checksum_bad = 0;
  segment->fragment = 0;
  segment->encap_count = 0;
  segment->interface = (uint16_t)interface;
}

/* Sets the addresses of `segment` from an IPv4 or IPv6 header. */
static inline void la_segment_addr_ipv4(LaSegment *segment, const uint8_t *header)
{
  segment->src = (LaAddr){0};
  segment->dst = (LaAddr){0};
  memcpy(segment->src.bytes, header + 12, 4);
  memcpy(segment->dst.bytes, header + 16, 4);
  segment->family = LA_FAMILY_IPV4;
}

static inline void la_segment_addr_ipv6(LaSegment *segment, const uint8_t *header)
{
  memcpy(segment->src.bytes, header + 8, 16);
  memcpy(segment->dst.bytes, header + 24, 16);
  segment->family = LA_FAMILY_IPV6;
}

/* The packet's length on the wire without its check sequence. A file that says more was captured than there was is not believed. */
static inline uint64_t la_packet_wire_len(const LaPacketView *packet)
{
  uint64_t len = packet->wire_len > packet->captured_len ? packet->wire_len : packet->captured_len;
  uint64_t fcs = packet->fcs_len > 0 ? (uint64_t)packet->fcs_len : 0;
  return len > fcs ? len - fcs : 0;
}

/* Whether the first `len` bytes, at least 1, are within that length. */
static inline bool la_packet_has_on_wire(const LaPacketView *packet, uint64_t len)
{
  uint64_t end = len + (packet->fcs_len > 0 ? (uint64_t)packet->fcs_len : 0);
  return end <= packet->wire_len || end <= packet->captured_len;
}

/* The length of the TCP header at `tcp` by its data offset. */
static inline unsigned la_tcp_header_len(const uint8_t *tcp)
{
  return (unsigned)(la_be64(tcp + 8) >> 26) & 0x3c;
}

/* Fills the options of `segment` from the header at `tcp`, of which `captured` (at least 20) bytes are there; its `header_len` is
 * set and above 20. */
void la_tcp_fill_options(LaSegment *segment, const uint8_t *tcp, size_t captured);

/* Fills the TCP fields of `segment` from the header at `tcp`, of which `captured` (at least 20) bytes are there. Its data offset says
 * `header_len` bytes, at least 20 and at most `len`, the bytes of segment by the IP header. A header without options and one with
 * nothing but the timestamps in the layout that everybody sends (two no-operations before them) are read here. */
static inline void la_tcp_fill(LaSegment *segment, const uint8_t *tcp, size_t captured, unsigned header_len, uint32_t len)
{
  uint64_t ports_seq = la_be64(tcp);
  uint64_t ack_window = la_be64(tcp + 8);
  segment->seq = (uint32_t)ports_seq;
  segment->dst_port = (uint16_t)(ports_seq >> 32);
  segment->src_port = (uint16_t)(ports_seq >> 48);
  segment->ack = (uint32_t)(ack_window >> 32);
  segment->payload_len = len - header_len;
  segment->window = (uint16_t)ack_window;
  segment->flags = (uint16_t)(ack_window >> 16) & 0x1ff;
  segment->header_len = (uint8_t)header_len;
  segment->wscale = 0;
  segment->mss = 0;
  segment->sack_count = 0;
  segment->cookie_len = 0;
  if (header_len == 32 && captured >= 32 && la_be32(tcp + 20) == 0x0101080a) {
    uint64_t stamps = la_be64(tcp + 24);
    segment->ts_ecr = (uint32_t)stamps;
    segment->ts_val = (uint32_t)(stamps >> 32);
    segment->options = LA_OPT_TIMESTAMPS;
    return;
  }
  segment->ts_ecr = 0;
  segment->ts_val = 0;
  segment->options = 0;
  if (header_len > 20)
    la_tcp_fill_options(segment, tcp, captured);
}

/* Whether an option of this kind, with `len` bytes of value, is as long as its kind is; true for kinds that are not known. */
bool la_tcp_option_fits(uint8_t kind, const uint8_t *value, size_t len);

/* One's complement sums (RFC 1071), not complemented: of the bytes in `in`, and of the pseudo header of a segment of `len` bytes with
 * the addresses of `segment` (RFC 9293 3.1). */
uint16_t la_checksum_sum(LaCursor in);
uint16_t la_tcp_pseudo_sum(const LaSegment *segment, uint32_t len);

/* Whether the checksum of the `len` bytes of segment at `tcp` is wrong, with the pseudo header of `segment` (RFC 9293 3.1). */
bool la_tcp_checksum_wrong(const LaSegment *segment, const uint8_t *tcp, uint32_t len);

/* The common case in one go: Ethernet with VLAN tags, Linux cooked captures or bare IP, plain IPv4 or IPv6, TCP. False when the
 * packet is anything else, or is in any way odd; the walk then finds out. With true `segment` is filled exactly as the walk would
 * when no checksums are asked for. */
bool la_fast_decode(const LaPacketView *packet, LaSegment *segment);

/* The same for packets side by side until one is not the common case: how many were, so many of `segments` are filled. The one
 * behind them may be scribbled on. */
unsigned la_fast_decode_run(const LaPacketView *packets, unsigned count, LaSegment *segments);

/* Sets `w` before the packet's link header; all that `segment` and `icmp` (borrowed) will hold is written on the way. */
void la_walk_begin(LaWalk *w, const LaPacketView *packet, const LaDecodeOptions *options, LaSegment *segment,
                   LaIcmpError *icmp);

/* Walks to the result. With LA_DECODED_SEGMENT `w` then stands behind the fixed TCP header, `in` ends where the captured part of the
 * innermost datagram does. */
LaDecodeResult la_walk_run(LaWalk *w);

/* The general case: both in one. */
LaDecodeResult la_walk(const LaPacketView *packet, const LaDecodeOptions *options, LaSegment *ret_segment,
                       LaIcmpError *ret_icmp);

/* Mixes an id into a tunnel hash; never 0. */
uint32_t la_encap_mix(uint32_t hash, LaEncapKind kind, uint32_t id);

/* The link type table's row. */
LaStep la_link_step(LaWalk *w);

/* One function a step. Each finds `w` before its header. */
LaStep la_ethernet_step(LaWalk *w);
LaStep la_vlan_step(LaWalk *w);
LaStep la_itag_step(LaWalk *w);
LaStep la_etag_step(LaWalk *w);
LaStep la_vntag_step(LaWalk *w);
LaStep la_fabricpath_step(LaWalk *w);
LaStep la_mpls_step(LaWalk *w);
LaStep la_llc_step(LaWalk *w);
LaStep la_pppoe_step(LaWalk *w);
LaStep la_ppp_step(LaWalk *w);
LaStep la_wifi_step(LaWalk *w);
LaStep la_ip_step(LaWalk *w);
LaStep la_ipv4_step(LaWalk *w);
LaStep la_ipv6_step(LaWalk *w);
LaStep la_options_step(LaWalk *w);
LaStep la_extension_step(LaWalk *w);
LaStep la_routing_step(LaWalk *w);
LaStep la_fragment_step(LaWalk *w);
LaStep la_ah_step(LaWalk *w);
LaStep la_gre_step(LaWalk *w);
LaStep la_erspan_2_step(LaWalk *w);
LaStep la_erspan_3_step(LaWalk *w);
LaStep la_udp_step(LaWalk *w);
LaStep la_vxlan_step(LaWalk *w);
LaStep la_vxlan_gpe_step(LaWalk *w);
LaStep la_geneve_step(LaWalk *w);
LaStep la_gtpu_step(LaWalk *w);
LaStep la_teredo_step(LaWalk *w);
LaStep la_ayiya_step(LaWalk *w);
LaStep la_capwap_step(LaWalk *w);
LaStep la_icmp_step(LaWalk *w);
LaStep la_icmpv6_step(LaWalk *w);
LaStep la_tcp_step(LaWalk *w);

/* Link headers of 802.11 with something in front (link_wifi.c). */
LaStep la_link_radiotap(LaWalk *w);
LaStep la_link_prism(LaWalk *w);
LaStep la_link_avs(LaWalk *w);
LaStep la_link_ppi(LaWalk *w);

#endif
