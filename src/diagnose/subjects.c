/* Bounded, and yet exact.
 *
 * When there are too many subjects, those whose hash begins with a zero bit stay, then those with two, and so on. What is kept is then a
 * function of the whole input alone: a subject that stays was never thrown out before, in whatever order and in however many parts
 * the connections came, so its figures are complete, and parts merge into what the whole would have been. (First come, first
 * served is not like that.) The part that is kept is a fair sample: counts of subjects are multiplied by 2^level.
 *
 *   services   by their hash, at most 65,536.
 *   sources    by theirs, at most 65,536 with at most 262,144 pairs.
 *   targets    of one source by the target's hash, at most 4,096.
 *
 * A series becomes coarser (1/1024 s, 1/512 s ...) when it has more cells than its subject may have. That limit follows the number of
 * connections: each brings at most three cells, and the limits of all services together, and of all pairs together, are 524,288
 * connections' worth. One service has at most 131,072, the pairs of one source 32,768 shared equally; if all together would exceed
 * the sum, these are halved, and again, and only after the last halving are subjects thrown out for it.
 *
 * Halving and throwing out are the steps of one ladder for services and one for sources. Every measure that makes them climb is a number
 * that only grows with the input while the step is the same, so the step reached at the end is the lowest that suffices; too
 * many subjects make the step the first that throws out, whatever it was before.
 *
 * At most, and only under an attack on this table, that is 13 MiB for the cells of services and as much for those of pairs, twice that
 * while they grow; 25 MiB for services and the packets kept for them, 8 MiB for targets, 2 MiB for sources, 16 MiB for pairs and 8 MiB to
 * find them all. A capture of 100,000 connections between 96,000 pairs takes about 13 MiB, most of it for the pairs. */
#include "diagnose/subjects.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

#include "diagnose/hoard.h"

#define SOURCE_HALVINGS 6u   /* 32,768 to 512; the steps above throw out sources */
#define SERVICE_HALVINGS 11u /* 131,072 to 64; the steps above throw out services */
#define SHARE_MIN 16u        /* connections whose cells each pair of a source may hold at least */
#define SAMPLES_MANY 4096u   /* with more services fewer packets are kept for each */
#define SAMPLES_FEW 2u
#define CELLS_OF_A_CONNECTION 3u
#define CELLS_SLACK 64u
#define PEEK_MAX 8u
#define PAIRS_FIRST 512u /* the first so many stand apart, since most captures have no more */
#define PAIR_CHUNK_BITS 15u
#define PAIR_CHUNK (1u << PAIR_CHUNK_BITS)

static_assert(sizeof(LaPairSubject) == 64, "a pair is a cache line");

typedef struct {
  uint32_t hash; /* 0: empty */
  uint32_t index;
} Slot;

typedef struct {
  Slot *slots; /* (owned) */
  uint32_t mask;
  uint32_t used;
} Index;

struct LaSubjects {
  Index target_index, source_index, pair_index;
  LaTarget *targets;           /* (owned) */
  LaServiceSubject *services;  /* (owned) */
  LaSource *sources;           /* (owned) */
  LaPairSubject *first_pairs;  /* PAIRS_FIRST (owned) */
  LaPairSubject **pair_chunks; /* each of PAIR_CHUNK (owned, but the chunks the hoard's) */
  LaHoard hoard;
  uint32_t target_count, target_cap;
  uint32_t service_count, service_cap;
  uint32_t source_count, source_cap;
  uint32_t pair_count, pair_chunk_count;
  unsigned service_step; /* of the two ladders */
  unsigned source_step;
  uint64_t service_cost; /* connections whose cells all services may hold */
  uint64_t source_cost;  /* connections whose cells all pairs may hold */
  uint64_t pair_cost;    /* pairs, a source beyond its limit of targets counted with all of the limit */
  unsigned thinned;      /* how often indices became others */
};

