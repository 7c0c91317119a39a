/* Seconds in which many connections of a service ended by RST, and enough of all that ended. Such seconds not far from one another
 * are one time; the one with the most resets is told. */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"

#define GAP 10u     /* seconds between two that belong together */
#define CLEARLY 80u /* percent of the resets that one blame must have */

typedef struct {
  uint64_t first, last; /* seconds */
  uint64_t resets, closes, worst;
  uint64_t pending_resets, pending_closes; /* of seconds after `last` that may still belong to it */
} Storm;

typedef struct {
  uint64_t rate, share;
  Storm now, best;
} Search;

static void finish(Search *s)
{
  if (s->now.resets > s->best.resets && s->now.resets * 100 >= s->share * s->now.closes)
    s->best = s->now;
  s->now = (Storm){0};
}

/* One second (or, of a coarser series, the second it begins with) with what ended in it. `width` is how many seconds it stands for. */
static void take_second(Search *s, uint64_t second, uint64_t resets, uint64_t closes, uint64_t width)
{
  if (s->now.resets != 0 && second - s->now.last > GAP + width)
    finish(s);
  bool high = resets / width >= s->rate && resets * 100 >= s->share * closes;
  if (!high && s->now.resets != 0) {
    s->now.pending_resets += resets;
    s->now.pending_closes += closes;
  }
  if (!high)
    return;
  if (s->now.resets == 0)
    s->now.first = second;
  s->now.resets += s->now.pending_resets + resets;
  s->now.closes += s->now.pending_closes + closes;
  s->now.pending_resets = s->now.pending_closes = 0;
  s->now.last = second;
  s->now.worst = MAX(s->now.worst, resets / width);
}

static bool search(const LaSeries *series, Search *s)
{
  const LaCell *cells = la_series_cells(series);
  unsigned kinds = LA_KIND(LA_CLOSED) | LA_KIND(LA_RESET);
  unsigned coarser = series->level > LA_TICKS_PER_SECOND_BITS ? series->level - LA_TICKS_PER_SECOND_BITS : 0;
  uint64_t second = 0, resets = 0, closes = 0;
  for (uint32_t i = 0; i < series->len; i++) {
    if ((kinds >> la_cell_kind(cells[i]) & 1) == 0)
      continue;
    uint64_t now = la_cell_tick(cells[i]) >> LA_TICKS_PER_SECOND_BITS;
    if (now != second) {
      if (closes != 0)
        take_second(s, second, resets, closes, UINT64_C(1) << coarser);
      resets = closes = 0;
      second = now;
    }
    closes += la_cell_count(cells[i]);
    resets += la_cell_kind(cells[i]) == LA_RESET ? la_cell_count(cells[i]) : 0;
  }
  if (closes != 0)
    take_second(s, second, resets, closes, UINT64_C(1) << coarser);
  finish(s);
  return s->best.resets != 0;
}

/* Whom most of the service's resets blame, and who else has a part worth naming. */
static void lay_blame(const LaServiceSubject *service, LaFinding *ret)
{
  uint64_t total = 0;
  unsigned most = LA_BLAME_SERVER_APPLICATION;
  for (unsigned i = 0; i < LA_BLAME_N; i++) {
    total += service->resets_by[i];
    if (service->resets_by[i] > service->resets_by[most])
      most = i;
  }
  ret->blame = (uint8_t)most;
  if ((uint64_t)service->resets_by[most] * 100 >= total * CLEARLY)
    return;
  ret->confidence = LA_CONFIDENCE_POSSIBLE;
  for (unsigned i = 0; i < LA_BLAME_N; i++)
    if (i != most && (uint64_t)service->resets_by[i] * 100 >= total * (100 - CLEARLY))
      ret->blame_also |= (uint8_t)(1u << i);
}

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  Search s = {.rate = (uint64_t)MAX(LA_THRESHOLD(context, reset_rate_high, 0), 1),
              .share = (uint64_t)LA_THRESHOLD(context, reset_rate_high, 1)};
  if (facts->totals[LA_RESET] < s.rate || !search(facts->series, &s))
    return false;
  uint64_t from = s.best.first << LA_TICKS_PER_SECOND_BITS;
  uint64_t to = ((s.best.last + 1) << LA_TICKS_PER_SECOND_BITS) - 1;
  lay_blame(facts->service, ret);
  ret->at = la_tick_time(from);
  la_samples_show(&facts->service->samples[LA_TOPIC_RESET], from, to, ret);
  la_facts_packets_total(ret, s.best.resets);
  la_finding_add_count(ret, "resets", (int64_t)s.best.resets);
  la_finding_add_ratio(ret, "share", (double)s.best.resets / (double)s.best.closes);
  la_finding_add_count(ret, "rate_per_s", (int64_t)s.best.worst);
  la_finding_add_span(ret, "lasted_s", (LaTime)(s.best.last - s.best.first) * LA_SEC);
  la_facts_covers(ret, MIN(facts->service->covers[LA_TOPIC_RESET], s.best.resets));
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  char from[LA_TIME_TEXT_MAX], to[LA_TIME_TEXT_MAX];
  const LaFact *share = la_finding_fact(f, "share");
  g_string_append_printf(out, "%" G_GINT64_FORMAT " connections of ", la_fact_count(f, "resets"));
  la_say_subject(out, subject);
  g_string_append_printf(
      out,
      " ended by RST from %s to %s UTC, up to %" G_GINT64_FORMAT
      " a second and %.0f %% of all that ended then: look which of its findings about resets is the most frequent.",
      la_time_format_date(f->at, LA_CLOCK_UTC, from),
      la_time_format_date(la_time_add(f->at, la_fact_span(f, "lasted_s") + LA_SEC), LA_CLOCK_UTC, to),
      la_fact_count(f, "rate_per_s"), share != NULL ? share->value.ratio * 100 : 0.0);
  la_say_covers(out, f);
}

const LaRule la_rule_reset_rate_high = {
    .code = "reset-rate-high",
    .title = "many resets",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_WARNING,
    .thresholds = {{"reset-rate-high.rate", LA_UNIT_PER_SECOND, 10, "resets a second"},
                   {"reset-rate-high.share", LA_UNIT_PERCENT, 5, "share of the closes of that time"}},
    .about = LA_ABOUT_SERVICE,
    .decide_host = decide,
    .summarize_host = summarize,
    .covers = "rst-abort rst-unread-data rst-data-after-close rst-late-fin rst-listener-closed rst-no-connection rst-injected "
              "keepalive-race keepalive-timeout idle-state-lost closed-by-exit",
};
