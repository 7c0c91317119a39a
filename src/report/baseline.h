/* What a stored result (-o ndjson) already had: how many findings of each code and service, and how many unclosed connections. */
#ifndef LA_REPORT_BASELINE_H
#define LA_REPORT_BASELINE_H

#include <glib.h>
#include <stdint.h>

#include "select/policy.h"

typedef struct LaBaseline LaBaseline;

/* Reads the records of `path`; `policy` tells which service a connection belongs to. NULL and LA_ERROR_USAGE. (transfer full) */
LaBaseline *la_baseline_load(const char *path, const LaPolicy *policy, GError **error);

void la_baseline_free(LaBaseline *baseline); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaBaseline, la_baseline_free)

/* How many of `name` (a finding's code, or "unclosed") the suite `suite` had. */
uint64_t la_baseline_count(const LaBaseline *baseline, const char *suite, const char *name);

/* The file's name as it was given. (borrowed) */
const char *la_baseline_path(const LaBaseline *baseline);

#endif
