/* The life of connections: who is the client, when a connection ends and why, and which of two connections on one four-tuple a segment
 * belongs to. */
#include <glib.h>

#include "unit/track/support.h"

static void talk_start_by_tunnel(Talk *t)
{
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.by_tunnel = 1;
  talk_start_with(t, &options);
}

static void use_ports(Talk *t, uint16_t client, uint16_t server)
{
  t->port[LA_OPENER] = client;
  t->port[LA_ACCEPTOR] = server;
}

/* ---- roles ---- */

typedef struct {
  const char *line;
  uint16_t port, other_port; /* of C, of S */
  LaRolesFrom from;
  LaSide sender;
} RolesCase;

static void roles_come_from_syn_syn_ack_port_and_first_packet_in_that_order(void **state)
{
  (void)state;
  static const RolesCase cases[] = {
      {"0 C S 0", 40000, 80, LA_ROLES_SYN, LA_OPENER},
      {"0 C S 0", 80, 40000, LA_ROLES_SYN, LA_OPENER}, /* whatever the ports say */
      {"0 C SA 0 1", 40000, 80, LA_ROLES_SYN_ACK, LA_ACCEPTOR},
      {"0 C SA 0 1", 80, 40000, LA_ROLES_SYN_ACK, LA_ACCEPTOR},
      {"0 C A 1 1", 40000, 80, LA_ROLES_PORT, LA_OPENER},
      {"0 C A 1 1", 80, 40000, LA_ROLES_PORT, LA_ACCEPTOR},
      {"0 C A 1 1", 1023, 1024, LA_ROLES_PORT, LA_ACCEPTOR}, /* well known beats registered */
      {"0 C A 1 1", 8888, 443, LA_ROLES_PORT, LA_OPENER},
      {"0 C A 1 1", 1024, 1023, LA_ROLES_PORT, LA_OPENER},
      {"0 C A 1 1", 32767, 32768, LA_ROLES_PORT, LA_ACCEPTOR},
      {"0 C A 1 1", 32768, 40000, LA_ROLES_FIRST_PACKET, LA_OPENER},
      {"0 C A 1 1", 50000, 40000, LA_ROLES_FIRST_PACKET, LA_OPENER},
      {"0 C A 1 1", 80, 22, LA_ROLES_FIRST_PACKET, LA_OPENER},
      {"0 C A 1 1", 3306, 8888, LA_ROLES_FIRST_PACKET, LA_OPENER},
      {"0 C A 1 1", 179, 179, LA_ROLES_FIRST_PACKET, LA_OPENER},
      {"0 C R 1", 80, 40000, LA_ROLES_PORT, LA_ACCEPTOR},
      {"0 C SR 1", 80, 40000, LA_ROLES_PORT, LA_ACCEPTOR}, /* no SYN that opens anything */
      {"0 C FA 1 1", 40000, 80, LA_ROLES_PORT, LA_OPENER},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    talk_start(&t);
    use_ports(&t, cases[i].port, cases[i].other_port);
    play(&t, cases[i].line);
    assert_int_equal(t.note.side, cases[i].sender);
    const LaConnection *conn = only(&t);
    assert_int_equal(conn->roles_from, cases[i].from);
    assert_int_equal(conn->port[cases[i].sender], cases[i].port);
    assert_int_equal(conn->port[LA_OTHER(cases[i].sender)], cases[i].other_port);
    assert_true(la_addr_equal(&conn->addr[cases[i].sender], &t.addr[LA_OPENER]));
    bool by_flags = cases[i].from == LA_ROLES_SYN || cases[i].from == LA_ROLES_SYN_ACK;
    assert_int_equal((conn->flags & LA_CONN_MIDSTREAM) == 0, by_flags);
    talk_end(&t);
  }
}

static void the_range_of_ephemeral_ports_can_be_told(void **state)
{
  (void)state;
  Talk t;
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.ephemeral_low = 49152;
  talk_start_with(&t, &options);
  use_ports(&t, 40000, 50000);
  play(&t, "0 C A 1 1");
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->roles_from, LA_ROLES_PORT);
  assert_int_equal(conn->port[LA_ACCEPTOR], 40000);
  talk_end(&t);
}

/* ---- how long connections live ---- */

typedef struct {
  const char *lines;
  LaEndedBy ended_by;
  int64_t lives_ms; /* after the last line */
} LifeCase;

