/* The keys of a policy, one function a kind of value. */
#include "select/policy_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/nearest.h"

static const char *const unclosed_names[] = {"fail", "warn", "ignore"};
static_assert(G_N_ELEMENTS(unclosed_names) == LA_UNCLOSED_N, "a name for each");

static LaPolicyService *service_of(const LaPolicyReader *reader)
{
  return g_ptr_array_index(reader->policy->services, reader->service);
}

static bool wrong_word(const LaPolicyReader *reader, const char *key, const char *value, const char *wanted, GError **error)
{
  la_policy_error(error, reader->policy->name, reader->line, "%s is %s, not '%s'", key, wanted, value);
  return false;
}

static bool read_flag(const LaPolicyReader *reader, const char *key, const char *value, bool *ret_flag, GError **error)
{
  static const char *const yes[] = {"yes", "true", "1"};
  static const char *const no[] = {"no", "false", "0"};
  for (unsigned i = 0; i < G_N_ELEMENTS(yes); i++) {
    if (strcmp(value, yes[i]) != 0 && strcmp(value, no[i]) != 0)
      continue;
    *ret_flag = strcmp(value, yes[i]) == 0;
    return true;
  }
  return wrong_word(reader, key, value, "yes or no", error);
}

static bool take_fail_on(const LaPolicyReader *reader, const char *value, GError **error)
{
  LaPolicyService *service = service_of(reader);
  for (unsigned severity = 0; severity < LA_SEVERITY_N; severity++) {
    if (strcmp(value, la_severity_name((LaSeverity)severity)) != 0)
      continue;
    service->fail_on = (LaSeverity)severity;
    service->fail_on_line = reader->line;
    return true;
  }
  if (strcmp(value, "never") != 0)
    return wrong_word(reader, "fail-on", value, "error, warning, note or never", error);
  service->fail_on = LA_SEVERITY_N;
  service->fail_on_line = reader->line;
  return true;
}

static bool take_unclosed(const LaPolicyReader *reader, const char *value, GError **error)
{
  for (unsigned i = 0; i < LA_UNCLOSED_N; i++) {
    if (strcmp(value, unclosed_names[i]) != 0)
      continue;
    service_of(reader)->unclosed = (LaUnclosed)i;
    service_of(reader)->unclosed_line = reader->line;
    return true;
  }
  return wrong_word(reader, "unclosed", value, "fail, warn or ignore", error);
}

static bool take_settle(const LaPolicyReader *reader, const char *value, GError **error)
{
  LaTime settle;
  bool bare = strspn(value, "0123456789.") == strlen(value);
  if ((bare && strcmp(value, "0") != 0) || !la_span_parse(value, &settle))
    return wrong_word(reader, "settle", value, "a time such as 2s or 500ms", error);
  service_of(reader)->settle = settle;
  return true;
}

/* ---- findings ---- */

static const LaRule *find_rule(const LaPolicyReader *reader, const char *code, GError **error)
{
  const LaRule *rule = la_rule_find(code);
  if (rule != NULL)
    return rule;
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  g_autofree const char **codes = g_new(const char *, count);
  for (unsigned i = 0; i < count; i++)
    codes[i] = rules[i]->code;
  const char *nearest = la_nearest(code, codes, count);
  if (nearest != NULL)
    la_policy_error(error, reader->policy->name, reader->line, "no finding is called '%s', did you mean '%s'?", code, nearest);
  else
    la_policy_error(error, reader->policy->name, reader->line, "no finding is called '%s' (lastack explain lists them)", code);
  return NULL;
}

LaPolicyClause *la_policy_add_clause(const LaPolicyReader *reader, LaClauseKind kind, const char *code, GError **error)
{
  const LaRule *rule = NULL;
  if (strcmp(code, "*") != 0 && (rule = find_rule(reader, code, error)) == NULL)
    return NULL;
  LaPolicyClause *clause = g_new0(LaPolicyClause, 1);
  clause->kind = kind;
  clause->line = reader->line;
  clause->service = reader->service;
  clause->rule = rule;
  clause->expires = LA_TIME_NONE;
  g_ptr_array_add(reader->policy->clauses, clause);
  return clause;
}

