/* Where a command's policy comes from. */
#ifndef LA_CLI_POLICY_SOURCE_H
#define LA_CLI_POLICY_SOURCE_H

#include <glib.h>

#include "cli/options.h"
#include "report/judge.h"
#include "select/policy.h"

/* The policy that check uses: of --policy, else .lastack in the working folder when there is one, else the built-in one; then
 * what the command line adds. NULL and LA_ERROR_USAGE. (transfer full) */
LaPolicy *la_policy_of_check(const LaOptions *options, GError **error);

/* The policy of a command that only suppresses known noise: of --policy, else the built-in one. NULL and LA_ERROR_USAGE.
 * (transfer full) */
LaPolicy *la_policy_of_analysis(const LaOptions *options, GError **error);

/* Sets the options' thresholds: the policy's, over which those of the command line go. */
void la_policy_apply_thresholds(const LaPolicy *policy, LaOptions *options);

#endif
