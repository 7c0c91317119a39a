/* A policy is read in three rounds over its lines, since sections may stand in any order: [policy] first, whose values the
 * services begin with; then [service NAME]; then [allow CODE] and [forbid CODE], which may name a service. */
#include "select/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/nearest.h"
#include "select/policy_private.h"
#include "select/stored.h"

static void free_service(gpointer data)
{
  LaPolicyService *service = data;
  g_free(service->name);
  g_free(service->where_text);
  la_expression_free(service->where);
  g_free(service);
}

static void free_clause(gpointer data)
{
  LaPolicyClause *clause = data;
  la_expression_free(clause->where);
  g_free(clause->where_text);
  g_free(clause->reason);
  g_free(clause->expires_text);
  g_free(clause);
}

static void free_demand(gpointer data)
{
  LaPolicyDemand *demand = data;
  la_expression_free(demand->expression);
  g_free(demand->name);
  g_free(demand->text);
  g_free(demand);
}

LaPolicy *la_policy_new(void)
{
  LaPolicy *policy = g_new0(LaPolicy, 1);
  policy->name = g_strdup("the built-in policy");
  policy->services = g_ptr_array_new_with_free_func(free_service);
  policy->clauses = g_ptr_array_new_with_free_func(free_clause);
  policy->expectations = g_ptr_array_new_with_free_func(free_demand);
  policy->requirements = g_ptr_array_new_with_free_func(free_demand);
  policy->thresholds = g_ptr_array_new_with_free_func(g_free);
  LaPolicyService *whole = g_new0(LaPolicyService, 1);
  whole->fail_on = LA_SEVERITY_ERROR;
  whole->settle = LA_POLICY_SETTLE;
  g_ptr_array_add(policy->services, whole);
  return policy;
}

void la_policy_free(LaPolicy *policy)
{
  if (policy == NULL)
    return;
  g_free(policy->name);
  g_free(policy->path);
  g_ptr_array_unref(policy->services);
  g_ptr_array_unref(policy->clauses);
  g_ptr_array_unref(policy->expectations);
  g_ptr_array_unref(policy->requirements);
  g_ptr_array_unref(policy->thresholds);
  g_free(policy);
}

/* ---- sections ---- */

typedef enum {
  SECTION_POLICY,
  SECTION_SERVICE,
  SECTION_CLAUSE,
} Section;

static const char *const shared_keys[] = {"fail-on", "unclosed", "settle",      "allow-empty",
                                          "allow",   "forbid",   "expect.NAME", "require.NAME"};

static bool unknown_key(const LaPolicyReader *reader, const LaPolicyEntry *entry, Section section, GError **error)
{
  const char *names[16];
  unsigned count = 0;
  if (section != SECTION_CLAUSE)
    for (unsigned i = 0; i < G_N_ELEMENTS(shared_keys); i++)
      names[count++] = shared_keys[i];
  if (section == SECTION_POLICY) {
    names[count++] = "threshold.CODE";
  } else {
    names[count++] = "where";
  }
  if (section == SECTION_CLAUSE) {
    names[count++] = "reason";
    names[count++] = "expires";
    names[count++] = "service";
  }
  /* Of a key with a name behind its dot the first part is compared. */
  const char *dot = strchr(entry->key, '.');
  g_autofree char *asked = dot == NULL ? g_strdup(entry->key) : NULL;
  if (dot != NULL)
    asked = g_strdup_printf("%.*s.%s", (int)(dot - entry->key), entry->key,
                            g_ascii_tolower(entry->key[0]) == 't' ? "CODE" : "NAME");
  const char *nearest = la_nearest(asked, names, count);
  if (section == SECTION_SERVICE && g_str_has_prefix(entry->key, "threshold."))
    la_policy_error(error, reader->policy->name, entry->line,
                    "'%s' stands in [%s]: thresholds are the same for all services, set it in [policy]", entry->key,
                    entry->group);
  else if (nearest != NULL)
    la_policy_error(error, reader->policy->name, entry->line, "unknown key '%s' in [%s], did you mean '%s'?", entry->key,
                    entry->group, nearest);
  else
    la_policy_error(error, reader->policy->name, entry->line, "unknown key '%s' in [%s] (lastack-policy(5) lists them)",
                    entry->key, entry->group);
  return false;
}

