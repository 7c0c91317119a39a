/* Facts about services: an index that is bounded and stays, buckets of spans with a bounded error. */
#include <time.h>

#include <glib.h>

#include "track/service.h"
#include "unit/track/support.h"

static LaAddr server(unsigned n)
{
  return ipv4(10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n);
}

static void a_service_has_one_index(void **state)
{
  (void)state;
  LaServices *s = la_services_new();
  LaAddr a = server(1);
  LaAddr b = server(2);
  uint32_t first = la_services_index(s, &a, LA_FAMILY_IPV4, 80);
  assert_int_equal(la_services_index(s, &a, LA_FAMILY_IPV4, 80), first);
  assert_int_not_equal(la_services_index(s, &a, LA_FAMILY_IPV4, 81), first);
  assert_int_not_equal(la_services_index(s, &a, LA_FAMILY_IPV6, 80), first);
  assert_int_not_equal(la_services_index(s, &b, LA_FAMILY_IPV4, 80), first);
  assert_int_not_equal(la_services_index(s, &a, LA_FAMILY_IPV4, 0), first);
  assert_int_equal(la_services_count(s), 5);
  assert_int_equal(la_services_overflow(s), 0);
  const LaService *service = la_services_get(s, first);
  assert_true(la_addr_equal(&service->addr, &a));
  assert_int_equal(service->port, 80);
  assert_int_equal(service->family, LA_FAMILY_IPV4);
  la_services_free(s);
  la_services_free(NULL);
}

static void a_new_service_knows_nothing(void **state)
{
  (void)state;
  LaServices *s = la_services_new();
  LaAddr a = server(1);
  const LaService *service = la_services_get(s, la_services_index(s, &a, LA_FAMILY_IPV4, 80));
  assert_int_equal(service->attempts | service->established | service->live | service->midstream | service->refused, 0);
  assert_int_equal(service->ttl_max, 0);
  assert_true(service->first_seen == LA_TIME_NONE && service->last_spoke == LA_TIME_NONE);
  assert_true(service->first_established == LA_TIME_NONE);
  assert_true(service->first_refused == LA_TIME_NONE);
  la_services_free(s);
}

static void there_are_no_more_than_fit_and_the_rest_is_counted(void **state)
{
  (void)state;
  LaServices *s = la_services_new();
  for (unsigned i = 0; i < LA_SERVICES_MAX; i++) {
    LaAddr a = server(i);
    assert_int_equal(la_services_index(s, &a, LA_FAMILY_IPV4, 443), i);
  }
  assert_int_equal(la_services_overflow(s), 0);
  LaAddr more = server(LA_SERVICES_MAX);
  for (unsigned i = 1; i <= 3; i++) {
    assert_int_equal(la_services_index(s, &more, LA_FAMILY_IPV4, 443), LA_SERVICE_NONE);
    assert_int_equal(la_services_overflow(s), i);
  }
  assert_null(la_services_get(s, LA_SERVICE_NONE));
  assert_null(la_services_get(s, LA_SERVICES_MAX));
  assert_int_equal(la_services_count(s), LA_SERVICES_MAX);
  for (unsigned i = 0; i < LA_SERVICES_MAX; i++) {
    LaAddr a = server(i);
    assert_int_equal(la_services_index(s, &a, LA_FAMILY_IPV4, 443), i);
    assert_true(la_addr_equal(&la_services_get(s, i)->addr, &a));
  }
  la_services_free(s);
}

/* More services than are kept: the connections are followed all the same. */
static void the_tracker_goes_on_without_services(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  unsigned unknown = 0;
  unsigned total = 0;
  for (unsigned i = 0; i < LA_SERVICES_MAX / 2 + 100; i++) {
    t.addr[LA_ACCEPTOR] = server(i);
    play(&t, "0 C S 0; 0.1 S RA 0 1;");
    if (i % 1000 == 0)
      t.time += 70 * LA_SEC;
  }
  la_tracker_finish(t.tracker, t.time + 100 * LA_SEC);
  for (LaConnection *conn; (conn = la_tracker_next(t.tracker)) != NULL; total++) {
    assert_words(conn, "refused", "none");
    unknown += conn->service == LA_SERVICE_NONE && conn->host == LA_SERVICE_NONE;
    la_tracker_recycle(t.tracker, conn);
  }
  assert_int_equal(total, LA_SERVICES_MAX / 2 + 100);
  assert_int_equal(unknown, 100);
  assert_int_equal(la_services_overflow(la_tracker_services(t.tracker)), 200);
  talk_end(&t);
}

