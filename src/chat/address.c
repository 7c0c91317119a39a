#include "chat/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"

static bool parse_port(const char *text, uint16_t *ret_port)
{
  guint64 port;
  if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &port, NULL))
    return false;
  *ret_port = (uint16_t)port;
  return true;
}

bool la_chat_host_split(const char *text, char **ret_host, uint16_t *ret_port, GError **error)
{
  LaAddr addr;
  uint16_t port = LA_CHAT_DEFAULT_PORT;
  g_autofree char *host = NULL;
  const char *colon = strrchr(text, ':');
  const char *bracket = strchr(text, ']');
  bool ok = text[0] != '\0';
  if (text[0] == '[') {
    ok = bracket != NULL && bracket > text + 1 && (bracket[1] == '\0' || (bracket[1] == ':' && parse_port(bracket + 2, &port)));
    host = ok ? g_strndup(text + 1, (gsize)(bracket - text - 1)) : NULL;
  } else if (la_addr_parse(text, &addr) == LA_FAMILY_IPV6 || (colon == NULL && !parse_port(text, &port))) {
    host = g_strdup(text);
  } else if (colon == NULL) {
    host = g_strdup("127.0.0.1");
  } else {
    ok = strchr(text, ':') == colon && parse_port(colon + 1, &port);
    host = colon == text ? g_strdup("127.0.0.1") : g_strndup(text, (gsize)(colon - text));
  }
  if (!ok) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%s' is no address: write ADDRESS:PORT, [IPV6]:PORT or PORT", text);
    return false;
  }
  *ret_host = g_steal_pointer(&host);
  *ret_port = port;
  return true;
}

static LaChatAddress from_info(const struct addrinfo *info)
{
  LaChatAddress address = {.len = (socklen_t)MIN((size_t)info->ai_addrlen, sizeof address.storage)};
  memcpy(&address.storage, info->ai_addr, address.len);
  return address;
}

bool la_chat_address_parse(const char *text, LaChatAddress *ret_address, GError **error)
{
  g_autofree char *host = NULL;
  uint16_t port;
  if (!la_chat_host_split(text, &host, &port, error))
    return false;
  char service[8];
  g_snprintf(service, sizeof service, "%u", (unsigned)port);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *infos = NULL;
  if (getaddrinfo(host, service, &hints, &infos) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%s' is no address to listen on: write a number such as 127.0.0.1 or ::1",
                host);
    return false;
  }
  *ret_address = from_info(infos);
  freeaddrinfo(infos);
  return true;
}

GArray *la_chat_resolve(const char *host, uint16_t port, GError **error)
{
  char service[8];
  g_snprintf(service, sizeof service, "%u", (unsigned)port);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  struct addrinfo *infos = NULL;
  int code = getaddrinfo(host, service, &hints, &infos);
  if (code != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%s' does not resolve: %s", host, gai_strerror(code));
    return NULL;
  }
  GArray *addresses = g_array_new(FALSE, FALSE, sizeof(LaChatAddress));
  for (const struct addrinfo *info = infos; info != NULL; info = info->ai_next) {
    LaChatAddress address = from_info(info);
    g_array_append_val(addresses, address);
  }
  freeaddrinfo(infos);
  return addresses;
}

LaHostPort la_chat_address_value(const LaChatAddress *address)
{
  LaHostPort value = {.family = LA_FAMILY_NONE};
  if (address->storage.ss_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, &address->storage, sizeof in);
    memcpy(value.addr.bytes, &in.sin_addr, 4);
    value.port = ntohs(in.sin_port);
    value.family = LA_FAMILY_IPV4;
  } else if (address->storage.ss_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, &address->storage, sizeof in6);
    memcpy(value.addr.bytes, &in6.sin6_addr, 16);
    value.port = ntohs(in6.sin6_port);
    value.family = LA_FAMILY_IPV6;
  }
  return value;
}

bool la_chat_address_is_loopback(const LaChatAddress *address)
{
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  static const uint8_t one[16] = {[15] = 1};
  LaHostPort value = la_chat_address_value(address);
  const uint8_t *bytes = value.addr.bytes;
  if (value.family == LA_FAMILY_IPV4)
    return bytes[0] == 127;
  return value.family == LA_FAMILY_IPV6 &&
         (memcmp(bytes, one, sizeof one) == 0 || (memcmp(bytes, mapped, sizeof mapped) == 0 && bytes[12] == 127));
}

char *la_chat_address_format(const LaChatAddress *address, char *ret_text)
{
  LaHostPort value = la_chat_address_value(address);
  if (value.family == LA_FAMILY_NONE) {
    g_strlcpy(ret_text, "?", LA_HOST_PORT_TEXT_MAX);
    return ret_text;
  }
  return la_host_port_format(&value, ret_text);
}

bool la_chat_address_of(int fd, LaChatEndOf end, LaChatAddress *ret_address)
{
  LaChatAddress address = {.len = sizeof address.storage};
  struct sockaddr *raw = (struct sockaddr *)&address.storage;
  int code = end == LA_CHAT_END_LOCAL ? getsockname(fd, raw, &address.len) : getpeername(fd, raw, &address.len);
  if (code != 0)
    return false;
  *ret_address = address;
  return true;
}
