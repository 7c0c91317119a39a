/* What connections tell about their service and host, and what a connection knows of its surroundings; where the capture was taken. */
#include <glib.h>

#include "track/surroundings.h"
#include "unit/track/support.h"

/* The service of the next connections' server. */
static const LaService *service_of(const Talk *t)
{
  LaServices *s = la_tracker_services(t->tracker);
  return la_services_get(s, la_services_index(s, &t->addr[LA_ACCEPTOR], t->family, t->port[LA_ACCEPTOR]));
}

static const LaService *host_of(const Talk *t)
{
  LaServices *s = la_tracker_services(t->tracker);
  return la_services_get(s, la_services_index(s, &t->addr[LA_ACCEPTOR], t->family, 0));
}

static void next_client(Talk *t)
{
  t->port[LA_OPENER]++;
}

/* ---- services ---- */

static void services_count_their_connections(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  LaTime first = t.time;
  play(&t, HANDSHAKE);
  LaTime established = t.time;
  next_client(&t);
  play(&t, "1000 C S 0; 10 S RA 0 1");
  LaTime refused = t.time;
  next_client(&t);
  play(&t, "0 C S 0");
  next_client(&t);
  play(&t, "0 C PA 1 1 10");
  t.port[LA_ACCEPTOR] = 9999; /* another service of the host */
  play(&t, HANDSHAKE);
  t.port[LA_ACCEPTOR] = 8888;
  const LaService *s = service_of(&t);
  assert_int_equal(s->attempts, 3);
  assert_int_equal(s->midstream, 1);
  assert_int_equal(s->established, 1);
  assert_int_equal(s->live, 1);
  assert_int_equal(s->refused, 1);
  assert_true(s->first_seen == first);
  assert_true(s->first_established == established);
  assert_true(s->first_refused == refused);
  const LaService *h = host_of(&t);
  assert_int_equal(h->attempts, 4);
  assert_int_equal(h->established, 2);
  assert_int_equal(h->live, 2);
  assert_int_equal(h->refused, 1);
  assert_true(h->first_established == established);

  la_tracker_finish(t.tracker, t.time);
  while (la_tracker_next(t.tracker) != NULL) {
  }
  assert_int_equal(service_of(&t)->live, 0);
  assert_int_equal(service_of(&t)->with_payload, 1);
  assert_int_equal(host_of(&t)->live, 0);
  talk_end(&t);
}

static void a_second_refusal_moves_the_last_only(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 10 S RA 0 1");
  LaTime first = t.time;
  next_client(&t);
  play(&t, "1000 C S 0; 10 S RA 0 1");
  assert_int_equal(service_of(&t)->refused, 2);
  assert_true(service_of(&t)->first_refused == first);
  next_client(&t);
  play(&t, HANDSHAKE);
  LaTime established = t.time;
  next_client(&t);
  play(&t, HANDSHAKE);
  assert_true(service_of(&t)->first_established == established);
  talk_end(&t);
}

static void ttls_are_those_of_the_server_without_resets(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 10 S SA 0 1 ttl=55; 10 C A 1 1; 5 S PA 1 1 10 ttl=52; 5 S R 11 ttl=200");
  assert_int_equal(service_of(&t)->ttl_min, 55); /* as of the handshake */
  next_client(&t);
  play(&t, "0 C S 0; 10 S SA 0 1 ttl=57");
  la_tracker_finish(t.tracker, t.time);
  while (la_tracker_next(t.tracker) != NULL) {
  }
  assert_int_equal(service_of(&t)->ttl_min, 52);
  assert_int_equal(service_of(&t)->ttl_max, 57);
  assert_int_equal(host_of(&t)->ttl_min, 52);
  talk_end(&t);
}

/* Handshakes without retries give their two halves. */
static void spans_are_those_of_plain_handshakes(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  for (unsigned i = 0; i < 10; i++) {
    play(&t, "100 C S 0; 5 S SA 0 1; 40 C A 1 1");
    next_client(&t);
  }
  play(&t, "100 C S 0; 1000 C S 0; 500 S SA 0 1; 400 C A 1 1");
  next_client(&t);
  play(&t, "100 C S 0; 500 S SA 0 1; 1000 S SA 0 1; 400 C A 1 1");
  const LaService *s = service_of(&t);
  assert_int_equal(s->established, 12);
  assert_in_range(la_span_median(s->syn_ack_spans, 10), 4300 * LA_USEC, 5700 * LA_USEC);
  assert_in_range(la_span_median(s->ack_spans, 10), 35 * LA_MSEC, 45 * LA_MSEC);
  assert_true(la_span_median(s->ack_spans, 11) == LA_TIME_NONE);
  talk_end(&t);
}

