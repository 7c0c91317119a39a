/* What a policy demands, in words: for `check --explain-policy`, so that its reader need not know the format. */
#include <string.h>

#include "base/escape.h"
#include "select/policy.h"

/* Appends where the clause stands, ".lastack:7", or "--allow". Safe for a terminal. */
static void say_place(const LaPolicy *policy, unsigned line, const char *option, GString *out)
{
  if (line == 0) {
    g_string_append(out, option);
    return;
  }
  la_escape_terminal(out, policy->name, -1);
  g_string_append_printf(out, ":%u", line);
}

static void say_text(GString *out, const char *text)
{
  la_escape_terminal(out, text, -1);
}

static void say_fail_on(const LaPolicyService *service, GString *out)
{
  switch (service->fail_on) {
  case LA_SEVERITY_ERROR: g_string_append(out, "any error fails; warnings and notes pass"); break;
  case LA_SEVERITY_WARNING: g_string_append(out, "any error or warning fails; notes pass"); break;
  case LA_SEVERITY_NOTE: g_string_append(out, "any finding fails, notes too"); break;
  default: g_string_append(out, "no finding fails by its severity"); break;
  }
}

static void say_unclosed(const LaPolicyService *service, GString *out)
{
  char span[LA_TIME_TEXT_MAX];
  static const char *const what[] = {"fails", "is told, and passes", "passes"};
  g_string_append_printf(out, "a connection that is not fully closed when the capture ends %s", what[service->unclosed]);
  if (service->unclosed != LA_UNCLOSED_IGNORE && service->settle > 0)
    g_string_append_printf(out, ", unless its last packet is younger than %s", la_span_format(service->settle, span));
}

static void say_rules(const LaPolicyService *service, GString *out)
{
  g_string_append_printf(out, "- ");
  say_fail_on(service, out);
  g_string_append_printf(out, "\n- ");
  say_unclosed(service, out);
  g_string_append_printf(
      out, "\n- %s\n", service->allow_empty ? "it passes when there is no connection" : "it fails when there is no connection");
}

static void say_clause(const LaPolicy *policy, const LaPolicyClause *clause, LaTime now, GString *out)
{
  bool allow = clause->kind == LA_CLAUSE_ALLOW;
  g_string_append(out, "- ");
  if (clause->rule != NULL)
    g_string_append_printf(out, "%s (%s)", clause->rule->code, clause->rule->title);
  else
    g_string_append(out, "every finding");
  if (clause->service != 0) {
    g_string_append(out, " of service ");
    say_text(out, la_policy_service(policy, clause->service)->name);
  }
  if (clause->where_text != NULL) {
    g_string_append(out, " where ");
    say_text(out, clause->where_text);
  }
  g_string_append(out, allow ? " is known noise: counted, not told" : " fails, whatever its severity");
  if (clause->expires_text != NULL)
    g_string_append_printf(out, "%s %s", la_clause_expired(clause, now) ? "; EXPIRED on" : ", until", clause->expires_text);
  if (clause->reason != NULL) {
    g_string_append(out, "; reason: ");
    say_text(out, clause->reason);
  }
  g_string_append(out, "  (");
  say_place(policy, clause->line, allow ? "--allow" : "--forbid", out);
  g_string_append(out, ")\n");
}

static void say_demands(const LaPolicy *policy, const GPtrArray *demands, unsigned service, GString *out)
{
  for (unsigned i = 0; i < demands->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(demands, i);
    if (demand->service != service)
      continue;
    bool all = demands == policy->expectations;
    g_string_append_printf(out, "- %s: ", all ? "all of them together must keep" : "each of them must keep");
    say_text(out, demand->text);
    g_string_append(out, "  (");
    say_place(policy, demand->line, all ? "--expect" : "--require", out);
    g_string_append(out, ")\n");
  }
}

void la_policy_explain(const LaPolicy *policy, LaTime now, GString *out)
{
  g_string_append(out, "policy ");
  say_text(out, policy->name);
  g_string_append(out, policy->services->len > 1 ? "\n\nAll connections, as far as their service says nothing else:\n"
                                                 : "\n\nAll connections:\n");
  say_rules(la_policy_service(policy, 0), out);
  say_demands(policy, policy->requirements, 0, out);
  say_demands(policy, policy->expectations, 0, out);
  for (unsigned i = 1; i < policy->services->len; i++) {
    const LaPolicyService *service = la_policy_service(policy, i);
    g_string_append(out, "\nService ");
    say_text(out, service->name);
    g_string_append(out, ", connections where ");
    say_text(out, service->where_text);
    g_string_append(out, ":\n");
    say_rules(service, out);
    say_demands(policy, policy->requirements, i, out);
    say_demands(policy, policy->expectations, i, out);
  }
  if (policy->clauses->len > 0)
    g_string_append(out, "\nFindings (a forbidden one fails even where it is allowed, too):\n");
  for (unsigned i = 0; i < policy->clauses->len; i++)
    say_clause(policy, g_ptr_array_index(policy->clauses, i), now, out);
  if (policy->thresholds->len > 0)
    g_string_append(out, "\nThresholds other than the usual ones:\n");
  for (unsigned i = 0; i < policy->thresholds->len; i++) {
    g_string_append(out, "- ");
    say_text(out, g_ptr_array_index(policy->thresholds, i));
    g_string_append_c(out, '\n');
  }
}
