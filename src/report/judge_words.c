/* The end of the judging: which cases there are, in which order, and the sentences that say what came of them. */
#include <string.h>

#include "report/judge_private.h"
#include "report/style.h"

/* ---- one case ---- */

static const char *severities_that_fail(LaSeverity fail_on)
{
  switch (fail_on) {
  case LA_SEVERITY_ERROR: return "errors fail";
  case LA_SEVERITY_WARNING: return "warnings and errors fail";
  default: return "every finding fails";
  }
}

static void say_line(const LaPolicy *policy, unsigned line, const char *otherwise, GString *out)
{
  if (line != 0)
    g_string_append_printf(out, "%s:%u", policy->name, line);
  else
    g_string_append(out, otherwise);
}

static void say_clause(const LaPolicy *policy, const LaPolicyClause *clause, GString *out)
{
  say_line(policy, clause->line, clause->kind == LA_CLAUSE_ALLOW ? "--allow" : "--forbid", out);
  if (clause->expires_text != NULL)
    g_string_append_printf(out, ", expires %s", clause->expires_text);
  if (clause->reason != NULL)
    g_string_append_printf(out, " (%s)", clause->reason);
}

static char *why_broken(const LaPolicy *policy, unsigned section, LaSlot *slot)
{
  GString *out = g_string_new(NULL);
  if (slot->breaking >= 0) {
    const LaPolicyClause *clause = g_ptr_array_index(policy->clauses, slot->breaking);
    slot->one->line = clause->line;
    g_string_append(out, "forbidden by ");
    say_clause(policy, clause, out);
  } else {
    const LaPolicyService *service = la_policy_service(policy, section);
    slot->one->line = service->fail_on_line;
    g_string_append_printf(out, "%s (", severities_that_fail(service->fail_on));
    say_line(policy, service->fail_on_line, policy->name, out);
    g_string_append_c(out, ')');
  }
  return g_string_free(out, FALSE);
}

static char *message_of_examples(const LaCase *one, uint64_t count)
{
  GString *out = g_string_new(NULL);
  const LaExample *first = one->examples != NULL && one->examples->len > 0 ? g_ptr_array_index(one->examples, 0) : NULL;
  if (count > 1 || first == NULL) {
    bool connections = first == NULL || first->id != 0;
    la_text_count(out, count, connections ? "connection" : "finding", connections ? "connections" : "findings");
    if (first != NULL)
      g_string_append(out, ", the first: ");
  }
  if (first != NULL)
    g_string_append(out, first->sentence);
  return g_string_free(out, FALSE);
}

/* Takes what the baseline had off a broken case. */
static void accept_baseline(LaJudge *judge, const char *suite, LaCase *one)
{
  if (judge->options.baseline == NULL || one->broken == 0)
    return;
  one->accepted = MIN(one->broken, la_baseline_count(judge->options.baseline, suite, one->name));
  judge->check->accepted += one->accepted;
}

static void append_accepted(const LaJudge *judge, LaCase *one)
{
  if (one->accepted == 0)
    return;
  g_autofree char *before = one->message;
  one->message = g_strdup_printf("%s (%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " are in the baseline %s)", before,
                                 one->accepted, one->broken, la_baseline_path(judge->options.baseline));
}

/* Gives a finding's case its result. */
static void conclude_finding(LaJudge *judge, const LaJudgeSuite *suite, const char *name, LaSlot *slot)
{
  const LaPolicy *policy = judge->options.policy;
  LaCase *one = slot->one;
  accept_baseline(judge, name, one);
  if (one->broken > one->accepted) {
    one->result = LA_CASE_BROKEN;
    one->why = why_broken(policy, suite->section, slot);
    one->message = message_of_examples(one, one->broken);
    append_accepted(judge, one);
  } else if (one->accepted > 0) {
    one->result = LA_CASE_SUPPRESSED;
    one->message = g_strdup_printf("%" G_GUINT64_FORMAT " accepted: in the baseline %s", one->accepted,
                                   la_baseline_path(judge->options.baseline));
  } else if (one->warned > 0) {
    one->result = LA_CASE_WARNED;
    one->message = message_of_examples(one, one->warned);
  } else if (one->suppressed > 0) {
    GString *out = g_string_new(NULL);
    const LaPolicyClause *clause = g_ptr_array_index(policy->clauses, slot->suppressing);
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " suppressed by ", one->suppressed);
    say_clause(policy, clause, out);
    one->line = clause->line;
    one->result = LA_CASE_SUPPRESSED;
    one->message = g_string_free(out, FALSE);
  }
}

/* ---- the cases of a suite ---- */

