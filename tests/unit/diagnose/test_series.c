/* Histograms, series and flows: whatever the order and however they are divided, the whole is the same; and the errors are what the
 * headers say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/histogram.h"
#include "diagnose/per_second.h"
#include "diagnose/samples.h"
#include "diagnose/scan.h"

static uint64_t next_random(uint64_t *state)
{
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state >> 20;
}

static void histogram_error_is_below_one_percent(void **state)
{
  (void)state;
  for (uint64_t value = 1; value < UINT64_C(1) << 49; value += value / 97 + 1) {
    LaTime told = la_histogram_value(la_histogram_bucket((LaTime)value));
    double error = (double)told / (double)value - 1.0;
    assert_true(error <= 0.01 && error >= -0.01);
  }
  assert_int_equal(la_histogram_bucket(-5), 0);
  assert_int_equal(la_histogram_bucket(INT64_MAX), LA_HISTOGRAM_BUCKETS - 1);
  for (unsigned i = 0; i < LA_HISTOGRAM_BUCKETS; i++)
    assert_int_equal(la_histogram_bucket(la_histogram_value(i)), i);
}

static int compare_times(const void *a, const void *b)
{
  LaTime x = *(const LaTime *)a;
  LaTime y = *(const LaTime *)b;
  return x < y ? -1 : x > y;
}

static void quantiles_are_those_of_the_sorted_values(void **state)
{
  (void)state;
  enum {
    N = 5000
  };
  LaTime values[N];
  uint64_t random = 7;
  LaHistogram all = {0}, parts[2] = {{0}, {0}};
  for (unsigned i = 0; i < N; i++) {
    values[i] = (LaTime)(next_random(&random) % UINT64_C(3000000000));
    la_histogram_add(&all, values[i]);
    la_histogram_add(&parts[next_random(&random) % 2], values[i]);
  }
  qsort(values, N, sizeof *values, compare_times);
  la_histogram_merge(&parts[0], &parts[1]);
  assert_memory_equal(&parts[0], &all, sizeof all);
  const unsigned per_mille[] = {500, 900, 990};
  for (unsigned i = 0; i < G_N_ELEMENTS(per_mille); i++) {
    LaTime exact = values[N * per_mille[i] / 1000 - 1];
    double error = (double)la_histogram_quantile(&all, per_mille[i]) / (double)exact - 1.0;
    assert_true(error <= 0.01 && error >= -0.01);
  }
  LaHistogram none = {0};
  assert_true(la_histogram_quantile(&none, 500) == LA_TIME_NONE);
}

static void ticks_are_times(void **state)
{
  (void)state;
  LaTime time = INT64_C(1795229528) * LA_SEC + 500 * LA_MSEC;
  assert_true(la_tick_time(la_tick(time)) == time);
  assert_int_equal(la_tick(-1), 0);
  assert_true(la_tick(LA_TIME_MAX) == LA_TICK_MAX);
  assert_true(la_tick(time + 2 * LA_MSEC) > la_tick(time));
  assert_true(la_tick_span(1024) == LA_SEC);
}

static void assert_same_series(const LaSeries *a, const LaSeries *b)
{
  assert_int_equal(a->level, b->level);
  assert_int_equal(a->len, b->len);
  assert_memory_equal(la_series_cells(a), la_series_cells(b), a->len * sizeof(LaCell));
}

/* Settled, coarsened and merged at any time in between, a series is what it would be if all had come at once. */
static void series_merge_exactly(void **state)
{
  (void)state;
  for (unsigned round = 0; round < 30; round++) {
    uint64_t random = round + 1;
    LaSeries whole = {0}, parts[3] = {{0}, {0}, {0}};
    unsigned events = 1 + round * round * 7;
    for (unsigned i = 0; i < events; i++) {
      unsigned kind = (unsigned)(next_random(&random) % 5);
      uint64_t tick = 1000000 + next_random(&random) % (events * 3);
      LaCell cell = la_cell(kind == 4 ? LA_CELL_LIFE : kind, tick, 1);
      LaCell frame = la_cell(LA_CELL_FRAME, 1 + next_random(&random) % 500, 1);
      LaSeries *part = &parts[next_random(&random) % 3];
      la_series_append(&whole, &cell, 1);
      la_series_append(&whole, &frame, 1);
      la_series_append(part, &cell, 1);
      la_series_append(part, &frame, 1);
      if (next_random(&random) % 50 == 0)
        la_series_settle(part);
      if (next_random(&random) % 200 == 0)
        la_series_coarsen(part, MIN(part->level + 1u, 4));
    }
    la_series_coarsen(&whole, 4);
    la_series_coarsen(&parts[0], 4);
    la_series_merge(&parts[0], &parts[1]);
    la_series_merge(&parts[0], &parts[2]);
    assert_same_series(&parts[0], &whole);
    for (uint32_t i = 1; i < whole.len; i++)
      assert_true(la_series_cells(&whole)[i - 1] < la_series_cells(&whole)[i]);
    assert_int_equal(la_series_total(&whole, 0xf) + la_series_total(&whole, 1u << LA_CELL_LIFE), events);
    la_series_clear(&whole);
    for (unsigned i = 0; i < 3; i++)
      la_series_clear(&parts[i]);
  }
}

