/* Attempts that their clients leave after the SYN, so many at once that the listener's queue fills. A client with a real stack
 * repeats an unanswered SYN: such attempts are no embryos, so a service that is down or a path that broke is not taken for a flood. */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"

#define HELD (UINT64_C(64) << LA_TICKS_PER_SECOND_BITS) /* an embryo at the beginning of a run began at most so long before */
#define FORGED_NETWORKS 16
#define ONE_SENDER_TTL 3

typedef struct {
  uint64_t peak, from, to, attempts, embryonic;
} Flood;

/* The window of a run of ticks with enough embryos: from the first of those embryos to the last. */
static bool measure(const LaSeries *series, uint64_t begin, uint64_t end, uint64_t share, Flood *flood)
{
  uint64_t from = begin > HELD ? begin - HELD : 0;
  if (!la_scan_range(series, LA_KIND(LA_EMBRYO), from, end, &flood->from, &flood->to))
    return false;
  uint64_t to = flood->to + (UINT64_C(1) << series->level) - 1;
  flood->attempts = la_scan_sum(series, LA_SERVICE_ATTEMPTS, flood->from, to);
  flood->embryonic = la_scan_sum(series, LA_KIND(LA_EMBRYO), flood->from, to);
  flood->to = to;
  return flood->embryonic * 100 > share * flood->attempts;
}

/* The run with the highest peak. */
static bool worst(const LaSubjectFacts *facts, uint64_t least, uint64_t share, Flood *ret)
{
  LaScan scan;
  la_scan_begin(&scan, facts->series, LA_KIND(LA_EMBRYO), LA_KIND(LA_EMBRYO_END));
  uint64_t begin = 0;
  Flood flood = {0};
  Flood best = {0};
  for (bool more = true; more;) {
    more = la_scan_next(&scan, facts->until);
    bool high = more && scan.level >= (int64_t)least;
    if (high && flood.peak == 0)
      begin = scan.tick;
    if (high && (uint64_t)scan.level > flood.peak)
      flood.peak = (uint64_t)scan.level;
    if (high || flood.peak == 0)
      continue;
    if (flood.peak > best.peak && measure(facts->series, begin, more ? scan.tick : facts->until, share, &flood))
      best = flood;
    flood = (Flood){0};
  }
  *ret = best;
  return best.peak != 0;
}

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  uint64_t least = (uint64_t)MAX(LA_THRESHOLD(context, syn_flood, 0), 1);
  const LaServiceSubject *service = facts->service;
  Flood flood;
  if (facts->totals[LA_EMBRYO] < least)
    return false;
  /* A capture of nothing but SYNs shows every handshake like this: only a SYN-ACK sent again, or none, tells. */
  if (facts->ordinary_segments == 0 && service->embryos_repeated == 0 && service->embryos_ignored == 0)
    return false;
  if (!worst(facts, least, (uint64_t)LA_THRESHOLD(context, syn_flood, 1), &flood))
    return false;
  LaClientCount sources = la_facts_clients(facts, LA_KIND(LA_PAIR_EMBRYO) | LA_KIND(LA_PAIR_SILENT_ONCE), flood.from, flood.to);
  bool each_once = sources.clients >= least && sources.once * 10 >= sources.clients * 9;
  bool one_sender = service->ttl_max != 0 && service->ttl_max - service->ttl_min <= ONE_SENDER_TTL;
  /* Addresses from all over the world, one SYN from each, and all with the TTL of one sender: they are invented. */
  bool forged =
      each_once && one_sender && sources.networks >= FORGED_NETWORKS && sources.networks * 2 >= MIN(sources.clients, 65536);
  ret->blame = forged ? LA_BLAME_NETWORK : LA_BLAME_CLIENT_HOST;
  ret->blame_also = each_once ? 1u << (forged ? LA_BLAME_CLIENT_HOST : LA_BLAME_NETWORK) : 0;
  if (!forged)
    la_facts_doubt_silence(ret, facts);
  ret->variant = forged;
  ret->at = la_tick_time(flood.from);
  la_samples_show(&service->samples[LA_TOPIC_EMBRYO], flood.from, flood.to, ret);
  la_facts_packets_total(ret, flood.embryonic);
  la_finding_add_count(ret, "peak", (int64_t)flood.peak);
  la_finding_add_count(ret, "attempts", (int64_t)flood.attempts);
  la_finding_add_count(ret, "embryonic", (int64_t)flood.embryonic);
  la_finding_add_ratio(ret, "share", (double)flood.embryonic / (double)flood.attempts);
  la_finding_add_count(ret, "sources", (int64_t)sources.clients);
  la_finding_add_count(ret, "rate_per_s", (int64_t)la_scan_busiest(facts->series, LA_SERVICE_ATTEMPTS, flood.from, flood.to));
  la_finding_add_count(ret, "served", (int64_t)la_scan_sum(facts->series, LA_KIND(LA_SERVED), flood.from, facts->until));
  la_finding_add_span(ret, "lasted_s", la_tick_span(flood.to - flood.from));
  la_facts_covers(ret, MIN(service->covers[LA_TOPIC_EMBRYO], flood.embryonic));
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  la_say_subject(out, subject);
  g_string_append_printf(out, " got %" G_GINT64_FORMAT " connection attempts from ", la_fact_count(f, "attempts"));
  la_say_count(out, la_fact_count(f, "sources"), "source", "sources");
  g_string_append(out, " within ");
  la_say_span(out, la_fact_span(f, "lasted_s"));
  g_string_append_printf(out,
                         " (up to %" G_GINT64_FORMAT " a second), and %" G_GINT64_FORMAT
                         " of them were left after the SYN, %" G_GINT64_FORMAT " at once: a SYN flood; ",
                         la_fact_count(f, "rate_per_s"), la_fact_count(f, "embryonic"), la_fact_count(f, "peak"));
  int64_t served = la_fact_count(f, "served");
  bool told = la_finding_fact(f, "answers_captured") == NULL;
  if (!told)
    g_string_append(out, "whether anybody was served is not in the capture");
  else if (served == 0)
    g_string_append(out, "nobody was served from then on");
  else
    la_say_count(out, served, "connection was served all the same", "connections were served all the same");
  if (f->variant != 0)
    g_string_append(out, "; the addresses look forged: from many networks, one SYN each, all with the TTL of one sender");
  g_string_append_c(out, '.');
  la_say_silence_doubted(out, f);
  la_say_covers(out, f);
}

const LaRule la_rule_syn_flood = {
    .code = "syn-flood",
    .title = "SYN flood",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_ERROR,
    .thresholds = {{"syn-flood.embryonic", LA_UNIT_COUNT, 20, "attempts open at once"},
                   {"syn-flood.share", LA_UNIT_PERCENT, 50, "share of the attempts that never completed"}},
    .about = LA_ABOUT_SERVICE,
    .decide_host = decide,
    .summarize_host = summarize,
    .covers = "syn-unanswered syn-ack-unanswered syn-isn-changed",
};
