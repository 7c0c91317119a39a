/* The wheel of deadlines: nothing comes up before its second is wholly past, and nothing is forgotten, however far away, in the past,
 * moved or taken out. */
#include <glib.h>

#include "track/wheel.h"
#include "unit/track/support.h"

typedef struct {
  LaPool pool;
  LaWheel wheel;
  GArray *due;
} Fixture;

static void fixture_init(Fixture *f)
{
  la_pool_init(&f->pool);
  la_wheel_init(&f->wheel);
  f->due = g_array_new(FALSE, FALSE, sizeof(uint32_t));
}

static void fixture_clear(Fixture *f)
{
  la_wheel_clear(&f->wheel);
  la_pool_clear(&f->pool);
  g_array_free(f->due, TRUE);
}

static LaConnection *with_deadline(Fixture *f, LaTime deadline)
{
  LaConnection *conn = la_pool_take(&f->pool);
  conn->deadline = deadline;
  la_wheel_set(&f->wheel, conn);
  return conn;
}

/* How many come up at `now`; their handles are in due. */
static unsigned advance(Fixture *f, LaTime now)
{
  g_array_set_size(f->due, 0);
  la_wheel_advance(&f->wheel, &f->pool, now, f->due);
  return f->due->len;
}

static uint32_t due_handle(const Fixture *f, unsigned i)
{
  return g_array_index(f->due, uint32_t, i);
}

static void a_deadline_comes_up_when_its_second_is_wholly_past(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, BEGINNING);
  LaConnection *conn = with_deadline(&f, BEGINNING + 5 * LA_SEC + 100);
  assert_true(la_wheel_has(&f.wheel, conn));
  assert_int_equal(advance(&f, BEGINNING + 5 * LA_SEC), 0);
  assert_int_equal(advance(&f, BEGINNING + 5 * LA_SEC + 200), 0);
  assert_int_equal(advance(&f, BEGINNING + 6 * LA_SEC - 1), 0);
  assert_int_equal(advance(&f, BEGINNING + 6 * LA_SEC), 1);
  assert_int_equal(due_handle(&f, 0), conn->handle);
  assert_false(la_wheel_has(&f.wheel, conn));
  assert_int_equal(f.wheel.count, 0);
  assert_int_equal(advance(&f, BEGINNING + 2000 * LA_SEC), 0);
  fixture_clear(&f);
}

static void one_in_the_past_comes_up_with_the_next_second(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, BEGINNING);
  with_deadline(&f, BEGINNING - 3000 * LA_SEC);
  assert_int_equal(advance(&f, BEGINNING + LA_SEC - 1), 0);
  assert_int_equal(advance(&f, BEGINNING + LA_SEC), 1);
  fixture_clear(&f);
}

static void one_far_away_goes_round_as_often_as_it_takes(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, BEGINNING);
  LaTime far = (3 * (LaTime)LA_WHEEL_SLOTS + 7) * LA_SEC;
  LaConnection *conn = with_deadline(&f, BEGINNING + far);
  for (LaTime at = 0; at <= far; at += 10 * LA_SEC)
    assert_int_equal(advance(&f, BEGINNING + at), 0);
  assert_true(la_wheel_has(&f.wheel, conn));
  assert_int_equal(advance(&f, BEGINNING + far + LA_SEC), 1);
  fixture_clear(&f);
}

static void a_leap_of_time_brings_everything_at_once(void **state)
{
  (void)state;
  for (unsigned i = 0; i < 2; i++) {
    Fixture f;
    fixture_init(&f);
    advance(&f, BEGINNING);
    for (unsigned k = 0; k < 3000; k++)
      with_deadline(&f, BEGINNING + (LaTime)k * LA_SEC);
    LaConnection *later = with_deadline(&f, BEGINNING + 100000 * LA_SEC);
    LaTime leap = (i == 0 ? 50000 : (LaTime)LA_WHEEL_SLOTS) * LA_SEC; /* many turns; just one */
    assert_int_equal(advance(&f, BEGINNING + leap), i == 0 ? 3000 : LA_WHEEL_SLOTS);
    assert_true(la_wheel_has(&f.wheel, later));
    assert_int_equal(advance(&f, BEGINNING + 100000 * LA_SEC), i == 0 ? 0 : 3000 - LA_WHEEL_SLOTS);
    assert_int_equal(advance(&f, BEGINNING + 100001 * LA_SEC), 1);
    fixture_clear(&f);
  }
}

static void without_a_deadline_nothing_comes_up(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, BEGINNING);
  LaConnection *never = with_deadline(&f, LA_TIME_MAX);
  assert_false(la_wheel_has(&f.wheel, never));
  LaConnection *conn = with_deadline(&f, BEGINNING + 5 * LA_SEC);
  conn->deadline = LA_TIME_MAX; /* taken away later: it leaves when it is looked at */
  la_wheel_set(&f.wheel, conn);
  assert_int_equal(advance(&f, BEGINNING + 10 * LA_SEC), 0);
  assert_false(la_wheel_has(&f.wheel, conn));
  assert_int_equal(f.wheel.count, 0);
  fixture_clear(&f);
}

static void a_deadline_may_move_both_ways(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, BEGINNING);
  LaConnection *on = with_deadline(&f, BEGINNING + 5 * LA_SEC);
  LaConnection *back = with_deadline(&f, BEGINNING + 500 * LA_SEC);
  on->deadline = BEGINNING + 50 * LA_SEC;
  la_wheel_set(&f.wheel, on);
  back->deadline = BEGINNING + 3 * LA_SEC;
  la_wheel_set(&f.wheel, back);
  assert_int_equal(advance(&f, BEGINNING + 4 * LA_SEC), 1);
  assert_int_equal(due_handle(&f, 0), back->handle);
  assert_int_equal(advance(&f, BEGINNING + 50 * LA_SEC), 0);
  assert_int_equal(advance(&f, BEGINNING + 51 * LA_SEC), 1);
  assert_int_equal(due_handle(&f, 0), on->handle);
  fixture_clear(&f);
}

