#include "cli/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

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

/* The filter's word on packet `i`. */
static bool is_selected(LaReader *reader, const LaPacketView *packet, bool *ret_selected, GError **error)
{
  if (reader->filter == NULL) {
    *ret_selected = true;
    return true;
  }
  return la_filter_match(reader->filter, packet, ret_selected, error);
}

/* Decodes packet `i` of the batch, or leaves it out. */
static bool take_packet(LaReader *reader, LaBatch *batch, unsigned i, GError **error)
{
  LaPacketView *packet = &batch->packets[i];
  packet->frame += reader->frame_base;
  if (packet->time == LA_TIME_NONE)
    packet->time = reader->clock != LA_TIME_NONE ? reader->clock : 0;
  else if (reader->clock == LA_TIME_NONE || packet->time > reader->clock)
    reader->clock = packet->time;
  bool selected;
  if (!is_selected(reader, packet, &selected, error))
    return false;
  if (!selected) {
    batch->results[i] = LA_DECODED_NOT_SELECTED;
    return true;
  }
  if (reader->selected_left != UINT64_MAX)
    reader->selected_left--;
  LaSegment *segment = &batch->segments[batch->segment_count];
  LaIcmpError *icmp = &batch->icmp[batch->icmp_count];
  LaDecodeResult result = la_decode(packet, reader->decode, segment, icmp);
  batch->results[i] = (uint8_t)result;
  batch->segment_count += result == LA_DECODED_SEGMENT ? 1 : 0;
  batch->icmp_count += result == LA_DECODED_ICMP ? 1 : 0;
  return true;
}

bool la_reader_next(LaReader *reader, LaBatch *batch, LaReadResult *ret_result, GError **error)
{
  batch->count = batch->segment_count = batch->icmp_count = 0;
  while (batch->count < LA_BATCH_MAX && reader->ended == LA_READ_PACKET) {
    if (reader->selected_left == 0) {
      reader->ended = LA_READ_END;
      break;
    }
    unsigned first = batch->count;
    unsigned count = la_source_next_batch(reader->source, batch->packets + first, LA_BATCH_MAX - first, &reader->ended);
    for (unsigned i = first; i < first + count && reader->selected_left > 0; i++) {
      if (!take_packet(reader, batch, i, error))
        return false;
      batch->count = i + 1;
    }
  }
  *ret_result = batch->count > 0 ? LA_READ_PACKET : reader->ended;
  return true;
}
