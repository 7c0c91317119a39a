/* Many sockets of one service that have been in CLOSE_WAIT for a while, at one moment. If there are still more of them at the end than
 * half-way, they grow, and the descriptors will run out. */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"

typedef struct {
  LaPeak peak;
  uint64_t first;    /* tick of the first */
  uint64_t half_way; /* how many there were between the first and the end */
} Pile;

static Pile measure(const LaSubjectFacts *facts, unsigned up, unsigned down)
{
  Pile pile = {.first = facts->until};
  LaScan scan;
  la_scan_begin(&scan, facts->series, LA_KIND(up), LA_KIND(down));
  pile.peak = la_scan_peak(scan, facts->until);
  uint64_t last;
  if (la_scan_range(facts->series, LA_KIND(up), 0, facts->until, &pile.first, &last))
    pile.half_way = la_scan_peak(scan, pile.first + (facts->until - pile.first) / 2).last;
  return pile;
}

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  uint64_t least = (uint64_t)MAX(LA_THRESHOLD(context, close_wait_pileup, 0), 1);
  if (facts->totals[LA_CLOSE_WAIT_SERVER] < least && facts->totals[LA_CLOSE_WAIT_CLIENT] < least)
    return false;
  Pile server = measure(facts, LA_CLOSE_WAIT_SERVER, LA_CLOSE_WAIT_SERVER_END);
  Pile client = measure(facts, LA_CLOSE_WAIT_CLIENT, LA_CLOSE_WAIT_CLIENT_END);
  LaSide holder = client.peak.peak > server.peak.peak ? LA_OPENER : LA_ACCEPTOR;
  const Pile *pile = holder == LA_OPENER ? &client : &server;
  if (pile->peak.peak < least)
    return false;
  ret->side = (uint8_t)holder;
  ret->blame = (uint8_t)la_blame_application(holder);
  ret->at = la_tick_time(pile->peak.tick);
  /* The FINs lie before the moments from which the sockets count. */
  LaTopic topic = holder == LA_OPENER ? LA_TOPIC_CLOSE_WAIT_CLIENT : LA_TOPIC_CLOSE_WAIT_SERVER;
  la_samples_show(&facts->service->samples[topic], 0, pile->peak.tick, ret);
  la_facts_packets_total(ret, pile->peak.peak);
  la_finding_add_count(ret, "peak", (int64_t)pile->peak.peak);
  LaTime grown_in = la_tick_span(facts->until - pile->first) + LA_THRESHOLD(context, close_wait_pileup, 1);
  if (pile->peak.last > pile->half_way && grown_in >= LA_SEC) {
    double per_hour = (double)pile->peak.last * 3600.0 / la_time_seconds(grown_in);
    int64_t left = LA_THRESHOLD(context, close_wait_pileup, 2) - (int64_t)pile->peak.last;
    la_finding_add_ratio(ret, "growth_per_hour", per_hour);
    la_finding_add_span(ret, "exhausted_in_s", left > 0 ? (LaTime)((double)left / per_hour * 3600e9) : 0);
  }
  la_finding_add_span(ret, "oldest_s", facts->service->close_wait_longest[holder]);
  la_facts_covers(ret, facts->service->covers[topic]);
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  bool server = f->side == LA_ACCEPTOR;
  g_string_append_printf(out, "%" G_GINT64_FORMAT " sockets of %s", la_fact_count(f, "peak"), server ? "" : "clients of ");
  la_say_subject(out, subject);
  g_string_append(out, " stood in CLOSE_WAIT at the same time, the oldest for ");
  la_say_span(out, la_fact_span(f, "oldest_s"));
  g_string_append_printf(out, ": the %s application does not close them", server ? "server" : "client");
  const LaFact *growth = la_finding_fact(f, "growth_per_hour");
  if (growth != NULL) {
    g_string_append_printf(out, "; they grow by %.0f an hour, so its descriptors run out in ", growth->value.ratio);
    la_say_span(out, la_fact_span(f, "exhausted_in_s"));
  }
  g_string_append_c(out, '.');
  la_say_covers(out, f);
}

const LaRule la_rule_close_wait_pileup = {
    .code = "close-wait-pileup",
    .title = "CLOSE_WAIT sockets pile up",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_ERROR,
    .thresholds = {{"close-wait-pileup.sockets", LA_UNIT_COUNT, 10, "sockets at once"},
                   {"close-wait-pileup.held", LA_UNIT_SECONDS, 5 * LA_SEC,
                    "how long a socket must have been in CLOSE_WAIT to count"},
                   {"close-wait-pileup.descriptors", LA_UNIT_COUNT, 1024, "limit of open files that the forecast assumes"}},
    .about = LA_ABOUT_SERVICE,
    .decide_host = decide,
    .summarize_host = summarize,
    .covers = "close-wait-leak close-wait-slow still-open",
};
