/* One captured packet, as it lies in its source's block. */
#ifndef LA_CAPTURE_PACKET_VIEW_H
#define LA_CAPTURE_PACKET_VIEW_H

#include <stdint.h>

#include "base/time.h"

typedef struct {
  const uint8_t *data;   /* the captured bytes (borrowed until the source's next packet) */
  uint32_t captured_len; /* how many bytes of it were captured */
  uint32_t wire_len;     /* how long it was on the wire, in bytes, as the file says */
  uint64_t frame;        /* 1-based number within the file, as Wireshark's frame.number */
  LaTime time;           /* ns since the epoch; LA_TIME_NONE when the file gives none (simple packet blocks) */
  uint32_t interface;    /* index of the interface, counted through all sections of the file */
  uint16_t link_type;    /* LINKTYPE_ value as in the file (tcpdump.org's list) */
  uint8_t has_options;   /* 1: its block has options: see la_source_packet_options */
  int8_t fcs_len;        /* bytes of frame check sequence at the end that the file announces; -1 when it does not say */
} LaPacketView;

#endif
