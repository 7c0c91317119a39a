/* Open addressing over indices into an array of pointers. The number of groups is bounded, since an attacker chooses the services
 * of a capture: what comes after the last one is only counted. */
#include "report/groups.h"

#include <math.h>
#include <string.h>

#include "diagnose/rule.h"

#define SLOTS (2 * LA_GROUPS_MAX)
#define EMPTY UINT16_MAX

/* A part of the hash stands beside the index: another service's group need not be looked at, it is most often in no cache. */
typedef struct {
  uint16_t index; /* EMPTY: free */
  uint16_t tag;
} Slot;

struct LaGroups {
  Slot slots[SLOTS];
  GPtrArray *all; /* of LaGroup */
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

/* The hash of a server and `key`, which says what is found. */
static uint64_t hash_group(const LaHostPort *server, uint32_t key)
{
  uint64_t words[2];
  memcpy(words, server->addr.bytes, sizeof words);
  uint64_t hash = (words[0] ^ (uint64_t)server->port << 32) * UINT64_C(0x9e3779b97f4a7c15);
  hash = (hash ^ hash >> 32 ^ words[1]) * UINT64_C(0xbf58476d1ce4e5b9);
  hash = (hash ^ hash >> 32 ^ key) * UINT64_C(0x94d049bb133111eb);
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

static bool same(const LaGroup *group, const LaFinding *finding, const LaHostPort *server)
{
  return group->rule == finding->rule && group->severity == finding->severity && group->blame == finding->blame &&
         group->server.port == server->port && group->server.family == server->family &&
         la_addr_equal(&group->server.addr, &server->addr);
}

/* The group of this finding, made when there is none yet; NULL when there is no room. */
static LaGroup *find_or_add(LaGroups *groups, const LaFinding *finding, const LaHostPort *server)
{
  uint32_t key = la_rule_index(finding->rule) << 16 | (uint32_t)finding->severity << 8 | finding->blame;
  uint64_t hash = hash_group(server, key);
  uint16_t tag = (uint16_t)(hash >> 48);
  uint32_t slot = hash % SLOTS;
  for (; groups->slots[slot].index != EMPTY; slot = (slot + 1) % SLOTS) {
    if (groups->slots[slot].tag != tag)
      continue;
    LaGroup *group = g_ptr_array_index(groups->all, groups->slots[slot].index);
    if (same(group, finding, server))
      return group;
  }
  if (groups->all->len >= LA_GROUPS_MAX)
    return NULL;
  LaGroup *group = g_new0(LaGroup, 1);
  group->rule = finding->rule;
  group->severity = finding->severity;
  group->blame = finding->blame;
  group->server = *server;
  group->first = group->last = LA_TIME_NONE;
  groups->slots[slot] = (Slot){.index = (uint16_t)groups->all->len, .tag = tag};
  g_ptr_array_add(groups->all, group);
  return group;
}

static void take_example(LaGroup *group, const LaFinding *finding, const LaConnectionRecord *record)
{
  GString *sentence = g_string_new(NULL);
  la_finding_summary(finding, record->conn, sentence);
  g_free(group->sentence);
  group->sentence = g_string_free(sentence, FALSE);
  g_free(group->path);
  group->path = g_strdup(record->path);
  group->example_id = record->conn->id;
  group->example_file = record->file;
  group->example_client = la_connection_end(record->conn, LA_OPENER);
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
    LaGroup *group = find_or_add(groups, finding, &server);
    if (group == NULL) {
      groups->overflow++;
      continue;
    }
    if (group->count > 0 && finding->confidence != group->confidence)
      group->sure_different = 1;
    if (group->count == 0 || finding->confidence > group->confidence) {
      take_example(group, finding, record);
      group->confidence = finding->confidence;
    }
    group->count++;
    la_distinct_add(&group->clients, client);
    if (finding->at == LA_TIME_NONE)
      continue;
    la_history_add(&group->history, finding->at);
    if (group->first == LA_TIME_NONE || finding->at < group->first)
      group->first = finding->at;
    if (group->last == LA_TIME_NONE || finding->at > group->last)
      group->last = finding->at;
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
