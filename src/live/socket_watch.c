/* The kernel is asked every half minute, and once more (at most once a second) when a finding is told. The owner of a socket is asked for
 * only then: going through all descriptors of all processes takes a while, and findings that are told are few. */
#include "live/socket_watch.h"

#include <string.h>
#include <unistd.h>

#include "kernel/netns.h"

#define FRESH LA_SEC
#define ANSWER_MS 400 /* how long a finding waits for its owner */

struct LaSocketWatch {
  LaInetDiag *diag;
  LaOwnerHelper *helper; /* NULL: none */
  GArray *sockets;       /* of LaSocket */
  GHashTable *index;     /* LaSocket (borrowed from sockets), by both ends */
  LaTime read_at;        /* by the caller's `mono`; LA_TIME_NONE: by nobody's */
};

static guint hash_end(const LaHostPort *end)
{
  guint hash = end->port * 2654435761u;
  for (unsigned i = 0; i < sizeof end->addr.bytes; i += 4) {
    guint32 word;
    memcpy(&word, end->addr.bytes + i, sizeof word);
    hash = (hash ^ word) * 2654435761u;
  }
  return hash;
}

static guint hash_socket(gconstpointer key)
{
  const LaSocket *socket = key;
  return hash_end(&socket->local) * 31 + hash_end(&socket->remote);
}

static gboolean equal_sockets(gconstpointer a, gconstpointer b)
{
  const LaSocket *x = a;
  const LaSocket *y = b;
  return x->local.port == y->local.port && x->remote.port == y->remote.port && la_addr_equal(&x->local.addr, &y->local.addr) &&
         la_addr_equal(&x->remote.addr, &y->remote.addr);
}

static LaInetDiag *open_diag(const char *netns, GError **error)
{
  if (netns == NULL)
    return la_inet_diag_open(error);
  int fd = la_netns_open_name(netns, error);
  if (fd < 0)
    return NULL;
  LaInetDiag *diag = la_inet_diag_open_netns(fd, error);
  close(fd);
  return diag;
}

LaSocketWatch *la_socket_watch_new(const char *netns, LaSocketOwners owners, GError **error)
{
  LaOwnerHelper *helper = NULL;
  if (owners == LA_OWNERS_ASKED && (helper = la_owner_helper_start(error)) == NULL)
    return NULL;
  LaInetDiag *diag = open_diag(netns, error);
  if (diag == NULL) {
    la_owner_helper_free(helper);
    return NULL;
  }
  LaSocketWatch *watch = g_new0(LaSocketWatch, 1);
  watch->diag = diag;
  watch->helper = helper;
  watch->sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket));
  watch->index = g_hash_table_new(hash_socket, equal_sockets);
  watch->read_at = LA_TIME_NONE;
  return watch;
}

void la_socket_watch_free(LaSocketWatch *watch)
{
  if (watch == NULL)
    return;
  g_hash_table_unref(watch->index);
  g_array_unref(watch->sockets);
  la_inet_diag_free(watch->diag);
  la_owner_helper_free(watch->helper);
  g_free(watch);
}

void la_socket_watch_refresh(LaSocketWatch *watch)
{
  g_hash_table_remove_all(watch->index);
  g_array_set_size(watch->sockets, 0);
  if (!la_inet_diag_dump(watch->diag, LA_INET_DIAG_PLAIN, watch->sockets, NULL))
    return;
  for (guint i = 0; i < watch->sockets->len; i++) {
    LaSocket *socket = &g_array_index(watch->sockets, LaSocket, i);
    if (socket->state != LA_SOCKET_LISTEN)
      g_hash_table_insert(watch->index, socket, socket);
  }
}

/* The socket of `side` on this machine, or NULL. */
static const LaSocket *find(const LaSocketWatch *watch, const LaHostPort ends[LA_SIDE_N], LaSide side)
{
  LaSocket key = {.local = ends[side], .remote = ends[LA_OTHER(side)]};
  const LaSocket *socket = g_hash_table_lookup(watch->index, &key);
  if (socket != NULL || key.local.family != LA_FAMILY_IPV4)
    return socket;
  /* An IPv6 socket that carries IPv4 has mapped addresses (RFC 4291 section 2.5.5.2). */
  LaHostPort *both[] = {&key.local, &key.remote};
  for (unsigned i = 0; i < 2; i++) {
    memcpy(both[i]->addr.bytes + 12, both[i]->addr.bytes, 4);
    memset(both[i]->addr.bytes, 0, 10);
    memset(both[i]->addr.bytes + 10, 0xff, 2);
  }
  return g_hash_table_lookup(watch->index, &key);
}

