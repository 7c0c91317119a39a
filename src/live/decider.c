/* A rule is a pure function of a connection and of when its observation ended. So a connection that still goes on can be decided at any
 * moment: it is made to look as if the capture ended there. What a rule says then is told once it has stood for a moment (LaSettles): an
 * answer may be under way.
 *
 * When to ask again comes from the same functions. Asked as of two hours later, with nothing but silence until then, the rules tell
 * whether silence alone will change anything. If not, the connection is left alone until its next event. If so, the moment of the
 * change is found by doubling the silence until the verdict is another one, and then halving: that is the deadline, whatever
 * timers the rules have. So no list of timers has to agree with the rules, and a connection that does nothing costs nothing.
 *
 * How much silence is enough a rule says, or the user by its thresholds; what is added here is only the time in which an answer to the last
 * try is on its way, so that everything is told within a second of the moment at which an analysis would say it.
 *
 * What silence means depends on others, too: on whether the service answers them meanwhile. They do not tell the connections that wait. So
 * those that wait are asked again twice a second for a while, a bounded number at a time.
 *
 * What is said about the capture itself would be said of thousands of connections when it is said of one. It is told once, of the first;
 * the report at the end counts the others.
 *
 * What was raised and goes on (its figures grow with the silence) is reported as ended when it no longer does, or with its
 * connection; what is not said any more at a later look is withdrawn. A verdict about silence that another try has only made open again
 * is not: nothing contradicts it. */
#include "live/decider.h"

#include <string.h>

#include "diagnose/evidence.h"
#include "diagnose/rule.h"

#define SOON (250 * LA_MSEC)    /* LA_SETTLES_SOON */
#define SILENCE (500 * LA_MSEC) /* LA_SETTLES_IN_SILENCE */
#define LONGEST (350 * LA_MSEC) /* a connection that never rests is looked at all the same */
#define HORIZON (2 * 3600 * LA_SEC)
#define SWEEP (10 * LA_SEC)
#define PRECISION (50 * LA_MSEC) /* of a deadline */
#define AGAIN_EVERY (LA_SEC / 2)
#define AGAIN_FOR (5 * LA_SEC) /* after a connection's last packet */
#define AGAIN_MAX 256u         /* connections at a time */
#define TOLD_MAX 16u           /* findings of one connection that are kept account of */
#define LOOKS_MAX 1024u        /* at one call: packets wait meanwhile */
#define QUEUE_MAX 65536u       /* events that wait for somebody to take them */

typedef struct {
  const LaRule *rule;
  uint8_t side, severity, confidence, blame, variant;
  uint8_t goes_on; /* 1: its figures grow */
  uint8_t raised;  /* 0: waits until it has stood long enough */
  LaTime since;    /* from when on it can have been true */
} Told;

typedef struct {
  uint32_t handle, id;
  LaTime due;     /* LA_TIME_MAX: at its next event */
  LaTime changed; /* the first change that was not looked at; LA_TIME_NONE: none */
  LaHostPort ends[LA_SIDE_N];
  uint8_t told_count;
  uint8_t again; /* 1: is asked again, and counted there */
  Told *told;    /* room for TOLD_MAX; NULL: none yet (owned) */
} Watched;

typedef struct {
  LaTime due;
  uint32_t handle, id;
} Due;

struct LaDecider {
  const LaPolicy *policy; /* what it suppresses is not told; NULL: none (borrowed) */
  LaTime policy_now;
  const LaExpression *where;     /* of which connections is told; NULL: of all (borrowed) */
  LaTracker *tracker;            /* (borrowed) */
  const LaContext *context;      /* (borrowed) */
  GHashTable *watched;           /* handle -> Watched */
  unsigned again;                /* how many connections are asked again */
  bool of_capture[LA_RULES_MAX]; /* told already, by the rule's index */
  LaTime swept;                  /* when it was last looked for those that are gone */
  GArray *heap;     /* of Due: the earliest first; entries of connections that have another due time by now are passed over */
  GQueue events;    /* of LaDecided */
  LaDecided *given; /* what la_decider_next returned */
  LaFindings now, later; /* scratch */
};

