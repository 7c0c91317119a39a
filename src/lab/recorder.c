/* Theory of operation.
 *
 * Most recordings hold every packet that passes. The others are what people's captures are like: one direction, a filter, holes, every
 * packet twice, cut short, out of order, begun late. What is left out or changed here never touches the path.
 *
 * A mirror is sent what is written, so whoever listens there has the same recording, with two exceptions: a packet that is written late has
 * there the time at which it was written, and a packet that is cut short here is whole there, because a snaplen is a matter of whoever
 * captures. A mirror that takes nothing more (its interface went down) ends no experiment. */
#include "lab/recorder.h"

#include <errno.h>
#include <sys/socket.h>

#include "capture/pcapng_writer.h"

enum {
  ETHERNET = 1,
  SHORT_SNAPLEN = 40,
  SNAPLEN = 262144,
  HOLE_EVERY = 5,
  SWAP_EVERY = 3,
  SECOND_POINT_HOPS = 2,
};

#define SECOND_POINT_DELAY (200 * LA_USEC)

struct LaLabRecorder {
  LaPcapngWriter *writer;
  LaLabRecord mode;
  uint32_t interface;
  uint64_t packets; /* written */
  int mirror;       /* -1: none (borrowed) */
  int mirror_code;  /* errno of the first that it did not take */
  uint64_t unmirrored;
  unsigned payloads, passed;
  unsigned phase;
  LaPacket held; /* LA_LAB_RECORD_SWAPPED: waits for the next one */
  LaTime held_time;
  bool holds;
  GError *error; /* the first */
};

LaLabRecorder *la_lab_recorder_open(const char *path, LaLabRecord mode, int mirror, GError **error)
{
  g_autoptr(LaLabRecorder) recorder = g_new0(LaLabRecorder, 1);
  recorder->mode = mode;
  recorder->mirror = mirror;
  recorder->writer = la_pcapng_writer_open(path, "lastack lab", error);
  if (recorder->writer == NULL)
    return NULL;
  LaPcapngInterface interface = {.link_type = ETHERNET,
                                 .snaplen = mode == LA_LAB_RECORD_SHORT ? SHORT_SNAPLEN : SNAPLEN,
                                 .fcs_len = -1,
                                 .name = "router",
                                 .filter =
                                     mode == LA_LAB_RECORD_CONTROL ? "tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0" : NULL};
  if (!la_pcapng_writer_add_interface(recorder->writer, &interface, &recorder->interface, error))
    return NULL;
  return g_steal_pointer(&recorder);
}

static void send_to_mirror(LaLabRecorder *recorder, const uint8_t *bytes, size_t len)
{
  if (recorder->mirror < 0 || send(recorder->mirror, bytes, len, MSG_DONTWAIT) == (ssize_t)len)
    return;
  if (recorder->unmirrored == 0)
    recorder->mirror_code = errno;
  recorder->unmirrored++;
}

static void write_packet(LaLabRecorder *recorder, LaTime time, const LaPacket *packet)
{
  uint32_t len = (uint32_t)packet->len;
  LaPacketView view = {.data = packet->bytes,
                       .captured_len = recorder->mode == LA_LAB_RECORD_SHORT ? MIN(len, SHORT_SNAPLEN) : len,
                       .wire_len = len,
                       .frame = recorder->packets + 1,
                       .time = time,
                       .interface = recorder->interface,
                       .link_type = ETHERNET,
                       .fcs_len = -1};
  recorder->packets++;
  if (recorder->error == NULL)
    la_pcapng_writer_packet(recorder->writer, recorder->interface, &view, NULL, &recorder->error);
  send_to_mirror(recorder, packet->bytes, packet->len);
}

static void release(LaLabRecorder *recorder)
{
  if (!recorder->holds)
    return;
  recorder->holds = false;
  write_packet(recorder, recorder->held_time, &recorder->held);
}

static bool is_control(const LaPacket *packet)
{
  return packet->flags & (LA_PACKET_SYN | LA_PACKET_FIN | LA_PACKET_RST);
}

/* Whether the recording has this packet. */
static bool wants(LaLabRecorder *recorder, LaLabEnd from, const LaPacket *packet)
{
  switch (recorder->mode) {
  case LA_LAB_RECORD_TO_SERVER: return from == LA_LAB_CLIENT;
  case LA_LAB_RECORD_CONTROL: return is_control(packet);
  case LA_LAB_RECORD_LATE: return recorder->phase > 0;
  case LA_LAB_RECORD_HOLES: return packet->payload_len == 0 || ++recorder->payloads % HOLE_EVERY != 0;
  default: return true;
  }
}

void la_lab_recorder_take(LaLabRecorder *recorder, LaTime time, LaLabEnd from, const LaPacket *packet)
{
  if (!wants(recorder, from, packet))
    return;
  if (recorder->mode == LA_LAB_RECORD_SWAPPED && !recorder->holds && packet->payload_len > 0 &&
      ++recorder->passed % SWAP_EVERY == 0) {
    recorder->held = *packet;
    recorder->held_time = time;
    recorder->holds = true;
    return;
  }
  write_packet(recorder, time, packet);
  release(recorder);
  if (recorder->mode == LA_LAB_RECORD_TWICE) {
    LaPacket copy = *packet;
    if (la_packet_age(&copy, SECOND_POINT_HOPS))
      write_packet(recorder, time + SECOND_POINT_DELAY, &copy);
  }
}

void la_lab_recorder_mark(LaLabRecorder *recorder, unsigned mark)
{
  recorder->phase = mark;
}

uint64_t la_lab_recorder_packets(const LaLabRecorder *recorder)
{
  return recorder->packets;
}

uint64_t la_lab_recorder_unmirrored(const LaLabRecorder *recorder, int *ret_code)
{
  if (recorder->unmirrored > 0)
    *ret_code = recorder->mirror_code;
  return recorder->unmirrored;
}

bool la_lab_recorder_close(LaLabRecorder *recorder, LaTime ended, GError **error)
{
  release(recorder);
  LaPcapngStatistics statistics = {
      .end_time = ended, .received = (int64_t)recorder->packets, .kernel_drops = 0, .interface_drops = -1};
  if (recorder->error != NULL) {
    g_propagate_error(error, g_steal_pointer(&recorder->error));
    return false;
  }
  return la_pcapng_writer_statistics(recorder->writer, recorder->interface, &statistics, error) &&
         la_pcapng_writer_close(recorder->writer, error);
}

void la_lab_recorder_free(LaLabRecorder *recorder)
{
  if (recorder == NULL)
    return;
  la_pcapng_writer_free(recorder->writer);
  g_clear_error(&recorder->error);
  g_free(recorder);
}
