/* One TCP segment as a plain value: no pointers, host byte order, may be copied. */
#ifndef LA_DECODE_SEGMENT_H
#define LA_DECODE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

/* TCP flags as in the header; the reserved bit AE (formerly NS) is bit 8. */
enum {
  LA_TCP_FIN = 0x01,
  LA_TCP_SYN = 0x02,
  LA_TCP_RST = 0x04,
  LA_TCP_PSH = 0x08,
  LA_TCP_ACK = 0x10,
  LA_TCP_URG = 0x20,
  LA_TCP_ECE = 0x40,
  LA_TCP_CWR = 0x80,
  LA_TCP_AE = 0x100,
};

/* Which options the header carried. */
enum {
  LA_OPT_MSS = 1 << 0,
  LA_OPT_WSCALE = 1 << 1,
  LA_OPT_SACK_PERMITTED = 1 << 2,
  LA_OPT_SACK = 1 << 3,
  LA_OPT_TIMESTAMPS = 1 << 4,
  LA_OPT_FAST_OPEN = 1 << 5, /* kind 34, or the experimental form (kind 254, 0xF989) */
  LA_OPT_MD5 = 1 << 6,       /* RFC 2385 */
  LA_OPT_AO = 1 << 7,        /* RFC 5925 */
  LA_OPT_MPTCP = 1 << 8,     /* RFC 8684 */
  LA_OPT_OTHER = 1 << 9,     /* any other but end and no-operation */
  LA_OPT_CUT = 1 << 10,      /* the header was not wholly captured: absent options are not known to be absent */
  LA_OPT_BAD = 1 << 11,      /* the option list is malformed */
};
/* Options of which two packets that are alike otherwise may have different values. (The others stand in fields of their own, or are changed
 * on the way, as the MSS is.) */
#define LA_OPT_HASHED (LA_OPT_SACK | LA_OPT_FAST_OPEN | LA_OPT_MD5 | LA_OPT_AO | LA_OPT_MPTCP | LA_OPT_OTHER)

/* What lay between the link and the innermost IP header, outermost first; CONTRACT's words for `encapsulation`. */
typedef enum {
  LA_ENCAP_VLAN,  /* id: VLAN */
  LA_ENCAP_MPLS,  /* id: label */
  LA_ENCAP_PPPOE, /* id: session; written without it */
  LA_ENCAP_IPIP,  /* IPv4 in IPv4 */
  LA_ENCAP_6IN4,
  LA_ENCAP_4IN6,
  LA_ENCAP_6IN6,   /* written as "ipip" */
  LA_ENCAP_GRE,    /* has_id: with its key */
  LA_ENCAP_ERSPAN, /* id: session */
  LA_ENCAP_NVGRE,  /* id: virtual subnet */
  LA_ENCAP_VXLAN,  /* id: VNI */
  LA_ENCAP_GENEVE, /* id: VNI */
  LA_ENCAP_GTPU,   /* id: TEID, differs by direction */
  LA_ENCAP_TEREDO,
  LA_ENCAP_AYIYA,
  LA_ENCAP_CAPWAP,
  LA_ENCAP_AH,
  LA_ENCAP_N,
} LaEncapKind;

typedef struct {
  uint32_t id;
  uint8_t kind; /* LaEncapKind */
  uint8_t has_id;
} LaEncap;

#define LA_ENCAP_MAX 16
#define LA_SACK_MAX 4

/* What is asked of every segment stands in the first 100 bytes, in an order that suits the decoder: neighbours in the header are
 * neighbours here, the other way round, so that on a little-endian machine one swapped load fills several fields. */
typedef struct {
  LaTime time;
  uint64_t frame;
  LaAddr src;
  LaAddr dst;
  uint32_t seq;
  uint16_t dst_port;
  uint16_t src_port;
  uint32_t ack;         /* meaningless without LA_TCP_ACK */
  uint32_t payload_len; /* from the IP length; on the wire's word for offloaded packets with IP length 0 */
  uint32_t ts_ecr;
  uint32_t ts_val;       /* with LA_OPT_TIMESTAMPS */
  uint16_t window;       /* as sent, unscaled */
  uint16_t flags;        /* LA_TCP_* */
  uint16_t options;      /* LA_OPT_* */
  uint16_t ip_id;        /* IPv4 identification; 0 with IPv6 */
  uint8_t header_len;    /* TCP header in bytes */
  uint8_t ttl;           /* of the innermost IP header: TTL or hop limit */
  uint8_t family;        /* LaFamily of the innermost IP header */
  uint8_t wscale;        /* with LA_OPT_WSCALE: the shift, 0-255 as sent */
  uint16_t mss;          /* with LA_OPT_MSS */
  uint8_t sack_count;    /* with LA_OPT_SACK: blocks that were captured */
  uint8_t cookie_len;    /* with LA_OPT_FAST_OPEN: bytes of cookie (0: a request) */
  uint32_t tunnel_hash;  /* hash of those ids of `encap` that are the same in both directions (VLAN, VNI, GRE key); 0: none */
  uint16_t checksum_bad; /* 1: the TCP checksum was verified and is wrong; 0: right, or not verified */
  uint8_t fragment;      /* 1: the first fragment of a datagram */
  uint8_t encap_count;
  uint16_t interface;          /* index of the capture's interface (65535: that or a later one) */
  uint16_t option_hash;        /* with any of LA_OPT_HASHED: of the bytes of these, as far as captured whole */
  LaEncap encap[LA_ENCAP_MAX]; /* only the first encap_count are set */
  struct {
    uint32_t left, right;
  } sack[LA_SACK_MAX]; /* only the first sack_count are set */
} LaSegment;

/* An ICMP or ICMPv6 error that quotes a TCP header. `src` and the rest of the quote are those of the quoted packet: it was sent
 * by `quoted_src` to `quoted_dst`; `reporter` sent the error. */
typedef struct {
  LaTime time;
  uint64_t frame;
  LaAddr reporter;
  LaAddr quoted_src;
  LaAddr quoted_dst;
  uint16_t quoted_src_port;
  uint16_t quoted_dst_port;
  uint32_t quoted_seq; /* 0 and has_seq false when the quote was too short */
  uint8_t has_seq;
  uint8_t family; /* of the error and, as a rule, of the quote */
  uint8_t type;   /* ICMP or ICMPv6 type */
  uint8_t code;
  uint8_t ttl;  /* of the error's own IP header */
  uint32_t mtu; /* with fragmentation needed / packet too big: the MTU said, else 0 */
  uint32_t tunnel_hash;
} LaIcmpError;

#endif
