/* One four-tuple, one entry in the table: its newest connection. Usually that is all there is. When a SYN with another initial
 * number comes while the entry's connection may still live, the new connection takes the entry and keeps the older one behind
 * it until somebody answers: a SYN-ACK or RST that fits the new number settles it for the new one; an acknowledgment that
 * does not fit is the older connection's challenge ACK (RFC 5961 section 4), and belongs there, as does the RST it draws. When the older
 * connection then simply goes on, the SYN was stale or forged: it is folded back into the older connection as an event.
 *
 * Life-cycle of an entry:
 *   found      in the table, or behind a newer one
 *   over       its deadline passed, or a newer connection took its place: not found any more, waits for its turn in the wheel
 *   finished   handed out by la_tracker_next, in order of (end_time, id)
 *   recycled   back in the pool
 * A connection is handed out once the second of its deadline is wholly past, so the order does not depend on how the input was
 * cut into batches. */
#include "track/tracker.h"

#include <string.h>

#include "base/seq.h"
#include "track/account.h"
#include "track/classify.h"
#include "track/follow.h"
#include "track/lane.h"
#include "track/moment.h"
#include "track/pool.h"
#include "track/prefetch.h"
#include "track/surroundings.h"
#include "track/table.h"
#include "track/wheel.h"

#define AFTER_RST (60 * LA_SEC)
#define AFTER_HANDSHAKE (180 * LA_SEC)

struct LaTracker {
  LaTrackOptions options;
  LaPool pool;
  LaTable table;
  LaWheel wheel;
  LaSurroundings around;
  LaTime clock;
  LaTime next_second; /* when the next connections may finish */
  uint32_t next_id;
  uint16_t file;
  uint32_t open, peak;
  GArray *due; /* handles of finished connections, sorted */
  guint due_at;
};

LaTracker *la_tracker_new(const LaTrackOptions *options)
{
  LaTracker *t = g_new0(LaTracker, 1);
  t->options = *options;
  la_pool_init(&t->pool);
  /* The seed only keeps strangers from choosing colliding four-tuples: nothing in the output depends on it. */
  la_table_init(&t->table, (uint64_t)g_random_int() << 32 | g_random_int());
  la_wheel_init(&t->wheel);
  la_surroundings_init(&t->around);
  t->clock = LA_TIME_NONE;
  t->next_second = LA_TIME_NONE;
  t->next_id = 1;
  t->file = 1;
  t->due = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  return t;
}

void la_tracker_free(LaTracker *t)
{
  if (t == NULL)
    return;
  la_pool_clear(&t->pool);
  la_table_clear(&t->table);
  la_surroundings_clear(&t->around);
  la_wheel_clear(&t->wheel);
  g_array_unref(t->due);
  g_free(t);
}

void la_tracker_begin_file(LaTracker *t, unsigned file)
{
  t->file = (uint16_t)(file > UINT16_MAX ? UINT16_MAX : file);
  t->next_id = 1;
}

void la_tracker_advance(LaTracker *t, LaTime time)
{
  if (time > t->clock)
    t->clock = time;
}

LaServices *la_tracker_services(LaTracker *t)
{
  return t->around.services;
}

LaVantage la_tracker_vantage(const LaTracker *t)
{
  return la_vantage_estimate(&t->around.vantage);
}

uint32_t la_tracker_open(const LaTracker *t)
{
  return t->open;
}

uint32_t la_tracker_peak(const LaTracker *t)
{
  return t->peak;
}

/* ---- life ---- */

static bool handshake_pending(const LaConnection *conn)
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
    return MAX(t->clock, la_time_add(la_time_add(conn->rst_time, AFTER_RST), t->clock - conn->last_time));
  if (handshake_pending(conn))
    return la_time_add(t->clock, AFTER_HANDSHAKE);
  return t->options.idle_timeout != 0 ? la_time_add(t->clock, t->options.idle_timeout) : LA_TIME_MAX;
}

static LaEndedBy ending_of(const LaConnection *conn)
{
  if ((conn->flags & LA_CONN_CLOSED) != 0)
    return LA_ENDED_CLOSED;
  if ((conn->flags & LA_CONN_RST) != 0)
    return LA_ENDED_RESET;
  return handshake_pending(conn) ? LA_ENDED_FAILED : LA_ENDED_IDLE;
}

