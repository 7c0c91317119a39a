/* Three bounded memories beside the connections:
 *
 *   services and hosts   counts, TTLs and usual handshake times of what connections were opened to (service.h)
 *   runs of closes       sockets of one host that were closed within 50 ms of one another although nothing in their traffic
 *                        asked for it: what a process leaves behind when it exits, or a listener when it goes away
 *   ports                a refusal and an answer on the same port over the other address family within 300 ms (RFC 8305) */
#include "track/surroundings.h"

#include <string.h>

#include "base/seq.h"
#include "track/classify.h"

#define RUN_GAP (50 * LA_MSEC)
#define OTHER_FAMILY_MAX (300 * LA_MSEC)

void la_surroundings_init(LaSurroundings *a)
{
  memset(a, 0, sizeof *a);
  a->services = la_services_new();
  a->next_run = 1;
}

void la_surroundings_clear(LaSurroundings *a)
{
  la_services_free(a->services);
}

static uint32_t short_hash(const LaAddr *addr)
{
  uint32_t h = 2166136261u;
  for (unsigned i = 0; i < sizeof addr->bytes; i++)
    h = (h ^ addr->bytes[i]) * 16777619u;
  return h != 0 ? h : 1;
}

void la_surroundings_opened(LaSurroundings *a, LaConnection *conn)
{
  const LaAddr *addr = &conn->addr[LA_ACCEPTOR];
  conn->service = la_services_index(a->services, addr, conn->family, conn->port[LA_ACCEPTOR]);
  conn->host = la_services_index(a->services, addr, conn->family, 0);
  conn->other_family = LA_TIME_NONE;
  conn->others_spoke = LA_TIME_NONE;
  if ((conn->flags & LA_CONN_MIDSTREAM) != 0)
    la_services_add_kinds(a->services, LA_KIND_OTHER);
  else
    la_services_add_kinds(a->services, (la_services_kinds(a->services) & LA_KIND_SYN) != 0 ? LA_KIND_SYNS : LA_KIND_SYN);
  conn->others_taken = LA_TIME_NONE;
  for (int i = 0; i < 2; i++) {
    LaService *s = la_services_get(a->services, i == 0 ? conn->service : conn->host);
    if (s == NULL)
      continue;
    if (s->first_seen == LA_TIME_NONE)
      s->first_seen = conn->first_time;
    if ((conn->flags & LA_CONN_MIDSTREAM) != 0)
      s->midstream++;
    else
      s->attempts++;
    if (i == 0) {
      conn->others_live = s->live;
      conn->others_before = s->established;
      conn->others_spoke = s->last_spoke;
    }
  }
}

/* ---- services ---- */

static void learn_ttl(LaService *s, const LaEndpoint *server)
{
  if (server->ttl_max == 0)
    return;
  if (s->ttl_max == 0 || server->ttl_min < s->ttl_min)
    s->ttl_min = server->ttl_min;
  if (server->ttl_max > s->ttl_max)
    s->ttl_max = server->ttl_max;
}

static void book_established(LaService *s, const LaConnection *conn, LaTime now)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  s->established++;
  s->live++;
  if (s->first_established == LA_TIME_NONE)
    s->first_established = now;
  learn_ttl(s, acceptor);
  if (opener->syn_sent == 1 && acceptor->syn_ack_sent == 1 && conn->handshake_ack_frame != 0) {
    la_span_book(s->syn_ack_spans, acceptor->syn_time - opener->syn_time);
    la_span_book(s->ack_spans, conn->handshake_ack_time - acceptor->syn_time);
  }
}

/* A client whose handshake the server does not finish although it lives: evidence of a full accept queue. */
static void book_queue_client(LaService *s, const LaConnection *conn)
{
  uint32_t hash = short_hash(&conn->addr[LA_OPENER]) ^ conn->port[LA_OPENER];
  unsigned known = s->queue_clients < LA_SERVICE_CLIENTS ? s->queue_clients : LA_SERVICE_CLIENTS;
  for (unsigned i = 0; i < known; i++)
    if (s->queue_client_hash[i] == hash)
      return;
  if (known < LA_SERVICE_CLIENTS)
    s->queue_client_hash[known] = hash;
  if (s->queue_clients < UINT32_MAX)
    s->queue_clients++;
}

