/* The four-tuple table: open addressing with linear probing, the hash stored beside the handle, deletion by shifting back.
 * Library-internal to src/track. */
#ifndef LA_TRACK_TABLE_H
#define LA_TRACK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/segment.h"
#include "track/pool.h"

typedef struct {
  uint32_t hash; /* 0: free */
  uint32_t handle;
} LaSlot;

typedef struct {
  LaSlot *slots;
  uint32_t mask;
  uint32_t used;
  uint64_t seed;
} LaTable;

/* A four-tuple as looked up: `src` to `dst`. */
typedef struct {
  const LaAddr *src, *dst;
  uint16_t src_port, dst_port;
  uint8_t family;
  uint32_t tunnel_hash;
} LaTuple;

void la_table_init(LaTable *table, uint64_t seed);
void la_table_clear(LaTable *table);

/* The hash of a tuple, the same for both directions; never 0. */
uint32_t la_table_hash(const LaTable *table, const LaTuple *tuple);

static inline void la_table_prefetch(const LaTable *table, uint32_t hash)
{
  __builtin_prefetch(&table->slots[hash & table->mask]);
}

/* The first handle with this hash, for prefetching its connection; LA_HANDLE_NONE when there is none. */
uint32_t la_table_peek(const LaTable *table, uint32_t hash);

/* The handle of the connection of `tuple`, whole or in brief, or LA_HANDLE_NONE; `*ret_side` is the side that `src` plays in it. */
uint32_t la_table_find(const LaTable *table, const LaPool *pool, const LaTuple *tuple, uint32_t hash, LaSide *ret_side);

void la_table_insert(LaTable *table, uint32_t hash, uint32_t handle);
void la_table_remove(LaTable *table, uint32_t hash, uint32_t handle);

/* Puts another handle in the place of one that is there. */
void la_table_replace(LaTable *table, uint32_t hash, uint32_t handle, uint32_t with);

#endif
