/* How connections end: each has a deadline, the wheel brings it up, and a connection whose time is up finishes when the clock enters the
 * next second. Those of one second are handed out in order of (end_time, id). */
#include <stdlib.h>

#include "track/prefetch.h"
#include "track/tracker_private.h"

bool la_tracker_handshake_pending(const LaConnection *conn)
{
  if ((conn->flags & LA_CONN_MIDSTREAM) != 0 || conn->handshake_ack_frame != 0)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  for (unsigned i = 0; i < opener->steps; i++)
    if (opener->path[i].state >= LA_TCP_ESTABLISHED && (opener->path[i].proved_by | opener->path[i].gap) != 0)
      return false;
  return true;
}

/* Spans run by the clock. Where time goes back (clocks of two interfaces, files that overlap, one wild time) a connection's own times
 * lie behind the clock, and by these its time could be up before its next packet. Never before the clock: those were handed out. */
static LaTime deadline_of(const LaTracker *t, const LaConnection *conn)
{
  if ((conn->flags & LA_CONN_CLOSED) != 0)
    return la_time_add(t->clock, t->options.time_wait);
  if ((conn->flags & LA_CONN_RST) != 0)
    return MAX(t->clock, la_time_add(la_time_add(conn->rst_time, LA_AFTER_RST), t->clock - conn->last_time));
  if (la_tracker_handshake_pending(conn))
    return la_time_add(t->clock, LA_AFTER_HANDSHAKE);
  return t->options.idle_timeout != 0 ? la_time_add(t->clock, t->options.idle_timeout) : LA_TIME_MAX;
}

static LaEndedBy ending_of(const LaConnection *conn)
{
  if ((conn->flags & LA_CONN_CLOSED) != 0)
    return LA_ENDED_CLOSED;
  if ((conn->flags & LA_CONN_RST) != 0)
    return LA_ENDED_RESET;
  if (la_connection_is_silent(conn))
    return LA_ENDED_GONE; /* another connection has its four-tuple */
  return la_tracker_handshake_pending(conn) ? LA_ENDED_FAILED : LA_ENDED_IDLE;
}

void la_tracker_settle_deadline(LaTracker *t, LaConnection *conn)
{
  conn->deadline = deadline_of(t, conn);
  if (conn->deadline != LA_TIME_MAX)
    la_wheel_set(&t->wheel, conn);
}

void la_tracker_take_off(LaTracker *t, LaConnection *conn)
{
  if ((conn->flags & LA_CONN_OVER) != 0)
    return;
  conn->flags |= LA_CONN_OVER;
  if (conn->newer != LA_HANDLE_NONE) {
    la_pool_get(&t->pool, conn->newer)->older = LA_HANDLE_NONE;
    conn->newer = LA_HANDLE_NONE;
  } else if (conn->older != LA_HANDLE_NONE) {
    LaConnection *older = la_pool_get(&t->pool, conn->older);
    la_table_replace(&t->table, conn->hash, conn->handle, older->handle);
    older->newer = LA_HANDLE_NONE;
    conn->older = LA_HANDLE_NONE;
  } else {
    la_table_remove(&t->table, conn->hash, conn->handle);
  }
}

/* ---- finishing ---- */

