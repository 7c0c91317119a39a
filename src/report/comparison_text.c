/* The comparison for a person: first whether it is worse, then each service with what changed. What may be chance is said to be, not left
 * out: who looks at 0 and 2 wants to know why nobody cried. */
#include <stdio.h>

#include "base/escape.h"
#include "report/comparison.h"

#define UNFOLDED_MAX 5 /* services up to which all are shown, changed or not */
#define NAMED_MAX 10   /* services of one run only that are named */

static const char *const time_words[LA_COMPARED_TIMES] = {"SYN to SYN-ACK", "SYN-ACK to ACK", "close"};

static void append_name(GString *out, const LaHostPort *name)
{
  if (name->family == LA_FAMILY_NONE)
    g_string_append(out, "sources");
  else
    la_text_end(out, name);
}

static void append_share(GString *out, const LaShare *share)
{
  la_text_number(out, share->count);
  if (share->total == 0)
    return;
  g_string_append(out, " of ");
  la_text_number(out, share->total);
  double percent = (double)share->count * 100 / (double)share->total;
  g_string_append_printf(out,
                         share->count == 0 || percent >= 10 ? " (%.0f%%)"
                         : percent >= 0.1                   ? " (%.1f%%)"
                                                            : " (%.2g%%)",
                         percent);
}

static void append_probability(GString *out, const LaFindingChange *finding, double limit)
{
  if (finding->rule->scope == LA_SCOPE_HOST)
    return;
  if (finding->p < 0.0001)
    g_string_append(out, "  p < 0.0001");
  else
    g_string_append_printf(out, "  p = %.2g", finding->p);
  if (finding->significant == 0)
    g_string_append(out, ", may be chance");
  else if (finding->p >= limit)
    g_string_append(out, ", few connections");
}

static bool is_shown(const LaFindingChange *finding, LaChangesShown shown)
{
  if (shown == LA_CHANGES_ALL)
    return true;
  bool appeared = finding->change == LA_CHANGE_NEW || finding->change == LA_CHANGE_GONE;
  return finding->significant != 0 || (appeared && finding->severity > LA_SEVERITY_NOTE);
}

static bool has_shown(const LaServiceChange *service, LaChangesShown shown)
{
  if (shown == LA_CHANGES_ALL)
    return true;
  for (unsigned i = 0; i < service->findings->len; i++) {
    if (is_shown(&g_array_index(service->findings, LaFindingChange, i), shown))
      return true;
  }
  return false;
}

static void append_finding(const LaComparisonText *how, GString *out, const LaFindingChange *finding, double limit)
{
  static const LaPaint paints[LA_SEVERITY_N] = {LA_PAINT_NOTE, LA_PAINT_WARNING, LA_PAINT_ERROR};
  g_string_append(out, "  ");
  la_style_paint(&how->style, out, finding->worse != 0 ? LA_PAINT_ERROR : LA_PAINT_DIM,
                 finding->worse != 0 ? "WORSE" : "     ");
  char word[32];
  snprintf(word, sizeof word, "  %-8s", la_severity_name(finding->severity));
  la_style_paint(&how->style, out, paints[finding->severity], word);
  g_string_append_printf(out, "%-24s %-5s ", finding->rule->code,
                         finding->change == LA_CHANGE_NONE ? "same" : la_change_name(finding->change));
  append_share(out, &finding->before);
  g_string_append(out, " -> ");
  append_share(out, &finding->after);
  append_probability(out, finding, limit);
  g_string_append_c(out, '\n');
}

static void append_times(GString *out, const LaServiceSide *before, const LaServiceSide *after)
{
  bool any = false;
  for (unsigned i = 0; i < LA_COMPARED_TIMES; i++)
    any = any || before->times[i].count != 0 || after->times[i].count != 0;
  if (!any)
    return;
  g_string_append_printf(out, "  %-16s %-30s  %s\n", "p50, p90, p99", "before", "after");
  for (unsigned i = 0; i < LA_COMPARED_TIMES; i++) {
    const LaTimes *sides[] = {&before->times[i], &after->times[i]};
    if (sides[0]->count == 0 && sides[1]->count == 0)
      continue;
    char texts[2][3 * LA_TIME_TEXT_MAX] = {"-", "-"};
    for (unsigned k = 0; k < 2; k++) {
      char p[3][LA_TIME_TEXT_MAX];
      if (sides[k]->count != 0)
        snprintf(texts[k], sizeof texts[k], "%s, %s, %s", la_span_format(sides[k]->p50, p[0]),
                 la_span_format(sides[k]->p90, p[1]), la_span_format(sides[k]->p99, p[2]));
    }
    g_string_append_printf(out, "  %-16s %-30s  %s\n", time_words[i], texts[0], texts[1]);
  }
}

/* The command that shows the connections of the first regression. */
static void append_look(const LaComparisonText *how, GString *out, const LaServiceChange *service)
{
  if (how->look == NULL || service->findings->len == 0)
    return;
  const LaFindingChange *first = &g_array_index(service->findings, LaFindingChange, 0);
  if (first->worse == 0 || first->rule->scope == LA_SCOPE_HOST)
    return;
  char address[LA_ADDR_TEXT_MAX];
  g_autoptr(GString) command = g_string_new(how->look);
  g_string_append_printf(command, " -Y 'server.ip == %s and server.port == %u and finding == %s'",
                         la_addr_format(&service->service.addr, (LaFamily)service->service.family, address),
                         service->service.port, first->rule->code);
  g_string_append(out, "  ");
  la_style_paint(&how->style, out, LA_PAINT_CODE, command->str);
  g_string_append_c(out, '\n');
}

