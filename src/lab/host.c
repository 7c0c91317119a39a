/* Theory of operation.
 *
 * The wire is a pair of virtual Ethernet interfaces, one end in the host, one in the router, without address resolution: the router is the
 * only one there, knows both MAC addresses and writes them itself. No offloads: each frame is one segment with its checksum. The
 * router's namespace has no addresses; what forwards is this program.
 *
 * What the machine is tuned to (its default congestion control, for one) must not show in a recording, so the settings that matter are
 * set here, where the kernel has them. */
#include "lab/host.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/netns.h"
#include "lab/actor.h"

#define WIRE "path0"

/* The same on every machine; older kernels lack some. */
static const struct {
  const char *name, *value;
} defaults[] = {
    {"ipv4/tcp_congestion_control", "cubic"},
    {"ipv4/tcp_timestamps", "1"},
    {"ipv4/tcp_sack", "1"},
    {"ipv4/tcp_window_scaling", "1"},
    {"ipv4/tcp_no_metrics_save", "1"},
    {"ipv4/tcp_syncookies", "1"},
    {"ipv4/tcp_fastopen", "3"},
    {"ipv4/tcp_fastopen_blackhole_timeout_sec", "0"},
    {"ipv4/tcp_tw_reuse", "0"},
    {"ipv4/tcp_rmem", "4096 131072 6291456"},
    {"ipv4/tcp_wmem", "4096 16384 4194304"},
    {"ipv4/icmp_ratemask", "0"},
    {"ipv4/tcp_syn_linear_timeouts", "4"},
};

static void set_defaults(const LaLabHostSetup *setup)
{
  for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++)
    la_link_set_sysctl(defaults[i].name, defaults[i].value, NULL);
  /* No neighbours, no routers, nothing that talks by itself. */
  la_link_set_sysctl("ipv6/conf/default/disable_ipv6", setup->family == LA_FAMILY_IPV6 ? "0" : "1", NULL);
  la_link_set_sysctl("ipv6/conf/default/accept_ra", "0", NULL);
  la_link_set_sysctl("ipv6/conf/default/router_solicitations", "0", NULL);
  la_link_set_sysctl("ipv6/conf/default/addr_gen_mode", "1", NULL);
}

static bool set_sysctls(const LaLabHostSetup *setup, GError **error)
{
  for (int i = 0; i < LA_LAB_SYSCTLS; i++) {
    const LaLabSysctl *sysctl = &setup->experiment->sysctls[i];
    if (sysctl->name == NULL || (sysctl->end != LA_LAB_END_N && sysctl->end != setup->end))
      continue;
    g_autofree char *path = g_strconcat("ipv4/", sysctl->name, NULL);
    if (!la_link_set_sysctl(path, sysctl->value, error))
      return false;
  }
  return true;
}

/* In the host's namespace, when the wire is there. */
static bool configure(const LaLabHostSetup *setup, GError **error)
{
  if (!la_link_start_loopback(error) || !la_link_start(WIRE, error))
    return false;
  unsigned count = setup->experiment->addresses[setup->end];
  for (unsigned i = 0; i < MAX(count, 1u); i++) {
    LaAddr addr = la_lab_address(&setup->first, setup->family, i);
    if (!la_link_add_address(WIRE, &addr, setup->family, error))
      return false;
  }
  return la_link_add_default_route(WIRE, setup->family, error) && set_sysctls(setup, error);
}

static bool inside(const LaLabHostSetup *setup, int netns, bool (*work)(const LaLabHostSetup *, GError **), GError **error)
{
  if (!la_netns_enter(netns, error))
    return false;
  bool done = work(setup, error);
  return la_netns_enter(setup->router, done ? error : NULL) && done;
}

static bool prepare(const LaLabHostSetup *setup, GError **error G_GNUC_UNUSED)
{
  set_defaults(setup);
  return true;
}

bool la_lab_host_start(const LaLabHostSetup *setup, LaLabHost *ret_host, GError **error)
{
  LaLabHost *host = ret_host;
  *host = LA_LAB_HOST_NONE;
  char router_name[IFNAMSIZ];
  g_snprintf(router_name, sizeof router_name, "%c%u", setup->end == LA_LAB_CLIENT ? 'c' : 's', setup->generation);
  uint8_t base[LA_LINK_MAC_LEN] = {0x02, 0x1a, 0x57, 0xac, (uint8_t)(setup->end == LA_LAB_CLIENT ? 0xc0 : 0x50), 0};
  memcpy(host->mac, base, sizeof base);
  memcpy(host->router_mac, base, sizeof base);
  host->mac[5] = 1;
  host->router_mac[5] = 2;
  host->netns = la_netns_new(error);
  if (host->netns < 0 || !inside(setup, host->netns, prepare, error))
    return false;
  LaLinkEnd here = {.name = router_name, .netns = setup->router}, there = {.name = WIRE, .netns = host->netns};
  memcpy(here.mac, host->router_mac, sizeof here.mac);
  memcpy(there.mac, host->mac, sizeof there.mac);
  if (!la_link_make_pair(&here, &there, error) || !la_link_start(router_name, error))
    return false;
  host->packets = la_link_open_packets(router_name, error);
  if (host->packets < 0 || !inside(setup, host->netns, configure, error))
    return false;
  host->diag = la_inet_diag_open_netns(host->netns, error);
  return host->diag != NULL;
}

void la_lab_host_unplug(const LaLabHost *host, int router)
{
  if (!la_netns_enter(host->netns, NULL))
    return;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {0};
  g_strlcpy(request.ifr_name, WIRE, sizeof request.ifr_name);
  if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = (short)(request.ifr_flags & ~IFF_UP);
    ioctl(fd, SIOCSIFFLAGS, &request);
  }
  if (fd >= 0)
    close(fd);
  la_netns_enter(router, NULL);
}

void la_lab_host_clear(LaLabHost *host)
{
  if (host->diag != NULL)
    la_inet_diag_destroy_all(host->diag);
  la_inet_diag_free(host->diag);
  if (host->packets >= 0)
    close(host->packets);
  if (host->netns >= 0)
    close(host->netns);
  *host = LA_LAB_HOST_NONE;
}
