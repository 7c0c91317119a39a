/* Connections made of sockets that were there before the capture: what is known of them, how packets go on with them, how they end. */
#include <glib.h>

#include "track/adopt.h"
#include "track/measures.h"
#include "unit/track/support.h"

#define IDLE (7200 * LA_SEC)

static void start(Talk *t, uint32_t max_connections)
{
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.idle_timeout = IDLE;
  options.max_connections = max_connections;
  talk_start_with(t, &options);
}

/* The server's socket of the talk, read 1 s before its first segment can come. */
static LaAdopted socket_of(const Talk *t, LaTcpState state)
{
  return (LaAdopted){.local = {.addr = t->addr[LA_ACCEPTOR], .port = t->port[LA_ACCEPTOR], .family = t->family},
                     .peer = {.addr = t->addr[LA_OPENER], .port = t->port[LA_OPENER], .family = t->family},
                     .state = {(uint8_t)state, LA_TCP_CLOSED},
                     .listener = LA_LISTENER_LOCAL,
                     .time = BEGINNING - LA_SEC};
}

static LaConnection *adopt(Talk *t, LaTcpState state)
{
  LaAdopted socket = socket_of(t, state);
  assert_int_equal(la_tracker_adopt(t->tracker, &socket), LA_ADOPT_TAKEN);
  uint32_t at = 0;
  LaConnection *conn;
  LaConnection *last = NULL;
  while ((conn = la_tracker_next_adopted(t->tracker, &at)) != NULL)
    last = conn;
  assert_non_null(last);
  return last;
}

static void each_state_is_known_for_its_own_end_and_assumed_for_the_other(void **state)
{
  (void)state;
  static const struct {
    LaTcpState local, peer;
    LaSide closed; /* whose FIN is known */
  } cases[] = {
      {LA_TCP_ESTABLISHED, LA_TCP_ESTABLISHED, LA_SIDE_N}, {LA_TCP_FIN_WAIT_1, LA_TCP_ESTABLISHED, LA_SIDE_N},
      {LA_TCP_FIN_WAIT_2, LA_TCP_CLOSE_WAIT, LA_ACCEPTOR}, {LA_TCP_CLOSE_WAIT, LA_TCP_FIN_WAIT_2, LA_OPENER},
      {LA_TCP_LAST_ACK, LA_TCP_FIN_WAIT_2, LA_OPENER},     {LA_TCP_CLOSING, LA_TCP_FIN_WAIT_1, LA_SIDE_N},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    start(&t, 0);
    LaConnection *conn = adopt(&t, cases[i].local);
    assert_int_equal(conn->roles_from, LA_ROLES_KERNEL);
    assert_true(la_connection_is_silent(conn));
    assert_int_equal(conn->port[LA_ACCEPTOR], 8888);
    assert_int_equal(conn->end[LA_ACCEPTOR].state, cases[i].local);
    assert_int_equal(conn->end[LA_OPENER].state, cases[i].peer);
    assert_true(la_connection_final_certain(conn, LA_ACCEPTOR));
    assert_false(la_connection_final_certain(conn, LA_OPENER));
    assert_int_equal(conn->first_fin, cases[i].closed);
    assert_int_equal(la_connection_duration(conn), LA_TIME_NONE);
    assert_int_equal(la_connection_close_duration(conn), LA_TIME_NONE);
    la_tracker_finish(t.tracker, BEGINNING + 100 * LA_SEC);
    conn = la_tracker_next(t.tracker);
    assert_non_null(conn);
    assert_int_equal(conn->ended_by, LA_ENDED_CAPTURE_END);
    assert_int_equal(la_connection_handshake(conn), LA_HANDSHAKE_UNSEEN);
    assert_int_equal(la_connection_teardown(conn), cases[i].closed != LA_SIDE_N ? LA_TEARDOWN_HALF_CLOSED : LA_TEARDOWN_OPEN);
    assert_int_equal(la_connection_close_wait(conn, LA_ACCEPTOR),
                     cases[i].local == LA_TCP_CLOSE_WAIT ? 101 * LA_SEC : LA_TIME_NONE);
    talk_end(&t);
  }
}

