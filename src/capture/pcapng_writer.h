/* Writes a pcapng file: one section, its interfaces, packets with comments, and the statistics block that says when
 * observation ended.
 *
 * The bytes are those of the calls and nothing else: no host, no clock, so the same calls give the same file. Errors are
 * LA_ERROR_OUTPUT and name the file; after one the writer writes nothing more and gives the same error again. */
#ifndef LA_CAPTURE_PCAPNG_WRITER_H
#define LA_CAPTURE_PCAPNG_WRITER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/packet_view.h"
#include "capture/source.h"

typedef struct LaPcapngWriter LaPcapngWriter;

/* An interface to describe; texts are UTF-8 and may be NULL. */
typedef struct {
  uint16_t link_type;
  uint32_t snaplen; /* 0: no limit */
  int8_t fcs_len;   /* -1: not said */
  const char *name;
  const char *description;
  const char *filter;
} LaPcapngInterface;

/* What is known at the end of an interface; LA_TIME_NONE or -1: not said. */
typedef struct {
  LaTime end_time;
  int64_t received;
  int64_t kernel_drops;
  int64_t interface_drops;
} LaPcapngStatistics;

typedef enum {
  LA_DROP_COUNTS_KEPT,
  LA_DROP_COUNTS_LEFT_OUT, /* they count since the packet before, which is another one now */
} LaDropCounts;

/* What is written behind a packet. All borrowed for the call. */
typedef struct {
  LaPacketOptions kept; /* the options it came with: those that this knows, or that need no knowledge of the byte order */
  const char *const *comments; /* UTF-8, each cut to 65535 bytes; behind the kept ones */
  unsigned comment_count;
  LaDropCounts drops; /* among the kept options */
} LaPcapngBehind;

/* Creates or empties `path` ("-": standard output) and writes the section header; `application` is its shb_userappl.
 * (transfer full) */
LaPcapngWriter *la_pcapng_writer_open(const char *path, const char *application, GError **error);

/* The same on an open descriptor, which the writer then owns (also when this fails); `name` is for messages. (transfer full) */
LaPcapngWriter *la_pcapng_writer_open_fd(int fd, const char *name, const char *application, GError **error);

/* Describes the next interface; its number is in `*ret_interface`. Times of its packets are in nanoseconds. */
bool la_pcapng_writer_add_interface(LaPcapngWriter *writer, const LaPcapngInterface *interface, uint32_t *ret_interface,
                                    GError **error);

/* Writes `packet` as an enhanced packet block of `interface` (a number this writer gave; packet->interface is not looked
 * at), with `comment` (UTF-8, NULL: none; cut to 65535 bytes). A time before 1970 or LA_TIME_NONE cannot be written and
 * becomes 0; a packet without a time that a simple packet block can hold (interface 0, no comment, cut by nothing but the
 * snaplen) is written as one. */
bool la_pcapng_writer_packet(LaPcapngWriter *writer, uint32_t interface, const LaPacketView *packet, const char *comment,
                             GError **error);

/* The same with more behind it. Kept options beyond 512 KiB are left out, so that readers still take the block for a sane one. */
bool la_pcapng_writer_packet_with(LaPcapngWriter *writer, uint32_t interface, const LaPacketView *packet,
                                  const LaPcapngBehind *behind, GError **error);

/* Writes an interface statistics block, stamped with its end time. */
bool la_pcapng_writer_statistics(LaPcapngWriter *writer, uint32_t interface, const LaPcapngStatistics *statistics,
                                 GError **error);

/* How many bytes the file has, what is buffered included. */
uint64_t la_pcapng_writer_size(const LaPcapngWriter *writer);

/* The errno of its first failure; 0: none. */
int la_pcapng_writer_failure(const LaPcapngWriter *writer);

/* Hands what is buffered to the system, so that another reader sees all packets so far. */
bool la_pcapng_writer_flush(LaPcapngWriter *writer, GError **error);

/* Flushes and closes; false when any byte could not be written. The writer still has to be freed. */
bool la_pcapng_writer_close(LaPcapngWriter *writer, GError **error);

/* Frees the writer; closes its file first when la_pcapng_writer_close was not called (what then fails goes untold). */
void la_pcapng_writer_free(LaPcapngWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaPcapngWriter, la_pcapng_writer_free)

#endif
