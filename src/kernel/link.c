/* Theory of operation.
 *
 * Each function opens a routing socket of its own, asks one thing, and waits for the acknowledgment: these are a few dozen calls for
 * an experiment. A message is built in a buffer of fixed size; nothing in it comes from outside. */
#include "kernel/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h> /* before the kernel's own, which then leaves out what is the same */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

enum {
  RECEIVE_BUFFER = 8 * 1024 * 1024,
};

/* linux/if_packet.h of older systems ends before it. */
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

typedef struct {
  struct nlmsghdr head;
  uint8_t body[512];
} Message;

static void tell(GError **error, const char *what, int code)
{
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "%s: %s", what, g_strerror(code));
}

static void begin(Message *message, uint16_t type, uint16_t flags)
{
  memset(message, 0, sizeof *message);
  message->head = (struct nlmsghdr){.nlmsg_len = NLMSG_HDRLEN,
                                    .nlmsg_type = type,
                                    .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
                                    .nlmsg_seq = 1};
}

/* Appends bytes; the place they were put at. */
static size_t append(Message *message, const void *data, size_t len)
{
  size_t at = NLMSG_ALIGN(message->head.nlmsg_len);
  g_assert(at + len <= sizeof *message);
  memcpy((uint8_t *)message + at, data, len);
  message->head.nlmsg_len = (uint32_t)(at + len);
  return at;
}

static size_t append_attribute(Message *message, uint16_t type, const void *data, size_t len)
{
  struct rtattr head = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
  size_t at = append(message, &head, sizeof head);
  if (len > 0)
    append(message, data, len);
  return at;
}

/* An attribute that holds others; the place is for end_nested. */
static size_t begin_nested(Message *message, uint16_t type)
{
  return append_attribute(message, type, NULL, 0);
}

static void end_nested(Message *message, size_t at)
{
  uint16_t len = (uint16_t)(message->head.nlmsg_len - at);
  memcpy((uint8_t *)message + at, &len, sizeof len);
}

static bool transact(Message *message, const char *what, GError **error)
{
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) {
    tell(error, what, errno);
    return false;
  }
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  struct {
    struct nlmsghdr head;
    int code;
    uint8_t rest[1024];
  } answer = {0};
  int code = 0;
  if (sendto(fd, message, message->head.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ||
      recv(fd, &answer, sizeof answer, 0) < (ssize_t)(sizeof answer.head + sizeof answer.code))
    code = errno != 0 ? errno : EIO;
  else if (answer.head.nlmsg_type != NLMSG_ERROR)
    code = EPROTO;
  else
    code = -answer.code;
  close(fd);
  if (code != 0)
    tell(error, what, code);
  return code == 0;
}

static void append_end(Message *message, const LaLinkEnd *end)
{
  append_attribute(message, IFLA_IFNAME, end->name, strlen(end->name) + 1);
  append_attribute(message, IFLA_ADDRESS, end->mac, sizeof end->mac);
  append_attribute(message, IFLA_NET_NS_FD, &end->netns, sizeof end->netns);
}

bool la_link_make_pair(const LaLinkEnd *a, const LaLinkEnd *b, GError **error)
{
  Message message;
  struct ifinfomsg about = {.ifi_family = AF_UNSPEC};
  begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  append(&message, &about, sizeof about);
  append_end(&message, a);
  size_t info = begin_nested(&message, IFLA_LINKINFO);
  append_attribute(&message, IFLA_INFO_KIND, "veth", strlen("veth"));
  size_t data = begin_nested(&message, IFLA_INFO_DATA);
  size_t peer = begin_nested(&message, VETH_INFO_PEER);
  append(&message, &about, sizeof about);
  append_end(&message, b);
  end_nested(&message, peer);
  end_nested(&message, data);
  end_nested(&message, info);
  return transact(&message, "cannot make a pair of virtual Ethernet interfaces", error);
}

static bool set_flags(int fd, const char *name, short on, GError **error)
{
  struct ifreq request = {0};
  g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
  bool done = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  request.ifr_flags = (short)(request.ifr_flags | on);
  done = done && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  if (!done)
    tell(error, "cannot bring up an interface", errno);
  return done;
}

static bool start(const char *name, short flags, GError **error)
{
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    tell(error, "cannot bring up an interface", errno);
    return false;
  }
  /* What an interface cannot do it need not be told to leave. */
  static const uint32_t offloads[] = {ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
  for (size_t i = 0; i < G_N_ELEMENTS(offloads); i++) {
    struct ethtool_value off = {.cmd = offloads[i], .data = 0};
    struct ifreq request = {0};
    g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    request.ifr_data = (char *)&off;
    ioctl(fd, SIOCETHTOOL, &request);
  }
  bool done = set_flags(fd, name, flags, error);
  close(fd);
  return done;
}

bool la_link_start(const char *name, GError **error)
{
  return start(name, IFF_UP | IFF_NOARP, error);
}

bool la_link_start_loopback(GError **error)
{
  return start("lo", IFF_UP, error);
}

static uint32_t index_of(const char *name, GError **error)
{
  unsigned index = if_nametoindex(name);
  if (index == 0)
    tell(error, "no such interface", errno);
  return index;
}

bool la_link_add_address(const char *name, const LaAddr *addr, LaFamily family, GError **error)
{
  unsigned index = index_of(name, error);
  if (index == 0)
    return false;
  size_t len = family == LA_FAMILY_IPV4 ? 4 : 16;
  struct ifaddrmsg about = {.ifa_family = family == LA_FAMILY_IPV4 ? AF_INET : AF_INET6,
                            .ifa_prefixlen = (uint8_t)(len * 8),
                            .ifa_flags = IFA_F_NODAD,
                            .ifa_index = index};
  Message message;
  begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  append(&message, &about, sizeof about);
  append_attribute(&message, IFA_LOCAL, addr->bytes, len);
  append_attribute(&message, IFA_ADDRESS, addr->bytes, len);
  return transact(&message, "cannot add an address", error);
}

bool la_link_add_default_route(const char *name, LaFamily family, GError **error)
{
  uint32_t index = index_of(name, error);
  if (index == 0)
    return false;
  struct rtmsg about = {.rtm_family = family == LA_FAMILY_IPV4 ? AF_INET : AF_INET6,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_STATIC,
                        .rtm_scope = family == LA_FAMILY_IPV4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                        .rtm_type = RTN_UNICAST};
  Message message;
  begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  append(&message, &about, sizeof about);
  append_attribute(&message, RTA_OIF, &index, sizeof index);
  return transact(&message, "cannot add a route", error);
}

int la_link_open_packets(const char *name, GError **error)
{
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  uint32_t index = fd >= 0 ? index_of(name, error) : 0;
  if (fd < 0) {
    tell(error, "cannot open a packet socket", errno);
    return -1;
  }
  int on = 1, size = RECEIVE_BUFFER;
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
  setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (index != 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
    return fd;
  if (index != 0)
    tell(error, "cannot bind a packet socket", errno);
  close(fd);
  return -1;
}

bool la_link_set_sysctl(const char *setting, const char *value, GError **error)
{
  g_autofree char *path = g_strdup_printf("/proc/sys/net/%s", setting);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  ssize_t len = (ssize_t)strlen(value);
  bool done = fd >= 0 && write(fd, value, (size_t)len) == len;
  int code = errno;
  if (fd >= 0)
    close(fd);
  if (!done)
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot set %s to %s: %s", path, value, g_strerror(code));
  return done;
}
