/* A clock that does not jump although the time of day does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "live/steady.h"

#define HOUR (3600 * LA_SEC)
#define DAY (INT64_C(1790000000) * LA_SEC) /* the time of day at boot */

static void test_nothing_is_changed_without_a_step(void **state)
{
  (void)state;
  LaSteady steady = {0};
  for (LaTime t = 0; t < 100 * LA_SEC; t += LA_SEC)
    assert_int_equal(la_steady_look(&steady, DAY + t + t / 100, t), 0); /* adjusted by one in a hundred */
  assert_int_equal(la_steady_time(&steady, DAY - HOUR), DAY - HOUR);
  assert_int_equal(la_steady_time(&steady, LA_TIME_NONE), LA_TIME_NONE);
}

static void test_a_step_is_taken_out(LaTime step)
{
  LaSteady steady = {0};
  assert_int_equal(la_steady_look(&steady, DAY, 0), 0);
  assert_int_equal(la_steady_look(&steady, DAY + LA_SEC, LA_SEC), 0);
  assert_int_equal(la_steady_look(&steady, DAY + step + 2 * LA_SEC, 2 * LA_SEC), step);
  /* stamped just before, and just after */
  assert_int_equal(la_steady_time(&steady, DAY + 1900 * LA_MSEC), DAY + 1900 * LA_MSEC);
  assert_int_equal(la_steady_time(&steady, DAY + step + 1990 * LA_MSEC), DAY + 1990 * LA_MSEC);
  assert_int_equal(la_steady_time(&steady, LA_TIME_NONE), LA_TIME_NONE);
  assert_int_equal(la_steady_look(&steady, DAY + step + 3 * LA_SEC, 3 * LA_SEC), 0);
  assert_int_equal(la_steady_time(&steady, DAY + step + 3 * LA_SEC), DAY + 3 * LA_SEC);
  /* and back again */
  assert_int_equal(la_steady_look(&steady, DAY + 4 * LA_SEC, 4 * LA_SEC), -step);
  assert_int_equal(la_steady_time(&steady, DAY + step + 3900 * LA_MSEC), DAY + 3900 * LA_MSEC);
  assert_int_equal(la_steady_time(&steady, DAY + 4 * LA_SEC), DAY + 4 * LA_SEC);
  /* long after it nothing is left of the time before */
  assert_int_equal(la_steady_look(&steady, DAY + 60 * LA_SEC, 60 * LA_SEC), 0);
  assert_int_equal(la_steady_time(&steady, DAY + step + 60 * LA_SEC), DAY + step + 60 * LA_SEC);
}

static void test_forward(void **state)
{
  (void)state;
  test_a_step_is_taken_out(HOUR);
  test_a_step_is_taken_out(5 * LA_SEC);
}

static void test_back(void **state)
{
  (void)state;
  test_a_step_is_taken_out(-HOUR);
  test_a_step_is_taken_out(-5 * LA_SEC);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_is_changed_without_a_step),
      cmocka_unit_test(test_forward),
      cmocka_unit_test(test_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