void la_decided_free(gpointer decided)
{
  LaDecided *event = decided;
  if (event == NULL)
    return;
  g_free(event->sentence);
  g_free(event);
}

static void free_watched(gpointer data)
{
  Watched *watched = data;
  g_free(watched->told);
  g_free(watched);
}

LaDecider *la_decider_new(LaTracker *tracker, const LaContext *context)
{
  LaDecider *decider = g_new0(LaDecider, 1);
  decider->tracker = tracker;
  decider->context = context;
  decider->watched = g_hash_table_new_full(NULL, NULL, NULL, free_watched);
  decider->heap = g_array_new(FALSE, FALSE, sizeof(Due));
  g_queue_init(&decider->events);
  la_tracker_note_changes(tracker);
  return decider;
}

void la_decider_free(LaDecider *decider)
{
  if (decider == NULL)
    return;
  g_hash_table_unref(decider->watched);
  g_array_unref(decider->heap);
  g_queue_clear_full(&decider->events, la_decided_free);
  la_decided_free(decider->given);
  g_free(decider);
}

/* ---- a heap of moments ---- */

static void heap_push(GArray *heap, Due due)
{
  g_array_append_val(heap, due);
  guint at = heap->len - 1;
  Due *items = (Due *)(void *)heap->data;
  for (; at > 0 && items[(at - 1) / 2].due > due.due; at = (at - 1) / 2)
    items[at] = items[(at - 1) / 2];
  items[at] = due;
}

static Due heap_pop(GArray *heap)
{
  Due *items = (Due *)(void *)heap->data;
  Due first = items[0];
  Due last = items[heap->len - 1];
  guint len = heap->len - 1;
  g_array_set_size(heap, len);
  guint at = 0;
  for (guint child = 1; child < len; child = 2 * at + 1) {
    if (child + 1 < len && items[child + 1].due < items[child].due)
      child++;
    if (items[child].due >= last.due)
      break;
    items[at] = items[child];
    at = child;
  }
  if (len > 0)
    items[at] = last;
  return first;
}

static void set_due(LaDecider *decider, Watched *watched, LaTime due)
{
  watched->due = due;
  if (due != LA_TIME_MAX)
    heap_push(decider->heap, (Due){due, watched->handle, watched->id});
}

/* ---- events ---- */

/* The sentence is taken. Returns the event (borrowed), or NULL: too many wait. */
static LaDecided *queue_event(LaDecider *decider, LaEventKind kind, const Watched *about, const LaFinding *finding, LaTime at,
                              GString *sentence)
{
  if (g_queue_get_length(&decider->events) >= QUEUE_MAX) {
    g_string_free(sentence, TRUE);
    return NULL;
  }
  LaDecided *event = g_new0(LaDecided, 1);
  event->record = (LaEventRecord){
      .kind = kind,
      .at = at,
      .connection = about->id,
      .client = about->ends[LA_OPENER],
      .server = about->ends[LA_ACCEPTOR],
      .finding = *finding,
  };
  const char *side = finding->side < LA_SIDE_N ? la_side_name((LaSide)finding->side) : "both";
  g_snprintf(event->key, sizeof event->key, "%u:%s:%s", about->id, finding->rule->code, side);
  event->record.key = event->key;
  event->sentence = g_string_free(sentence, FALSE);
  event->record.sentence = event->sentence;
  g_queue_push_tail(&decider->events, event);
  return event;
}

static LaDecided *tell(LaDecider *decider, LaEventKind kind, const LaConnection *conn, const LaFinding *finding, LaTime at)
{
  Watched about = {.id = conn->id, .ends = {la_connection_end(conn, LA_OPENER), la_connection_end(conn, LA_ACCEPTOR)}};
  GString *sentence = g_string_new(NULL);
  la_finding_summary(finding, conn, sentence);
  return queue_event(decider, kind, &about, finding, at, sentence);
}

const LaDecided *la_decider_next(LaDecider *decider)
{
  la_decided_free(decider->given);
  decider->given = g_queue_pop_head(&decider->events);
  return decider->given;
}