/* Moves the slot's case, or a passed one, into the suite. (borrowed) */
static LaCase *put(LaSuite *suite, LaSlot *slot, const char *name, const LaRule *rule)
{
  LaCase *one = slot != NULL ? g_steal_pointer(&slot->one) : NULL;
  if (one == NULL)
    one = la_case_new(name, rule);
  g_ptr_array_add(suite->cases, one);
  return one;
}

static void put_rule(LaJudge *judge, LaJudgeSuite *from, LaSuite *suite, const LaRule *rule)
{
  LaSlot *slot = &from->rules[la_rule_index(rule)];
  if (slot->one != NULL)
    conclude_finding(judge, from, suite->name, slot);
  put(suite, slot, rule->code, rule);
}

static void put_unclosed(LaJudge *judge, LaJudgeSuite *from, LaSuite *suite)
{
  const LaPolicyService *service = la_policy_service(judge->options.policy, from->section);
  LaCase *one = put(suite, &from->unclosed, "unclosed", NULL);
  one->line = service->unclosed_line;
  accept_baseline(judge, suite->name, one);
  if (one->broken + one->warned == 0)
    return;
  if (one->broken > 0 && one->broken == one->accepted) {
    one->result = LA_CASE_SUPPRESSED;
    one->message = g_strdup_printf("%" G_GUINT64_FORMAT " accepted: in the baseline %s", one->accepted,
                                   la_baseline_path(judge->options.baseline));
    return;
  }
  one->result = one->broken > 0 ? LA_CASE_BROKEN : LA_CASE_WARNED;
  one->message = message_of_examples(one, one->broken + one->warned);
  append_accepted(judge, one);
  if (one->result != LA_CASE_BROKEN)
    return;
  GString *why = g_string_new("every connection has to be closed (");
  say_line(judge->options.policy, service->unclosed_line, judge->options.policy->name, why);
  g_string_append_c(why, ')');
  one->why = g_string_free(why, FALSE);
}

static void put_requirements(LaJudge *judge, LaJudgeSuite *from, LaSuite *suite)
{
  const LaPolicy *policy = judge->options.policy;
  for (unsigned i = 0; i < policy->requirements->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(policy->requirements, i);
    if (demand->service != 0 && demand->service != from->section)
      continue;
    LaCase *one = put(suite, &from->requirements[i], demand->name, NULL);
    one->line = demand->line;
    if (one->broken == 0)
      continue;
    one->result = LA_CASE_BROKEN;
    one->message = message_of_examples(one, one->broken);
    GString *why = g_string_new("each connection has to keep it (");
    say_line(policy, demand->line, "--require", why);
    g_string_append_c(why, ')');
    one->why = g_string_free(why, FALSE);
  }
}

static void put_expectations(LaJudge *judge, LaSuite *suite, unsigned section)
{
  const LaPolicy *policy = judge->options.policy;
  for (unsigned i = 0; i < policy->expectations->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(policy->expectations, i);
    if (demand->service != section)
      continue;
    LaCase *one = put(suite, &judge->expectations[i], demand->name, NULL);
    one->line = demand->line;
    GString *message = g_string_new(NULL);
    LaVerdict verdict = la_tally_verdict(judge->tallies[i], message);
    if (verdict == LA_VERDICT_HOLDS) {
      /* Those that speak against it are too few. */
      la_case_drop_examples(one);
    } else {
      one->result = LA_CASE_BROKEN;
      one->broken = 1;
      GString *why = g_string_new("all of them together have to keep it (");
      say_line(policy, demand->line, "--expect", why);
      g_string_append_c(why, ')');
      one->why = g_string_free(why, FALSE);
      g_autofree char *lead =
          g_strdup_printf(verdict == LA_VERDICT_NOTHING ? "%s cannot be measured: " : "%s does not hold: ", demand->text);
      g_string_prepend(message, lead);
    }
    one->message = g_string_free(message, FALSE);
  }
}

/* Nothing selected: a gate that lets that pass cannot fail. */
static void put_connections(LaJudge *judge, LaSuite *suite, unsigned section)
{
  const LaPolicyService *service = la_policy_service(judge->options.policy, section);
  LaCase *one = put(suite, NULL, "connections", NULL);
  uint64_t count = section == 0 ? judge->check->connections : suite->connections;
  GString *message = g_string_new(NULL);
  if (section == 0 && judge->empty->len > 0) {
    g_string_append_printf(message, "There is no packet in %s", (const char *)g_ptr_array_index(judge->empty, 0));
    if (judge->empty->len > 1) {
      g_string_append(message, " and ");
      la_text_count(message, judge->empty->len - 1, "other capture", "other captures");
    }
    g_string_append_c(message, '.');
  } else if (count == 0) {
    g_string_append(message, section == 0 ? "There is no connection to judge" : "No connection belongs to this service: ");
    if (section != 0)
      g_string_append(message, service->where_text);
    else if (judge->check->connections_total > 0)
      g_string_append_printf(message, ": none of %" G_GUINT64_FORMAT " was selected", judge->check->connections_total);
    g_string_append_c(message, '.');
  }
  if (message->len == 0) {
    g_string_free(message, TRUE);
    return;
  }
  one->message = g_string_free(message, FALSE);
  one->line = service->line;
  one->result = service->allow_empty ? LA_CASE_WARNED : LA_CASE_BROKEN;
  if (service->allow_empty)
    one->warned = 1;
  else
    one->broken = 1;
  if (!service->allow_empty)
    one->why = g_strdup("a check of nothing proves nothing (allow-empty permits it)");
}

