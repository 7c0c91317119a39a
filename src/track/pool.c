#include "track/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK (1u << LA_POOL_SHIFT)
#define MOMENTS_A_CHUNK 8
#define MOMENT_CHUNKS_AT_ONCE 32
#define HUGE_PAGE ((size_t)2 << 20)
#define BLOCK (2 * HUGE_PAGE)

/* Cuts `size` bytes from the newest block. Blocks are in huge pages where the kernel has them: with a great many connections
 * the translation of addresses costs more than the memory itself. */
static void *cut(LaPool *pool, size_t size)
{
  size = (size + 63) / 64 * 64;
  if (pool->block_left < size) {
    char *block = aligned_alloc(HUGE_PAGE, BLOCK);
    if (block == NULL)
      g_error("out of memory");
#ifdef MADV_HUGEPAGE
    madvise(block, BLOCK, MADV_HUGEPAGE);
#endif
    g_ptr_array_add(pool->blocks, block);
    pool->block_at = block;
    pool->block_left = BLOCK;
  }
  void *at = pool->block_at;
  pool->block_at += size;
  pool->block_left -= size;
  return at;
}

void la_pool_init(LaPool *pool)
{
  memset(pool, 0, sizeof *pool);
  pool->blocks = g_ptr_array_new_with_free_func(free);
}

static void clear_pool_of(LaPoolOf *of)
{
  g_free(of->chunks);
  g_free(of->free_handles);
}

void la_pool_clear(LaPool *pool)
{
  clear_pool_of(&pool->connections);
  clear_pool_of(&pool->briefs);
  g_ptr_array_unref(pool->blocks);
}

static void add_chunk(LaPool *pool, LaPoolOf *of, size_t size)
{
  if (of->chunk_count == of->chunk_room) {
    of->chunk_room = of->chunk_room != 0 ? of->chunk_room * 2 : 16;
    of->chunks = g_renew(char *, of->chunks, of->chunk_room);
  }
  uint32_t base = of->chunk_count << LA_POOL_SHIFT;
  of->chunks[of->chunk_count++] = cut(pool, CHUNK * size);
  if (of->free_room < base + CHUNK) {
    of->free_room = base + CHUNK + base / 2;
    of->free_handles = g_renew(uint32_t, of->free_handles, of->free_room);
  }
  for (uint32_t i = CHUNK; i-- > 0;)
    of->free_handles[of->free_count++] = base + i;
}

LaBrief *la_pool_take_brief(LaPool *pool)
{
  LaPoolOf *of = &pool->briefs;
  if (of->free_count == 0)
    add_chunk(pool, of, sizeof(LaBrief));
  uint32_t handle = of->free_handles[--of->free_count] | LA_HANDLE_BRIEF;
  LaBrief *brief = la_pool_get_brief(pool, handle);
  brief->handle = handle;
  return brief;
}

void la_pool_release_brief(LaPool *pool, LaBrief *brief)
{
  brief->phase = LA_BRIEF_FREE;
  pool->briefs.free_handles[pool->briefs.free_count++] = brief->handle & ~LA_HANDLE_BRIEF;
}

/* Paths and timelines are guarded by their counts, so only the rest has to be cleared. */
static void clear_endpoint(LaEndpoint *end)
{
  memset(end, 0, offsetof(LaEndpoint, holes));
}

LaConnection *la_pool_take(LaPool *pool)
{
  LaPoolOf *of = &pool->connections;
  if (of->free_count == 0) {
    add_chunk(pool, of, sizeof(LaConnection));
    for (uint32_t i = (of->chunk_count - 1) << LA_POOL_SHIFT; i < of->chunk_count << LA_POOL_SHIFT; i++)
      la_pool_get(pool, i)->id = 0; /* none yet */
  }
  uint32_t handle = of->free_handles[--of->free_count];
  LaConnection *conn = la_pool_get(pool, handle);
  memset(conn, 0, offsetof(LaConnection, end));
  clear_endpoint(&conn->end[LA_OPENER]);
  clear_endpoint(&conn->end[LA_ACCEPTOR]);
  memset(&conn->handshake_ack_frame, 0, offsetof(LaConnection, encap) - offsetof(LaConnection, handshake_ack_frame));
  conn->handle = handle;
  conn->older = LA_HANDLE_NONE;
  conn->newer = LA_HANDLE_NONE;
  conn->first_fin = LA_SIDE_N;
  conn->ended_by = LA_ENDED_N;
  conn->rst_time = LA_TIME_NONE;
  conn->icmp_time = LA_TIME_NONE;
  conn->earlier.challenge_time = LA_TIME_NONE;
  conn->earlier.closed_time = LA_TIME_NONE;
  return conn;
}

void la_pool_release(LaPool *pool, LaConnection *conn)
{
  for (unsigned i = 0; i < G_N_ELEMENTS(conn->moment_chunk) && conn->moment_chunk[i] != NULL; i++) {
    memcpy(conn->moment_chunk[i], &pool->free_moments, sizeof(void *));
    pool->free_moments = conn->moment_chunk[i];
    conn->moment_chunk[i] = NULL;
  }
  conn->id = 0;
  pool->connections.free_handles[pool->connections.free_count++] = conn->handle;
}

uint64_t la_pool_bytes(const LaPool *pool)
{
  return (uint64_t)pool->blocks->len * BLOCK - pool->block_left;
}

static LaMoment *take_moments(LaPool *pool)
{
  if (pool->free_moments == NULL) {
    LaMoment *block = cut(pool, (size_t)MOMENTS_A_CHUNK * MOMENT_CHUNKS_AT_ONCE * sizeof(LaMoment));
    for (unsigned i = 0; i < MOMENT_CHUNKS_AT_ONCE; i++) {
      LaMoment *chunk = block + (size_t)i * MOMENTS_A_CHUNK;
      memcpy(chunk, &pool->free_moments, sizeof(void *));
      pool->free_moments = chunk;
    }
  }
  LaMoment *chunk = pool->free_moments;
  memcpy(&pool->free_moments, chunk, sizeof(void *));
  return chunk;
}

LaMoment *la_pool_add_moment(LaPool *pool, LaConnection *conn)
{
  uint64_t n = conn->moments_total++;
  unsigned at;
  if (n < LA_MOMENTS_HEAD + LA_MOMENTS_TAIL) {
    at = (unsigned)n;
    conn->moments_used = (uint8_t)(n + 1);
  } else {
    at = LA_MOMENTS_HEAD + (unsigned)((n - LA_MOMENTS_HEAD) % LA_MOMENTS_TAIL);
    conn->flags |= LA_CONN_TIMELINE_CUT;
  }
  LaMoment **chunk = &conn->moment_chunk[at / MOMENTS_A_CHUNK];
  if (*chunk == NULL)
    *chunk = take_moments(pool);
  return &(*chunk)[at % MOMENTS_A_CHUNK];
}