/* Only the client's packets are in the capture. */
static void one_way_services_are_told(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 20 C A 1 1; 1 C PA 1 1 10; 20 C A 11 101");
  next_client(&t);
  play(&t, "0 C S 0");
  la_tracker_finish(t.tracker, t.time);
  while (la_tracker_next(t.tracker) != NULL) {
  }
  assert_int_equal(service_of(&t)->one_way, 1);
  talk_end(&t);
}

/* The latest word of the server end, a SYN-ACK or RST being none. */
static void a_service_was_last_heard_when_it_spoke(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE);
  assert_true(service_of(&t)->last_spoke == LA_TIME_NONE);
  play(&t, "200 S PA 1 1 10");
  LaTime spoke = t.time;
  assert_true(service_of(&t)->last_spoke == spoke);
  play(&t, "200 C A 1 11"); /* the client does not count */
  assert_true(service_of(&t)->last_spoke == spoke);
  play(&t, "200 S A 11 1 win=5");
  assert_true(service_of(&t)->last_spoke == t.time);
  talk_end(&t);
}

/* ---- what a connection knows of the others ---- */

static void a_connection_knows_how_its_service_stood(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE "1 C PA 1 1 10; 300 S A 1 11");
  LaTime spoke = t.time;
  next_client(&t);
  play(&t, HANDSHAKE); /* a second one that lives */
  next_client(&t);
  play(&t, "0 C S 0");
  next_client(&t);
  play(&t, HANDSHAKE); /* served in the meantime */
  t.port[LA_OPENER]--;
  play(&t, "1000 C S 0");
  la_tracker_finish(t.tracker, t.time);
  const LaConnection *conn = NULL;
  while ((conn = la_tracker_next(t.tracker)) != NULL) {
    static const struct {
      uint32_t live, before, served;
    } expected[] = {{0, 0, 0}, {1, 1, 0}, {3, 2, 1}, {2, 2, 0}};
    assert_int_equal(conn->others_live, expected[conn->id - 1].live);
    assert_int_equal(conn->others_before, expected[conn->id - 1].before);
    assert_int_equal(conn->others_served, expected[conn->id - 1].served);
    assert_true(conn->id == 1 ? conn->others_spoke == LA_TIME_NONE : conn->others_spoke == spoke);
  }
  talk_end(&t);
}

/* A connection that was given up is not alive any more, and the others know at once. */
static void what_has_ended_is_not_alive(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT);
  next_client(&t);
  play(&t, "62000 C S 0");
  next_client(&t);
  play(&t, HANDSHAKE);
  la_tracker_finish(t.tracker, t.time);
  assert_int_equal(next(&t)->others_live, 0);
  assert_int_equal(next(&t)->others_live, 0);
  talk_end(&t);
}

/* ---- full accept queues ---- */

static unsigned queue_clients_after(const char *lines, unsigned clients)
{
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE "1 S PA 1 1 9; 5 C A 1 10"); /* somebody is served */
  for (unsigned i = 0; i < clients; i++) {
    next_client(&t);
    play(&t, lines);
  }
  unsigned found = service_of(&t)->queue_clients;
  assert_int_equal(host_of(&t)->queue_clients, 0);
  talk_end(&t);
  return found;
}

static void clients_that_are_not_finished_are_counted(void **state)
{
  (void)state;
  /* two SYNs repeated in vain */
  assert_int_equal(queue_clients_after("0 C S 0; 1000 C S 0; 2000 C S 0", 1), 1);
  assert_int_equal(queue_clients_after("0 C S 0; 1000 C S 0", 1), 0);
  /* the same client, however often */
  assert_int_equal(queue_clients_after("0 C S 0; 1000 C S 0; 2000 C S 0; 4000 C S 0; 8000 C S 0", 1), 1);
  /* the SYN-ACK for the third time after the ACK, or while payload is sent in vain */
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 1000 S SA 0 1; 10 C A 1 1; 2000 S SA 0 1", 1), 1);
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 1000 S SA 0 1; 10 C A 1 1", 1), 0);
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C PA 1 1 9; 300 C PA 1 1 9; 300 C PA 1 1 9; 1000 S SA 0 1", 1),
                   1);
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C PA 1 1 9; 300 C PA 1 1 9; 1000 S SA 0 1", 1), 0);
  /* the server refuses what it had accepted (tcp_abort_on_overflow) */
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 10 S R 1", 1), 1);
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 10 S RA 1 1", 1), 0);
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 10 S PA 1 1 9; 10 S R 10", 1), 0);
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 1000 S SA 0 1; 2000 S SA 0 1", 1), 0); /* no ACK at all */
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 5 S PA 1 1 9; 1000 S SA 0 1; 1000 S SA 0 1", 1), 0);
  /* each client once, up to four of them, and more when they come anew */
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 10 S R 1", 4), 4);
  assert_int_equal(queue_clients_after("0 C S 0; 10 S SA 0 1; 10 C A 1 1; 10 S R 1", 7), 7);
}

