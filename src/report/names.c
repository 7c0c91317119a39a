#include "report/names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/escape.h"

#define LOOKUPS_MAX 64

struct LaNameCache {
  GHashTable *names; /* address text -> name, "" when it has none */
};

LaNameCache *la_name_cache_new(void)
{
  LaNameCache *cache = g_new(LaNameCache, 1);
  cache->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return cache;
}

void la_name_cache_free(LaNameCache *cache)
{
  if (cache == NULL)
    return;
  g_hash_table_unref(cache->names);
  g_free(cache);
}

static char *look_up(const LaHostPort *end)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  memcpy(&v4.sin_addr, end->addr.bytes, sizeof v4.sin_addr);
  memcpy(&v6.sin6_addr, end->addr.bytes, sizeof v6.sin6_addr);
  char host[NI_MAXHOST];
  int failed = end->family == LA_FAMILY_IPV6
                   ? getnameinfo((const struct sockaddr *)&v6, sizeof v6, host, sizeof host, NULL, 0, NI_NAMEREQD)
                   : getnameinfo((const struct sockaddr *)&v4, sizeof v4, host, sizeof host, NULL, 0, NI_NAMEREQD);
  return g_strdup(failed != 0 ? "" : host);
}

void la_name_cache_end(LaNameCache *cache, GString *out, const LaHostPort *end)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  la_addr_format(&end->addr, (LaFamily)end->family, text);
  const char *name = g_hash_table_lookup(cache->names, text);
  if (name == NULL && g_hash_table_size(cache->names) < LOOKUPS_MAX) {
    g_hash_table_insert(cache->names, g_strdup(text), look_up(end));
    name = g_hash_table_lookup(cache->names, text);
  }
  if (name == NULL || *name == '\0') {
    g_string_append(out, la_host_port_format(end, text));
    return;
  }
  la_escape_terminal(out, name, -1);
  g_string_append_printf(out, ":%u", end->port);
}
