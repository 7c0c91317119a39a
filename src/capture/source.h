/* A capture that can be read packet by packet: a file, a pipe or standard input, plain or compressed.
 *
 * The bytes are read in blocks of 256 KiB and packets are views into them; only a packet that crosses the end of a block is
 * moved, once. The format (pcap, pcapng) and the compression (gzip, zstd, lz4) are told from the first bytes, never from the
 * name. */
#ifndef LA_CAPTURE_SOURCE_H
#define LA_CAPTURE_SOURCE_H

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/losses.h"
#include "capture/packet_view.h"

typedef struct LaSource LaSource;

typedef enum {
  LA_READ_PACKET, /* *ret_packet holds the next packet */
  LA_READ_END,    /* the capture ended where it should (or reading was interrupted, see la_source_set_interrupt) */
  LA_READ_BROKEN, /* the capture broke off or is corrupt from here on; la_source_error says how */
} LaReadResult;

/* The most captured bytes one packet may have (16 MiB). A file that claims more is corrupt from there on. */
#define LA_PACKET_MAX (UINT32_C(16) << 20)

/* What is known of an interface of the capture. Texts are the file's own and untrusted; a name or description is cut at 255
 * bytes, a filter at 4095. */
typedef struct {
  uint16_t link_type;
  uint32_t snaplen;           /* 0: no limit */
  int8_t fcs_len;             /* bytes of frame check sequence at the end of its packets; -1: not said */
  const char *name;           /* if_name, or NULL (borrowed from the source, for its whole life) */
  const char *description;    /* if_description, or NULL (the same) */
  const char *filter;         /* if_filter as text, or NULL (the same) */
  uint64_t packets;           /* read so far */
  int64_t kernel_drops;       /* interface statistics: isb_osdrop, else isb_ifdrop, else what packet blocks say; -1: not said */
  int64_t interface_drops;    /* isb_ifdrop; -1: not said */
  LaTime last_time;           /* time of its latest packet so far (in file order), or LA_TIME_NONE */
  uint64_t time_went_back;    /* how many of its packets had a time before its previous packet's */
  uint64_t time_out_of_range; /* how many had a second's fraction of a second or more (pcap: carried over into the seconds),
                               * or a time beyond the year 2262 (pcapng: held there) */
} LaInterface;

/* The options of a packet's block (comments, direction ...), as they lie in the file. */
typedef struct {
  const uint8_t *at; /* NULL: none */
  size_t len;
  bool swapped; /* they are in the other byte order than this machine's */
} LaPacketOptions;

/* An interface statistics block, as the file has it. Counts are since the capture began; -1 and LA_TIME_NONE: not said. */
typedef struct {
  uint32_t interface; /* counted through all sections */
  uint64_t after;     /* the file's number of the packet before it; 0: none */
  LaTime end_time;
  int64_t received, kernel_drops, interface_drops;
} LaToldStatistics;

/* Opens `path` ("-": standard input). NULL and LA_ERROR_OPEN with one clear line that names the path when it cannot be
 * opened, is a directory, is empty, or is no capture. (transfer full) */
LaSource *la_source_open(const char *path, GError **error);

/* The same, with the flag of la_source_set_interrupt in force from the first byte on: an interrupted open fails with
 * LA_ERROR_OPEN ("interrupted"). `interrupt` may be NULL. (transfer full) */
LaSource *la_source_open_interruptible(const char *path, const volatile sig_atomic_t *interrupt, GError **error);

/* Opens an already open file descriptor at its current offset, which the source then owns (also when this fails); `name` is
 * for messages. (transfer full) */
LaSource *la_source_open_fd(int fd, const char *name, GError **error);

/* Once `*interrupt` (borrowed, outlives the source) is not 0 the source reads nothing more and gives LA_READ_END after what
 * it has. A read that waits on a pipe notices it when a signal handler installed without SA_RESTART returns. NULL: no flag. */
void la_source_set_interrupt(LaSource *source, const volatile sig_atomic_t *interrupt);

void la_source_free(LaSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaSource, la_source_free)

/* Reads the next packet. `ret_packet` is set only with LA_READ_PACKET; its bytes are borrowed until the next call of this or
 * of la_source_next_batch. */
LaReadResult la_source_next(LaSource *source, LaPacketView *ret_packet);

/* Reads up to `max` (at least 1) packets into `packets` and returns how many; their bytes are all borrowed until the next call
 * of this or of la_source_next. It never waits for bytes once it has a packet, so a batch ends with its block. `*ret_result`
 * is LA_READ_PACKET when the count is not 0, else LA_READ_END or LA_READ_BROKEN. What la_source_interfaces tells is as of
 * the last packet of the batch. */
unsigned la_source_next_batch(LaSource *source, LaPacketView *packets, unsigned max, LaReadResult *ret_result);

/* From now on the source keeps the statistics blocks that it reads, for whoever copies the capture; at most so many at a time. */
#define LA_TOLD_STATISTICS_MAX 65536
void la_source_keep_statistics(LaSource *source);

/* Those read since the last call, in the file's order, appended to `told` (of LaToldStatistics). Some may stand behind the packets that the source
 * gave out last. */
void la_source_take_statistics(LaSource *source, GArray *told);

/* The options that came with `packet`, one of the latest that the source gave out. (borrowed as the packet's bytes) */
LaPacketOptions la_source_packet_options(const LaSource *source, const LaPacketView *packet);

/* After LA_READ_BROKEN: why, as one line without the path ("cut off in the middle of packet 17 ..."); else NULL. (borrowed) */
const char *la_source_error(const LaSource *source);

/* The interfaces seen so far; `*ret_count` of them (NULL when 0). (borrowed until the next call of la_source_next or
 * la_source_next_batch) */
const LaInterface *la_source_interfaces(const LaSource *source, unsigned *ret_count);

/* The largest snaplen of all interfaces (0: unlimited). */
uint32_t la_source_snaplen(const LaSource *source);

/* The latest end time an interface statistics block gave (isb_endtime, else its timestamp), or LA_TIME_NONE. */
LaTime la_source_stated_end(const LaSource *source);

/* Adds to `losses` what was read of drops since the last call, and when they were: statistics blocks and what packet blocks say. */
void la_source_take_losses(LaSource *source, LaLosses *losses);

/* Bytes of the file read so far, before decompression, and the file's size (0 when it is a pipe): for a progress bar. */
void la_source_progress(const LaSource *source, uint64_t *ret_done, uint64_t *ret_total);

#endif
