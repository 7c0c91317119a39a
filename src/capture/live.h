/* Packets as they pass: one or several network interfaces, read through libpcap (on Linux a TPACKET_V3 ring of each).
 *
 * The counterpart of LaSource for captures that are not over yet: it never waits inside a read and it can say up to which moment all
 * packets have been given. Nothing here reads a clock: the caller hands the time in. */
#ifndef LA_CAPTURE_LIVE_H
#define LA_CAPTURE_LIVE_H

#include <glib.h>
#include <poll.h>
#include <stdbool.h>

#include "capture/packet_view.h"
#include "capture/source.h"

typedef struct LaLive LaLive;

typedef enum {
  LA_LIVE_ORDINARY, /* what is addressed to this machine, or sent by it */
  LA_LIVE_PROMISCUOUS,
} LaLiveHears;

#define LA_LIVE_SNAPLEN 256                 /* headers, through tunnels */
#define LA_LIVE_SNAPLEN_WHOLE 262144        /* -s 0 */
#define LA_LIVE_BUFFER (UINT32_C(16) << 20) /* for each interface */
#define LA_LIVE_INTERFACES_MAX 64

/* What to capture on. Texts are borrowed for the call. */
typedef struct {
  const char *const *interfaces; /* names; `any` is all of them */
  unsigned interface_count;      /* 1 to LA_LIVE_INTERFACES_MAX */
  const char *netns;             /* a network namespace: its file, or "pid:N"; NULL: this process's own */
  const char *filter;            /* BPF as in pcap-filter(7); NULL: every packet */
  uint32_t snaplen;              /* bytes kept of a packet, 1 to LA_LIVE_SNAPLEN_WHOLE */
  uint32_t buffer;               /* bytes of the ring between the kernel and us, for each interface */
  LaLiveHears hears;
} LaLiveOptions;

typedef enum {
  LA_LIVE_PACKETS, /* there is at least one */
  LA_LIVE_QUIET,   /* none now */
  LA_LIVE_GONE,    /* all interfaces have been deleted, or failed for good: la_live_news says how */
} LaLiveResult;

/* What became of the packets of an interface since it was opened. */
typedef struct {
  uint64_t received;        /* seen by the kernel's filter, dropped ones included */
  uint64_t kernel_drops;    /* that found no room in the ring */
  uint64_t interface_drops; /* by the interface, where the driver tells */
} LaLiveStatistics;

/* Opens all interfaces. NULL and LA_ERROR_PERMISSION with one clear line when there is no such interface or namespace, or no right
 * to capture on it; LA_ERROR_USAGE when the filter is none. (transfer full) */
LaLive *la_live_open(const LaLiveOptions *options, GError **error);
void la_live_free(LaLive *live);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaLive, la_live_free)

/* Takes up to `max` packets, without waiting, in order of their times across interfaces; returns how many. Their bytes are borrowed until
 * the next call. `now` is the clock of the packets' times (UTC): with several interfaces a packet is held back until no earlier one
 * can come from another, at most some 150 ms. Frame numbers count from 1. */
unsigned la_live_next_batch(LaLive *live, LaTime now, LaPacketView *packets, unsigned max, LaLiveResult *ret_result);

/* After LA_LIVE_QUIET: all packets before this moment have been given, as far as the kernel tells. */
LaTime la_live_settled_until(const LaLive *live, LaTime now);

/* Waits until there may be packets, one of the `count` descriptors of `others` is ready (their revents tell), a signal was
 * handled, or `timeout_ms` have passed. `count` is at most LA_LIVE_OTHERS_MAX. */
#define LA_LIVE_OTHERS_MAX 8
void la_live_wait(LaLive *live, struct pollfd *others, unsigned count, int timeout_ms);

/* The interfaces in the order they were named; `*ret_count` of them. (borrowed until the next call of la_live_next_batch) */
const LaInterface *la_live_interfaces(const LaLive *live, unsigned *ret_count);

/* Asks the kernel; cheap enough for every second. */
LaLiveStatistics la_live_statistics(LaLive *live, unsigned interface);

/* Asks for the drops of all interfaces, and adds to `losses` how many there were since this was called last (or since the capture
 * began), as a stretch from then to `now`. A few microseconds: to be called several times a second, for what was lost is not known closer. */
void la_live_read_losses(LaLive *live, LaTime now, LaLosses *losses);

/* A stretch of losses of one interface, and how its figures stood at both ends. */
typedef struct {
  LaLoss stretch;
  LaLiveStatistics before, after;
} LaLiveLoss;

/* What la_live_read_losses has read of an interface's losses since this was called last, as one stretch; false: none. For who writes it
 * down. */
bool la_live_take_loss(LaLive *live, unsigned interface, LaLiveLoss *ret_loss);

/* How many packets the interfaces have carried since they exist, whatever the filter says; 0 when the kernel does not tell. */
uint64_t la_live_carried(const LaLive *live);

/* What happened to an interface ("eth0 went down; waiting for it to come back") since the last call, one line each; NULL: nothing
 * more. (transfer full) */
char *la_live_news(LaLive *live);

/* One interface of this machine. */
typedef struct {
  char *name;
  char *description;    /* NULL: none */
  GPtrArray *addresses; /* of char * */
  uint8_t up, running, loopback, wireless;
} LaLiveDevice;

/* All interfaces that can be captured on in `netns` (as in LaLiveOptions), those that carry something first. NULL and
 * LA_ERROR_PERMISSION. (transfer full, of LaLiveDevice) */
GPtrArray *la_live_devices(const char *netns, GError **error);

#endif