static void counts_too_large_for_a_cell_are_kept(void **state)
{
  (void)state;
  LaSeries series = {0};
  LaCell full = la_cell(2, 77, LA_CELL_COUNT_MAX);
  for (unsigned i = 0; i < 9; i++)
    la_series_append(&series, &full, 1);
  LaCell one = la_cell(2, 77, 1);
  la_series_append(&series, &one, 1);
  la_series_settle(&series);
  assert_int_equal(la_series_total(&series, 1u << 2), 9 * (uint64_t)LA_CELL_COUNT_MAX + 1);
  assert_int_equal(series.len, 10);
  la_series_clear(&series);
}

static void only_the_smallest_frames_are_kept(void **state)
{
  (void)state;
  LaSeries series = {0};
  for (unsigned i = 200; i > 0; i--) {
    LaCell frame = la_cell(LA_CELL_FRAME, i, 1);
    la_series_append(&series, &frame, 1);
    la_series_append(&series, &frame, 1);
  }
  la_series_settle(&series);
  assert_int_equal(series.len, LA_SERIES_FRAMES);
  for (unsigned i = 0; i < LA_SERIES_FRAMES; i++)
    assert_int_equal(la_cell_tick(la_series_cells(&series)[i]), i + 1);
  la_series_clear(&series);
}

enum {
  UP,
  DOWN,
  LASTING
};

static void add(LaSeries *series, unsigned kind, uint64_t tick)
{
  LaCell cell = la_cell(kind, tick, 1);
  la_series_append(series, &cell, 1);
}

static void levels_and_rates_are_read(void **state)
{
  (void)state;
  LaSeries series = {0};
  add(&series, UP, 1024);
  add(&series, UP, 1500);
  add(&series, DOWN, 2047);
  add(&series, UP, 2048);
  add(&series, DOWN, 2048); /* what ends with a beginning makes no peak */
  add(&series, UP, 4000);
  la_series_settle(&series);
  LaScan scan;
  la_scan_begin(&scan, &series, 1u << UP, 1u << DOWN);
  LaPeak peak = la_scan_peak(scan, UINT64_MAX);
  assert_int_equal(peak.peak, 2);
  assert_int_equal(peak.tick, 1500);
  assert_int_equal(peak.last, 2);
  assert_int_equal(la_scan_peak(scan, 3999).last, 1);
  assert_int_equal(la_scan_busiest(&series, 1u << UP, 0, UINT64_MAX), 2);
  assert_int_equal(la_scan_sum(&series, 1u << UP, 1500, 2048), 2);
  uint64_t first, last;
  assert_true(la_scan_range(&series, 1u << UP, 1025, UINT64_MAX, &first, &last));
  assert_int_equal(first, 1500);
  assert_int_equal(last, 4000);
  assert_false(la_scan_range(&series, 1u << LASTING, 0, UINT64_MAX, &first, &last));
  la_series_clear(&series);
}

static void what_lasts_a_fixed_time_ends_by_itself(void **state)
{
  (void)state;
  LaSeries series = {0};
  for (unsigned i = 0; i < 10; i++)
    add(&series, LASTING, 1000 + 100 * i);
  la_series_settle(&series);
  LaScan scan;
  la_scan_begin(&scan, &series, 1u << LASTING, 0);
  scan.lasting = 1u << LASTING;
  scan.delay = 350;
  LaPeak peak = la_scan_peak(scan, UINT64_MAX - 1);
  assert_int_equal(peak.peak, 4);
  assert_int_equal(peak.tick, 1300);
  assert_int_equal(peak.last, 0);
  la_series_clear(&series);
}

