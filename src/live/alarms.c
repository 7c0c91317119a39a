/* One entry for each code and service (or source, or pair) that was told; it remembers the last event that was held back, so that its
 * count has an example when the span is over. Entries are dropped when a span passed without anything held back, so there are as many as
 * things were told lately, and never more than a bound: beyond it everything is told. */
#include "live/alarms.h"

#include <string.h>

#include "diagnose/rule.h"

#define ENTRIES_MAX 16384u

typedef struct {
  char *name;
  LaTime told_at;
  uint64_t held_back;
  LaEventRecord last; /* texts below */
  char *key, *sentence;
} Entry;

struct LaAlarms {
  LaTime realarm;
  GHashTable *entries; /* name -> Entry */
  GHashTable *told;    /* keys of findings that were raised, and are neither ended nor withdrawn */
  GQueue order;        /* of Entry, by told_at (borrowed) */
  Entry *given;        /* what la_alarms_over returned (borrowed from entries) */
};

static void forget_last(Entry *entry)
{
  g_clear_pointer(&entry->key, g_free);
  g_clear_pointer(&entry->sentence, g_free);
}

static void free_entry(gpointer data)
{
  Entry *entry = data;
  forget_last(entry);
  g_free(entry->name);
  g_free(entry);
}

LaAlarms *la_alarms_new(LaTime realarm)
{
  LaAlarms *alarms = g_new0(LaAlarms, 1);
  alarms->realarm = realarm;
  alarms->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_entry);
  alarms->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init(&alarms->order);
  return alarms;
}

void la_alarms_free(LaAlarms *alarms)
{
  if (alarms == NULL)
    return;
  g_queue_clear(&alarms->order);
  g_hash_table_unref(alarms->entries);
  g_hash_table_unref(alarms->told);
  g_free(alarms);
}

static char *name_of(const LaEventRecord *event)
{
  GString *name = g_string_new(event->finding.rule->code);
  char text[LA_HOST_PORT_TEXT_MAX];
  g_string_append_c(name, ' ');
  if (event->connection != 0)
    g_string_append(name, la_host_port_format(&event->server, text));
  else
    la_say_subject(name, &event->subject);
  return g_string_free(name, FALSE);
}

static void hold(Entry *entry, const LaEventRecord *event)
{
  forget_last(entry);
  entry->held_back++;
  entry->last = *event;
  entry->last.key = entry->key = g_strdup(event->key);
  entry->last.sentence = entry->sentence = g_strdup(event->sentence);
  entry->last.socket.known = 0;
}

static bool pass_raised(LaAlarms *alarms, const LaEventRecord *event, uint64_t *ret_held_back)
{
  g_autofree char *name = name_of(event);
  Entry *entry = g_hash_table_lookup(alarms->entries, name);
  if (entry != NULL && event->at - entry->told_at < alarms->realarm) {
    hold(entry, event);
    return false;
  }
  *ret_held_back = 0;
  if (entry != NULL) {
    *ret_held_back = entry->held_back;
    entry->held_back = 0;
    forget_last(entry);
    entry->told_at = event->at;
    g_queue_remove(&alarms->order, entry);
    g_queue_push_tail(&alarms->order, entry);
  } else if (g_hash_table_size(alarms->entries) < ENTRIES_MAX) {
    entry = g_new0(Entry, 1);
    entry->name = g_steal_pointer(&name);
    entry->told_at = event->at;
    g_hash_table_insert(alarms->entries, entry->name, entry);
    g_queue_push_tail(&alarms->order, entry);
  }
  if (g_hash_table_size(alarms->told) < ENTRIES_MAX)
    g_hash_table_add(alarms->told, g_strdup(event->key));
  return true;
}

bool la_alarms_pass(LaAlarms *alarms, const LaEventRecord *event, uint64_t *ret_held_back)
{
  alarms->given = NULL;
  if (event->kind == LA_EVENT_RAISED && alarms->realarm > 0)
    return pass_raised(alarms, event, ret_held_back);
  *ret_held_back = 0;
  if (alarms->realarm == 0)
    return true;
  bool known = g_hash_table_contains(alarms->told, event->key);
  if (known && event->kind != LA_EVENT_UPDATED)
    g_hash_table_remove(alarms->told, event->key);
  return known;
}

const LaEventRecord *la_alarms_over(LaAlarms *alarms, LaTime now)
{
  if (alarms->given != NULL) {
    forget_last(alarms->given);
    alarms->given = NULL;
  }
  Entry *entry;
  while ((entry = g_queue_peek_head(&alarms->order)) != NULL && now - entry->told_at >= alarms->realarm) {
    g_queue_pop_head(&alarms->order);
    if (entry->held_back == 0) {
      g_hash_table_remove(alarms->entries, entry->name);
      continue;
    }
    entry->last.kind = LA_EVENT_UPDATED;
    entry->last.at = now;
    entry->last.held_back = entry->held_back;
    entry->held_back = 0;
    entry->told_at = now;
    g_queue_push_tail(&alarms->order, entry);
    alarms->given = entry;
    return &entry->last;
  }
  return NULL;
}