static bool shows_full_queue(const LaConnection *conn, const LaAround *what)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if (what->side == LA_OPENER) {
    /* One lost SYN is ordinary, two while the service took nobody else are not. */
    return (what->marks & LA_MARK_SYN) != 0 && (what->marks & LA_MARK_RETRANSMISSION) != 0 && acceptor->packets == 0 &&
           opener->syn_sent >= 3 && conn->others_live > 0 && conn->others_served == 0;
  }
  if (conn->handshake_ack_frame == 0 || (acceptor->flags & (LA_END_DATA | LA_END_FIN)) != 0)
    return false;
  /* A lost ACK or TCP_DEFER_ACCEPT repeats one SYN-ACK, and no data was sent in vain. */
  if ((what->marks & LA_MARK_SYN_ACK) != 0)
    return (what->marks & LA_MARK_RETRANSMISSION) != 0 && (opener->repeats > 1 || acceptor->syn_ack_sent >= 3) &&
           what->segment->time - conn->handshake_ack_time > la_in_flight_allowance(conn);
  return (what->marks & LA_MARK_RST) != 0 && (what->segment->flags & LA_TCP_ACK) == 0 && acceptor->packets <= 2;
}

/* The timer's first repetition of a SYN-ACK in spite of the client's ACK, and not as late as TCP_DEFER_ACCEPT makes it. */
static bool repeats_answer(const LaConnection *conn, const LaAround *what)
{
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  const LaTime deferred = 2 * LA_SEC;
  if ((what->marks & (LA_MARK_SYN_ACK | LA_MARK_RETRANSMISSION | LA_MARK_DUPLICATE)) !=
          (LA_MARK_SYN_ACK | LA_MARK_RETRANSMISSION) ||
      conn->handshake_ack_frame == 0 || acceptor->syn_ack_sent != 2 || (acceptor->flags & (LA_END_DATA | LA_END_FIN)) != 0)
    return false;
  LaTime since = what->segment->time - conn->handshake_ack_time;
  return since > la_in_flight_allowance(conn) && since < deferred;
}

/* How the service stood while this connection was opening. */
static void note_others(LaConnection *conn, const LaService *s, const LaAround *what)
{
  bool itself = (conn->flags & ~what->gained & LA_CONN_ESTABLISHED) != 0 && s->live > 0;
  conn->others_live = s->live - itself;
  conn->others_spoke = s->last_spoke;
  if ((what->marks & LA_MARK_SYN_ACK) != 0 && conn->handshake_ack_frame != 0)
    conn->others_taken = s->last_taken;
  if (what->side == LA_OPENER && (what->marks & LA_MARK_SYN) != 0)
    conn->others_served = s->established - conn->others_before;
}

/* ---- runs of closes ---- */

/* A process that exits closes its sockets at one moment, however long each had been idle; a timer closes each the same time after it had
 * fallen silent. A run shorter than this may be sockets that fell silent together. */
#define TIMER_RUN_MIN (10 * LA_MSEC)
#define TIMER_SPREAD 4

static void book_close(LaSurroundings *a, LaConnection *conn, LaSide side, LaTime now)
{
  uint32_t hash = short_hash(&conn->addr[side]);
  unsigned slot = hash % LA_RUN_HOSTS;
  bool same =
      a->hosts[slot].run != 0 && la_addr_equal(&a->hosts[slot].addr, &conn->addr[side]) && now - a->hosts[slot].last <= RUN_GAP;
  if (!same) {
    if (!la_addr_equal(&a->hosts[slot].addr, &conn->addr[side]))
      a->hosts[slot].runs = 0;
    a->hosts[slot].runs++;
    a->hosts[slot].addr = conn->addr[side];
    a->hosts[slot].run = a->next_run++;
    unsigned at = a->hosts[slot].run % LA_RUNS;
    a->runs[at].id = a->hosts[slot].run;
    a->runs[at].count = 0;
    a->runs[at].first = now;
    a->runs[at].idle_least = conn->exit_idle;
    a->runs[at].idle_most = conn->exit_idle;
  }
  a->hosts[slot].last = now;
  unsigned at = a->hosts[slot].run % LA_RUNS;
  if (a->runs[at].id != a->hosts[slot].run)
    return;
  a->runs[at].count++;
  a->runs[at].last = now;
  if (conn->exit_idle < a->runs[at].idle_least)
    a->runs[at].idle_least = conn->exit_idle;
  if (conn->exit_idle > a->runs[at].idle_most)
    a->runs[at].idle_most = conn->exit_idle;
  conn->exit_run_id = a->hosts[slot].run;
  conn->exit_side = (uint8_t)side;
}

