/* Each interface has a ring that the kernel fills in blocks, and hands over when a block is full or has waited for a moment
 * (LA_LIVE_BLOCK_MS). A read takes up to a batch of packets out of the ring into the interface's own queue, bytes included: a packet's
 * place in the ring is the kernel's again as soon as its block is done, which may be in the middle of a batch. With 256 bytes a packet the
 * copy costs less than one cache miss.
 *
 * With several interfaces the queues are merged by time. The head of one queue may be given when every other queue has a head, too,
 * or is empty and was found empty so late that nothing earlier can come from it any more. A clock that steps back makes packets wait for
 * nothing: a head from the future is given at once. */
#include "capture/live.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/nearest.h"
#include "capture/link_type.h"
#include "capture/live_private.h"

/* More bytes than this end a read, however few packets they are. */
#define READ_BYTES ((size_t)4 << 20)

static const char *nearest_device(const char *name, GPtrArray **ret_devices)
{
  GPtrArray *devices = la_live_devices(NULL, NULL);
  *ret_devices = devices;
  if (devices == NULL)
    return NULL;
  g_autofree const char **names = g_new0(const char *, devices->len + 1);
  for (unsigned i = 0; i < devices->len; i++)
    names[i] = ((LaLiveDevice *)g_ptr_array_index(devices, i))->name;
  return la_nearest(name, names, devices->len);
}

static void tell_unknown(const char *name, GError **error)
{
  GPtrArray *devices = NULL;
  const char *nearest = nearest_device(name, &devices);
  if (nearest != NULL)
    la_error_set(error, LA_ERROR_PERMISSION, "no interface '%s', did you mean '%s'? (lastack interfaces lists them)", name,
                 nearest);
  else
    la_error_set(error, LA_ERROR_PERMISSION, "no interface '%s' (lastack interfaces lists them)", name);
  if (devices != NULL)
    g_ptr_array_unref(devices);
}

/* What pcap_activate said, as one line. */
static void tell_activation(pcap_t *pcap, const char *name, int status, GError **error)
{
  switch (status) {
  case PCAP_ERROR_NO_SUCH_DEVICE: tell_unknown(name, error); return;
  case PCAP_ERROR_PERM_DENIED:
  case PCAP_ERROR_PROMISC_PERM_DENIED:
    la_error_set(error, LA_ERROR_PERMISSION,
                 "no permission to capture on '%s': run as root, or give the program the right once: "
                 "setcap cap_net_raw+ep PROGRAM",
                 name);
    return;
  case PCAP_ERROR_IFACE_NOT_UP: la_error_set(error, LA_ERROR_PERMISSION, "interface '%s' is down", name); return;
  default: {
    const char *why = pcap_geterr(pcap);
    la_error_set(error, LA_ERROR_PERMISSION, "cannot capture on '%s': %s", name,
                 why != NULL && *why != '\0' ? why : pcap_statustostr(status));
  }
  }
}

/* The link type with a number that files know; `any` with the interface's number in front of each packet where that is possible. */
static void settle_link_type(LaLivePort *port)
{
  if (pcap_datalink(port->pcap) == DLT_LINUX_SLL)
    (void)pcap_set_datalink(port->pcap, DLT_LINUX_SLL2); /* the older header serves, too */
  port->link_type = la_link_type_of_dlt(pcap_datalink(port->pcap));
}

