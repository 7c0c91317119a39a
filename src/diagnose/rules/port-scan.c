/* One source and many ports of one host, of which most refused, stayed silent, or were left again as soon as they had answered. */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  uint64_t ports = (uint64_t)facts->tried_count << facts->tried_level;
  /* Those that were kept must be enough by themselves: a single one that stands for many may be the only one of its host. */
  if ((int64_t)facts->tried_count < LA_THRESHOLD(context, port_scan, 0) || facts->tried_count == 0)
    return false;
  uint64_t failed = 0, open = 0, refused = 0, findings = 0;
  for (unsigned i = 0; i < facts->tried_count; i++) {
    failed += facts->tried[i].failed;
    open += facts->tried[i].answered;
    refused += facts->tried[i].answered == 0 && facts->tried[i].refused != 0 ? 1 : 0;
    findings += facts->tried[i].findings;
  }
  if (failed * 2 <= facts->tried_count)
    return false;
  const LaTried *first = &facts->tried[0];
  const LaTried *last = &facts->tried[facts->tried_count - 1];
  ret->blame = LA_BLAME_CLIENT_HOST;
  la_facts_doubt_silence(ret, facts);
  ret->at = la_tick_time(first->first_tick);
  ret->file = first->file;
  for (unsigned i = 0; i < facts->tried_count; i++)
    if (facts->tried[i].file == first->file)
      la_finding_add_packet(ret, facts->tried[i].frame);
  la_facts_packets_total(ret, ports);
  la_finding_add_addr(ret, "host", &facts->scanned.addr, facts->scanned.family);
  la_finding_add_count(ret, "ports", (int64_t)ports);
  la_finding_add_count(ret, "open_ports", (int64_t)(open << facts->tried_level));
  la_finding_add_count(ret, "refused_ports", (int64_t)(refused << facts->tried_level));
  la_finding_add_count(ret, "silent_ports", (int64_t)((facts->tried_count - open - refused) << facts->tried_level));
  la_facts_sampled(ret, facts);
  la_finding_add_span(ret, "lasted_s", la_tick_span(last->first_tick - first->first_tick));
  la_facts_covers(ret, findings);
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  const LaFact *host = la_finding_fact(f, "host");
  la_say_subject(out, subject);
  g_string_append_printf(out, " tried %s%" G_GINT64_FORMAT " ports of ", la_say_sampled(f), la_fact_count(f, "ports"));
  la_say_addr(out, &host->value.addr, (uint8_t)host->extra);
  g_string_append(out, " within ");
  la_say_span(out, la_fact_span(f, "lasted_s"));
  g_string_append_printf(out,
                         ": %" G_GINT64_FORMAT " answered, %" G_GINT64_FORMAT " refused, %" G_GINT64_FORMAT
                         " stayed silent, and most never became a connection: it looks for services.",
                         la_fact_count(f, "open_ports"), la_fact_count(f, "refused_ports"), la_fact_count(f, "silent_ports"));
  la_say_silence_doubted(out, f);
  la_say_covers(out, f);
}

const LaRule la_rule_port_scan = {
    .code = "port-scan",
    .title = "port scan",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_WARNING,
    .thresholds = {{"port-scan.ports", LA_UNIT_COUNT, 8, "ports of one host tried by one source"}},
    .about = LA_ABOUT_SCANNED_HOST,
    .decide_host = decide,
    .summarize_host = summarize,
    .covers = "connection-refused syn-unanswered syn-ack-unanswered icmp-unreachable connect-abandoned",
};
