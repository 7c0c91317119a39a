/* The bound on connections: who goes first, and that somebody who looks on is told what changed. */
#include <glib.h>

#include "unit/track/support.h"

static void start(Talk *t, uint32_t max_connections)
{
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.idle_timeout = 7200 * LA_SEC;
  options.max_connections = max_connections;
  talk_start_with(t, &options);
}

static LaConnection *evicted(Talk *t)
{
  LaConnection *conn = la_tracker_next(t->tracker);
  if (conn != NULL)
    assert_int_equal(conn->ended_by, LA_ENDED_EVICTED);
  return conn;
}

static void established_ones_outlive_a_flood(void **state)
{
  (void)state;
  Talk t;
  start(&t, 100);
  for (unsigned i = 0; i < 50; i++) {
    t.port[LA_OPENER] = (uint16_t)(30000 + i);
    play(&t, HANDSHAKE);
  }
  for (unsigned i = 0; i < 5000; i++) {
    t.addr[LA_OPENER] = ipv4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
    t.port[LA_OPENER] = (uint16_t)(1024 + i);
    play(&t, "0 C S 0");
    LaConnection *conn;
    while ((conn = evicted(&t)) != NULL) {
      assert_true(conn->id > 50); /* no established one, and the oldest first */
      assert_int_equal(conn->id, 50 + la_tracker_evicted(t.tracker));
      assert_int_equal(la_connection_handshake(conn), LA_HANDSHAKE_UNDETERMINED);
      la_tracker_recycle(t.tracker, conn);
    }
    assert_true(la_tracker_open(t.tracker) <= 100);
  }
  assert_int_equal(la_tracker_evicted(t.tracker), 5000 - 50);
  talk_end(&t);
}

static void without_attempts_closed_ones_go_and_then_the_most_silent(void **state)
{
  (void)state;
  Talk t;
  start(&t, 3);
  play(&t, HANDSHAKE); /* 1: the most silent */
  t.port[LA_OPENER] = 40002;
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT); /* 2: closed */
  t.port[LA_OPENER] = 40003;
  play(&t, HANDSHAKE); /* 3 */
  t.port[LA_OPENER] = 40004;
  play(&t, HANDSHAKE);
  LaConnection *conn = evicted(&t);
  assert_non_null(conn);
  assert_int_equal(conn->id, 2);
  la_tracker_recycle(t.tracker, conn);
  t.port[LA_OPENER] = 40005;
  play(&t, HANDSHAKE);
  conn = evicted(&t);
  assert_non_null(conn);
  assert_int_equal(conn->id, 1);
  la_tracker_recycle(t.tracker, conn);
  assert_null(evicted(&t));
  talk_end(&t);
}

static void the_older_of_two_on_one_four_tuple_is_spared(void **state)
{
  (void)state;
  Talk t;
  start(&t, 1);
  play(&t, HANDSHAKE REQUEST);
  t.isn[LA_OPENER] = 77000000;
  play(&t, "1000 C S 0"); /* tentative: the one before it stays behind it */
  assert_null(evicted(&t));
  assert_int_equal(la_tracker_evicted(t.tracker), 0);
  talk_end(&t);
}

static void a_bound_of_bytes_holds_too(void **state)
{
  (void)state;
  Talk t;
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.idle_timeout = 7200 * LA_SEC;
  options.max_bytes = 4 << 20;
  talk_start_with(&t, &options);
  for (unsigned i = 0; i < 20000; i++) {
    t.addr[LA_OPENER] = ipv4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
    play(&t, "0 C S 0");
    LaConnection *conn;
    while ((conn = evicted(&t)) != NULL)
      la_tracker_recycle(t.tracker, conn);
  }
  assert_true(la_tracker_bytes(t.tracker) < 5 << 20);
  assert_true(la_tracker_open(t.tracker) > 500);
  assert_int_equal(la_tracker_evicted(t.tracker) + la_tracker_open(t.tracker), 20000);
  talk_end(&t);
}

static void changes_are_told_once(void **state)
{
  (void)state;
  Talk t;
  start(&t, 0);
  la_tracker_note_changes(t.tracker);
  play(&t, HANDSHAKE);
  LaConnection *conn = la_tracker_changed(t.tracker);
  assert_non_null(conn);
  assert_int_equal(conn->id, 1);
  assert_null(la_tracker_changed(t.tracker));
  play(&t, REQUEST); /* the first data of each side is an event */
  assert_ptr_equal(la_tracker_changed(t.tracker), conn);
  play(&t, "10 C PA 101 201 50; 1 S A 201 151; 5 S PA 201 151 10; 1 C A 151 211");
  assert_null(la_tracker_changed(t.tracker));
  la_tracker_watch(conn, LA_WATCH_ALL);
  play(&t, "10 C PA 151 211 50");
  assert_ptr_equal(la_tracker_changed(t.tracker), conn);
  la_tracker_watch(conn, LA_WATCH_EVENTS);
  play(&t, "1 S A 211 201");
  assert_null(la_tracker_changed(t.tracker));
  assert_ptr_equal(la_tracker_get(t.tracker, conn->handle, conn->id), conn);
  assert_null(la_tracker_get(t.tracker, conn->handle, conn->id + 1));
  uint32_t at = 0;
  assert_ptr_equal(la_tracker_each(t.tracker, &at), conn);
  assert_null(la_tracker_each(t.tracker, &at));
  play(&t, "10 C RA 201 211");
  la_tracker_finish(t.tracker, t.time);
  assert_null(la_tracker_changed(t.tracker)); /* it has finished */
  talk_end(&t);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(established_ones_outlive_a_flood),
      cmocka_unit_test(without_attempts_closed_ones_go_and_then_the_most_silent),
      cmocka_unit_test(the_older_of_two_on_one_four_tuple_is_spared),
      cmocka_unit_test(a_bound_of_bytes_holds_too),
      cmocka_unit_test(changes_are_told_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
