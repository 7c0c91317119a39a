/* A socket whose own address and port somebody listens on was accepted; the service is the listener, also where that listens on every
 * address. Without a listener (it was closed) the ephemeral ports tell: whoever has one opened the connection. */
#include "cli/socket_list.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

#define PORTS_LOW 32768
#define PORTS_HIGH 60999

/* The order of states: what somebody has to act on comes first. */
static const uint8_t urgency[LA_SOCKET_STATE_N] = {
    [LA_SOCKET_CLOSE_WAIT] = 0, [LA_SOCKET_LAST_ACK] = 1,     [LA_SOCKET_CLOSING] = 2,    [LA_SOCKET_FIN_WAIT_1] = 3,
    [LA_SOCKET_SYN_SENT] = 4,   [LA_SOCKET_SYN_RECEIVED] = 5, [LA_SOCKET_FIN_WAIT_2] = 6, [LA_SOCKET_ESTABLISHED] = 7,
    [LA_SOCKET_TIME_WAIT] = 8,  [LA_SOCKET_LISTEN] = 9,       [LA_SOCKET_CLOSED] = 10,
};

typedef struct {
  LaSocketList *list;
  GHashTable *listeners; /* of LaHostPort, as a set */
  GHashTable *services;  /* of Key to index + 1 */
  uint16_t low, high;    /* the ephemeral ports */
} Build;

typedef struct {
  LaHostPort end;
  bool outgoing;
} Key;

/* ---- the choice ---- */

void la_socket_choice_init(LaSocketChoice *choice)
{
  *choice = (LaSocketChoice){.ends = g_array_new(FALSE, FALSE, sizeof(LaHostPort))};
}

void la_socket_choice_clear(LaSocketChoice *choice)
{
  g_clear_pointer(&choice->ends, g_array_unref);
}

static bool read_port(const char *text, uint16_t *ret_port)
{
  guint64 number;
  if (!g_ascii_string_to_unsigned(text, 10, 1, 65535, &number, NULL))
    return false;
  *ret_port = (uint16_t)number;
  return true;
}

/* `[2001:db8::1]:80`, `192.0.2.1:80`, an address alone, `80`, `:80`. */
static bool read_end(const char *word, LaHostPort *ret_end)
{
  LaHostPort end = {0};
  end.family = (uint8_t)la_addr_parse(word, &end.addr);
  if (end.family != LA_FAMILY_NONE || read_port(word[0] == ':' ? word + 1 : word, &end.port)) {
    *ret_end = end;
    return true;
  }
  const char *colon = strrchr(word, ':');
  if (colon == NULL || !read_port(colon + 1, &end.port))
    return false;
  bool brackets = word[0] == '[' && colon > word + 1 && colon[-1] == ']';
  g_autofree char *address = brackets ? g_strndup(word + 1, (gsize)(colon - word - 2)) : g_strndup(word, (gsize)(colon - word));
  end.family = (uint8_t)la_addr_parse(address, &end.addr);
  if (end.family == LA_FAMILY_NONE)
    return false;
  *ret_end = end;
  return true;
}

bool la_socket_choice_add(LaSocketChoice *choice, const char *word)
{
  for (unsigned i = 0; i < LA_SOCKET_STATE_N; i++) {
    if (la_nearest_distance(word, la_socket_state_name((LaSocketState)i)) == 0) {
      choice->states |= 1u << i;
      return true;
    }
  }
  LaHostPort end;
  if (!read_end(word, &end))
    return false;
  g_array_append_val(choice->ends, end);
  return true;
}

static bool fits(const LaHostPort *wanted, const LaHostPort *end)
{
  return (wanted->port == 0 || wanted->port == end->port) &&
         (wanted->family == LA_FAMILY_NONE || (wanted->family == end->family && la_addr_equal(&wanted->addr, &end->addr)));
}

static bool is_chosen(const LaSocketChoice *choice, const LaSocket *socket)
{
  if (choice->states != 0 && (choice->states & 1u << socket->state) == 0)
    return false;
  for (guint i = 0; i < choice->ends->len; i++) {
    const LaHostPort *wanted = &g_array_index(choice->ends, LaHostPort, i);
    if (fits(wanted, &socket->local) || fits(wanted, &socket->remote))
      return true;
  }
  return choice->ends->len == 0;
}

/* ---- whose it is ---- */

