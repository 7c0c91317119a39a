/* Any bytes as a capture: read packet by packet, in batches, and through a pipe. All three must tell the same, every byte of every
 * packet must be there, and the end must be an end. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/source.h"

#define BATCH 16
/* A compressed input may unpack to very much; what is read of it is enough. */
#define PACKETS_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a reading came to. */
typedef struct {
  uint64_t packets;
  uint64_t sum; /* over all that packets say, with their bytes */
  LaReadResult end;
  char *error;
} Outcome;

static void check(int holds)
{
  if (!holds)
    abort();
}

static void add_packet(Outcome *outcome, const LaPacketView *packet)
{
  uint64_t sum = outcome->sum;
  sum = sum * 31 + packet->frame;
  sum = sum * 31 + (uint64_t)packet->time;
  sum = sum * 31 + packet->interface;
  sum = sum * 31 + packet->link_type;
  sum = sum * 31 + (uint8_t)packet->fcs_len;
  sum = sum * 31 + packet->wire_len;
  for (uint32_t i = 0; i < packet->captured_len; i++)
    sum = sum * 31 + packet->data[i];
  outcome->sum = sum;
  outcome->packets++;
  check(packet->frame >= outcome->packets);
  check(packet->captured_len <= LA_PACKET_MAX);
}

static void check_interfaces(const LaSource *source)
{
  unsigned count = 0;
  const LaInterface *interfaces = la_source_interfaces(source, &count);
  uint64_t packets = 0;
  for (unsigned i = 0; i < count; i++) {
    packets += interfaces[i].packets;
    check(interfaces[i].kernel_drops >= -1 && interfaces[i].interface_drops >= -1);
    check(interfaces[i].time_went_back <= interfaces[i].packets);
    check(interfaces[i].name == NULL || strlen(interfaces[i].name) <= 255);
  }
  check(count == 0 || packets > 0 || interfaces[0].last_time == LA_TIME_NONE);
  (void)la_source_snaplen(source);
  (void)la_source_stated_end(source);
}

static Outcome read_all(LaSource *source, unsigned batch)
{
  Outcome outcome = {.end = LA_READ_PACKET};
  LaPacketView packets[BATCH];
  unsigned n = 0;
  while (outcome.packets < PACKETS_MAX && (n = la_source_next_batch(source, packets, batch, &outcome.end)) != 0) {
    check(n <= batch && outcome.end == LA_READ_PACKET);
    for (unsigned i = 0; i < n && outcome.packets < PACKETS_MAX; i++) {
      check(packets[i].interface < UINT32_MAX);
      add_packet(&outcome, &packets[i]);
    }
  }
  check_interfaces(source);
  if (n == 0)
    check((outcome.end == LA_READ_BROKEN) == (la_source_error(source) != NULL));
  outcome.error = g_strdup(n == 0 ? la_source_error(source) : NULL);
  la_source_free(source);
  return outcome;
}

/* Opens `fd` and reads it; a refusal is an outcome too. */
static Outcome outcome_of(int fd, unsigned batch)
{
  GError *error = NULL;
  LaSource *source = la_source_open_fd(fd, "fuzz", &error);
  if (source != NULL)
    return read_all(source, batch);
  check(error != NULL && strchr(error->message, '\n') == NULL);
  Outcome outcome = {.end = LA_READ_BROKEN, .error = g_strdup(error->message)};
  g_error_free(error);
  return outcome;
}

static void check_same(Outcome a, Outcome b)
{
  check(a.packets == b.packets && a.sum == b.sum);
  check(a.packets == PACKETS_MAX || (a.end == b.end && g_strcmp0(a.error, b.error) == 0));
  g_free(b.error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  int file = memfd_create("fuzz", MFD_CLOEXEC);
  check(file >= 0 && write(file, data, size) == (ssize_t)size);
  Outcome single = {0};
  for (unsigned batch = 1; batch <= BATCH; batch += BATCH - 1) {
    check(lseek(file, 0, SEEK_SET) == 0);
    Outcome outcome = outcome_of(dup(file), batch);
    if (batch == 1)
      single = outcome;
    else
      check_same(single, outcome);
  }
  close(file);
  int ends[2];
  if (size <= 60000) { /* a pipe holds that much without a reader */
    check(pipe2(ends, O_CLOEXEC) == 0);
    size_t half = size / 2;
    check(write(ends[1], data, half) == (ssize_t)half && write(ends[1], data + half, size - half) == (ssize_t)(size - half));
    close(ends[1]);
    check_same(single, outcome_of(ends[0], BATCH));
  }
  g_free(single.error);
  return 0;
}
