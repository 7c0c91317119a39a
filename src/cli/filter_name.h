/* Filters and expressions that come with the program, found by name. */
#ifndef LA_CLI_FILTER_NAME_H
#define LA_CLI_FILTER_NAME_H

#include <glib.h>

/* The file that `-F` means: `word` itself, or for `@NAME` the file NAME.bpf of the installed filters (or of the source tree,
 * when the program runs from its build tree). NULL and LA_ERROR_USAGE, with the nearest name, when there is no such filter.
 * (transfer full) */
char *la_filter_name_resolve(const char *word, GError **error);

/* The expression that `-Y` means: `word` itself, or for `@NAME` what stands in the file NAME.where of those installed, without comments
 * (lines that begin with #). NULL and LA_ERROR_USAGE, with the nearest name, when there is no such file. (transfer full) */
char *la_expression_name_resolve(const char *word, GError **error);

/* The file that `--policy` means: `word` itself, or for `@NAME` the file NAME.policy of those installed. NULL and LA_ERROR_USAGE, with
 * the nearest name. (transfer full) */
char *la_policy_name_resolve(const char *word, GError **error);

#endif
