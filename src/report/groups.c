/* Open addressing over indices into an array of entries, which say what a group is about and hold nothing else. The groups themselves
 * are large and most often in no cache: a finding waits in a short queue while its group is fetched, and is counted when others have
 * come in behind it. The number of groups is bounded, since an attacker chooses the services of a capture: what comes after the last
 * one is only counted. */
#include "report/groups.h"

#include <math.h>
#include <string.h>

#include "track/measures.h"

#include "diagnose/rule.h"

#define SLOTS (2 * LA_GROUPS_MAX)
#define EMPTY UINT16_MAX

/* What a group is about. */
typedef struct {
  const LaRule *rule;
  LaHostPort server;
  uint8_t severity;
  uint8_t blame;
  bool known;         /* `confidence` is set: a finding came */
  uint8_t confidence; /* the group's */
  LaGroup *group;     /* (borrowed from `all`) */
} Entry;

/* A part of the hash stands beside the index, so that other entries are passed over. */
typedef struct {
  uint16_t index; /* EMPTY: free */
  uint16_t tag;
} Slot;

/* A finding that is not counted yet. */
typedef struct {
  LaGroup *group;
  LaTime at;
  uint32_t client; /* its hash */
} Waiting;

#define QUEUE 8 /* a power of two */

struct LaGroups {
  Slot slots[SLOTS];
  Entry *entries; /* (owned) */
  unsigned room;  /* of entries; as many are used as there are groups */
  Waiting queue[QUEUE];
  unsigned queued;  /* all that came in */
  unsigned counted; /* all that left */
  GPtrArray *all;   /* of LaGroup */
  uint64_t overflow;
  bool sorted; /* `all` is in report order, `slots` is out of date */
};

static void free_group(gpointer data)
{
  LaGroup *group = data;
  g_free(group->sentence);
  g_free(group->path);
  g_free(group);
}

LaGroups *la_groups_new(void)
{
  LaGroups *groups = g_new0(LaGroups, 1);
  memset(groups->slots, 0xff, sizeof groups->slots);
  groups->all = g_ptr_array_new_with_free_func(free_group);
  return groups;
}

void la_groups_free(LaGroups *groups)
{
  if (groups == NULL)
    return;
  g_ptr_array_unref(groups->all);
  g_free(groups->entries);
  g_free(groups);
}

/* FNV-1a, finished so that the low bits depend on all. */
static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t len)
{
  const uint8_t *at = bytes;
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ at[i]) * UINT32_C(16777619);
  hash ^= hash >> 15;
  return hash * UINT32_C(2654435761);
}

static uint64_t hash_group(const LaFinding *finding, const LaHostPort *server)
{
  uint64_t words[2];
  memcpy(words, server->addr.bytes, sizeof words);
  uint64_t what = (uint64_t)(uintptr_t)finding->rule ^ (uint64_t)finding->severity << 56 ^ (uint64_t)finding->blame << 48;
  uint64_t hash = (words[0] ^ (uint64_t)server->port << 32) * UINT64_C(0x9e3779b97f4a7c15);
  hash = (hash ^ hash >> 32 ^ words[1]) * UINT64_C(0xbf58476d1ce4e5b9);
  hash = (hash ^ hash >> 32 ^ what) * UINT64_C(0x94d049bb133111eb);
  return hash ^ hash >> 32;
}

void la_distinct_add(LaDistinct *distinct, uint32_t hash)
{
  if (distinct->exact_count <= LA_DISTINCT_EXACT) {
    for (uint32_t i = 0; i < distinct->exact_count; i++) {
      if (distinct->exact[i] == hash)
        return;
    }
    if (distinct->exact_count < LA_DISTINCT_EXACT)
      distinct->exact[distinct->exact_count] = hash;
    distinct->exact_count++;
  }
  uint32_t bit = (hash ^ hash >> 16) % LA_DISTINCT_BITS;
  distinct->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
}

uint64_t la_distinct_count(const LaDistinct *distinct, bool *ret_exact)
{
  *ret_exact = distinct->exact_count <= LA_DISTINCT_EXACT;
  if (*ret_exact)
    return distinct->exact_count;
  unsigned empty = 0;
  for (unsigned i = 0; i < LA_DISTINCT_BITS; i++)
    empty += (distinct->bits[i / 64] >> (i % 64) & 1) == 0 ? 1 : 0;
  double estimate = -(double)LA_DISTINCT_BITS * log((empty > 0 ? (double)empty : 0.5) / LA_DISTINCT_BITS);
  return (uint64_t)(estimate + 0.5);
}

static bool same(const Entry *entry, const LaFinding *finding, const LaHostPort *server)
{
  return entry->rule == finding->rule && entry->severity == finding->severity && entry->blame == finding->blame &&
         entry->server.port == server->port && entry->server.family == server->family &&
         la_addr_equal(&entry->server.addr, &server->addr);
}

/* A group without anything in it. */
static Entry *add_entry(LaGroups *groups, const LaFinding *finding, const LaHostPort *server)
{
  LaGroup *group = g_new0(LaGroup, 1);
  group->rule = finding->rule;
  group->severity = finding->severity;
  group->blame = finding->blame;
  group->server = *server;
  group->first = group->last = LA_TIME_NONE;
  if (groups->all->len == groups->room) {
    groups->room = groups->room != 0 ? groups->room * 2 : 64;
    groups->entries = g_renew(Entry, groups->entries, groups->room);
  }
  Entry *entry = &groups->entries[groups->all->len];
  *entry = (Entry){.rule = group->rule, .server = *server, .severity = group->severity, .blame = group->blame, .group = group};
  g_ptr_array_add(groups->all, group);
  return entry;
}