/* From the front, the middle and the end of a slot. */
static void what_is_taken_out_does_not_come_up(void **state)
{
  (void)state;
  for (unsigned out = 0; out < 3; out++) {
    Fixture f;
    fixture_init(&f);
    advance(&f, BEGINNING);
    LaConnection *conns[3];
    for (unsigned i = 0; i < 3; i++)
      conns[i] = with_deadline(&f, BEGINNING + 5 * LA_SEC);
    la_wheel_remove(&f.wheel, conns[out]);
    la_wheel_remove(&f.wheel, conns[out]); /* once more: nothing */
    assert_false(la_wheel_has(&f.wheel, conns[out]));
    assert_int_equal(f.wheel.count, 2);
    assert_int_equal(advance(&f, BEGINNING + 6 * LA_SEC), 2);
    for (unsigned i = 0; i < 2; i++)
      assert_int_not_equal(due_handle(&f, i), conns[out]->handle);
    fixture_clear(&f);
  }
}

static void time_before_the_epoch_works_too(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, -100 * LA_SEC - 5);
  with_deadline(&f, -90 * LA_SEC - 1); /* within second -91 */
  with_deadline(&f, -90 * LA_SEC);
  with_deadline(&f, LA_SEC / 2);
  assert_int_equal(advance(&f, -90 * LA_SEC - 1), 0);
  assert_int_equal(advance(&f, -90 * LA_SEC), 1);
  assert_int_equal(advance(&f, -89 * LA_SEC - 1), 0);
  assert_int_equal(advance(&f, -89 * LA_SEC), 1);
  assert_int_equal(advance(&f, LA_SEC), 1);
  fixture_clear(&f);
}

/* The ends of the range of time: no overflow. */
static void extreme_times_are_times(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, LA_TIME_NONE + 1);
  with_deadline(&f, LA_TIME_NONE + 2 * LA_SEC);
  LaConnection *last = with_deadline(&f, LA_TIME_MAX - 1);
  assert_int_equal(advance(&f, BEGINNING), 1);
  assert_int_equal(advance(&f, LA_TIME_MAX), 0);
  assert_true(la_wheel_has(&f.wheel, last));
  fixture_clear(&f);
}

static void time_does_not_go_back(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  advance(&f, BEGINNING + 100 * LA_SEC);
  with_deadline(&f, BEGINNING + 105 * LA_SEC);
  assert_int_equal(advance(&f, BEGINNING), 0);
  assert_int_equal(advance(&f, BEGINNING + 105 * LA_SEC), 0);
  assert_int_equal(advance(&f, BEGINNING + 106 * LA_SEC), 1);
  fixture_clear(&f);
}

/* ---- against a plain list ---- */

static int64_t second_of(LaTime time)
{
  return time / LA_SEC;
}

/* Connections come and go, deadlines move, time goes on in steps small and large. */
static void it_gives_what_a_plain_list_gives(void **state)
{
  (void)state;
  enum {
    N = 200
  };
  for (uint64_t seed = 1; seed <= 20; seed++) {
    Fixture f;
    fixture_init(&f);
    Dice dice = dice_of(seed);
    LaConnection *conns[N];
    bool waits[N] = {false};
    for (unsigned i = 0; i < N; i++)
      conns[i] = la_pool_take(&f.pool);
    LaTime now = BEGINNING;
    int64_t done = second_of(now);
    advance(&f, now);
    for (unsigned step = 0; step < 2000; step++) {
      unsigned i = roll(&dice, N);
      switch (roll(&dice, 4)) {
      case 0:
      case 1:
        conns[i]->deadline = chance(&dice, 50)
                                 ? LA_TIME_MAX
                                 : now + (LaTime)roll(&dice, chance(&dice, 200) ? 5000000 : 90000) * LA_MSEC - LA_SEC;
        la_wheel_set(&f.wheel, conns[i]);
        waits[i] = true;
        break;
      case 2:
        if (chance(&dice, 300)) {
          la_wheel_remove(&f.wheel, conns[i]);
          waits[i] = false;
        }
        break;
      default: {
        now += (LaTime)roll(&dice, chance(&dice, 20) ? 3000000 : 3000) * LA_MSEC;
        unsigned expected = 0;
        bool moves = second_of(now) > done;
        for (unsigned k = 0; k < N; k++)
          if (moves && waits[k] && second_of(conns[k]->deadline) < second_of(now)) {
            expected++;
            waits[k] = false;
          }
        done = second_of(now);
        assert_int_equal(advance(&f, now), expected);
        for (unsigned k = 0; k < f.due->len; k++)
          assert_true(la_pool_get(&f.pool, due_handle(&f, k))->deadline < now);
      }
      }
    }
    fixture_clear(&f);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_deadline_comes_up_when_its_second_is_wholly_past),
      cmocka_unit_test(one_in_the_past_comes_up_with_the_next_second),
      cmocka_unit_test(one_far_away_goes_round_as_often_as_it_takes),
      cmocka_unit_test(a_leap_of_time_brings_everything_at_once),
      cmocka_unit_test(without_a_deadline_nothing_comes_up),
      cmocka_unit_test(a_deadline_may_move_both_ways),
      cmocka_unit_test(what_is_taken_out_does_not_come_up),
      cmocka_unit_test(time_before_the_epoch_works_too),
      cmocka_unit_test(extreme_times_are_times),
      cmocka_unit_test(time_does_not_go_back),
      cmocka_unit_test(it_gives_what_a_plain_list_gives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
