#include "diagnose/icmp_words.h"

#include <glib.h>

#include "base/addr.h"

static const char *const unreachable[] = {
    "network unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "fragmentation needed",
    "source route failed",
    "network unknown",
    "host unknown",
    "source host isolated",
    "network prohibited",
    "host prohibited",
    "network unreachable for this type of service",
    "host unreachable for this type of service",
    "administratively prohibited",
    "host precedence violation",
    "precedence cutoff",
};

static const char *const unreachable6[] = {
    "no route",
    "administratively prohibited",
    "beyond the scope of the source address",
    "address unreachable",
    "port unreachable",
    "source address failed a policy",
    "route rejected",
    "error in the source routing header",
};

const char *la_icmp_words(uint8_t family, unsigned type, unsigned code)
{
  if (family == LA_FAMILY_IPV4) {
    if (type == 3)
      return code < G_N_ELEMENTS(unreachable) ? unreachable[code] : "unreachable";
    return type == 11 ? "time exceeded" : type == 12 ? "parameter problem" : type == 4 ? "source quench" : "error";
  }
  if (type == 1)
    return code < G_N_ELEMENTS(unreachable6) ? unreachable6[code] : "unreachable";
  return type == 2 ? "packet too big" : type == 3 ? "time exceeded" : type == 4 ? "parameter problem" : "error";
}