/* ---- verdicts ---- */

static bool is_asked_for(const LaDecider *decider, const LaConnection *conn, const LaFindings *findings)
{
  LaCandidate candidate = {.file = 1, .conn = conn, .findings = findings};
  return decider->where == NULL || la_expression_holds(decider->where, &candidate);
}

static void ask(LaDecider *decider, LaConnection *conn, LaTime at, LaFindings *ret)
{
  la_tracker_suppose_end(decider->tracker, conn, at);
  la_diagnose(conn, decider->context, ret);
  if (decider->policy != NULL)
    la_policy_drop_noise(decider->policy, conn, ret, decider->policy_now);
  if (!is_asked_for(decider, conn, ret))
    ret->count = 0;
  la_tracker_resume(conn);
}

void la_decider_set_policy(LaDecider *decider, const LaPolicy *policy, LaTime now)
{
  decider->policy = policy;
  decider->policy_now = now;
}

void la_decider_set_where(LaDecider *decider, const LaExpression *where)
{
  decider->where = where;
}

static bool counts(const LaFinding *finding)
{
  return finding->rule->scope == LA_SCOPE_CONNECTION && finding->rule->settles != LA_SETTLES_AT_END;
}

static bool is_of_capture(const LaFinding *finding)
{
  return finding->rule->scope == LA_SCOPE_CAPTURE && finding->rule->settles != LA_SETTLES_AT_END;
}

static void tell_of_capture(LaDecider *decider, const LaConnection *conn, const LaFinding *finding, LaTime at)
{
  if (decider->of_capture[finding->rule_index])
    return;
  decider->of_capture[finding->rule_index] = true;
  LaDecided *event = tell(decider, LA_EVENT_RAISED, conn, finding, at);
  if (event != NULL)
    g_snprintf(event->key, sizeof event->key, "capture:%s", finding->rule->code);
}

static const LaFinding *find(const LaFindings *findings, const LaRule *rule, uint8_t side)
{
  for (unsigned i = 0; i < findings->count; i++)
    if (findings->items[i].rule == rule && findings->items[i].side == side)
      return &findings->items[i];
  return NULL;
}

/* Whether both say the same, figures aside. */
static bool is_same_verdict(const LaFindings *a, const LaFindings *b)
{
  unsigned counted[2] = {0, 0};
  for (unsigned i = 0; i < b->count; i++)
    counted[1] += counts(&b->items[i]) ? 1 : 0;
  for (unsigned i = 0; i < a->count; i++) {
    const LaFinding *x = &a->items[i];
    if (!counts(x))
      continue;
    counted[0]++;
    const LaFinding *y = find(b, x->rule, x->side);
    if (y == NULL || x->severity != y->severity || x->confidence != y->confidence || x->blame != y->blame)
      return false;
  }
  return counted[0] == counted[1];
}

static bool grows(const LaFinding *now, const LaFinding *later)
{
  for (unsigned i = 0; later != NULL && i < now->fact_count && i < later->fact_count; i++)
    if (now->facts[i].kind == LA_FACT_SPAN && later->facts[i].kind == LA_FACT_SPAN &&
        now->facts[i].value.span != later->facts[i].value.span)
      return true;
  return false;
}

/* The moment at which silence makes the verdict another one than decider->now, which is that of `now`; LA_TIME_MAX: never.
 * decider->later is overwritten. */
static LaTime next_change(LaDecider *decider, LaConnection *conn, LaTime now)
{
  LaTime horizon = MIN(HORIZON, conn->deadline != LA_TIME_MAX ? MAX(conn->deadline - now, LA_SEC) : HORIZON);
  ask(decider, conn, now + horizon, &decider->later);
  if (is_same_verdict(&decider->now, &decider->later))
    return LA_TIME_MAX;
  LaTime same = 0;
  LaTime other = SOON;
  for (; other < horizon; other *= 2) {
    ask(decider, conn, now + other, &decider->later);
    if (!is_same_verdict(&decider->now, &decider->later))
      break;
    same = other;
  }
  other = MIN(other, horizon);
  while (other - same > PRECISION) {
    LaTime middle = same + (other - same) / 2;
    ask(decider, conn, now + middle, &decider->later);
    if (is_same_verdict(&decider->now, &decider->later))
      same = middle;
    else
      other = middle;
  }
  return now + other;
}