static bool take_codes(const LaPolicyReader *reader, const char *key, const char *value, GError **error)
{
  LaClauseKind kind = strcmp(key, "allow") == 0 ? LA_CLAUSE_ALLOW : LA_CLAUSE_FORBID;
  g_auto(GStrv) codes = g_strsplit_set(value, " \t,;", -1);
  unsigned taken = 0;
  for (unsigned i = 0; codes[i] != NULL; i++) {
    if (*codes[i] == '\0')
      continue;
    if (strcmp(codes[i], "*") == 0) {
      la_policy_error(error, reader->policy->name, reader->line,
                      "%s = * would %s everything: name the findings, or use fail-on", key, key);
      return false;
    }
    if (la_policy_add_clause(reader, kind, codes[i], error) == NULL)
      return false;
    taken++;
  }
  if (taken > 0)
    return true;
  la_policy_error(error, reader->policy->name, reader->line, "%s names no finding", key);
  return false;
}

/* YYYY-MM-DD. A day beyond what LaTime can hold never comes. */
static bool take_expires(const LaPolicyReader *reader, LaPolicyClause *clause, const char *value, GError **error)
{
  int year, month, day, end = 0;
  bool shaped =
      strlen(value) == strlen("2027-01-31") && sscanf(value, "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 && end == 10;
  if (!shaped || year < 1 || !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
    return wrong_word(reader, "expires", value, "a day such as 2027-01-31, the last on which it holds", error);
  g_autofree char *moment = g_strdup_printf("%sT00:00:00Z", value);
  LaTime begins = LA_TIME_MAX;
  la_time_parse(moment, &begins);
  clause->expires = la_time_add(begins, 24 * 3600 * LA_SEC);
  g_free(clause->expires_text);
  clause->expires_text = g_strdup(value);
  return true;
}

bool la_policy_take_clause_key(const LaPolicyReader *reader, LaPolicyClause *clause, const LaPolicyEntry *entry,
                               bool *ret_known, GError **error)
{
  *ret_known = true;
  if (strcmp(entry->key, "where") == 0) {
    /* A finding about the capture stands on each connection that it concerns: there an expression can choose. */
    bool host = clause->rule != NULL && clause->rule->scope == LA_SCOPE_HOST;
    clause->where = la_policy_expression(reader, entry->value, host ? LA_EXPRESSION_HOST : LA_EXPRESSION_CONNECTION, error);
    clause->where_text = g_strdup(entry->value);
    return clause->where != NULL;
  }
  if (strcmp(entry->key, "expires") == 0)
    return take_expires(reader, clause, entry->value, error);
  *ret_known = strcmp(entry->key, "reason") == 0;
  if (*ret_known)
    clause->reason = g_strdup(entry->value);
  return true;
}

/* ---- expressions ---- */

LaExpression *la_policy_expression(const LaPolicyReader *reader, const char *text, LaExpressionKind kind, GError **error)
{
  LaExpression *expression = la_expression_parse(text, kind, reader->zone, error);
  if (expression == NULL && error != NULL && reader->line != 0) {
    /* The message is in lines of its own (a caret stands under the place), so it is not escaped once more. */
    g_autoptr(GString) place = g_string_new(NULL);
    la_escape_terminal(place, reader->policy->name, -1);
    g_prefix_error(error, "%s:%u: ", place->str, reader->line);
  }
  return expression;
}

static bool is_name(const char *name)
{
  return *name != '\0' && strlen(name) <= 100 &&
         strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(name);
}

static bool add_demand(const LaPolicyReader *reader, GPtrArray *demands, const char *name, const char *text, GError **error)
{
  bool total = demands == reader->policy->expectations;
  const char *word = total ? "expect" : "require";
  if (!is_name(name)) {
    la_policy_error(error, reader->policy->name, reader->line,
                    "%s.%s: a name is made of letters, digits, dots, '-' and '_' (it becomes the case's name)", word, name);
    return false;
  }
  /* An expectation's case has its bare name in JUnit files. */
  static const char *const taken[] = {"captures", "connections", "unclosed"};
  for (unsigned i = 0; total && i <= G_N_ELEMENTS(taken); i++) {
    if (i < G_N_ELEMENTS(taken) ? strcmp(name, taken[i]) != 0 : la_rule_find(name) == NULL)
      continue;
    la_policy_error(error, reader->policy->name, reader->line,
                    "expect.%s: there is a case of that name already, choose another", name);
    return false;
  }
  LaExpressionKind kind = total ? LA_EXPRESSION_TOTAL : LA_EXPRESSION_CONNECTION;
  LaExpression *expression = la_policy_expression(reader, text, kind, error);
  if (expression == NULL)
    return false;
  LaPolicyDemand *demand = g_new0(LaPolicyDemand, 1);
  demand->name = g_strdup_printf("%s.%s", word, name);
  demand->text = g_strdup(text);
  demand->expression = expression;
  demand->line = reader->line;
  demand->service = reader->service;
  g_ptr_array_add(demands, demand);
  return true;
}

/* --expect: [NAME=]EXPR. A name is told from the beginning of an expression by the single = behind it. */
static bool take_expect_option(const LaPolicyReader *reader, GPtrArray *demands, const char *value, GError **error)
{
  const char *equals = strchr(value, '=');
  if (equals != NULL && equals[1] != '=' && equals[1] != '~' && equals > value) {
    g_autofree char *name = g_strndup(value, (gsize)(equals - value));
    if (is_name(g_strstrip(name)))
      return add_demand(reader, demands, name, equals + 1 + strspn(equals + 1, " "), error);
  }
  g_autofree char *number = g_strdup_printf("option-%u", demands->len + 1);
  return add_demand(reader, demands, number, value, error);
}

bool la_policy_take_key(const LaPolicyReader *reader, const char *key, const char *value, bool *ret_known, GError **error)
{
  LaPolicy *policy = reader->policy;
  *ret_known = true;
  if (strcmp(key, "fail-on") == 0)
    return take_fail_on(reader, value, error);
  if (strcmp(key, "unclosed") == 0)
    return take_unclosed(reader, value, error);
  if (strcmp(key, "settle") == 0)
    return take_settle(reader, value, error);
  if (strcmp(key, "allow-empty") == 0)
    return read_flag(reader, key, value, &service_of(reader)->allow_empty, error);
  if (strcmp(key, "allow") == 0 || strcmp(key, "forbid") == 0)
    return take_codes(reader, key, value, error);
  if (g_str_has_prefix(key, "expect."))
    return add_demand(reader, policy->expectations, key + strlen("expect."), value, error);
  if (g_str_has_prefix(key, "require."))
    return add_demand(reader, policy->requirements, key + strlen("require."), value, error);
  if (reader->line == 0 && strcmp(key, "expect") == 0)
    return take_expect_option(reader, policy->expectations, value, error);
  if (reader->line == 0 && strcmp(key, "require") == 0)
    return take_expect_option(reader, policy->requirements, value, error);
  *ret_known = false;
  return true;
}

/* What the command line says holds for every service, whatever its section says. */
static void spread(LaPolicy *policy, const char *key)
{
  const LaPolicyService *whole = la_policy_service(policy, 0);
  for (unsigned i = 1; i < policy->services->len; i++) {
    LaPolicyService *service = g_ptr_array_index(policy->services, i);
    if (strcmp(key, "fail-on") == 0) {
      service->fail_on = whole->fail_on;
      service->fail_on_line = 0;
    } else if (strcmp(key, "unclosed") == 0) {
      service->unclosed = whole->unclosed;
      service->unclosed_line = 0;
    } else if (strcmp(key, "settle") == 0) {
      service->settle = whole->settle;
    } else if (strcmp(key, "allow-empty") == 0) {
      service->allow_empty = whole->allow_empty;
    }
  }
}

bool la_policy_set(LaPolicy *policy, const char *key, const char *value, LaClockZone zone, GError **error)
{
  LaPolicyReader reader = {.policy = policy, .zone = zone};
  bool known;
  if (la_policy_take_key(&reader, key, value, &known, error)) {
    g_assert(known);
    spread(policy, key);
    return true;
  }
  /* A message about an expression is in lines of its own. */
  g_prefix_error(error, "--%s: ", key);
  return false;
}
