/* When packets were dropped: the list of stretches, what statistics and packet blocks say of them, and what a file's end foretells. */
#include "capture/losses.h"
#include "unit/capture/captures.h"

#define T(s) ((LaTime)(s)*LA_SEC)

static void add(LaLosses *losses, LaTime from, LaTime until, uint64_t packets)
{
  la_losses_add(losses, (LaLoss){.from = from, .until = until, .packets = packets});
}

static void assert_loss(const LaLosses *losses, unsigned i, LaTime from, LaTime until, uint64_t packets)
{
  assert_true(i < losses->count);
  assert_int_equal(losses->items[i].from, from);
  assert_int_equal(losses->items[i].until, until);
  assert_int_equal(losses->items[i].packets, packets);
}

static void test_stretches_that_touch_become_one(void **state)
{
  (void)state;
  LaLosses losses = {.count = 0};
  add(&losses, T(50), T(60), 1);
  add(&losses, T(10), T(20), 2);
  add(&losses, T(40), T(30), 3); /* the clock stepped back */
  add(&losses, T(70), T(80), 0); /* nothing was lost */
  assert_int_equal(losses.count, 3);
  assert_loss(&losses, 0, T(10), T(20), 2);
  assert_loss(&losses, 1, T(30), T(40), 3);
  assert_loss(&losses, 2, T(50), T(60), 1);
  add(&losses, T(20), T(30), 4);
  assert_int_equal(losses.count, 2);
  assert_loss(&losses, 0, T(10), T(40), 9);
  add(&losses, LA_TIME_NONE, T(100), UINT64_MAX);
  assert_int_equal(losses.count, 1);
  assert_loss(&losses, 0, LA_TIME_NONE, T(100), UINT64_MAX);
}

static void test_what_shares_a_moment_counts(void **state)
{
  (void)state;
  LaLosses losses = {.count = 0};
  assert_int_equal(la_losses_within(&losses, LA_TIME_NONE, LA_TIME_MAX), 0);
  add(&losses, T(10), T(20), 2);
  add(&losses, T(30), T(40), 3);
  assert_int_equal(la_losses_within(&losses, T(0), T(10) - 1), 0);
  assert_int_equal(la_losses_within(&losses, T(0), T(10)), 2);
  assert_int_equal(la_losses_within(&losses, T(12), T(13)), 2);
  assert_int_equal(la_losses_within(&losses, T(20) + 1, T(30) - 1), 0);
  assert_int_equal(la_losses_within(&losses, T(20), T(30)), 5);
  assert_int_equal(la_losses_within(&losses, T(41), LA_TIME_MAX), 0);
}

static void test_too_many_close_the_smallest_gap(void **state)
{
  (void)state;
  LaLosses losses = {.count = 0};
  for (unsigned i = 0; i < 4 * LA_LOSSES_MAX; i++)
    add(&losses, T(10) * i, T(10) * i + T(i == 7 ? 9 : 1), 1);
  assert_int_equal(losses.count, LA_LOSSES_MAX);
  uint64_t sum = 0;
  for (unsigned i = 0; i < losses.count; i++) {
    sum += losses.items[i].packets;
    assert_true(i == 0 || losses.items[i].from > losses.items[i - 1].until);
  }
  assert_int_equal(sum, 4 * LA_LOSSES_MAX);
  assert_int_not_equal(la_losses_within(&losses, T(79) + 1, T(80) - 1), 0); /* the smallest of all was between 7 and 8 */
}

static void put_statistics(Bytes *bytes, uint32_t interface, uint64_t ticks, int64_t if_drops, int64_t os_drops)
{
  guint at = begin_block(bytes, 5);
  put32(bytes, interface);
  put32(bytes, (uint32_t)(ticks >> 32));
  put32(bytes, (uint32_t)ticks);
  if (if_drops >= 0)
    put_option64(bytes, 5, (uint64_t)if_drops);
  if (os_drops >= 0)
    put_option64(bytes, 7, (uint64_t)os_drops);
  end_block(bytes, at);
}

static void put_lossy_packet(Bytes *bytes, uint64_t ticks, uint64_t drops)
{
  guint at = begin_packet(bytes, 0, ticks, 61);
  put_option64(bytes, 4, drops);
  end_block(bytes, at);
}

