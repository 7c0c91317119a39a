/* Connections in brief, seen from the tracker: what it does for a whole connection with every segment, it does here at the few that
 * matter: telling the services of the handshake, of a close after a pause and of a server that speaks, and keeping deadlines.
 *
 * The surroundings speak of whole connections. They are shown one that is kept for nothing else, with as much filled in as they ask
 * for at that moment. */
#include "track/lane.h"
#include "track/tracker_private.h"

/* ---- deadlines ---- */

static void push(LaDueQueue *queue, LaDue due)
{
  if (queue->count == queue->room) {
    uint32_t room = queue->room != 0 ? queue->room * 2 : 256;
    LaDue *items = g_new(LaDue, room);
    for (uint32_t i = 0; i < queue->count; i++)
      items[i] = queue->items[(queue->first + i) & (queue->room - 1)];
    g_free(queue->items);
    *queue = (LaDueQueue){.items = items, .first = 0, .count = queue->count, .room = room};
  }
  queue->items[(queue->first + queue->count++) & (queue->room - 1)] = due;
}

/* The next that lies before `time`. */
static bool pop(LaDueQueue *queue, LaTime time, LaDue *ret)
{
  if (queue->count == 0 || queue->items[queue->first].end_time >= time)
    return false;
  *ret = queue->items[queue->first];
  queue->first = (queue->first + 1) & (queue->room - 1);
  queue->count--;
  return true;
}

void la_due_queue_clear(LaDueQueue *queue)
{
  g_free(queue->items);
}

static void set_deadline(LaTracker *t, LaBrief *brief, LaDueQueue *queue, LaTime span)
{
  brief->deadline = la_time_add(t->clock, span);
  push(queue, (LaDue){.end_time = brief->deadline, .id = brief->id, .handle = brief->handle});
}

/* Whether a deadline that has come up is still that of its connection. */
static bool still_stands(const LaBrief *brief, const LaDue *due)
{
  return brief->phase != LA_BRIEF_FREE && brief->phase != LA_BRIEF_OVER && brief->id == due->id &&
         brief->deadline == due->end_time;
}

void la_tracker_end_briefs(LaTracker *t, LaTime time)
{
  LaDue due;
  while (pop(&t->closed, time, &due))
    if (still_stands(la_pool_get_brief(&t->pool, due.handle), &due))
      g_array_append_val(t->ended, due.handle);
  while (pop(&t->opening, time, &due)) {
    LaBrief *brief = la_pool_get_brief(&t->pool, due.handle);
    if (still_stands(brief, &due))
      g_array_append_val(t->ended, la_tracker_write_out(t, brief)->handle);
  }
}

/* ---- what others are told ---- */

static LaConnection *stage(LaTracker *t, const LaBrief *brief, uint32_t flags)
{
  LaConnection *conn = t->stage;
  la_brief_copy_head(brief, conn);
  conn->flags = flags;
  conn->handshake_ack_frame = 0;
  return conn;
}

/* What they said in return. */
static void unstage(LaBrief *brief, const LaConnection *conn)
{
  brief->service = conn->service;
  brief->host = conn->host;
  brief->others_spoke = conn->others_spoke;
  brief->others_live = conn->others_live;
  brief->others_before = conn->others_before;
  brief->others_served = conn->others_served;
  brief->exit_run_id = conn->exit_run_id;
  brief->exit_side = conn->exit_side;
}

static void tell_syn_ack(LaTracker *t, LaBrief *brief, const LaSegment *s)
{
  LaConnection *conn = stage(t, brief, 0);
  la_surroundings_segment(&t->around, conn, &(LaAround){.side = LA_ACCEPTOR, .segment = s, .marks = LA_MARK_SYN_ACK});
  unstage(brief, conn);
}