/* Takes a connection off its four-tuple; an older one behind it gets the entry back. */
static void take_off(LaTracker *t, LaConnection *conn)
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

/* A newer connection has its four-tuple: it ends now. */
static void supersede(LaTracker *t, LaConnection *old)
{
  take_off(t, old);
  if (old->deadline > t->clock) {
    old->deadline = t->clock;
    la_wheel_set(&t->wheel, old);
  }
}

/* ---- finishing ---- */

static gint by_end(gconstpointer a, gconstpointer b, gpointer data)
{
  const LaPool *pool = data;
  const LaConnection *x = la_pool_get(pool, *(const uint32_t *)a);
  const LaConnection *y = la_pool_get(pool, *(const uint32_t *)b);
  if (x->end_time != y->end_time)
    return x->end_time < y->end_time ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* Those of `due` from `first` on have finished. */
static void finish_due(LaTracker *t, guint first)
{
  for (guint i = first; i < t->due->len; i++) {
    LaConnection *conn = la_pool_get(&t->pool, g_array_index(t->due, uint32_t, i));
    bool over = conn->deadline <= t->clock;
    conn->ended_by = (uint8_t)(over ? ending_of(conn) : LA_ENDED_CAPTURE_END);
    conn->end_time = over ? conn->deadline : t->clock;
    take_off(t, conn);
    if (la_connection_is_stray(conn))
      conn->flags |= LA_CONN_STRAY;
    la_connection_derive_results(conn);
    la_surroundings_finished(&t->around, conn);
  }
  if (first < t->due->len)
    g_qsort_with_data(&g_array_index(t->due, uint32_t, first), (gint)(t->due->len - first), sizeof(uint32_t), by_end, &t->pool);
}

static void pass_time(LaTracker *t)
{
  guint first = t->due->len;
  la_wheel_advance(&t->wheel, &t->pool, t->clock, t->due);
  t->next_second = la_time_add(t->wheel.tick * LA_SEC, LA_SEC);
  finish_due(t, first);
}

/* Connections finish when the clock enters another second, not when somebody asks: what they tell about their services is the same
 * however the input is cut into batches. */
static inline void see_time(LaTracker *t, LaTime time)
{
  if (time > t->clock)
    t->clock = time;
  if (t->clock >= t->next_second)
    pass_time(t);
}

/* ---- a new connection ---- */

typedef struct {
  LaRolesFrom from;
  LaSide sender; /* which side the segment's sender plays */
} Roles;

/* RFC words: a SYN comes from the opener, a SYN-ACK from the acceptor; without them a port tells, or the first packet. */
static Roles tell_roles(const LaTracker *t, const LaSegment *s)
{
  if ((s->flags & LA_TCP_SYN) != 0 && (s->flags & LA_TCP_RST) == 0)
    return (s->flags & LA_TCP_ACK) != 0 && (s->flags & LA_TCP_FIN) == 0 ? (Roles){LA_ROLES_SYN_ACK, LA_ACCEPTOR}
                                                                        : (Roles){LA_ROLES_SYN, LA_OPENER};
  bool src_known = s->src_port < 1024;
  bool dst_known = s->dst_port < 1024;
  if (src_known == dst_known) {
    src_known = s->src_port < t->options.ephemeral_low;
    dst_known = s->dst_port < t->options.ephemeral_low;
  }
  if (src_known != dst_known)
    return (Roles){LA_ROLES_PORT, src_known ? LA_ACCEPTOR : LA_OPENER};
  return (Roles){LA_ROLES_FIRST_PACKET, LA_OPENER};
}

static LaConnection *open_connection(LaTracker *t, const LaSegment *s, uint32_t hash, LaSide *ret_side)
{
  Roles roles = tell_roles(t, s);
  LaConnection *conn = la_pool_take(&t->pool);
  LaSide dst_side = LA_OTHER(roles.sender);
  conn->addr[roles.sender] = s->src;
  conn->addr[dst_side] = s->dst;
  conn->port[roles.sender] = s->src_port;
  conn->port[dst_side] = s->dst_port;
  conn->family = s->family;
  conn->roles_from = (uint8_t)roles.from;
  conn->tunnel_hash = t->options.by_tunnel != 0 ? s->tunnel_hash : 0;
  conn->hash = hash;
  conn->id = t->next_id++;
  conn->file = t->file;
  conn->first_time = conn->last_time = s->time;
  conn->first_frame = s->frame;
  conn->interface = s->interface;
  conn->deadline = LA_TIME_MAX;
  if (roles.from == LA_ROLES_PORT || roles.from == LA_ROLES_FIRST_PACKET)
    conn->flags |= LA_CONN_MIDSTREAM;
  conn->lane = t->options.general_only == 0 ? LA_LANE_NEW : LA_LANE_NONE;
  conn->encap_count = s->encap_count;
  memcpy(conn->encap, s->encap, s->encap_count * sizeof *s->encap);
  la_surroundings_opened(&t->around, conn);
  if (++t->open > t->peak)
    t->peak = t->open;
  *ret_side = roles.sender;
  return conn;
}

static LaSide side_in(const LaConnection *conn, const LaSegment *s)
{
  return conn->port[LA_OPENER] == s->src_port && la_addr_equal(&conn->addr[LA_OPENER], &s->src) ? LA_OPENER : LA_ACCEPTOR;
}

/* What rules need of the connection that had the four-tuple before. */
static void remember_earlier(LaConnection *conn, const LaConnection *old)
{
  LaEarlier *e = &conn->earlier;
  LaSide mapped = old->port[LA_OPENER] == conn->port[LA_OPENER] && la_addr_equal(&old->addr[LA_OPENER], &conn->addr[LA_OPENER])
                      ? LA_OPENER
                      : LA_ACCEPTOR;
  e->id = old->id;
  e->same_roles = mapped == LA_OPENER;
  for (int side = 0; side < LA_SIDE_N; side++) {
    const LaEndpoint *from = &old->end[e->same_roles != 0 ? (LaSide)side : LA_OTHER(side)];
    e->state[side] = from->state;
    e->snd_nxt[side] = from->snd_nxt;
    e->rcv_nxt[side] = from->rcv_nxt;
    e->ts_val[side] = from->ts_val;
  }
  e->teardown = (uint8_t)la_connection_teardown(old);
  e->last_time = old->last_time;
  e->last_frame = old->last_frame;
  e->closed_time = LA_TIME_NONE;
  if ((old->flags & LA_CONN_RST) != 0) {
    e->closed_time = old->rst_time;
  } else if ((old->flags & LA_CONN_CLOSED) != 0) {
    LaTime a = old->end[LA_OPENER].fin_acked_time;
    LaTime b = old->end[LA_ACCEPTOR].fin_acked_time;
    e->closed_time = a > b ? a : b;
  }
  conn->flags |= LA_CONN_REUSED;
}

/* ---- one segment of a connection ---- */

/* The RST that was taken to have ended the connection was survived. */
static void withdraw_rst(LaConnection *conn, uint64_t frame)
{
  for (unsigned i = 0; i < conn->moments_used; i++) {
    LaMoment *m = &conn->moment_chunk[i / 8][i % 8];
    if (m->frame == frame)
      m->marks = (m->marks & ~LA_MARK_RST_COUNTS) | LA_MARK_RST_IGNORED;
  }
  conn->marks |= LA_MARK_RST_IGNORED;
}

/* The first close of an end after a pause, or a step of the handshake, may matter to others. */
static bool matters_around(uint64_t marks, uint32_t gained, LaTime idle)
{
  if ((marks & LA_MARK_SYN_ACK) != 0 || ((marks & LA_MARK_FIN) != 0 && idle > LA_CLOSE_PAUSE))
    return true;
  return gained != 0;
}

/* Whether another stretch of time began since the connection's segment before. */
static inline bool is_another_slot(LaTime time, LaTime idle)
{
  return (time ^ (time - idle)) >> LA_SPOKE_SHIFT != 0;
}

static void settle_deadline(LaTracker *t, LaConnection *conn)
{
  conn->deadline = deadline_of(t, conn);
  if (conn->deadline != LA_TIME_MAX)
    la_wheel_set(&t->wheel, conn);
}

/* The short way; 0: not taken. */
static uint64_t process_short(LaTracker *t, LaConnection *conn, LaSide side, const LaSegment *s)
{
  uint32_t flags = conn->flags;
  LaTime idle = s->time - conn->last_time;
  uint64_t marks = la_lane(&t->pool, conn, side, s);
  if (marks == 0)
    return 0;
  uint32_t gained = conn->flags & ~flags;
  if (is_another_slot(s->time, idle))
    la_surroundings_spoke(&t->around, conn);
  if (matters_around(marks, gained, idle))
    la_surroundings_segment(&t->around, conn,
                            &(LaAround){.side = side, .segment = s, .marks = marks, .gained = gained, .idle = idle});
  /* Established, and nothing that ends: no deadline unless idleness is one. */
  if (conn->lane >= LA_LANE_ACKED && (marks & LA_MARK_HANDSHAKE_ACK) == 0 && t->options.idle_timeout == 0)
    return marks;
  settle_deadline(t, conn);
  return marks;
}

static uint64_t process(LaTracker *t, LaConnection *conn, LaSide side, const LaSegment *s)
{
  if (conn->lane != LA_LANE_NONE) {
    uint64_t short_marks = process_short(t, conn, side, s);
    if (short_marks != 0)
      return short_marks;
  }
  uint64_t marks = la_classify(conn, side, s);
  LaMoment *moment = NULL;
  /* Around a FIN the order of data matters, too: whether the FIN could be taken. */
  bool about_fin = ((marks & LA_MARK_OUT_OF_ORDER) != 0 && (conn->end[side].flags & LA_END_FIN) != 0) ||
                   (((marks & LA_MARK_DUP_ACK) != 0 || (s->options & LA_OPT_SACK) != 0) &&
                    (conn->end[LA_OTHER(side)].flags & (LA_END_FIN | LA_END_FIN_ACKED)) == LA_END_FIN);
  /* Whether a receiver reacts to a copy tells who made it: the network, or only the capture. */
  bool about_copy = (conn->end[side].flags & LA_END_COPIED) != 0 && la_segment_length(s) == 0;
  if ((marks & ~LA_PLAIN_MARKS) != 0 || about_fin || about_copy || conn->last_frame == 0)
    moment = la_moment_add(&t->pool, conn, side, s, marks);
  uint64_t rst_frame = conn->rst_frame;
  uint32_t flags = conn->flags;
  LaTime idle = s->time - conn->last_time;
  la_account(conn, side, s, marks);
  marks |= la_follow(conn, side, s, marks);
  if (((marks & (LA_MARK_SYN | LA_MARK_SYN_ACK | LA_MARK_FIN | LA_MARK_RST)) | (conn->flags & ~flags)) != 0)
    la_surroundings_segment(
        &t->around, conn,
        &(LaAround){.side = side, .segment = s, .marks = marks, .gained = conn->flags & ~flags, .idle = idle});
  if (moment != NULL)
    moment->marks = marks;
  if (rst_frame != 0 && conn->rst_frame != rst_frame)
    withdraw_rst(conn, rst_frame);
  conn->marks |= marks;
  if (s->time >= conn->last_time) {
    conn->last_time = s->time;
    conn->interface = s->interface;
  }
  conn->last_frame = s->frame;
  if (is_another_slot(s->time, idle))
    la_surroundings_spoke(&t->around, conn);
  settle_deadline(t, conn);
  if (t->options.general_only == 0)
    la_lane_rejoin(conn, marks);
  return marks;
}

/* ---- one four-tuple, two connections ---- */

/* Whether a SYN without ACK on the four-tuple of `conn` begins another connection. */
static bool syn_starts_new(const LaConnection *conn, LaSide side, const LaSegment *s)
{
  const LaEndpoint *me = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  if ((me->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0 && s->seq == me->isn)
    return false;
  if ((conn->flags & (LA_CONN_RST | LA_CONN_CLOSED)) != 0)
    return true;
  bool peer_silent = peer->packets == 0;
  if ((me->flags & LA_END_SYN) != 0 && peer_silent)
    return false; /* tried again with another number before any answer: the same attempt */
  if (side == LA_ACCEPTOR && peer->state == LA_TCP_SYN_SENT && (me->flags & LA_END_SYN) == 0)
    return false; /* crossing SYNs, or the second half of a split handshake */
  return true;
}

/* A SYN-ACK with a number the connection does not know, when it is past its handshake. */
static bool syn_ack_starts_new(const LaConnection *conn, LaSide side, const LaSegment *s)
{
  const LaEndpoint *me = &conn->end[side];
  if ((me->flags & LA_END_ISN) != 0 && s->seq == me->isn)
    return false;
  if ((conn->flags & (LA_CONN_RST | LA_CONN_CLOSED)) != 0)
    return true;
  bool opening = conn->end[LA_OPENER].state <= LA_TCP_SYN_RECEIVED && (conn->flags & LA_CONN_MIDSTREAM) == 0;
  return !opening && side == LA_ACCEPTOR && (me->flags & LA_END_FIN) != 0;
}

static LaConnection *begin_newer(LaTracker *t, LaConnection *old, const LaSegment *s, LaSide *ret_side)
{
  LaConnection *conn = open_connection(t, s, old->hash, ret_side);
  remember_earlier(conn, old);
  la_table_replace(&t->table, old->hash, old->handle, conn->handle);
  conn->older = old->handle;
  old->newer = conn->handle;
  if ((old->flags & (LA_CONN_RST | LA_CONN_CLOSED)) == 0 && !handshake_pending(old))
    conn->flags |= LA_CONN_TENTATIVE;
  LaSide in_old = side_in(old, s);
  old->end[LA_OTHER(in_old)].flags |= LA_END_CHALLENGED;
  return conn;
}

/* The newer connection is the one: the older ends. */
static void settle(LaTracker *t, LaConnection *conn)
{
  conn->flags &= ~(uint32_t)LA_CONN_TENTATIVE;
  if (conn->older == LA_HANDLE_NONE)
    return;
  LaConnection *old = la_pool_get(&t->pool, conn->older);
  LaEarlier kept = conn->earlier;
  remember_earlier(conn, old);
  conn->earlier.challenges = kept.challenges;
  conn->earlier.challenge_frame = kept.challenge_frame;
  conn->earlier.challenge_rst_frame = kept.challenge_rst_frame;
  conn->earlier.challenge_time = kept.challenge_time;
  /* What rules ask of the earlier connection is how it stood when the SYN came. */
  conn->earlier.closed_time = kept.closed_time;
  conn->earlier.last_time = kept.last_time;
  conn->earlier.last_frame = kept.last_frame;
  conn->earlier.teardown = kept.teardown;
  memcpy(conn->earlier.state, kept.state, sizeof kept.state);
  supersede(t, old);
}

static void add_counts(LaEndpoint *to, const LaEndpoint *from)
{
  to->packets += from->packets;
  to->payload_bytes += from->payload_bytes;
  to->syn += from->syn;
  to->retransmitted += from->retransmitted;
  to->duplicate += from->duplicate;
}

/* The older connection lives on: the SYN was stale or forged, and becomes an event of it. */
static void fold_back(LaTracker *t, LaConnection *conn, LaConnection *old)
{
  LaSide same = conn->earlier.same_roles != 0 ? LA_OPENER : LA_ACCEPTOR;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    LaMoment moment = *la_connection_moment(conn, i);
    if (same == LA_ACCEPTOR)
      moment.side ^= 1;
    moment.marks |= LA_MARK_STALE_SYN;
    LaMoment *place = la_pool_add_moment(&t->pool, old);
    *place = moment;
    for (unsigned k = old->moments_used - 1u; k > 0 && old->moments_total <= LA_MOMENTS_HEAD + LA_MOMENTS_TAIL; k--) {
      LaMoment *b = &old->moment_chunk[k / 8][k % 8];
      LaMoment *a = &old->moment_chunk[(k - 1) / 8][(k - 1) % 8];
      if (a->frame <= b->frame)
        break;
      LaMoment swap = *a;
      *a = *b;
      *b = swap;
    }
  }
  old->marks |= conn->marks | LA_MARK_STALE_SYN;
  old->flags |= LA_CONN_STALE_SYN;
  add_counts(&old->end[same], &conn->end[LA_OPENER]);
  add_counts(&old->end[LA_OTHER(same)], &conn->end[LA_ACCEPTOR]);
  take_off(t, conn); /* gives the entry back */
  la_wheel_remove(&t->wheel, conn);
  t->open--;
  la_pool_release(&t->pool, conn);
}

static bool acks_new(const LaConnection *conn, const LaSegment *s)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  return (s->flags & LA_TCP_ACK) != 0 && la_seq_gt(s->ack, opener->isn) && la_seq_le(s->ack, opener->snd_nxt);
}