/* Nothing comes out before its second is past; then it does, and its end is its deadline. */
static void check_life(const LifeCase *c, const LaTrackOptions *options)
{
  Talk t;
  talk_start_with(&t, options);
  play(&t, c->lines);
  LaTime end = t.time + c->lives_ms * LA_MSEC;
  la_tracker_advance(t.tracker, end / LA_SEC * LA_SEC + LA_SEC - 1);
  if (la_tracker_next(t.tracker) != NULL)
    fail_msg("%s: handed out before its second is past", c->lines);
  la_tracker_advance(t.tracker, end / LA_SEC * LA_SEC + LA_SEC);
  const LaConnection *conn = la_tracker_next(t.tracker);
  if (conn == NULL)
    fail_msg("%s: lives on", c->lines);
  if (conn->ended_by != c->ended_by || conn->end_time != end)
    fail_msg("%s: ended %s after %" PRId64 " ms", c->lines, la_ended_by_name((LaEndedBy)conn->ended_by),
             (conn->end_time - t.time) / LA_MSEC);
  assert_true((conn->flags & LA_CONN_OVER) != 0);
  talk_end(&t);
}

static void connections_end_at_their_deadline(void **state)
{
  (void)state;
  static const LifeCase cases[] = {
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT, LA_ENDED_CLOSED, 60000},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "5000 S FA 201 102", LA_ENDED_CLOSED, 60000}, /* the FIN again: anew */
      {HANDSHAKE REQUEST "5 C RA 101 201", LA_ENDED_RESET, 60000},
      {HANDSHAKE REQUEST "5 C RA 101 201; 30 S A 201 101", LA_ENDED_RESET, 59970}, /* what comes after a RST does not count */
      {"0 C S 0", LA_ENDED_FAILED, 180000},
      {"0 C S 0; 1000 C S 0; 2000 C S 0", LA_ENDED_FAILED, 180000},
      {"0 C S 0; 10 S SA 0 1", LA_ENDED_FAILED, 180000},
      {"0 S SA 0 1", LA_ENDED_FAILED, 180000},
      {"0 C S 0; 10 S RA 0 1", LA_ENDED_RESET, 60000},
      {"0 C R 1", LA_ENDED_RESET, 60000},
  };
  static const LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    check_life(&cases[i], &options);
}

static void two_msl_can_be_told(void **state)
{
  (void)state;
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.time_wait = 7 * LA_SEC;
  check_life(&(LifeCase){HANDSHAKE REQUEST CLOSE_BY_CLIENT, LA_ENDED_CLOSED, 7000}, &options);
  check_life(&(LifeCase){HANDSHAKE REQUEST "5 C RA 101 201", LA_ENDED_RESET, 60000}, &options);
}

static void idle_connections_end_when_that_is_asked_for(void **state)
{
  (void)state;
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.idle_timeout = 30 * LA_SEC;
  static const LifeCase cases[] = {
      {HANDSHAKE REQUEST, LA_ENDED_IDLE, 30000},
      {HANDSHAKE REQUEST "20000 C PA 101 201 5", LA_ENDED_IDLE, 30000}, /* each packet counts anew */
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102", LA_ENDED_IDLE, 30000},
      {"0 C PA 1 1 10", LA_ENDED_IDLE, 30000},
      {"0 C S 0", LA_ENDED_FAILED, 180000},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT, LA_ENDED_CLOSED, 60000},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    check_life(&cases[i], &options);
}

/* A FIN from the other end does not put a connection back into its handshake. */
static void an_open_connection_lives_until_observation_ends(void **state)
{
  (void)state;
  static const char *const open[] = {
      HANDSHAKE REQUEST,
      HANDSHAKE "5 S FA 1 1",
      HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102",
      "0 C PA 1 1 10",
      "0 C S 0; 1000 C A 1 0 100; 10 S PA 5 101 10; 1 S FA 15 101", /* the SYN-ACK is missing */
  };
  for (size_t i = 0; i < G_N_ELEMENTS(open); i++) {
    Talk t;
    talk_start(&t);
    play(&t, open[i]);
    LaTime end = t.time + 100000 * LA_SEC;
    la_tracker_advance(t.tracker, end - 1);
    assert_null(la_tracker_next(t.tracker));
    la_tracker_finish(t.tracker, end);
    const LaConnection *conn = next(&t);
    assert_int_equal(conn->ended_by, LA_ENDED_CAPTURE_END);
    assert_true(conn->end_time == end);
    talk_end(&t);
  }
}