static LaPairSubject *pair_at(const LaSubjects *s, uint32_t index)
{
  if (index < PAIRS_FIRST)
    return &s->first_pairs[index];
  index -= PAIRS_FIRST;
  return &s->pair_chunks[index >> PAIR_CHUNK_BITS][index & (PAIR_CHUNK - 1)];
}

/* A place for one more pair, zeroed. */
static LaPairSubject *new_pair(LaSubjects *s)
{
  if (s->pair_count >= PAIRS_FIRST && (s->pair_count - PAIRS_FIRST) >> PAIR_CHUNK_BITS == s->pair_chunk_count) {
    s->pair_chunks = g_renew(LaPairSubject *, s->pair_chunks, s->pair_chunk_count + 1);
    s->pair_chunks[s->pair_chunk_count++] = la_hoard_take(&s->hoard, PAIR_CHUNK * sizeof(LaPairSubject));
  }
  LaPairSubject *pair = pair_at(s, s->pair_count++);
  memset(pair, 0, sizeof *pair);
  return pair;
}

/* ---- hashes and the index ---- */

static uint64_t load64(const uint8_t *at)
{
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
  unsigned __int128 product = (unsigned __int128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xe7037ed1a0b428db));
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The hash decides who is thrown out, so it must be the same in every run and on every machine. */
static uint64_t hash_end(const LaAddr *addr, uint8_t family, uint16_t port)
{
  uint64_t low = GUINT64_FROM_LE(load64(addr->bytes));
  uint64_t high = GUINT64_FROM_LE(load64(addr->bytes + 8));
  uint64_t host = mix(low, high ^ (uint64_t)family << 32);
  /* Twice: after one product the first bits of neighbouring ports can be the same, and the sample kept a host's ports all or none. */
  return mix(mix(host, port + UINT64_C(0x8ebc6af09c88c6e3)), host);
}

static uint32_t slot_hash(uint64_t hash)
{
  uint32_t low = (uint32_t)hash;
  return low != 0 ? low : 1;
}

static bool is_kept(uint64_t hash, unsigned level)
{
  return level == 0 || (level < 64 && hash >> (64 - level) == 0);
}

static void put(Index *index, uint32_t hash, uint32_t number)
{
  uint32_t i = hash & index->mask;
  while (index->slots[i].hash != 0)
    i = (i + 1) & index->mask;
  index->slots[i] = (Slot){hash, number};
  index->used++;
}

/* Gives the index `size` empty slots. */
static void reset_index(LaSubjects *s, Index *index, uint32_t size)
{
  if (index->slots != NULL)
    la_hoard_give(&s->hoard, index->slots, (index->mask + (size_t)1) * sizeof(Slot));
  *index = (Index){.slots = la_hoard_take(&s->hoard, size * sizeof(Slot)), .mask = size - 1, .used = 0};
  memset(index->slots, 0, size * sizeof(Slot));
}

static void add_to_index(LaSubjects *s, Index *index, uint32_t hash, uint32_t number)
{
  if (index->used >= index->mask - index->mask / 4) {
    Index old = *index;
    index->slots = NULL;
    reset_index(s, index, 2 * (old.mask + 1));
    for (uint32_t i = 0; i <= old.mask; i++)
      if (old.slots[i].hash != 0)
        put(index, old.slots[i].hash, old.slots[i].index);
    la_hoard_give(&s->hoard, old.slots, (old.mask + (size_t)1) * sizeof(Slot));
  }
  put(index, hash, number);
}

static uint64_t hash_of_target(const LaTarget *target)
{
  return hash_end(&target->addr, target->family, target->port);
}

static uint64_t hash_of_source(const LaSource *source)
{
  return hash_end(&source->addr, source->family, 0);
}

static uint64_t hash_of_pair(uint64_t source, uint64_t target)
{
  return mix(source, target);
}

/* ---- the measures ---- */

static unsigned level_of(unsigned step, unsigned halvings)
{
  return step > halvings ? step - halvings : 0;
}

unsigned la_subjects_source_level(const LaSubjects *s)
{
  return level_of(s->source_step, SOURCE_HALVINGS);
}

