/* Sequence numbers: 32-bit serial numbers that wrap (RFC 1982, RFC 9293 section 3.4). They are compared only through the
 * functions of this file. Two numbers exactly 2^31 apart have no order in RFC 1982; here the distance is then negative. */
#ifndef LA_BASE_SEQ_H
#define LA_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* The signed distance from `b` to `a`: positive when `a` is later. */
static inline int32_t la_seq_diff(uint32_t a, uint32_t b)
{
  return (int32_t)(a - b);
}

/* Whether `a` is earlier than `b`. */
static inline bool la_seq_lt(uint32_t a, uint32_t b)
{
  return la_seq_diff(a, b) < 0;
}

/* Whether `a` is earlier than `b` or equal to it. */
static inline bool la_seq_le(uint32_t a, uint32_t b)
{
  return la_seq_diff(a, b) <= 0;
}

/* Whether `a` is later than `b`. */
static inline bool la_seq_gt(uint32_t a, uint32_t b)
{
  return la_seq_diff(a, b) > 0;
}

/* Whether `a` is later than `b` or equal to it. */
static inline bool la_seq_ge(uint32_t a, uint32_t b)
{
  return la_seq_diff(a, b) >= 0;
}

/* The later of the two. */
static inline uint32_t la_seq_max(uint32_t a, uint32_t b)
{
  return la_seq_lt(a, b) ? b : a;
}

#endif