static void the_end_of_observation_ends_what_is_not_over(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT);
  LaTime closed = t.time;
  const LaConnection *conn = finish_after(&t, 60000 - 1);
  assert_int_equal(conn->ended_by, LA_ENDED_CAPTURE_END);
  assert_true(conn->end_time == closed + 60 * LA_SEC - LA_MSEC);
  talk_end(&t);

  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT);
  conn = finish_after(&t, 60000); /* just at its deadline: closed, though its second is not past */
  assert_int_equal(conn->ended_by, LA_ENDED_CLOSED);
  assert_true(conn->end_time == closed + 60 * LA_SEC);
  talk_end(&t);

  talk_start(&t);
  play(&t, "0 C S 0");
  la_tracker_finish(t.tracker, t.time - 5 * LA_SEC); /* the clock does not go back */
  conn = next(&t);
  assert_true(conn->end_time == t.time);
  talk_end(&t);
}

/* Whatever moved the clock first: an error, or a packet that is no segment, even one of a later time. */
static void the_wheel_starts_with_the_clock(void **state)
{
  (void)state;
  for (unsigned i = 0; i < 3; i++) {
    Talk t;
    talk_start(&t);
    if (i == 0)
      assert_false(play_icmp(&t, LA_OPENER, 0x0301, 0));
    else
      la_tracker_advance(t.tracker, t.time + (i == 1 ? 0 : 2 * LA_SEC));
    play(&t, "0 C S 0");
    la_tracker_advance(t.tracker, t.time + 184 * LA_SEC);
    LaConnection *conn = next(&t);
    assert_int_equal(conn->ended_by, LA_ENDED_FAILED);
    assert_true(conn->end_time == t.time + (i == 2 ? 182 : 180) * LA_SEC);
    talk_end(&t);
  }
}

static void finished_connections_come_in_order_of_end_and_id(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  /* Ids 1-4; 3 ends first, then 4 and 1 at the same moment, then 2. */
  use_ports(&t, 40001, 80);
  play(&t, "0 C S 0");
  use_ports(&t, 40002, 80);
  play(&t, "0 C S 0");
  use_ports(&t, 40003, 80);
  play(&t, "0 C S 0; 10 S RA 0 1");
  use_ports(&t, 40004, 80);
  play(&t, "20 C S 0");
  t.time -= 20 * LA_MSEC;
  use_ports(&t, 40001, 80);
  play(&t, "20 C S 0");
  use_ports(&t, 40002, 80);
  play(&t, "100 C S 0");
  static const uint32_t order[] = {3, 1, 4, 2};
  la_tracker_advance(t.tracker, t.time + 200 * LA_SEC);
  for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
    assert_int_equal(next(&t)->id, order[i]);
  assert_null(la_tracker_next(t.tracker));

  talk_end(&t);
}

/* A connection that waits to be taken has told its service once what it has to tell. */
static void finishing_twice_counts_once(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT);
  uint16_t port = t.port[LA_OPENER];
  t.port[LA_OPENER] = 50000;
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT);
  t.port[LA_OPENER] = port;
  la_tracker_advance(t.tracker, t.time + 100 * LA_SEC);
  LaConnection *first = next(&t);
  assert_int_equal(first->id, 1);
  la_tracker_recycle(t.tracker, first);
  la_tracker_finish(t.tracker, t.time + 200 * LA_SEC);
  const LaConnection *second = next(&t);
  assert_int_equal(second->id, 2);
  assert_int_equal(second->ended_by, LA_ENDED_CLOSED);
  const LaService *service = la_services_get(la_tracker_services(t.tracker), second->service);
  assert_int_equal(service->with_payload, 2);
  assert_int_equal(service->live, 0);
  assert_null(la_tracker_next(t.tracker));
  talk_end(&t);
}

static void memory_follows_the_open_connections(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  for (unsigned i = 0; i < 50000; i++) {
    use_ports(&t, (uint16_t)(20000 + i % 40000), 80);
    play(&t, "50 C S 0; 10 S RA 0 1");
    for (LaConnection *conn; (conn = la_tracker_next(t.tracker)) != NULL;)
      la_tracker_recycle(t.tracker, conn);
    assert_true(la_tracker_open(t.tracker) < 1100); /* 61 s of them */
  }
  assert_in_range(la_tracker_peak(t.tracker), 1000, 1100);
  talk_end(&t);
}

