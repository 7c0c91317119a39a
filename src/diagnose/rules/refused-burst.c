/* Refusals of one service with no accepted connection between them: the time in which it was down. The longest such row is told. */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"

enum {
  BACK,
  STARTING,
  NOT_BACK,
  NEVER_THERE
};

typedef struct {
  uint64_t refused, from, to, back; /* back: 0: no accepted connection after it */
  bool served;                      /* before it */
} Outage;

static Outage longest(const LaSeries *series)
{
  const LaCell *cells = la_series_cells(series);
  Outage best = {0}, now = {0};
  bool served = false;
  for (uint32_t i = 0; i < series->len; i++) {
    unsigned kind = la_cell_kind(cells[i]);
    uint64_t tick = la_cell_tick(cells[i]);
    if (kind == LA_REFUSED) {
      if (now.refused == 0) {
        now.from = tick;
        now.served = served;
      }
      now.refused += la_cell_count(cells[i]);
      now.to = tick;
    }
    served = served || kind == LA_SERVED;
    /* Within a tick the accepted ones stand first: they end the row before it. */
    if (kind == LA_SERVED && now.refused != 0) {
      now.back = tick;
      if (now.refused > best.refused)
        best = now;
      now = (Outage){0};
    }
  }
  return now.refused > best.refused ? now : best;
}

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  uint64_t least = (uint64_t)MAX(LA_THRESHOLD(context, refused_burst, 0), 1);
  if (facts->totals[LA_REFUSED] < least)
    return false;
  Outage outage = longest(facts->series);
  if (outage.refused < least)
    return false;
  bool served = facts->totals[LA_SERVED] != 0;
  ret->blame = LA_BLAME_SERVER_APPLICATION;
  ret->variant = outage.back != 0 ? (outage.served ? BACK : STARTING) : served ? NOT_BACK : NEVER_THERE;
  /* It had not been there before: its clients were only early. */
  if (ret->variant == STARTING)
    ret->severity = LA_SEVERITY_NOTE;
  ret->at = la_tick_time(outage.from);
  uint64_t to = outage.to + (UINT64_C(1) << facts->series->level) - 1;
  la_samples_show(&facts->service->samples[LA_TOPIC_REFUSED], outage.from, to, ret);
  la_facts_packets_total(ret, outage.refused);
  la_finding_add_count(ret, "refused", (int64_t)outage.refused);
  la_finding_add_count(ret, "clients", (int64_t)la_facts_clients(facts, LA_KIND(LA_PAIR_REFUSED), outage.from, to).clients);
  la_finding_add_span(ret, "lasted_s", la_tick_span(outage.to - outage.from));
  if (outage.back != 0)
    la_finding_add_span(ret, "back_after_s", la_tick_span(outage.back - outage.from));
  la_facts_covers(ret, MIN(facts->service->covers[LA_TOPIC_REFUSED], outage.refused));
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  la_say_subject(out, subject);
  g_string_append_printf(out, " refused %" G_GINT64_FORMAT " attempts of ", la_fact_count(f, "refused"));
  la_say_count(out, la_fact_count(f, "clients"), "client", "clients");
  g_string_append(out, " within ");
  la_say_span(out, la_fact_span(f, "lasted_s"));
  g_string_append(out, " and accepted none between: ");
  switch (f->variant) {
  case BACK:
    g_string_append(out, "the service was down, and answered again ");
    la_say_span(out, la_fact_span(f, "back_after_s"));
    g_string_append(out, " after the first refusal.");
    break;
  case STARTING:
    g_string_append(out, "the service was only starting, it accepted its first connection ");
    la_say_span(out, la_fact_span(f, "back_after_s"));
    g_string_append(out, " after the first refusal.");
    break;
  case NOT_BACK: g_string_append(out, "the service went down, and had not come back at the end of the capture."); break;
  default:
    g_string_append(
        out, "nothing listened there during the whole capture; the service is down, or its clients have a wrong address.");
  }
  la_say_covers(out, f);
}

const LaRule la_rule_refused_burst = {
    .code = "refused-burst",
    .title = "service refused its clients",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_ERROR,
    .thresholds = {{"refused-burst.attempts", LA_UNIT_COUNT, 3, "refusals that make a burst"}},
    .about = LA_ABOUT_SERVICE,
    .decide_host = decide,
    .summarize_host = summarize,
    .covers = "connection-refused",
};