/* The first close of an end that nothing in the traffic asked for. */
static bool is_unprovoked(const LaConnection *conn, const LaAround *what)
{
  const LaEndpoint *me = &conn->end[what->side];
  if (conn->exit_run_id != 0 || (what->marks & (LA_MARK_RETRANSMISSION | LA_MARK_DUPLICATE)) != 0)
    return false;
  bool fin = (what->marks & LA_MARK_FIN) != 0 && me->fin_sent == 1;
  bool rst = (what->marks & LA_MARK_RST_COUNTS) != 0 && (what->segment->flags & LA_TCP_ACK) != 0 &&
             conn->rst_frame == what->segment->frame && (conn->flags & LA_CONN_REFUSED) == 0;
  return (fin || rst) && what->idle > LA_CLOSE_PAUSE;
}

/* ---- ports ---- */

static bool is_soon_after(LaTime then, LaTime now)
{
  return now >= then && now - then <= OTHER_FAMILY_MAX;
}

/* The cache line of the connection's service port, emptied when another port had it. */
static unsigned port_slot(LaSurroundings *a, const LaConnection *conn)
{
  uint16_t port = conn->port[LA_ACCEPTOR];
  unsigned slot = port % LA_PORT_CACHE;
  if (a->ports[slot].port != port) {
    memset(&a->ports[slot], 0, sizeof a->ports[slot]);
    a->ports[slot].port = port;
  }
  return slot;
}

static void book_refused_family(LaSurroundings *a, LaConnection *conn, LaTime now)
{
  unsigned slot = port_slot(a, conn);
  if (a->ports[slot].established_family != 0 && a->ports[slot].established_family != conn->family &&
      is_soon_after(a->ports[slot].established_time, now))
    conn->other_family = now - a->ports[slot].established_time;
  a->ports[slot].refused_family = conn->family;
  a->ports[slot].refused_time = now;
  a->ports[slot].refused = conn;
  a->ports[slot].refused_id = conn->id;
}

static void book_established_family(LaSurroundings *a, LaConnection *conn, LaTime now)
{
  unsigned slot = port_slot(a, conn);
  /* The pool never gives memory back, so a connection that is gone is told by its id, and one that has finished is frozen. */
  LaConnection *refused = a->ports[slot].refused;
  if (a->ports[slot].refused_family != 0 && a->ports[slot].refused_family != conn->family && refused->ended_by == LA_ENDED_N &&
      refused->id == a->ports[slot].refused_id && is_soon_after(a->ports[slot].refused_time, now))
    refused->other_family = now - a->ports[slot].refused_time;
  a->ports[slot].established_family = conn->family;
  a->ports[slot].established_time = now;
}

