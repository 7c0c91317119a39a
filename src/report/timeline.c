/* Events go into cells, one for each interval of a service in which there was one, kept in order of time. When the capture becomes so
 * long that there would be too many intervals, or too many cells, intervals are joined: sums of sums are sums, so it does not matter
 * when. As long as nobody asked for a length they grow along a row of lengths in which each is a multiple of the one before, up to 1,024
 * of them, and at the end as many are taken together as make up to 60 rows of a round length. Where a length was asked for,
 * pairs are joined.
 *
 * States are kept as changes, +1 and -1, and summed up when the rows are read, so that a connection costs as many events as its server's
 * end had states, however long it stayed in them. An end that was in a state when observation ended stays there.
 *
 * Of several captures each ends by itself: what was open then is gone in those that were observed longer.
 *
 * The first services that come have room; the others share one entry, and what is not told by name is added to that. */
#include "report/timeline.h"
#include "track/measures.h"

#include <glib.h>
#include <string.h>

#define INTERVALS_CHOSEN 1024
#define INTERVALS_ASKED 8192
#define CELLS_MAX (256u * 1024u)
#define SERVICES_MAX 1024u
#define MINUTE (60 * LA_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* What events are collected in: each a multiple of the one before. */
static const LaTime units[] = {LA_USEC, 10 * LA_USEC, 100 * LA_USEC, LA_MSEC,     10 * LA_MSEC, 100 * LA_MSEC,
                               LA_SEC,  10 * LA_SEC,  MINUTE,        10 * MINUTE, HOUR,         6 * HOUR,
                               DAY,     10 * DAY,     100 * DAY,     1000 * DAY};

/* What a row may be long: the first that makes few enough. No two neighbours are further apart than 1 to 2.5. */
static const LaTime lengths[] = {
    LA_USEC,       2 * LA_USEC,   5 * LA_USEC, 10 * LA_USEC, 20 * LA_USEC, 50 * LA_USEC, 100 * LA_USEC, 200 * LA_USEC,
    500 * LA_USEC, LA_MSEC,       2 * LA_MSEC, 5 * LA_MSEC,  10 * LA_MSEC, 20 * LA_MSEC, 50 * LA_MSEC,  100 * LA_MSEC,
    200 * LA_MSEC, 500 * LA_MSEC, LA_SEC,      2 * LA_SEC,   5 * LA_SEC,   10 * LA_SEC,  20 * LA_SEC,   30 * LA_SEC,
    MINUTE,        2 * MINUTE,    5 * MINUTE,  10 * MINUTE,  20 * MINUTE,  30 * MINUTE,  HOUR,          2 * HOUR,
    3 * HOUR,      6 * HOUR,      12 * HOUR,   DAY,          2 * DAY,      5 * DAY,      10 * DAY,      20 * DAY,
    50 * DAY,      100 * DAY,     200 * DAY,   500 * DAY,    1000 * DAY,   2000 * DAY,   5000 * DAY};

typedef struct {
  int64_t at; /* which interval */
  int32_t change[LA_TIMELINE_COLUMNS];
} Cell;

/* Ends that were in a state when their capture's observation ended. */
typedef struct {
  LaTime until;
  uint32_t count[LA_TIMELINE_COLUMNS];
} Left;

typedef struct {
  LaHostPort name;
  uint64_t connections;
  GArray *left;  /* of Left, one for each capture in which there was any (owned) */
  GArray *cells; /* of Cell, by `at` (owned) */
  guint next;    /* reading: the first cell that has not been read */
  int64_t in[LA_TIMELINE_COLUMNS];
} Service;

struct LaTimeline {
  GHashTable *services; /* name -> Service (owned) */
  Service *others;      /* (owned) */
  GPtrArray *shown;     /* of Service, once concluded (borrowed) */
  LaWindow window;
  LaTime unit;
  bool asked; /* its length was */
  unsigned grown;
  guint64 cells;
  LaTime from, until; /* of all events and all observation; LA_TIME_NONE: none */
  int64_t together;   /* concluded: so many intervals make a row */
  int64_t row;        /* reading: which */
  int64_t last_row;
  guint service;
};