/* ---- spans ---- */

/* Quarter octaves: the middle of a bucket is at most an eighth of its lower end away from anything in it. */
static void a_median_is_near_the_span(void **state)
{
  (void)state;
  for (LaTime us = 0; us < 500000000; us += 1 + us / 37) {
    uint16_t buckets[LA_SPAN_BUCKETS] = {0};
    la_span_book(buckets, us * LA_USEC + 999);
    LaTime median = la_span_median(buckets, 1);
    LaTime error = median > us * LA_USEC ? median - us * LA_USEC : us * LA_USEC - median;
    if (us < 4 ? error != 0 : error * 8 > us * LA_USEC)
      fail_msg("%" PRId64 " us: median %" PRId64 " ns", us, median);
  }
}

static void the_ends_of_the_range_hold(void **state)
{
  (void)state;
  uint16_t buckets[LA_SPAN_BUCKETS] = {0};
  la_span_book(buckets, -5 * LA_SEC);
  assert_int_equal(buckets[0], 1);
  la_span_book(buckets, LA_TIME_MAX);
  la_span_book(buckets, 1000 * LA_SEC);
  assert_int_equal(buckets[LA_SPAN_BUCKETS - 1], 2);
  assert_true(la_span_median(buckets, 1) > 400 * LA_SEC);
}

static void a_median_is_the_middle_one(void **state)
{
  (void)state;
  uint16_t buckets[LA_SPAN_BUCKETS] = {0};
  assert_true(la_span_median(buckets, 0) == LA_TIME_NONE);
  la_span_book(buckets, LA_MSEC);
  la_span_book(buckets, LA_MSEC);
  la_span_book(buckets, 100 * LA_MSEC);
  assert_in_range(la_span_median(buckets, 3), 875 * LA_USEC, 1125 * LA_USEC);
  assert_true(la_span_median(buckets, 4) == LA_TIME_NONE);
  la_span_book(buckets, 100 * LA_MSEC);
  assert_in_range(la_span_median(buckets, 4), 875 * LA_USEC, 1125 * LA_USEC); /* the lower of two middles */
  la_span_book(buckets, 100 * LA_MSEC);
  assert_in_range(la_span_median(buckets, 4), 87 * LA_MSEC, 113 * LA_MSEC);
}

/* A bucket never overflows: all are halved, and the median stays. */
static void full_buckets_are_halved(void **state)
{
  (void)state;
  uint16_t buckets[LA_SPAN_BUCKETS] = {0};
  for (unsigned i = 0; i < 100000; i++) {
    la_span_book(buckets, 10 * LA_MSEC);
    if (i % 4 == 0)
      la_span_book(buckets, LA_MSEC);
  }
  assert_in_range(la_span_median(buckets, 10), 8750 * LA_USEC, 11250 * LA_USEC);
  uint32_t used[2] = {0};
  unsigned count = 0;
  for (unsigned i = 0; i < LA_SPAN_BUCKETS; i++)
    if (buckets[i] != 0) {
      assert_true(count < 2);
      used[count++] = buckets[i];
    }
  assert_int_equal(count, 2);
  assert_in_range(used[1], 32768, UINT16_MAX);
  assert_in_range(used[1] / used[0], 3, 4); /* four to one, as they were booked */
}

/* Every port of one host, as a scan tries them, with one of another host before: found in the time of a few steps each. A table that
 * puts them in one place takes 2^31 steps. */
static void the_ports_of_one_host_lie_apart(void **state)
{
  (void)state;
  LaServices *s = la_services_new();
  LaAddr a = server(1);
  clock_t before = clock();
  for (unsigned round = 0; round < 2; round++)
    for (unsigned port = 0; port <= UINT16_MAX; port++)
      assert_int_equal(la_services_index(s, &a, LA_FAMILY_IPV4, (uint16_t)port), port);
  assert_true(clock() - before < 2 * CLOCKS_PER_SEC);
  assert_int_equal(la_services_overflow(s), 0);
  la_services_free(s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_service_has_one_index),
      cmocka_unit_test(a_new_service_knows_nothing),
      cmocka_unit_test(there_are_no_more_than_fit_and_the_rest_is_counted),
      cmocka_unit_test(the_tracker_goes_on_without_services),
      cmocka_unit_test(the_ports_of_one_host_lie_apart),
      cmocka_unit_test(a_median_is_near_the_span),
      cmocka_unit_test(the_ends_of_the_range_hold),
      cmocka_unit_test(a_median_is_the_middle_one),
      cmocka_unit_test(full_buckets_are_halved),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