/* How long a finding has to stand. */
static LaTime settling(const LaFinding *finding)
{
  return finding->rule->settles == LA_SETTLES_IN_SILENCE ? SILENCE : 0;
}

static void keep(Told *told, const LaFinding *finding)
{
  told->side = finding->side;
  told->severity = finding->severity;
  told->confidence = finding->confidence;
  told->blame = finding->blame;
  told->variant = finding->variant;
}

static void withdraw(LaDecider *decider, const Told *told, const Watched *about, LaTime at)
{
  LaFinding gone = {.rule = told->rule,
                    .rule_index = (uint8_t)la_rule_index(told->rule),
                    .severity = told->severity,
                    .confidence = told->confidence,
                    .blame = told->blame,
                    .side = told->side,
                    .variant = told->variant,
                    .at = at};
  GString *sentence = g_string_new(NULL); /* the finding has no figures any more */
  g_string_append_printf(sentence, "Later packets showed that it was no %s.", told->rule->title);
  queue_event(decider, LA_EVENT_WITHDRAWN, about, &gone, at, sentence);
}

/* A connection that is gone without having finished: its SYN turned out to be an event of another one. */
static void forget(LaDecider *decider, Watched *watched, LaTime now)
{
  for (unsigned i = 0; i < watched->told_count; i++)
    if (watched->told[i].raised != 0)
      withdraw(decider, &watched->told[i], watched, now);
  watched->told_count = 0;
  decider->again -= watched->again;
  watched->again = 0;
}

/* Whether `told` is not said only because it is too early to say anything. */
static bool is_open_again(const LaDecider *decider, const Told *told)
{
  if (told->rule->settles != LA_SETTLES_IN_SILENCE)
    return false;
  for (unsigned i = 0; i < decider->now.count; i++)
    if (la_finding_fact(&decider->now.items[i], "would_be") != NULL)
      return true;
  return false;
}

/* Findings that were said before: changed, ended, or no longer true. */
static void review(LaDecider *decider, Watched *watched, LaConnection *conn, LaTime now)
{
  for (unsigned i = 0; i < watched->told_count;) {
    Told *told = &watched->told[i];
    const LaFinding *finding = find(&decider->now, told->rule, told->side);
    if (finding == NULL && is_open_again(decider, told)) {
      i++;
      continue;
    }
    if (finding == NULL) {
      if (told->raised != 0)
        withdraw(decider, told, watched, now);
      *told = watched->told[--watched->told_count];
      continue;
    }
    bool changed =
        told->severity != finding->severity || told->confidence != finding->confidence || told->blame != finding->blame;
    bool still = grows(finding, find(&decider->later, told->rule, told->side));
    if (told->raised != 0 && told->goes_on != 0 && !still)
      tell(decider, LA_EVENT_ENDED, conn, finding, now);
    else if (told->raised != 0 && changed)
      tell(decider, LA_EVENT_UPDATED, conn, finding, now);
    told->goes_on = still;
    keep(told, finding);
    i++;
  }
}

static Told *find_told(Watched *watched, const LaFinding *finding)
{
  for (unsigned i = 0; i < watched->told_count; i++)
    if (watched->told[i].rule == finding->rule && watched->told[i].side == finding->side)
      return &watched->told[i];
  return NULL;
}

/* What is said for the first time, or has stood long enough now; what is new was not true before `since`. Returns when the next
 * of them will have stood so long. */
