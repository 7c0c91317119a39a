#include "track/table.h"

#include <glib.h>
#include <string.h>

#define INITIAL_SLOTS 4096u

void la_table_init(LaTable *table, uint64_t seed)
{
  *table = (LaTable){.slots = g_new0(LaSlot, INITIAL_SLOTS), .mask = INITIAL_SLOTS - 1, .used = 0, .seed = seed};
}

void la_table_clear(LaTable *table)
{
  g_free(table->slots);
}

static uint64_t load64(const uint8_t *at)
{
  uint64_t v;
  memcpy(&v, at, sizeof v);
  return v;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
  unsigned __int128 r = (unsigned __int128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xe7037ed1a0b428db));
  return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint32_t la_table_hash(const LaTable *table, const LaTuple *t)
{
  /* Each end is hashed alone and the two are added: the same sum for both directions. */
  uint64_t a, b;
  if (t->family == LA_FAMILY_IPV4) {
    uint32_t src, dst;
    memcpy(&src, t->src->bytes, sizeof src);
    memcpy(&dst, t->dst->bytes, sizeof dst);
    a = mix((uint64_t)src << 16 | t->src_port, table->seed);
    b = mix((uint64_t)dst << 16 | t->dst_port, table->seed);
  } else {
    a = mix(load64(t->src->bytes) ^ table->seed, load64(t->src->bytes + 8) ^ ((uint64_t)t->src_port << 48));
    b = mix(load64(t->dst->bytes) ^ table->seed, load64(t->dst->bytes + 8) ^ ((uint64_t)t->dst_port << 48));
  }
  uint64_t h = mix(a + b, table->seed ^ t->tunnel_hash);
  uint32_t hash = (uint32_t)(h ^ h >> 32);
  return hash != 0 ? hash : 1;
}

uint32_t la_table_peek(const LaTable *table, uint32_t hash)
{
  for (uint32_t i = hash & table->mask; table->slots[i].hash != 0; i = (i + 1) & table->mask)
    if (table->slots[i].hash == hash)
      return table->slots[i].handle;
  return LA_HANDLE_NONE;
}

static bool is_key(const LaAddr *addr, const uint16_t *port, const LaTuple *t, LaSide src_side)
{
  LaSide dst_side = LA_OTHER(src_side);
  return port[src_side] == t->src_port && port[dst_side] == t->dst_port && la_addr_equal(&addr[src_side], t->src) &&
         la_addr_equal(&addr[dst_side], t->dst);
}

/* Whether the connection of a handle has this tuple; `*ret_side` is set when it has. */
static bool has_tuple(const LaPool *pool, uint32_t handle, const LaTuple *t, LaSide *ret_side)
{
  const LaAddr *addr;
  const uint16_t *port;
  if (la_handle_is_brief(handle)) {
    const LaBrief *brief = la_pool_get_brief(pool, handle);
    if (brief->family != t->family || t->tunnel_hash != 0)
      return false;
    addr = brief->addr;
    port = brief->port;
  } else {
    const LaConnection *conn = la_pool_get(pool, handle);
    if (conn->family != t->family || conn->tunnel_hash != t->tunnel_hash)
      return false;
    addr = conn->addr;
    port = conn->port;
  }
  if (is_key(addr, port, t, LA_OPENER))
    *ret_side = LA_OPENER;
  else if (is_key(addr, port, t, LA_ACCEPTOR))
    *ret_side = LA_ACCEPTOR;
  else
    return false;
  return true;
}

uint32_t la_table_find(const LaTable *table, const LaPool *pool, const LaTuple *t, uint32_t hash, LaSide *ret_side)
{
  for (uint32_t i = hash & table->mask; table->slots[i].hash != 0; i = (i + 1) & table->mask)
    if (table->slots[i].hash == hash && has_tuple(pool, table->slots[i].handle, t, ret_side))
      return table->slots[i].handle;
  return LA_HANDLE_NONE;
}

static void put(LaSlot *slots, uint32_t mask, LaSlot slot)
{
  uint32_t i = slot.hash & mask;
  while (slots[i].hash != 0)
    i = (i + 1) & mask;
  slots[i] = slot;
}

static void grow(LaTable *table)
{
  uint32_t size = (table->mask + 1) * 2;
  LaSlot *slots = g_new0(LaSlot, size);
  for (uint32_t i = 0; i <= table->mask; i++)
    if (table->slots[i].hash != 0)
      put(slots, size - 1, table->slots[i]);
  g_free(table->slots);
  table->slots = slots;
  table->mask = size - 1;
}

void la_table_insert(LaTable *table, uint32_t hash, uint32_t handle)
{
  if (table->used >= (table->mask + 1) / 2 && table->mask < UINT32_MAX / 4)
    grow(table);
  put(table->slots, table->mask, (LaSlot){hash, handle});
  table->used++;
}

static uint32_t index_of(const LaTable *table, uint32_t hash, uint32_t handle)
{
  uint32_t i = hash & table->mask;
  while (table->slots[i].hash != 0 && table->slots[i].handle != handle)
    i = (i + 1) & table->mask;
  return i;
}

void la_table_remove(LaTable *table, uint32_t hash, uint32_t handle)
{
  uint32_t hole = index_of(table, hash, handle);
  if (table->slots[hole].hash == 0)
    return;
  table->used--;
  /* Whatever probed past the hole moves back into it. */
  for (uint32_t i = (hole + 1) & table->mask; table->slots[i].hash != 0; i = (i + 1) & table->mask) {
    uint32_t home = table->slots[i].hash & table->mask;
    if (((i - home) & table->mask) >= ((i - hole) & table->mask)) {
      table->slots[hole] = table->slots[i];
      hole = i;
    }
  }
  table->slots[hole] = (LaSlot){0, 0};
}

void la_table_replace(LaTable *table, uint32_t hash, uint32_t handle, uint32_t with)
{
  uint32_t i = index_of(table, hash, handle);
  if (table->slots[i].hash != 0)
    table->slots[i].handle = with;
}
