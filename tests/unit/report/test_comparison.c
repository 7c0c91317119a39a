/* Two runs compared: what is a regression and what is chance. */
#include "unit/select/records.h"

#include <math.h>

#include "report/comparison.h"

/* `count` connections to `server`, the first `leaks` of them with a leak, each after `wait` ms. */
typedef struct {
  const char *server;
  unsigned port, count, leaks, wait;
} Group;

static LaRun *run_of(const Group *groups, unsigned count)
{
  LaRun *run = la_run_new();
  GString *text = g_string_new(NULL);
  for (unsigned g = 0; g < count; g++) {
    for (unsigned i = 0; i < groups[g].count; i++)
      g_string_append_printf(text,
                             "{\"type\":\"connection\",\"schema\":\"lastack/1\",\"server\":{\"ip\":\"%s\",\"port\":%u},"
                             "\"handshake\":{\"syn_to_syn_ack_s\":0.%03u},\"findings\":[%s]}\n",
                             groups[g].server, groups[g].port, groups[g].wait,
                             i < groups[g].leaks ? "{\"code\":\"close-wait-leak\",\"severity\":\"error\"},"
                                                   "{\"code\":\"close-wait-leak\",\"severity\":\"error\"}"
                                                 : "");
  }
  g_autoptr(LaStoredReader) reader = records_open(text->str);
  LaStored *record;
  while ((record = la_stored_next(reader, NULL)) != NULL)
    la_run_add_stored(run, record);
  g_string_free(text, TRUE);
  return run;
}

static LaComparison *compare_groups(const Group *before, unsigned before_count, const Group *after, unsigned after_count)
{
  g_autoptr(LaRun) a = run_of(before, before_count);
  g_autoptr(LaRun) b = run_of(after, after_count);
  LaComparisonOptions options = {.fail_on = LA_SEVERITY_WARNING};
  return la_comparison_new(a, b, &options);
}

static void test_fisher(void **state)
{
  (void)state;
  static const struct {
    LaShare before, after;
    double p;
  } known[] = {
      /* the lady tasting tea: 3 of 4 against 1 of 4 is 17/70, 4 of 4 against none 1/70 */
      {{1, 4}, {3, 4}, 17.0 / 70}, {{0, 4}, {4, 4}, 1.0 / 70}, {{4, 4}, {0, 4}, 1.0 / 70}, {{0, 1}, {1, 1}, 0.5},
      {{0, 3}, {3, 3}, 0.05},      {{5, 10}, {50, 100}, 1},    {{0, 0}, {3, 4}, 1},        {{0, 5000}, {2, 5000}, 0.249975},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
    double p = la_share_fisher(known[i].before, known[i].after);
    if (fabs(p - known[i].p) > 1e-6)
      fail_msg("case %u: %.9f, not %.9f", i, p, known[i].p);
  }
  assert_true(la_share_fisher((LaShare){1000, 100000000}, (LaShare){5000, 100000000}) < 1e-300);
  double large = la_share_fisher((LaShare){50000000, 100000000}, (LaShare){50001000, 100000000});
  assert_true(large > 0.4 && large < 0.5);
}

static void test_chance_and_regression(void **state)
{
  (void)state;
  static const struct {
    Group before, after;
    unsigned regressions;
    LaChange change;
  } cases[] = {
      {{"10.0.0.1", 80, 5000, 0, 1}, {"10.0.0.1", 80, 5000, 2, 1}, 0, LA_CHANGE_NEW},
      {{"10.0.0.1", 80, 5000, 0, 1}, {"10.0.0.1", 80, 5000, 20, 1}, 1, LA_CHANGE_NEW},
      {{"10.0.0.1", 80, 5000, 20, 1}, {"10.0.0.1", 80, 5000, 0, 1}, 0, LA_CHANGE_GONE},
      {{"10.0.0.1", 80, 500, 50, 1}, {"10.0.0.1", 80, 500, 100, 1}, 1, LA_CHANGE_MORE},
      {{"10.0.0.1", 80, 500, 50, 1}, {"10.0.0.1", 80, 500, 55, 1}, 0, LA_CHANGE_MORE},
      {{"10.0.0.1", 80, 500, 50, 1}, {"10.0.0.1", 80, 1000, 99, 1}, 0, LA_CHANGE_LESS},
      {{"10.0.0.1", 80, 3, 0, 1}, {"10.0.0.1", 80, 3, 1, 1}, 1, LA_CHANGE_NEW},
      {{"10.0.0.1", 80, 49, 0, 1}, {"10.0.0.1", 80, 49, 4, 1}, 0, LA_CHANGE_NEW},
      {{"10.0.0.1", 80, 3, 1, 1}, {"10.0.0.1", 80, 3, 2, 1}, 0, LA_CHANGE_MORE},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(LaComparison) c = compare_groups(&cases[i].before, 1, &cases[i].after, 1);
    const LaServiceChange *service = g_ptr_array_index(c->services, 0);
    const LaFindingChange *finding = &g_array_index(service->findings, LaFindingChange, 0);
    if (c->regressions != cases[i].regressions || finding->change != cases[i].change)
      fail_msg("case %u: %u regressions, %s", i, c->regressions, la_change_name(finding->change));
    assert_int_equal(finding->before.count, cases[i].before.leaks); /* once a connection */
  }
}