static void put_captures(LaJudge *judge, LaSuite *suite)
{
  LaCase *one = put(suite, NULL, "captures", NULL);
  const GPtrArray *said = judge->unopened->len > 0 ? judge->unopened : judge->broken_off;
  unsigned count = judge->unopened->len + judge->broken_off->len;
  if (count == 0)
    return;
  bool allowed = judge->unopened->len == 0 && judge->options.truncated == LA_TRUNCATED_ALLOW;
  one->result = allowed ? LA_CASE_WARNED : LA_CASE_UNREADABLE;
  one->warned = count;
  one->message = count == 1 ? g_strdup(g_ptr_array_index(said, 0))
                            : g_strdup_printf("%s (and %u more)", (const char *)g_ptr_array_index(said, 0), count - 1);
  one->why = g_strdup("what could not be read was not judged");
}

static void write_run(LaJudge *judge)
{
  LaJudgeSuite *from = g_ptr_array_index(judge->suites, 0);
  LaSuite *suite = la_check_add_suite(judge->check, g_strdup("run"), g_strdup("run"));
  suite->connections = judge->check->connections;
  put_captures(judge, suite);
  if (judge->captures == 0)
    return;
  put_connections(judge, suite, 0);
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  for (unsigned i = 0; i < count; i++) {
    bool scan = rules[i]->scope == LA_SCOPE_HOST &&
                (rules[i]->about == LA_ABOUT_SCANNED_HOST || rules[i]->about == LA_ABOUT_SCANNED_PORT);
    /* What is said of a service none of whose connections were selected has no other place. */
    if (rules[i]->scope == LA_SCOPE_CAPTURE || scan || from->rules[i].one != NULL)
      put_rule(judge, from, suite, rules[i]);
  }
  put_expectations(judge, suite, 0);
}

static void write_service(LaJudge *judge, LaJudgeSuite *from, char *name, char *stable)
{
  LaSuite *suite = la_check_add_suite(judge->check, name, stable);
  suite->connections = from->connections;
  if (from->section != 0)
    put_connections(judge, suite, from->section);
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  for (unsigned i = 0; i < count; i++) {
    bool of_service =
        rules[i]->scope == LA_SCOPE_HOST && (rules[i]->about == LA_ABOUT_SERVICE || rules[i]->about == LA_ABOUT_PAIR);
    if (rules[i]->scope == LA_SCOPE_CONNECTION || of_service)
      put_rule(judge, from, suite, rules[i]);
  }
  put_unclosed(judge, from, suite);
  put_requirements(judge, from, suite);
  if (from->section != 0)
    put_expectations(judge, suite, from->section);
}

static int by_address(gconstpointer a, gconstpointer b)
{
  const LaHostPort *one = &(*(const LaJudgeSuite *const *)a)->server;
  const LaHostPort *other = &(*(const LaJudgeSuite *const *)b)->server;
  /* Other services, which have no address, stand last. */
  if ((one->family == LA_FAMILY_NONE) != (other->family == LA_FAMILY_NONE))
    return one->family == LA_FAMILY_NONE ? 1 : -1;
  if (one->family != other->family)
    return one->family < other->family ? -1 : 1;
  int order = la_addr_compare(&one->addr, &other->addr);
  return order != 0 ? order : (one->port > other->port) - (one->port < other->port);
}

static char *stable_name(const LaJudge *judge, const LaHostPort *server)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  la_host_port_format(server, text);
  if (server->port >= judge->options.ephemeral_low)
    g_strlcpy(strrchr(text, ':') + 1, "*", 2);
  return g_strdup(text);
}

static void write_services(LaJudge *judge)
{
  const LaPolicy *policy = judge->options.policy;
  unsigned named = policy->services->len;
  for (unsigned i = 1; i < named; i++) {
    const char *name = la_policy_service(policy, i)->name;
    write_service(judge, g_ptr_array_index(judge->suites, i), g_strdup(name), g_strdup(name));
  }
  if (judge->suites->len <= named)
    return;
  qsort(judge->suites->pdata + named, judge->suites->len - named, sizeof(gpointer), by_address);
  for (unsigned i = named; i < judge->suites->len; i++) {
    LaJudgeSuite *from = g_ptr_array_index(judge->suites, i);
    char text[LA_HOST_PORT_TEXT_MAX];
    if (from->server.family == LA_FAMILY_NONE)
      write_service(judge, from, g_strdup("other services"), g_strdup("other services"));
    else
      write_service(judge, from, g_strdup(la_host_port_format(&from->server, text)), stable_name(judge, &from->server));
  }
}

