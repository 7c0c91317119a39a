/* Many connections of one client to one service in TIME_WAIT at once. Where the client waits each blocks one of its ports towards this
 * service for the time of TIME_WAIT, and a range of ports that is used up in less than that time runs out. Where the server waits the
 * client may take the port again, and the server takes the new SYN when its number or timestamp is newer (RFC 6191). */
#include "diagnose/evidence.h"
#include "diagnose/facts.h"

static bool decide(const LaSubjectFacts *facts, const LaContext *context, LaFinding *ret)
{
  unsigned client = LA_KIND(LA_PAIR_TIME_WAIT_CLIENT);
  unsigned server = LA_KIND(LA_PAIR_TIME_WAIT_SERVER);
  uint64_t least = (uint64_t)MAX(LA_THRESHOLD(context, time_wait_pileup, 0), 1);
  if (facts->totals[LA_PAIR_TIME_WAIT_CLIENT] + facts->totals[LA_PAIR_TIME_WAIT_SERVER] < least || facts->ports == 0)
    return false;
  LaScan scan;
  la_scan_begin(&scan, facts->series, client | server | LA_KIND(LA_PAIR_TIME_WAIT_DUE), LA_KIND(LA_PAIR_TIME_WAIT_EARLY));
  scan.lasting = client | server;
  scan.delay = la_tick(facts->time_wait);
  LaPeak peak = la_scan_peak(scan, facts->until);
  if (peak.peak < least)
    return false;
  /* Those that closed within the time of TIME_WAIT before the peak are those that make it. */
  uint64_t from = peak.tick > scan.delay ? peak.tick - scan.delay : 0;
  uint64_t first, last;
  bool by_client = la_scan_sum(facts->series, client, from, peak.tick) >= la_scan_sum(facts->series, server, from, peak.tick);
  ret->blame = (uint8_t)la_blame_application(by_client ? LA_OPENER : LA_ACCEPTOR);
  ret->side = by_client ? LA_OPENER : LA_ACCEPTOR;
  ret->at = la_tick_time(peak.tick);
  double share = (double)peak.peak / facts->ports;
  if (!by_client)
    ret->severity = LA_SEVERITY_NOTE;
  else if (share * 100 >= (double)LA_THRESHOLD(context, time_wait_pileup, 2))
    ret->severity = LA_SEVERITY_ERROR;
  else if (share * 100 >= (double)LA_THRESHOLD(context, time_wait_pileup, 1))
    ret->severity = LA_SEVERITY_WARNING;
  la_facts_show_series(facts->series, ret);
  la_facts_packets_total(ret, peak.peak);
  la_finding_add_count(ret, "peak", (int64_t)peak.peak);
  la_finding_add_ratio(ret, "share", share);
  la_finding_add_count(ret, "ports", facts->ports);
  if (!la_scan_range(facts->series, LA_PAIR_ATTEMPTS, from, peak.tick, &first, &last) ||
      last - first < LA_TICKS_PER_SECOND_BITS)
    return true;
  uint64_t opened = la_scan_sum(facts->series, LA_PAIR_ATTEMPTS, first, last);
  double rate = (double)opened / la_time_seconds(la_tick_span(last - first));
  la_finding_add_ratio(ret, "opened_per_s", rate);
  double left = peak.peak < facts->ports ? (double)(facts->ports - peak.peak) : 0;
  if (by_client && rate * la_time_seconds(facts->time_wait) >= facts->ports && left / rate <= la_time_seconds(facts->time_wait))
    la_finding_add_span(ret, "exhausted_in_s", (LaTime)(left / rate * 1e9));
  return true;
}

static void summarize(const LaFinding *f, const LaSubject *subject, GString *out)
{
  const LaFact *share = la_finding_fact(f, "share");
  const LaFact *rate = la_finding_fact(f, "opened_per_s");
  g_string_append_printf(out, "%" G_GINT64_FORMAT " connections of ", la_fact_count(f, "peak"));
  la_say_subject(out, subject);
  g_string_append_printf(out, " were in TIME_WAIT at the same time, %.*f %% of the %" G_GINT64_FORMAT " ephemeral ports",
                         share != NULL && share->value.ratio < 0.095 ? 1 : 0, share != NULL ? share->value.ratio * 100 : 0.0,
                         la_fact_count(f, "ports"));
  if (rate != NULL)
    g_string_append_printf(out, ", at %.1f new connections a second", rate->value.ratio);
  if (la_finding_fact(f, "exhausted_in_s") != NULL) {
    g_string_append(out, ", so that no port is left ");
    la_say_span(out, la_fact_span(f, "exhausted_in_s"));
    g_string_append(out, " later and connect() fails with EADDRNOTAVAIL");
  }
  g_string_append_printf(out, ": the %s closes first%s; keep connections open and use them again.",
                         la_side_name((LaSide)f->side),
                         f->side == LA_ACCEPTOR ? ", so its sockets wait and the client's ports stay free" : "");
}

const LaRule la_rule_time_wait_pileup = {
    .code = "time-wait-pileup",
    .title = "TIME_WAIT sockets pile up",
    .scope = LA_SCOPE_HOST,
    .severity = LA_SEVERITY_NOTE,
    .thresholds = {{"time-wait-pileup.peak", LA_UNIT_COUNT, 100, "sockets in TIME_WAIT at once"},
                   {"time-wait-pileup.warning", LA_UNIT_PERCENT, 50, "share of the port range for a warning"},
                   {"time-wait-pileup.error", LA_UNIT_PERCENT, 80, "share of the port range for an error"}},
    .about = LA_ABOUT_PAIR,
    .decide_host = decide,
    .summarize_host = summarize,
};
