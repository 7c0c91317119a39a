#include "unit/report/story.h"

#include "report/groups.h"

static void add(LaGroups *groups, Story *story, const char *code, unsigned times)
{
  story->findings.count = 0;
  story_add_finding(story, code, story->conn.last_time);
  for (unsigned i = 0; i < times; i++)
    la_groups_add(groups, &story->record);
}

static void test_equal_findings_are_one_group(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaGroups) groups = la_groups_new();
  add(groups, story, "close-wait-leak", 3);
  story->conn.addr[LA_OPENER].bytes[3] = 7; /* another client of the same service */
  story->conn.last_time += 10 * LA_SEC;
  story->conn.id = 9;
  add(groups, story, "close-wait-leak", 1);
  unsigned count;
  LaGroup *const *sorted = la_groups_sorted(groups, &count);
  assert_int_equal(count, 1);
  assert_int_equal(sorted[0]->count, 4);
  assert_int_equal(sorted[0]->example_id, 1);
  assert_int_equal(sorted[0]->last - sorted[0]->first, 10 * LA_SEC);
  bool exact;
  assert_int_equal(la_distinct_count(&sorted[0]->clients, &exact), 2);
  assert_true(exact);
  assert_int_equal(sorted[0]->history.total, 4);
  assert_true(g_str_has_prefix(sorted[0]->sentence, "10.9.0.2:8888 got the FIN of 10.9.0.1:55308"));
}

static void test_what_makes_groups_different(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaGroups) groups = la_groups_new();
  add(groups, story, "close-wait-leak", 1);
  story->findings.items[0].blame = LA_BLAME_NETWORK;
  la_groups_add(groups, &story->record);
  story->findings.items[0].severity = LA_SEVERITY_NOTE;
  la_groups_add(groups, &story->record);
  story->conn.port[LA_ACCEPTOR]++;
  la_groups_add(groups, &story->record);
  story->conn.addr[LA_ACCEPTOR].bytes[0]++;
  la_groups_add(groups, &story->record);
  add(groups, story, "still-open", 1);
  unsigned count;
  la_groups_sorted(groups, &count);
  assert_int_equal(count, 6);
}

static void test_order(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaGroups) groups = la_groups_new();
  add(groups, story, "still-open", 50);       /* note */
  add(groups, story, "fin-retransmitted", 9); /* warning */
  add(groups, story, "close-wait-leak", 2);   /* error */
  story->conn.port[LA_ACCEPTOR] = 80;
  add(groups, story, "close-wait-leak", 3);
  add(groups, story, "syn-unanswered", 4); /* error; fewer than the leaks of both services together */
  unsigned count;
  LaGroup *const *sorted = la_groups_sorted(groups, &count);
  assert_int_equal(count, 5);
  assert_string_equal(sorted[0]->rule->code, "close-wait-leak");
  assert_int_equal(sorted[0]->server.port, 80);
  assert_string_equal(sorted[1]->rule->code, "close-wait-leak");
  assert_string_equal(sorted[2]->rule->code, "syn-unanswered");
  assert_string_equal(sorted[3]->rule->code, "fin-retransmitted");
  assert_string_equal(sorted[4]->rule->code, "still-open");
}

static void test_stronger_example_wins(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaGroups) groups = la_groups_new();
  add(groups, story, "close-wait-leak", 1);
  story->conn.id = 2;
  story->findings.items[0].confidence = LA_CONFIDENCE_CERTAIN;
  la_groups_add(groups, &story->record);
  story->conn.id = 3;
  la_groups_add(groups, &story->record);
  unsigned count;
  LaGroup *const *sorted = la_groups_sorted(groups, &count);
  assert_int_equal(count, 1);
  assert_int_equal(sorted[0]->example_id, 2);
  assert_int_equal(sorted[0]->confidence, LA_CONFIDENCE_CERTAIN);
  assert_int_equal(sorted[0]->sure_different, 1);
}

static void test_bounded(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaGroups) groups = la_groups_new();
  for (unsigned port = 1; port <= 65000; port++) {
    story->conn.port[LA_ACCEPTOR] = (uint16_t)port;
    add(groups, story, "still-open", 1);
  }
  story->conn.port[LA_ACCEPTOR] = 1;
  add(groups, story, "still-open", 1); /* known ones still count */
  assert_int_equal(la_groups_overflow(groups), 65000 - LA_GROUPS_MAX);
  unsigned count;
  LaGroup *const *sorted = la_groups_sorted(groups, &count);
  assert_int_equal(count, LA_GROUPS_MAX);
  assert_int_equal(sorted[0]->server.port, 1);
  assert_int_equal(sorted[0]->count, 2);
}

static void test_distinct_estimate(void **state)
{
  (void)state;
  LaDistinct distinct = {0};
  bool exact;
  uint32_t hash = 1;
  for (unsigned n = 1; n <= 1000; n++) {
    hash = hash * UINT32_C(1664525) + UINT32_C(1013904223);
    la_distinct_add(&distinct, hash);
    la_distinct_add(&distinct, hash);
    uint64_t told = la_distinct_count(&distinct, &exact);
    assert_int_equal(exact, n <= LA_DISTINCT_EXACT);
    if (exact)
      assert_int_equal(told, n);
  }
  assert_in_range(la_distinct_count(&distinct, &exact), 900, 1100);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equal_findings_are_one_group),
      cmocka_unit_test(test_what_makes_groups_different),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_stronger_example_wins),
      cmocka_unit_test(test_bounded),
      cmocka_unit_test(test_distinct_estimate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