static void what_is_no_connection_is_passed_over(void **state)
{
  (void)state;
  static const LaTcpState others[] = {LA_TCP_CLOSED, LA_TCP_LISTEN, LA_TCP_SYN_SENT, LA_TCP_SYN_RECEIVED, LA_TCP_TIME_WAIT};
  Talk t;
  start(&t, 0);
  for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
    LaAdopted socket = socket_of(&t, others[i]);
    assert_int_equal(la_tracker_adopt(t.tracker, &socket), LA_ADOPT_PASSED);
  }
  assert_int_equal(la_tracker_open(t.tracker), 0);
  adopt(&t, LA_TCP_ESTABLISHED);
  LaAdopted again = socket_of(&t, LA_TCP_ESTABLISHED);
  assert_int_equal(la_tracker_adopt(t.tracker, &again), LA_ADOPT_KNOWN);
  LaAdopted mirrored = again;
  mirrored.local = again.peer;
  mirrored.peer = again.local;
  assert_int_equal(la_tracker_adopt(t.tracker, &mirrored), LA_ADOPT_KNOWN);
  assert_int_equal(la_tracker_open(t.tracker), 1);
  talk_end(&t);
}

static void the_listener_tells_the_server_and_else_the_port(void **state)
{
  (void)state;
  static const struct {
    uint16_t local, peer;
    LaListener listener;
    LaSide local_is;
  } cases[] = {
      {50000, 40001, LA_LISTENER_LOCAL, LA_ACCEPTOR}, {8888, 443, LA_LISTENER_LOCAL, LA_ACCEPTOR},
      {8888, 443, LA_LISTENER_NONE, LA_OPENER},       {8888, 40001, LA_LISTENER_NONE, LA_ACCEPTOR},
      {40001, 50000, LA_LISTENER_NONE, LA_OPENER},    {8888, 40001, LA_LISTENER_PEER, LA_OPENER},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    start(&t, 0);
    LaAdopted socket = socket_of(&t, LA_TCP_ESTABLISHED);
    socket.local.port = cases[i].local;
    socket.peer.port = cases[i].peer;
    socket.listener = (uint8_t)cases[i].listener;
    assert_int_equal(la_tracker_adopt(t.tracker, &socket), LA_ADOPT_TAKEN);
    uint32_t at = 0;
    LaConnection *conn = la_tracker_next_adopted(t.tracker, &at);
    assert_int_equal(conn->port[cases[i].local_is], cases[i].local);
    talk_end(&t);
  }
}

static void both_ends_on_this_machine_are_both_known(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  LaAdopted socket = socket_of(&t, LA_TCP_CLOSE_WAIT);
  socket.state[1] = LA_TCP_FIN_WAIT_2;
  assert_int_equal(la_tracker_adopt(t.tracker, &socket), LA_ADOPT_TAKEN);
  uint32_t at = 0;
  LaConnection *conn = la_tracker_next_adopted(t.tracker, &at);
  assert_true(la_connection_final_certain(conn, LA_OPENER));
  assert_true(la_connection_final_certain(conn, LA_ACCEPTOR));
  talk_end(&t);
}

