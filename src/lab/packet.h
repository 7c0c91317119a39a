/* The frames on the path: Ethernet, IPv4 or IPv6 without extension headers, TCP. What the router reads, changes and makes. */
#ifndef LA_LAB_PACKET_H
#define LA_LAB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum {
  LA_PACKET_MAX = 1600, /* an Ethernet frame with room to spare */
  LA_PACKET_ETHER = 14,
  LA_PACKET_FIN = 1,
  LA_PACKET_SYN = 2,
  LA_PACKET_RST = 4,
  LA_PACKET_PSH = 8,
  LA_PACKET_ACK = 16,
  LA_PACKET_URG = 32,
  LA_PACKET_TTL = 64, /* of what the router sends itself */
};

typedef struct {
  uint8_t bytes[LA_PACKET_MAX];
  size_t len;
  /* Read from the bytes by la_packet_read; they do not follow what is written later. */
  LaHostPort src, dst;
  uint32_t seq, ack;
  uint16_t window;
  uint8_t flags;
  uint8_t ttl;
  uint16_t payload_len;
  uint16_t tcp; /* where the TCP header begins */
} LaPacket;

/* Takes `frame` and reads it. False when it is no TCP segment that is whole and fits; then `ret_packet` is not to be used. */
bool la_packet_read(const uint8_t *frame, size_t len, LaPacket *ret_packet);

/* What la_packet_make makes. Fields that are 0 stand as they are in the packet. */
typedef struct {
  LaHostPort src, dst;
  uint32_t seq, ack;
  uint16_t window;
  uint8_t flags;
  uint8_t ttl; /* 0: LA_PACKET_TTL */
  uint16_t ip_id;
  const uint8_t *options; /* borrowed; a multiple of 4 bytes */
  size_t options_len;
  size_t payload_len; /* so many letters `x` */
} LaPacketPlan;

/* Makes a TCP segment with its checksums. Options and payload that do not fit are cut. */
void la_packet_make(const LaPacketPlan *plan, LaPacket *ret_packet);

/* Makes an ICMP (ICMPv6) destination unreachable of that `code` (1: host, 3: port, 13: prohibited; ICMPv6 gets the code that means the
 * same) that quotes `packet` and goes back to its sender, from the router's address `router`. */
void la_packet_make_unreachable(const LaPacket *packet, const LaAddr *router, unsigned code, LaPacket *ret_packet);

/* Takes `hops` from the time to live. False when it does not live so long. */
bool la_packet_age(LaPacket *packet, unsigned hops);

/* Adds `difference` to its acknowledgment number. */
void la_packet_move_ack(LaPacket *packet, int32_t difference);

/* Takes payload and the fast-open option from a SYN. */
void la_packet_strip_fast_open(LaPacket *packet);

/* Writes the Ethernet addresses (6 bytes each). */
void la_packet_set_mac(LaPacket *packet, const uint8_t *dst, const uint8_t *src);

/* The sequence number after the segment. */
static inline uint32_t la_packet_end(const LaPacket *packet)
{
  return packet->seq + packet->payload_len + ((packet->flags & LA_PACKET_SYN) != 0) + ((packet->flags & LA_PACKET_FIN) != 0);
}

#endif