/* ---- services ---- */

static Service *service_new(const LaHostPort *name)
{
  Service *service = g_new0(Service, 1);
  if (name != NULL)
    service->name = *name;
  service->cells = g_array_new(FALSE, TRUE, sizeof(Cell));
  service->left = g_array_new(FALSE, TRUE, sizeof(Left));
  return service;
}

static void service_free(gpointer data)
{
  Service *service = data;
  g_array_unref(service->cells);
  g_array_unref(service->left);
  g_free(service);
}

static Service *service_of(LaTimeline *timeline, const LaHostPort *name)
{
  Service *service = g_hash_table_lookup(timeline->services, name);
  if (service != NULL)
    return service;
  if (g_hash_table_size(timeline->services) >= SERVICES_MAX)
    return timeline->others;
  service = service_new(name);
  g_hash_table_insert(timeline->services, &service->name, service);
  return service;
}

/* ---- cells ---- */

static int64_t floor_div(int64_t value, int64_t by)
{
  return value / by - (value % by < 0 ? 1 : 0);
}

/* The cell of an interval, made when it is new. (borrowed until the next) */
static Cell *cell_of(LaTimeline *timeline, Service *service, int64_t at)
{
  GArray *cells = service->cells;
  guint low = 0;
  guint high = cells->len;
  if (high > 0 && g_array_index(cells, Cell, high - 1).at <= at)
    low = g_array_index(cells, Cell, high - 1).at == at ? high - 1 : high;
  while (low < high) {
    guint half = low + (high - low) / 2;
    if (g_array_index(cells, Cell, half).at < at)
      low = half + 1;
    else
      high = half;
  }
  if (low == cells->len || g_array_index(cells, Cell, low).at != at) {
    Cell cell = {.at = at};
    g_array_insert_val(cells, low, cell);
    timeline->cells++;
  }
  return &g_array_index(cells, Cell, low);
}

static void add_changes(Cell *to, const Cell *from)
{
  for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++)
    to->change[i] += from->change[i];
}

static void join(LaTimeline *timeline, Service *service, int64_t by)
{
  GArray *cells = service->cells;
  guint kept = 0;
  for (guint i = 0; i < cells->len; i++) {
    Cell cell = g_array_index(cells, Cell, i);
    cell.at = floor_div(cell.at, by);
    if (kept > 0 && g_array_index(cells, Cell, kept - 1).at == cell.at)
      add_changes(&g_array_index(cells, Cell, kept - 1), &cell);
    else
      g_array_index(cells, Cell, kept++) = cell;
  }
  timeline->cells -= cells->len - kept;
  g_array_set_size(cells, kept);
}

static int64_t intervals_of(const LaTimeline *timeline)
{
  return floor_div(timeline->until, timeline->unit) - floor_div(timeline->from, timeline->unit) + 1;
}

static bool has_room(const LaTimeline *timeline)
{
  return intervals_of(timeline) <= (timeline->asked ? INTERVALS_ASKED : INTERVALS_CHOSEN) && timeline->cells <= CELLS_MAX;
}

/* Makes intervals longer until there is room. */
static void bound(LaTimeline *timeline)
{
  while (timeline->from != LA_TIME_NONE && !has_room(timeline)) {
    LaTime longer = timeline->unit;
    if (timeline->asked && timeline->unit <= LA_TIME_MAX / 4)
      longer = 2 * timeline->unit;
    else if (!timeline->asked && timeline->grown + 1 < G_N_ELEMENTS(units))
      longer = units[++timeline->grown];
    if (longer == timeline->unit)
      return;
    GHashTableIter iter;
    gpointer service;
    g_hash_table_iter_init(&iter, timeline->services);
    while (g_hash_table_iter_next(&iter, NULL, &service))
      join(timeline, service, longer / timeline->unit);
    join(timeline, timeline->others, longer / timeline->unit);
    timeline->unit = longer;
  }
}