static bool take_threshold(const LaPolicyReader *reader, const LaPolicyEntry *entry, GError **error)
{
  g_autofree char *assignment = g_strdup_printf("%s=%s", entry->key + strlen("threshold."), entry->value);
  LaThresholds thresholds;
  g_autoptr(GError) why = NULL;
  la_thresholds_init(&thresholds);
  if (!la_thresholds_set(&thresholds, assignment, &why)) {
    la_error_set(error, LA_ERROR_USAGE, "%s:%u: ", reader->policy->name, entry->line);
    if (error != NULL && *error != NULL) {
      /* That message is escaped already. */
      g_autofree char *text = g_strconcat((*error)->message, why->message, NULL);
      g_free((*error)->message);
      (*error)->message = g_steal_pointer(&text);
    }
    return false;
  }
  g_ptr_array_add(reader->policy->thresholds, g_steal_pointer(&assignment));
  return true;
}

static bool take_policy_entry(LaPolicyReader *reader, const LaPolicyEntry *entry, GError **error)
{
  bool known;
  if (g_str_has_prefix(entry->key, "threshold."))
    return take_threshold(reader, entry, error);
  if (!la_policy_take_key(reader, entry->key, entry->value, &known, error))
    return false;
  return known || unknown_key(reader, entry, SECTION_POLICY, error);
}

static bool begin_service(LaPolicyReader *reader, const LaPolicyEntry *entry, const char *name, GError **error)
{
  LaPolicy *policy = reader->policy;
  const LaPolicyService *whole = la_policy_service(policy, 0);
  if (policy->services->len > LA_POLICY_SERVICES_MAX) {
    la_policy_error(error, policy->name, entry->line, "more than %u services", LA_POLICY_SERVICES_MAX);
    return false;
  }
  LaPolicyService *service = g_new0(LaPolicyService, 1);
  *service = *whole;
  service->name = g_strdup(name);
  service->line = entry->line;
  service->where = NULL;
  service->where_text = NULL;
  service->allow_empty = whole->allow_empty;
  reader->service = policy->services->len;
  g_ptr_array_add(policy->services, service);
  return true;
}

static bool take_service_entry(LaPolicyReader *reader, const LaPolicyEntry *entry, GError **error)
{
  LaPolicyService *service = g_ptr_array_index(reader->policy->services, reader->service);
  if (strcmp(entry->key, "where") == 0) {
    service->where = la_policy_expression(reader, entry->value, LA_EXPRESSION_CONNECTION, error);
    service->where_text = g_strdup(entry->value);
    return service->where != NULL;
  }
  bool known;
  if (!la_policy_take_key(reader, entry->key, entry->value, &known, error))
    return false;
  return known || unknown_key(reader, entry, SECTION_SERVICE, error);
}

static bool find_service(const LaPolicyReader *reader, const char *name, unsigned *ret_index, GError **error)
{
  const GPtrArray *services = reader->policy->services;
  g_autofree const char **names = g_new(const char *, services->len);
  for (unsigned i = 1; i < services->len; i++) {
    names[i - 1] = la_policy_service(reader->policy, i)->name;
    if (strcmp(names[i - 1], name) == 0) {
      *ret_index = i;
      return true;
    }
  }
  const char *nearest = la_nearest(name, names, services->len - 1);
  if (nearest != NULL)
    la_policy_error(error, reader->policy->name, reader->line, "there is no [service %s], did you mean '%s'?", name, nearest);
  else
    la_policy_error(error, reader->policy->name, reader->line, "there is no [service %s]", name);
  return false;
}