/* Nobody else is served: the service may simply be down. */
static void a_service_that_serves_nobody_shows_no_full_queue(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 1000 C S 0; 2000 C S 0; 4000 C S 0");
  assert_int_equal(service_of(&t)->queue_clients, 0);
  talk_end(&t);

  /* It serves others meanwhile: its queue is not full. */
  talk_start(&t);
  play(&t, HANDSHAKE "1 S PA 1 1 9; 5 C A 1 10");
  next_client(&t);
  play(&t, "0 C S 0; 1000 C S 0");
  next_client(&t);
  play(&t, HANDSHAKE);
  t.port[LA_OPENER]--;
  play(&t, "2000 C S 0");
  assert_int_equal(service_of(&t)->queue_clients, 0);
  talk_end(&t);
}

/* ---- runs of closes ---- */

/* Opens `count` connections to the same server, which closes them `gap_ms` apart after a pause. */
static void close_all(Talk *t, unsigned count, const char *close_line)
{
  for (unsigned i = 0; i < count; i++) {
    t->port[LA_OPENER] = (uint16_t)(40000 + i);
    play(t, HANDSHAKE "1 S PA 1 1 9; 5 C A 1 10");
  }
  t->time += 5 * LA_SEC;
  for (unsigned i = 0; i < count; i++) {
    t->port[LA_OPENER] = (uint16_t)(40000 + i);
    play(t, close_line);
  }
}

static void sockets_closed_together_are_a_run(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  close_all(&t, 5, "50 S FA 10 1");
  la_tracker_finish(t.tracker, t.time);
  for (unsigned i = 0; i < 5; i++) {
    const LaConnection *conn = next(&t);
    assert_int_equal(conn->exit_run, 5);
    assert_int_equal(conn->exit_runs, 1);
    assert_true(conn->exit_run_span == 200 * LA_MSEC);
    assert_int_equal(conn->exit_side, LA_ACCEPTOR);
    assert_true(conn->exit_idle > 5 * LA_SEC);
  }
  talk_end(&t);

  talk_start(&t); /* one by one */
  close_all(&t, 3, "51 S FA 10 1");
  la_tracker_finish(t.tracker, t.time);
  for (unsigned i = 0; i < 3; i++) {
    const LaConnection *conn = next(&t);
    assert_int_equal(conn->exit_run, 1);
    assert_int_equal(conn->exit_runs, 3);
    assert_true(conn->exit_run_span == 0);
  }
  talk_end(&t);

  talk_start(&t); /* with RSTs */
  close_all(&t, 3, "1 S RA 10 1");
  la_tracker_finish(t.tracker, t.time);
  assert_int_equal(next(&t)->exit_run, 3);
  talk_end(&t);
}

static uint32_t exit_run_after(const char *lines)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  uint32_t run = only(&t)->exit_run;
  talk_end(&t);
  return run;
}

static void a_close_that_the_traffic_asked_for_is_none(void **state)
{
  (void)state;
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST "501 C FA 101 201"), 1);
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST "500 C FA 101 201"), 0);
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST "5000 C RA 101 201"), 1);
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST "5000 C R 101"), 0);                         /* nobody's socket */
  assert_int_equal(exit_run_after("0 C S 0; 5000 S RA 0 1"), 0);                                 /* a refusal */
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST "5 C FA 101 201; 5000 C FA 101 201"), 0);    /* the FIN again */
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST "5000 C RA 99 201"), 0);                     /* does not count */
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST "5000 C FA 101 201; 5000 S FA 201 102"), 1); /* the first of them */
  assert_int_equal(exit_run_after(HANDSHAKE REQUEST), 0);
}

/* ---- the other address family (RFC 8305) ---- */