unsigned la_subjects_service_level(const LaSubjects *s)
{
  return level_of(s->service_step, SERVICE_HALVINGS);
}

/* How many connections' cells a service may hold. */
static uint64_t service_limit(const LaSubjects *s)
{
  return LA_SERVICE_CONNECTIONS_MAX >> MIN(s->service_step, SERVICE_HALVINGS);
}

static uint64_t service_cost_of(const LaSubjects *s, const LaServiceSubject *service)
{
  return MIN(service->connections, service_limit(s));
}

static uint64_t pair_cost_of(const LaSource *source)
{
  return source->target_level != 0 ? LA_TARGETS_MAX : source->pairs;
}

/* How many connections' cells the source's pairs may hold. */
static uint64_t source_limit(const LaSubjects *s, const LaSource *source)
{
  return MAX((uint64_t)LA_SOURCE_CONNECTIONS_MAX >> MIN(s->source_step, SOURCE_HALVINGS), SHARE_MIN * pair_cost_of(source));
}

static uint64_t source_cost_of(const LaSubjects *s, const LaSource *source)
{
  return MIN(source->connections, source_limit(s, source));
}

static uint32_t service_cells_max(const LaSubjects *s)
{
  return (uint32_t)(CELLS_OF_A_CONNECTION * service_limit(s));
}

static uint32_t pair_cells_max(const LaSubjects *s, const LaSource *source)
{
  return (uint32_t)(CELLS_OF_A_CONNECTION * source_limit(s, source) / MAX(pair_cost_of(source), 1));
}

unsigned la_subjects_sample_limit(const LaSubjects *subjects)
{
  bool many = subjects->service_count > SAMPLES_MANY || la_subjects_service_level(subjects) > 0;
  return many ? SAMPLES_FEW : LA_SAMPLES_MAX;
}

/* ---- throwing out ---- */

static void clear_service(LaServiceSubject *service)
{
  for (unsigned i = 0; i < LA_TOPIC_N; i++)
    la_samples_clear(&service->samples[i]);
  la_series_clear(&service->series);
}

static void thin_sources(LaSubjects *s, uint32_t *ret_new)
{
  unsigned level = la_subjects_source_level(s);
  uint32_t kept = 0;
  reset_index(s, &s->source_index, s->source_index.mask + 1);
  for (uint32_t i = 0; i < s->source_count; i++) {
    uint64_t hash = hash_of_source(&s->sources[i]);
    ret_new[i] = UINT32_MAX;
    if (!is_kept(hash, level))
      continue;
    ret_new[i] = kept;
    put(&s->source_index, slot_hash(hash), kept);
    s->sources[kept] = s->sources[i];
    s->sources[kept++].pairs = 0;
  }
  s->source_count = kept;
}

/* Their targets still have the old numbers afterwards; `used` is set for those that a pair still needs. */
static void thin_pairs(LaSubjects *s, const uint32_t *new_source, bool *used)
{
  uint32_t kept = 0;
  reset_index(s, &s->pair_index, s->pair_index.mask + 1);
  for (uint32_t i = 0; i < s->pair_count; i++) {
    LaPairSubject *pair = pair_at(s, i);
    uint32_t source = new_source[pair->source];
    uint64_t hash = hash_of_target(&s->targets[pair->target]);
    if (source == UINT32_MAX || !is_kept(hash, s->sources[source].target_level)) {
      la_series_clear(&pair->series);
      continue;
    }
    pair->source = source;
    used[pair->target] = true;
    s->sources[source].pairs++;
    put(&s->pair_index, slot_hash(hash_of_pair(hash_of_source(&s->sources[source]), hash)), kept);
    *pair_at(s, kept++) = *pair;
  }
  s->pair_count = kept;
}