/* Whether a segment that is no SYN belongs to the newer connection rather than to the older one. */
static bool fits_newer(const LaConnection *conn, const LaConnection *old, LaSide side, const LaSegment *s)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  if (side == LA_ACCEPTOR) {
    /* Both may fit when the new number lies close to the old one: then the older connection's own sequence decides. */
    const LaEndpoint *old_sender = &old->end[side_in(old, s)];
    bool old_number = (s->flags & LA_TCP_RST) == 0 && s->seq == old_sender->snd_nxt && (old_sender->flags & LA_END_SPOKE) != 0;
    return acks_new(conn, s) && !old_number;
  }
  if (!la_seq_gt(s->seq, opener->isn) || la_seq_diff(s->seq, opener->snd_nxt) > 1)
    return false;
  return (conn->end[LA_ACCEPTOR].flags & LA_END_SYN_ACK) != 0 || old->end[side_in(old, s)].snd_nxt != s->seq;
}

/* Chooses between a connection that is not answered yet and the older one behind it. */
static LaConnection *route(LaTracker *t, LaConnection *conn, LaSide *side, const LaSegment *s)
{
  LaConnection *old = la_pool_get(&t->pool, conn->older);
  if (old->deadline < t->clock) {
    take_off(t, old);
    return conn;
  }
  bool syn = (s->flags & LA_TCP_SYN) != 0;
  LaSide in_old = side_in(old, s);
  if (syn && (s->flags & LA_TCP_ACK) != 0) {
    if (*side == LA_ACCEPTOR && !acks_new(conn, s) && (old->end[in_old].flags & LA_END_ISN) != 0 &&
        s->seq == old->end[in_old].isn) {
      *side = in_old;
      return old;
    }
    if (acks_new(conn, s))
      settle(t, conn);
    return conn;
  }
  if (syn)
    return conn;
  if (fits_newer(conn, old, *side, s)) {
    settle(t, conn);
    return conn;
  }
  bool bare = la_segment_length(s) == 0;
  if ((s->flags & LA_TCP_RST) != 0) {
    if (*side == LA_OPENER)
      conn->earlier.challenge_rst_frame = s->frame;
  } else if (*side == LA_ACCEPTOR && bare) {
    conn->earlier.challenges++;
    if (conn->earlier.challenge_frame == 0) {
      conn->earlier.challenge_frame = s->frame;
      conn->earlier.challenge_time = s->time;
    }
  } else if (*side == LA_OPENER && (conn->flags & LA_CONN_TENTATIVE) != 0) {
    /* What the other end still sends shows nothing: it may not have got the SYN yet. The SYN's own end does. */
    fold_back(t, conn, old);
  }
  *side = in_old;
  return old;
}

