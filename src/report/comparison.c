/* Services are matched by name (address and port), after the maps. When there are no maps, neither run has a service that the other
 * has, and each has one, these two are compared: tests often let the system choose a port.
 *
 * What is compared is the share of a service's connections that have a finding. Many shares compared at once give a small p here and there by
 * chance alone, so the limit is divided by their number (Bonferroni). Findings about hosts have no share: such a finding is a judgement about
 * many connections already, and one that is new or gone is told as it is. */
#include "report/comparison.h"

#include <assert.h>

#include "report/run.h"

#define LIMIT 0.01
#define SMALL_RUN 50u  /* connections of a service on either side */
#define SMALL_SHARE 10 /* one in so many: a new finding of a small run counts */

const char *const la_compared_times[LA_COMPARED_TIMES] = {"syn_to_syn_ack_s", "syn_ack_to_ack_s", "close_s"};

static const char *const change_names[] = {"none", "new", "more", "less", "gone"};
static_assert(G_N_ELEMENTS(change_names) == LA_CHANGE_N, "a name for each change");

const char *la_change_name(LaChange change)
{
  return change_names[change];
}

static void service_change_free(gpointer data)
{
  LaServiceChange *change = data;
  g_array_unref(change->findings);
  g_free(change);
}

/* ---- names ---- */

static LaHostPort mapped(const LaHostPort *name, const LaComparisonOptions *options)
{
  LaHostPort result = *name;
  for (unsigned i = 0; i < options->map_count && name->family != LA_FAMILY_NONE; i++) {
    const LaServiceMap *map = &options->maps[i];
    bool address = map->from.family != LA_FAMILY_NONE;
    if (address && (map->from.family != name->family || !la_addr_equal(&map->from.addr, &name->addr)))
      continue;
    if (map->from.port != 0 && map->from.port != name->port)
      continue;
    if (address) {
      result.family = map->to.family;
      result.addr = map->to.addr;
    }
    if (map->to.port != 0)
      result.port = map->to.port;
    return result;
  }
  return result;
}

static void merge_service(LaRunService *into, const LaRunService *from)
{
  into->connections += from->connections;
  into->was = from->was;
  for (unsigned i = 0; i < LA_COMPARED_TIMES; i++) {
    if (from->times[i] == NULL)
      continue;
    if (into->times[i] == NULL)
      into->times[i] = g_new0(LaHistogram, 1);
    la_histogram_merge(into->times[i], from->times[i]);
  }
  for (unsigned i = 0; i < LA_RULES_MAX; i++) {
    into->findings[i].count += from->findings[i].count;
    into->findings[i].severity = MAX(into->findings[i].severity, from->findings[i].severity);
    into->findings[i].breaks |= from->findings[i].breaks;
  }
}

/* The run under the names it has after. (transfer full) */
static LaRun *renamed(const LaRun *run, const LaComparisonOptions *options)
{
  LaRun *copy = la_run_new();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, run->services);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const LaRunService *service = value;
    LaHostPort name = mapped(&service->name, options);
    merge_service(la_run_service(copy, &name), service);
  }
  return copy;
}

/* ---- findings ---- */

static LaChange change_of(LaShare before, LaShare after)
{
  if (before.count == 0 || after.count == 0)
    return before.count != 0 ? LA_CHANGE_GONE : after.count != 0 ? LA_CHANGE_NEW : LA_CHANGE_NONE;
  double a = (double)before.count * (double)after.total;
  double b = (double)after.count * (double)before.total;
  return b > a ? LA_CHANGE_MORE : b < a ? LA_CHANGE_LESS : LA_CHANGE_NONE;
}

static void add_change(LaServiceChange *service, const LaRule *rule, const LaRunFinding *before, const LaRunFinding *after)
{
  LaFindingChange finding = {.rule = rule,
                             .severity = (LaSeverity)MAX(before->severity, after->severity),
                             .before = {before->count, service->before.connections},
                             .after = {after->count, service->after.connections},
                             .breaks = after->breaks, /* the policy judges what there is after */
                             .p = 1};
  if (rule->scope == LA_SCOPE_HOST) {
    finding.before.total = finding.after.total = 0;
    finding.change = before->count == 0 ? LA_CHANGE_NEW : after->count == 0 ? LA_CHANGE_GONE : LA_CHANGE_NONE;
    finding.p = finding.change == LA_CHANGE_NONE ? 1 : 0;
  } else {
    finding.change = change_of(finding.before, finding.after);
    finding.p = la_share_fisher(finding.before, finding.after);
  }
  g_array_append_val(service->findings, finding);
}

