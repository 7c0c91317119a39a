#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "report/history.h"

static const LaStyle ascii = {.charset = LA_CHARSET_ASCII};

static uint64_t in_bins(const LaHistory *history)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < LA_HISTORY_BINS; i++)
    sum += history->bins[i];
  return sum;
}

static void assert_bar(const LaHistory *history, LaTime start, LaTime end, const char *expected)
{
  g_autoptr(GString) out = g_string_new(NULL);
  la_history_bar(history, out, start, end, &ascii);
  assert_string_equal(out->str, expected);
}

static void test_one_event(void **state)
{
  (void)state;
  LaHistory history = {0};
  LaTime start = INT64_C(1795262400) * LA_SEC;
  la_history_add(&history, start + 52 * LA_SEC);
  assert_bar(&history, start, start + 100 * LA_SEC, "__________#_________");
}

static void test_heights(void **state)
{
  (void)state;
  LaHistory history = {0};
  LaTime start = 1000 * LA_SEC;
  for (unsigned i = 0; i < 8; i++)
    la_history_add(&history, start + LA_SEC);
  la_history_add(&history, start + 99 * LA_SEC);
  for (unsigned i = 0; i < 4; i++)
    la_history_add(&history, start + 52 * LA_SEC);
  assert_bar(&history, start, start + 100 * LA_SEC, "#_________=________:");
}

static void test_order_does_not_matter(void **state)
{
  (void)state;
  LaHistory up = {0};
  LaHistory down = {0};
  LaTime start = 5 * LA_SEC;
  for (int i = 0; i < 1000; i++) {
    la_history_add(&up, start + i * LA_SEC);
    la_history_add(&down, start + (999 - i) * LA_SEC);
  }
  assert_int_equal(up.total, 1000);
  assert_int_equal(in_bins(&up), 1000);
  assert_int_equal(in_bins(&down), 1000);
  g_autoptr(GString) one = g_string_new(NULL);
  g_autoptr(GString) other = g_string_new(NULL);
  la_history_bar(&up, one, start, start + 1000 * LA_SEC, &ascii);
  la_history_bar(&down, other, start, start + 1000 * LA_SEC, &ascii);
  assert_string_equal(one->str, other->str);
  for (const char *at = one->str; *at != '\0'; at++)
    assert_non_null(strchr("+*#", *at)); /* evenly spread */
}

static void test_extremes(void **state)
{
  (void)state;
  LaHistory history = {0};
  la_history_add(&history, LA_TIME_NONE);
  assert_int_equal(history.total, 0);
  la_history_add(&history, 0);
  la_history_add(&history, LA_TIME_MAX);
  la_history_add(&history, LA_TIME_NONE + 1);
  assert_int_equal(in_bins(&history), 3);
  assert_bar(&history, 5, 5, "");
  assert_bar(&history, LA_TIME_NONE, 5, "");
  LaHistory none = {0};
  assert_bar(&none, 0, 5, "");
}

static void test_events_outside_the_span_are_at_its_ends(void **state)
{
  (void)state;
  LaHistory history = {0};
  la_history_add(&history, 10 * LA_SEC);
  la_history_add(&history, 90 * LA_SEC);
  assert_bar(&history, 40 * LA_SEC, 60 * LA_SEC, "#__________________#");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_event),
      cmocka_unit_test(test_heights),
      cmocka_unit_test(test_order_does_not_matter),
      cmocka_unit_test(test_extremes),
      cmocka_unit_test(test_events_outside_the_span_are_at_its_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
