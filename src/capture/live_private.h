/* Inside of LaLive. */
#ifndef LA_CAPTURE_LIVE_PRIVATE_H
#define LA_CAPTURE_LIVE_PRIVATE_H

#include <pcap/pcap.h>
#include <stdbool.h>

#include "capture/filter.h"
#include "capture/live.h"

#define LA_LIVE_QUEUE 128u

/* How long the kernel keeps packets to itself before it hands a block of the ring over that is not full. */
#define LA_LIVE_BLOCK_MS 40
/* After this time all packets before a moment are ours, also when a block was handed over late. */
#define LA_LIVE_HOLD (3 * LA_LIVE_BLOCK_MS * LA_MSEC)

typedef struct {
  LaTime time;
  size_t at; /* in bytes */
  uint32_t captured_len, wire_len;
} LaLiveQueued;

/* An interface, with the packets that were taken from its ring and are not given yet. */
typedef struct {
  pcap_t *pcap; /* NULL: gone */
  uint8_t *bytes;
  size_t used, room;
  LaLiveQueued queue[LA_LIVE_QUEUE];
  unsigned count, next; /* queue[next .. count) are still to be given */
  uint16_t link_type;
  LaLiveStatistics statistics; /* summed, since the kernel's own counters have 32 bits */
  struct pcap_stat last;
  LaLiveStatistics read; /* at read_at (LA_TIME_NONE: never), for the losses since */
  LaTime read_at;
  LaLiveLoss untaken; /* packets 0: nothing was lost since the last la_live_take_loss */
} LaLivePort;

struct LaLive {
  LaLivePort *ports;
  LaInterface *interfaces; /* the same index */
  unsigned count;
  uint64_t frames;
  LaFilter *filter; /* for interfaces whose link type the kernel cannot filter; NULL: none */
  int link_fd;      /* rtnetlink: interfaces that go down, come up, or go away; -1: none */
  int figures_fd;   /* what the interfaces carried; -1: not known */
  int *indices;     /* of the interfaces; 0: `any` */
  uint8_t *down;    /* 1: known to be down */
  GQueue news;      /* of char * */
};

/* Enters `netns` (NULL: stays). Returns the descriptor to go back with, -1 when nothing was entered; false and LA_ERROR_PERMISSION. */
bool la_live_enter(const char *netns, int *ret_back, GError **error);
void la_live_return(int back);

/* Opens the socket that tells of interfaces; -1 when that is not possible. */
int la_live_link_open(void);

/* Reads what it tells, and adds it to the news; an interface that was deleted is closed. */
void la_live_link_read(LaLive *live);

/* Closes an interface's ring for good. */
void la_live_close_port(LaLive *live, unsigned index);

/* Adds to the news. (transfer full) */
static inline void la_live_tell(LaLive *live, char *line)
{
  if (g_queue_get_length(&live->news) < 64)
    g_queue_push_tail(&live->news, line);
  else
    g_free(line);
}

#endif