static guint hash_key(gconstpointer data)
{
  const Key *key = data;
  return la_host_port_hash(&key->end) ^ (key->outgoing ? 0x9e3779b9u : 0);
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
  const Key *one = a;
  const Key *other = b;
  return one->outgoing == other->outgoing && la_host_port_equal(&one->end, &other->end);
}

static bool is_ephemeral(const Build *build, uint16_t port)
{
  return port >= build->low && port <= build->high;
}

static LaSocketRole find_role(const Build *build, const LaSocket *socket, LaHostPort *ret_end)
{
  *ret_end = socket->local;
  if (socket->state == LA_SOCKET_LISTEN)
    return LA_SOCKET_ROLE_LISTENER;
  const LaHostPort *listener = la_socket_listener(build->listeners, &socket->local);
  if (socket->state != LA_SOCKET_SYN_SENT && listener != NULL) {
    *ret_end = *listener;
    return LA_SOCKET_ROLE_SERVER;
  }
  bool accepted = socket->state == LA_SOCKET_SYN_RECEIVED || socket->kind == LA_SOCKET_REQUEST ||
                  (!is_ephemeral(build, socket->local.port) && is_ephemeral(build, socket->remote.port));
  if (accepted && socket->state != LA_SOCKET_SYN_SENT)
    return LA_SOCKET_ROLE_SERVER;
  *ret_end = socket->remote;
  return LA_SOCKET_ROLE_CLIENT;
}

static uint32_t find_service(Build *build, const LaHostPort *end, LaSocketRole role)
{
  Key key = {.end = *end, .outgoing = role == LA_SOCKET_ROLE_CLIENT};
  guint index = GPOINTER_TO_UINT(g_hash_table_lookup(build->services, &key));
  if (index > 0)
    return index - 1;
  LaSocketService service = {.end = *end, .outgoing = key.outgoing};
  g_array_append_val(build->list->services, service);
  g_hash_table_insert(build->services, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(build->list->services->len));
  return build->list->services->len - 1;
}

/* ---- counting ---- */

/* How long nothing has come from the peer. In CLOSE_WAIT the FIN was the last, unless the application still sends: so it has waited for
 * at least so long. */
static void count_close_wait(LaSocketService *service, const LaSocket *socket)
{
  LaTime waited = socket->has_info ? socket->info.since_ack_received : 0;
  service->longest = MAX(service->longest, waited);
  service->forgotten += waited >= LA_SOCKET_FORGOTTEN ? 1 : 0;
  /* The FIN is counted among what is unread. */
  uint32_t bytes = socket->receive_queue > 0 ? socket->receive_queue - 1 : 0;
  service->unread += bytes > 0 ? 1 : 0;
  service->unread_bytes += bytes;
}

static bool has_sent_fin(const LaSocket *socket)
{
  return socket->state == LA_SOCKET_FIN_WAIT_1 || socket->state == LA_SOCKET_LAST_ACK || socket->state == LA_SOCKET_CLOSING;
}

static void count(LaSocketService *service, const LaSocket *socket)
{
  service->count++;
  service->by_state[socket->state]++;
  if (socket->state == LA_SOCKET_LISTEN) {
    service->listening = true;
    service->waiting += socket->receive_queue;
    service->backlog += socket->send_queue;
    /* One more than the backlog has room. */
    service->full = service->full || socket->receive_queue > socket->send_queue;
  }
  if (socket->state == LA_SOCKET_CLOSE_WAIT)
    count_close_wait(service, socket);
  if (has_sent_fin(socket) && socket->retries >= LA_SOCKET_UNANSWERED) {
    service->unanswered++;
    service->retries = MAX(service->retries, socket->retries);
  }
}

/* ---- order ---- */

static gint compare_ends(const LaHostPort *a, const LaHostPort *b)
{
  if (a->port != b->port)
    return a->port < b->port ? -1 : 1;
  if (a->family != b->family)
    return a->family < b->family ? -1 : 1;
  return la_addr_compare(&a->addr, &b->addr);
}

static gint descending(uint32_t a, uint32_t b)
{
  return a > b ? -1 : a < b;
}