static void flows_merge_exactly_over_any_span(void **state)
{
  (void)state;
  const uint64_t spans[] = {1000, 100000, 20000000, UINT64_C(1) << 40};
  for (unsigned s = 0; s < G_N_ELEMENTS(spans); s++) {
    uint64_t random = s + 3;
    LaPerSecond whole = {0}, parts[2] = {{0}, {0}};
    for (unsigned i = 0; i < 4000; i++) {
      uint64_t tick = 5000 + next_random(&random) % spans[s];
      LaFlow flow = (LaFlow)(next_random(&random) % LA_FLOW_N);
      la_per_second_add(&whole, flow, tick, 1);
      la_per_second_add(&parts[next_random(&random) % 2], flow, tick, 1);
    }
    la_per_second_merge(&parts[0], &parts[1]);
    assert_int_equal(parts[0].level, whole.level);
    assert_int_equal(parts[0].first, whole.first);
    assert_int_equal(parts[0].last, whole.last);
    assert_true(whole.last - whole.first < LA_PER_SECOND_BUCKETS);
    for (uint64_t i = whole.first; i <= whole.last; i++)
      assert_memory_equal(parts[0].buckets[i - parts[0].offset], whole.buckets[i - whole.offset], sizeof *whole.buckets);
    la_per_second_clear(&whole);
    la_per_second_clear(&parts[0]);
    la_per_second_clear(&parts[1]);
  }
}

static void flows_are_read(void **state)
{
  (void)state;
  LaPerSecond flows = {0};
  LaTime when;
  assert_int_equal(la_per_second_peak(&flows, LA_FLOW_LIVE, LA_TIME_NONE, &when), 0);
  assert_true(when == LA_TIME_NONE);
  for (unsigned i = 0; i < 30; i++)
    la_per_second_add(&flows, LA_FLOW_OPENED, la_tick(100 * LA_SEC) + 20 * i, 1);
  la_per_second_add(&flows, LA_FLOW_OPENED, la_tick(101 * LA_SEC) + 1, 1);
  for (unsigned i = 0; i < 10; i++)
    la_per_second_add(&flows, LA_FLOW_CLOSED, la_tick(100 * LA_SEC) + 300 + i, 1);
  assert_int_equal(la_per_second_busiest(&flows, LA_FLOW_OPENED, &when), 30);
  assert_true(when == 100 * LA_SEC);
  assert_int_equal(la_per_second_peak(&flows, LA_FLOW_LIVE, LA_TIME_NONE, &when), 21);
  assert_int_equal(la_per_second_peak(&flows, LA_FLOW_LIVE, 100 * LA_SEC + 250 * LA_MSEC, &when), 13);
  la_per_second_clear(&flows);
}

static void samples_do_not_depend_on_the_order(void **state)
{
  (void)state;
  uint64_t random = 11;
  LaSamples whole = {0}, parts[2] = {{0}, {0}};
  for (unsigned i = 0; i < 3000; i++) {
    uint64_t frame = 1 + next_random(&random) % 5000;
    la_samples_add(&whole, 1, frame, frame * 10, LA_SAMPLES_MAX);
    la_samples_add(&parts[next_random(&random) % 2], 1, frame, frame * 10, LA_SAMPLES_MAX);
  }
  la_samples_merge(&parts[1], &parts[0], LA_SAMPLES_MAX);
  assert_int_equal(parts[1].first_len, whole.first_len);
  assert_int_equal(parts[1].spread_len, whole.spread_len);
  assert_memory_equal(parts[1].first, whole.first, whole.first_len * sizeof(LaSample));
  assert_memory_equal(parts[1].spread, whole.spread, whole.spread_len * sizeof(LaSample));
  /* Frames of a time are shown, not the first of all. */
  LaFinding finding = {.packet_count = 0};
  la_samples_show(&whole, 25000, 50000, &finding);
  assert_true(finding.packet_count > 0 && finding.packets[0] >= 2500);
  la_samples_trim(&whole, 2);
  assert_int_equal(whole.first_len, 2);
  la_samples_clear(&whole);
  la_samples_clear(&parts[0]);
  la_samples_clear(&parts[1]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(histogram_error_is_below_one_percent),
      cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
      cmocka_unit_test(ticks_are_times),
      cmocka_unit_test(series_merge_exactly),
      cmocka_unit_test(counts_too_large_for_a_cell_are_kept),
      cmocka_unit_test(only_the_smallest_frames_are_kept),
      cmocka_unit_test(levels_and_rates_are_read),
      cmocka_unit_test(what_lasts_a_fixed_time_ends_by_itself),
      cmocka_unit_test(flows_merge_exactly_over_any_span),
      cmocka_unit_test(flows_are_read),
      cmocka_unit_test(samples_do_not_depend_on_the_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
