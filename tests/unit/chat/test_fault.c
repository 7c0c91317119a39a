/* Faults as they are written, and the dice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "chat/fault.h"

static void every_name_is_read(void **state)
{
  (void)state;
  for (int i = 0; i < LA_CHAT_FAULT_COUNT; i++) {
    const LaChatFaultInfo *info = la_chat_fault_info((LaChatFaultKind)i);
    LaChatFault fault;
    assert_true(la_chat_fault_parse(info->name, &fault, NULL));
    assert_int_equal(fault.kind, i);
    assert_true(fault.param == info->fallback);
    assert_true(fault.probability == 1);
  }
}

static void parameters(void **state)
{
  (void)state;
  LaChatFault fault;
  assert_true(la_chat_fault_parse("late-close:1500ms@0.25", &fault, NULL));
  assert_int_equal(fault.kind, LA_CHAT_FAULT_LATE_CLOSE);
  assert_true(fault.param == 1500 * LA_MSEC);
  assert_true(fault.probability == 0.25);
  assert_true(la_chat_fault_parse("exit:7", &fault, NULL));
  assert_int_equal(fault.param, 7);
  assert_true(la_chat_fault_parse("no-close@0", &fault, NULL));
  assert_true(fault.probability == 0);
}

static void mistakes(void **state)
{
  (void)state;
  const char *bad[] = {"",          "late",         "late-close:",     "late-close:x", "late-close:-1s", "no-close:1s",
                       "no-close@", "no-close@1.1", "no-close@-0.1",   "no-close@x",   "no-close@nan",   "exit:0",
                       "exit:x",    "exit:-1",      "late-close:1s:2s"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    LaChatFault fault = {.kind = LA_CHAT_FAULT_EXIT, .param = 77};
    g_autoptr(GError) error = NULL;
    if (la_chat_fault_parse(bad[i], &fault, &error))
      fail_msg("taken for a fault: %s", bad[i]);
    assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
    assert_int_equal(fault.param, 77);
  }
}

static void the_dice_are_seeded(void **state)
{
  (void)state;
  const LaChatFault faults[] = {{.kind = LA_CHAT_FAULT_NO_CLOSE, .probability = 0.3},
                                {.kind = LA_CHAT_FAULT_LINGER0, .probability = 1},
                                {.kind = LA_CHAT_FAULT_NO_PONG, .probability = 0},
                                {.kind = LA_CHAT_FAULT_NO_ACCEPT, .probability = 1}};
  GRand *one = g_rand_new_with_seed(5), *two = g_rand_new_with_seed(5);
  int hits = 0;
  for (int i = 0; i < 2000; i++) {
    LaChatPlan a = la_chat_plan_roll(faults, 4, LA_CHAT_SCOPE_CONNECTION, one);
    LaChatPlan b = la_chat_plan_roll(faults, 4, LA_CHAT_SCOPE_CONNECTION, two);
    assert_int_equal(a.set, b.set);
    assert_true(la_chat_plan_has(&a, LA_CHAT_FAULT_LINGER0));
    assert_false(la_chat_plan_has(&a, LA_CHAT_FAULT_NO_PONG));
    assert_false(la_chat_plan_has(&a, LA_CHAT_FAULT_NO_ACCEPT));
    hits += la_chat_plan_has(&a, LA_CHAT_FAULT_NO_CLOSE);
  }
  assert_in_range(hits, 500, 700);
  LaChatPlan server = la_chat_plan_roll(faults, 4, LA_CHAT_SCOPE_SERVER, one);
  assert_true(la_chat_plan_has(&server, LA_CHAT_FAULT_NO_ACCEPT));
  assert_false(la_chat_plan_has(&server, LA_CHAT_FAULT_LINGER0));
  g_rand_free(one);
  g_rand_free(two);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_name_is_read),
      cmocka_unit_test(parameters),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(the_dice_are_seeded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
