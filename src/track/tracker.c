/* Segments in. A connection lives through these stages:
 *   in brief   as long as it does nothing but what most connections do (short_life.c)
 *   found      in the table, or behind a newer one of the same four-tuple (succession.c)
 *   over       its deadline passed, or a newer connection took its place: not found any more, waits for its turn in the wheel
 *   finished   handed out by la_tracker_next, in order of (end_time, id) (life.c)
 *   recycled   back in the pool
 * A connection is handed out once the second of its deadline is wholly past, so the order does not depend on how the input was
 * cut into batches. */
#include "track/tracker.h"

#include <string.h>

#include "base/seq.h"
#include "track/account.h"
#include "track/classify.h"
#include "track/early_rst.h"
#include "track/follow.h"
#include "track/lane.h"
#include "track/moment.h"
#include "track/prefetch.h"
#include "track/tracker_private.h"

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
  t->ended = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  t->due = g_array_new(FALSE, FALSE, sizeof(LaDue));
  t->stage = g_new0(LaConnection, 1);
  t->handed = g_new0(LaConnection, 1);
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
  la_due_queue_clear(&t->opening);
  la_due_queue_clear(&t->closed);
  la_room_clear(&t->room);
  la_adoption_clear(&t->adoption);
  if (t->changed != NULL)
    g_array_unref(t->changed);
  g_array_unref(t->ended);
  g_array_unref(t->due);
  g_free(t->stage);
  g_free(t->handed);
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
/* ---- a new connection ---- */

typedef struct {
  LaRolesFrom from;
  LaSide sender; /* which side the segment's sender plays */
} Roles;

int la_tracker_known_port(const LaTracker *t, uint16_t a, uint16_t b)
{
  int known = (a < 1024) - (b < 1024);
  return known != 0 ? known : (a < t->options.ephemeral_low) - (b < t->options.ephemeral_low);
}

/* RFC words: a SYN comes from the opener, a SYN-ACK from the acceptor; without them a port tells, or the first packet. */
static Roles tell_roles(const LaTracker *t, const LaSegment *s)
{
  if ((s->flags & LA_TCP_SYN) != 0 && (s->flags & LA_TCP_RST) == 0)
    return (s->flags & LA_TCP_ACK) != 0 && (s->flags & LA_TCP_FIN) == 0 ? (Roles){LA_ROLES_SYN_ACK, LA_ACCEPTOR}
                                                                        : (Roles){LA_ROLES_SYN, LA_OPENER};
  int known = la_tracker_known_port(t, s->src_port, s->dst_port);
  if (known != 0)
    return (Roles){LA_ROLES_PORT, known > 0 ? LA_ACCEPTOR : LA_OPENER};
  return (Roles){LA_ROLES_FIRST_PACKET, LA_OPENER};
}

LaConnection *la_tracker_open_connection(LaTracker *t, const LaSegment *s, uint32_t hash, const LaConnection *spared,
                                         LaSide *ret_side)
{
  la_room_make(t, spared);
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
  if (roles.from == LA_ROLES_SYN)
    la_room_note_attempt(t, conn);
  la_surroundings_opened(&t->around, conn);
  if (++t->open > t->peak)
    t->peak = t->open;
  *ret_side = roles.sender;
  return conn;
}

/* ---- one segment of a connection ---- */

/* The RST that was taken to have ended the connection was survived, or one that was not had ended it. */
static void remark_rst(LaConnection *conn, uint64_t frame, uint64_t from, uint64_t to)
{
  for (unsigned i = 0; i < conn->moments_used; i++) {
    LaMoment *m = &conn->moment_chunk[i / 8][i % 8];
    if (m->frame == frame)
      m->marks = (m->marks & ~from) | to;
  }
  conn->marks |= to;
}

/* The first close of an end after a pause, or a step of the handshake, may matter to others. */
static bool matters_around(uint64_t marks, uint32_t gained, LaTime idle)
{
  if ((marks & LA_MARK_SYN_ACK) != 0 || ((marks & LA_MARK_FIN) != 0 && idle > LA_CLOSE_PAUSE))
    return true;
  return gained != 0;
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
  if (la_is_another_slot(s->time, idle))
    la_surroundings_spoke(&t->around, conn);
  if (matters_around(marks, gained, idle))
    la_surroundings_segment(&t->around, conn,
                            &(LaAround){.side = side, .segment = s, .marks = marks, .gained = gained, .idle = idle});
  /* Established, and nothing that ends: no deadline unless idleness is one. */
  if (conn->lane >= LA_LANE_ACKED && (marks & LA_MARK_HANDSHAKE_ACK) == 0 && t->options.idle_timeout == 0)
    return marks;
  la_tracker_settle_deadline(t, conn);
  return marks;
}