static void packets_go_on_with_it_to_a_full_close(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  adopt(&t, LA_TCP_ESTABLISHED);
  play(&t, "0 C PA 100 200 10; 1 S A 200 110; 1 S PA 200 110 30; 1 C A 110 230;"
           "10 C FA 110 230; 1 S A 230 111; 1 S FA 230 111; 1 C A 111 231");
  assert_int_equal(la_tracker_open(t.tracker), 1);
  la_tracker_advance(t.tracker, BEGINNING + 100 * LA_SEC);
  LaConnection *conn = la_tracker_next(t.tracker);
  assert_non_null(conn);
  assert_int_equal(conn->ended_by, LA_ENDED_CLOSED);
  assert_int_equal(conn->roles_from, LA_ROLES_KERNEL);
  assert_int_equal(conn->first_frame, 1);
  assert_int_equal(conn->last_frame, 8);
  assert_int_equal(la_connection_teardown(conn), LA_TEARDOWN_FIN);
  assert_path(conn, LA_OPENER, "ESTABLISHED~ FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
  assert_path(conn, LA_ACCEPTOR, "ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED?");
  assert_int_equal(conn->end[LA_OPENER].retransmitted + conn->end[LA_ACCEPTOR].retransmitted, 0);
  assert_int_equal(conn->end[LA_OPENER].missed + conn->end[LA_ACCEPTOR].missed, 0);
  talk_end(&t);
}

static void one_in_close_wait_closes_with_the_fin_that_nobody_saw(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  adopt(&t, LA_TCP_CLOSE_WAIT);
  play(&t, "9000 S FA 230 111; 1 C A 111 231");
  la_tracker_advance(t.tracker, BEGINNING + 100 * LA_SEC);
  LaConnection *conn = la_tracker_next(t.tracker);
  assert_non_null(conn);
  assert_int_equal(conn->ended_by, LA_ENDED_CLOSED);
  assert_int_equal(la_connection_teardown(conn), LA_TEARDOWN_FIN);
  assert_int_equal(la_connection_first_to_close(conn), LA_FIRST_CLIENT);
  assert_int_equal(la_connection_close_duration(conn), LA_TIME_NONE);
  assert_int_equal(la_connection_close_wait(conn, LA_ACCEPTOR), 10 * LA_SEC);
  assert_path(conn, LA_ACCEPTOR, "CLOSE_WAIT LAST_ACK CLOSED?");
  assert_path(conn, LA_OPENER, "FIN_WAIT_2~ TIME_WAIT");
  talk_end(&t);
}

static void the_peers_first_word_tells_where_its_fin_was(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  LaConnection *conn = adopt(&t, LA_TCP_CLOSE_WAIT);
  play(&t, "0 C A 111 230"); /* a bare ACK stands behind its FIN */
  assert_int_equal(conn->end[LA_OPENER].fin_end, t.isn[LA_OPENER] + 111);
  play(&t, "5 S A 230 111; 5 S FA 230 111; 1 C A 111 231");
  assert_int_equal(conn->flags & LA_CONN_CLOSED, LA_CONN_CLOSED);
  talk_end(&t);

  start(&t, 0);
  conn = adopt(&t, LA_TCP_CLOSE_WAIT);
  play(&t, "0 C FA 110 230; 1 S A 230 111"); /* the FIN comes again */
  assert_int_equal(conn->end[LA_OPENER].fin_frame, 1);
  assert_int_equal(conn->end[LA_OPENER].fin_end, t.isn[LA_OPENER] + 111);
  assert_int_equal(conn->end[LA_ACCEPTOR].state, LA_TCP_CLOSE_WAIT);
  talk_end(&t);
}

static void a_reset_as_the_first_packet_is_no_stray(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  LaConnection *conn = adopt(&t, LA_TCP_ESTABLISHED);
  play(&t, "0 S RA 230 111");
  assert_int_equal(conn->end[LA_ACCEPTOR].state, LA_TCP_CLOSED);
  assert_false(la_connection_is_stray(conn));
  assert_int_equal(la_connection_teardown(conn), LA_TEARDOWN_RST);
  talk_end(&t);
}

static void a_syn_succeeds_it(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  adopt(&t, LA_TCP_ESTABLISHED);
  play(&t, HANDSHAKE);
  la_tracker_advance(t.tracker, BEGINNING + 2 * LA_SEC);
  LaConnection *conn = la_tracker_next(t.tracker);
  assert_non_null(conn);
  assert_int_equal(conn->id, LA_ADOPTED_IDS);
  assert_int_equal(conn->ended_by, LA_ENDED_GONE);
  assert_true(la_connection_is_silent(conn));
  la_tracker_recycle(t.tracker, conn);
  la_tracker_finish(t.tracker, BEGINNING + 3 * LA_SEC);
  conn = la_tracker_next(t.tracker);
  assert_int_equal(conn->roles_from, LA_ROLES_SYN);
  assert_int_equal(conn->id, 1); /* as in a file with these packets */
  assert_int_equal(conn->earlier.id, LA_ADOPTED_IDS);
  assert_int_equal(la_connection_handshake(conn), LA_HANDSHAKE_COMPLETE);
  talk_end(&t);
}

static void one_whose_syn_is_in_the_capture_was_not_there_before(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  LaAdopted socket = socket_of(&t, LA_TCP_ESTABLISHED);
  socket.time = BEGINNING + 50 * LA_MSEC; /* read after the handshake, whose packets wait in the ring */
  assert_int_equal(la_tracker_adopt(t.tracker, &socket), LA_ADOPT_TAKEN);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT);
  la_tracker_finish(t.tracker, BEGINNING + 300 * LA_SEC);
  LaConnection *conn = la_tracker_next(t.tracker);
  assert_non_null(conn);
  assert_int_equal(conn->roles_from, LA_ROLES_SYN);
  assert_int_equal(conn->ended_by, LA_ENDED_CLOSED);
  assert_int_equal(conn->earlier.id, 0);
  la_tracker_recycle(t.tracker, conn);
  assert_null(la_tracker_next(t.tracker));
  assert_int_equal(la_tracker_open(t.tracker), 0);
  talk_end(&t);
}

