#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

char *la_addr_format(const LaAddr *addr, LaFamily family, char *ret_text)
{
  int af = family == LA_FAMILY_IPV6 ? AF_INET6 : AF_INET;
  if (inet_ntop(af, addr->bytes, ret_text, LA_ADDR_TEXT_MAX) == NULL)
    ret_text[0] = '\0';
  return ret_text;
}

char *la_host_port_format(const LaHostPort *end, char *ret_text)
{
  char text[LA_ADDR_TEXT_MAX];
  la_addr_format(&end->addr, (LaFamily)end->family, text);
  snprintf(ret_text, LA_HOST_PORT_TEXT_MAX, end->family == LA_FAMILY_IPV6 ? "[%s]:%u" : "%s:%u", text, end->port);
  return ret_text;
}

LaFamily la_addr_parse(const char *text, LaAddr *ret_addr)
{
  LaAddr addr = {{0}};
  LaFamily family = LA_FAMILY_NONE;
  if (inet_pton(AF_INET, text, addr.bytes) == 1)
    family = LA_FAMILY_IPV4;
  else if (inet_pton(AF_INET6, text, addr.bytes) == 1)
    family = LA_FAMILY_IPV6;
  if (family != LA_FAMILY_NONE)
    *ret_addr = addr;
  return family;
}

bool la_addr_in_prefix(const LaAddr *addr, const LaAddr *net, unsigned bits)
{
  unsigned whole = bits / 8;
  if (whole > sizeof addr->bytes)
    whole = sizeof addr->bytes;
  if (memcmp(addr->bytes, net->bytes, whole) != 0)
    return false;
  unsigned rest = bits % 8;
  if (rest == 0 || whole == sizeof addr->bytes)
    return true;
  uint8_t mask = (uint8_t)(0xff << (8 - rest));
  return (addr->bytes[whole] & mask) == (net->bytes[whole] & mask);
}