static LaConnection *find_or_open(LaTracker *t, const LaSegment *s, uint32_t hash, LaSide *ret_side)
{
  LaTuple tuple = {&s->src, &s->dst, s->src_port, s->dst_port, s->family, t->options.by_tunnel != 0 ? s->tunnel_hash : 0};
  LaConnection *conn = la_table_find(&t->table, &t->pool, &tuple, hash, ret_side);
  while (conn != NULL && conn->deadline < t->clock) {
    take_off(t, conn);
    conn = la_table_find(&t->table, &t->pool, &tuple, hash, ret_side);
  }
  if (conn == NULL) {
    conn = open_connection(t, s, hash, ret_side);
    la_table_insert(&t->table, hash, conn->handle);
    return conn;
  }
  if (conn->older != LA_HANDLE_NONE) {
    LaConnection *chosen = route(t, conn, ret_side, s);
    if (chosen != conn)
      return chosen;
  }
  unsigned kind = s->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST | LA_TCP_FIN);
  bool starts = (kind == LA_TCP_SYN && syn_starts_new(conn, *ret_side, s)) ||
                (kind == (LA_TCP_SYN | LA_TCP_ACK) && syn_ack_starts_new(conn, *ret_side, s));
  if (!starts)
    return conn;
  if (conn->older != LA_HANDLE_NONE)
    settle(t, conn);
  LaConnection *newer = begin_newer(t, conn, s, ret_side);
  if (kind != LA_TCP_SYN)
    settle(t, newer);
  return newer;
}