LaFollowed la_tracker_follow(LaTracker *t, LaConnection *conn, LaSide side, const LaSegment *s)
{
  if (conn->first_frame == 0) {
    la_adopted_spoke(conn, side, s);
    t->next_id++; /* see LA_ADOPTED_IDS */
  }
  if (((conn->end[LA_OPENER].flags | conn->end[LA_ACCEPTOR].flags) & LA_END_FRAGMENT) != 0)
    la_account_fragments(conn, side, s);
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
  uint64_t early = (conn->early_rst_frame | (marks & LA_MARK_RST_IGNORED)) != 0 ? la_early_rst(conn, side, s, marks) : 0;
  uint32_t gained = conn->flags & ~flags;
  if (moment != NULL)
    moment->marks = marks;
  if (rst_frame != 0 && conn->rst_frame != rst_frame)
    remark_rst(conn, rst_frame, LA_MARK_RST_COUNTS, LA_MARK_RST_IGNORED);
  if (early != 0)
    remark_rst(conn, early, LA_MARK_RST_IGNORED, LA_MARK_RST_COUNTS);
  conn->marks |= marks;
  if (s->time >= conn->last_time) {
    conn->last_time = s->time;
    conn->interface = s->interface;
  }
  conn->last_frame = s->frame;
  return (LaFollowed){marks, gained, idle};
}

static uint64_t process_segment(LaTracker *t, LaConnection *conn, LaSide side, const LaSegment *s)
{
  if (conn->lane != LA_LANE_NONE) {
    uint64_t short_marks = process_short(t, conn, side, s);
    if (short_marks != 0)
      return short_marks;
  }
  LaFollowed f = la_tracker_follow(t, conn, side, s);
  if (((f.marks & (LA_MARK_SYN | LA_MARK_SYN_ACK | LA_MARK_FIN | LA_MARK_RST)) | f.gained) != 0)
    la_surroundings_segment(&t->around, conn,
                            &(LaAround){.side = side, .segment = s, .marks = f.marks, .gained = f.gained, .idle = f.idle});
  if (la_is_another_slot(s->time, f.idle))
    la_surroundings_spoke(&t->around, conn);
  la_tracker_settle_deadline(t, conn);
  if (t->options.general_only == 0)
    la_lane_rejoin(conn, f.marks);
  return f.marks;
}

static inline uint64_t process(LaTracker *t, LaConnection *conn, LaSide side, const LaSegment *s)
{
  uint64_t marks = process_segment(t, conn, side, s);
  if (G_UNLIKELY(t->changed != NULL)) {
    la_tracker_note_change(t, conn, marks);
    la_surroundings_spoke_now(&t->around, conn);
  }
  return marks;
}

static uint32_t hash_of(const LaTracker *t, const LaSegment *s)
{
  LaTuple tuple = la_tuple_of(t, s);
  return la_table_hash(&t->table, &tuple);
}

static uint32_t older_id(LaTracker *t, const LaConnection *conn)
{
  return conn->older != LA_HANDLE_NONE ? la_pool_get(&t->pool, conn->older)->id : 0;
}

