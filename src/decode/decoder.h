/* From a packet view to a segment: link layer, what lies between it and IP, tunnels, IP, TCP.
 *
 * Every packet yields exactly one result, so that the counts of a capture add up: packets = segments + all the others. */
#ifndef LA_DECODE_DECODER_H
#define LA_DECODE_DECODER_H

#include <stdbool.h>

#include "capture/packet_view.h"
#include "decode/segment.h"

typedef enum {
  LA_DECODED_SEGMENT,   /* the segment is filled in */
  LA_DECODED_ICMP,      /* an ICMP error that quotes TCP: the error is filled in; counts as not_tcp */
  LA_DECODED_NOT_TCP,   /* IP, but not TCP */
  LA_DECODED_NOT_IP,    /* no IP inside, or a link type that is not understood */
  LA_DECODED_MALFORMED, /* a length or field that lies: header shorter than its own least size, data offset below 5 ... */
  LA_DECODED_FRAGMENT,  /* a fragment that does not begin with the whole TCP header */
  LA_DECODED_CUT_SHORT, /* the snaplen cut the packet before the end of the fixed TCP header (20 bytes) or earlier */
} LaDecodeResult;

typedef struct {
  bool verify_checksums; /* --verify-checksums: sets checksum_bad where the whole segment was captured */
} LaDecodeOptions;

/* Decodes `packet`. Fills `*ret_segment` with LA_DECODED_SEGMENT or `*ret_icmp` with LA_DECODED_ICMP; both may be scribbled on
 * otherwise. Reads no byte beyond captured_len, takes time bounded by a fixed depth of layers (32) whatever the bytes say. */
LaDecodeResult la_decode(const LaPacketView *packet, const LaDecodeOptions *options, LaSegment *ret_segment,
                         LaIcmpError *ret_icmp);

/* Decodes `count` packets side by side in order, as la_decode does. Result i is that of packet i; the n-th packet whose result is
 * LA_DECODED_SEGMENT has the n-th segment, and so for ICMP errors. */
typedef struct {
  uint8_t *results;       /* room for `count` */
  LaSegment *segments;    /* room for `count` */
  LaIcmpError *icmp;      /* room for `count` */
  unsigned segment_count; /* set */
  unsigned icmp_count;    /* set */
} LaDecodedBatch;

void la_decode_batch(const LaPacketView *packets, unsigned count, const LaDecodeOptions *options, LaDecodedBatch *ret);

/* Whether packets of this link type (LINKTYPE_ value) are understood at all. */
bool la_decode_knows_link_type(uint16_t link_type);

/* Room for the text of an encapsulation, with the closing zero. */
#define LA_ENCAP_TEXT_MAX 24

/* Writes CONTRACT's word for `encap` ("vlan:10", "gre", "gre:5") into `ret_text` (LA_ENCAP_TEXT_MAX bytes) and returns it. */
char *la_encap_format(const LaEncap *encap, char *ret_text);

#endif