static void files_have_numbers_of_their_own(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  la_tracker_begin_file(t.tracker, 3);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT);
  assert_int_equal(t.note.id, 1);
  la_tracker_begin_file(t.tracker, 4);
  use_ports(&t, 50000, 80);
  play(&t, "0 C S 0");
  assert_int_equal(t.note.id, 1);
  la_tracker_finish(t.tracker, t.time);
  unsigned files = 0;
  for (const LaConnection *conn; (conn = la_tracker_next(t.tracker)) != NULL;)
    files |= 1u << conn->file;
  assert_int_equal(files, 1u << 3 | 1u << 4);
  talk_end(&t);
}

/* ---- one four-tuple, several connections ---- */

/* RFC 9293 section 3.5, figure 7; and the split handshake, whose second half is a SYN as well. */
static void crossing_syns_are_one_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 1 S S 0; 10 C SA 0 1; 1 S SA 0 1; 10 C PA 1 1 10");
  assert_int_equal(t.note.id, 1);
  const LaConnection *conn = only(&t);
  assert_true((conn->flags & LA_CONN_SIMULTANEOUS) != 0);
  assert_path(conn, LA_OPENER, "SYN_SENT SYN_RECEIVED ESTABLISHED");
  assert_path(conn, LA_ACCEPTOR, "SYN_SENT SYN_RECEIVED ESTABLISHED?");
  talk_end(&t);
}

/* ---- time and numbers ---- */

static void sequence_numbers_wrap(void **state)
{
  (void)state;
  for (uint32_t back = 0; back < 320; back++) {
    Talk t;
    talk_start(&t);
    t.isn[LA_OPENER] = UINT32_MAX - back;
    t.isn[LA_ACCEPTOR] = UINT32_MAX - 319 + back;
    play(&t, HANDSHAKE REQUEST
         "5 S PA 201 101 50; 300 S PA 201 101 50; 10 C A 101 251; 5 C FA 101 251; 10 S FA 251 102; 10 C A 102 252");
    const LaConnection *conn = only(&t);
    assert_words(conn, "complete", "fin");
    assert_path(conn, LA_OPENER, "SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
    assert_path(conn, LA_ACCEPTOR, "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED?");
    assert_int_equal(conn->end[LA_ACCEPTOR].retransmitted, 1);
    assert_int_equal(conn->end[LA_ACCEPTOR].payload_bytes, 300);
    assert_true((conn->flags & LA_CONN_MISSED) == 0);
    talk_end(&t);
  }
}

static void time_that_goes_back_moves_no_clock(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  assert_marks(play(&t, HANDSHAKE "5 C PA 1 1 10; -30 S A 1 11"), LA_MARK_TIME_WENT_BACK, 0);
  LaTime last = t.time + 30 * LA_MSEC;
  const LaConnection *conn = finish_after(&t, 0);
  assert_true((conn->flags & LA_CONN_TIME_WENT_BACK) != 0);
  assert_true(conn->last_time == last);
  assert_int_equal(conn->last_frame, 5);
  assert_true(conn->end_time == last);
  talk_end(&t);

  /* Interfaces of one file have clocks of their own. */
  talk_start(&t);
  assert_marks(play(&t, HANDSHAKE "5 C PA 1 1 10; -30 S A 1 11 if=1"), 0, LA_MARK_TIME_WENT_BACK);
  talk_end(&t);
}

/* One wild time, or the clock of another interface, is far ahead of all that follows. */
static void a_clock_ahead_breaks_no_connection_up(void **state)
{
  (void)state;
  static const struct {
    const char *lines;
    const char *handshake;
    const char *teardown;
    LaTime after; /* the connection's end, milliseconds after the clock of its last packet */
  } cases[] = {
      {"0 C S 0; 1000 C S 0; 2000 C S 0", "unanswered", "none", 180000},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "100 S FA 202 103", "complete", "fin", 60000},
      {HANDSHAKE REQUEST "1 C R 101; 30 S A 201 101", "complete", "rst", 60000 - 30},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    static const LaTime ahead[] = {0, LA_SEC, 3600 * LA_SEC, INT64_C(1000000000) * LA_SEC};
    for (size_t k = 0; k < G_N_ELEMENTS(ahead); k++) {
      Talk t;
      talk_start(&t);
      /* As with another interface, the clock goes on by what passes here. */
      g_auto(GStrv) lines = g_strsplit(cases[i].lines, ";", -1);
      for (guint n = 0; lines[n] != NULL; n++) {
        la_tracker_advance(t.tracker, t.time + ahead[k]);
        play(&t, lines[n]);
      }
      la_tracker_finish(t.tracker, t.time + ahead[k] + 1000 * LA_SEC);
      LaConnection *conn = next_is(&t, 1, 1);
      assert_words(conn, cases[i].handshake, cases[i].teardown);
      LaTime late = conn->end_time - (t.time + cases[i].after * LA_MSEC);
      if (late < 0 || late > ahead[k])
        fail_msg("%s, %" PRId64 " s ahead: ends %" PRId64 " ns late", cases[i].lines, ahead[k] / LA_SEC, late);
      assert_true(k < 2 || late > 0);
      assert_null(la_tracker_next(t.tracker));
      talk_end(&t);
    }
  }
}