static void packets_from_just_before_the_reading_do_not_go_back_in_time(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  LaAdopted socket = socket_of(&t, LA_TCP_ESTABLISHED);
  socket.time = BEGINNING + 50 * LA_MSEC;
  assert_int_equal(la_tracker_adopt(t.tracker, &socket), LA_ADOPT_TAKEN);
  play(&t, "0 C PA 100 200 10; 1 S A 200 110");
  uint32_t at = 0;
  LaConnection *conn = la_tracker_next_adopted(t.tracker, &at);
  assert_int_equal(conn->flags & LA_CONN_TIME_WENT_BACK, 0);
  assert_true(conn->first_time <= BEGINNING);
  assert_int_equal(la_connection_duration(conn), LA_MSEC);
  talk_end(&t);
}

static void what_the_kernel_still_holds_is_not_idle_and_what_it_does_not_is_gone(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  LaConnection *conn = adopt(&t, LA_TCP_ESTABLISHED);
  uint8_t held[LA_SIDE_N] = {LA_TCP_CLOSED, LA_TCP_ESTABLISHED};
  for (unsigned i = 1; i <= 4; i++) {
    LaTime now = BEGINNING + i * (IDLE - LA_SEC);
    la_tracker_advance(t.tracker, now);
    assert_null(la_tracker_next(t.tracker));
    la_tracker_held(t.tracker, conn, held, now);
  }
  held[LA_ACCEPTOR] = LA_TCP_CLOSE_WAIT; /* its FIN passed where nobody looked */
  la_tracker_held(t.tracker, conn, held, BEGINNING + 4 * IDLE);
  assert_path(conn, LA_ACCEPTOR, "ESTABLISHED CLOSE_WAIT");
  assert_path(conn, LA_OPENER, "ESTABLISHED~ FIN_WAIT_2~");
  assert_int_equal(conn->first_fin, LA_OPENER);
  assert_null(la_tracker_next(t.tracker));
  la_tracker_gone(t.tracker, conn, BEGINNING + 4 * IDLE + LA_SEC);
  conn = la_tracker_next(t.tracker);
  assert_non_null(conn);
  assert_int_equal(conn->ended_by, LA_ENDED_GONE);
  assert_int_equal(conn->end_time, BEGINNING + 4 * IDLE + LA_SEC);
  la_tracker_recycle(t.tracker, conn);
  uint32_t at = 0;
  assert_null(la_tracker_next_adopted(t.tracker, &at));
  assert_int_equal(la_tracker_open(t.tracker), 0);
  talk_end(&t);
}