static void append_service(const LaComparisonText *how, GString *out, const LaServiceChange *service, double limit)
{
  g_string_append_c(out, '\n');
  g_autoptr(GString) name = g_string_new(NULL);
  append_name(name, &service->service);
  la_style_paint(&how->style, out, LA_PAINT_BOLD, name->str);
  if (service->service.family != LA_FAMILY_NONE) {
    if (!la_addr_equal(&service->was.addr, &service->service.addr) || service->was.port != service->service.port) {
      g_string_append(out, " (was ");
      append_name(out, &service->was);
      g_string_append_c(out, ')');
    }
    g_string_append(out, "  ");
    la_text_number(out, service->before.connections);
    g_string_append(out, " -> ");
    la_text_count(out, service->after.connections, "connection", "connections");
  }
  g_string_append_c(out, '\n');
  unsigned hidden = 0;
  for (unsigned i = 0; i < service->findings->len; i++) {
    const LaFindingChange *finding = &g_array_index(service->findings, LaFindingChange, i);
    if (is_shown(finding, how->shown))
      append_finding(how, out, finding, limit);
    else
      hidden++;
  }
  if (hidden > 0) {
    g_string_append(out, "  ");
    la_text_count(out, hidden, "finding", "findings");
    g_string_append(out, " as before (-v shows them)\n");
  }
  append_times(out, &service->before, &service->after);
  append_look(how, out, service);
}

/* Services of one run alone. */
static void append_only(GString *out, const GPtrArray *services, const char *where)
{
  if (services->len == 0)
    return;
  g_string_append_printf(out, "\nonly %s, not compared: ", where);
  for (unsigned i = 0; i < services->len && i < NAMED_MAX; i++) {
    const LaServiceChange *service = g_ptr_array_index(services, i);
    g_string_append(out, i > 0 ? ", " : "");
    append_name(out, &service->service);
    g_string_append(out, " (");
    la_text_count(out, service->before.connections + service->after.connections, "connection", "connections");
    g_string_append_c(out, ')');
  }
  if (services->len > NAMED_MAX)
    g_string_append_printf(out, " and %u more", services->len - NAMED_MAX);
  g_string_append_c(out, '\n');
}

static void append_head(const LaComparison *c, const LaComparisonText *how, GString *out)
{
  const char *const paths[] = {how->before, how->after};
  static const char *const labels[] = {"before   ", "after    "};
  for (unsigned i = 0; i < 2; i++) {
    la_style_paint(&how->style, out, LA_PAINT_DIM, labels[i]);
    la_escape_terminal(out, paths[i], -1);
    g_string_append(out, ": ");
    la_text_count(out, c->connections[i], "connection", "connections");
    if (c->not_kept[i] != 0) {
      g_string_append(out, ", ");
      la_text_number(out, c->not_kept[i]);
      g_string_append_printf(out, " of services beyond the first %u, not compared", LA_RUN_SERVICES_MAX);
    }
    if (c->suppressed[i] != 0) {
      g_string_append(out, ", ");
      la_text_count(out, c->suppressed[i], "finding", "findings");
      g_string_append(out, " suppressed by ");
      la_escape_terminal(out, how->policy != NULL ? how->policy : "the policy", -1);
    }
    if (c->unknown[i] != 0) {
      g_string_append(out, ", ");
      la_text_count(out, c->unknown[i], "finding", "findings");
      g_string_append(out, " of a later version passed over");
    }
    g_string_append_c(out, '\n');
  }
}

static void append_verdict(const LaComparison *c, const LaComparisonText *how, GString *out)
{
  g_autoptr(GString) verdict = g_string_new(NULL);
  la_style_paint(&how->style, out, LA_PAINT_DIM, "verdict  ");
  bool nothing = c->services->len == 0;
  if (nothing)
    g_string_append(verdict, "nothing was compared: no service is in both (--map BEFORE=AFTER names the same one)");
  else if (c->regressions == 0)
    g_string_append(verdict, "no regression");
  else
    la_text_count(verdict, c->regressions, "regression", "regressions");
  la_style_paint(&how->style, out, nothing || c->regressions != 0 ? LA_PAINT_ERROR : LA_PAINT_GOOD, verdict->str);
  if (c->compared > 0) {
    g_string_append(out, " (");
    la_text_count(out, c->compared, "share", "shares");
    g_string_append_printf(out, " compared, Fisher's exact test: p < %.2g is no chance)", c->limit);
  }
  g_string_append_c(out, '\n');
  if (c->paired != 0)
    g_string_append(out, "         the only service of each run was compared although its name is another\n");
}

void la_comparison_text(const LaComparison *comparison, const LaComparisonText *how, GString *out)
{
  gsize from = out->len;
  append_head(comparison, how, out);
  append_verdict(comparison, how, out);
  unsigned folded = 0;
  for (unsigned i = 0; i < comparison->services->len; i++) {
    const LaServiceChange *service = g_ptr_array_index(comparison->services, i);
    if (comparison->services->len > UNFOLDED_MAX && !has_shown(service, how->shown))
      folded++;
    else
      append_service(how, out, service, comparison->limit);
  }
  if (folded > 0) {
    g_string_append_c(out, '\n');
    la_text_count(out, folded, "service", "services");
    g_string_append(out, " without a change (-v shows them)\n\n");
    la_style_paint(&how->style, out, LA_PAINT_BOLD, "all services");
    g_string_append_c(out, '\n');
    append_times(out, &comparison->all[0], &comparison->all[1]);
  }
  append_only(out, comparison->only_before, "before");
  append_only(out, comparison->only_after, "after");
  la_style_reduce(&how->style, out, (gssize)from);
}
