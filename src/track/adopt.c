/* What a kernel says of its own socket is certain for that end. The other end's state is what follows from it, as far as anything does: an
 * end in CLOSE_WAIT has got its peer's FIN, so the peer is in FIN_WAIT_2 or farther; that is assumed, as behind a gap in the capture. The
 * same FIN counts as seen and acknowledged, with no packet to show for it and, until a packet of either end tells, no number. Its
 * time is that of the first reading: every span that begins with it lasted at least so long.
 *
 * The kernel is asked a moment after the capture began. A connection that was opened in between has its SYN in the capture, which comes
 * out after it was adopted: then it was none of those that were there before, and is forgotten without a record. */
#include "track/adopt.h"

#include <string.h>

#include "track/adopt_private.h"
#include "track/tracker_private.h"

void la_adoption_clear(LaAdoption *adoption)
{
  if (adoption->refs != NULL)
    g_array_unref(adoption->refs);
}

/* ---- states ---- */

/* What the other end of a socket in `state` can be taken to be in. */
static LaTcpState peer_of(LaTcpState state)
{
  switch (state) {
  case LA_TCP_ESTABLISHED:
  case LA_TCP_FIN_WAIT_1: return LA_TCP_ESTABLISHED;
  case LA_TCP_FIN_WAIT_2: return LA_TCP_CLOSE_WAIT;
  case LA_TCP_CLOSE_WAIT:
  case LA_TCP_LAST_ACK: return LA_TCP_FIN_WAIT_2;
  case LA_TCP_CLOSING: return LA_TCP_FIN_WAIT_1;
  default: return LA_TCP_CLOSED;
  }
}

/* FINs that both ends know of: those of an end in FIN_WAIT_2 and of the peer of an end in CLOSE_WAIT or LAST_ACK. */
static bool has_closed(const uint8_t state[LA_SIDE_N], LaSide side)
{
  LaTcpState other = (LaTcpState)state[LA_OTHER(side)];
  return state[side] == LA_TCP_FIN_WAIT_2 || other == LA_TCP_CLOSE_WAIT || other == LA_TCP_LAST_ACK;
}

static void add_step(LaEndpoint *end, LaTcpState state, bool told, LaTime time)
{
  LaStep *last = end->steps != 0 ? &end->path[end->steps - 1] : NULL;
  if (last != NULL && last->state == state) {
    if (told) {
      last->proved_by = LA_PROVED_BY_KERNEL;
      last->gap = 0;
    }
    return;
  }
  if (end->steps == LA_STEPS_MAX)
    return;
  end->path[end->steps++] =
      (LaStep){.time = time, .proved_by = told ? LA_PROVED_BY_KERNEL : 0, .state = (uint8_t)state, .gap = !told};
  end->state = (uint8_t)state;
}

static void set_states(LaConnection *conn, const uint8_t state[LA_SIDE_N], LaTime time)
{
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    LaEndpoint *end = &conn->end[side];
    bool told = state[side] != LA_TCP_CLOSED;
    add_step(end, told ? (LaTcpState)state[side] : peer_of((LaTcpState)state[LA_OTHER(side)]), told, time);
    if (!has_closed(state, (LaSide)side) || (end->flags & LA_END_FIN) != 0)
      continue;
    end->flags |= LA_END_FIN | LA_END_FIN_ACKED;
    end->fin_time = end->fin_last_time = end->fin_acked_time = time;
    if (conn->first_fin == LA_SIDE_N)
      conn->first_fin = (uint8_t)side;
  }
}

void la_adopted_spoke(LaConnection *conn, LaSide side, const LaSegment *s)
{
  conn->first_frame = s->frame;
  /* It may have passed just before the kernel was asked. */
  conn->first_time = MIN(conn->first_time, s->time);
  conn->last_time = MIN(conn->last_time, s->time);
  conn->interface = s->interface;
  conn->encap_count = s->encap_count;
  memcpy(conn->encap, s->encap, s->encap_count * sizeof *s->encap);
  for (unsigned i = 0; i < LA_SIDE_N; i++) {
    LaEndpoint *end = &conn->end[i];
    if ((end->flags & LA_END_FIN) == 0)
      continue;
    if (i != side)
      end->fin_end = s->ack; /* who has got a FIN acknowledges all of it */
    else if ((s->flags & LA_TCP_FIN) != 0)
      end->flags &= ~(uint32_t)LA_END_FIN; /* it comes again, and now it is seen */
    else
      end->fin_end = s->seq; /* nothing comes behind a FIN */
  }
}

/* ---- adopting ---- */

static bool is_worth_following(const LaAdopted *a)
{
  switch ((LaTcpState)a->state[0]) {
  case LA_TCP_ESTABLISHED:
  case LA_TCP_FIN_WAIT_1:
  case LA_TCP_FIN_WAIT_2:
  case LA_TCP_CLOSE_WAIT:
  case LA_TCP_CLOSING:
  case LA_TCP_LAST_ACK: return true;
  default: return false;
  }
}

static LaSide side_of_local(const LaTracker *t, const LaAdopted *a)
{
  if (a->listener != LA_LISTENER_NONE)
    return a->listener == LA_LISTENER_LOCAL ? LA_ACCEPTOR : LA_OPENER;
  return la_tracker_known_port(t, a->local.port, a->peer.port) > 0 ? LA_ACCEPTOR : LA_OPENER;
}

static LaTuple tuple_of(const LaHostPort *a, const LaHostPort *b)
{
  return (LaTuple){&a->addr, &b->addr, a->port, b->port, a->family, 0};
}

bool la_tracker_has(LaTracker *t, const LaHostPort *a, const LaHostPort *b)
{
  LaTuple tuple = tuple_of(a, b);
  LaSide side;
  return la_table_find(&t->table, &t->pool, &tuple, la_table_hash(&t->table, &tuple), &side) != LA_HANDLE_NONE;
}