/* In the kernel where it can; else, when it is a filter at all, here. */
static bool set_filter(LaLive *live, LaLivePort *port, const char *filter, GError **error)
{
  if (filter == NULL)
    return true;
  struct bpf_program program;
  if (pcap_compile(port->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0) {
    int set = pcap_setfilter(port->pcap, &program);
    pcap_freecode(&program);
    if (set == 0)
      return true;
  }
  g_autofree char *why = g_strdup(pcap_geterr(port->pcap));
  if (live->filter == NULL)
    live->filter = la_filter_new(filter, NULL);
  if (live->filter != NULL)
    return true;
  la_error_set(error, LA_ERROR_USAGE, "not a filter: %s: %s", filter, why);
  return false;
}

static bool open_port(LaLive *live, unsigned index, const LaLiveOptions *options, GError **error)
{
  const char *name = options->interfaces[index];
  LaLivePort *port = &live->ports[index];
  char why[PCAP_ERRBUF_SIZE] = "";
  port->read_at = LA_TIME_NONE;
  port->pcap = pcap_create(name, why);
  if (port->pcap == NULL) {
    la_error_set(error, LA_ERROR_PERMISSION, "cannot capture on '%s': %s", name, why);
    return false;
  }
  pcap_set_snaplen(port->pcap, (int)options->snaplen);
  pcap_set_timeout(port->pcap, LA_LIVE_BLOCK_MS);
  pcap_set_buffer_size(port->pcap, (int)MIN(options->buffer, INT32_MAX));
  pcap_set_promisc(port->pcap, options->hears == LA_LIVE_PROMISCUOUS ? 1 : 0);
  pcap_set_tstamp_precision(port->pcap, PCAP_TSTAMP_PRECISION_NANO);
  int status = pcap_activate(port->pcap);
  if (status < 0) {
    tell_activation(port->pcap, name, status, error);
    return false;
  }
  if (pcap_setnonblock(port->pcap, 1, why) != 0) {
    la_error_set(error, LA_ERROR_PERMISSION, "cannot capture on '%s': %s", name, why);
    return false;
  }
  settle_link_type(port);
  if (!set_filter(live, port, options->filter, error))
    return false;
  live->indices[index] = (int)if_nametoindex(name);
  live->interfaces[index] = (LaInterface){
      .link_type = port->link_type,
      .snaplen = options->snaplen,
      .name = g_strdup(name),
      .filter = g_strdup(options->filter),
      .kernel_drops = 0,
      .interface_drops = -1,
      .last_time = LA_TIME_NONE,
  };
  return true;
}

LaLive *la_live_open(const LaLiveOptions *options, GError **error)
{
  int back = -1;
  if (!la_live_enter(options->netns, &back, error))
    return NULL;
  LaLive *live = g_new0(LaLive, 1);
  live->ports = g_new0(LaLivePort, options->interface_count);
  live->interfaces = g_new0(LaInterface, options->interface_count);
  live->indices = g_new0(int, options->interface_count);
  live->down = g_new0(uint8_t, options->interface_count);
  live->count = options->interface_count;
  g_queue_init(&live->news);
  live->link_fd = la_live_link_open();
  live->figures_fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
  bool ok = true;
  for (unsigned i = 0; i < live->count && ok; i++)
    ok = open_port(live, i, options, error);
  la_live_return(back);
  if (ok)
    return live;
  la_live_free(live);
  return NULL;
}

void la_live_close_port(LaLive *live, unsigned index)
{
  LaLivePort *port = &live->ports[index];
  if (port->pcap == NULL)
    return;
  (void)la_live_statistics(live, index);
  pcap_close(port->pcap);
  port->pcap = NULL;
}

void la_live_free(LaLive *live)
{
  if (live == NULL)
    return;
  for (unsigned i = 0; i < live->count; i++) {
    if (live->ports[i].pcap != NULL)
      pcap_close(live->ports[i].pcap);
    g_free(live->ports[i].bytes);
    g_free((char *)(uintptr_t)live->interfaces[i].name); /* const only for those who look */
    g_free((char *)(uintptr_t)live->interfaces[i].filter);
  }
  if (live->link_fd >= 0)
    close(live->link_fd);
  if (live->figures_fd >= 0)
    close(live->figures_fd);
  la_filter_free(live->filter);
  g_queue_clear_full(&live->news, g_free);
  g_free(live->ports);
  g_free(live->interfaces);
  g_free(live->indices);
  g_free(live->down);
  g_free(live);
}

/* ---- packets ---- */

/* libpcap's callback: one packet into the queue. */
static void queue_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
  LaLivePort *port = (LaLivePort *)(void *)user;
  uint32_t len = MIN(header->caplen, (uint32_t)LA_LIVE_SNAPLEN_WHOLE);
  if (port->count == LA_LIVE_QUEUE)
    return; /* never asked for more */
  if (port->room - port->used < len) {
    port->room = MAX(2 * port->room, port->used + MAX(len, 65536u));
    port->bytes = g_realloc(port->bytes, port->room);
  }
  memcpy(port->bytes + port->used, bytes, len);
  port->queue[port->count++] = (LaLiveQueued){
      .time = (LaTime)header->ts.tv_sec * LA_SEC + header->ts.tv_usec, /* nanoseconds, as was asked for */
      .at = port->used,
      .captured_len = len,
      .wire_len = MAX(header->len, len),
  };
  port->used += len;
  if (port->used >= READ_BYTES)
    pcap_breakloop(port->pcap);
}

/* Takes packets out of the ring when the queue is empty. */
static void fill(LaLive *live, unsigned index)
{
  LaLivePort *port = &live->ports[index];
  if (port->pcap == NULL || port->next < port->count)
    return;
  port->count = port->next = 0;
  port->used = 0;
  int result = pcap_dispatch(port->pcap, (int)LA_LIVE_QUEUE, queue_packet, (u_char *)port);
  if (result >= 0 || result == PCAP_ERROR_BREAK)
    return;
  if (live->link_fd >= 0)
    la_live_link_read(live); /* it knows better than libpcap why */
  if (port->pcap == NULL)
    return;
  const char *why = pcap_geterr(port->pcap);
  const char *name = live->interfaces[index].name;
  la_live_tell(live, strstr(why, "disappeared") != NULL ? g_strdup_printf("interface '%s' was deleted", name)
                                                        : g_strdup_printf("interface '%s': %s", name, why));
  la_live_close_port(live, index);
}

