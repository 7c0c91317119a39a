/* Connections and timeline chunks in chunked pools: addressed by 32-bit handles, never moved, reused. Library-internal to src/track. */
#ifndef LA_TRACK_POOL_H
#define LA_TRACK_POOL_H

#include <glib.h>

#include "track/connection.h"

#define LA_HANDLE_NONE UINT32_MAX
#define LA_POOL_SHIFT 6 /* connections a chunk: 64 */

typedef struct {
  LaConnection **chunks;
  uint32_t chunk_count, chunk_room;
  uint32_t *free_handles;
  uint32_t free_count, free_room;
  GPtrArray *blocks; /* what the chunks are cut from (owned) */
  char *block_at;    /* the next free byte of the newest block */
  size_t block_left;
  LaMoment *free_moments; /* linked through their first bytes */
} LaPool;

void la_pool_init(LaPool *pool);
void la_pool_clear(LaPool *pool);

/* A cleared connection with its handle set. (borrowed from the pool until released) */
LaConnection *la_pool_take(LaPool *pool);
void la_pool_release(LaPool *pool, LaConnection *conn);

static inline LaConnection *la_pool_get(const LaPool *pool, uint32_t handle)
{
  return &pool->chunks[handle >> LA_POOL_SHIFT][handle & ((1u << LA_POOL_SHIFT) - 1)];
}

/* The place for one more moment of `conn`; beyond the bound the oldest of the tail is overwritten. */
LaMoment *la_pool_add_moment(LaPool *pool, LaConnection *conn);

#endif