void la_timeline_observed(LaTimeline *timeline, LaTime from, LaTime until)
{
  const LaWindow *window = &timeline->window;
  if (window->from != LA_TIME_NONE && from != LA_TIME_NONE)
    from = MAX(from, window->from);
  if (window->to != LA_TIME_NONE && until != LA_TIME_NONE)
    until = MIN(until, window->to);
  if (from != LA_TIME_NONE && until != LA_TIME_NONE && from > until)
    return;
  const LaTime times[] = {from, until};
  for (unsigned i = 0; i < G_N_ELEMENTS(times); i++) {
    if (times[i] == LA_TIME_NONE)
      continue;
    if (timeline->from == LA_TIME_NONE || times[i] < timeline->from)
      timeline->from = times[i];
    if (timeline->until == LA_TIME_NONE || times[i] > timeline->until)
      timeline->until = times[i];
  }
  bound(timeline);
}

static void note(LaTimeline *timeline, Service *service, LaTime time, unsigned column, int32_t change)
{
  const LaWindow *window = &timeline->window;
  bool before = window->from != LA_TIME_NONE && time < window->from;
  if ((window->to != LA_TIME_NONE && time > window->to) || (before && column < LA_TIMELINE_STATES))
    return;
  if (before)
    time = window->from;
  la_timeline_observed(timeline, time, LA_TIME_NONE);
  cell_of(timeline, service, floor_div(time, timeline->unit))->change[column] += change;
}

/* ---- connections ---- */

static void count_opening(LaTimeline *timeline, Service *service, const LaConnection *conn)
{
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  LaTime rst = (conn->flags & LA_CONN_RST) != 0 ? conn->rst_time : conn->last_time;
  switch (la_connection_handshake(conn)) {
  case LA_HANDSHAKE_COMPLETE:
  case LA_HANDSHAKE_SIMULTANEOUS:
    note(timeline, service, (server->flags & LA_END_SYN_ACK) != 0 ? server->syn_time : conn->first_time, LA_TIMELINE_OPENED, 1);
    return;
  case LA_HANDSHAKE_REFUSED:
  case LA_HANDSHAKE_ABANDONED: note(timeline, service, rst, LA_TIMELINE_FAILED, 1); return;
  case LA_HANDSHAKE_UNREACHABLE:
    note(timeline, service, conn->icmp_frame != 0 ? conn->icmp_time : conn->last_time, LA_TIMELINE_FAILED, 1);
    return;
  case LA_HANDSHAKE_UNANSWERED:
  case LA_HANDSHAKE_SYN_RECEIVED:
  case LA_HANDSHAKE_FINAL_ACK_DROPPED: note(timeline, service, conn->last_time, LA_TIMELINE_FAILED, 1); return;
  case LA_HANDSHAKE_UNSEEN:
  case LA_HANDSHAKE_UNDETERMINED:
  case LA_HANDSHAKE_N: return;
  }
}

static void count_closing(LaTimeline *timeline, Service *service, const LaConnection *conn)
{
  const LaEndpoint *ends = conn->end;
  LaTeardownResult result = la_connection_teardown(conn);
  if (result == LA_TEARDOWN_FIN)
    note(timeline, service, MAX(ends[0].fin_acked_time, ends[1].fin_acked_time), LA_TIMELINE_CLOSED, 1);
  else if (result == LA_TEARDOWN_RST || result == LA_TEARDOWN_FIN_RST)
    note(timeline, service, conn->rst_time, LA_TIMELINE_RESET, 1);
}

static void change_state(LaTimeline *timeline, Service *service, LaTime time, unsigned state, int32_t change)
{
  if (state >= LA_TCP_SYN_SENT && state <= LA_TCP_TIME_WAIT)
    note(timeline, service, time, LA_TIMELINE_STATES + state - LA_TCP_SYN_SENT, change);
}

static void leave_open(Service *service, LaTime until, unsigned state)
{
  if (state < LA_TCP_SYN_SENT || state > LA_TCP_TIME_WAIT)
    return;
  /* Connections come capture by capture. */
  if (service->left->len == 0 || g_array_index(service->left, Left, service->left->len - 1).until != until) {
    Left left = {.until = until};
    g_array_append_val(service->left, left);
  }
  g_array_index(service->left, Left, service->left->len - 1).count[LA_TIMELINE_STATES + state - LA_TCP_SYN_SENT]++;
}

