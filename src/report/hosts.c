#include "report/hosts.h"

void la_hosts_report(LaAggregate *aggregate, const LaThresholds *thresholds, const LaHostsTold *told)
{
  LaContext context = {.thresholds = thresholds};
  g_autoptr(GArray) all = la_aggregate_findings(aggregate, &context, &told->counts->host_findings_left);
  g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(LaFinding));
  for (guint i = 0; i < all->len;) {
    LaHostRecord record = {.subject = g_array_index(all, LaHostFinding, i).subject};
    g_array_set_size(findings, 0);
    for (; i < all->len && la_subject_equal(&g_array_index(all, LaHostFinding, i).subject, &record.subject); i++) {
      const LaFinding *finding = &g_array_index(all, LaHostFinding, i).finding;
      if (told->window == NULL || la_window_has_host_finding(told->window, finding))
        g_array_append_vals(findings, finding, 1);
    }
    if (told->judge != NULL)
      la_judge_host(told->judge, &record.subject, findings);
    if (findings->len == 0)
      continue;
    record.findings = (const LaFinding *)(const void *)findings->data;
    record.finding_count = findings->len;
    la_counts_add_host(told->counts, &record);
    for (unsigned r = 0; r < told->report_count; r++)
      la_report_host(told->reports[r], &record);
  }
}
