#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/nearest.h"

static void test_distance(void **state)
{
  (void)state;
  assert_int_equal(la_nearest_distance("", ""), 0);
  assert_int_equal(la_nearest_distance("", "abc"), 3);
  assert_int_equal(la_nearest_distance("abc", "abc"), 0);
  assert_int_equal(la_nearest_distance("abc", "abd"), 1);
  assert_int_equal(la_nearest_distance("abc", "ab"), 1);
  assert_int_equal(la_nearest_distance("abc", "acb"), 1); /* swapped */
  assert_int_equal(la_nearest_distance("kitten", "sitting"), 3);
  assert_int_equal(la_nearest_distance("TIME_WAIT", "time-wait"), 0);
}

static void test_distance_of_long_words(void **state)
{
  (void)state;
  char a[200];
  char b[200];
  memset(a, 'a', sizeof a - 1);
  memset(b, 'b', sizeof b - 1);
  a[199] = b[199] = '\0';
  assert_int_equal(la_nearest_distance(a, b), 63);
}

static void test_nearest(void **state)
{
  (void)state;
  static const char *const names[] = {"threshold", "time-wait", "to", "from"};
  assert_string_equal(la_nearest("treshold", names, 4), "threshold");
  assert_string_equal(la_nearest("time_wiat", names, 4), "time-wait");
  assert_string_equal(la_nearest("form", names, 4), "from");
  assert_null(la_nearest("xyzzy", names, 4));
  assert_null(la_nearest("", names, 4));
  assert_null(la_nearest("to", names, 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_distance),
      cmocka_unit_test(test_distance_of_long_words),
      cmocka_unit_test(test_nearest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