/* Gives the next packet of a queue; false when the filter does not want it. */
static bool give(LaLive *live, unsigned index, LaPacketView *packet)
{
  LaLivePort *port = &live->ports[index];
  LaInterface *interface = &live->interfaces[index];
  const LaLiveQueued *queued = &port->queue[port->next++];
  *packet = (LaPacketView){
      .data = port->bytes + queued->at,
      .captured_len = queued->captured_len,
      .wire_len = queued->wire_len,
      .time = queued->time,
      .interface = index,
      .link_type = port->link_type,
      .fcs_len = -1,
  };
  bool wanted = true;
  if (live->filter != NULL && !la_filter_match(live->filter, packet, &wanted, NULL))
    wanted = true; /* what cannot be judged is better shown */
  if (!wanted)
    return false;
  packet->frame = ++live->frames;
  interface->packets++;
  if (interface->last_time != LA_TIME_NONE && queued->time < interface->last_time)
    interface->time_went_back++;
  interface->last_time = queued->time;
  return true;
}

static unsigned take_one(LaLive *live, LaPacketView *packets, unsigned max)
{
  LaLivePort *port = &live->ports[0];
  unsigned n = 0;
  while (port->next < port->count && n < max)
    n += give(live, 0, &packets[n]) ? 1 : 0;
  return n;
}

/* The queue whose head is the earliest; live->count when none may be given now. */
static unsigned earliest(const LaLive *live, LaTime now, const bool *empty_from_start)
{
  unsigned best = live->count;
  bool waits = false;
  for (unsigned i = 0; i < live->count; i++) {
    const LaLivePort *port = &live->ports[i];
    if (port->next == port->count) {
      if (!empty_from_start[i])
        return live->count; /* it may have more: a new batch begins */
      waits = waits || port->pcap != NULL;
      continue;
    }
    if (best == live->count || port->queue[port->next].time < live->ports[best].queue[live->ports[best].next].time)
      best = i;
  }
  if (best == live->count || !waits)
    return best;
  LaTime time = live->ports[best].queue[live->ports[best].next].time;
  return time <= now - LA_LIVE_HOLD || time > now ? best : live->count;
}

static unsigned take_merged(LaLive *live, LaTime now, LaPacketView *packets, unsigned max)
{
  bool empty[LA_LIVE_INTERFACES_MAX];
  for (unsigned i = 0; i < live->count; i++)
    empty[i] = live->ports[i].next == live->ports[i].count;
  unsigned n = 0;
  unsigned index;
  while (n < max && (index = earliest(live, now, empty)) < live->count)
    n += give(live, index, &packets[n]) ? 1 : 0;
  return n;
}

unsigned la_live_next_batch(LaLive *live, LaTime now, LaPacketView *packets, unsigned max, LaLiveResult *ret_result)
{
  if (live->link_fd >= 0)
    la_live_link_read(live);
  bool open = false;
  for (unsigned i = 0; i < live->count; i++) {
    fill(live, i);
    open = open || live->ports[i].pcap != NULL || live->ports[i].next < live->ports[i].count;
  }
  unsigned n = live->count == 1 ? take_one(live, packets, max) : take_merged(live, now, packets, max);
  *ret_result = n != 0 ? LA_LIVE_PACKETS : open ? LA_LIVE_QUIET : LA_LIVE_GONE;
  return n;
}

LaTime la_live_settled_until(const LaLive *live, LaTime now)
{
  LaTime until = now - LA_LIVE_HOLD;
  for (unsigned i = 0; i < live->count; i++) {
    const LaLivePort *port = &live->ports[i];
    if (port->next < port->count)
      until = MIN(until, port->queue[port->next].time);
  }
  return until;
}

