/* The pool of connections and moments: cleared when taken, never moved, used again; a timeline that is bounded at both ends. */
#include <glib.h>

#include "track/pool.h"
#include "unit/track/fields.h"

static void handles_are_unique_and_lead_to_their_connection(void **state)
{
  (void)state;
  enum {
    N = 1000
  };
  LaPool pool;
  la_pool_init(&pool);
  LaConnection *conns[N];
  for (unsigned i = 0; i < N; i++) {
    conns[i] = la_pool_take(&pool);
    conns[i]->id = i;
  }
  for (unsigned i = 0; i < N; i++) {
    assert_int_equal(conns[i]->id, i); /* nobody else wrote there */
    assert_ptr_equal(la_pool_get(&pool, conns[i]->handle), conns[i]);
  }
  la_pool_clear(&pool);
}

static void memory_is_used_again(void **state)
{
  (void)state;
  enum {
    N = 3000
  };
  LaPool pool;
  la_pool_init(&pool);
  LaConnection **conns = g_new(LaConnection *, N);
  uint32_t chunks = 0;
  guint blocks = 0;
  size_t left = 0;
  for (unsigned round = 0; round < 5; round++) {
    for (unsigned i = 0; i < N; i++) {
      conns[i] = la_pool_take(&pool);
      for (unsigned k = 0; k < i % 30; k++)
        la_pool_add_moment(&pool, conns[i]);
    }
    if (round == 0) {
      chunks = pool.connections.chunk_count;
      blocks = pool.blocks->len;
      left = pool.block_left;
      assert_in_range(blocks, 1, 8); /* some 14 MB in blocks of 4 */
    }
    assert_int_equal(pool.connections.chunk_count, chunks);
    assert_int_equal(pool.blocks->len, blocks);
    assert_int_equal(pool.block_left, left);
    for (unsigned i = 0; i < N; i++)
      la_pool_release(&pool, conns[(i * 7) % N]);
    assert_int_equal(pool.connections.free_count, chunks << LA_POOL_SHIFT);
  }
  g_free(conns);
  la_pool_clear(&pool);
}

/* A used connection, filled with rubbish, is like a new one when it is taken again. */
static void a_connection_is_clear_when_taken(void **state)
{
  (void)state;
  LaPool fresh;
  LaPool used;
  la_pool_init(&fresh);
  la_pool_init(&used);
  LaConnection *conn = la_pool_take(&used);
  uint32_t handle = conn->handle;
  memset(conn, 0xa5, sizeof *conn);
  memset(conn->moment_chunk, 0, sizeof conn->moment_chunk);
  conn->handle = handle;
  la_pool_release(&used, conn);
  LaConnection *again = la_pool_take(&used);
  assert_ptr_equal(again, conn);
  LaConnection *other = la_pool_take(&fresh);
  Difference d = {""};
  if (DIFFER("", conn_fields, other, again, &d) || DIFFER("earlier ", earlier_fields, &other->earlier, &again->earlier, &d) ||
      ends_differ(&other->end[0], &again->end[0], "client", &d) || ends_differ(&other->end[1], &again->end[1], "server", &d))
    fail_msg("%s", d.text);

  assert_int_equal(again->moments_used, 0);
  assert_int_equal(again->flags, 0);
  assert_int_equal(again->end[LA_OPENER].steps, 0);
  assert_int_equal(again->end[LA_ACCEPTOR].packets, 0);
  assert_int_equal(again->older, LA_HANDLE_NONE);
  assert_int_equal(again->newer, LA_HANDLE_NONE);
  assert_int_equal(again->first_fin, LA_SIDE_N);
  assert_true(again->rst_time == LA_TIME_NONE && again->icmp_time == LA_TIME_NONE);
  assert_true(again->earlier.closed_time == LA_TIME_NONE && again->earlier.challenge_time == LA_TIME_NONE);
  for (unsigned i = 0; i < G_N_ELEMENTS(again->moment_chunk); i++)
    assert_null(again->moment_chunk[i]);
  la_pool_clear(&fresh);
  la_pool_clear(&used);
}

/* ---- timelines ---- */

static void add_numbered(LaPool *pool, LaConnection *conn, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    la_pool_add_moment(pool, conn)->frame = i + 1;
}

/* The first 40 and the last 24, in order; nothing between is lost before 65. */
static void a_timeline_keeps_its_beginning_and_its_end(void **state)
{
  (void)state;
  LaPool pool;
  la_pool_init(&pool);
  for (unsigned count = 0; count <= 200; count++) {
    LaConnection *conn = la_pool_take(&pool);
    add_numbered(&pool, conn, count);
    assert_int_equal(conn->moments_total, count);
    unsigned used = count < 64 ? count : 64;
    assert_int_equal(conn->moments_used, used);
    for (unsigned i = 0; i < used; i++) {
      uint64_t expected = count <= 64 || i < 40 ? i + 1u : count - 64 + i + 1;
      if (la_connection_moment(conn, i)->frame != expected)
        fail_msg("%u moments: number %u is %" PRIu64 ", not %" PRIu64, count, i, la_connection_moment(conn, i)->frame,
                 expected);
    }
    assert_int_equal((conn->flags & LA_CONN_TIMELINE_CUT) != 0, count > 64);
    la_pool_release(&pool, conn);
  }
  la_pool_clear(&pool);
}

static void timelines_do_not_share_memory(void **state)
{
  (void)state;
  LaPool pool;
  la_pool_init(&pool);
  LaConnection *a = la_pool_take(&pool);
  LaConnection *b = la_pool_take(&pool);
  for (unsigned i = 0; i < 100; i++) {
    la_pool_add_moment(&pool, a)->frame = 1000 + i;
    la_pool_add_moment(&pool, b)->frame = 2000 + i;
  }
  for (unsigned i = 0; i < 64; i++) {
    assert_in_range(la_connection_moment(a, i)->frame, 1000, 1099);
    assert_in_range(la_connection_moment(b, i)->frame, 2000, 2099);
  }
  la_pool_release(&pool, a);
  LaConnection *c = la_pool_take(&pool);
  for (unsigned i = 0; i < 100; i++)
    la_pool_add_moment(&pool, c)->frame = 3000 + i;
  for (unsigned i = 0; i < 64; i++)
    assert_in_range(la_connection_moment(b, i)->frame, 2000, 2099);
  la_pool_clear(&pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(handles_are_unique_and_lead_to_their_connection),
      cmocka_unit_test(memory_is_used_again),
      cmocka_unit_test(a_connection_is_clear_when_taken),
      cmocka_unit_test(a_timeline_keeps_its_beginning_and_its_end),
      cmocka_unit_test(timelines_do_not_share_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
