#include "cli/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "capture/spool.h"
#include "track/measures.h"

LaSource *la_reader_open(const char *path, int spooled, const volatile sig_atomic_t *interrupt, GError **error)
{
  if (strcmp(path, "-") != 0 || spooled == LA_NOT_SPOOLED)
    return la_source_open_interruptible(path, interrupt, error);
  int fd = lseek(spooled, 0, SEEK_SET) == 0 ? fcntl(spooled, F_DUPFD_CLOEXEC, 3) : -1;
  if (fd < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_OPEN, "standard input cannot be read twice: %s", g_strerror(errno));
    return NULL;
  }
  LaSource *source = la_source_open_fd(fd, "standard input", error);
  if (source != NULL)
    la_source_set_interrupt(source, interrupt);
  return source;
}

bool la_reader_foresee(const char *path, int spooled, const volatile sig_atomic_t *interrupt, LaLosses *losses)
{
  if (strcmp(path, "-") == 0)
    return spooled == LA_NOT_SPOOLED ? la_losses_foresee(STDIN_FILENO, interrupt, losses)
                                     : lseek(spooled, 0, SEEK_SET) == 0 && la_losses_foresee(spooled, interrupt, losses);
  struct stat status;
  if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
    return false; /* to open a FIFO and to close it again would end its writer */
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool foreseen = fd >= 0 && la_losses_foresee(fd, interrupt, losses);
  if (fd >= 0)
    close(fd);
  return foreseen;
}

bool la_reader_spool(const GPtrArray *paths, uint64_t limit, int *ret_fd, GError **error)
{
  bool asked = false;
  for (unsigned i = 0; i < paths->len; i++)
    asked = asked || strcmp(g_ptr_array_index(paths, i), "-") == 0;
  int fd = LA_NOT_SPOOLED;
  if (asked)
    fd = lseek(STDIN_FILENO, 0, SEEK_SET) == 0 ? dup(STDIN_FILENO) : la_spool_fd(STDIN_FILENO, limit, error);
  if (asked && fd < 0)
    return false;
  *ret_fd = fd;
  return true;
}

/* Gives a packet its final number and time; returns the clock that it moves.
 *
 * Between packets in front of the first time and those behind it nobody knows how long it was: to let timers run from the one to the
 * other would end connections that lived on. So a capture that begins without times has none. */
static inline LaTime settle_packet(LaReader *reader, LaBatch *batch, LaPacketView *packet, LaTime clock)
{
  packet->frame += reader->frame_base;
  /* The common case: not earlier than those before. LA_TIME_NONE is below all times. */
  if (G_LIKELY(packet->time >= clock && clock != LA_TIME_NONE))
    return packet->time;
  if (clock == LA_TIME_NONE && (packet->time == LA_TIME_NONE || reader->timeless)) {
    reader->timeless = true;
    packet->time = LA_TIME_UNKNOWN;
    return LA_TIME_NONE;
  }
  if (packet->time == LA_TIME_NONE) {
    packet->time = clock;
    return clock;
  }
  batch->earliest = MIN(batch->earliest, packet->time);
  return MAX(clock, packet->time);
}

/* Decodes the `count` packets behind the batch, or as many of them as -c allows, and makes them its own. */
static void take_all(LaReader *reader, LaBatch *batch, unsigned count)
{
  LaPacketView *packets = batch->packets + batch->count;
  if (reader->selected_left != UINT64_MAX) {
    count = (unsigned)MIN(count, reader->selected_left);
    reader->selected_left -= count;
  }
  LaTime clock = reader->clock;
  for (unsigned i = 0; i < count; i++)
    clock = settle_packet(reader, batch, &packets[i], clock);
  reader->clock = clock;
  LaDecodedBatch decoded = {
      .results = batch->results + batch->count,
      .segments = batch->segments + batch->segment_count,
      .icmp = batch->icmp + batch->icmp_count,
  };
  la_decode_batch(packets, count, reader->decode, &decoded);
  batch->segment_count += decoded.segment_count;
  batch->icmp_count += decoded.icmp_count;
  batch->count += count;
}

/* The same with a filter, which is asked about each packet. */
static bool take_selected(LaReader *reader, LaBatch *batch, unsigned count, GError **error)
{
  unsigned end = batch->count + count;
  for (unsigned i = batch->count; i < end && reader->selected_left > 0; i++) {
    LaPacketView *packet = &batch->packets[i];
    reader->clock = settle_packet(reader, batch, packet, reader->clock);
    bool selected;
    if (!la_filter_match(reader->filter, packet, &selected, error))
      return false;
    batch->results[i] = LA_DECODED_NOT_SELECTED;
    batch->count = i + 1;
    if (!selected)
      continue;
    if (reader->selected_left != UINT64_MAX)
      reader->selected_left--;
    LaDecodeResult result =
        la_decode(packet, reader->decode, &batch->segments[batch->segment_count], &batch->icmp[batch->icmp_count]);
    batch->results[i] = (uint8_t)result;
    batch->segment_count += result == LA_DECODED_SEGMENT ? 1 : 0;
    batch->icmp_count += result == LA_DECODED_ICMP ? 1 : 0;
  }
  return true;
}

bool la_reader_next(LaReader *reader, LaBatch *batch, LaReadResult *ret_result, GError **error)
{
  batch->count = batch->segment_count = batch->icmp_count = 0;
  batch->earliest = LA_TIME_MAX;
  while (batch->count < LA_BATCH_MAX && reader->ended == LA_READ_PACKET) {
    if (reader->selected_left == 0) {
      reader->ended = LA_READ_END;
      break;
    }
    unsigned count =
        la_source_next_batch(reader->source, batch->packets + batch->count, LA_BATCH_MAX - batch->count, &reader->ended);
    if (reader->filter == NULL)
      take_all(reader, batch, count);
    else if (!take_selected(reader, batch, count, error))
      return false;
    if (reader->batches == LA_BATCHES_WITH_BYTES && batch->count > 0)
      break;
  }
  if (batch->count > 0)
    batch->earliest = MIN(batch->earliest, batch->packets[0].time);
  batch->losses.count = 0;
  if (batch->count > 0)
    la_source_take_losses(reader->source, &batch->losses);
  batch->clock = reader->clock;
  batch->selected_left = reader->selected_left;
  la_source_progress(reader->source, &batch->done, &batch->total);
  *ret_result = batch->count > 0 ? LA_READ_PACKET : reader->ended;
  return true;
}

LaSkipped la_reader_skipped(uint8_t result)
{
  switch (result) {
  case LA_DECODED_NOT_IP: return LA_SKIPPED_NOT_IP;
  case LA_DECODED_MALFORMED: return LA_SKIPPED_MALFORMED;
  case LA_DECODED_FRAGMENT: return LA_SKIPPED_FRAGMENT;
  case LA_DECODED_CUT_SHORT: return LA_SKIPPED_CUT_SHORT;
  case LA_DECODED_NOT_SELECTED: return LA_SKIPPED_NOT_SELECTED;
  default: return LA_SKIPPED_NOT_TCP;
  }
}