static bool take_clause_entry(LaPolicyReader *reader, LaPolicyClause *clause, const LaPolicyEntry *entry, GError **error)
{
  if (strcmp(entry->key, "service") == 0)
    return find_service(reader, entry->value, &clause->service, error);
  bool known;
  if (!la_policy_take_clause_key(reader, clause, entry, &known, error))
    return false;
  return known || unknown_key(reader, entry, SECTION_CLAUSE, error);
}

/* What stands behind the first word of a section's name, or NULL when that word is another. */
static const char *section_rest(const char *group, const char *word)
{
  size_t len = strlen(word);
  if (strncmp(group, word, len) != 0 || (group[len] != ' ' && group[len] != '\t'))
    return NULL;
  return group + len + strspn(group + len, " \t");
}

static bool unknown_section(const LaPolicyReader *reader, const LaPolicyEntry *entry, GError **error)
{
  static const char *const words[] = {"policy", "service", "allow", "forbid"};
  g_autofree char *word = g_strndup(entry->group, strcspn(entry->group, " \t"));
  for (unsigned i = 1; i < G_N_ELEMENTS(words); i++) {
    if (strcmp(word, words[i]) != 0)
      continue;
    la_policy_error(error, reader->policy->name, entry->line, "[%s] wants %s behind it", word,
                    i == 1 ? "the service's name" : "the finding's code, or *");
    return false;
  }
  const char *nearest = la_nearest(word, words, G_N_ELEMENTS(words));
  if (nearest != NULL)
    la_policy_error(error, reader->policy->name, entry->line, "unknown section [%s], did you mean [%s%s]?", entry->group,
                    nearest, nearest == words[0] ? "" : " ...");
  else
    la_policy_error(error, reader->policy->name, entry->line,
                    "unknown section [%s]: there are [policy], [service NAME], [allow CODE] and [forbid CODE]", entry->group);
  return false;
}

/* One round: the sections of the kind that `round` says. */
static bool take_round(LaPolicyReader *reader, const LaPolicyFile *file, Section round, GError **error)
{
  LaPolicyClause *clause = NULL;
  for (unsigned i = 0; i < file->entries->len; i++) {
    const LaPolicyEntry *entry = &g_array_index(file->entries, LaPolicyEntry, i);
    const char *service = section_rest(entry->group, "service");
    const char *allow = section_rest(entry->group, "allow");
    const char *forbid = section_rest(entry->group, "forbid");
    bool whole = strcmp(entry->group, "policy") == 0;
    reader->line = entry->line;
    if (!whole && service == NULL && allow == NULL && forbid == NULL)
      return unknown_section(reader, entry, error);
    if (round == SECTION_POLICY && whole && entry->key != NULL) {
      reader->service = 0;
      if (!take_policy_entry(reader, entry, error))
        return false;
    } else if (round == SECTION_SERVICE && service != NULL) {
      if (entry->key == NULL ? !begin_service(reader, entry, service, error) : !take_service_entry(reader, entry, error))
        return false;
    } else if (round == SECTION_CLAUSE && (allow != NULL || forbid != NULL)) {
      reader->service = 0;
      if (entry->key == NULL) {
        /* A word behind the code only tells sections about the same finding apart. */
        const char *rest = allow != NULL ? allow : forbid;
        g_autofree char *code = g_strndup(rest, strcspn(rest, " \t"));
        clause = la_policy_add_clause(reader, allow != NULL ? LA_CLAUSE_ALLOW : LA_CLAUSE_FORBID, code, error);
        if (clause == NULL)
          return false;
      } else if (!take_clause_entry(reader, clause, entry, error)) {
        return false;
      }
    }
  }
  return true;
}

