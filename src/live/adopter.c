/* A socket belongs to the capture when its packets would be in it. Between two addresses of this machine they pass the loopback
 * interface; else the interface that has the socket's own address. Whether the filter lets them through it is asked itself, with one
 * segment of each direction made up for it: an acknowledgment without payload in an Ethernet frame. A filter that asks for more than addresses and
 * ports (flags, lengths, VLAN tags) may say no to that; then the connection begins with its next packet, as it would without the kernel. */
#include "live/adopter.h"

#include <string.h>

#include "capture/filter.h"

#define ETHERNET_LEN 14u
#define TCP_LEN 20u
#define FRAME_MAX (ETHERNET_LEN + 40u + TCP_LEN)
#define LINK_ETHERNET 1u
#define TCP_ACK 0x10u

/* Of an address of this machine, as values of `addresses`. */
#define ON_CAPTURED 2u
#define ELSEWHERE 1u

struct LaAdopter {
  GHashTable *addresses; /* LaHostPort with port 0 (owned) -> ON_CAPTURED or ELSEWHERE */
  LaFilter *filter;      /* NULL: none (owned) */
  bool all;              /* `any` is captured */
  bool loopback;         /* the loopback interface is */
};

static bool is_captured(const LaLiveOptions *options, const char *name)
{
  for (unsigned i = 0; i < options->interface_count; i++)
    if (strcmp(options->interfaces[i], name) == 0)
      return true;
  return false;
}

static void add_device(LaAdopter *adopter, const LaLiveDevice *device, bool captured)
{
  if (device->loopback != 0 && captured)
    adopter->loopback = true;
  for (guint i = 0; i < device->addresses->len; i++) {
    g_autofree char *text = g_strdup(g_ptr_array_index(device->addresses, i));
    text[strcspn(text, "%")] = '\0'; /* the zone of a link-local address */
    LaHostPort key = {.port = 0};
    key.family = (uint8_t)la_addr_parse(text, &key.addr);
    if (key.family == LA_FAMILY_NONE)
      continue;
    /* A link-local address may be on several. */
    bool before = GPOINTER_TO_UINT(g_hash_table_lookup(adopter->addresses, &key)) == ON_CAPTURED;
    g_hash_table_replace(adopter->addresses, g_memdup2(&key, sizeof key),
                         GUINT_TO_POINTER(before || captured ? ON_CAPTURED : ELSEWHERE));
  }
}

LaAdopter *la_adopter_new(const LaLiveOptions *options, GError **error)
{
  g_autoptr(GPtrArray) devices = la_live_devices(options->netns, error);
  if (devices == NULL)
    return NULL;
  LaFilter *filter = options->filter != NULL ? la_filter_new(options->filter, error) : NULL;
  if (options->filter != NULL && filter == NULL)
    return NULL;
  LaAdopter *adopter = g_new0(LaAdopter, 1);
  adopter->filter = filter;
  adopter->all = is_captured(options, "any");
  adopter->addresses = g_hash_table_new_full(la_host_port_hash, la_host_port_equal, g_free, NULL);
  for (guint i = 0; i < devices->len; i++) {
    const LaLiveDevice *device = g_ptr_array_index(devices, i);
    add_device(adopter, device, is_captured(options, device->name));
  }
  return adopter;
}

void la_adopter_free(LaAdopter *adopter)
{
  if (adopter == NULL)
    return;
  g_hash_table_unref(adopter->addresses);
  la_filter_free(adopter->filter);
  g_free(adopter);
}

static unsigned where_is(const LaAdopter *adopter, const LaHostPort *end)
{
  LaHostPort key = {.addr = end->addr, .family = end->family};
  return GPOINTER_TO_UINT(g_hash_table_lookup(adopter->addresses, &key));
}

static bool is_loopback(const LaHostPort *end)
{
  if (end->family == LA_FAMILY_IPV4)
    return end->addr.bytes[0] == 127;
  static const LaAddr one = {.bytes = {[15] = 1}};
  return la_addr_equal(&end->addr, &one);
}

static bool passes_here(const LaAdopter *adopter, const LaAdopted *socket)
{
  if (adopter->all)
    return true;
  if (is_loopback(&socket->peer) || where_is(adopter, &socket->peer) != 0)
    return adopter->loopback;
  return where_is(adopter, &socket->local) == ON_CAPTURED;
}

/* ---- the filter ---- */

static void put16(uint8_t *at, unsigned value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static unsigned make_frame(const LaHostPort *from, const LaHostPort *to, uint8_t *frame)
{
  memset(frame, 0, FRAME_MAX);
  uint8_t *ip = frame + ETHERNET_LEN;
  unsigned ip_len = from->family == LA_FAMILY_IPV4 ? 20 : 40;
  if (from->family == LA_FAMILY_IPV4) {
    put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, ip_len + TCP_LEN);
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, from->addr.bytes, 4);
    memcpy(ip + 16, to->addr.bytes, 4);
  } else {
    put16(frame + 12, 0x86dd);
    ip[0] = 0x60;
    put16(ip + 4, TCP_LEN);
    ip[6] = 6;
    ip[7] = 64;
    memcpy(ip + 8, from->addr.bytes, 16);
    memcpy(ip + 24, to->addr.bytes, 16);
  }
  uint8_t *tcp = ip + ip_len;
  put16(tcp, from->port);
  put16(tcp + 2, to->port);
  tcp[12] = TCP_LEN / 4 << 4;
  tcp[13] = TCP_ACK;
  put16(tcp + 14, UINT16_MAX);
  return ETHERNET_LEN + ip_len + TCP_LEN;
}

static bool is_let_through(const LaAdopter *adopter, const LaHostPort *from, const LaHostPort *to)
{
  uint8_t frame[FRAME_MAX];
  unsigned len = make_frame(from, to, frame);
  LaPacketView packet = {
      .data = frame, .captured_len = len, .wire_len = len, .frame = 1, .link_type = LINK_ETHERNET, .fcs_len = -1};
  bool match = false;
  return la_filter_match(adopter->filter, &packet, &match, NULL) && match;
}

static bool is_asked_for(const LaAdopter *adopter, const LaAdopted *socket)
{
  return adopter->filter == NULL || is_let_through(adopter, &socket->local, &socket->peer) ||
         is_let_through(adopter, &socket->peer, &socket->local);
}

LaAdoptedCount la_adopter_adopt(LaAdopter *adopter, const LaSocketWatch *watch, LaTracker *tracker, LaTime time)
{
  LaAdoptedCount count = {0};
  unsigned at = 0;
  LaAdopted socket;
  while (la_socket_watch_each(watch, &at, &socket)) {
    socket.time = time;
    if (!passes_here(adopter, &socket) || !is_asked_for(adopter, &socket))
      continue;
    LaAdoptResult result = la_tracker_adopt(tracker, &socket);
    count.taken += result == LA_ADOPT_TAKEN;
    count.full += result == LA_ADOPT_FULL;
  }
  return count;
}
