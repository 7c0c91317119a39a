/* Thresholds by name: `CODE=VALUE` sets a rule's first one, `CODE.NAME=VALUE` any. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "diagnose/diagnose.h"

void la_thresholds_init(LaThresholds *thresholds)
{
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  memset(thresholds, 0, sizeof *thresholds);
  for (unsigned i = 0; i < count; i++)
    for (unsigned k = 0; k < LA_THRESHOLDS_MAX && rules[i]->thresholds[k].name != NULL; k++)
      thresholds->value[i][k] = rules[i]->thresholds[k].standard;
}

/* A whole number; the end of it is left in `*ret_end`. */
static bool parse_count(const char *text, int64_t *ret_value, const char **ret_end)
{
  if (!g_ascii_isdigit(text[0]) || strspn(text, "0123456789") > 15)
    return false;
  char *end;
  *ret_value = strtoll(text, &end, 10);
  *ret_end = end;
  return true;
}

/* What stands behind a number that is no time. */
static const char *suffix_of(LaUnit unit)
{
  return unit == LA_UNIT_PERCENT ? "%" : unit == LA_UNIT_PER_SECOND ? "/s" : "";
}

static bool parse_value(LaUnit unit, const char *text, int64_t *ret_value)
{
  if (unit == LA_UNIT_SECONDS) {
    /* A threshold in seconds wants its unit, so that "5" is not taken for milliseconds by anybody. */
    LaTime span;
    bool bare = strspn(text, "0123456789.") == strlen(text);
    if (bare || !la_span_parse(text, &span))
      return false;
    *ret_value = span;
    return true;
  }
  int64_t value;
  const char *end;
  if (!parse_count(text, &value, &end))
    return false;
  if (strcmp(end, suffix_of(unit)) != 0 || (unit == LA_UNIT_PERCENT && value > 100))
    return false;
  *ret_value = value;
  return true;
}

static const char *example_of(LaUnit unit)
{
  switch (unit) {
  case LA_UNIT_SECONDS: return "a time such as 30s or 200ms";
  case LA_UNIT_PERCENT: return "a percentage such as 50%";
  case LA_UNIT_PER_SECOND: return "a rate such as 10/s";
  default: return "a whole number";
  }
}

static const LaRule *nearest_rule(const char *code)
{
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  const LaRule *best = NULL;
  unsigned least = UINT_MAX;
  for (unsigned i = 0; i < count; i++) {
    unsigned distance = la_nearest_distance(code, rules[i]->code);
    if (distance < least) {
      least = distance;
      best = rules[i];
    }
  }
  return best;
}

bool la_thresholds_set(LaThresholds *thresholds, const char *assignment, GError **error)
{
  const char *equals = strchr(assignment, '=');
  if (equals == NULL) {
    la_error_set(error, LA_ERROR_USAGE, "threshold '%s' has no value: write CODE=VALUE", assignment);
    return false;
  }
  g_autofree char *full = g_strndup(assignment, (gsize)(equals - assignment));
  g_autofree char *code = g_strdup(full);
  char *dot = strchr(code, '.');
  if (dot != NULL)
    *dot = '\0';
  if (*code == '\0') {
    la_error_set(error, LA_ERROR_USAGE, "threshold '%s' has no code before the '%c': write CODE=VALUE", assignment,
                 assignment[0]);
    return false;
  }
  const LaRule *rule = la_rule_find(code);
  if (rule == NULL) {
    la_error_set(error, LA_ERROR_USAGE, "no finding is called '%s'; did you mean '%s'?", code, nearest_rule(code)->code);
    return false;
  }
  if (rule->thresholds[0].name == NULL) {
    la_error_set(error, LA_ERROR_USAGE, "finding '%s' has no threshold", code);
    return false;
  }
  for (unsigned k = 0; k < LA_THRESHOLDS_MAX && rule->thresholds[k].name != NULL; k++) {
    if (strcmp(rule->thresholds[k].name, full) != 0)
      continue;
    int64_t value;
    if (!parse_value(rule->thresholds[k].unit, equals + 1, &value)) {
      la_error_set(error, LA_ERROR_USAGE, "threshold %s takes %s, not '%s'", full, example_of(rule->thresholds[k].unit),
                   equals + 1);
      return false;
    }
    thresholds->value[la_rule_index(rule)][k] = value;
    return true;
  }
  g_autoptr(GString) names = g_string_new(NULL);
  for (unsigned k = 0; k < LA_THRESHOLDS_MAX && rule->thresholds[k].name != NULL; k++)
    g_string_append_printf(names, "%s%s", k > 0 ? ", " : "", rule->thresholds[k].name);
  la_error_set(error, LA_ERROR_USAGE, "finding '%s' has no threshold '%s'; it has: %s", code, full, names->str);
  return false;
}

static char *format_assignment(const LaThreshold *threshold, int64_t value)
{
  char span[LA_TIME_TEXT_MAX];
  if (threshold->unit == LA_UNIT_SECONDS)
    return g_strdup_printf("%s=%s", threshold->name, la_span_format_option(value, span));
  return g_strdup_printf("%s=%" G_GINT64_FORMAT "%s", threshold->name, value, suffix_of(threshold->unit));
}

GPtrArray *la_thresholds_changed(const LaThresholds *thresholds)
{
  GPtrArray *changed = g_ptr_array_new_with_free_func(g_free);
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  for (unsigned i = 0; i < count; i++) {
    const LaThreshold *all = rules[i]->thresholds;
    for (unsigned k = 0; k < LA_THRESHOLDS_MAX && all[k].name != NULL && rules[i]->scope != LA_SCOPE_HOST; k++)
      if (thresholds->value[i][k] != all[k].standard)
        g_ptr_array_add(changed, format_assignment(&all[k], thresholds->value[i][k]));
  }
  return changed;
}
