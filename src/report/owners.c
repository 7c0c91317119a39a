/* Sockets by their own end: of one with the same two ends several may follow one another, the first that was seen after the
 * connection began is the connection's. */
#include "report/owners.h"

#include <string.h>

typedef struct {
  LaHostPort local, remote;
} Key;

typedef struct {
  Key key;
  LaTime seen;
  uint32_t pid;
  char *command; /* (owned) */
} Entry;

struct LaOwners {
  GHashTable *entries; /* Key of the entry -> GPtrArray of Entry, in the order in which they were seen */
  unsigned count;
};

static guint hash_key(gconstpointer data)
{
  /* Unused bytes of addresses are zero, those between the members are not compared. */
  const Key *key = data;
  guint hash = key->local.port * 65599u + key->remote.port;
  for (unsigned i = 0; i < sizeof key->local.addr.bytes; i++)
    hash = hash * 31 + key->local.addr.bytes[i] * 7u + key->remote.addr.bytes[i];
  return hash;
}

static gboolean equal_key(gconstpointer a, gconstpointer b)
{
  return la_host_port_equal(&((const Key *)a)->local, &((const Key *)b)->local) &&
         la_host_port_equal(&((const Key *)a)->remote, &((const Key *)b)->remote);
}

static void free_entry(gpointer data)
{
  Entry *entry = data;
  g_free(entry->command);
  g_free(entry);
}

static void free_entries(gpointer entries)
{
  g_ptr_array_unref(entries);
}

LaOwners *la_owners_new(void)
{
  LaOwners *owners = g_new0(LaOwners, 1);
  owners->entries = g_hash_table_new_full(hash_key, equal_key, g_free, free_entries);
  return owners;
}

void la_owners_free(LaOwners *owners)
{
  if (owners == NULL)
    return;
  g_hash_table_unref(owners->entries);
  g_free(owners);
}

static Key key_of(const LaHostPort *local, const LaHostPort *remote)
{
  static const LaHostPort nobody = {.port = 0};
  return (Key){.local = *local, .remote = remote->port != 0 ? *remote : nobody};
}

void la_owners_add(LaOwners *owners, const LaHostPort *local, const LaHostPort *remote, LaTime seen, const char *command,
                   uint32_t pid)
{
  if (owners->count == LA_OWNERS_MAX)
    return;
  owners->count++;
  Entry *entry = g_new0(Entry, 1);
  entry->key = key_of(local, remote);
  entry->seen = seen;
  entry->pid = pid;
  entry->command = g_strdup(command);
  GPtrArray *alike = g_hash_table_lookup(owners->entries, &entry->key);
  if (alike == NULL) {
    alike = g_ptr_array_new_with_free_func(free_entry);
    g_hash_table_insert(owners->entries, g_memdup2(&entry->key, sizeof entry->key), alike);
  }
  g_ptr_array_add(alike, entry);
}

static const Entry *find(const LaOwners *owners, const LaHostPort *local, const LaHostPort *remote, LaTime started)
{
  Key key = key_of(local, remote);
  const GPtrArray *alike = g_hash_table_lookup(owners->entries, &key);
  for (unsigned i = 0; alike != NULL && i < alike->len; i++) {
    const Entry *entry = g_ptr_array_index(alike, i);
    if (entry->seen >= started)
      return entry;
  }
  return NULL;
}

/* Who listened there, whenever that was seen: on the address itself, or on all of its family, or of both. */
static const Entry *find_listener(const LaOwners *owners, const LaHostPort *server)
{
  const LaHostPort nobody = {.port = 0};
  const LaHostPort all = {.port = server->port, .family = server->family};
  const LaHostPort both = {.port = server->port, .family = LA_FAMILY_IPV6};
  const Entry *entry = find(owners, server, &nobody, LA_TIME_NONE);
  if (entry == NULL)
    entry = find(owners, &all, &nobody, LA_TIME_NONE);
  return entry != NULL ? entry : find(owners, &both, &nobody, LA_TIME_NONE);
}

char *la_owners_say(const LaOwners *owners, const LaHostPort *client, const LaHostPort *server, LaTime started)
{
  const Entry *at_client = find(owners, client, server, started);
  const Entry *at_server = find(owners, server, client, started);
  if (at_server == NULL)
    at_server = find_listener(owners, server);
  if (at_client == NULL && at_server == NULL)
    return NULL;
  GString *out = g_string_new(NULL);
  if (at_client != NULL)
    g_string_append_printf(out, "client %s (%u)", at_client->command, at_client->pid);
  if (at_server != NULL)
    g_string_append_printf(out, "%sserver %s (%u)", at_client != NULL ? ", " : "", at_server->command, at_server->pid);
  return g_string_free(out, FALSE);
}