LaAdoptResult la_tracker_adopt(LaTracker *t, const LaAdopted *a)
{
  if (!is_worth_following(a))
    return LA_ADOPT_PASSED;
  if (la_tracker_has(t, &a->local, &a->peer))
    return LA_ADOPT_KNOWN;
  if (la_room_is_full(t))
    return LA_ADOPT_FULL;
  /* Before the first packet the wheel has no time yet. */
  if (t->wheel.started == 0)
    la_wheel_advance(&t->wheel, &t->pool, a->time - LA_SEC, t->ended);
  LaSide local = side_of_local(t, a);
  LaSide peer = LA_OTHER(local);
  LaTuple tuple = tuple_of(&a->local, &a->peer);
  LaConnection *conn = la_pool_take(&t->pool);
  conn->addr[local] = a->local.addr;
  conn->port[local] = a->local.port;
  conn->addr[peer] = a->peer.addr;
  conn->port[peer] = a->peer.port;
  conn->family = a->local.family;
  conn->roles_from = LA_ROLES_KERNEL;
  conn->hash = la_table_hash(&t->table, &tuple);
  conn->id = LA_ADOPTED_IDS + t->adoption.count++;
  conn->file = t->file;
  conn->first_time = conn->last_time = a->time;
  conn->flags = LA_CONN_ADOPTED | LA_CONN_MIDSTREAM | LA_CONN_ESTABLISHED;
  uint8_t state[LA_SIDE_N];
  state[local] = a->state[0];
  state[peer] = is_worth_following(&(LaAdopted){.state = {a->state[1]}}) ? a->state[1] : LA_TCP_CLOSED;
  set_states(conn, state, a->time);
  la_surroundings_opened(&t->around, conn);
  if (++t->open > t->peak)
    t->peak = t->open;
  la_table_insert(&t->table, conn->hash, conn->handle);
  if (t->adoption.refs == NULL)
    t->adoption.refs = g_array_new(FALSE, FALSE, sizeof(LaRef));
  LaRef ref = {conn->handle, conn->id};
  g_array_append_val(t->adoption.refs, ref);
  la_tracker_held(t, conn, state, a->time);
  return LA_ADOPT_TAKEN;
}

/* ---- afterwards ---- */

static bool is_silent(const LaConnection *conn)
{
  return conn->first_frame == 0;
}

static bool is_paired(const LaConnection *conn)
{
  return conn->older != LA_HANDLE_NONE || conn->newer != LA_HANDLE_NONE;
}

LaConnection *la_tracker_next_adopted(LaTracker *t, uint32_t *at)
{
  LaAdoption *a = &t->adoption;
  if (a->refs == NULL)
    return NULL;
  if (*at == 0) {
    guint kept = 0;
    for (guint i = 0; i < a->refs->len; i++) {
      LaRef ref = g_array_index(a->refs, LaRef, i);
      if (la_tracker_get(t, ref.handle, ref.id) != NULL)
        g_array_index(a->refs, LaRef, kept++) = ref;
    }
    g_array_set_size(a->refs, kept);
    a->spare = 0;
  }
  while (*at < a->refs->len) {
    LaRef ref = g_array_index(a->refs, LaRef, (*at)++);
    LaConnection *conn = la_tracker_get(t, ref.handle, ref.id);
    if (conn != NULL)
      return conn;
  }
  return NULL;
}

LaConnection *la_adopted_to_spare(LaTracker *t, const LaConnection *spared)
{
  LaAdoption *a = &t->adoption;
  while (a->refs != NULL && a->spare < a->refs->len) {
    LaRef ref = g_array_index(a->refs, LaRef, a->spare++);
    LaConnection *conn = la_tracker_get(t, ref.handle, ref.id);
    if (conn != NULL && conn != spared && is_silent(conn) && !is_paired(conn))
      return conn;
  }
  return NULL;
}

void la_tracker_held(LaTracker *t, LaConnection *conn, const uint8_t state[LA_SIDE_N], LaTime time)
{
  bool closing = conn->first_fin != LA_SIDE_N;
  if (is_silent(conn))
    set_states(conn, state, time);
  if ((conn->flags & (LA_CONN_CLOSED | LA_CONN_RST)) == 0 && (conn->flags & LA_CONN_OVER) == 0) {
    LaTime now = MAX(t->clock, time);
    conn->deadline = t->options.idle_timeout != 0 ? la_time_add(now, t->options.idle_timeout) : LA_TIME_MAX;
    la_wheel_set(&t->wheel, conn);
  }
  /* Only what is half closed can be worth a word while nothing passes. */
  bool news = conn->first_fin != LA_SIDE_N && (!closing || conn->first_time == time);
  if (t->changed != NULL && is_silent(conn) && news)
    la_tracker_note_change(t, conn, LA_MARK_ACKS_FIN);
}

void la_tracker_gone(LaTracker *t, LaConnection *conn, LaTime time)
{
  if (is_paired(conn)) /* the newer one ends it */
    return;
  la_tracker_give_up(t, conn, LA_ENDED_GONE, time);
}

bool la_adopted_is_mistake(const LaConnection *conn, const LaSegment *s)
{
  return (conn->flags & LA_CONN_ADOPTED) != 0 && is_silent(conn) && (s->flags & LA_TCP_SYN) != 0 && s->time <= conn->first_time;
}

void la_adopted_forget(LaTracker *t, LaConnection *conn)
{
  la_tracker_take_off(t, conn);
  la_wheel_remove(&t->wheel, conn);
  t->open--;
  la_pool_release(&t->pool, conn);
}