/* Many shares at once: what would be a finding alone is chance among them. */
static void test_many_shares(void **state)
{
  (void)state;
  Group before[40], after[40];
  for (unsigned i = 0; i < 40; i++) {
    before[i] = (Group){"10.0.0.1", 1000 + i, 100, 1, 1};
    after[i] = (Group){"10.0.0.1", 1000 + i, 100, i == 7 ? 10 : 1, 1};
  }
  g_autoptr(LaComparison) alone = compare_groups(before + 7, 1, after + 7, 1);
  assert_int_equal(alone->regressions, 1);
  g_autoptr(LaComparison) many = compare_groups(before, 40, after, 40);
  assert_int_equal(many->compared, 40);
  assert_int_equal(many->regressions, 0);
}

static void test_names(void **state)
{
  (void)state;
  static const Group before[] = {{"10.0.0.1", 80, 10, 0, 1}, {"10.0.0.1", 81, 10, 0, 1}};
  static const Group after[] = {{"10.0.0.2", 80, 10, 0, 1}, {"10.0.0.2", 91, 10, 5, 1}};
  g_autoptr(LaComparison) c = compare_groups(before, 2, after, 2);
  assert_int_equal(c->services->len, 0);
  assert_int_equal(c->only_before->len, 2);
  assert_int_equal(c->only_after->len, 2);
  /* the only one of each */
  g_autoptr(LaComparison) pair = compare_groups(before, 1, after + 1, 1);
  assert_int_equal(pair->services->len, 1);
  assert_int_equal(pair->paired, 1);
  assert_int_equal(pair->regressions, 1);
  /* maps: the first that fits */
  LaServiceMap maps[3];
  assert_true(la_service_map_parse("10.0.0.1:81=10.0.0.2:91", &maps[0], NULL));
  assert_true(la_service_map_parse("10.0.0.1=10.0.0.2", &maps[1], NULL));
  assert_true(la_service_map_parse(":81=:5", &maps[2], NULL));
  g_autoptr(LaRun) a = run_of(before, 2);
  g_autoptr(LaRun) b = run_of(after, 2);
  LaComparisonOptions options = {.maps = maps, .map_count = 3, .fail_on = LA_SEVERITY_ERROR};
  g_autoptr(LaComparison) mapped = la_comparison_new(a, b, &options);
  assert_int_equal(mapped->services->len, 2);
  const LaServiceChange *first = g_ptr_array_index(mapped->services, 0);
  assert_int_equal(first->service.port, 91);
  assert_int_equal(first->was.port, 81);
  assert_int_equal(mapped->regressions, 1);
  static const char *const bad[] = {"", "=", "10.0.0.1", "10.0.0.1=:80", "10.0.0.1:80=10.0.0.2", ":0=:1", ":80=:70000", "a=b"};
  for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
    assert_false(la_service_map_parse(bad[i], &maps[0], NULL));
  assert_true(la_service_map_parse("[2001:db8::1]:80=[2001:db8::2]:81", &maps[0], NULL));
  assert_int_equal(maps[0].to.port, 81);
  assert_true(la_service_map_parse("2001:db8::1=2001:db8::2", &maps[0], NULL));
  assert_int_equal(maps[0].from.port, 0);
}

static void test_reports(void **state)
{
  (void)state;
  static const Group before[] = {{"10.0.0.1", 80, 5000, 0, 100}, {"10.0.0.1", 81, 10, 0, 1}};
  static const Group after[] = {{"10.0.0.1", 80, 5000, 2, 200}, {"10.0.0.1", 82, 10, 0, 1}};
  g_autoptr(LaComparison) c = compare_groups(before, 2, after, 2);
  LaComparisonText how = {.before = "a\x1b[m", .after = "b", .style = {.width = 80}};
  g_autoptr(GString) text = g_string_new(NULL);
  la_comparison_text(c, &how, text);
  static const char *const parts[] = {"a\\x1b[m: 5,010 connections",
                                      "no regression",
                                      "10.0.0.1:80",
                                      "0 of 5,000 (0%) -> 2 of 5,000 (0.04%)",
                                      "p = 0.25, may be chance",
                                      "100 ms",
                                      "only before, not compared: 10.0.0.1:81 (10 connections)"};
  for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
    if (strstr(text->str, parts[i]) == NULL)
      fail_msg("%s is not in\n%s", parts[i], text->str);
  }
}

/* Of many services those without a change are told in a line. */
static void test_many_services_are_folded(void **state)
{
  (void)state;
  Group before[20], after[20];
  for (unsigned i = 0; i < 20; i++) {
    before[i] = (Group){"10.0.0.1", 1000 + i, 20, 1, 1};
    after[i] = (Group){"10.0.0.1", 1000 + i, 20, i == 7 ? 20 : 1, 1};
  }
  g_autoptr(LaComparison) c = compare_groups(before, 20, after, 20);
  LaComparisonText how = {.before = "a", .after = "b", .style = {.width = 80}};
  g_autoptr(GString) text = g_string_new(NULL);
  la_comparison_text(c, &how, text);
  assert_non_null(strstr(text->str, "10.0.0.1:1007"));
  assert_null(strstr(text->str, "10.0.0.1:1008"));
  assert_non_null(strstr(text->str, "19 services without a change"));
  assert_non_null(strstr(text->str, "all services\n"));
  assert_int_equal(c->all[0].times[0].count, 400);
  assert_int_equal(c->all[1].connections, 400);
  how.shown = LA_CHANGES_ALL;
  g_string_truncate(text, 0);
  la_comparison_text(c, &how, text);
  assert_non_null(strstr(text->str, "10.0.0.1:1008"));
  assert_null(strstr(text->str, "without a change"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fisher),      cmocka_unit_test(test_chance_and_regression),
      cmocka_unit_test(test_many_shares), cmocka_unit_test(test_names),
      cmocka_unit_test(test_reports),     cmocka_unit_test(test_many_services_are_folded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