/* The entry of this finding's group, made when there is none yet; NULL when there is no room. */
static Entry *find_or_add(LaGroups *groups, const LaFinding *finding, const LaHostPort *server)
{
  uint64_t hash = hash_group(finding, server);
  uint16_t tag = (uint16_t)(hash >> 48);
  uint32_t slot = hash % SLOTS;
  for (; groups->slots[slot].index != EMPTY; slot = (slot + 1) % SLOTS) {
    Entry *entry = &groups->entries[groups->slots[slot].index];
    if (groups->slots[slot].tag == tag && same(entry, finding, server))
      return entry;
  }
  if (groups->all->len >= LA_GROUPS_MAX)
    return NULL;
  groups->slots[slot] = (Slot){.index = (uint16_t)groups->all->len, .tag = tag};
  return add_entry(groups, finding, server);
}

static void take_example(LaGroup *group, const LaFinding *finding, const LaConnectionRecord *record)
{
  GString *sentence = g_string_new(NULL);
  la_finding_summary(finding, record->conn, sentence);
  g_free(group->sentence);
  group->sentence = g_string_free(sentence, FALSE);
  g_free(group->path);
  group->path = g_strdup(record->path);
  group->packets_total = MAX(finding->packets_total, finding->packet_count);
  for (unsigned i = 0; i < finding->packet_count && i < LA_GROUP_PACKETS; i++)
    group->packets[i] = finding->packets[i];
  group->example_id = (record->conn->flags & LA_CONN_ADOPTED) == 0 ? record->conn->id : 0;
  group->example_client = la_connection_end(record->conn, LA_OPENER);
}

/* A finding that is the group's first, or of another confidence. The first of the strongest confidence is the group's example; its
 * connection is only here now. */
static void judge(Entry *entry, const LaFinding *finding, const LaConnectionRecord *record)
{
  LaGroup *group = entry->group;
  if (entry->known)
    group->sure_different = 1;
  if (entry->known && finding->confidence < entry->confidence)
    return;
  take_example(group, finding, record);
  entry->confidence = group->confidence = finding->confidence;
  entry->known = true;
}

static void fetch(const LaGroup *group)
{
  for (size_t at = 0; at < offsetof(LaGroup, example_id); at += 64)
    __builtin_prefetch((const char *)group + at);
}

static void count_one(LaGroups *groups)
{
  const Waiting *waiting = &groups->queue[groups->counted++ % QUEUE];
  LaGroup *group = waiting->group;
  group->count++;
  la_distinct_add(&group->clients, waiting->client);
  if (!la_time_is_known(waiting->at))
    return;
  la_history_add(&group->history, waiting->at);
  if (group->first == LA_TIME_NONE || waiting->at < group->first)
    group->first = waiting->at;
  if (group->last == LA_TIME_NONE || waiting->at > group->last)
    group->last = waiting->at;
}

void la_groups_add(LaGroups *groups, const LaConnectionRecord *record)
{
  g_return_if_fail(!groups->sorted);
  if (record->findings->count == 0)
    return;
  LaHostPort server = la_connection_end(record->conn, LA_ACCEPTOR);
  uint32_t client =
      hash_bytes(UINT32_C(2166136261), record->conn->addr[LA_OPENER].bytes, sizeof record->conn->addr[LA_OPENER].bytes);
  for (unsigned i = 0; i < record->findings->count; i++) {
    const LaFinding *finding = &record->findings->items[i];
    Entry *entry = find_or_add(groups, finding, &server);
    if (entry == NULL) {
      groups->overflow++;
      continue;
    }
    fetch(entry->group);
    if (!entry->known || finding->confidence != entry->confidence)
      judge(entry, finding, record);
    if (groups->queued - groups->counted == QUEUE)
      count_one(groups);
    groups->queue[groups->queued++ % QUEUE] = (Waiting){.group = entry->group, .at = finding->at, .client = client};
  }
}

uint64_t la_groups_overflow(const LaGroups *groups)
{
  return groups->overflow;
}

/* Findings by rule and severity. */
typedef struct {
  uint64_t count[LA_RULES_MAX][LA_SEVERITY_N];
} Totals;

static int compare(gconstpointer a, gconstpointer b, gpointer data)
{
  const LaGroup *one = *(LaGroup *const *)a;
  const LaGroup *other = *(LaGroup *const *)b;
  const Totals *totals = data;
  if (one->severity != other->severity)
    return one->severity > other->severity ? -1 : 1;
  unsigned one_index = la_rule_index(one->rule);
  unsigned other_index = la_rule_index(other->rule);
  uint64_t one_total = totals->count[one_index][one->severity];
  uint64_t other_total = totals->count[other_index][other->severity];
  if (one_total != other_total)
    return one_total > other_total ? -1 : 1;
  if (one_index != other_index)
    return one_index < other_index ? -1 : 1;
  if (one->count != other->count)
    return one->count > other->count ? -1 : 1;
  int order = la_addr_compare(&one->server.addr, &other->server.addr);
  if (order != 0)
    return order;
  if (one->server.port != other->server.port)
    return one->server.port < other->server.port ? -1 : 1;
  return (int)one->blame - (int)other->blame;
}

LaGroup *const *la_groups_sorted(LaGroups *groups, unsigned *ret_count)
{
  while (groups->counted != groups->queued)
    count_one(groups);
  if (!groups->sorted) {
    g_autofree Totals *totals = g_new0(Totals, 1);
    for (unsigned i = 0; i < groups->all->len; i++) {
      const LaGroup *group = g_ptr_array_index(groups->all, i);
      totals->count[la_rule_index(group->rule)][group->severity] += group->count;
    }
    g_ptr_array_sort_with_data(groups->all, compare, totals);
  }
  groups->sorted = true;
  *ret_count = groups->all->len;
  return (LaGroup *const *)groups->all->pdata;
}
