/* Attempts stand in a list in the order of their SYNs. Most of them complete, and are only found to have done so when it is their turn;
 * so that the list does not grow with all connections ever, its older half is cut off when it has become several times as long as there are
 * connections: an attempt that is older than so many others has completed, or its time is nearly up.
 *
 * Without attempts those go that the kernel only told of, and that no packet ever came of. Without these a hand goes round the pool, as in the clock algorithm for pages: it looks at a few dozen connections and takes the
 * most dispensable of these. Exact order would cost every segment a list operation. */
#include "track/room.h"

#include "track/tracker_private.h"

#define LIST_LEAST 4096u
#define LOOKED_AT 64u

void la_room_clear(LaRoom *room)
{
  if (room->attempts != NULL)
    g_array_unref(room->attempts);
}

static bool is_bounded(const LaTracker *t)
{
  return (t->options.max_connections | t->options.max_bytes) != 0;
}

/* Places that are free already are kept for the connections of one batch, whose evictions come back to the pool only after it. */
bool la_room_is_full(const LaTracker *t)
{
  if (!is_bounded(t))
    return false;
  /* What waits in `due` has its end behind it, and leaves as soon as somebody asks. */
  uint32_t open = t->open - (t->due->len - t->due_at);
  return (t->options.max_connections != 0 && open >= t->options.max_connections) ||
         (t->options.max_bytes != 0 && t->pool.connections.free_count < LA_TRACKER_BATCH &&
          la_pool_bytes(&t->pool) >= t->options.max_bytes);
}

void la_room_note_attempt(LaTracker *t, const LaConnection *conn)
{
  if (!is_bounded(t))
    return;
  LaRoom *room = &t->room;
  if (room->attempts == NULL)
    room->attempts = g_array_new(FALSE, FALSE, sizeof(LaRef));
  guint waiting = room->attempts->len - room->at;
  if (waiting >= MAX(LIST_LEAST, 4 * t->open))
    room->at += waiting / 2;
  if (room->at > LIST_LEAST && room->at > room->attempts->len / 2) {
    g_array_remove_range(room->attempts, 0, room->at);
    room->at = 0;
  }
  LaRef ref = {conn->handle, conn->id};
  g_array_append_val(room->attempts, ref);
}

/* Another connection of its four-tuple hangs on it. */
static bool is_paired(const LaConnection *conn)
{
  return conn->older != LA_HANDLE_NONE || conn->newer != LA_HANDLE_NONE;
}

/* The oldest attempt that nobody has answered for good; NULL: none. */
static LaConnection *oldest_attempt(LaTracker *t, const LaConnection *spared)
{
  LaRoom *room = &t->room;
  while (room->attempts != NULL && room->at < room->attempts->len) {
    LaRef ref = g_array_index(room->attempts, LaRef, room->at++);
    LaConnection *conn = la_tracker_get(t, ref.handle, ref.id);
    if (conn != NULL && conn != spared && !is_paired(conn) && la_tracker_handshake_pending(conn))
      return conn;
  }
  return NULL;
}

static bool is_better(const LaConnection *conn, const LaConnection *than)
{
  bool over = (conn->flags & (LA_CONN_CLOSED | LA_CONN_RST)) != 0;
  bool than_over = (than->flags & (LA_CONN_CLOSED | LA_CONN_RST)) != 0;
  return over != than_over ? over : conn->last_time < than->last_time;
}

/* Of the next some connections the one that can best be spared. */
static LaConnection *most_dispensable(LaTracker *t, const LaConnection *spared)
{
  uint32_t end = t->pool.connections.chunk_count << LA_POOL_SHIFT;
  LaConnection *best = NULL;
  for (uint32_t looked = 0, passed = 0; looked < LOOKED_AT && passed < end; passed++) {
    t->room.hand = t->room.hand + 1 < end ? t->room.hand + 1 : 0;
    LaConnection *conn = la_pool_get(&t->pool, t->room.hand);
    if (conn->id == 0 || conn->ended_by != LA_ENDED_N || conn == spared || is_paired(conn))
      continue;
    looked++;
    if (best == NULL || is_better(conn, best))
      best = conn;
  }
  return best;
}

void la_room_make(LaTracker *t, const LaConnection *spared)
{
  if (!la_room_is_full(t))
    return;
  LaConnection *conn = oldest_attempt(t, spared);
  if (conn == NULL)
    conn = la_adopted_to_spare(t, spared);
  if (conn == NULL)
    conn = most_dispensable(t, spared);
  if (conn == NULL)
    return;
  la_tracker_give_up(t, conn, LA_ENDED_EVICTED, t->clock);
  t->room.evicted++;
}
