/* What of a connection is fetched into the cache ahead of its next segment. Library-internal to src/track. */
#ifndef LA_TRACK_PREFETCH_H
#define LA_TRACK_PREFETCH_H

#include <glib.h>
#include <stddef.h>

#include "track/brief.h"
#include "track/connection.h"

/* Brings what nearly every segment touches of a connection into the cache. */
static inline void prefetch_connection(const LaConnection *conn)
{
  const char *at = (const char *)conn;
  for (unsigned line = 0; line < 3; line++) {
    __builtin_prefetch(at + (size_t)64 * line);
    __builtin_prefetch(at + offsetof(LaConnection, end) + (size_t)64 * line);
    __builtin_prefetch(at + offsetof(LaConnection, end) + sizeof(LaEndpoint) + (size_t)64 * line);
  }
}

/* A little later, when the counts are there: where the next step and the next moment will be written. */
static inline void prefetch_writes(const LaConnection *conn)
{
  for (int side = 0; side < LA_SIDE_N; side++)
    __builtin_prefetch(&conn->end[side].path[conn->end[side].steps % LA_STEPS_MAX]);
  const LaMoment *chunk = conn->moment_chunk[conn->moments_used / 8 % G_N_ELEMENTS(conn->moment_chunk)];
  if (chunk != NULL) {
    const LaMoment *next = &chunk[conn->moments_used % 8];
    __builtin_prefetch(next, 1);
    __builtin_prefetch((const char *)next + 64, 1);
  }
}

/* The same for one in brief: what is asked of every segment, and a little later where it will be noted. */
static inline void prefetch_brief(const LaBrief *brief)
{
  __builtin_prefetch(brief);
  __builtin_prefetch((const char *)brief + 64);
}

static inline void prefetch_note(const LaBrief *brief)
{
  const LaBriefSegment *next = &brief->segment[brief->count % LA_BRIEF_SEGMENTS];
  __builtin_prefetch(next, 1);
  __builtin_prefetch((const char *)(next + 1) - 1, 1);
}

static inline void prefetch_brief_whole(const LaBrief *brief)
{
  for (unsigned line = 0; line < (offsetof(LaBrief, segment) + 12 * sizeof(LaBriefSegment)) / 64; line++)
    __builtin_prefetch((const char *)brief + (size_t)64 * line);
}

#endif