static LaTime raise_new(LaDecider *decider, Watched *watched, LaConnection *conn, LaTime since, LaTime now)
{
  LaTime next = LA_TIME_MAX;
  for (unsigned i = 0; i < decider->now.count; i++) {
    const LaFinding *finding = &decider->now.items[i];
    if (is_of_capture(finding) && find(&decider->later, finding->rule, finding->side) != NULL)
      tell_of_capture(decider, conn, finding, now);
    if (!counts(finding))
      continue;
    Told *told = find_told(watched, finding);
    if (told == NULL) {
      if (watched->told_count == TOLD_MAX)
        continue;
      if (watched->told == NULL)
        watched->told = g_new(Told, TOLD_MAX);
      told = &watched->told[watched->told_count++];
      *told = (Told){.rule = finding->rule, .since = since};
      told->goes_on = grows(finding, find(&decider->later, finding->rule, finding->side));
      keep(told, finding);
    }
    if (told->raised != 0)
      continue;
    LaTime stood = MAX(now - told->since, now - conn->last_time);
    if (stood >= settling(finding)) {
      told->raised = 1;
      tell(decider, LA_EVENT_RAISED, conn, finding, now);
    } else {
      next = MIN(next, now + settling(finding) - stood);
    }
  }
  return next;
}

/* When a connection that waits for an answer is to be asked again; LA_TIME_MAX: at its next event. */
static LaTime again(LaDecider *decider, Watched *watched, const LaConnection *conn, LaTime now)
{
  bool waits = false;
  for (unsigned i = 0; i < watched->told_count && !waits; i++)
    waits = watched->told[i].rule->settles == LA_SETTLES_IN_SILENCE;
  waits = waits && now - conn->last_time < AGAIN_FOR && (watched->again != 0 || decider->again < AGAIN_MAX);
  decider->again += (waits ? 1u : 0u) - watched->again;
  watched->again = waits;
  return waits ? now + AGAIN_EVERY : LA_TIME_MAX;
}

static void look_at(LaDecider *decider, Watched *watched, LaConnection *conn, LaTime now)
{
  LaTime since = watched->changed != LA_TIME_NONE ? conn->last_time : now;
  watched->changed = LA_TIME_NONE;
  ask(decider, conn, now, &decider->now);
  ask(decider, conn, now + LA_SEC, &decider->later); /* tells what grows */
  review(decider, watched, conn, now);
  LaTime settled = raise_new(decider, watched, conn, since, now);
  settled = MIN(settled, again(decider, watched, conn, now));
  set_due(decider, watched, MIN(settled, next_change(decider, conn, now)));
  la_tracker_watch(conn, watched->told_count > 0 || watched->due != LA_TIME_MAX ? LA_WATCH_ALL : LA_WATCH_EVENTS);
  if (watched->due == LA_TIME_MAX && watched->told_count == 0)
    g_hash_table_remove(decider->watched, GUINT_TO_POINTER(watched->handle));
}

/* A connection that does not rest: what was said before and has stood long enough is told all the same, if it is still so. */
static void raise_settled(LaDecider *decider, Watched *watched, LaConnection *conn, LaTime now)
{
  bool asked = false;
  for (unsigned i = 0; i < watched->told_count; i++) {
    Told *told = &watched->told[i];
    if (told->raised != 0 || now - told->since < SILENCE)
      continue;
    if (!asked)
      ask(decider, conn, now, &decider->now);
    asked = true;
    const LaFinding *finding = find(&decider->now, told->rule, told->side);
    if (finding == NULL)
      continue;
    told->raised = 1;
    keep(told, finding);
    tell(decider, LA_EVENT_RAISED, conn, finding, now);
  }
}

static Watched *watch(LaDecider *decider, const LaConnection *conn)
{
  Watched *watched = g_hash_table_lookup(decider->watched, GUINT_TO_POINTER(conn->handle));
  if (watched != NULL && watched->id == conn->id)
    return watched;
  if (watched != NULL)
    forget(decider, watched, conn->first_time);
  watched = g_new0(Watched, 1);
  watched->ends[LA_OPENER] = la_connection_end(conn, LA_OPENER);
  watched->ends[LA_ACCEPTOR] = la_connection_end(conn, LA_ACCEPTOR);
  watched->handle = conn->handle;
  watched->id = conn->id;
  watched->due = LA_TIME_MAX;
  watched->changed = LA_TIME_NONE;
  g_hash_table_replace(decider->watched, GUINT_TO_POINTER(conn->handle), watched);
  return watched;
}