/* ---- beside the cases ---- */

static void write_suppressions(LaJudge *judge)
{
  const LaPolicy *policy = judge->options.policy;
  for (unsigned i = 0; i < policy->clauses->len; i++) {
    const LaPolicyClause *clause = g_ptr_array_index(policy->clauses, i);
    GString *out = g_string_new(NULL);
    if (judge->suppressed[i] > 0) {
      g_string_append_printf(out, "%" G_GUINT64_FORMAT " suppressed by ", judge->suppressed[i]);
      say_clause(policy, clause, out);
      g_string_append_printf(out, ": %s", clause->rule != NULL ? clause->rule->code : "every finding");
      g_ptr_array_add(judge->check->suppressions, g_string_free(out, FALSE));
      continue;
    }
    if (la_clause_expired(clause, judge->options.now)) {
      say_line(policy, clause->line, "", out);
      g_string_append_printf(out, " (%s %s) expired on %s and does not count any more",
                             clause->kind == LA_CLAUSE_ALLOW ? "allow" : "forbid",
                             clause->rule != NULL ? clause->rule->code : "*", clause->expires_text);
      la_judge_note(judge, out->str);
    }
    g_string_free(out, TRUE);
  }
}

static void write_others(LaJudge *judge)
{
  if (judge->other == NULL)
    return;
  g_autofree char *note =
      g_strdup_printf("More than %u services: those that came later stand together as 'other services'", LA_JUDGE_SUITES_MAX);
  la_judge_note(judge, note);
}

static void write_unsettled(LaJudge *judge)
{
  if (judge->unsettled == 0)
    return;
  GString *out = g_string_new(NULL);
  char span[LA_TIME_TEXT_MAX];
  la_text_count(out, judge->unsettled, "connection was", "connections were");
  g_string_append_printf(
      out, " still open when the capture ended, less than %s after %s last packet: not judged as unclosed (record for longer)",
      la_span_format(la_policy_service(judge->options.policy, 0)->settle, span), judge->unsettled == 1 ? "its" : "their");
  la_judge_note(judge, out->str);
  g_string_free(out, TRUE);
}

/* Makes the cases' sentences and hands all of them to the check. */
static void write_cases(LaJudge *judge)
{
  write_run(judge);
  if (judge->captures > 0)
    write_services(judge);
  write_suppressions(judge);
  write_unsettled(judge);
  write_others(judge);
}

void la_judge_end(LaJudge *judge, const LaCounts *counts)
{
  LaCheck *check = judge->check;
  check->connections_total = counts->connections_total;
  for (unsigned i = 1; i < judge->suites->len; i++)
    check->services += ((const LaJudgeSuite *)g_ptr_array_index(judge->suites, i))->connections > 0;
  write_cases(judge);
  la_check_conclude(check);
}

/* ---- thresholds that are longer than the capture ---- */

bool la_judge_is_cut_off(const LaConnection *conn)
{
  if (conn->ended_by != LA_ENDED_CAPTURE_END)
    return false;
  LaTeardownResult teardown = la_connection_teardown(conn);
  return teardown != LA_TEARDOWN_FIN && teardown != LA_TEARDOWN_RST && teardown != LA_TEARDOWN_FIN_RST;
}

bool la_judge_scale(LaJudge *judge, const LaThresholds *thresholds, LaTime length, LaThresholds *ret_scaled)
{
  LaTime to = MAX(length / 2, la_policy_service(judge->options.policy, 0)->settle);
  g_autoptr(GString) said = g_string_new(NULL);
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  *ret_scaled = *thresholds;
  for (unsigned i = 0; i < count; i++) {
    int64_t wait = thresholds->value[i][0];
    if (!rules[i]->waits || wait <= length || wait <= to)
      continue;
    char span[LA_TIME_TEXT_MAX];
    ret_scaled->value[i][0] = to;
    g_string_append_printf(said, "%s%s from %s", said->len > 0 ? ", " : "", rules[i]->thresholds[0].name,
                           la_span_format(wait, span));
  }
  g_clear_pointer(&judge->scaled_note, g_free);
  if (said->len == 0)
    return false;
  char capture[LA_TIME_TEXT_MAX], scaled[LA_TIME_TEXT_MAX];
  judge->scaled_note =
      g_strdup_printf("The capture is only %s long: what its end cut off was judged by shorter thresholds (%s, to %s)",
                      la_span_format(length, capture), said->str, la_span_format(to, scaled));
  return true;
}