static LaTime other_family_of(const char *refused, const char *answered, int order)
{
  Talk t;
  talk_start(&t);
  LaAddr v4[LA_SIDE_N] = {t.addr[0], t.addr[1]};
  LaAddr v6[LA_SIDE_N] = {{.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}}, {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 2}}};
  for (int i = 0; i < 2; i++) {
    bool is_v6 = (i == 0) == (order == 0);
    memcpy(t.addr, is_v6 ? v6 : v4, sizeof v4);
    t.family = is_v6 ? LA_FAMILY_IPV6 : LA_FAMILY_IPV4;
    play(&t, is_v6 ? refused : answered);
  }
  la_tracker_finish(t.tracker, t.time);
  LaTime found = LA_TIME_NONE;
  for (const LaConnection *conn; (conn = la_tracker_next(t.tracker)) != NULL;) {
    if (conn->family == LA_FAMILY_IPV6)
      found = conn->other_family;
    else
      assert_true(conn->other_family == LA_TIME_NONE);
  }
  talk_end(&t);
  return found;
}

static void a_refusal_knows_whether_the_other_family_answered(void **state)
{
  (void)state;
  static const char refused[] = "0 C S 0; 10 S RA 0 1";
  assert_true(other_family_of(refused, "280 C S 0; 10 S SA 0 1; 10 C A 1 1", 0) == 300 * LA_MSEC);
  assert_true(other_family_of(refused, "281 C S 0; 10 S SA 0 1; 10 C A 1 1", 0) == LA_TIME_NONE);
  assert_true(other_family_of(refused, "10 C S 0; 10 S RA 0 1", 0) == LA_TIME_NONE);
  assert_true(other_family_of(refused, "-30 C S 0; 10 S SA 0 1; 10 C A 1 1", 0) == LA_TIME_NONE); /* that was before */
  /* the answer first */
  assert_true(other_family_of("290 C S 0; 10 S RA 0 1", HANDSHAKE, 1) == 300 * LA_MSEC);
  assert_true(other_family_of("291 C S 0; 10 S RA 0 1", HANDSHAKE, 1) == LA_TIME_NONE);
}

static void the_same_family_or_another_port_is_no_other_family(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 10 S RA 0 1");
  next_client(&t);
  play(&t, HANDSHAKE);
  assert_true(finish_after(&t, 0)->other_family == LA_TIME_NONE);
  talk_end(&t);

  talk_start(&t);
  play(&t, "0 C S 0; 10 S RA 0 1");
  t.family = LA_FAMILY_IPV6;
  t.port[LA_ACCEPTOR] += LA_PORT_CACHE; /* the same place in the cache */
  play(&t, HANDSHAKE);
  assert_true(finish_after(&t, 0)->other_family == LA_TIME_NONE);
  talk_end(&t);
}

/* ---- where the capture was taken ---- */

static LaVantage vantage_of(const char *lines)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  LaVantage vantage = la_connection_vantage(only(&t));
  talk_end(&t);
  return vantage;
}

