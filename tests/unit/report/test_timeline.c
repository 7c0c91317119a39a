/* What no capture in the tests shows: wild times, times before 1970, connections that only the kernel told of. */
#include "report/timeline.h"
#include "unit/report/story.h"

static uint64_t sum(LaTimeline *timeline, unsigned column, unsigned *ret_rows)
{
  LaTimelineRow row;
  uint64_t total = 0;
  *ret_rows = 0;
  while (la_timeline_next(timeline, &row)) {
    total += row.count[column];
    ++*ret_rows;
  }
  return total;
}

static void test_before_1970(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaTime back = STORY_START + 7 * LA_SEC;
  LaEndpoint *server = &story->conn.end[LA_ACCEPTOR];
  story->conn.first_time -= back;
  server->syn_time -= back;
  for (unsigned i = 0; i < server->steps; i++)
    server->path[i].time -= back;
  story->conn.ended_by = LA_ENDED_CAPTURE_END;
  LaTimeline *timeline = la_timeline_new(5 * LA_SEC);
  la_timeline_add(timeline, &story->conn);
  la_timeline_conclude(timeline);
  LaTimelineRow row;
  assert_true(la_timeline_next(timeline, &row));
  assert_int_equal(row.start, -10 * LA_SEC); /* seven seconds before: in the interval that begins ten before */
  assert_int_equal(row.count[LA_TIMELINE_OPENED], 1);
  la_timeline_free(timeline);
}

static void test_wild_times(void **state)
{
  (void)state;
  static const LaTime asked[] = {0, LA_TIMELINE_INTERVAL_MIN, LA_TIMELINE_INTERVAL_MAX};
  for (unsigned i = 0; i < G_N_ELEMENTS(asked); i++) {
    g_autofree Story *story = story_new();
    LaTimeline *timeline = la_timeline_new(asked[i]);
    la_timeline_observed(timeline, LA_TIME_OF_PACKET_MAX, LA_TIME_NONE);
    la_timeline_add(timeline, &story->conn);
    la_timeline_observed(timeline, -LA_TIME_OF_PACKET_MAX, LA_TIME_OF_PACKET_MAX);
    la_timeline_add(timeline, &story->conn);
    la_timeline_conclude(timeline);
    unsigned rows;
    assert_int_equal(sum(timeline, LA_TIMELINE_OPENED, &rows), 2);
    assert_in_range(rows, 1, 8192);
    LaTime from, until;
    la_timeline_span(timeline, &from, &until);
    assert_true(from <= -LA_TIME_OF_PACKET_MAX && until > LA_TIME_OF_PACKET_MAX);
    la_timeline_free(timeline);
  }
}

static void test_told_by_the_kernel(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaEndpoint *server = &story->conn.end[LA_ACCEPTOR];
  story->conn.flags |= LA_CONN_ADOPTED | LA_CONN_MIDSTREAM;
  server->flags &= ~(uint32_t)LA_END_SPOKE;
  story->conn.ended_by = LA_ENDED_CAPTURE_END;
  LaTimeline *timeline = la_timeline_new(0);
  la_timeline_add(timeline, &story->conn);
  la_timeline_conclude(timeline);
  LaTimelineRow row, last = {0};
  while (la_timeline_next(timeline, &row))
    last = row;
  assert_int_equal(last.count[LA_TIMELINE_STATES + LA_TCP_CLOSE_WAIT - LA_TCP_SYN_SENT], 1);
  assert_int_equal(last.count[LA_TIMELINE_OPENED], 0);
  la_timeline_free(timeline);
}

static void test_nothing(void **state)
{
  (void)state;
  LaTimeline *timeline = la_timeline_new(0);
  la_timeline_conclude(timeline);
  LaTimelineRow row;
  LaTime from, until;
  assert_false(la_timeline_next(timeline, &row));
  la_timeline_span(timeline, &from, &until);
  assert_true(from == LA_TIME_NONE && until == LA_TIME_NONE);
  la_timeline_free(timeline);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_before_1970),
      cmocka_unit_test(test_wild_times),
      cmocka_unit_test(test_told_by_the_kernel),
      cmocka_unit_test(test_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