static LaServiceSide side_of(const LaRunService *service)
{
  LaServiceSide side = {0};
  side.connections = service != NULL ? service->connections : 0;
  for (unsigned i = 0; i < LA_COMPARED_TIMES; i++) {
    const LaHistogram *times = service != NULL ? service->times[i] : NULL;
    side.times[i] = (LaTimes){0, LA_TIME_NONE, LA_TIME_NONE, LA_TIME_NONE};
    if (times != NULL)
      side.times[i] = (LaTimes){times->total, la_histogram_quantile(times, 500), la_histogram_quantile(times, 900),
                                la_histogram_quantile(times, 990)};
  }
  return side;
}

static LaServiceChange *service_change_new(const LaRunService *before, const LaRunService *after)
{
  static const LaRunFinding none = {0};
  LaServiceChange *change = g_new0(LaServiceChange, 1);
  change->service = after != NULL ? after->name : before->name;
  change->was = before != NULL ? before->was : after->name;
  change->before = side_of(before);
  change->after = side_of(after);
  change->findings = g_array_new(FALSE, FALSE, sizeof(LaFindingChange));
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  for (unsigned i = 0; i < count; i++) {
    const LaRunFinding *a = before != NULL ? &before->findings[i] : &none;
    const LaRunFinding *b = after != NULL ? &after->findings[i] : &none;
    if (a->count != 0 || b->count != 0)
      add_change(change, rules[i], a, b);
  }
  return change;
}

/* ---- judging ---- */

static bool is_significant(const LaFindingChange *finding, double limit)
{
  if (finding->change == LA_CHANGE_NONE)
    return false;
  if (finding->p < limit)
    return true;
  bool small = finding->before.total < SMALL_RUN || finding->after.total < SMALL_RUN;
  return small && finding->change == LA_CHANGE_NEW && finding->after.count * SMALL_SHARE >= finding->after.total;
}

static int compare_findings(gconstpointer a, gconstpointer b)
{
  const LaFindingChange *x = a;
  const LaFindingChange *y = b;
  if (x->worse != y->worse)
    return x->worse != 0 ? -1 : 1;
  if (x->severity != y->severity)
    return x->severity > y->severity ? -1 : 1;
  unsigned i = la_rule_index(x->rule);
  unsigned k = la_rule_index(y->rule);
  return i < k ? -1 : i > k ? 1 : 0;
}

/* `fail_on` counts when there is no policy. */
static void judge(LaComparison *comparison, const LaRun *after, LaSeverity fail_on)
{
  for (unsigned s = 0; s < comparison->services->len; s++) {
    LaServiceChange *service = g_ptr_array_index(comparison->services, s);
    for (unsigned i = 0; i < service->findings->len; i++) {
      LaFindingChange *finding = &g_array_index(service->findings, LaFindingChange, i);
      finding->significant = is_significant(finding, comparison->limit) ? 1 : 0;
      bool rising = finding->change == LA_CHANGE_NEW || finding->change == LA_CHANGE_MORE;
      if (after->policy == NULL)
        finding->breaks = finding->severity >= fail_on ? 1 : 0;
      finding->worse = finding->significant != 0 && rising && finding->breaks != 0 ? 1 : 0;
      comparison->regressions += finding->worse;
    }
    g_array_sort(service->findings, compare_findings);
  }
}

/* ---- matching ---- */

static unsigned regressions_of(const LaServiceChange *service)
{
  unsigned count = 0;
  for (unsigned i = 0; i < service->findings->len; i++)
    count += g_array_index(service->findings, LaFindingChange, i).worse;
  return count;
}

static int compare_services(gconstpointer a, gconstpointer b)
{
  const LaServiceChange *x = *(LaServiceChange *const *)a;
  const LaServiceChange *y = *(LaServiceChange *const *)b;
  unsigned i = regressions_of(x);
  unsigned k = regressions_of(y);
  if (i != k)
    return i > k ? -1 : 1;
  if (x->service.family != y->service.family)
    return x->service.family < y->service.family ? -1 : 1;
  int order = la_addr_compare(&x->service.addr, &y->service.addr);
  return order != 0 ? order : (int)x->service.port - (int)y->service.port;
}