static gint by_end(gconstpointer a, gconstpointer b)
{
  const LaDue *x = a;
  const LaDue *y = b;
  if (x->end_time != y->end_time)
    return x->end_time < y->end_time ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* Nothing more comes of it: how it ended, and when. */
static void freeze(LaConnection *conn, LaEndedBy by, LaTime time)
{
  conn->flags |= LA_CONN_OVER;
  conn->ended_by = (uint8_t)by;
  conn->end_time = time;
  if (la_connection_is_stray(conn))
    conn->flags |= LA_CONN_STRAY;
  la_connection_derive_results(conn);
}

static void finish_whole(LaTracker *t, LaConnection *conn)
{
  bool over = conn->deadline <= t->clock;
  LaDue due = {.end_time = over ? conn->deadline : t->clock, .id = conn->id, .handle = conn->handle};
  LaEndedBy by = over ? ending_of(conn) : LA_ENDED_CAPTURE_END;
  la_tracker_take_off(t, conn);
  freeze(conn, by, due.end_time);
  la_surroundings_finished(&t->around, conn);
  g_array_append_val(t->due, due);
}

void la_tracker_give_up(LaTracker *t, LaConnection *conn, LaEndedBy by, LaTime time)
{
  la_wheel_remove(&t->wheel, conn);
  la_tracker_take_off(t, conn);
  freeze(conn, by, MAX(t->clock, time));
  la_surroundings_finished(&t->around, conn);
  LaDue due = {.end_time = conn->end_time, .id = conn->id, .handle = conn->handle};
  g_array_append_val(t->due, due);
}

static void finish_brief(LaTracker *t, LaBrief *brief)
{
  if (t->options.records == LA_RECORDS_WHOLE) {
    finish_whole(t, la_tracker_write_out(t, brief));
    return;
  }
  LaDue due = {.end_time = MIN(brief->deadline, t->clock), .id = brief->id, .handle = brief->handle};
  la_table_remove(&t->table, brief->hash, brief->handle);
  brief->phase = LA_BRIEF_OVER;
  la_brief_sum(brief, t->stage);
  la_surroundings_finished(&t->around, t->stage);
  brief->exit_run = t->stage->exit_run;
  brief->exit_runs = t->stage->exit_runs;
  brief->exit_run_span = t->stage->exit_run_span;
  brief->exit_timed = t->stage->exit_timed;
  g_array_append_val(t->due, due);
}

/* Those in `ended` have finished. */
static void finish_ended(LaTracker *t)
{
  guint first = t->due->len;
  for (guint i = 0; i < t->ended->len; i++) {
    uint32_t handle = g_array_index(t->ended, uint32_t, i);
    if (la_handle_is_brief(handle))
      finish_brief(t, la_pool_get_brief(&t->pool, handle));
    else
      finish_whole(t, la_pool_get(&t->pool, handle));
  }
  g_array_set_size(t->ended, 0);
  if (first < t->due->len)
    qsort(&g_array_index(t->due, LaDue, first), t->due->len - first, sizeof(LaDue), by_end);
}

void la_tracker_pass_time(LaTracker *t)
{
  la_wheel_advance(&t->wheel, &t->pool, t->clock, t->ended);
  la_tracker_end_briefs(t, t->wheel.tick * LA_SEC);
  t->next_second = la_time_add(t->wheel.tick * LA_SEC, LA_SEC);
  finish_ended(t);
}

/* ---- handing out ---- */

/* Writes what is asked of a connection that did nothing worth mentioning. */
static LaConnection *hand_out_brief(LaTracker *t, LaBrief *brief, LaTime end_time)
{
  LaConnection *conn = t->handed;
  la_brief_sum(brief, conn);
  conn->flags |= LA_CONN_OVER;
  conn->ended_by = (uint8_t)(brief->deadline <= end_time ? LA_ENDED_CLOSED : LA_ENDED_CAPTURE_END);
  conn->end_time = end_time;
  conn->result_handshake = 1 + LA_HANDSHAKE_COMPLETE;
  conn->result_teardown = 1 + LA_TEARDOWN_FIN;
  t->handed_brief = brief;
  return conn;
}

static void prefetch_due(const LaTracker *t, guint at)
{
  uint32_t handle = g_array_index(t->due, LaDue, at).handle;
  if (la_handle_is_brief(handle))
    prefetch_brief_whole(la_pool_get_brief(&t->pool, handle));
  else
    prefetch_connection(la_pool_get(&t->pool, handle));
}

LaConnection *la_tracker_next(LaTracker *t)
{
  if (t->due_at == t->due->len) {
    g_array_set_size(t->due, 0);
    t->due_at = 0;
    if (t->clock == LA_TIME_NONE)
      return NULL;
    la_tracker_pass_time(t);
    if (t->due->len == 0)
      return NULL;
  }
  for (guint i = t->due_at + 1; i < t->due->len && i < t->due_at + 3; i++)
    prefetch_due(t, i);
  const LaDue *due = &g_array_index(t->due, LaDue, t->due_at++);
  if (la_handle_is_brief(due->handle))
    return hand_out_brief(t, la_pool_get_brief(&t->pool, due->handle), due->end_time);
  return la_pool_get(&t->pool, due->handle);
}

LaConnection *la_tracker_whole(LaTracker *t, LaConnection *conn)
{
  if (conn != t->handed)
    return conn;
  LaConnection *whole = la_tracker_write_out(t, t->handed_brief);
  freeze(whole, (LaEndedBy)conn->ended_by, conn->end_time);
  return whole;
}

void la_tracker_recycle(LaTracker *t, LaConnection *conn)
{
  t->open--;
  if (conn == t->handed)
    la_pool_release_brief(&t->pool, t->handed_brief);
  else
    la_pool_release(&t->pool, conn);
}

/* The connections of one entry of the table. */
static void end_entry(LaTracker *t, uint32_t handle)
{
  if (la_handle_is_brief(handle)) {
    LaBrief *brief = la_pool_get_brief(&t->pool, handle);
    if (brief->phase == LA_BRIEF_CLOSED) {
      g_array_append_val(t->ended, handle);
      return;
    }
    handle = la_tracker_write_out(t, brief)->handle;
  }
  for (; handle != LA_HANDLE_NONE; handle = la_pool_get(&t->pool, handle)->older) {
    la_wheel_remove(&t->wheel, la_pool_get(&t->pool, handle));
    g_array_append_val(t->ended, handle);
  }
}

void la_tracker_finish(LaTracker *t, LaTime observed_until)
{
  la_tracker_advance(t, observed_until);
  g_array_remove_range(t->due, 0, t->due_at);
  t->due_at = 0;
  la_tracker_pass_time(t);
  /* Those whose second is not wholly past, and those without a deadline. */
  for (uint32_t i = 0; i <= t->table.mask; i++)
    if (t->table.slots[i].hash != 0)
      end_entry(t, t->table.slots[i].handle);
  for (unsigned slot = 0; slot < LA_WHEEL_SLOTS; slot++)
    while (t->wheel.slot[slot] != LA_HANDLE_NONE) {
      LaConnection *conn = la_pool_get(&t->pool, t->wheel.slot[slot]);
      la_wheel_remove(&t->wheel, conn);
      g_array_append_val(t->ended, conn->handle);
    }
  finish_ended(t);
}