static gint compare_services(gconstpointer a, gconstpointer b)
{
  const LaSocketService *one = a;
  const LaSocketService *other = b;
  if (one->by_state[LA_SOCKET_CLOSE_WAIT] != other->by_state[LA_SOCKET_CLOSE_WAIT])
    return descending(one->by_state[LA_SOCKET_CLOSE_WAIT], other->by_state[LA_SOCKET_CLOSE_WAIT]);
  if (one->full != other->full)
    return one->full ? -1 : 1;
  if (one->unanswered != other->unanswered)
    return descending(one->unanswered, other->unanswered);
  if (one->count != other->count)
    return descending(one->count, other->count);
  if (one->outgoing != other->outgoing)
    return one->outgoing ? 1 : -1;
  return compare_ends(&one->end, &other->end);
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
  const LaSocketEntry *one = a;
  const LaSocketEntry *other = b;
  if (one->socket.state != other->socket.state)
    return urgency[one->socket.state] < urgency[other->socket.state] ? -1 : 1;
  if (one->service != other->service)
    return one->service < other->service ? -1 : 1;
  gint order = compare_ends(&one->socket.local, &other->socket.local);
  if (order == 0)
    order = compare_ends(&one->socket.remote, &other->socket.remote);
  return order != 0 ? order : one->socket.inode < other->socket.inode ? -1 : one->socket.inode > other->socket.inode;
}

/* ---- building ---- */

static void read_ports(Build *build)
{
  build->low = PORTS_LOW;
  build->high = PORTS_HIGH;
  g_autofree char *text = NULL;
  unsigned low, high;
  if (g_file_get_contents("/proc/sys/net/ipv4/ip_local_port_range", &text, NULL, NULL) &&
      sscanf(text, "%5u %5u", &low, &high) == 2 && low <= high && high <= UINT16_MAX) {
    build->low = (uint16_t)low;
    build->high = (uint16_t)high;
  }
  build->list->ports = build->high - build->low + 1u;
}

/* The services in their order, and the entries' indices with them. */
static void sort_services(LaSocketList *list)
{
  guint count = list->services->len;
  g_autofree uint32_t *place = g_new(uint32_t, count + 1);
  for (guint i = 0; i < count; i++) /* lent for the sorting: where it was */
    g_array_index(list->services, LaSocketService, i).by_state[LA_SOCKET_CLOSED] = i;
  g_array_sort(list->services, compare_services);
  for (guint i = 0; i < count; i++) {
    LaSocketService *service = &g_array_index(list->services, LaSocketService, i);
    place[service->by_state[LA_SOCKET_CLOSED]] = i;
    service->by_state[LA_SOCKET_CLOSED] = 0;
  }
  for (guint i = 0; i < list->entries->len; i++) {
    LaSocketEntry *entry = &g_array_index(list->entries, LaSocketEntry, i);
    entry->service = place[entry->service];
  }
}

void la_socket_list_init(LaSocketList *list, const GArray *sockets, const LaSocketChoice *choice)
{
  *list = (LaSocketList){
      .entries = g_array_new(FALSE, FALSE, sizeof(LaSocketEntry)),
      .services = g_array_new(FALSE, FALSE, sizeof(LaSocketService)),
  };
  Build build = {
      .list = list,
      .listeners = g_hash_table_new(la_host_port_hash, la_host_port_equal),
      .services = g_hash_table_new_full(hash_key, equal_keys, g_free, NULL),
  };
  read_ports(&build);
  for (guint i = 0; i < sockets->len; i++) {
    LaSocket *socket = &g_array_index(sockets, LaSocket, i);
    if (socket->state == LA_SOCKET_LISTEN)
      g_hash_table_add(build.listeners, &socket->local);
  }
  for (guint i = 0; i < sockets->len; i++) {
    LaSocketEntry entry = {.socket = g_array_index(sockets, LaSocket, i)};
    if (!is_chosen(choice, &entry.socket))
      continue;
    LaHostPort end;
    entry.role = find_role(&build, &entry.socket, &end);
    entry.service = find_service(&build, &end, entry.role);
    list->by_state[entry.socket.state]++;
    count(&g_array_index(list->services, LaSocketService, entry.service), &entry.socket);
    g_array_append_val(list->entries, entry);
  }
  sort_services(list);
  g_array_sort(list->entries, compare_entries);
  g_hash_table_unref(build.services);
  g_hash_table_unref(build.listeners);
}

void la_socket_list_clear(LaSocketList *list)
{
  g_clear_pointer(&list->entries, g_array_unref);
  g_clear_pointer(&list->services, g_array_unref);
}