static const LaSocket *find_of(const LaSocketWatch *watch, const LaConnection *conn, LaSide side)
{
  LaHostPort ends[LA_SIDE_N] = {la_connection_end(conn, LA_OPENER), la_connection_end(conn, LA_ACCEPTOR)};
  return find(watch, ends, side);
}

LaSocketCounts la_socket_watch_counts(const LaSocketWatch *watch, LaTracker *tracker)
{
  LaSocketCounts counts = {0};
  uint64_t peers = 0;
  for (guint i = 0; i < watch->sockets->len; i++) {
    const LaSocket *socket = &g_array_index(watch->sockets, LaSocket, i);
    counts.states[socket->state]++;
    peers += socket->state != LA_SOCKET_LISTEN && socket->state != LA_SOCKET_TIME_WAIT;
  }
  uint64_t seen = 0;
  uint32_t at = 0;
  const LaConnection *conn;
  while ((conn = la_tracker_each(tracker, &at)) != NULL)
    for (unsigned side = 0; side < LA_SIDE_N; side++) {
      const LaSocket *socket = find_of(watch, conn, (LaSide)side);
      seen += socket != NULL && socket->state != LA_SOCKET_TIME_WAIT;
    }
  counts.unseen = peers > seen ? peers - seen : 0;
  return counts;
}

unsigned la_socket_watch_contradictions(const LaSocketWatch *watch, LaTracker *tracker, LaTime settled, GPtrArray *lines,
                                        unsigned max)
{
  unsigned count = 0;
  uint32_t at = 0;
  const LaConnection *conn;
  while ((conn = la_tracker_each(tracker, &at)) != NULL) {
    bool reset = (conn->flags & LA_CONN_RST) != 0;
    if ((!reset && (conn->flags & LA_CONN_CLOSED) == 0) || conn->last_time > settled || conn->newer != UINT32_MAX)
      continue;
    for (unsigned side = 0; side < LA_SIDE_N; side++) {
      const LaSocket *socket = find_of(watch, conn, (LaSide)side);
      if (socket == NULL || (socket->state != LA_SOCKET_ESTABLISHED && socket->state != LA_SOCKET_CLOSE_WAIT))
        continue;
      if (count++ >= max)
        continue;
      char local[LA_HOST_PORT_TEXT_MAX];
      char remote[LA_HOST_PORT_TEXT_MAX];
      g_ptr_array_add(lines,
                      g_strdup_printf("the kernel holds %s -> %s in %s, although packets show that it was %s "
                                      "(connection %u): packets are missing, or were forged",
                                      la_host_port_format(&socket->local, local), la_host_port_format(&socket->remote, remote),
                                      la_socket_state_name((LaSocketState)socket->state),
                                      reset ? "reset" : "closed by both ends", conn->id));
    }
  }
  return count;
}

static void ask_owner(LaSocketWatch *watch, LaEventSocket *ret)
{
  LaOwner owner = {.inode = ret->inode};
  LaOwnerScan scan;
  if (watch->helper == NULL || ret->inode == 0 || !la_owner_helper_find(watch->helper, &owner, 1, ANSWER_MS, &scan))
    return;
  ret->pid = owner.pid;
  ret->descriptors = owner.descriptors;
  ret->descriptor_limit = owner.descriptor_limit;
  g_strlcpy(ret->command, owner.command, sizeof ret->command);
}

void la_socket_watch_describe(LaSocketWatch *watch, LaTime mono, const LaEventRecord *event, LaEventSocket *ret)
{
  *ret = (LaEventSocket){0};
  if (event->connection == 0)
    return;
  if (watch->read_at == LA_TIME_NONE || mono - watch->read_at >= FRESH) {
    la_socket_watch_refresh(watch);
    watch->read_at = mono;
  }
  LaHostPort ends[LA_SIDE_N] = {event->client, event->server};
  LaSide side = event->finding.side < LA_SIDE_N ? (LaSide)event->finding.side : LA_ACCEPTOR;
  const LaSocket *socket = find(watch, ends, side);
  if (socket == NULL && event->finding.side >= LA_SIDE_N) {
    side = LA_OPENER;
    socket = find(watch, ends, side);
  }
  if (socket == NULL)
    return;
  /* The FIN counts as one byte of the receive queue. */
  uint32_t fin = socket->state == LA_SOCKET_CLOSE_WAIT && socket->receive_queue > 0 ? 1 : 0;
  ret->known = 1;
  ret->side = (uint8_t)side;
  ret->state = la_socket_state_name((LaSocketState)socket->state);
  ret->uid = socket->uid;
  ret->inode = socket->inode;
  ret->receive_queue = socket->kind == LA_SOCKET_FULL ? socket->receive_queue - fin : 0;
  ret->cgroup = socket->has_cgroup ? socket->cgroup : 0;
  ask_owner(watch, ret);
}