/* A target stays while it is kept as a service, or a pair needs it. */
static void thin_targets(LaSubjects *s, const bool *used, uint32_t *ret_new)
{
  unsigned level = la_subjects_service_level(s);
  uint32_t kept = 0;
  reset_index(s, &s->target_index, s->target_index.mask + 1);
  for (uint32_t i = 0; i < s->target_count; i++) {
    LaTarget *target = &s->targets[i];
    uint64_t hash = hash_of_target(target);
    ret_new[i] = UINT32_MAX;
    if (target->service != LA_NO_SERVICE && !is_kept(hash, level)) {
      clear_service(&s->services[target->service]);
      s->services[target->service].target = UINT32_MAX;
      target->service = LA_NO_SERVICE;
    }
    if (target->service == LA_NO_SERVICE && !used[i])
      continue;
    ret_new[i] = kept;
    put(&s->target_index, slot_hash(hash), kept);
    s->targets[kept++] = *target;
  }
  s->target_count = kept;
  kept = 0;
  for (uint32_t i = 0; i < s->service_count; i++) {
    if (s->services[i].target == UINT32_MAX)
      continue;
    s->services[kept] = s->services[i];
    s->services[kept].target = ret_new[s->services[i].target];
    s->targets[s->services[kept].target].service = kept;
    kept++;
  }
  s->service_count = kept;
}

static void recount(LaSubjects *s)
{
  s->service_cost = s->source_cost = s->pair_cost = 0;
  for (uint32_t i = 0; i < s->service_count; i++)
    s->service_cost += service_cost_of(s, &s->services[i]);
  for (uint32_t i = 0; i < s->source_count; i++) {
    s->pair_cost += pair_cost_of(&s->sources[i]);
    s->source_cost += source_cost_of(s, &s->sources[i]);
  }
}

/* Throws out what the levels no longer keep, and numbers the rest anew. */
static void thin(LaSubjects *s)
{
  uint32_t *new_source = g_new(uint32_t, s->source_count + 1);
  uint32_t *new_target = g_new(uint32_t, s->target_count + 1);
  bool *used = g_new0(bool, s->target_count + 1);
  thin_sources(s, new_source);
  thin_pairs(s, new_source, used);
  thin_targets(s, used, new_target);
  for (uint32_t i = 0; i < s->pair_count; i++)
    pair_at(s, i)->target = new_target[pair_at(s, i)->target];
  g_free(new_source);
  g_free(new_target);
  g_free(used);
  s->thinned++;
  recount(s);
}

static void climb(LaSubjects *s, unsigned *step, unsigned least)
{
  unsigned before_services = la_subjects_service_level(s);
  unsigned before_sources = la_subjects_source_level(s);
  *step = MAX(*step + 1, least);
  if (la_subjects_service_level(s) != before_services || la_subjects_source_level(s) != before_sources)
    thin(s);
  else
    recount(s);
}

/* Climbs the ladders until all limits hold. */
static void relieve(LaSubjects *s)
{
  for (;;) {
    bool crowded = s->service_count > LA_SERVICE_SUBJECTS_MAX;
    if (!crowded && s->service_cost <= LA_CONNECTIONS_MAX)
      break;
    climb(s, &s->service_step, crowded ? SERVICE_HALVINGS + 1 : 0);
  }
  for (;;) {
    bool crowded = s->source_count > LA_SOURCES_MAX || s->pair_cost > LA_PAIRS_MAX;
    if (!crowded && s->source_cost <= LA_CONNECTIONS_MAX)
      break;
    climb(s, &s->source_step, crowded ? SOURCE_HALVINGS + 1 : 0);
  }
}

/* The source has more targets than it may. No source goes, so its number stays. */
static void narrow(LaSubjects *s, uint32_t source)
{
  while (s->sources[source].pairs > LA_TARGETS_MAX) {
    s->sources[source].target_level++;
    thin(s);
  }
}

/* ---- finding and adding ---- */

/* Grows an array of `size`-byte elements to hold one more than `count`. */
static void *with_room(LaSubjects *s, void *array, uint32_t count, uint32_t *cap, size_t size)
{
  if (count < *cap)
    return array;
  uint32_t wider = MAX(2 * *cap, 64);
  void *grown = la_hoard_take(&s->hoard, wider * size);
  if (array != NULL)
    memcpy(grown, array, count * size);
  la_hoard_give(&s->hoard, array, *cap * size);
  *cap = wider;
  return grown;
}

