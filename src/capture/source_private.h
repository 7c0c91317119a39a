/* Inside of LaSource, for the readers of the two formats. */
#ifndef LA_CAPTURE_SOURCE_PRIVATE_H
#define LA_CAPTURE_SOURCE_PRIVATE_H

#include <string.h>

#include "capture/packet_view.h"
#include "capture/source.h"
#include "capture/tick.h"
#include "capture/window.h"

/* The byte order of a file, as against this machine's. */
typedef enum {
  LA_ORDER_NATIVE,
  LA_ORDER_SWAPPED,
} LaByteOrder;

/* The order of the two lengths in a pcap record. */
typedef enum {
  LA_LENGTHS_PLAIN,   /* captured, wire */
  LA_LENGTHS_SWAPPED, /* wire, captured: before version 2.3 */
  LA_LENGTHS_MAYBE,   /* version 2.3: swapped when the captured would exceed the wire length */
} LaLengthOrder;

typedef struct {
  LaByteOrder order;
  LaLengthOrder lengths;
  uint32_t header_len; /* of a record */
  uint32_t unit;       /* nanoseconds of one unit of the fraction */
  uint32_t units;      /* units in a second */
  uint16_t link_type;
  int8_t fcs_len;
} LaPcapReader;

typedef struct {
  LaByteOrder order;    /* of the current section */
  uint32_t first;       /* index of the section's first interface */
  uint32_t text_budget; /* bytes of interface texts that may still be kept */
} LaPcapngReader;

/* Where an interface's kernel_drops come from; a later one is better. */
typedef enum {
  LA_DROPS_PACKETS, /* from packet blocks, or nowhere */
  LA_DROPS_IFDROP,  /* from a statistics block */
  LA_DROPS_OSDROP,  /* from a statistics block */
} LaDropsFrom;

/* What a pcapng reader knows of an interface beside LaInterface; the same index. */
typedef struct {
  LaTick tick;
  int8_t fcs_len;
  LaDropsFrom drops;
  /* Drops as the latest statistics block told them, and its time (LA_TIME_NONE: there was none); what packets have told since. */
  uint64_t os_drops, if_drops;
  uint64_t located;
  LaTime told_at;
} LaInterfaceExtra;

struct LaSource {
  LaWindow window;
  /* Reads up to `max` packets from the window, filling it only when it has none: 0 when the source has ended. */
  unsigned (*read)(LaSource *source, LaPacketView *packets, unsigned max);
  uint64_t frame;     /* packets read so far */
  GArray *interfaces; /* of LaInterface */
  GArray *extras;     /* of LaInterfaceExtra */
  LaTime stated_end;
  LaLosses losses;  /* that nobody has taken yet */
  GArray *told;     /* of LaToldStatistics; NULL: nobody wants them */
  LaReadResult end; /* LA_READ_PACKET: goes on; else what is told when the packets before are taken */
  bool end_told;
  char *error; /* set with LA_READ_BROKEN */
  char *name;
  LaStream *stream; /* what the window reads from */
  int fd;
  bool owns_fd;
  uint64_t size; /* of a regular file from where reading began, else 0 */
  LaPcapReader pcap;
  LaPcapngReader pcapng;
};

/* Ends the source as broken; `format` makes the message, one line without the path. */
G_GNUC_PRINTF(2, 3) void la_source_fail(LaSource *source, const char *format, ...);

/* Ends the source after la_window_need or la_window_skip gave `result` (not LA_FILL_READY): interrupted, broken by the
 * stream, or cut off in the middle of `what` ("packet 17 (40 of 112 bytes are there)"). */
void la_source_fail_fill(LaSource *source, LaFill result, const char *what);

/* Makes `n` bytes ready. False when the source has ended; `what` ("the file header", "packet") and `number` (0: none) are
 * for the message. */
bool la_source_need(LaSource *source, size_t n, const char *what, uint64_t number);

/* Adds an interface and returns its index. Texts of `interface` become the source's. */
uint32_t la_source_add_interface(LaSource *source, const LaInterface *interface, const LaInterfaceExtra *extra);

static inline LaInterface *la_source_interface(const LaSource *source, uint32_t index)
{
  return &((LaInterface *)(void *)source->interfaces->data)[index];
}

static inline LaInterfaceExtra *la_source_extra(const LaSource *source, uint32_t index)
{
  return &((LaInterfaceExtra *)(void *)source->extras->data)[index];
}

/* Reads the file header at the window's start and makes the source a reader of its format. False when the source has ended
 * because the header is no good. */
bool la_pcap_begin(LaSource *source);
bool la_pcapng_begin(LaSource *source);

/* Fields of a file, wherever they lie. */
static inline uint32_t la_load_u32(const uint8_t *at, LaByteOrder order)
{
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return order == LA_ORDER_NATIVE ? value : GUINT32_SWAP_LE_BE(value);
}

static inline uint16_t la_load_u16(const uint8_t *at, LaByteOrder order)
{
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return order == LA_ORDER_NATIVE ? value : GUINT16_SWAP_LE_BE(value);
}

static inline uint64_t la_load_u64(const uint8_t *at, LaByteOrder order)
{
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return order == LA_ORDER_NATIVE ? value : GUINT64_SWAP_LE_BE(value);
}

#endif
