#include "cli/policy_source.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/filter_name.h"

#define STANDARD_FILE ".lastack"

static LaPolicy *load(const char *word, LaClockZone zone, GError **error)
{
  g_autofree char *path = la_policy_name_resolve(word, error);
  LaPolicy *policy = path != NULL ? la_policy_load(path, word, zone, error) : NULL;
  /* One that comes with the program is no file of the user's sources. */
  if (policy != NULL && word[0] == '@')
    g_clear_pointer(&policy->path, g_free);
  return policy;
}

LaPolicy *la_policy_of_analysis(const LaOptions *options, GError **error)
{
  return options->policy != NULL ? load(options->policy, options->zone, error) : la_policy_new();
}

LaPolicy *la_policy_of_check(const LaOptions *options, GError **error)
{
  g_autoptr(LaPolicy) policy = NULL;
  /* A file that is there and cannot be read must not be passed over: the gate would be another. */
  if (options->policy != NULL)
    policy = load(options->policy, options->zone, error);
  else if (access(STANDARD_FILE, F_OK) == 0)
    policy = la_policy_load(STANDARD_FILE, STANDARD_FILE, options->zone, error);
  else
    policy = la_policy_new();
  for (unsigned i = 0; policy != NULL && i < options->check.policy_words->len; i++) {
    const LaPolicyWord *word = g_ptr_array_index(options->check.policy_words, i);
    if (!la_policy_set(policy, word->key, word->value, options->zone, error))
      return NULL;
  }
  return g_steal_pointer(&policy);
}

void la_policy_apply_thresholds(const LaPolicy *policy, LaOptions *options)
{
  la_thresholds_init(&options->thresholds);
  la_policy_thresholds(policy, &options->thresholds);
  for (unsigned i = 0; i < options->threshold_words->len; i++)
    la_thresholds_set(&options->thresholds, g_ptr_array_index(options->threshold_words, i), NULL);
}
