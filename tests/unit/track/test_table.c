/* The four-tuple table: hashing, collisions, growth, and deletion by shifting back, against a plain list. */
#include <glib.h>

#include "track/table.h"
#include "unit/track/support.h"

typedef struct {
  LaTable table;
  LaPool pool;
} Fixture;

static void fixture_init(Fixture *f)
{
  la_table_init(&f->table, 12345);
  la_pool_init(&f->pool);
}

static void fixture_clear(Fixture *f)
{
  la_table_clear(&f->table);
  la_pool_clear(&f->pool);
}

/* Connection number `n`: 10.0.0.1:(n mod 50000) to 10.1.x.y:80. */
static LaConnection *connection(Fixture *f, unsigned n)
{
  LaConnection *conn = la_pool_take(&f->pool);
  conn->family = LA_FAMILY_IPV4;
  conn->addr[LA_OPENER] = ipv4(10, 0, 0, 1);
  conn->addr[LA_ACCEPTOR] = ipv4(10, 1, (uint8_t)(n >> 8), (uint8_t)n);
  conn->port[LA_OPENER] = (uint16_t)(n % 50000 + 1000);
  conn->port[LA_ACCEPTOR] = 80;
  return conn;
}

static LaTuple tuple_of(const LaConnection *conn, LaSide from)
{
  LaSide to = LA_OTHER(from);
  return (LaTuple){&conn->addr[from], &conn->addr[to], conn->port[from], conn->port[to], conn->family, conn->tunnel_hash};
}

static LaConnection *find(const Fixture *f, const LaConnection *conn, LaSide from, uint32_t hash)
{
  LaTuple tuple = tuple_of(conn, from);
  LaSide side = LA_SIDE_N;
  uint32_t handle = la_table_find(&f->table, &f->pool, &tuple, hash, &side);
  LaConnection *found = handle != LA_HANDLE_NONE ? la_pool_get(&f->pool, handle) : NULL;
  assert_int_equal(side, found != NULL ? from : LA_SIDE_N); /* untouched when there is none */
  return found;
}

/* ---- hashing ---- */

static uint32_t hash_with(uint64_t seed, const LaTuple *tuple)
{
  LaTable table = {.seed = seed};
  return la_table_hash(&table, tuple);
}

static void a_hash_is_the_same_in_both_directions_and_no_other(void **state)
{
  (void)state;
  static const uint8_t families[] = {LA_FAMILY_IPV4, LA_FAMILY_IPV6};
  for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
    LaAddr a = {.bytes = {10, 0, 0, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2}};
    LaAddr b = {.bytes = {10, 0, 0, 2, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 3}};
    if (families[i] == LA_FAMILY_IPV4) {
      memset(a.bytes + 4, 0, 12);
      memset(b.bytes + 4, 0, 12);
    }
    LaTuple there = {&a, &b, 1000, 80, families[i], 0};
    uint32_t hash = hash_with(1, &there);
    assert_int_equal(hash_with(1, &(LaTuple){&b, &a, 80, 1000, families[i], 0}), hash);
    assert_int_not_equal(hash_with(1, &(LaTuple){&b, &a, 1000, 80, families[i], 0}), hash); /* ports of the other ends */
    assert_int_not_equal(hash_with(1, &(LaTuple){&a, &b, 1000, 81, families[i], 0}), hash);
    assert_int_not_equal(hash_with(1, &(LaTuple){&a, &b, 1001, 80, families[i], 0}), hash);
    assert_int_not_equal(hash_with(1, &(LaTuple){&a, &a, 1000, 80, families[i], 0}), hash);
    assert_int_not_equal(hash_with(1, &(LaTuple){&a, &b, 1000, 80, families[i], 1}), hash);
    assert_int_not_equal(hash_with(2, &there), hash);
    LaAddr last = a;
    last.bytes[families[i] == LA_FAMILY_IPV4 ? 3 : 15] ^= 1;
    assert_int_not_equal(hash_with(1, &(LaTuple){&last, &b, 1000, 80, families[i], 0}), hash);
  }
}

/* Neighbouring ports and addresses, as they come, spread over the slots about as chance does. */
static void hashes_spread(void **state)
{
  (void)state;
  enum {
    N = 20000,
    SLOTS = 65536
  };
  static uint8_t used[SLOTS];
  unsigned collisions = 0;
  for (unsigned i = 0; i < N; i++) {
    LaAddr a = ipv4(192, 168, (uint8_t)(i / 5000), (uint8_t)(i % 10));
    LaAddr b = ipv4(10, 0, 0, 1);
    uint32_t hash = hash_with(77, &(LaTuple){&a, &b, (uint16_t)(32768 + i), 443, LA_FAMILY_IPV4, 0});
    assert_int_not_equal(hash, 0);
    collisions += used[hash % SLOTS]++ != 0;
  }
  /* N - SLOTS (1 - e^(-N/SLOTS)) = 2766 of them by chance */
  assert_in_range(collisions, 2500, 3100);
}

/* ---- finding ---- */

static void both_ends_find_their_connection(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  LaConnection *conn = connection(&f, 1);
  la_table_insert(&f.table, 42, conn->handle);
  assert_ptr_equal(find(&f, conn, LA_OPENER, 42), conn);
  assert_ptr_equal(find(&f, conn, LA_ACCEPTOR, 42), conn);
  assert_null(find(&f, conn, LA_OPENER, 43));
  assert_int_equal(la_table_peek(&f.table, 42), conn->handle);
  assert_int_equal(la_table_peek(&f.table, 43), LA_HANDLE_NONE);
  fixture_clear(&f);
}

