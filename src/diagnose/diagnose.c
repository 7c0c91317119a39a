/* Each rule is asked once, about a finished connection. Most connections are clean, so a rule says with its masks what a
 * connection must have shown to concern it, and is passed over otherwise. */
#include "diagnose/diagnose.h"

static void keep(LaFindings *findings, const LaFinding *finding)
{
  if (findings->count == LA_FINDINGS_MAX)
    return;
  unsigned at = findings->count++;
  /* Worst first; equals stay in the catalogue's order. */
  for (; at > 0 && findings->items[at - 1].severity < finding->severity; at--)
    findings->items[at] = findings->items[at - 1];
  findings->items[at] = *finding;
}

void la_diagnose(const LaConnection *conn, const LaContext *context, LaFindings *ret_findings)
{
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  LaContext about = *context;
  about.service = about.services != NULL ? la_services_get(about.services, conn->service) : NULL;
  about.host = about.services != NULL ? la_services_get(about.services, conn->host) : NULL;
  about.reset = (LaResetVerdict){.kind = LA_RESET_NONE};
  if ((conn->flags & LA_CONN_RST) != 0)
    about.reset = la_verdict_reset(conn, &about);
  ret_findings->count = 0;
  for (unsigned i = 0; i < count; i++) {
    const LaRule *rule = rules[i];
    if (rule->scope == LA_SCOPE_HOST || rule->decide == NULL)
      continue;
    if ((rule->any_marks | rule->any_flags) != 0 && (conn->marks & rule->any_marks) == 0 && (conn->flags & rule->any_flags) == 0)
      continue;
    LaFinding finding;
    finding.rule = rule;
    finding.severity = (uint8_t)rule->severity;
    finding.confidence = LA_CONFIDENCE_LIKELY;
    finding.blame = LA_BLAME_NONE;
    finding.blame_also = 0;
    finding.side = LA_SIDE_N;
    finding.variant = 0;
    finding.fact_count = 0;
    finding.packet_count = 0;
    finding.packets_total = 0;
    finding.at = conn->last_time;
    if (rule->decide(conn, &about, &finding)) {
      /* Without known roles nobody can be accused for being client or server (CONTRACT section 4). */
      if (conn->roles_from == LA_ROLES_FIRST_PACKET && finding.severity != LA_SEVERITY_NOTE)
        finding.confidence = LA_CONFIDENCE_POSSIBLE;
      keep(ret_findings, &finding);
    }
  }
}

void la_finding_summary(const LaFinding *finding, const LaConnection *conn, GString *out)
{
  finding->rule->summarize(finding, conn, out);
}