static uint32_t find_target(LaSubjects *s, const LaHostPort *end, uint64_t hash)
{
  uint32_t key = slot_hash(hash);
  const Index *index = &s->target_index;
  for (uint32_t i = key & index->mask; index->slots[i].hash != 0; i = (i + 1) & index->mask) {
    if (index->slots[i].hash != key)
      continue;
    const LaTarget *target = &s->targets[index->slots[i].index];
    if (target->port == end->port && target->family == end->family && la_addr_equal(&target->addr, &end->addr))
      return index->slots[i].index;
  }
  s->targets = with_room(s, s->targets, s->target_count, &s->target_cap, sizeof *s->targets);
  s->targets[s->target_count] =
      (LaTarget){.addr = end->addr, .port = end->port, .family = end->family, .service = LA_NO_SERVICE};
  add_to_index(s, &s->target_index, key, s->target_count);
  return s->target_count++;
}

/* What is known of the target as a service, made when there is nothing yet. */
static uint32_t find_service(LaSubjects *s, uint32_t target)
{
  if (s->targets[target].service != LA_NO_SERVICE)
    return s->targets[target].service;
  s->services = with_room(s, s->services, s->service_count, &s->service_cap, sizeof *s->services);
  memset(&s->services[s->service_count], 0, sizeof *s->services);
  s->services[s->service_count].target = target;
  s->targets[target].service = s->service_count;
  if (s->service_count == SAMPLES_MANY)
    for (uint32_t i = 0; i < s->service_count; i++)
      for (unsigned topic = 0; topic < LA_TOPIC_N; topic++)
        la_samples_trim(&s->services[i].samples[topic], SAMPLES_FEW);
  return s->service_count++;
}

static uint32_t find_source(LaSubjects *s, const LaHostPort *end, uint64_t hash)
{
  uint32_t key = slot_hash(hash);
  const Index *index = &s->source_index;
  for (uint32_t i = key & index->mask; index->slots[i].hash != 0; i = (i + 1) & index->mask) {
    if (index->slots[i].hash != key)
      continue;
    const LaSource *source = &s->sources[index->slots[i].index];
    if (source->family == end->family && la_addr_equal(&source->addr, &end->addr))
      return index->slots[i].index;
  }
  s->sources = with_room(s, s->sources, s->source_count, &s->source_cap, sizeof *s->sources);
  LaSource *source = &s->sources[s->source_count];
  *source = (LaSource){.addr = end->addr, .family = end->family};
  add_to_index(s, &s->source_index, key, s->source_count);
  return s->source_count++;
}

static uint32_t find_pair(LaSubjects *s, uint32_t source, uint32_t target, uint64_t hash)
{
  uint32_t key = slot_hash(hash);
  const Index *index = &s->pair_index;
  for (uint32_t i = key & index->mask; index->slots[i].hash != 0; i = (i + 1) & index->mask) {
    if (index->slots[i].hash != key)
      continue;
    const LaPairSubject *pair = pair_at(s, index->slots[i].index);
    if (pair->source == source && pair->target == target)
      return index->slots[i].index;
  }
  add_to_index(s, &s->pair_index, key, s->pair_count);
  LaPairSubject *pair = new_pair(s);
  pair->source = source;
  pair->target = target;
  return s->pair_count - 1;
}

/* One connection by its three subjects. */
typedef struct {
  const LaHostPort *client, *server;
  const LaSubjectHashes *hashes;
} Entry;