static void test_blocks_say_when_it_was(void **state)
{
  (void)state;
  for (Endian endian = LITTLE; endian <= BIG; endian++) {
    Bytes bytes = bytes_new(endian);
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_interface(&bytes, 1);
    put_packet(&bytes, 0, 100, 60);
    put_statistics(&bytes, 0, 200, 0, 0);
    put_statistics(&bytes, 0, 300, 1, 10);  /* 11 in [200, 300] */
    put_statistics(&bytes, 1, 1000, -1, 5); /* its first: 5 until 1000 */
    put_statistics(&bytes, 0, 2000, 1, 10); /* none in between */
    put_packet(&bytes, 0, 2100, 60);
    put_lossy_packet(&bytes, 2200, 7);      /* 7 in [2100, 2200] */
    put_statistics(&bytes, 0, 3000, 1, 20); /* 10 more: 3 in [2000, 3000] that no packet told */
    put_statistics(&bytes, 0, 4000, 1, 19); /* fewer: nothing is known */
    put_statistics(&bytes, 0, 0, 1, 21);    /* 2 after 4000, the writer had no clock */
    LaSource *source = open_bytes(&bytes);
    for (unsigned i = 0; i < 3; i++)
      next_packet(source);
    assert_end(source);
    LaLosses losses = {.count = 0};
    la_source_take_losses(source, &losses);
    assert_int_equal(losses.count, 3);
    assert_loss(&losses, 0, LA_TIME_NONE, 1000 * LA_USEC, 16);
    assert_loss(&losses, 1, 2000 * LA_USEC, 3000 * LA_USEC, 10);
    assert_loss(&losses, 2, 4000 * LA_USEC, LA_TIME_MAX, 2);
    la_source_take_losses(source, &losses); /* taken once */
    assert_int_equal(losses.items[0].packets, 16);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static bool foresee(const Bytes *bytes, LaLosses *losses)
{
  int fd = file_of(bytes->data->data, bytes->data->len);
  bool foreseen = la_losses_foresee(fd, NULL, losses);
  assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
  close(fd);
  return foreseen;
}

static void test_the_end_foretells(void **state)
{
  (void)state;
  for (Endian endian = LITTLE; endian <= BIG; endian++) {
    Bytes bytes = bytes_new(endian);
    LaLosses losses = {.count = 0};
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_interface(&bytes, 1);
    assert_false(foresee(&bytes, &losses));
    put_lossy_packet(&bytes, 100, 5);
    put_statistics(&bytes, 0, 300, 0, 0);
    put_statistics(&bytes, 1, 300, -1, -1);
    assert_false(foresee(&bytes, &losses)); /* what packets say comes in time */
    assert_int_equal(losses.count, 0);
    put_statistics(&bytes, 0, 400, 9, -1);
    put_statistics(&bytes, 1, 400, 0, 0);
    guint at = begin_block(&bytes, 4); /* names */
    put32(&bytes, 0);
    end_block(&bytes, at);
    assert_true(foresee(&bytes, &losses));
    assert_int_equal(losses.count, 2);
    assert_loss(&losses, 0, LA_TIME_NONE, 100 * LA_USEC, 5);
    assert_loss(&losses, 1, 300 * LA_USEC, 400 * LA_USEC, 9);
    put_packet(&bytes, 0, 500, 60); /* not at the end any more */
    assert_false(foresee(&bytes, &losses));
    bytes_free(&bytes);
  }
}

static void test_no_end_misleads(void **state)
{
  (void)state;
  LaLosses losses = {.count = 0};
  static const uint32_t lengths[] = {0, 4, 11, 12, 13, 16, 24, 4096, 4100, 0x7fffffff, UINT32_MAX};
  for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_section(&bytes);
    put_statistics(&bytes, 0, 1, 3, 3);
    set32(&bytes, bytes.data->len - 4, lengths[i]);
    assert_false(foresee(&bytes, &losses));
    bytes_free(&bytes);
  }
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_false(la_losses_foresee(ends[0], NULL, &losses));
  close(ends[0]);
  close(ends[1]);
  assert_false(la_losses_foresee(-1, NULL, &losses));
  assert_int_equal(losses.count, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stretches_that_touch_become_one),
      cmocka_unit_test(test_what_shares_a_moment_counts),
      cmocka_unit_test(test_too_many_close_the_smallest_gap),
      cmocka_unit_test(test_blocks_say_when_it_was),
      cmocka_unit_test(test_the_end_foretells),
      cmocka_unit_test(test_no_end_misleads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
