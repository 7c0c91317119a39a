/* Each rule is asked once, about a finished connection. Most connections are clean, so a rule says with its masks what a
 * connection must have shown to concern it, and is passed over otherwise. */
#include "diagnose/diagnose.h"

#include "diagnose/evidence.h"
#include "track/measures.h"

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

#define CLEAN_MARKS                                                                                                            \
  (LA_MARK_SYN | LA_MARK_SYN_ACK | LA_MARK_FIN | LA_MARK_DATA | LA_MARK_HANDSHAKE_ACK | LA_MARK_ACKS_SYN | LA_MARK_ACKS_FIN |  \
   LA_MARK_ACKS_DATA | LA_MARK_FIRST_DATA)
#define CLEAN_FLAGS (LA_CONN_CLOSED | LA_CONN_ESTABLISHED | LA_CONN_OVER | LA_CONN_BRIEF)

static LaTime least(LaTime a, LaTime b)
{
  return a < b ? a : b;
}

/* Whether a connection shows nothing that any rule is about: opened with three segments, carried payload, closed with two FINs,
 * each once, in order, and in good time. A test asks every rule about such connections too, and none has an answer. */
static bool is_clean(const LaConnection *conn, const LaContext *context)
{
  if ((conn->marks & ~CLEAN_MARKS) != 0 || (conn->flags & ~(uint32_t)CLEAN_FLAGS) != 0 || (conn->flags & LA_CONN_CLOSED) == 0)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  const LaEndpoint *first = &conn->end[conn->first_fin];
  const LaEndpoint *second = &conn->end[LA_OTHER(conn->first_fin)];
  if (opener->syn_sent != 1 || acceptor->syn_ack_sent != 1 || opener->fin_sent != 1 || acceptor->fin_sent != 1)
    return false;
  if (opener->payload_segments + acceptor->payload_segments == 0 || conn->exit_run > 1 || second->fin_ack != first->fin_end)
    return false;
  if ((opener->cut | acceptor->cut | opener->bad_checksums | acceptor->bad_checksums | opener->recorded_late |
       acceptor->recorded_late) != 0)
    return false;
  LaTime slow = least(LA_THRESHOLD(context, close_wait_slow, 0), LA_THRESHOLD(context, close_wait_leak, 0));
  if (second->fin_time - first->fin_acked_time >= slow)
    return false;
  LaTime quick = least(LA_THRESHOLD(context, handshake_slow, 0), LA_THRESHOLD(context, handshake_slow, 2));
  return acceptor->syn_time - opener->syn_time <= quick && conn->handshake_ack_time - acceptor->syn_time <= quick;
}

/* The gate of packets that the capture lost (FINDINGS section 1): a finding that rests on silence is worth less when packets were dropped
 * meanwhile. How many is a fact. */
static void weigh_losses(const LaLosses *losses, LaFinding *finding)
{
  if (losses == NULL || losses->count == 0 || finding->silent_from == LA_TIME_NONE)
    return;
  uint64_t dropped = la_losses_within(losses, finding->silent_from, finding->silent_until);
  if (dropped == 0)
    return;
  if (finding->confidence > LA_CONFIDENCE_POSSIBLE)
    finding->confidence--;
  la_finding_add_count(finding, "dropped_packets", (int64_t)MIN(dropped, (uint64_t)INT64_MAX));
}

/* Where packets have no times, no span between them is known: it comes out as 0. (Others are thresholds.) */
static void forget_spans(LaFinding *finding)
{
  for (unsigned i = 0; i < finding->fact_count; i++) {
    if (finding->facts[i].kind == LA_FACT_SPAN && finding->facts[i].value.span <= 0)
      finding->facts[i].value.span = LA_TIME_NONE;
  }
}

bool la_diagnose(const LaConnection *conn, const LaContext *context, LaFindings *ret_findings)
{
  ret_findings->count = 0;
  if (context->ask == LA_ASK_WHAT_MATTERS && is_clean(conn, context))
    return true;
  if ((conn->flags & LA_CONN_BRIEF) != 0)
    return false;
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  LaContext about = *context;
  about.service = about.services != NULL ? la_services_get(about.services, conn->service) : NULL;
  about.host = about.services != NULL ? la_services_get(about.services, conn->host) : NULL;
  about.reset = (LaResetVerdict){.kind = LA_RESET_NONE};
  if ((conn->flags & LA_CONN_RST) != 0 && (conn->flags & LA_CONN_STRAY) == 0)
    about.reset = la_verdict_reset(conn, &about);
  about.opening = (LaOpening){.kind = LA_OPENING_FINE};
  /* A handshake of three segments, and something that worked after it, needs no verdict. */
  bool smooth = conn->end[LA_OPENER].syn_sent == 1 && conn->end[LA_ACCEPTOR].syn_ack_sent == 1 &&
                conn->end[LA_ACCEPTOR].payload_segments != 0;
  if ((conn->marks & LA_MARK_SYN) != 0 && !smooth)
    about.opening = la_verdict_handshake(conn, &about);
  bool silent = la_connection_is_silent(conn);
  for (unsigned i = 0; i < count; i++) {
    const LaRule *rule = rules[i];
    /* The masks first: they pass over most. */
    if ((rule->any_marks | rule->any_flags) != 0 && (conn->marks & rule->any_marks) == 0 &&
        (conn->flags & rule->any_flags) == 0)
      continue;
    if (rule->scope == LA_SCOPE_HOST || rule->decide == NULL || (silent && !rule->without_packets))
      continue;
    LaFinding finding;
    finding.rule = rule;
    finding.rule_index = (uint8_t)i;
    finding.severity = (uint8_t)rule->severity;
    finding.confidence = LA_CONFIDENCE_LIKELY;
    finding.blame = LA_BLAME_NONE;
    finding.blame_also = 0;
    finding.side = LA_SIDE_N;
    finding.variant = 0;
    finding.fact_count = 0;
    finding.packet_count = 0;
    finding.packets_total = 0;
    finding.file = 0;
    finding.at = conn->last_time;
    finding.silent_from = finding.silent_until = LA_TIME_NONE;
    if (rule->decide(conn, &about, &finding)) {
      /* Without known roles nobody can be accused for being client or server (CONTRACT section 4). */
      if (conn->roles_from == LA_ROLES_FIRST_PACKET && finding.severity != LA_SEVERITY_NOTE)
        finding.confidence = LA_CONFIDENCE_POSSIBLE;
      weigh_losses(about.losses, &finding);
      if (!la_time_is_known(conn->first_time))
        forget_spans(&finding);
      keep(ret_findings, &finding);
    }
  }
  return true;
}

void la_finding_summary(const LaFinding *finding, const LaConnection *conn, GString *out)
{
  finding->rule->summarize(finding, conn, out);
  const LaFact *dropped = la_finding_fact(finding, "dropped_packets");
  if (dropped == NULL)
    return;
  g_string_append(out, " The capture dropped ");
  la_say_count(out, dropped->value.count, "packet", "packets");
  g_string_append(out, " meanwhile: what seems to be missing may be among them.");
}
