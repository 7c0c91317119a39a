/* Connections, whole and in brief, and timeline chunks in chunked pools: addressed by 32-bit handles, never moved, reused. Library-internal to src/track. */
#ifndef LA_TRACK_POOL_H
#define LA_TRACK_POOL_H

#include <glib.h>

#include "track/brief.h"
#include "track/connection.h"

#define LA_HANDLE_NONE UINT32_MAX
#define LA_HANDLE_BRIEF (UINT32_C(1) << 31) /* set in the handle of a connection in brief */
#define LA_POOL_SHIFT 6                     /* connections a chunk: 64 */

static inline bool la_handle_is_brief(uint32_t handle)
{
  return handle != LA_HANDLE_NONE && (handle & LA_HANDLE_BRIEF) != 0;
}

/* Things of one size. */
typedef struct {
  char **chunks;
  uint32_t chunk_count, chunk_room;
  uint32_t *free_handles;
  uint32_t free_count, free_room;
} LaPoolOf;

typedef struct {
  LaPoolOf connections, briefs;
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

/* `handle` is that of a whole connection. */
static inline LaConnection *la_pool_get(const LaPool *pool, uint32_t handle)
{
  LaConnection *chunk = (LaConnection *)(void *)pool->connections.chunks[handle >> LA_POOL_SHIFT];
  return &chunk[handle & ((1u << LA_POOL_SHIFT) - 1)];
}

/* A brief with its handle set, and otherwise as it was left. (borrowed from the pool until released) */
LaBrief *la_pool_take_brief(LaPool *pool);
void la_pool_release_brief(LaPool *pool, LaBrief *brief);

/* `handle` is that of a connection in brief. */
static inline LaBrief *la_pool_get_brief(const LaPool *pool, uint32_t handle)
{
  uint32_t index = handle & ~LA_HANDLE_BRIEF;
  LaBrief *chunk = (LaBrief *)(void *)pool->briefs.chunks[index >> LA_POOL_SHIFT];
  return &chunk[index & ((1u << LA_POOL_SHIFT) - 1)];
}

/* Bytes of all connections and timelines that the pool ever had at one time: it gives nothing back. */
uint64_t la_pool_bytes(const LaPool *pool);

/* The place for one more moment of `conn`; beyond the bound the oldest of the tail is overwritten. */
LaMoment *la_pool_add_moment(LaPool *pool, LaConnection *conn);

#endif