static void others_keep_the_ids_of_a_file_with_these_packets(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  adopt(&t, LA_TCP_ESTABLISHED);
  t.port[LA_OPENER] = 50001;
  LaConnection *silent = adopt(&t, LA_TCP_ESTABLISHED);
  assert_int_equal(silent->id, LA_ADOPTED_IDS + 1);
  t.port[LA_OPENER] = 50002;
  play(&t, "0 C S 0");
  assert_int_equal(t.note.id, 1);
  t.port[LA_OPENER] = 40001;
  play(&t, "0 C PA 100 200 10; 1 S A 200 110");
  assert_int_equal(t.note.id, LA_ADOPTED_IDS);
  t.port[LA_OPENER] = 50003;
  play(&t, "0 C S 0");
  assert_int_equal(t.note.id, 3);
  talk_end(&t);
}

static void packets_speak_for_themselves(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  LaConnection *conn = adopt(&t, LA_TCP_ESTABLISHED);
  play(&t, "0 C PA 100 200 10; 1 S A 200 110");
  uint8_t held[LA_SIDE_N] = {LA_TCP_CLOSED, LA_TCP_CLOSE_WAIT};
  la_tracker_held(t.tracker, conn, held, BEGINNING + LA_SEC);
  assert_path(conn, LA_ACCEPTOR, "ESTABLISHED");
  talk_end(&t);
}

static void those_without_packets_make_room_before_others(void **state)
{
  (void)state;
  Talk t;
  start(&t, 20);
  for (unsigned i = 0; i < 15; i++) {
    t.port[LA_OPENER] = (uint16_t)(50000 + i);
    adopt(&t, LA_TCP_ESTABLISHED);
  }
  play(&t, "0 C PA 100 200 10; 1 S A 200 110"); /* the last of them */
  unsigned gone = 0;
  for (unsigned i = 0; i < 19; i++) {
    t.port[LA_OPENER] = (uint16_t)(30000 + i);
    play(&t, HANDSHAKE);
    LaConnection *conn;
    while ((conn = la_tracker_next(t.tracker)) != NULL) {
      assert_int_equal(conn->ended_by, LA_ENDED_EVICTED);
      assert_int_equal(conn->roles_from, LA_ROLES_KERNEL);
      assert_true(la_connection_is_silent(conn));
      assert_int_equal(conn->id, LA_ADOPTED_IDS + gone++);
      la_tracker_recycle(t.tracker, conn);
    }
  }
  assert_int_equal(gone, 14);
  assert_int_equal(la_tracker_evicted(t.tracker), 14);
  assert_int_equal(la_tracker_open(t.tracker), 20);
  t.port[LA_OPENER] = 60000;
  LaAdopted late = socket_of(&t, LA_TCP_ESTABLISHED);
  assert_int_equal(la_tracker_adopt(t.tracker, &late), LA_ADOPT_FULL);
  assert_int_equal(la_tracker_evicted(t.tracker), 14);
  talk_end(&t);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_state_is_known_for_its_own_end_and_assumed_for_the_other),
      cmocka_unit_test(what_is_no_connection_is_passed_over),
      cmocka_unit_test(the_listener_tells_the_server_and_else_the_port),
      cmocka_unit_test(both_ends_on_this_machine_are_both_known),
      cmocka_unit_test(packets_go_on_with_it_to_a_full_close),
      cmocka_unit_test(one_in_close_wait_closes_with_the_fin_that_nobody_saw),
      cmocka_unit_test(the_peers_first_word_tells_where_its_fin_was),
      cmocka_unit_test(a_reset_as_the_first_packet_is_no_stray),
      cmocka_unit_test(a_syn_succeeds_it),
      cmocka_unit_test(one_whose_syn_is_in_the_capture_was_not_there_before),
      cmocka_unit_test(packets_from_just_before_the_reading_do_not_go_back_in_time),
      cmocka_unit_test(what_the_kernel_still_holds_is_not_idle_and_what_it_does_not_is_gone),
      cmocka_unit_test(others_keep_the_ids_of_a_file_with_these_packets),
      cmocka_unit_test(packets_speak_for_themselves),
      cmocka_unit_test(those_without_packets_make_room_before_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