/* What only the whole of a section can be judged by. */
static bool check_sections(const LaPolicy *policy, GError **error)
{
  for (unsigned i = 1; i < policy->services->len; i++) {
    const LaPolicyService *service = la_policy_service(policy, i);
    if (service->where != NULL)
      continue;
    la_policy_error(error, policy->name, service->line, "[service %s] has no 'where': which connections are its own?",
                    service->name);
    return false;
  }
  for (unsigned i = 0; i < policy->clauses->len; i++) {
    const LaPolicyClause *clause = g_ptr_array_index(policy->clauses, i);
    if (clause->rule != NULL || clause->where != NULL || clause->service != 0)
      continue;
    la_policy_error(error, policy->name, clause->line, "[%s *] without 'where' or 'service' would %s everything",
                    clause->kind == LA_CLAUSE_ALLOW ? "allow" : "forbid", clause->kind == LA_CLAUSE_ALLOW ? "allow" : "forbid");
    return false;
  }
  return true;
}

static int by_line(gconstpointer a, gconstpointer b)
{
  const LaPolicyClause *one = *(const LaPolicyClause *const *)a;
  const LaPolicyClause *other = *(const LaPolicyClause *const *)b;
  return one->line < other->line ? -1 : one->line > other->line;
}

LaPolicy *la_policy_parse(const char *text, gsize len, const char *name, const char *path, LaClockZone zone, GError **error)
{
  g_autoptr(LaPolicyFile) file = la_policy_file_split(text, len, name, error);
  if (file == NULL)
    return NULL;
  g_autoptr(LaPolicy) policy = la_policy_new();
  g_free(policy->name);
  policy->name = g_strdup(name);
  policy->path = g_strdup(path);
  LaPolicyReader reader = {.policy = policy, .zone = zone};
  for (Section round = SECTION_POLICY; round <= SECTION_CLAUSE; round++)
    if (!take_round(&reader, file, round, error))
      return NULL;
  if (!check_sections(policy, error))
    return NULL;
  g_ptr_array_sort(policy->clauses, by_line);
  return g_steal_pointer(&policy);
}

LaPolicy *la_policy_load(const char *path, const char *name, LaClockZone zone, GError **error)
{
  /* Never more than the limit is read, whatever the path leads to (a device has no end). */
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    la_error_set(error, LA_ERROR_USAGE, "cannot read the policy %s: %s", name, g_strerror(errno));
    return NULL;
  }
  g_autofree char *text = g_malloc(LA_POLICY_BYTES_MAX + 1);
  size_t len = fread(text, 1, LA_POLICY_BYTES_MAX + 1, file);
  int failed = ferror(file) ? errno : 0;
  fclose(file);
  if (failed != 0) {
    la_error_set(error, LA_ERROR_USAGE, "cannot read the policy %s: %s", name, g_strerror(failed));
    return NULL;
  }
  return la_policy_parse(text, len, name, path, zone, error);
}

/* ---- questions ---- */

void la_policy_thresholds(const LaPolicy *policy, LaThresholds *thresholds)
{
  for (unsigned i = 0; i < policy->thresholds->len; i++)
    la_thresholds_set(thresholds, g_ptr_array_index(policy->thresholds, i), NULL);
}

static bool needs_whole(const LaExpression *expression)
{
  return expression != NULL && la_expression_records(expression) == LA_RECORDS_WHOLE;
}

LaRecords la_policy_records(const LaPolicy *policy)
{
  bool whole = false;
  for (unsigned i = 0; i < policy->services->len; i++)
    whole = whole || needs_whole(la_policy_service(policy, i)->where);
  for (unsigned i = 0; i < policy->clauses->len; i++)
    whole = whole || needs_whole(((const LaPolicyClause *)g_ptr_array_index(policy->clauses, i))->where);
  for (unsigned i = 0; i < policy->requirements->len; i++)
    whole = whole || needs_whole(((const LaPolicyDemand *)g_ptr_array_index(policy->requirements, i))->expression);
  for (unsigned i = 0; i < policy->expectations->len; i++)
    whole = whole || needs_whole(((const LaPolicyDemand *)g_ptr_array_index(policy->expectations, i))->expression);
  return whole ? LA_RECORDS_WHOLE : LA_RECORDS_BRIEF;
}