static uint32_t hash_of(const LaTracker *t, const LaSegment *s)
{
  LaTuple tuple = {&s->src, &s->dst, s->src_port, s->dst_port, s->family, t->options.by_tunnel != 0 ? s->tunnel_hash : 0};
  return la_table_hash(&t->table, &tuple);
}

LaSegmentNote la_tracker_segment(LaTracker *t, const LaSegment *s)
{
  see_time(t, s->time);
  LaSide side;
  LaConnection *conn = find_or_open(t, s, hash_of(t, s), &side);
  const LaEndpoint *me = &conn->end[side];
  uint64_t repeats = (s->flags & LA_TCP_SYN) != 0 ? me->syn_frame : (s->flags & LA_TCP_FIN) != 0 ? me->fin_frame : 0;
  uint64_t marks = process(t, conn, side, s);
  return (LaSegmentNote){.id = conn->id,
                         .side = (uint8_t)side,
                         .marks = marks,
                         .repeats_frame = (marks & (LA_MARK_RETRANSMISSION | LA_MARK_DUPLICATE)) != 0 ? repeats : 0};
}

/* Whether the connection that was fetched ahead is still the one of this four-tuple and simply goes on. */
static inline bool goes_on(const LaTracker *t, const LaConnection *conn, const LaSegment *s, LaSide side)
{
  LaSide other = LA_OTHER(side);
  return conn->port[side] == s->src_port && conn->port[other] == s->dst_port && la_addr_equal(&conn->addr[side], &s->src) &&
         la_addr_equal(&conn->addr[other], &s->dst) && conn->family == s->family &&
         (t->options.by_tunnel == 0 || conn->tunnel_hash == s->tunnel_hash);
}