static void tell_established(LaTracker *t, LaBrief *brief, const LaSegment *s)
{
  LaConnection *conn = stage(t, brief, LA_CONN_ESTABLISHED);
  LaEndpoint *opener = &conn->end[LA_OPENER];
  LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  const LaBriefSegment *noted = brief->segment;
  opener->ttl_min = MIN(noted[0].ttl, s->ttl);
  opener->ttl_max = MAX(noted[0].ttl, s->ttl);
  acceptor->ttl_min = acceptor->ttl_max = noted[1].ttl;
  opener->syn_sent = acceptor->syn_ack_sent = 1;
  opener->syn_time = noted[0].time;
  acceptor->syn_time = noted[1].time;
  conn->handshake_ack_frame = s->frame;
  conn->handshake_ack_time = s->time;
  la_surroundings_segment(
      &t->around, conn,
      &(LaAround){.side = LA_OPENER, .segment = s, .marks = LA_MARK_HANDSHAKE_ACK, .gained = LA_CONN_ESTABLISHED});
  unstage(brief, conn);
}

static void tell_close(LaTracker *t, LaBrief *brief, LaSide side, const LaSegment *s)
{
  LaTime idle = s->time - brief->segment[brief->count - 2u].time;
  if (idle <= LA_CLOSE_PAUSE || brief->exit_run_id != 0)
    return;
  LaConnection *conn = stage(t, brief, LA_CONN_ESTABLISHED);
  conn->end[side].fin_sent = 1;
  la_surroundings_segment(&t->around, conn, &(LaAround){.side = side, .segment = s, .marks = LA_MARK_FIN, .idle = idle});
  unstage(brief, conn);
  brief->exit_idle = conn->exit_idle;
}

/* ---- life ---- */

bool la_tracker_may_be_brief(const LaTracker *t, const LaSegment *s)
{
  return t->options.general_only == 0 && t->options.by_tunnel == 0 && t->options.idle_timeout == 0 && la_brief_may_begin(s);
}

void la_tracker_open_brief(LaTracker *t, const LaSegment *s, uint32_t hash)
{
  LaBrief *brief = la_pool_take_brief(&t->pool);
  la_brief_begin(brief, s);
  brief->hash = hash;
  brief->id = t->next_id++;
  brief->file = t->file;
  LaConnection *conn = stage(t, brief, 0);
  la_surroundings_opened(&t->around, conn);
  unstage(brief, conn);
  set_deadline(t, brief, &t->opening, LA_AFTER_HANDSHAKE);
  la_table_insert(&t->table, hash, brief->handle);
  if (++t->open > t->peak)
    t->peak = t->open;
}

bool la_tracker_take_brief(LaTracker *t, LaBrief *brief, LaSide side, const LaSegment *s)
{
  uint8_t phase = brief->phase;
  LaTime idle = s->time - brief->last_time;
  if (!la_brief_take(brief, side, s))
    return false;
  if (la_is_another_slot(s->time, idle))
    la_surroundings_heard(&t->around, brief->service, brief->first_time, la_brief_server_spoke(brief));
  if (brief->phase == phase)
    return true;
  switch ((LaBriefPhase)brief->phase) {
  case LA_BRIEF_SYN_ACK:
    tell_syn_ack(t, brief, s);
    set_deadline(t, brief, &t->opening, LA_AFTER_HANDSHAKE);
    break;
  case LA_BRIEF_ACKED:
    tell_established(t, brief, s);
    brief->deadline = LA_TIME_MAX;
    break;
  case LA_BRIEF_FIN:
  case LA_BRIEF_BOTH_FINS: tell_close(t, brief, side, s); break;
  case LA_BRIEF_CLOSED: set_deadline(t, brief, &t->closed, t->options.time_wait); break;
  default: break;
  }
  return true;
}

LaConnection *la_tracker_write_out(LaTracker *t, LaBrief *brief)
{
  LaConnection *conn = la_pool_take(&t->pool);
  la_brief_copy_head(brief, conn);
  conn->lane = LA_LANE_NEW;
  for (unsigned i = 0; i < brief->count; i++) {
    LaSegment s;
    la_brief_segment(brief, i, &s);
    LaSide side = (LaSide)brief->segment[i].side;
    if (la_lane(&t->pool, conn, side, &s) == 0)
      la_lane_rejoin(conn, la_tracker_follow(t, conn, side, &s).marks);
  }
  if (brief->phase != LA_BRIEF_OVER)
    la_table_replace(&t->table, brief->hash, brief->handle, conn->handle);
  la_pool_release_brief(&t->pool, brief);
  return conn;
}