/* Finds or makes all that is kept of the three; with it the books are right, but limits may be exceeded. */
static LaSubjectsOf find(LaSubjects *s, const Entry *e)
{
  LaSubjectsOf of = {NULL, NULL, NULL};
  bool service_kept = is_kept(e->hashes->target, la_subjects_service_level(s));
  bool source_kept = is_kept(e->hashes->source, la_subjects_source_level(s));
  uint32_t target = UINT32_MAX;
  if (service_kept) {
    target = find_target(s, e->server, e->hashes->target);
    uint32_t service = find_service(s, target); /* may move the array */
    of.service = &s->services[service];
  }
  if (!source_kept)
    return of;
  uint32_t source = find_source(s, e->client, e->hashes->source);
  of.source = &s->sources[source];
  if (!is_kept(e->hashes->target, of.source->target_level))
    return of;
  if (target == UINT32_MAX)
    target = find_target(s, e->server, e->hashes->target);
  uint32_t pairs = s->pair_count;
  uint32_t pair = find_pair(s, source, target, e->hashes->pair);
  of.pair = pair_at(s, pair);
  if (s->pair_count > pairs) {
    s->pair_cost -= pair_cost_of(of.source);
    s->source_cost -= source_cost_of(s, of.source);
    of.source->pairs++;
    s->pair_cost += pair_cost_of(of.source);
    s->source_cost += source_cost_of(s, of.source);
  }
  return of;
}

LaSubjectHashes la_subjects_hashes(const LaHostPort *client, const LaHostPort *server)
{
  LaSubjectHashes hashes = {.source = hash_end(&client->addr, client->family, 0),
                            .target = hash_end(&server->addr, server->family, server->port)};
  hashes.pair = hash_of_pair(hashes.source, hashes.target);
  return hashes;
}

static const Slot *slot_of(const Index *index, uint64_t hash)
{
  return &index->slots[slot_hash(hash) & index->mask];
}

void la_subjects_fetch_slots(const LaSubjects *subjects, const LaSubjectHashes *hashes)
{
  __builtin_prefetch(slot_of(&subjects->source_index, hashes->source));
  __builtin_prefetch(slot_of(&subjects->target_index, hashes->target));
  __builtin_prefetch(slot_of(&subjects->pair_index, hashes->pair));
}

/* The first of the slots where the hash stands; NULL when it is not among the next few. */
static const Slot *peek(const Index *index, uint64_t hash)
{
  uint32_t key = slot_hash(hash);
  for (uint32_t i = key; i < key + PEEK_MAX; i++) {
    const Slot *slot = &index->slots[i & index->mask];
    if (slot->hash == key)
      return slot;
    if (slot->hash == 0)
      return NULL;
  }
  return NULL;
}

void la_subjects_fetch_entries(const LaSubjects *subjects, const LaSubjectHashes *hashes)
{
  const Slot *slot = peek(&subjects->source_index, hashes->source);
  if (slot != NULL)
    __builtin_prefetch(&subjects->sources[slot->index]);
  slot = peek(&subjects->target_index, hashes->target);
  if (slot != NULL)
    __builtin_prefetch(&subjects->targets[slot->index]);
  slot = peek(&subjects->pair_index, hashes->pair);
  if (slot != NULL)
    __builtin_prefetch(pair_at(subjects, slot->index));
}

/* `connections` is 1, or 0 when they are counted already. */
static LaSubjectsOf enter(LaSubjects *s, const Entry *entry, unsigned connections)
{
  LaSubjectsOf of = find(s, entry);
  if (of.service != NULL && connections != 0) {
    s->service_cost += of.service->connections < service_limit(s) ? 1 : 0;
    of.service->connections++;
  }
  unsigned thinned = s->thinned;
  if (of.source != NULL) {
    if (connections != 0) {
      s->source_cost += of.source->connections < source_limit(s, of.source) ? 1 : 0;
      of.source->connections++;
    }
    if (of.source->pairs > LA_TARGETS_MAX)
      narrow(s, (uint32_t)(of.source - s->sources));
  }
  if (s->service_count > LA_SERVICE_SUBJECTS_MAX || s->service_cost > LA_CONNECTIONS_MAX || s->source_count > LA_SOURCES_MAX ||
      s->pair_cost > LA_PAIRS_MAX || s->source_cost > LA_CONNECTIONS_MAX)
    relieve(s);
  return s->thinned == thinned ? of : find(s, entry);
}

