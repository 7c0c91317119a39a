/* Ticks to nanoseconds: every if_tsresol, against arithmetic done another way. */
#include "capture/tick.h"
#include "unit/capture/captures.h"

static const uint64_t samples[] = {0,
                                   1,
                                   9,
                                   10,
                                   999,
                                   1000,
                                   1024,
                                   123456789,
                                   UINT64_C(1700000000123456),
                                   UINT64_C(9223372036854775),
                                   UINT64_C(9223372036854776),
                                   UINT64_C(9223372036854775807),
                                   UINT64_C(9223372036854775808),
                                   UINT64_MAX};

/* ticks / 10^n seconds as nanoseconds, by long division of decimal digits. */
static LaTime by_power_of_10(uint64_t ticks, unsigned n, bool *ret_held)
{
  GString *digits = g_string_new(NULL);
  g_string_printf(digits, "%" PRIu64, ticks);
  if (n <= 9) {
    for (unsigned i = n; i < 9; i++)
      g_string_append_c(digits, '0');
  } else {
    g_string_truncate(digits, digits->len > n - 9 ? digits->len - (n - 9) : 0);
  }
  guint64 value = 0;
  *ret_held = digits->len != 0 && !g_ascii_string_to_unsigned(digits->str, 10, 0, LA_TIME_OF_PACKET_MAX, &value, NULL);
  g_string_free(digits, TRUE);
  return *ret_held ? LA_TIME_OF_PACKET_MAX : (LaTime)value;
}

static void test_every_power_of_10(void **state)
{
  (void)state;
  for (unsigned n = 0; n < 128; n++) {
    LaTick tick = la_tick_init((uint8_t)n, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
      bool want_held = false;
      LaTime want = by_power_of_10(samples[i], n, &want_held);
      bool held = !want_held;
      assert_int_equal(la_tick_time(&tick, samples[i], &held), want);
      assert_int_equal(held, want_held);
    }
  }
}

/* ticks / 2^n seconds as nanoseconds: whole seconds and the rest apart, the rest bit by bit. */
static LaTime by_power_of_2(uint64_t ticks, unsigned n, bool *ret_held)
{
  uint64_t seconds = n < 64 ? ticks >> n : 0;
  if (seconds > INT64_MAX / LA_SEC) {
    *ret_held = true;
    return LA_TIME_OF_PACKET_MAX;
  }
  /* Bit k of ticks below n is worth 10^9 / 2^(n-k) nanoseconds; added as a fraction of 2^64. */
  uint64_t whole = 0;
  uint64_t fraction = 0;
  for (unsigned k = 0; k < 64 && k < n; k++) {
    if ((ticks >> k & 1) == 0)
      continue;
    unsigned shift = n - k;
    uint64_t add_whole = shift < 64 ? (uint64_t)LA_SEC >> shift : 0;
    uint64_t add_fraction = shift < 64        ? (uint64_t)LA_SEC << (64 - shift)
                            : shift == 64     ? (uint64_t)LA_SEC
                            : shift - 64 < 64 ? (uint64_t)LA_SEC >> (shift - 64)
                                              : 0;
    whole += add_whole + (fraction + add_fraction < fraction);
    fraction += add_fraction;
  }
  uint64_t total = seconds * (uint64_t)LA_SEC + whole;
  *ret_held = total > LA_TIME_OF_PACKET_MAX;
  return *ret_held ? LA_TIME_OF_PACKET_MAX : (LaTime)total;
}

static void test_every_power_of_2(void **state)
{
  (void)state;
  for (unsigned n = 0; n < 128; n++) {
    LaTick tick = la_tick_init((uint8_t)(0x80 | n), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
      bool want_held = false;
      LaTime want = by_power_of_2(samples[i], n, &want_held);
      bool held = !want_held;
      assert_int_equal(la_tick_time(&tick, samples[i], &held), want);
      assert_int_equal(held, want_held);
    }
  }
}

static void test_offsets(void **state)
{
  (void)state;
  static const struct {
    int64_t offset;
    uint64_t ticks; /* microseconds */
    LaTime time;
    bool held;
  } cases[] = {
      {5, 7, 5 * LA_SEC + 7000, false},
      {-5, 7, -5 * LA_SEC + 7000, false},
      {-1700000000, UINT64_C(1700000000000001), 1000, false},
      {INT64_MAX, 0, LA_TIME_OF_PACKET_MAX, true},
      {INT64_MIN, 0, -LA_TIME_OF_PACKET_MAX, true},
      {INT64_MIN, UINT64_MAX, LA_TIME_OF_PACKET_MAX, true},
      {-9223372036, UINT64_C(9223372036854775), INT64_C(854775000), false},
      /* 2^62 - 1 nanoseconds are 4611686018.427387903 s */
      {4611686018, 427387, INT64_C(4611686018427387000), false},
      {4611686018, 427388, LA_TIME_OF_PACKET_MAX, true},
      {-4611686019, 572613, INT64_C(-4611686018427387000), false},
      {-4611686019, 572612, -LA_TIME_OF_PACKET_MAX, true},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    LaTick tick = la_tick_init(6, cases[i].offset);
    bool held = !cases[i].held;
    assert_int_equal(la_tick_time(&tick, cases[i].ticks, &held), cases[i].time);
    assert_int_equal(held, cases[i].held);
  }
}

static void test_the_difference_of_two_times_fits(void **state)
{
  (void)state;
  static const int64_t offsets[] = {INT64_MIN, INT64_MIN + 1, -9223372037, -9223372036, -1, 0, 1, INT64_MAX};
  for (unsigned tsresol = 0; tsresol < 256; tsresol++) {
    for (size_t i = 0; i < G_N_ELEMENTS(offsets); i++) {
      LaTick tick = la_tick_init((uint8_t)tsresol, offsets[i]);
      for (size_t k = 0; k < G_N_ELEMENTS(samples); k++) {
        bool held = false;
        assert_in_range(la_tick_time(&tick, samples[k], &held) + LA_TIME_OF_PACKET_MAX, 0, INT64_MAX);
      }
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_power_of_10),
      cmocka_unit_test(test_every_power_of_2),
      cmocka_unit_test(test_offsets),
      cmocka_unit_test(test_the_difference_of_two_times_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