static inline bool is_simply_there(const LaTracker *t, const LaConnection *conn, uint32_t hash)
{
  return conn->hash == hash && (conn->flags & LA_CONN_OVER) == 0 && conn->older == LA_HANDLE_NONE &&
         conn->newer == LA_HANDLE_NONE && conn->deadline >= t->clock;
}

void la_tracker_segments(LaTracker *t, const LaSegment *segments, unsigned count)
{
  uint32_t hash[LA_TRACKER_BATCH];
  LaConnection *ahead[LA_TRACKER_BATCH];
  g_assert(count <= LA_TRACKER_BATCH);
  for (unsigned i = 0; i < count; i++) {
    hash[i] = hash_of(t, &segments[i]);
    la_table_prefetch(&t->table, hash[i]);
  }
  enum {
    AHEAD = 12,
    NEAR = 6
  };
  for (unsigned i = 0; i < count + AHEAD; i++) {
    if (i < count) {
      uint32_t handle = la_table_peek(&t->table, hash[i]);
      ahead[i] = handle != LA_HANDLE_NONE ? la_pool_get(&t->pool, handle) : NULL;
      if (ahead[i] != NULL)
        prefetch_connection(ahead[i]);
    }
    if (i >= NEAR && i - NEAR < count && ahead[i - NEAR] != NULL)
      prefetch_writes(ahead[i - NEAR]);
    if (i < AHEAD)
      continue;
    const LaSegment *s = &segments[i - AHEAD];
    LaConnection *conn = ahead[i - AHEAD];
    see_time(t, s->time);
    if ((s->flags & (LA_TCP_SYN | LA_TCP_RST)) == 0 && conn != NULL && is_simply_there(t, conn, hash[i - AHEAD])) {
      LaSide side = conn->port[LA_OPENER] == s->src_port ? LA_OPENER : LA_ACCEPTOR;
      if (goes_on(t, conn, s, side)) {
        process(t, conn, side, s);
        continue;
      }
    }
    LaSide side;
    conn = find_or_open(t, s, hash[i - AHEAD], &side);
    process(t, conn, side, s);
  }
}