LaSubjectsOf la_subjects_of(LaSubjects *subjects, const LaHostPort *client, const LaHostPort *server,
                            const LaSubjectHashes *hashes)
{
  return enter(subjects, &(Entry){.client = client, .server = server, .hashes = hashes}, 1);
}

/* ---- cells ---- */

static void settle_series(LaSeries *series, uint32_t most)
{
  la_series_settle(series);
  while (series->len > most && la_series_timed(series) > most && series->level < LA_TICK_BITS - 1)
    la_series_coarsen(series, series->level + 1u);
}

void la_subjects_bound(const LaSubjects *subjects, const LaSubjectsOf *of)
{
  uint32_t most = service_cells_max(subjects);
  if (of->service != NULL && of->service->series.len > 2 * most + CELLS_SLACK)
    settle_series(&of->service->series, most);
  if (of->pair == NULL || of->pair->series.len <= CELLS_SLACK)
    return;
  most = pair_cells_max(subjects, of->source);
  if (of->pair->series.len > 2 * most + CELLS_SLACK)
    settle_series(&of->pair->series, most);
}

void la_subjects_settle(LaSubjects *subjects)
{
  relieve(subjects);
  for (uint32_t i = 0; i < subjects->service_count; i++)
    settle_series(&subjects->services[i].series, service_cells_max(subjects));
  for (uint32_t i = 0; i < subjects->pair_count; i++) {
    LaPairSubject *pair = pair_at(subjects, i);
    if (pair->series.on_heap != 0)
      settle_series(&pair->series, pair_cells_max(subjects, &subjects->sources[pair->source]));
  }
}

/* ---- merging ---- */

static void add_service(const LaSubjects *into, LaServiceSubject *to, const LaServiceSubject *from)
{
  if (from->ttl_max != 0) {
    to->ttl_min = to->ttl_max != 0 ? MIN(to->ttl_min, from->ttl_min) : from->ttl_min;
    to->ttl_max = MAX(to->ttl_max, from->ttl_max);
  }
  to->embryos_repeated += from->embryos_repeated;
  to->embryos_ignored += from->embryos_ignored;
  to->connections += from->connections;
  for (unsigned side = 0; side < LA_SIDE_N; side++)
    to->close_wait_longest[side] = MAX(to->close_wait_longest[side], from->close_wait_longest[side]);
  for (unsigned i = 0; i < LA_BLAME_N; i++)
    to->resets_by[i] += from->resets_by[i];
  for (unsigned i = 0; i < LA_TOPIC_N; i++) {
    to->covers[i] += from->covers[i];
    la_samples_merge(&to->samples[i], &from->samples[i], la_subjects_sample_limit(into));
  }
  la_series_merge(&to->series, &from->series);
}

static LaHostPort end_of(const LaTarget *target)
{
  return (LaHostPort){.addr = target->addr, .port = target->port, .family = target->family};
}

static void merge_services(LaSubjects *into, const LaSubjects *from)
{
  for (uint32_t i = 0; i < from->service_count; i++) {
    const LaTarget *target = &from->targets[from->services[i].target];
    LaHostPort end = end_of(target);
    uint64_t hash = hash_of_target(target);
    if (!is_kept(hash, la_subjects_service_level(into)))
      continue;
    uint32_t number = find_service(into, find_target(into, &end, hash));
    LaServiceSubject *service = &into->services[number];
    into->service_cost -= service_cost_of(into, service);
    add_service(into, service, &from->services[i]);
    into->service_cost += service_cost_of(into, service);
    relieve(into);
  }
}

/* First the sources with their levels, so that no pair is taken that the whole would not have. */
static void merge_sources(LaSubjects *into, const LaSubjects *from)
{
  for (uint32_t i = 0; i < from->source_count; i++) {
    LaHostPort end = {.addr = from->sources[i].addr, .family = from->sources[i].family};
    uint64_t hash = hash_of_source(&from->sources[i]);
    if (!is_kept(hash, la_subjects_source_level(into)))
      continue;
    uint32_t number = find_source(into, &end, hash);
    LaSource *source = &into->sources[number];
    source->connections += from->sources[i].connections;
    source->target_level = MAX(source->target_level, from->sources[i].target_level);
  }
  thin(into);
  relieve(into);
}

