/* The aggregates know finished connections only, and a pile-up consists of others. So each look makes a new aggregate of three parts: what
 * finished in this span of time, what finished in the one before, and the connections that go on, taken as if the capture ended now. Aggregates merge exactly,
 * so this says what an analysis of these connections would say. Spans follow one another, so that a burst of refusals an hour after
 * another is a new one, and memory is bounded. */
#include "live/host_watch.h"

#include <string.h>

#include "diagnose/rule.h"

#define TOLD_MAX 4096u

typedef struct {
  LaSubject subject;
  const LaRule *rule;
  uint8_t severity, confidence, blame;
  bool seen;
  LaFinding last;
} Told;

struct LaHostWatch {
  LaTracker *tracker;       /* (borrowed) */
  const LaContext *context; /* (borrowed) */
  LaAggregateOptions options;
  LaTime span, began; /* of `recent` */
  LaAggregate *recent, *before;
  GArray *told; /* of Told */
  GQueue events;
  LaDecided *given;
  LaFindings findings; /* scratch */
};

LaHostWatch *la_host_watch_new(LaTracker *tracker, const LaContext *context, const LaAggregateOptions *options, LaTime span)
{
  LaHostWatch *watch = g_new0(LaHostWatch, 1);
  watch->tracker = tracker;
  watch->context = context;
  watch->options = *options;
  watch->span = span;
  watch->began = LA_TIME_NONE;
  watch->recent = la_aggregate_new(options);
  watch->told = g_array_new(FALSE, FALSE, sizeof(Told));
  g_queue_init(&watch->events);
  return watch;
}

void la_host_watch_free(LaHostWatch *watch)
{
  if (watch == NULL)
    return;
  la_aggregate_free(watch->recent);
  la_aggregate_free(watch->before);
  g_array_unref(watch->told);
  g_queue_clear_full(&watch->events, la_decided_free);
  la_decided_free(watch->given);
  g_free(watch);
}

void la_host_watch_finished(LaHostWatch *watch, const LaConnection *conn, const LaFindings *findings)
{
  la_aggregate_connection(watch->recent, conn, findings);
}

const LaDecided *la_host_watch_next(LaHostWatch *watch)
{
  la_decided_free(watch->given);
  watch->given = g_queue_pop_head(&watch->events);
  return watch->given;
}

static void queue_event(LaHostWatch *watch, LaEventKind kind, const Told *told, LaTime at)
{
  LaDecided *event = g_new0(LaDecided, 1);
  event->record = (LaEventRecord){.kind = kind, .at = at, .subject = told->subject, .finding = told->last};
  g_autoptr(GString) name = g_string_new(NULL);
  la_say_subject(name, &told->subject);
  g_snprintf(event->key, sizeof event->key, "%s:%s", name->str, told->rule->code);
  event->record.key = event->key;
  GString *sentence = g_string_new(NULL);
  la_host_finding_summary(&told->last, &told->subject, sentence);
  event->sentence = g_string_free(sentence, FALSE);
  event->record.sentence = event->sentence;
  g_queue_push_tail(&watch->events, event);
}

static LaAggregate *all_of_now(LaHostWatch *watch, LaTime now)
{
  LaAggregate *all = la_aggregate_new(&watch->options);
  if (watch->before != NULL)
    la_aggregate_merge(all, watch->before);
  la_aggregate_merge(all, watch->recent);
  uint32_t at = 0;
  LaConnection *conn;
  while ((conn = la_tracker_each(watch->tracker, &at)) != NULL) {
    la_tracker_suppose_end(watch->tracker, conn, now);
    la_diagnose(conn, watch->context, &watch->findings);
    la_aggregate_connection(all, conn, &watch->findings);
    la_tracker_resume(conn);
  }
  la_aggregate_observed(all, watch->began, now);
  return all;
}

static Told *find_told(LaHostWatch *watch, const LaHostFinding *found)
{
  for (guint i = 0; i < watch->told->len; i++) {
    Told *told = &g_array_index(watch->told, Told, i);
    if (told->rule == found->finding.rule && la_subject_equal(&told->subject, &found->subject))
      return told;
  }
  return NULL;
}

static void take(LaHostWatch *watch, const LaHostFinding *found, LaTime now)
{
  Told *told = find_told(watch, found);
  LaEventKind kind = LA_EVENT_UPDATED;
  if (told == NULL) {
    if (watch->told->len == TOLD_MAX)
      return;
    g_array_set_size(watch->told, watch->told->len + 1);
    told = &g_array_index(watch->told, Told, watch->told->len - 1);
    *told = (Told){.subject = found->subject, .rule = found->finding.rule};
    kind = LA_EVENT_RAISED;
  }
  const LaFinding *finding = &found->finding;
  bool changed =
      told->severity != finding->severity || told->confidence != finding->confidence || told->blame != finding->blame;
  told->severity = finding->severity;
  told->confidence = finding->confidence;
  told->blame = finding->blame;
  told->last = *finding;
  told->seen = true;
  if (kind == LA_EVENT_RAISED || changed)
    queue_event(watch, kind, told, now);
}

static void next_span(LaHostWatch *watch, LaTime now)
{
  if (watch->began == LA_TIME_NONE)
    watch->began = now;
  if (now - watch->began < watch->span)
    return;
  la_aggregate_free(watch->before);
  watch->before = watch->recent;
  watch->recent = la_aggregate_new(&watch->options);
  watch->began = now;
}

void la_host_watch_look(LaHostWatch *watch, LaTime now)
{
  next_span(watch, now);
  g_autoptr(LaAggregate) all = all_of_now(watch, now);
  uint64_t left = 0;
  g_autoptr(GArray) findings = la_aggregate_findings(all, watch->context, &left);
  for (guint i = 0; i < watch->told->len; i++)
    g_array_index(watch->told, Told, i).seen = false;
  for (guint i = 0; i < findings->len; i++)
    take(watch, &g_array_index(findings, LaHostFinding, i), now);
  for (guint i = 0; i < watch->told->len;) {
    Told *told = &g_array_index(watch->told, Told, i);
    if (told->seen) {
      i++;
      continue;
    }
    queue_event(watch, LA_EVENT_ENDED, told, now);
    g_array_remove_index_fast(watch->told, i);
  }
}