/* An error that ends a connect() (on Linux every unreachable, time exceeded and parameter problem) and is more than a remark about
 * the path's MTU or load. */
static bool is_hard_error(const LaIcmpError *icmp)
{
  if (icmp->family == LA_FAMILY_IPV4)
    return (icmp->type == 3 && icmp->code != 4) || icmp->type == 11 || icmp->type == 12;
  return icmp->type == 1 || icmp->type == 3 || icmp->type == 4;
}

bool la_tracker_icmp(LaTracker *t, const LaIcmpError *icmp, LaSegmentNote *ret_note)
{
  la_tracker_advance(t, icmp->time);
  LaTuple tuple = {&icmp->quoted_src,     &icmp->quoted_dst, icmp->quoted_src_port,
                   icmp->quoted_dst_port, icmp->family,      t->options.by_tunnel != 0 ? icmp->tunnel_hash : 0};
  LaSide side;
  LaConnection *conn = la_table_find(&t->table, &t->pool, &tuple, la_table_hash(&t->table, &tuple), &side);
  if (conn == NULL || conn->deadline < t->clock)
    return false;
  LaEndpoint *me = &conn->end[side];
  LaMoment *m = la_pool_add_moment(&t->pool, conn);
  *m = (LaMoment){.time = icmp->time,
                  .frame = icmp->frame,
                  .marks = LA_MARK_ICMP,
                  .since_last = icmp->time - conn->last_time,
                  .seq = icmp->quoted_seq,
                  .flags = (uint16_t)(icmp->type << 8 | icmp->code),
                  .ttl = icmp->ttl,
                  .side = (uint8_t)side,
                  .state = me->state,
                  .peer_state = conn->end[LA_OTHER(side)].state};
  conn->marks |= LA_MARK_ICMP;
  conn->flags |= LA_CONN_ICMP;
  bool hard = is_hard_error(icmp);
  bool own_number = icmp->has_seq == 0 || icmp->quoted_seq == me->isn;
  if (hard && me->state == LA_TCP_SYN_SENT && own_number)
    conn->flags |= LA_CONN_ICMP_SYN;
  if (hard && conn->icmp_frame == 0) {
    conn->icmp_frame = icmp->frame;
    conn->icmp_time = icmp->time;
    conn->icmp_type = icmp->type;
    conn->icmp_code = icmp->code;
    conn->icmp_reporter = icmp->reporter;
  }
  if (ret_note != NULL)
    *ret_note = (LaSegmentNote){.id = conn->id, .side = (uint8_t)side, .marks = LA_MARK_ICMP};
  return true;
}

