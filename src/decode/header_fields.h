/* Every field of a packet's innermost IP header and of its TCP header, for people who look at one packet. What the analysis needs is
 * in the segment already; this is read again from the packet's bytes, only for packets that are shown. */
#ifndef LA_DECODE_HEADER_FIELDS_H
#define LA_DECODE_HEADER_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/packet_view.h"
#include "decode/segment.h"

#define LA_TCP_OPTIONS_MAX 40 /* bytes, and so options */
#define LA_IP_OPTIONS_MAX 40  /* bytes */
#define LA_EXTENSIONS_MAX 8

/* What a checksum turned out to be. */
typedef enum {
  LA_CHECKSUM_RIGHT,
  LA_CHECKSUM_WRONG,
  LA_CHECKSUM_OFFLOADED, /* the pseudo header's sum alone: the network card fills in the rest, or has checked it already */
  LA_CHECKSUM_CUT,       /* not verified: not everything that it covers was captured */
  LA_CHECKSUM_FRAGMENT,  /* not verified: the rest is in other fragments */
} LaChecksumVerdict;

/* What is wrong with an option. */
typedef enum {
  LA_OPTION_WHOLE,
  LA_OPTION_CUT,        /* its end was not captured */
  LA_OPTION_BAD_LENGTH, /* no length, one below 2, or one beyond the header: the list ends here, `value` is the rest of it */
  LA_OPTION_BAD_SIZE,   /* another length than its kind has */
} LaOptionFault;

typedef struct {
  uint8_t kind;
  uint8_t len;       /* as it says, with kind and length; 1 for end and no-operation, 0: there is none */
  uint8_t value;     /* where its value is in `option_bytes` */
  uint8_t value_len; /* how many bytes of it there are */
  uint8_t fault;     /* LaOptionFault */
} LaHeaderOption;

typedef struct {
  uint32_t captured_len; /* of the whole packet */
  uint32_t wire_len;
  /* IP */
  uint8_t family;   /* LaFamily */
  uint8_t dscp;     /* RFC 2474; with `ecn` the TOS byte, or traffic class */
  uint8_t ecn;      /* RFC 3168 */
  uint8_t ttl;      /* or hop limit */
  uint16_t len;     /* as stated: IPv4's total length, IPv6's payload length; 0: not filled in, or a jumbogram */
  uint16_t ip_id;   /* IPv4 */
  bool reserved_ip; /* IPv4: the bit that must be 0 */
  bool dont_fragment;
  bool more_fragments;    /* IPv4, or the IPv6 fragment header */
  uint8_t ip_header_len;  /* 40 with IPv6 */
  uint16_t ip_checksum;   /* IPv4 */
  uint8_t ip_checksum_is; /* LaChecksumVerdict: right, wrong, or, when it is 0, offloaded */
  uint8_t ip_options_len; /* IPv4 */
  uint8_t
      extension_count; /* IPv6: those between this header and TCP (AH too, with IPv4), at most LA_EXTENSIONS_MAX are listed */
  uint32_t flow_label; /* IPv6 */
  uint8_t ip_options[LA_IP_OPTIONS_MAX];
  uint8_t extensions[LA_EXTENSIONS_MAX]; /* their protocol numbers, in order */
  /* TCP */
  uint8_t data_offset; /* in 32-bit words */
  uint8_t reserved;    /* the three bits between the data offset and AE */
  uint16_t checksum;
  uint16_t checksum_right; /* with LA_CHECKSUM_WRONG: what would be right */
  uint8_t checksum_is;     /* LaChecksumVerdict */
  uint16_t urgent;
  uint8_t option_count;
  uint8_t option_bytes_len; /* how many of the options' bytes were captured, up to the data offset */
  uint8_t options_missing;  /* and how many were not */
  LaHeaderOption options[LA_TCP_OPTIONS_MAX];
  uint8_t option_bytes[LA_TCP_OPTIONS_MAX];
} LaHeaderFields;

/* Reads the fields of `packet`, whose bytes are there, into `*ret_fields`. False, and nothing read, when it is not decoded as a
 * segment. Whatever its bytes say, nothing beyond captured_len is read. */
bool la_header_fields_read(const LaPacketView *packet, LaHeaderFields *ret_fields);

#endif
