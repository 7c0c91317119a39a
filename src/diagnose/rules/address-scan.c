/* One source and the same port of many hosts within a time, most of them without success. The window with the most hosts counts. */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  uint64_t window = la_tick(LA_THRESHOLD(context, address_scan, 1));
  int64_t least = MAX(LA_THRESHOLD(context, address_scan, 0), 1);
  /* Those that were kept must be enough by themselves, as with port-scan. */
  if ((int64_t)facts->tried_count < least)
    return false;
  unsigned best = 0, best_len = 0;
  unsigned failed = 0;
  for (unsigned from = 0, to = 0; to < facts->tried_count; to++) {
    failed += facts->tried[to].failed;
    while (facts->tried[to].first_tick - facts->tried[from].first_tick > window)
      failed -= facts->tried[from++].failed;
    unsigned len = to - from + 1;
    if (len > best_len && failed * 2 > len) {
      best = from;
      best_len = len;
    }
  }
  uint64_t hosts = (uint64_t)best_len << facts->tried_level;
  if ((int64_t)best_len < least)
    return false;
  const LaTried *first = &facts->tried[best];
  const LaTried *last = &facts->tried[best + best_len - 1];
  uint64_t open = 0, findings = 0;
  ret->blame = LA_BLAME_CLIENT_HOST;
  la_facts_doubt_silence(ret, facts);
  ret->at = la_tick_time(first->first_tick);
  ret->file = first->file;
  for (const LaTried *tried = first; tried <= last; tried++) {
    open += tried->answered;
    findings += tried->findings;
    if (tried->file == first->file)
      la_finding_add_packet(ret, tried->frame);
  }
  la_facts_packets_total(ret, hosts);
  la_finding_add_count(ret, "port", facts->scanned.port);
  la_finding_add_count(ret, "hosts", (int64_t)hosts);
  la_finding_add_count(ret, "open_hosts", (int64_t)(open << facts->tried_level));
  la_facts_sampled(ret, facts);
  la_finding_add_span(ret, "lasted_s", la_tick_span(last->first_tick - first->first_tick));
  la_facts_covers(ret, findings);
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  la_say_subject(out, subject);
  g_string_append_printf(out, " tried port %" G_GINT64_FORMAT " of %s%" G_GINT64_FORMAT " hosts within ",
                         la_fact_count(f, "port"), la_say_sampled(f), la_fact_count(f, "hosts"));
  la_say_span(out, la_fact_span(f, "lasted_s"));
  g_string_append_printf(out,
                         ", of which %" G_GINT64_FORMAT " answered, and most never became a connection: it looks for hosts "
                         "with that service, or its list of them is out of date.",
                         la_fact_count(f, "open_hosts"));
  la_say_silence_doubted(out, f);
  la_say_covers(out, f);
}

const LaRule la_rule_address_scan = {
    .code = "address-scan",
    .title = "address scan",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_WARNING,
    .thresholds = {{"address-scan.hosts", LA_UNIT_COUNT, 25, "hosts tried by one source on one port"},
                   {"address-scan.window", LA_UNIT_SECONDS, 300 * LA_SEC, "time in which"}},
    .about = LA_ABOUT_SCANNED_PORT,
    .decide_host = decide,
    .summarize_host = summarize,
    .covers = "connection-refused syn-unanswered syn-ack-unanswered icmp-unreachable connect-abandoned",
};