static void merge_pairs(LaSubjects *into, const LaSubjects *from)
{
  for (uint32_t i = 0; i < from->pair_count; i++) {
    const LaPairSubject *pair = pair_at(from, i);
    const LaSource *source = &from->sources[pair->source];
    LaHostPort client = {.addr = source->addr, .family = source->family};
    LaHostPort server = end_of(&from->targets[pair->target]);
    LaSubjectHashes hashes = la_subjects_hashes(&client, &server);
    LaSubjectsOf of = enter(into, &(Entry){.client = &client, .server = &server, .hashes = &hashes}, 0);
    if (of.pair == NULL)
      continue;
    of.pair->findings += pair->findings;
    of.pair->wait = of.pair->wait > UINT32_MAX - pair->wait ? UINT32_MAX : of.pair->wait + pair->wait;
    la_series_merge(&of.pair->series, &pair->series);
  }
}

void la_subjects_merge(LaSubjects *into, LaSubjects *from)
{
  la_subjects_settle(into);
  la_subjects_settle(from);
  into->service_step = MAX(into->service_step, from->service_step);
  into->source_step = MAX(into->source_step, from->source_step);
  thin(into);
  merge_services(into, from);
  merge_sources(into, from);
  merge_pairs(into, from);
  la_subjects_settle(into);
}

/* ---- the rest ---- */

LaSubjects *la_subjects_new(void)
{
  LaSubjects *subjects = g_new0(LaSubjects, 1);
  subjects->first_pairs = g_new(LaPairSubject, PAIRS_FIRST);
  reset_index(subjects, &subjects->target_index, 256);
  reset_index(subjects, &subjects->source_index, 256);
  reset_index(subjects, &subjects->pair_index, 256);
  return subjects;
}

void la_subjects_free(LaSubjects *subjects)
{
  if (subjects == NULL)
    return;
  for (uint32_t i = 0; i < subjects->service_count; i++)
    clear_service(&subjects->services[i]);
  for (uint32_t i = 0; i < subjects->pair_count; i++)
    la_series_clear(&pair_at(subjects, i)->series);
  const Index *indices[] = {&subjects->target_index, &subjects->source_index, &subjects->pair_index};
  for (unsigned i = 0; i < G_N_ELEMENTS(indices); i++)
    la_hoard_give(&subjects->hoard, indices[i]->slots, (indices[i]->mask + (size_t)1) * sizeof(Slot));
  la_hoard_give(&subjects->hoard, subjects->targets, subjects->target_cap * sizeof *subjects->targets);
  la_hoard_give(&subjects->hoard, subjects->services, subjects->service_cap * sizeof *subjects->services);
  la_hoard_give(&subjects->hoard, subjects->sources, subjects->source_cap * sizeof *subjects->sources);
  g_free(subjects->first_pairs);
  g_free(subjects->pair_chunks);
  la_hoard_clear(&subjects->hoard);
  g_free(subjects);
}

const LaTarget *la_subjects_targets(const LaSubjects *subjects, unsigned *ret_count)
{
  *ret_count = subjects->target_count;
  return subjects->targets;
}

const LaServiceSubject *la_subjects_services(const LaSubjects *subjects, unsigned *ret_count)
{
  *ret_count = subjects->service_count;
  return subjects->services;
}

const LaSource *la_subjects_sources(const LaSubjects *subjects, unsigned *ret_count)
{
  *ret_count = subjects->source_count;
  return subjects->sources;
}

uint32_t la_subjects_pair_count(const LaSubjects *subjects)
{
  return subjects->pair_count;
}

LaPairSubject *la_subjects_pair(LaSubjects *subjects, uint32_t index)
{
  return pair_at(subjects, index);
}