void la_surroundings_segment(LaSurroundings *a, LaConnection *conn, const LaAround *what)
{
  LaTime now = what->segment->time;
  if ((what->marks & (LA_MARK_SYN | LA_MARK_SYN_ACK)) == 0)
    la_services_add_kinds(a->services, LA_KIND_OTHER);
  else if ((what->marks & LA_MARK_SYN_ACK) != 0)
    la_services_add_kinds(a->services, LA_KIND_SYN_ACK);
  LaService *service = la_services_get(a->services, conn->service);
  LaService *host = la_services_get(a->services, conn->host);
  bool opening = (what->marks & (LA_MARK_SYN | LA_MARK_SYN_ACK)) != 0 || (what->gained & LA_CONN_ESTABLISHED) != 0;
  if (service != NULL && opening)
    note_others(conn, service, what);
  if ((what->gained & LA_CONN_ESTABLISHED) != 0 && (conn->flags & LA_CONN_MIDSTREAM) == 0) {
    if (service != NULL)
      book_established(service, conn, now);
    if (host != NULL)
      book_established(host, conn, now);
    book_established_family(a, conn, now);
    a->vantage.votes[la_connection_vantage(conn)]++;
  }
  if ((what->gained & LA_CONN_REFUSED) != 0) {
    for (int i = 0; i < 2; i++) {
      LaService *s = i == 0 ? service : host;
      if (s == NULL)
        continue;
      s->refused++;
      if (s->first_refused == LA_TIME_NONE)
        s->first_refused = now;
    }
    book_refused_family(a, conn, now);
  }
  if (service != NULL && shows_full_queue(conn, what))
    book_queue_client(service, conn);
  if (service != NULL && repeats_answer(conn, what))
    service->late_answers++;
  if (is_unprovoked(conn, what)) {
    conn->exit_idle = what->idle;
    book_close(a, conn, what->side, now);
  }
}

void la_surroundings_heard(LaSurroundings *a, uint32_t service, LaTime since, LaTime time)
{
  LaService *s = la_services_get(a->services, service);
  if (s == NULL || time == LA_TIME_NONE)
    return;
  if (s->last_spoke == LA_TIME_NONE || time > s->last_spoke)
    s->last_spoke = time;
  if (since != LA_TIME_NONE && (s->last_taken == LA_TIME_NONE || since > s->last_taken))
    s->last_taken = since;
}

void la_surroundings_spoke(LaSurroundings *a, const LaConnection *conn)
{
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  if (server->packets > (uint64_t)server->syn + server->rst)
    la_surroundings_heard(a, conn->service, (conn->flags & LA_CONN_MIDSTREAM) == 0 ? conn->first_time : LA_TIME_NONE,
                          server->last_time);
}

void la_surroundings_spoke_now(LaSurroundings *a, const LaConnection *conn)
{
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  LaService *s = la_services_get(a->services, conn->service);
  if (s != NULL && server->packets > (uint64_t)server->syn + server->rst && server->last_time > s->last_heard)
    s->last_heard = server->last_time;
}

void la_surroundings_finished(LaSurroundings *a, LaConnection *conn)
{
  la_surroundings_spoke(a, conn);
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  const LaEndpoint *client = &conn->end[LA_OPENER];
  if (client->packets + server->packets > (uint64_t)client->syn + server->syn)
    la_services_add_kinds(a->services, LA_KIND_OTHER);
  for (int i = 0; i < 2; i++) {
    LaService *s = la_services_get(a->services, i == 0 ? conn->service : conn->host);
    if (s == NULL)
      continue;
    learn_ttl(s, server);
    s->with_payload += (client->payload_segments | server->payload_segments) != 0;
    s->one_way += server->packets == 0 && la_connection_one_direction(conn);
    if ((conn->flags & LA_CONN_ESTABLISHED) != 0 && (conn->flags & LA_CONN_MIDSTREAM) == 0 && s->live > 0)
      s->live--;
  }
  la_surroundings_exit_run(a, conn);
}

void la_surroundings_exit_run(const LaSurroundings *a, LaConnection *conn)
{
  unsigned at = conn->exit_run_id % LA_RUNS;
  if (conn->exit_run_id != 0 && a->runs[at].id == conn->exit_run_id) {
    conn->exit_run = a->runs[at].count;
    conn->exit_run_span = a->runs[at].last - a->runs[at].first;
    LaTime spread = a->runs[at].idle_most - a->runs[at].idle_least;
    conn->exit_timed = conn->exit_run_span >= TIMER_RUN_MIN && spread < conn->exit_run_span / TIMER_SPREAD;
    unsigned slot = short_hash(&conn->addr[conn->exit_side]) % LA_RUN_HOSTS;
    bool known = la_addr_equal(&a->hosts[slot].addr, &conn->addr[conn->exit_side]);
    conn->exit_runs = known ? a->hosts[slot].runs : UINT32_MAX;
  }
}
