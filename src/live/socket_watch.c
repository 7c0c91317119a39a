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
  GHashTable *listeners; /* LaHostPort (borrowed from sockets): where somebody listens */
  LaTime read_at;        /* by the caller's `mono`; LA_TIME_NONE: by nobody's */
};

static guint hash_socket(gconstpointer key)
{
  const LaSocket *socket = key;
  return la_host_port_hash(&socket->local) * 31 + la_host_port_hash(&socket->remote);
}

static gboolean equal_sockets(gconstpointer a, gconstpointer b)
{
  const LaSocket *x = a;
  const LaSocket *y = b;
  return la_host_port_equal(&x->local, &y->local) && la_host_port_equal(&x->remote, &y->remote);
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
  watch->listeners = g_hash_table_new(la_host_port_hash, la_host_port_equal);
  watch->read_at = LA_TIME_NONE;
  return watch;
}

void la_socket_watch_free(LaSocketWatch *watch)
{
  if (watch == NULL)
    return;
  g_hash_table_unref(watch->index);
  g_hash_table_unref(watch->listeners);
  g_array_unref(watch->sockets);
  la_inet_diag_free(watch->diag);
  la_owner_helper_free(watch->helper);
  g_free(watch);
}

bool la_socket_watch_refresh(LaSocketWatch *watch)
{
  g_hash_table_remove_all(watch->index);
  g_hash_table_remove_all(watch->listeners);
  g_array_set_size(watch->sockets, 0);
  if (!la_inet_diag_dump(watch->diag, LA_INET_DIAG_PLAIN, watch->sockets, NULL))
    return false;
  for (guint i = 0; i < watch->sockets->len; i++) {
    LaSocket *socket = &g_array_index(watch->sockets, LaSocket, i);
    if (socket->state != LA_SOCKET_LISTEN)
      g_hash_table_insert(watch->index, socket, socket);
    else
      g_hash_table_add(watch->listeners, &socket->local);
  }
  return true;
}

/* The socket of `side` on this machine, or NULL. */
static const LaSocket *find(const LaSocketWatch *watch, const LaHostPort ends[LA_SIDE_N], LaSide side)
{
  LaSocket key = {.local = ends[side], .remote = ends[LA_OTHER(side)]};
  return g_hash_table_lookup(watch->index, &key);
}

static const LaSocket *find_of(const LaSocketWatch *watch, const LaConnection *conn, LaSide side)
{
  LaHostPort ends[LA_SIDE_N] = {la_connection_end(conn, LA_OPENER), la_connection_end(conn, LA_ACCEPTOR)};
  return find(watch, ends, side);
}

/* Both enums follow RFC 9293. */
static LaTcpState state_of(const LaSocket *socket)
{
  return socket != NULL ? (LaTcpState)socket->state : LA_TCP_CLOSED;
}

bool la_socket_watch_each(const LaSocketWatch *watch, unsigned *at, LaAdopted *ret)
{
  while (*at < watch->sockets->len) {
    const LaSocket *socket = &g_array_index(watch->sockets, LaSocket, (*at)++);
    if (socket->state == LA_SOCKET_LISTEN)
      continue;
    LaHostPort ends[LA_SIDE_N] = {socket->remote, socket->local};
    LaTcpState other = state_of(find(watch, ends, LA_OPENER));
    LaListener listener = LA_LISTENER_NONE;
    if (la_socket_listener(watch->listeners, &socket->local) != NULL)
      listener = LA_LISTENER_LOCAL;
    else if (other != LA_TCP_CLOSED && la_socket_listener(watch->listeners, &socket->remote) != NULL)
      listener = LA_LISTENER_PEER;
    *ret = (LaAdopted){.local = socket->local,
                       .peer = socket->remote,
                       .state = {socket->state, (uint8_t)other},
                       .listener = (uint8_t)listener,
                       .time = LA_TIME_NONE};
    return true;
  }
  return false;
}

LaSocketCounts la_socket_watch_counts(const LaSocketWatch *watch, LaTracker *tracker)
{
  LaSocketCounts counts = {0};
  for (guint i = 0; i < watch->sockets->len; i++) {
    const LaSocket *socket = &g_array_index(watch->sockets, LaSocket, i);
    counts.states[socket->state]++;
    if (socket->state == LA_SOCKET_LISTEN || socket->state == LA_SOCKET_TIME_WAIT)
      continue;
    counts.unseen += !la_tracker_has(tracker, &socket->local, &socket->remote);
  }
  return counts;
}

/* What the kernel holds of an adopted connection; false: neither end (what is left of one in TIME_WAIT is none). */
static bool states_of(const LaSocketWatch *watch, const LaConnection *conn, uint8_t ret[LA_SIDE_N])
{
  bool held = false;
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    LaTcpState state = state_of(find_of(watch, conn, (LaSide)side));
    ret[side] = (uint8_t)(state == LA_TCP_TIME_WAIT ? LA_TCP_CLOSED : state);
    held = held || ret[side] != LA_TCP_CLOSED;
  }
  return held;
}

/* Whether nothing that was seen explains why the kernel does not hold it any more. */
static bool is_lost(const LaConnection *conn, LaTime settled)
{
  if (la_connection_is_silent(conn))
    return true;
  if ((conn->flags & (LA_CONN_RST | LA_CONN_CLOSED)) != 0 || conn->last_time > settled)
    return false;
  /* An end that has sent its FIN may give up in silence. */
  return conn->end[LA_OPENER].fin == 0 && conn->end[LA_ACCEPTOR].fin == 0;
}

static char *say_lost(const LaConnection *conn)
{
  char client[LA_HOST_PORT_TEXT_MAX];
  char server[LA_HOST_PORT_TEXT_MAX];
  LaHostPort ends[] = {la_connection_end(conn, LA_OPENER), la_connection_end(conn, LA_ACCEPTOR)};
  return g_strdup_printf("the kernel no longer holds %s -> %s, although packets show no end of it (connection %u): packets are "
                         "missing",
                         la_host_port_format(&ends[LA_OPENER], client), la_host_port_format(&ends[LA_ACCEPTOR], server),
                         conn->id);
}

unsigned la_socket_watch_reconcile(LaSocketWatch *watch, LaTracker *tracker, LaTime time, LaTime settled, GPtrArray *lines)
{
  unsigned lost = 0;
  uint32_t at = 0;
  LaConnection *conn;
  uint8_t states[LA_SIDE_N];
  while ((conn = la_tracker_next_adopted(tracker, &at)) != NULL) {
    if (states_of(watch, conn, states))
      la_tracker_held(tracker, conn, states, time);
    else
      lost += is_lost(conn, settled);
  }
  /* A dump is not one moment, and a socket that moves meanwhile may be left out: what is missing twice is gone. */
  if (lost == 0 || !la_socket_watch_refresh(watch))
    return 0;
  unsigned contradictions = 0;
  at = 0;
  while ((conn = la_tracker_next_adopted(tracker, &at)) != NULL) {
    if (!is_lost(conn, settled) || states_of(watch, conn, states))
      continue;
    /* A kernel whose data nobody acknowledges gives up without a word. */
    if (!la_connection_is_silent(conn) && la_connection_teardown(conn) != LA_TEARDOWN_VANISHED) {
      contradictions++;
      g_ptr_array_add(lines, say_lost(conn));
    }
    la_tracker_gone(tracker, conn, time);
  }
  return contradictions;
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
    (void)la_socket_watch_refresh(watch);
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