/* What has no service is about scans: it is no service that another could be compared with. */
static bool is_service(const LaServiceChange *change)
{
  return change->service.family != LA_FAMILY_NONE;
}

static void match(LaComparison *c, const LaRun *before, const LaRun *after)
{
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init(&iter, before->services);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    const LaRunService *other = g_hash_table_lookup(after->services, key);
    bool hosts = ((const LaHostPort *)key)->family == LA_FAMILY_NONE;
    g_ptr_array_add(other != NULL || hosts ? c->services : c->only_before, service_change_new(value, other));
  }
  g_hash_table_iter_init(&iter, after->services);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    bool hosts = ((const LaHostPort *)key)->family == LA_FAMILY_NONE;
    if (g_hash_table_lookup(before->services, key) == NULL)
      g_ptr_array_add(hosts ? c->services : c->only_after, service_change_new(NULL, value));
  }
}

/* The only service of each run. */
static void pair_single(LaComparison *c, const LaRun *before, const LaRun *after)
{
  for (unsigned i = 0; i < c->services->len; i++) {
    if (is_service(g_ptr_array_index(c->services, i)))
      return;
  }
  if (c->only_before->len != 1 || c->only_after->len != 1)
    return;
  const LaServiceChange *a = g_ptr_array_index(c->only_before, 0);
  const LaServiceChange *b = g_ptr_array_index(c->only_after, 0);
  g_ptr_array_add(c->services, service_change_new(g_hash_table_lookup(before->services, &a->service),
                                                  g_hash_table_lookup(after->services, &b->service)));
  g_ptr_array_set_size(c->only_before, 0);
  g_ptr_array_set_size(c->only_after, 0);
  c->paired = 1;
}

/* The services that both runs have, together. */
static void sum_up(LaComparison *c, const LaRun *before, const LaRun *after)
{
  const LaRun *runs[] = {before, after};
  for (unsigned i = 0; i < 2; i++) {
    g_autofree LaRunService *sum = g_new0(LaRunService, 1);
    GHashTableIter iter;
    gpointer key, value;
    g_hash_table_iter_init(&iter, runs[i]->services);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
      if (g_hash_table_lookup(runs[i ^ 1]->services, key) != NULL)
        merge_service(sum, value);
    }
    c->all[i] = side_of(sum);
    for (unsigned t = 0; t < LA_COMPARED_TIMES; t++)
      g_free(sum->times[t]);
  }
}

LaComparison *la_comparison_new(const LaRun *before, const LaRun *after, const LaComparisonOptions *options)
{
  LaComparison *c = g_new0(LaComparison, 1);
  c->services = g_ptr_array_new_with_free_func(service_change_free);
  c->only_before = g_ptr_array_new_with_free_func(service_change_free);
  c->only_after = g_ptr_array_new_with_free_func(service_change_free);
  const LaRun *runs[] = {before, after};
  for (unsigned i = 0; i < 2; i++) {
    c->connections[i] = runs[i]->connections;
    c->not_kept[i] = runs[i]->not_kept;
    c->unknown[i] = runs[i]->unknown;
    c->suppressed[i] = runs[i]->suppressed;
  }
  g_autoptr(LaRun) named = renamed(before, options);
  match(c, named, after);
  sum_up(c, named, after);
  if (options->map_count == 0)
    pair_single(c, named, after);
  for (unsigned s = 0; s < c->services->len; s++) {
    const LaServiceChange *service = g_ptr_array_index(c->services, s);
    for (unsigned i = 0; i < service->findings->len; i++)
      c->compared += g_array_index(service->findings, LaFindingChange, i).rule->scope != LA_SCOPE_HOST ? 1 : 0;
  }
  c->limit = LIMIT / MAX(c->compared, 1);
  judge(c, after, options->fail_on);
  g_ptr_array_sort(c->services, compare_services);
  g_ptr_array_sort(c->only_before, compare_services);
  g_ptr_array_sort(c->only_after, compare_services);
  return c;
}

void la_comparison_free(LaComparison *comparison)
{
  if (comparison == NULL)
    return;
  g_ptr_array_unref(comparison->services);
  g_ptr_array_unref(comparison->only_before);
  g_ptr_array_unref(comparison->only_after);
  g_free(comparison);
}