static void take_changes(LaDecider *decider)
{
  LaConnection *conn;
  while ((conn = la_tracker_changed(decider->tracker)) != NULL) {
    Watched *watched = watch(decider, conn);
    if (watched->changed == LA_TIME_NONE)
      watched->changed = conn->last_time;
    if (watched->changed + SOON < watched->due)
      set_due(decider, watched, watched->changed + SOON);
  }
}

/* Those that are gone are not told of, so they are looked for now and then. */
static void sweep(LaDecider *decider, LaTime now)
{
  GHashTableIter iter;
  gpointer value;
  decider->swept = now;
  g_hash_table_iter_init(&iter, decider->watched);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Watched *watched = value;
    if (la_tracker_get(decider->tracker, watched->handle, watched->id) != NULL)
      continue;
    forget(decider, watched, now);
    g_hash_table_iter_remove(&iter);
  }
}

void la_decider_look(LaDecider *decider, LaTime now)
{
  take_changes(decider);
  if (now - decider->swept >= SWEEP)
    sweep(decider, now);
  for (unsigned looks = 0; looks < LOOKS_MAX && decider->heap->len > 0 && g_array_index(decider->heap, Due, 0).due <= now;) {
    Due due = heap_pop(decider->heap);
    Watched *watched = g_hash_table_lookup(decider->watched, GUINT_TO_POINTER(due.handle));
    if (watched == NULL || watched->id != due.id || watched->due != due.due)
      continue;
    LaConnection *conn = la_tracker_get(decider->tracker, due.handle, due.id);
    if (conn == NULL) {
      watched->due = LA_TIME_MAX; /* it is gone: the next sweep finds it */
      continue;
    }
    LaTime rests = watched->changed != LA_TIME_NONE ? MIN(conn->last_time + SOON, watched->changed + LONGEST) : now;
    if (rests > now) { /* more came since */
      raise_settled(decider, watched, conn, now);
      set_due(decider, watched, rests);
    } else {
      look_at(decider, watched, conn, now);
      looks++;
    }
  }
}

void la_decider_finished(LaDecider *decider, const LaConnection *conn, const LaFindings *findings)
{
  Watched *watched = g_hash_table_lookup(decider->watched, GUINT_TO_POINTER(conn->handle));
  if (watched != NULL && watched->id != conn->id)
    watched = NULL;
  bool asked_for = is_asked_for(decider, conn, findings);
  for (unsigned i = 0; asked_for && i < findings->count; i++) {
    const LaFinding *finding = &findings->items[i];
    if (is_of_capture(finding) && conn->ended_by != LA_ENDED_CAPTURE_END)
      tell_of_capture(decider, conn, finding, conn->end_time);
    Told *told = watched != NULL ? find_told(watched, finding) : NULL;
    if (!counts(finding) || (told == NULL && conn->ended_by == LA_ENDED_CAPTURE_END))
      continue;
    if (told == NULL || told->raised == 0)
      tell(decider, LA_EVENT_RAISED, conn, finding, conn->end_time);
    else if (told->goes_on != 0)
      tell(decider, LA_EVENT_ENDED, conn, finding, conn->end_time);
  }
  for (unsigned i = 0; watched != NULL && i < watched->told_count; i++) {
    const Told *told = &watched->told[i];
    if (told->raised == 0 || (asked_for && find(findings, told->rule, told->side) != NULL))
      continue;
    withdraw(decider, told, watched, conn->end_time);
  }
  if (watched == NULL)
    return;
  decider->again -= watched->again;
  g_hash_table_remove(decider->watched, GUINT_TO_POINTER(conn->handle));
}

LaTime la_decider_due(const LaDecider *decider)
{
  return decider->heap->len > 0 ? g_array_index(decider->heap, Due, 0).due : LA_TIME_MAX;
}

unsigned la_decider_watched(const LaDecider *decider)
{
  return g_hash_table_size(decider->watched);
}
