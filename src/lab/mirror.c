/* Theory of operation.
 *
 * A frame of an experiment has addresses that mean nothing outside of it, and comes from a host that is not there. On a real network it
 * would be a nuisance, and on the loopback the machine's own stack would answer it. So an interface is taken only when its driver says
 * that it leads nowhere (dummy) or to somebody on this machine who asked for it (veth). */
#include "lab/mirror.h"

#include <errno.h>
#include <net/if.h> /* before the kernel's own, which then leaves out what is the same */
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

/* Whether the interface of `request` is one that frames may be sent from; tells why not. */
static bool may_send(int fd, const char *name, struct ifreq *request, GError **error)
{
  static const char *const kinds[] = {"dummy", "veth"};
  struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
  struct ifreq about = *request;
  about.ifr_data = (char *)&driver;
  bool known = ioctl(fd, SIOCETHTOOL, &about) == 0;
  bool fits = false;
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
    fits = fits || (known && strcmp(driver.driver, kinds[i]) == 0);
  if (!fits) {
    la_error_set(error, LA_ERROR_USAGE,
                 "--mirror %s: this is no dummy and no veth interface, and what is sent there might leave this machine", name);
    return false;
  }
  short flags = ioctl(fd, SIOCGIFFLAGS, request) == 0 ? request->ifr_flags : 0;
  if ((flags & IFF_UP) == 0)
    la_error_set(error, LA_ERROR_PERMISSION, "--mirror %s: the interface is down: ip link set %s up", name, name);
  else if ((flags & IFF_RUNNING) == 0)
    la_error_set(error, LA_ERROR_PERMISSION, "--mirror %s: the other end of this veth interface is down", name);
  else
    return true;
  return false;
}

int la_lab_mirror_open(const char *name, GError **error)
{
  unsigned index = strlen(name) < IFNAMSIZ ? if_nametoindex(name) : 0;
  if (index == 0) {
    la_error_set(error, LA_ERROR_PERMISSION, "--mirror %s: no such interface: 'lastack interfaces' lists them", name);
    return -1;
  }
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* protocol 0: nothing is received */
  if (fd < 0) {
    int code = errno;
    la_error_set(error, LA_ERROR_PERMISSION, "--mirror %s: sending there needs root or CAP_NET_RAW: %s", name,
                 g_strerror(code));
    return -1;
  }
  struct ifreq request = {0};
  g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)index};
  if (may_send(fd, name, &request, error)) {
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
      return fd;
    int code = errno;
    la_error_set(error, LA_ERROR_PERMISSION, "--mirror %s: cannot send there: %s", name, g_strerror(code));
  }
  close(fd);
  return -1;
}
