/* What the files of the tracker share: tracker.c takes segments, succession.c decides between connections of one four-tuple, short_life.c
 * keeps ordinary connections in brief, life.c ends them all. Library-internal to src/track. */
#ifndef LA_TRACK_TRACKER_PRIVATE_H
#define LA_TRACK_TRACKER_PRIVATE_H

#include "track/adopt_private.h"
#include "track/pool.h"
#include "track/room.h"
#include "track/surroundings.h"
#include "track/table.h"
#include "track/tracker.h"
#include "track/wheel.h"

#define LA_AFTER_RST (60 * LA_SEC)
#define LA_AFTER_HANDSHAKE (180 * LA_SEC)

/* A connection that has finished. */
typedef struct {
  LaTime end_time;
  uint32_t id;
  uint32_t handle;
} LaDue;

/* Deadlines that come up in the order in which they were set: all are the same span after a clock that never goes back. One whose
 * connection was written out or has another deadline by then is passed over. */
typedef struct {
  LaDue *items;
  uint32_t first, count, room; /* room is a power of two, or 0 */
} LaDueQueue;

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
  LaDueQueue opening, closed; /* connections in brief: not answered yet, in TIME_WAIT */
  LaConnection *stage;        /* what surroundings are shown of a connection in brief (owned) */
  LaConnection *handed;       /* what is handed out for one (owned) */
  LaBrief *handed_brief;
  GArray *changed; /* of LaRef: what la_tracker_changed will tell; NULL: nobody asks */
  LaRoom room;
  LaAdoption adoption;
  GArray *ended; /* handles of connections that are finishing now */
  GArray *due;   /* LaDue, sorted */
  guint due_at;
};

/* ---- life.c ---- */

/* When a connection ends if nothing more comes; the wheel is told. */
void la_tracker_settle_deadline(LaTracker *t, LaConnection *conn);

/* Whether its handshake is neither done nor given up. */
bool la_tracker_handshake_pending(const LaConnection *conn);

/* Takes a connection off its four-tuple; an older one behind it gets the entry back. */
void la_tracker_take_off(LaTracker *t, LaConnection *conn);

/* Ends a connection that still goes on, at `time` or by the clock if that is later: it is handed out next. */
void la_tracker_give_up(LaTracker *t, LaConnection *conn, LaEndedBy by, LaTime time);

/* Lets those finish whose second is past. */
void la_tracker_pass_time(LaTracker *t);

/* Connections finish when the clock enters another second, not when somebody asks: what they tell about their services is the same
 * however the input is cut into batches. */
static inline void la_tracker_see_time(LaTracker *t, LaTime time)
{
  if (time > t->clock)
    t->clock = time;
  if (t->clock >= t->next_second)
    la_tracker_pass_time(t);
}

/* ---- tracker.c ---- */

/* Which of two ports only a service has (--port-range): above 0 the first, below 0 the second, 0 both or neither. */
int la_tracker_known_port(const LaTracker *t, uint16_t a, uint16_t b);

/* What a segment changed beside its marks. */
typedef struct {
  uint64_t marks;
  uint32_t gained; /* LA_CONN_* flags */
  LaTime idle;     /* since the connection's segment before it */
} LaFollowed;

/* Follows a segment the general way, without telling anybody else. */
LaFollowed la_tracker_follow(LaTracker *t, LaConnection *conn, LaSide side, const LaSegment *s);

/* A new connection that is not in the table yet. When there are too many, another is given up for it, never `spared` (NULL: any). */
LaConnection *la_tracker_open_connection(LaTracker *t, const LaSegment *s, uint32_t hash, const LaConnection *spared,
                                         LaSide *ret_side);

/* ---- changes.c ---- */

/* Puts a connection on the list of those that changed, if what a segment with these marks did to it counts. */
void la_tracker_note_change(LaTracker *t, LaConnection *conn, uint64_t marks);

/* Whether another stretch of time began since the connection's segment before. */
static inline bool la_is_another_slot(LaTime time, LaTime idle)
{
  return (time ^ (time - idle)) >> LA_SPOKE_SHIFT != 0;
}

/* ---- succession.c ---- */

static inline LaTuple la_tuple_of(const LaTracker *t, const LaSegment *s)
{
  return (LaTuple){&s->src, &s->dst, s->src_port, s->dst_port, s->family, t->options.by_tunnel != 0 ? s->tunnel_hash : 0};
}

/* The newest connection of a four-tuple, written out if it is in brief; NULL: none. */
LaConnection *la_tracker_find(LaTracker *t, const LaTuple *tuple, uint32_t hash, LaSide *ret_side);

/* The whole connection that a segment belongs to: the one of its four-tuple, written out if it is in brief, or a new one. */
LaConnection *la_tracker_find_or_open(LaTracker *t, const LaSegment *s, uint32_t hash, LaSide *ret_side);

/* ---- short_life.c ---- */

void la_due_queue_clear(LaDueQueue *queue);

/* Whether a connection that this segment opens may be kept in brief. */
bool la_tracker_may_be_brief(const LaTracker *t, const LaSegment *s);

/* Opens one. */
void la_tracker_open_brief(LaTracker *t, const LaSegment *s, uint32_t hash);

/* Takes a segment of one; false, and nothing is changed, when it must be written out first. */
bool la_tracker_take_brief(LaTracker *t, LaBrief *brief, LaSide side, const LaSegment *s);

/* Makes a whole connection of one in brief, in its place in the table if it stands there. The wheel is not told. */
LaConnection *la_tracker_write_out(LaTracker *t, LaBrief *brief);

/* Moves connections in brief whose deadline lies before `time` to `ended`; those that are no ordinary ones are written out. */
void la_tracker_end_briefs(LaTracker *t, LaTime time);

#endif