static void follow_path(LaTimeline *timeline, Service *service, const LaConnection *conn)
{
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  if (!la_connection_knows(conn, LA_ACCEPTOR))
    return;
  unsigned state = LA_TCP_CLOSED;
  LaTime time = conn->first_time;
  for (unsigned i = 0; i < server->steps && i < LA_STEPS_MAX; i++) {
    /* A deduced step was taken by the next one's time; steps do not go back. */
    if (server->path[i].time != LA_TIME_NONE)
      time = MAX(time, server->path[i].time);
    change_state(timeline, service, time, state, -1);
    state = server->path[i].state;
    change_state(timeline, service, time, state, 1);
  }
  if (conn->ended_by != LA_ENDED_CAPTURE_END)
    change_state(timeline, service, MAX(time, conn->end_time), state, -1);
  else
    leave_open(service, MAX(time, conn->end_time), state);
}

void la_timeline_add(LaTimeline *timeline, const LaConnection *conn)
{
  if (!la_time_is_known(conn->first_time))
    return; /* it has no place in time */
  LaHostPort name = {.addr = conn->addr[LA_ACCEPTOR], .port = conn->port[LA_ACCEPTOR], .family = conn->family};
  Service *service = service_of(timeline, &name);
  service->connections++;
  count_opening(timeline, service, conn);
  count_closing(timeline, service, conn);
  follow_path(timeline, service, conn);
}

/* ---- reading ---- */

static gint by_connections(gconstpointer a, gconstpointer b)
{
  const Service *x = *(const Service *const *)a;
  const Service *y = *(const Service *const *)b;
  if (x->connections != y->connections)
    return x->connections > y->connections ? -1 : 1;
  if (x->name.family != y->name.family)
    return x->name.family < y->name.family ? -1 : 1;
  int order = la_addr_compare(&x->name.addr, &y->name.addr);
  return order != 0 ? order : (int)x->name.port - (int)y->name.port;
}

static void choose_services(LaTimeline *timeline)
{
  GHashTableIter iter;
  gpointer service;
  g_hash_table_iter_init(&iter, timeline->services);
  while (g_hash_table_iter_next(&iter, NULL, &service))
    g_ptr_array_add(timeline->shown, service);
  g_ptr_array_sort(timeline->shown, by_connections);
  for (guint i = LA_TIMELINE_SERVICES_SHOWN; i < timeline->shown->len; i++) {
    const Service *hidden = g_ptr_array_index(timeline->shown, i);
    for (guint k = 0; k < hidden->cells->len; k++) {
      const Cell *cell = &g_array_index(hidden->cells, Cell, k);
      add_changes(cell_of(timeline, timeline->others, cell->at), cell);
    }
  }
  if (timeline->shown->len > LA_TIMELINE_SERVICES_SHOWN)
    g_ptr_array_set_size(timeline->shown, LA_TIMELINE_SERVICES_SHOWN);
  g_ptr_array_add(timeline->shown, timeline->others);
}

/* How many intervals make a row. */
static int64_t choose_length(const LaTimeline *timeline)
{
  if (timeline->asked || timeline->from == LA_TIME_NONE)
    return 1;
  for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
    if (lengths[i] % timeline->unit == 0 &&
        floor_div(timeline->until, lengths[i]) - floor_div(timeline->from, lengths[i]) < LA_TIMELINE_ROWS_MAX)
      return lengths[i] / timeline->unit;
  }
  return lengths[G_N_ELEMENTS(lengths) - 1] / timeline->unit;
}

static void end_captures(LaTimeline *timeline, Service *service)
{
  for (guint i = 0; i < service->left->len; i++) {
    const Left *left = &g_array_index(service->left, Left, i);
    for (unsigned column = 0; column < LA_TIMELINE_COLUMNS && left->until < timeline->until; column++) {
      if (left->count[column] != 0)
        note(timeline, service, left->until, column, -(int32_t)left->count[column]);
    }
  }
}