/* The same hash, and so the same slots, but one thing differs each time. */
static void colliding_tuples_are_told_apart(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  LaConnection *conns[8];
  for (unsigned i = 0; i < G_N_ELEMENTS(conns); i++) {
    LaConnection *conn = conns[i] = connection(&f, 1);
    switch (i) {
    case 1: conn->port[LA_OPENER]++; break;
    case 2: conn->port[LA_ACCEPTOR]++; break;
    case 3: conn->addr[LA_OPENER].bytes[3]++; break;
    case 4: conn->addr[LA_ACCEPTOR].bytes[15]++; break;
    case 5: conn->family = LA_FAMILY_IPV6; break;
    case 6: conn->tunnel_hash = 7; break;
    case 7: /* ports the other way round */
      conn->port[LA_OPENER] = conns[0]->port[LA_ACCEPTOR];
      conn->port[LA_ACCEPTOR] = conns[0]->port[LA_OPENER];
      break;
    default: break;
    }
  }
  for (unsigned i = 0; i < G_N_ELEMENTS(conns); i++) {
    for (unsigned k = 0; k < G_N_ELEMENTS(conns); k++)
      for (LaSide side = LA_OPENER; side < LA_SIDE_N; side++)
        assert_ptr_equal(find(&f, conns[k], side, 42), k < i ? conns[k] : NULL);
    la_table_insert(&f.table, 42, conns[i]->handle);
  }
  fixture_clear(&f);
}

static void one_handle_takes_the_place_of_another(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  LaConnection *other = connection(&f, 2);
  LaConnection *old = connection(&f, 1);
  LaConnection *newer = connection(&f, 1);
  la_table_insert(&f.table, 42, other->handle);
  la_table_insert(&f.table, 42, old->handle);
  la_table_replace(&f.table, 42, old->handle, newer->handle);
  assert_ptr_equal(find(&f, old, LA_OPENER, 42), newer);
  assert_ptr_equal(find(&f, other, LA_OPENER, 42), other);
  assert_int_equal(f.table.used, 2);
  la_table_replace(&f.table, 42, old->handle, other->handle); /* is not there any more */
  assert_ptr_equal(find(&f, old, LA_OPENER, 42), newer);
  la_table_remove(&f.table, 42, old->handle);
  assert_int_equal(f.table.used, 2);
  la_table_remove(&f.table, 42, newer->handle);
  assert_int_equal(f.table.used, 1);
  assert_null(find(&f, old, LA_OPENER, 42));
  fixture_clear(&f);
}

/* ---- growth ---- */

static void it_grows_and_keeps_everything(void **state)
{
  (void)state;
  Fixture f;
  fixture_init(&f);
  enum {
    N = 40000
  };
  uint32_t before = f.table.mask;
  LaConnection **conns = g_new(LaConnection *, N);
  uint32_t *hashes = g_new(uint32_t, N);
  for (unsigned i = 0; i < N; i++) {
    conns[i] = connection(&f, i);
    LaTuple tuple = tuple_of(conns[i], LA_OPENER);
    hashes[i] = la_table_hash(&f.table, &tuple);
    la_table_insert(&f.table, hashes[i], conns[i]->handle);
    assert_true(f.table.used <= (f.table.mask + 1) / 2 + 1);
  }
  assert_int_equal(f.table.used, N);
  assert_true(f.table.mask > before);
  for (unsigned i = 0; i < N; i++)
    assert_ptr_equal(find(&f, conns[i], i % 2 != 0 ? LA_OPENER : LA_ACCEPTOR, hashes[i]), conns[i]);
  for (unsigned i = 0; i < N; i++)
    la_table_remove(&f.table, hashes[i], conns[i]->handle);
  assert_int_equal(f.table.used, 0);
  for (uint32_t i = 0; i <= f.table.mask; i++)
    assert_int_equal(f.table.slots[i].hash, 0);
  g_free(conns);
  g_free(hashes);
  fixture_clear(&f);
}

/* ---- deletion ---- */

/* Long runs of colliding entries, across the end of the slots too: whatever is removed, all others are found. */
static void deletion_leaves_no_holes(void **state)
{
  (void)state;
  enum {
    N = 60
  };
  for (uint64_t seed = 1; seed <= 40; seed++) {
    Fixture f;
    fixture_init(&f);
    Dice dice = dice_of(seed);
    LaConnection *conns[N];
    uint32_t hashes[N];
    bool in[N] = {false};
    unsigned count = 0;
    for (unsigned i = 0; i < N; i++) {
      conns[i] = connection(&f, i);
      /* A few homes right before the last slot, with different hashes for the same home. */
      hashes[i] = (f.table.mask - 10 + roll(&dice, 14)) % (f.table.mask + 1) + (f.table.mask + 1) * roll(&dice, 3);
      if (hashes[i] == 0)
        hashes[i] = f.table.mask + 1;
    }
    for (unsigned step = 0; step < 400; step++) {
      unsigned i = roll(&dice, N);
      if (in[i])
        la_table_remove(&f.table, hashes[i], conns[i]->handle);
      else
        la_table_insert(&f.table, hashes[i], conns[i]->handle);
      in[i] = !in[i];
      count += in[i] ? 1u : UINT32_MAX;
      assert_int_equal(f.table.used, count);
      for (unsigned k = 0; k < N; k++)
        assert_ptr_equal(find(&f, conns[k], LA_OPENER, hashes[k]), in[k] ? conns[k] : NULL);
    }
    fixture_clear(&f);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_hash_is_the_same_in_both_directions_and_no_other),
      cmocka_unit_test(hashes_spread),
      cmocka_unit_test(both_ends_find_their_connection),
      cmocka_unit_test(colliding_tuples_are_told_apart),
      cmocka_unit_test(one_handle_takes_the_place_of_another),
      cmocka_unit_test(it_grows_and_keeps_everything),
      cmocka_unit_test(deletion_leaves_no_holes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
