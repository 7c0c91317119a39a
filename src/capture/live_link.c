/* The network namespace to capture in, its interfaces, and what becomes of them: rtnetlink tells when one goes down, comes up
 * again, or is deleted. libpcap's ring goes on by itself when an interface comes back; one that was deleted never does. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/error.h"
#include "capture/live_private.h"

/* ---- namespaces ---- */

static char *namespace_path(const char *netns, GError **error)
{
  if (!g_str_has_prefix(netns, "pid:"))
    return g_strdup(netns);
  guint64 pid;
  if (g_ascii_string_to_unsigned(netns + 4, 10, 1, INT32_MAX, &pid, NULL))
    return g_strdup_printf("/proc/%" G_GUINT64_FORMAT "/ns/net", pid);
  la_error_set(error, LA_ERROR_USAGE, "--netns wants PATH or pid:N, not '%s'", netns);
  return NULL;
}

bool la_live_enter(const char *netns, int *ret_back, GError **error)
{
  if (netns == NULL)
    return true;
  g_autofree char *path = namespace_path(netns, error);
  if (path == NULL)
    return false;
  int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (back >= 0 && fd >= 0 && setns(fd, CLONE_NEWNET) == 0) {
    close(fd);
    *ret_back = back;
    return true;
  }
  la_error_set(error, LA_ERROR_PERMISSION, "cannot enter the network namespace '%s': %s", netns, g_strerror(errno));
  if (fd >= 0)
    close(fd);
  if (back >= 0)
    close(back);
  return false;
}

void la_live_return(int back)
{
  if (back < 0)
    return;
  /* To one's own namespace there is always a way back: whoever could leave it may enter it. */
  if (setns(back, CLONE_NEWNET) != 0)
    g_assert_not_reached();
  close(back);
}

/* ---- links ---- */

int la_live_link_open(void)
{
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0)
    return -1;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close(fd);
  return -1;
}

static void note_link(LaLive *live, int kind, const struct ifinfomsg *info)
{
  for (unsigned i = 0; i < live->count; i++) {
    const char *name = live->interfaces[i].name;
    if (live->indices[i] == 0 || live->indices[i] != info->ifi_index || live->ports[i].pcap == NULL)
      continue;
    if (kind == RTM_DELLINK) {
      la_live_tell(live, g_strdup_printf("interface '%s' was deleted", name));
      la_live_close_port(live, i);
      continue;
    }
    uint8_t down = (info->ifi_flags & IFF_UP) == 0 ? 1 : 0;
    if (down != live->down[i])
      la_live_tell(live, g_strdup_printf(down != 0 ? "interface '%s' went down; waiting for it to come back"
                                                   : "interface '%s' is up again",
                                         name));
    live->down[i] = down;
  }
}

void la_live_link_read(LaLive *live)
{
  union {
    struct nlmsghdr header;
    char bytes[16384];
  } buffer;
  struct sockaddr_nl from;
  for (unsigned reads = 0; reads < 16; reads++) {
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(live->link_fd, &buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
    if (n <= 0)
      return;
    if (from.nl_pid != 0)
      continue; /* not from the kernel */
    size_t left = (size_t)n;
    for (struct nlmsghdr *message = &buffer.header; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if ((message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK) &&
          message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg))) {
        const struct ifinfomsg *info = NLMSG_DATA(message);
        /* A bridge tells of a port that leaves it in the same words: only family AF_UNSPEC is about the interface. */
        if (info->ifi_family == AF_UNSPEC)
          note_link(live, message->nlmsg_type, info);
      }
    }
  }
}

/* ---- interfaces ---- */

static void free_device(gpointer data)
{
  LaLiveDevice *device = data;
  g_free(device->name);
  g_free(device->description);
  g_ptr_array_unref(device->addresses);
  g_free(device);
}

static void add_address(LaLiveDevice *device, const struct sockaddr *address)
{
  LaAddr addr = {{0}};
  char text[LA_ADDR_TEXT_MAX];
  if (address == NULL || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
    return;
  bool v4 = address->sa_family == AF_INET;
  if (v4)
    memcpy(addr.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
  else
    memcpy(addr.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
  g_ptr_array_add(device->addresses, g_strdup(la_addr_format(&addr, v4 ? LA_FAMILY_IPV4 : LA_FAMILY_IPV6, text)));
}

GPtrArray *la_live_devices(const char *netns, GError **error)
{
  int back = -1;
  if (!la_live_enter(netns, &back, error))
    return NULL;
  pcap_if_t *all = NULL;
  char why[PCAP_ERRBUF_SIZE] = "";
  if (pcap_findalldevs(&all, why) != 0) {
    la_live_return(back);
    la_error_set(error, LA_ERROR_PERMISSION, "cannot list the interfaces: %s", why);
    return NULL;
  }
  GPtrArray *devices = g_ptr_array_new_with_free_func(free_device);
  for (const pcap_if_t *at = all; at != NULL; at = at->next) {
    /* libpcap also lists what is no network interface: Bluetooth, D-Bus, netfilter's logs. */
    if (strcmp(at->name, "any") != 0 && if_nametoindex(at->name) == 0)
      continue;
    LaLiveDevice *device = g_new0(LaLiveDevice, 1);
    device->name = g_strdup(at->name);
    device->description = g_strdup(at->description);
    device->addresses = g_ptr_array_new_with_free_func(g_free);
    device->up = (at->flags & PCAP_IF_UP) != 0;
    device->running = (at->flags & PCAP_IF_RUNNING) != 0;
    device->loopback = (at->flags & PCAP_IF_LOOPBACK) != 0;
    device->wireless = (at->flags & PCAP_IF_WIRELESS) != 0;
    for (const pcap_addr_t *a = at->addresses; a != NULL; a = a->next)
      add_address(device, a->addr);
    g_ptr_array_add(devices, device);
  }
  pcap_freealldevs(all);
  la_live_return(back);
  return devices;
}