void la_timeline_conclude(LaTimeline *timeline)
{
  GHashTableIter iter;
  gpointer service;
  g_hash_table_iter_init(&iter, timeline->services);
  while (g_hash_table_iter_next(&iter, NULL, &service))
    end_captures(timeline, service);
  end_captures(timeline, timeline->others);
  choose_services(timeline);
  timeline->together = choose_length(timeline);
  la_timeline_rewind(timeline);
}

LaTime la_timeline_interval(const LaTimeline *timeline)
{
  return timeline->unit * timeline->together;
}

void la_timeline_rewind(LaTimeline *timeline)
{
  LaTime length = la_timeline_interval(timeline);
  timeline->service = 0;
  timeline->row = timeline->from != LA_TIME_NONE ? floor_div(timeline->from, length) : 0;
  timeline->last_row = timeline->from != LA_TIME_NONE ? floor_div(timeline->until, length) : -1;
  for (guint i = 0; i < timeline->shown->len; i++) {
    Service *service = g_ptr_array_index(timeline->shown, i);
    service->next = 0;
    memset(service->in, 0, sizeof service->in);
  }
}

/* Sums the row's changes up; true when there is anything to tell. */
static bool read_service(LaTimeline *timeline, Service *service, LaTimelineRow *row)
{
  int64_t before[LA_TIMELINE_COLUMNS];
  memset(service->in, 0, LA_TIMELINE_STATES * sizeof *service->in);
  memcpy(before, service->in, sizeof before);
  for (; service->next < service->cells->len; service->next++) {
    const Cell *cell = &g_array_index(service->cells, Cell, service->next);
    if (floor_div(cell->at, timeline->together) > timeline->row)
      break;
    for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++)
      service->in[i] += cell->change[i];
  }
  bool any = false;
  for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++) {
    row->count[i] = (uint64_t)MAX(service->in[i], 0);
    any = any || row->count[i] != 0;
  }
  row->changed = memcmp(before, service->in, sizeof before) != 0;
  row->service = service->name;
  row->start = timeline->row * la_timeline_interval(timeline);
  return any || row->changed;
}

void la_timeline_span(const LaTimeline *timeline, LaTime *ret_from, LaTime *ret_until)
{
  LaTime length = la_timeline_interval(timeline);
  bool any = timeline->from != LA_TIME_NONE;
  *ret_from = any ? floor_div(timeline->from, length) * length : LA_TIME_NONE;
  *ret_until = any ? (floor_div(timeline->until, length) + 1) * length : LA_TIME_NONE;
}

bool la_timeline_next(LaTimeline *timeline, LaTimelineRow *ret_row)
{
  for (; timeline->row <= timeline->last_row; timeline->row++, timeline->service = 0) {
    while (timeline->service < timeline->shown->len) {
      LaTimelineRow row;
      if (read_service(timeline, g_ptr_array_index(timeline->shown, timeline->service++), &row)) {
        *ret_row = row;
        return true;
      }
    }
  }
  return false;
}

LaTimeline *la_timeline_new(LaTime interval)
{
  LaTimeline *timeline = g_new0(LaTimeline, 1);
  timeline->services = g_hash_table_new_full(la_host_port_hash, la_host_port_equal, NULL, service_free);
  timeline->others = service_new(NULL);
  timeline->shown = g_ptr_array_new();
  timeline->asked = interval != 0;
  timeline->unit = interval != 0 ? interval : units[0];
  timeline->from = timeline->until = LA_TIME_NONE;
  timeline->window = (LaWindow){.from = LA_TIME_NONE, .to = LA_TIME_NONE};
  return timeline;
}

void la_timeline_limit(LaTimeline *timeline, const LaWindow *window)
{
  timeline->window = *window;
}

void la_timeline_free(LaTimeline *timeline)
{
  if (timeline == NULL)
    return;
  g_ptr_array_unref(timeline->shown);
  g_hash_table_unref(timeline->services);
  service_free(timeline->others);
  g_free(timeline);
}
