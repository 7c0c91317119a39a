/* Short connections of one client to one service, one after the other. As many as were ever open at once would have done; the
 * others' handshakes could have been saved. */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"
#include "diagnose/histogram.h"

#define SHORT (10 * LA_SEC)
#define COMPLETE (LA_KIND(LA_PAIR_ORDINARY) | LA_KIND(LA_PAIR_LOOKED))
#define ENDED (LA_KIND(LA_PAIR_CLOSED) | LA_KIND(LA_PAIR_TIME_WAIT_CLIENT) | LA_KIND(LA_PAIR_TIME_WAIT_SERVER))

/* The median of the lives; the cells stand in their order. */
static LaTime median_life(const LaSeries *series, uint64_t count)
{
  const LaCell *cells = la_series_cells(series);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < series->len; i++) {
    if (la_cell_kind(cells[i]) != LA_CELL_LIFE)
      continue;
    seen += la_cell_count(cells[i]);
    if (seen * 2 >= count)
      return la_histogram_value((unsigned)la_cell_tick(cells[i]));
  }
  return LA_TIME_NONE;
}

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  uint64_t connections = facts->totals[LA_PAIR_ORDINARY] + facts->totals[LA_PAIR_LOOKED];
  uint64_t closed = facts->totals[LA_CELL_LIFE];
  if ((int64_t)connections < LA_THRESHOLD(context, connection_churn, 0) || closed == 0)
    return false;
  uint64_t rate = la_scan_busiest(facts->series, COMPLETE, 0, facts->until);
  LaTime life = median_life(facts->series, closed);
  if ((int64_t)rate < LA_THRESHOLD(context, connection_churn, 1) || life > SHORT)
    return false;
  LaScan scan;
  la_scan_begin(&scan, facts->series, COMPLETE, ENDED);
  uint64_t at_once = MAX(la_scan_peak(scan, facts->until).peak, 1);
  if (at_once * 2 > connections)
    return false; /* they were needed at the same time: nothing to use again */
  uint64_t saved = connections - at_once;
  uint64_t first, last;
  bool ranged = la_scan_range(facts->series, COMPLETE, 0, facts->until, &first, &last);
  if (ranged)
    ret->at = la_tick_time(first);
  ret->blame = LA_BLAME_CLIENT_APPLICATION;
  la_facts_show_series(facts->series, ret);
  la_facts_packets_total(ret, connections);
  la_finding_add_count(ret, "connections", (int64_t)connections);
  la_finding_add_count(ret, "rate_per_s", (int64_t)rate);
  la_finding_add_span(ret, "lasted_s", ranged ? la_tick_span(last - first) : LA_TIME_NONE);
  la_finding_add_span(ret, "median_open_s", life);
  la_finding_add_count(ret, "saved_handshakes", (int64_t)saved);
  la_finding_add_span(ret, "saved_s", (LaTime)((double)facts->waited * (double)saved / (double)connections));
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  g_string_append_printf(out, "%" G_GINT64_FORMAT " connections of ", la_fact_count(f, "connections"));
  la_say_subject(out, subject);
  g_string_append_printf(out, ", up to %" G_GINT64_FORMAT " a second, lived for ", la_fact_count(f, "rate_per_s"));
  la_say_span(out, la_fact_span(f, "median_open_s"));
  g_string_append_printf(out, " (median): keep-alive or a pool would save %" G_GINT64_FORMAT " handshakes and ",
                         la_fact_count(f, "saved_handshakes"));
  la_say_span(out, la_fact_span(f, "saved_s"));
  g_string_append(out, " of waiting for them.");
}

const LaRule la_rule_connection_churn = {
    .code = "connection-churn",
    .title = "many short connections",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_NOTE,
    .thresholds = {{"connection-churn.connections", LA_UNIT_COUNT, 50, "connections of one client to one service"},
                   {"connection-churn.rate", LA_UNIT_PER_SECOND, 5, "connections a second"}},
    .about = LA_ABOUT_PAIR,
    .decide_host = decide,
    .summarize_host = summarize,
};