LaSegmentNote la_tracker_segment(LaTracker *t, const LaSegment *s)
{
  la_tracker_see_time(t, s->time);
  LaSide side;
  LaConnection *conn = la_tracker_find_or_open(t, s, hash_of(t, s), &side);
  const LaEndpoint *me = &conn->end[side];
  uint64_t repeats = (s->flags & LA_TCP_SYN) != 0 ? me->syn_frame : (s->flags & LA_TCP_FIN) != 0 ? me->fin_frame : 0;
  uint64_t marks = process(t, conn, side, s);
  return (LaSegmentNote){.id = conn->id,
                         .side = (uint8_t)side,
                         .marks = marks,
                         .older_id = older_id(t, conn),
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

/* The segment of a whole connection that was fetched ahead; false: it is not that connection's, or may begin another. */
static inline bool take_whole_ahead(LaTracker *t, LaConnection *conn, const LaSegment *s, uint32_t hash)
{
  if ((s->flags & (LA_TCP_SYN | LA_TCP_RST)) != 0 || !is_simply_there(t, conn, hash))
    return false;
  LaSide side = conn->port[LA_OPENER] == s->src_port ? LA_OPENER : LA_ACCEPTOR;
  if (!goes_on(t, conn, s, side))
    return false;
  process(t, conn, side, s);
  return true;
}

/* The same for one in brief. */
static inline bool take_brief_ahead(LaTracker *t, LaBrief *brief, const LaSegment *s, uint32_t hash)
{
  if (brief->hash != hash || brief->deadline < t->clock)
    return false;
  LaSide side = brief->port[LA_OPENER] == s->src_port ? LA_OPENER : LA_ACCEPTOR;
  LaSide other = LA_OTHER(side);
  return brief->port[side] == s->src_port && brief->port[other] == s->dst_port && brief->family == s->family &&
         la_addr_equal(&brief->addr[side], &s->src) && la_addr_equal(&brief->addr[other], &s->dst) &&
         la_tracker_take_brief(t, brief, side, s);
}

/* A segment whose connection was not there when it was looked for, or not as it is now. */
static void take_looking(LaTracker *t, const LaSegment *s, uint32_t hash)
{
  LaTuple tuple = la_tuple_of(t, s);
  LaSide side;
  uint32_t handle = la_table_find(&t->table, &t->pool, &tuple, hash, &side);
  if (handle == LA_HANDLE_NONE && la_tracker_may_be_brief(t, s)) {
    la_tracker_open_brief(t, s, hash);
    return;
  }
  if (la_handle_is_brief(handle)) {
    LaBrief *brief = la_pool_get_brief(&t->pool, handle);
    if (brief->deadline >= t->clock && la_tracker_take_brief(t, brief, side, s))
      return;
  }
  LaConnection *conn = la_tracker_find_or_open(t, s, hash, &side);
  process(t, conn, side, s);
}

static inline void prefetch_handle(const LaTracker *t, uint32_t handle)
{
  if (la_handle_is_brief(handle))
    prefetch_brief(la_pool_get_brief(&t->pool, handle));
  else if (handle != LA_HANDLE_NONE)
    prefetch_connection(la_pool_get(&t->pool, handle));
}

static inline void prefetch_handle_writes(const LaTracker *t, uint32_t handle)
{
  if (la_handle_is_brief(handle))
    prefetch_note(la_pool_get_brief(&t->pool, handle));
  else if (handle != LA_HANDLE_NONE)
    prefetch_writes(la_pool_get(&t->pool, handle));
}

void la_tracker_segments(LaTracker *t, const LaSegment *segments, unsigned count)
{
  uint32_t hash[LA_TRACKER_BATCH];
  uint32_t ahead[LA_TRACKER_BATCH];
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
      ahead[i] = la_table_peek(&t->table, hash[i]);
      prefetch_handle(t, ahead[i]);
    }
    if (i >= NEAR && i - NEAR < count)
      prefetch_handle_writes(t, ahead[i - NEAR]);
    if (i < AHEAD)
      continue;
    const LaSegment *s = &segments[i - AHEAD];
    uint32_t handle = ahead[i - AHEAD];
    la_tracker_see_time(t, s->time);
    bool taken;
    if (la_handle_is_brief(handle))
      taken = take_brief_ahead(t, la_pool_get_brief(&t->pool, handle), s, hash[i - AHEAD]);
    else
      taken = handle != LA_HANDLE_NONE && take_whole_ahead(t, la_pool_get(&t->pool, handle), s, hash[i - AHEAD]);
    if (!taken)
      take_looking(t, s, hash[i - AHEAD]);
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
  LaConnection *conn = la_tracker_find(t, &tuple, la_table_hash(&t->table, &tuple), &side);
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
  if (t->changed != NULL)
    la_tracker_note_change(t, conn, LA_MARK_ICMP);
  if (ret_note != NULL)
    *ret_note = (LaSegmentNote){.id = conn->id, .side = (uint8_t)side, .marks = LA_MARK_ICMP, .older_id = older_id(t, conn)};
  return true;
}
