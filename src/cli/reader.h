/* The first two stages in batches: packets from a source, the filter, the decoder. */
#ifndef LA_CLI_READER_H
#define LA_CLI_READER_H

#include <glib.h>
#include <signal.h>
#include <stdbool.h>

#include "capture/filter.h"
#include "capture/source.h"
#include "decode/decoder.h"
#include "report/record.h"

#define LA_BATCH_MAX 128

/* What became of a packet: an LaDecodeResult, or this. */
#define LA_DECODED_NOT_SELECTED 0xff

/* Up to 128 packets, decoded. The segments stand side by side: the n-th packet whose result is LA_DECODED_SEGMENT has the n-th
 * segment, and so for ICMP errors. Frame numbers and times are final: numbers count on through a sequence of files, and a packet
 * without a time has that of the clock. Where the first packet has none, no time is believed, and all have LA_TIME_UNKNOWN. */
typedef struct {
  unsigned count;
  unsigned segment_count;
  unsigned icmp_count;
  LaTime earliest;        /* of all packets' times */
  LaTime clock;           /* the reader's behind the last packet */
  uint64_t selected_left; /* and what -c allows then */
  uint64_t done, total;   /* how far the source was read, as la_source_progress */
  uint8_t results[LA_BATCH_MAX];
  LaPacketView packets[LA_BATCH_MAX]; /* their bytes are gone already (but see LaBatches) */
  LaSegment segments[LA_BATCH_MAX];
  LaIcmpError icmp[LA_BATCH_MAX];
  LaLosses losses; /* what was read of drops since the batch before it */
} LaBatch;

/* What stands for standard input when it has to be read twice: a descriptor that can be rewound, or this. */
#define LA_NOT_SPOOLED (-1)

/* Puts what stands for standard input, when it is among `paths`, into `*ret_fd`: a descriptor that can be rewound, standard input itself or a
 * copy of at most `limit` bytes; else LA_NOT_SPOOLED. False as la_spool_fd. */
bool la_reader_spool(const GPtrArray *paths, uint64_t limit, int *ret_fd, GError **error);

/* Opens a file, or standard input for "-": the rewound `spooled` descriptor when there is one. NULL and LA_ERROR_OPEN.
 * (transfer full) */
LaSource *la_reader_open(const char *path, int spooled, const volatile sig_atomic_t *interrupt, GError **error);

/* What the file will say of dropped packets (la_losses_foresee), to be asked before it is opened: true when `losses` has all of it. */
bool la_reader_foresee(const char *path, int spooled, const volatile sig_atomic_t *interrupt, LaLosses *losses);

typedef enum {
  LA_BATCHES_FULL,       /* the packets' bytes are gone */
  LA_BATCHES_WITH_BYTES, /* the packets' bytes are there until the next batch, which ends with the source's block */
} LaBatches;

typedef struct {
  LaSource *source;              /* (borrowed) */
  LaFilter *filter;              /* NULL: all packets (borrowed) */
  const LaDecodeOptions *decode; /* (borrowed) */
  uint64_t frame_base;           /* added to the file's own numbers */
  uint64_t selected_left;        /* packets the filter may still select (-c); UINT64_MAX: no limit */
  LaTime clock;                  /* the running maximum of all packet times; LA_TIME_NONE: none yet */
  bool timeless;                 /* the first packet had no time: none is believed */
  LaBatches batches;
  LaReadResult ended; /* the reader's own: LA_READ_PACKET while there may be more */
} LaReader;

/* Reads and decodes the next batch, which is full unless the capture ends: where batches begin does not depend on how the bytes
 * come in. `*ret_result` is LA_READ_PACKET with at least one packet in it, else why there is none (also LA_READ_END when -c is
 * reached). False and LA_ERROR_USAGE when the filter cannot judge a link type. */
bool la_reader_next(LaReader *reader, LaBatch *batch, LaReadResult *ret_result, GError **error);

/* Why a packet with this result (LaDecodeResult, or LA_DECODED_NOT_SELECTED), no segment, is no part of a connection. */
LaSkipped la_reader_skipped(uint8_t result);

#endif