static unsigned ports_of(const LaExpression *expression, uint16_t *ports, unsigned count, unsigned max)
{
  return expression != NULL ? la_expression_ports(expression, ports, count, max) : count;
}

unsigned la_policy_ports(const LaPolicy *policy, uint16_t *ports, unsigned max)
{
  unsigned count = 0;
  for (unsigned i = 0; i < policy->services->len; i++)
    count = ports_of(la_policy_service(policy, i)->where, ports, count, max);
  for (unsigned i = 0; i < policy->clauses->len; i++)
    count = ports_of(((const LaPolicyClause *)g_ptr_array_index(policy->clauses, i))->where, ports, count, max);
  for (unsigned i = 0; i < policy->requirements->len; i++)
    count = ports_of(((const LaPolicyDemand *)g_ptr_array_index(policy->requirements, i))->expression, ports, count, max);
  for (unsigned i = 0; i < policy->expectations->len; i++)
    count = ports_of(((const LaPolicyDemand *)g_ptr_array_index(policy->expectations, i))->expression, ports, count, max);
  return count;
}

unsigned la_policy_service_of(const LaPolicy *policy, const LaCandidate *connection)
{
  for (unsigned i = 1; i < policy->services->len; i++) {
    if (la_expression_holds(la_policy_service(policy, i)->where, connection))
      return i;
  }
  return 0;
}

static bool clause_speaks_of(const LaPolicyClause *clause, unsigned service, const LaFinding *finding,
                             const LaCandidate *candidate)
{
  bool on_connection =
      candidate->stored != NULL ? la_stored_kind(candidate->stored) == LA_EXPRESSION_CONNECTION : candidate->conn != NULL;
  if (clause->service != 0 && clause->service != service)
    return false;
  if (clause->rule == NULL ? !on_connection : clause->rule != finding->rule)
    return false;
  if (clause->where == NULL)
    return true;
  /* An expression about connections says nothing of a finding that has none. */
  if (la_expression_kind(clause->where) == LA_EXPRESSION_CONNECTION && !on_connection)
    return false;
  return la_expression_holds(clause->where, candidate);
}

LaRuling la_policy_judge(const LaPolicy *policy, unsigned service, const LaFinding *finding, const LaCandidate *candidate,
                         LaTime now)
{
  LaRuling ruling = {.kind =
                         finding->severity >= la_policy_service(policy, service)->fail_on ? LA_RULING_BREAKS : LA_RULING_PASSES,
                     .clause = -1};
  for (unsigned i = 0; i < policy->clauses->len; i++) {
    const LaPolicyClause *clause = g_ptr_array_index(policy->clauses, i);
    if (la_clause_expired(clause, now) || !clause_speaks_of(clause, service, finding, candidate))
      continue;
    if (clause->kind == LA_CLAUSE_FORBID)
      return (LaRuling){.kind = LA_RULING_BREAKS, .clause = (int)i};
    if (ruling.kind != LA_RULING_SUPPRESSED)
      ruling = (LaRuling){.kind = LA_RULING_SUPPRESSED, .clause = (int)i};
  }
  return ruling;
}

void la_policy_drop_noise(const LaPolicy *policy, const LaConnection *conn, LaFindings *findings, LaTime now)
{
  if (findings->count == 0 || policy->clauses->len == 0)
    return;
  LaCandidate candidate = {.file = conn->file, .conn = conn, .findings = findings};
  unsigned service = la_policy_service_of(policy, &candidate);
  bool noise[LA_FINDINGS_MAX];
  for (unsigned i = 0; i < findings->count; i++)
    noise[i] = la_policy_judge(policy, service, &findings->items[i], &candidate, now).kind == LA_RULING_SUPPRESSED;
  unsigned kept = 0;
  for (unsigned i = 0; i < findings->count; i++) {
    if (noise[i])
      continue;
    if (kept != i)
      findings->items[kept] = findings->items[i];
    kept++;
  }
  findings->count = kept;
}
