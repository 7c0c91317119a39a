/* What somebody who looks at connections while packets come in needs to know: which of them changed. A connection that a segment
 * changed is put on a list, once, until it is asked for; without such a somebody there is no list, and a segment costs one comparison
 * more. */
#include "track/moment.h"
#include "track/tracker_private.h"

/* LaConnection.watch */
#define LISTED 1u
#define ALL 2u
#define STRAY_SUPPOSED 4u /* the flag is only supposed */

void la_tracker_note_changes(LaTracker *t)
{
  if (t->changed == NULL)
    t->changed = g_array_new(FALSE, FALSE, sizeof(LaRef));
}

void la_tracker_note_change(LaTracker *t, LaConnection *conn, uint64_t marks)
{
  if ((conn->watch & LISTED) != 0 || ((marks & ~LA_PLAIN_MARKS) == 0 && (conn->watch & ALL) == 0))
    return;
  conn->watch |= LISTED;
  LaRef ref = {conn->handle, conn->id};
  g_array_append_val(t->changed, ref);
}

LaConnection *la_tracker_changed(LaTracker *t)
{
  while (t->changed != NULL && t->changed->len > 0) {
    LaRef ref = g_array_index(t->changed, LaRef, t->changed->len - 1);
    g_array_set_size(t->changed, t->changed->len - 1);
    LaConnection *conn = la_tracker_get(t, ref.handle, ref.id);
    if (conn == NULL)
      continue;
    conn->watch &= (uint8_t)~LISTED;
    return conn;
  }
  return NULL;
}

void la_tracker_watch(LaConnection *conn, LaWatch watch)
{
  conn->watch = (uint8_t)((conn->watch & ~ALL) | (watch == LA_WATCH_ALL ? ALL : 0));
}

LaConnection *la_tracker_get(LaTracker *t, uint32_t handle, uint32_t id)
{
  if (la_handle_is_brief(handle) || handle >= t->pool.connections.chunk_count << LA_POOL_SHIFT)
    return NULL;
  LaConnection *conn = la_pool_get(&t->pool, handle);
  return conn->id == id && conn->ended_by == LA_ENDED_N ? conn : NULL;
}

LaConnection *la_tracker_each(LaTracker *t, uint32_t *at)
{
  uint32_t end = t->pool.connections.chunk_count << LA_POOL_SHIFT;
  while (*at < end) {
    LaConnection *conn = la_pool_get(&t->pool, (*at)++);
    if (conn->id != 0 && conn->ended_by == LA_ENDED_N)
      return conn;
  }
  return NULL;
}

uint64_t la_tracker_evicted(const LaTracker *t)
{
  return t->room.evicted;
}

uint64_t la_tracker_bytes(const LaTracker *t)
{
  return la_pool_bytes(&t->pool);
}

void la_tracker_suppose_end(LaTracker *t, LaConnection *conn, LaTime at)
{
  conn->ended_by = LA_ENDED_CAPTURE_END;
  conn->flags |= LA_CONN_GOES_ON;
  conn->end_time = MAX(at, conn->last_time);
  if ((conn->flags & LA_CONN_STRAY) == 0 && la_connection_is_stray(conn)) {
    conn->flags |= LA_CONN_STRAY;
    conn->watch |= STRAY_SUPPOSED;
  }
  la_surroundings_exit_run(&t->around, conn);
  la_connection_derive_results(conn);
}

void la_tracker_resume(LaConnection *conn)
{
  conn->ended_by = LA_ENDED_N;
  conn->flags &= ~(uint32_t)LA_CONN_GOES_ON;
  conn->end_time = 0;
  conn->result_handshake = conn->result_teardown = 0;
  conn->exit_run = conn->exit_runs = 0;
  conn->exit_run_span = 0;
  conn->exit_timed = 0;
  if ((conn->watch & STRAY_SUPPOSED) != 0) {
    conn->flags &= ~(uint32_t)LA_CONN_STRAY;
    conn->watch &= (uint8_t)~STRAY_SUPPOSED;
  }
}