/* ---- handing out ---- */

LaConnection *la_tracker_next(LaTracker *t)
{
  if (t->due_at == t->due->len) {
    g_array_set_size(t->due, 0);
    t->due_at = 0;
    if (t->clock == LA_TIME_NONE)
      return NULL;
    pass_time(t);
    if (t->due->len == 0)
      return NULL;
  }
  for (guint i = t->due_at + 1; i < t->due->len && i < t->due_at + 3; i++)
    prefetch_connection(la_pool_get(&t->pool, g_array_index(t->due, uint32_t, i)));
  return la_pool_get(&t->pool, g_array_index(t->due, uint32_t, t->due_at++));
}

void la_tracker_recycle(LaTracker *t, LaConnection *conn)
{
  t->open--;
  la_pool_release(&t->pool, conn);
}

void la_tracker_finish(LaTracker *t, LaTime observed_until)
{
  la_tracker_advance(t, observed_until);
  g_array_remove_range(t->due, 0, t->due_at);
  t->due_at = 0;
  pass_time(t);
  guint first = t->due->len;
  /* Those whose second is not wholly past, and those without a deadline. */
  for (uint32_t i = 0; i <= t->table.mask; i++)
    if (t->table.slots[i].hash != 0) {
      uint32_t handle = t->table.slots[i].handle;
      for (; handle != LA_HANDLE_NONE; handle = la_pool_get(&t->pool, handle)->older) {
        la_wheel_remove(&t->wheel, la_pool_get(&t->pool, handle));
        g_array_append_val(t->due, handle);
      }
    }
  for (unsigned slot = 0; slot < LA_WHEEL_SLOTS; slot++)
    while (t->wheel.slot[slot] != LA_HANDLE_NONE) {
      LaConnection *conn = la_pool_get(&t->pool, t->wheel.slot[slot]);
      la_wheel_remove(&t->wheel, conn);
      g_array_append_val(t->due, conn->handle);
    }
  finish_due(t, first);
}