static void connections_come_in_the_order_of_their_ends_though_time_goes_back(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  LaTime end = LA_TIME_NONE;
  uint64_t id = 0;
  unsigned handed_out = 0;
  uint32_t random = 1;
  for (unsigned i = 0; i < 2000; i++) {
    random = random * 1664525 + 1013904223;
    t.port[LA_OPENER] = (uint16_t)(40000 + (random >> 8) % 50);
    g_autofree char *line = g_strdup_printf("%d C %s %u 0", (int)(random >> 10) % 400000 - 190000,
                                            (random & 0x2000000) != 0 ? "S" : "R", random >> 28);
    play(&t, line);
    if (i == 1999)
      la_tracker_finish(t.tracker, t.time);
    LaConnection *conn;
    while ((conn = la_tracker_next(t.tracker)) != NULL) {
      assert_true(conn->end_time > end || (conn->end_time == end && conn->id > id));
      end = conn->end_time;
      id = conn->id;
      handed_out++;
      la_tracker_recycle(t.tracker, conn);
    }
  }
  assert_true(handed_out > 100);
  talk_end(&t);
}

/* ---- tunnels ---- */

static void tunnels_are_apart_when_that_is_asked_for(void **state)
{
  (void)state;
  static const char lines[] =
      "0 C S 0 tunnel=10; 0 C S 0 tunnel=20; 10 S SA 0 1 tunnel=10; 10 S SA 0 1 tunnel=20; 10 C A 1 1 tunnel=10";
  Talk t;
  talk_start(&t);
  play(&t, lines);
  assert_int_equal(only(&t)->tunnel_hash, 0);
  talk_end(&t);

  talk_start_by_tunnel(&t);
  play(&t, lines);
  assert_int_equal(t.note.id, 1);
  la_tracker_finish(t.tracker, t.time);
  LaConnection *first = next_is(&t, 1, 1);
  assert_int_equal(first->tunnel_hash, 10);
  assert_words(first, "complete", "open");
  LaConnection *second = next_is(&t, 2, 2);
  assert_int_equal(second->tunnel_hash, 20);
  assert_words(second, "syn-received", "none");
  talk_end(&t);
}

/* In batches too: neighbours with the same addresses and ports are told apart. */
static void tunnels_are_apart_in_batches(void **state)
{
  (void)state;
  Talk t;
  talk_start_by_tunnel(&t);
  play(&t, "0 C S 0 tunnel=10; 0 C S 0 tunnel=20; 10 S SA 0 1 tunnel=10; 0 S SA 0 1 tunnel=20");
  LaSegment batch[4];
  char lines[4][40] = {"10 C A 1 1 tunnel=20", "0 C A 1 1 tunnel=10", "0 C PA 1 1 7 tunnel=20", "0 C PA 1 1 9 tunnel=10"};
  for (unsigned i = 0; i < 4; i++)
    batch[i] = line_segment(&t, lines[i]);
  la_tracker_segments(t.tracker, batch, 4);
  la_tracker_finish(t.tracker, t.time);
  assert_int_equal(next_is(&t, 1, 1)->end[LA_OPENER].payload_bytes, 9);
  assert_int_equal(next_is(&t, 2, 2)->end[LA_OPENER].payload_bytes, 7);
  talk_end(&t);
}

/* ---- ICMP ---- */