static void a_handshake_tells_where_it_was_captured(void **state)
{
  (void)state;
  static const struct {
    const char *lines;
    LaVantage vantage;
  } cases[] = {
      {"0 C S 0 ttl=64; 20 S SA 0 1 ttl=50; 0.1 C A 1 1 ttl=64", LA_VANTAGE_CLIENT},
      {"0 C S 0 ttl=128; 20 S SA 0 1 ttl=240; 0.1 C A 1 1 ttl=128", LA_VANTAGE_CLIENT},
      {"0 C S 0 ttl=50; 0.1 S SA 0 1 ttl=64; 20 C A 1 1 ttl=50", LA_VANTAGE_SERVER},
      {"0 C S 0 ttl=50; 0.1 S SA 0 1 ttl=255; 20 C A 1 1 ttl=50", LA_VANTAGE_SERVER},
      {"0 C S 0 ttl=60; 10 S SA 0 1 ttl=50; 10 C A 1 1 ttl=60", LA_VANTAGE_MIDDLE},
      {"0 C S 0 ttl=64; 10 S SA 0 1 ttl=64; 10 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      /* one network: the times tell */
      {"0 C S 0 ttl=64; 5 S SA 0 1 ttl=64; 1 C A 1 1 ttl=64", LA_VANTAGE_CLIENT},
      {"0 C S 0 ttl=64; 4.9 S SA 0 1 ttl=64; 1 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      {"0 C S 0 ttl=64; 10 S SA 0 1 ttl=64; 1.1 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      {"0 C S 0 ttl=64; 1 S SA 0 1 ttl=64; 5 C A 1 1 ttl=64", LA_VANTAGE_SERVER},
      /* TTLs and times say different things */
      {"0 C S 0 ttl=64; 0.1 S SA 0 1 ttl=50; 20 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      {"0 C S 0 ttl=50; 20 S SA 0 1 ttl=64; 0.1 C A 1 1 ttl=50", LA_VANTAGE_UNKNOWN},
      /* a clock that was set back says nothing, however far */
      {"0 C S 0 ttl=64; -4e12 S SA 0 1 ttl=64; 1 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      {"0 C S 0 ttl=64; 1 S SA 0 1 ttl=64; -4e12 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      /* retries say nothing */
      {"0 C S 0 ttl=64; 20 C S 0 ttl=64; 20 S SA 0 1 ttl=50; 0.1 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      {"0 C S 0 ttl=64; 20 S SA 0 1 ttl=50; 20 S SA 0 1 ttl=50; 0.1 C A 1 1 ttl=64", LA_VANTAGE_UNKNOWN},
      {"0 C S 0 ttl=64; 20 S SA 0 1 ttl=50", LA_VANTAGE_UNKNOWN},
      {"0 C S 0 ttl=64", LA_VANTAGE_UNKNOWN},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    if (vantage_of(cases[i].lines) != cases[i].vantage)
      fail_msg("%s: %s", cases[i].lines, la_vantage_name(vantage_of(cases[i].lines)));
}

static LaVantage estimate(uint32_t unknown, uint32_t client, uint32_t server, uint32_t middle)
{
  return la_vantage_estimate(&(LaVantageVotes){.votes = {unknown, client, server, middle}});
}

static void two_thirds_of_the_votes_decide(void **state)
{
  (void)state;
  assert_int_equal(estimate(0, 0, 0, 0), LA_VANTAGE_UNKNOWN);
  assert_int_equal(estimate(100, 0, 0, 0), LA_VANTAGE_UNKNOWN);
  assert_int_equal(estimate(100, 1, 0, 0), LA_VANTAGE_CLIENT);
  assert_int_equal(estimate(0, 2, 1, 0), LA_VANTAGE_CLIENT);
  assert_int_equal(estimate(0, 1, 1, 0), LA_VANTAGE_UNKNOWN);
  assert_int_equal(estimate(0, 1, 4, 1), LA_VANTAGE_SERVER);
  assert_int_equal(estimate(0, 2, 3, 1), LA_VANTAGE_UNKNOWN);
  assert_int_equal(estimate(0, 0, 0, 5), LA_VANTAGE_MIDDLE);
  assert_string_equal(la_vantage_name(LA_VANTAGE_MIDDLE), "middle");
  assert_string_equal(la_vantage_name(LA_VANTAGE_UNKNOWN), "unknown");
}

static void the_tracker_asks_its_handshakes(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  assert_int_equal(la_tracker_vantage(t.tracker), LA_VANTAGE_UNKNOWN);
  play(&t, "0 C S 0 ttl=64; 20 S SA 0 1 ttl=50; 0.1 C A 1 1 ttl=64; 1 S PA 1 1 10 ttl=50");
  assert_int_equal(la_tracker_vantage(t.tracker), LA_VANTAGE_CLIENT);
  next_client(&t);
  play(&t, "0 C PA 1 1 10 ttl=60; 10 S PA 1 11 10 ttl=50"); /* no handshake, no vote */
  assert_int_equal(la_tracker_vantage(t.tracker), LA_VANTAGE_CLIENT);
  talk_end(&t);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(services_count_their_connections),
      cmocka_unit_test(a_second_refusal_moves_the_last_only),
      cmocka_unit_test(ttls_are_those_of_the_server_without_resets),
      cmocka_unit_test(spans_are_those_of_plain_handshakes),
      cmocka_unit_test(one_way_services_are_told),
      cmocka_unit_test(a_service_was_last_heard_when_it_spoke),
      cmocka_unit_test(a_connection_knows_how_its_service_stood),
      cmocka_unit_test(what_has_ended_is_not_alive),
      cmocka_unit_test(clients_that_are_not_finished_are_counted),
      cmocka_unit_test(a_service_that_serves_nobody_shows_no_full_queue),
      cmocka_unit_test(sockets_closed_together_are_a_run),
      cmocka_unit_test(a_close_that_the_traffic_asked_for_is_none),
      cmocka_unit_test(a_refusal_knows_whether_the_other_family_answered),
      cmocka_unit_test(the_same_family_or_another_port_is_no_other_family),
      cmocka_unit_test(a_handshake_tells_where_it_was_captured),
      cmocka_unit_test(two_thirds_of_the_votes_decide),
      cmocka_unit_test(the_tracker_asks_its_handshakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
