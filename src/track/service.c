#include "track/service.h"

#include <glib.h>
#include <string.h>

struct LaServices {
  LaService *items;
  uint32_t count, room;
  uint32_t *slots; /* index + 1; 0: free */
  uint32_t mask;
  uint64_t overflow;
  uint64_t seed;
  LaKinds kinds;
};

LaServices *la_services_new(void)
{
  LaServices *s = g_new0(LaServices, 1);
  s->mask = 255;
  s->slots = g_new0(uint32_t, s->mask + 1);
  /* As for four-tuples: strangers cannot choose services that collide, and nothing in the output depends on it. */
  s->seed = (uint64_t)g_random_int() << 32 | g_random_int();
  return s;
}

void la_services_free(LaServices *s)
{
  if (s == NULL)
    return;
  g_free(s->items);
  g_free(s->slots);
  g_free(s);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
  unsigned __int128 product = (unsigned __int128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xe7037ed1a0b428db));
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(const LaServices *s, const LaAddr *addr, uint16_t port)
{
  uint64_t a, b;
  memcpy(&a, addr->bytes, sizeof a);
  memcpy(&b, addr->bytes + 8, sizeof b);
  return (uint32_t)mix(mix(a ^ s->seed, b), s->seed + port);
}

static bool is_item(const LaService *item, const LaAddr *addr, uint8_t family, uint16_t port)
{
  return item->port == port && item->family == family && la_addr_equal(&item->addr, addr);
}

static void grow(LaServices *s)
{
  uint32_t mask = s->mask * 2 + 1;
  uint32_t *slots = g_new0(uint32_t, mask + 1);
  for (uint32_t i = 0; i < s->count; i++) {
    uint32_t at = hash_of(s, &s->items[i].addr, s->items[i].port) & mask;
    while (slots[at] != 0)
      at = (at + 1) & mask;
    slots[at] = i + 1;
  }
  g_free(s->slots);
  s->slots = slots;
  s->mask = mask;
}

uint32_t la_services_index(LaServices *s, const LaAddr *addr, uint8_t family, uint16_t port)
{
  uint32_t at = hash_of(s, addr, port) & s->mask;
  for (; s->slots[at] != 0; at = (at + 1) & s->mask)
    if (is_item(&s->items[s->slots[at] - 1], addr, family, port))
      return s->slots[at] - 1;
  if (s->count == LA_SERVICES_MAX) {
    s->overflow++;
    return LA_SERVICE_NONE;
  }
  if (s->count == s->room) {
    s->room = s->room != 0 ? s->room * 2 : 16;
    s->items = g_renew(LaService, s->items, s->room);
  }
  LaService *item = &s->items[s->count];
  memset(item, 0, sizeof *item);
  item->addr = *addr;
  item->family = family;
  item->port = port;
  item->first_established = LA_TIME_NONE;
  item->first_refused = item->last_spoke = item->last_taken = item->last_heard = LA_TIME_NONE;
  item->first_seen = LA_TIME_NONE;
  s->slots[at] = ++s->count;
  if (s->count * 2 > s->mask)
    grow(s);
  return s->count - 1;
}

LaService *la_services_get(LaServices *s, uint32_t index)
{
  return index < s->count ? &s->items[index] : NULL;
}

uint32_t la_services_count(const LaServices *s)
{
  return s->count;
}

uint64_t la_services_overflow(const LaServices *s)
{
  return s->overflow;
}

LaKinds la_services_kinds(const LaServices *s)
{
  return s->kinds;
}

void la_services_add_kinds(LaServices *s, LaKinds kinds)
{
  s->kinds |= kinds;
}

/* The quarter octave of a span: four buckets an octave, told by the two bits below the highest one. */
static unsigned bucket_of(LaTime span)
{
  uint64_t us = span <= 0 ? 0 : (uint64_t)span / 1000u;
  if (us < 4)
    return (unsigned)us;
  unsigned top = 63u - (unsigned)__builtin_clzll(us);
  unsigned bucket = top * 4 + (unsigned)(us >> (top - 2) & 3) - 4;
  return bucket < LA_SPAN_BUCKETS ? bucket : LA_SPAN_BUCKETS - 1;
}

/* The middle of a bucket. */
static LaTime span_of(unsigned bucket)
{
  if (bucket < 4)
    return (LaTime)bucket * LA_USEC;
  unsigned top = (bucket + 4) / 4;
  uint64_t low = (UINT64_C(4) + (bucket & 3)) << (top - 2);
  uint64_t width = UINT64_C(1) << (top - 2);
  return (LaTime)(low + width / 2) * LA_USEC;
}

void la_span_book(uint16_t *buckets, LaTime span)
{
  uint16_t *bucket = &buckets[bucket_of(span)];
  if (*bucket == UINT16_MAX)
    for (unsigned i = 0; i < LA_SPAN_BUCKETS; i++)
      buckets[i] /= 2;
  ++*bucket;
}

LaTime la_span_median(const uint16_t *buckets, uint32_t least)
{
  uint32_t total = 0;
  for (unsigned i = 0; i < LA_SPAN_BUCKETS; i++)
    total += buckets[i];
  if (total < least || total == 0)
    return LA_TIME_NONE;
  uint32_t seen = 0;
  for (unsigned i = 0; i < LA_SPAN_BUCKETS; i++) {
    seen += buckets[i];
    if (seen * 2 >= total)
      return span_of(i);
  }
  return LA_TIME_NONE;
}