static void errors_find_their_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE);
  assert_true(play_icmp(&t, LA_ACCEPTOR, 0x0301, 1));
  assert_int_equal(t.note.id, 1);
  assert_int_equal(t.note.side, LA_ACCEPTOR);
  assert_marks(t.note.marks, LA_MARK_ICMP, ~LA_MARK_ICMP);
  t.port[LA_OPENER]++;
  assert_false(play_icmp(&t, LA_OPENER, 0x0301, 1));
  t.port[LA_OPENER]--;
  t.family = LA_FAMILY_IPV6;
  assert_false(play_icmp(&t, LA_OPENER, 0x0301, 1));
  t.family = LA_FAMILY_IPV4;
  play(&t, "5 C PA 1 1 10");
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->end[LA_OPENER].packets, 3); /* an error is no segment */
  assert_int_equal(conn->end[LA_ACCEPTOR].packets, 1);
  assert_int_equal(conn->icmp_frame, 4);
  assert_int_equal(conn->icmp_type, 3);
  assert_int_equal(conn->icmp_code, 1);
  assert_true((conn->flags & LA_CONN_ICMP_SYN) == 0);
  const LaMoment *m = la_connection_moment(conn, 3);
  assert_int_equal(m->frame, 4);
  assert_int_equal(m->flags, 0x0301);
  assert_int_equal(m->state, LA_TCP_ESTABLISHED);
  assert_int_equal(m->side, LA_ACCEPTOR);
  talk_end(&t);
}

static void an_error_about_what_is_over_finds_nothing(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0");
  t.time += 180 * LA_SEC;
  assert_true(play_icmp(&t, LA_OPENER, 0x0301, 0));
  t.time += 1;
  assert_false(play_icmp(&t, LA_OPENER, 0x0301, 0));
  talk_end(&t);
}

/* ---- corrections ---- */

/* A RST that was taken to end the connection, and the end it was sent to goes on long after: it never arrived, or was refused. */
static void a_rst_that_is_survived_is_withdrawn(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  assert_marks(play(&t, HANDSHAKE REQUEST "5 C R 101"), LA_MARK_RST_COUNTS, 0);
  assert_marks(play(&t, "500 S PA 201 101 10"), LA_MARK_CORRECTED, 0);
  play(&t, "10 C A 101 211; 1000 C PA 101 211 10; 10 S A 211 111");
  const LaConnection *conn = only(&t);
  assert_words(conn, "complete", "open");
  assert_true((conn->flags & LA_CONN_RST) == 0);
  assert_true((conn->marks & LA_MARK_RST_IGNORED) != 0);
  bool seen = false;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->frame == 8) {
      seen = true;
      assert_marks(m->marks, LA_MARK_RST | LA_MARK_RST_IGNORED, LA_MARK_RST_COUNTS);
    }
  }
  assert_true(seen);
  talk_end(&t);
}

/* A SYN-ACK that the capture has late does not put the server's numbers back. */
static void a_late_syn_ack_moves_no_number_back(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 S PA 1 1 500; 10 C A 1 501; 5 S SA 0 1; 10 S PA 501 1 10; 10 C A 1 511");
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->end[LA_ACCEPTOR].snd_nxt, 5000511);
  assert_int_equal(conn->end[LA_ACCEPTOR].isn, 5000000);
  assert_int_equal(conn->end[LA_ACCEPTOR].missed, 0);
  assert_true((conn->flags & LA_CONN_MISSED) == 0);
  talk_end(&t);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(roles_come_from_syn_syn_ack_port_and_first_packet_in_that_order),
      cmocka_unit_test(the_range_of_ephemeral_ports_can_be_told),
      cmocka_unit_test(connections_end_at_their_deadline),
      cmocka_unit_test(two_msl_can_be_told),
      cmocka_unit_test(idle_connections_end_when_that_is_asked_for),
      cmocka_unit_test(an_open_connection_lives_until_observation_ends),
      cmocka_unit_test(the_end_of_observation_ends_what_is_not_over),
      cmocka_unit_test(the_wheel_starts_with_the_clock),
      cmocka_unit_test(finished_connections_come_in_order_of_end_and_id),
      cmocka_unit_test(finishing_twice_counts_once),
      cmocka_unit_test(memory_follows_the_open_connections),
      cmocka_unit_test(files_have_numbers_of_their_own),
      cmocka_unit_test(crossing_syns_are_one_connection),
      cmocka_unit_test(sequence_numbers_wrap),
      cmocka_unit_test(time_that_goes_back_moves_no_clock),
      cmocka_unit_test(a_clock_ahead_breaks_no_connection_up),
      cmocka_unit_test(connections_come_in_the_order_of_their_ends_though_time_goes_back),
      cmocka_unit_test(tunnels_are_apart_when_that_is_asked_for),
      cmocka_unit_test(tunnels_are_apart_in_batches),
      cmocka_unit_test(errors_find_their_connection),
      cmocka_unit_test(an_error_about_what_is_over_finds_nothing),
      cmocka_unit_test(a_rst_that_is_survived_is_withdrawn),
      cmocka_unit_test(a_late_syn_ack_moves_no_number_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
