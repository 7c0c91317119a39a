/* A bounds-checked reader over borrowed bytes: the only way packet bytes are read.
 *
 * A read past the end yields 0, takes nothing and sets `failed`, so that a parser may read a whole header and ask once.
 * Network order is the default, the `_le` readers take little-endian fields. */
#ifndef LA_BASE_CURSOR_H
#define LA_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  const uint8_t *at;  /* the next byte (borrowed) */
  const uint8_t *end; /* one past the last byte */
  bool failed;        /* a read went past the end */
} LaCursor;

/* A cursor over `len` bytes at `data` (borrowed for the cursor's life; may be NULL when `len` is 0). */
static inline LaCursor la_cursor_init(const uint8_t *data, size_t len)
{
  return (LaCursor){.at = data, .end = len != 0 ? data + len : data, .failed = false};
}

/* How many bytes are left. */
static inline size_t la_cursor_left(const LaCursor *c)
{
  return (size_t)(c->end - c->at);
}

/* Whether `n` more bytes are there; does not set `failed`. */
static inline bool la_cursor_has(const LaCursor *c, size_t n)
{
  return la_cursor_left(c) >= n;
}

/* Takes `n` bytes and returns where they begin, or NULL (and `failed`) when there are fewer. */
static inline const uint8_t *la_cursor_take(LaCursor *c, size_t n)
{
  if (la_cursor_left(c) < n) {
    c->failed = true;
    return NULL;
  }
  const uint8_t *at = c->at;
  c->at += n;
  return at;
}

/* Skips `n` bytes; false (and `failed`) when there are fewer. */
static inline bool la_cursor_skip(LaCursor *c, size_t n)
{
  return la_cursor_left(c) >= n ? (c->at += n, true) : (c->failed = true, false);
}

/* Cuts what is left to at most `n` bytes. */
static inline void la_cursor_limit(LaCursor *c, size_t n)
{
  if (la_cursor_left(c) > n)
    c->end = c->at + n;
}

/* The byte `offset` bytes ahead without taking it; 0 when it is not there (does not set `failed`). */
static inline uint8_t la_cursor_peek_u8(const LaCursor *c, size_t offset)
{
  return la_cursor_left(c) > offset ? c->at[offset] : 0;
}

/* The 16 bits `offset` bytes ahead, network order; 0 when they are not there (does not set `failed`). */
static inline uint16_t la_cursor_peek_u16(const LaCursor *c, size_t offset)
{
  return la_cursor_left(c) >= 2 && la_cursor_left(c) - 2 >= offset ? (uint16_t)(c->at[offset] << 8 | c->at[offset + 1]) : 0;
}

static inline uint8_t la_cursor_u8(LaCursor *c)
{
  const uint8_t *p = la_cursor_take(c, 1);
  return p != NULL ? p[0] : 0;
}

static inline uint16_t la_cursor_u16(LaCursor *c)
{
  const uint8_t *p = la_cursor_take(c, 2);
  return p != NULL ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t la_cursor_u32(LaCursor *c)
{
  const uint8_t *p = la_cursor_take(c, 4);
  return p != NULL ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint32_t la_cursor_u32_le(LaCursor *c)
{
  const uint8_t *p = la_cursor_take(c, 4);
  return p != NULL ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

/* Copies `n` bytes to `to`; false (and `failed`, `to` untouched) when there are fewer. */
static inline bool la_cursor_copy(LaCursor *c, void *to, size_t n)
{
  const uint8_t *p = la_cursor_take(c, n);
  if (p == NULL)
    return false;
  memcpy(to, p, n);
  return true;
}

#endif