void la_live_wait(LaLive *live, struct pollfd *others, unsigned count, int timeout_ms)
{
  struct pollfd fds[LA_LIVE_INTERFACES_MAX + 1 + LA_LIVE_OTHERS_MAX];
  nfds_t n = 0;
  g_assert(count <= LA_LIVE_OTHERS_MAX);
  for (unsigned i = 0; i < count; i++)
    fds[n++] = others[i];
  for (unsigned i = 0; i < live->count; i++) {
    if (live->ports[i].pcap == NULL)
      continue;
    if (live->ports[i].next < live->ports[i].count)
      timeout_ms = MIN(timeout_ms, LA_LIVE_BLOCK_MS); /* held back for a moment */
    const struct timeval *required = pcap_get_required_select_timeout(live->ports[i].pcap);
    if (required != NULL)
      timeout_ms = MIN(timeout_ms, MAX(20, (int)(required->tv_sec * 1000 + required->tv_usec / 1000)));
    fds[n++] = (struct pollfd){.fd = pcap_get_selectable_fd(live->ports[i].pcap), .events = POLLIN};
  }
  if (live->link_fd >= 0)
    fds[n++] = (struct pollfd){.fd = live->link_fd, .events = POLLIN};
  if (poll(fds, n, timeout_ms) <= 0)
    for (unsigned i = 0; i < count; i++)
      fds[i].revents = 0;
  for (unsigned i = 0; i < count; i++)
    others[i].revents = fds[i].revents;
}

/* ---- figures ---- */

const LaInterface *la_live_interfaces(const LaLive *live, unsigned *ret_count)
{
  *ret_count = live->count;
  return live->interfaces;
}

LaLiveStatistics la_live_statistics(LaLive *live, unsigned interface)
{
  LaLivePort *port = &live->ports[interface];
  struct pcap_stat now;
  if (port->pcap == NULL || pcap_stats(port->pcap, &now) != 0)
    return port->statistics;
  port->statistics.received += (uint32_t)(now.ps_recv - port->last.ps_recv);
  port->statistics.kernel_drops += (uint32_t)(now.ps_drop - port->last.ps_drop);
  port->statistics.interface_drops += (uint32_t)(now.ps_ifdrop - port->last.ps_ifdrop);
  port->last = now;
  live->interfaces[interface].kernel_drops = (int64_t)port->statistics.kernel_drops;
  live->interfaces[interface].interface_drops = (int64_t)port->statistics.interface_drops;
  return port->statistics;
}

static void note_loss(LaLivePort *port, const LaLiveLoss *loss)
{
  LaLiveLoss *all = &port->untaken;
  if (all->stretch.packets == 0) {
    *all = *loss;
    return;
  }
  all->stretch.from = MIN(all->stretch.from, loss->stretch.from);
  all->stretch.until = MAX(all->stretch.until, loss->stretch.until);
  all->stretch.packets += loss->stretch.packets;
  all->after = loss->after;
}

void la_live_read_losses(LaLive *live, LaTime now, LaLosses *losses)
{
  for (unsigned i = 0; i < live->count; i++) {
    LaLivePort *port = &live->ports[i];
    LaLiveLoss loss = {.before = port->read, .after = la_live_statistics(live, i)};
    /* A clock that stepped back meanwhile: the stretch is between the two all the same. LA_TIME_NONE is before all. */
    loss.stretch = (LaLoss){.from = MIN(port->read_at, now),
                            .until = MAX(port->read_at, now),
                            .packets = loss.after.kernel_drops + loss.after.interface_drops - loss.before.kernel_drops -
                                       loss.before.interface_drops};
    if (loss.stretch.packets != 0) {
      la_losses_add(losses, loss.stretch);
      note_loss(port, &loss);
    }
    port->read = loss.after;
    port->read_at = now;
  }
}

bool la_live_take_loss(LaLive *live, unsigned interface, LaLiveLoss *ret_loss)
{
  LaLivePort *port = &live->ports[interface];
  if (port->untaken.stretch.packets == 0)
    return false;
  *ret_loss = port->untaken;
  port->untaken.stretch.packets = 0;
  return true;
}

static bool is_captured(const LaLive *live, const char *name)
{
  for (unsigned i = 0; i < live->count; i++)
    if (strcmp(live->interfaces[i].name, "any") == 0 || strcmp(live->interfaces[i].name, name) == 0)
      return true;
  return false;
}

uint64_t la_live_carried(const LaLive *live)
{
  char text[16384];
  ssize_t len = live->figures_fd >= 0 ? pread(live->figures_fd, text, sizeof text - 1, 0) : -1;
  if (len <= 0)
    return 0;
  text[len] = '\0';
  uint64_t sum = 0;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++) {
    char *colon = strchr(lines[i], ':');
    unsigned long long in, out;
    if (colon == NULL)
      continue;
    *colon = '\0';
    if (is_captured(live, g_strstrip(lines[i])) &&
        sscanf(colon + 1, "%*u %llu %*u %*u %*u %*u %*u %*u %*u %llu", &in, &out) == 2)
      sum += in + out;
  }
  return sum;
}

char *la_live_news(LaLive *live)
{
  return g_queue_pop_head(&live->news);
}
