/* The tables of experiments: each entry can be run as it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib.h>

#include "lab/actor.h"
#include "lab/experiment.h"
#include "lab/mix.h"

typedef void Check(const LaLabExperiment *experiment);

static size_t for_each(Check *check)
{
  size_t all = 0;
  for (size_t g = 0; g < la_lab_groups(); g++) {
    const char *name;
    size_t count;
    const LaLabExperiment *group = la_lab_group(g, &name, &count);
    for (size_t i = 0; i < count; i++)
      check(&group[i]);
    all += count;
  }
  return all;
}

static void check_names(const LaLabExperiment *experiment)
{
  assert_ptr_equal(la_lab_experiment_find(experiment->name), experiment); /* unique */
  assert_true(strspn(experiment->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(experiment->name));
  assert_true(strlen(experiment->name) <= 28);
  assert_true(strlen(experiment->summary) > 10 && strlen(experiment->summary) <= 100);
  assert_string_not_equal(la_lab_group_of(experiment), "random");
}

static void names_are_unique(void **state)
{
  (void)state;
  for_each(check_names);
  assert_null(la_lab_experiment_find("nothing"));
  assert_string_equal(la_lab_experiment_nearest("close-by-cleint"), "close-by-client");
}

static void check_steps(const LaLabActor *actor)
{
  bool listens = false;
  for (int i = 0; i < LA_LAB_STEPS; i++) {
    const LaLabStep *step = &actor->steps[i];
    assert_true(step->op < LA_LAB_STEP_N);
    assert_true(step->sock < LA_LAB_SOCKETS);
    listens = listens || step->op == LA_LAB_LISTEN;
    if (step->op == LA_LAB_SERVE || step->op == LA_LAB_ACCEPT)
      assert_true(listens);
    if (step->op >= LA_LAB_CONNECT && step->op <= LA_LAB_CONNECT_SEND)
      assert_true(step->port != 0);
    assert_non_null(la_lab_op_name((LaLabOp)step->op));
  }
}

static void check_parts(const LaLabExperiment *experiment)
{
  bool clients = false, expects = false;
  for (int i = 0; i < LA_LAB_ACTORS; i++) {
    check_steps(&experiment->actors[i]);
    clients = clients || (experiment->actors[i].end == LA_LAB_CLIENT && experiment->actors[i].steps[0].op != 0);
  }
  for (int i = 0; i < LA_LAB_RULES; i++) {
    const LaLabRule *rule = &experiment->rules[i];
    assert_true((rule->match == 0) == (rule->act == LA_LAB_PASS && rule->count == 0 && rule->mark == 0));
  }
  for (int i = 0; i < LA_LAB_EXPECTED; i++)
    expects = expects || experiment->expected[i].finding != NULL;
  assert_true(expects);
  assert_true(clients || experiment->run_ms != 0);
}

static void each_can_be_run(void **state)
{
  (void)state;
  assert_true(for_each(check_parts) > 0);
}

/* The seed decides what is drawn, and another seed draws something else. */
static void a_mix_is_drawn_by_its_seed(void **state)
{
  (void)state;
  LaLabExperiment *a = la_lab_mix_new(100, 7), *b = la_lab_mix_new(100, 7), *c = la_lab_mix_new(100, 8);
  size_t size = 100 * sizeof(LaLabScript);
  assert_memory_equal(a->actors[0].scripts, b->actors[0].scripts, size);
  assert_memory_equal(a->actors[1].scripts, b->actors[1].scripts, size);
  assert_int_equal(a->more_rules_n, b->more_rules_n);
  assert_memory_equal(a->more_rules, b->more_rules, a->more_rules_n * sizeof *a->more_rules);
  assert_memory_not_equal(a->actors[1].scripts, c->actors[1].scripts, size);
  assert_true(a->more_rules_n > 20 && a->more_rules_n < 100);
  assert_string_equal(la_lab_group_of(a), "random");
  LaLabActor client = {.end = LA_LAB_CLIENT};
  for (unsigned i = 0; i < 100; i++) {
    memcpy(client.steps, a->actors[1].scripts[i].steps, sizeof client.steps);
    check_steps(&client);
  }
  la_lab_mix_free(a);
  la_lab_mix_free(b);
  la_lab_mix_free(c);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_unique),
      cmocka_unit_test(each_can_be_run),
      cmocka_unit_test(a_mix_is_drawn_by_its_seed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
