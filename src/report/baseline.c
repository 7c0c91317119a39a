/* Counted by suite, as the judge makes them: the policy's service that a stored connection belongs to, else its server's address and
 * port; findings about the capture, and about who visits many, stand with the run. */
#include "report/baseline.h"

#include "base/addr.h"
#include "base/error.h"
#include "select/stored.h"

#define KEYS_MAX 100000u

struct LaBaseline {
  char *path;
  GHashTable *counts; /* "SUITE\tNAME" (owned) -> uint64_t (owned) */
};

static void count(LaBaseline *baseline, const char *suite, const char *name)
{
  g_autofree char *key = g_strconcat(suite, "\t", name, NULL);
  uint64_t *known = g_hash_table_lookup(baseline->counts, key);
  if (known == NULL) {
    if (g_hash_table_size(baseline->counts) >= KEYS_MAX)
      return;
    known = g_new0(uint64_t, 1);
    g_hash_table_insert(baseline->counts, g_steal_pointer(&key), known);
  }
  ++*known;
}

static char *suite_of_server(const LaStored *stored)
{
  LaHostPort server;
  char text[LA_HOST_PORT_TEXT_MAX];
  if (!la_stored_end(stored, LA_ACCEPTOR, &server))
    return g_strdup("run");
  return g_strdup(la_host_port_format(&server, text));
}

/* Findings of a host that is no service stand with the run, as those about a capture. */
static void count_record(LaBaseline *baseline, const LaPolicy *policy, const LaExpression *unclosed, const LaStored *stored)
{
  LaStoredType type = la_stored_type(stored);
  LaCandidate candidate = {.stored = stored};
  bool connection = type == LA_STORED_CONNECTION;
  unsigned section = connection ? la_policy_service_of(policy, &candidate) : 0;
  g_autofree char *suite = NULL;
  if (section != 0)
    suite = g_strdup(la_policy_service(policy, section)->name);
  else
    suite = type == LA_STORED_CAPTURE ? g_strdup("run") : suite_of_server(stored);
  unsigned found;
  const LaStoredFinding *findings = la_stored_findings(stored, &found);
  for (unsigned i = 0; i < found; i++) {
    /* What a connection says of the capture stands there, too. */
    if (!connection || findings[i].rule == NULL || findings[i].rule->scope != LA_SCOPE_CAPTURE)
      count(baseline, suite, findings[i].code);
  }
  if (connection && la_expression_holds(unclosed, &candidate))
    count(baseline, suite, "unclosed");
}

LaBaseline *la_baseline_load(const char *path, const LaPolicy *policy, GError **error)
{
  g_autoptr(LaExpression) unclosed = la_expression_parse(
      "teardown == \"open\" or teardown == \"half-closed\" or teardown == \"fin-unconfirmed\" or teardown == "
      "\"vanished\"",
      LA_EXPRESSION_CONNECTION, LA_CLOCK_UTC, error);
  g_autoptr(LaStoredReader) reader = unclosed != NULL ? la_stored_open(path, error) : NULL;
  if (reader == NULL)
    return NULL;
  g_autoptr(LaBaseline) baseline = g_new0(LaBaseline, 1);
  baseline->path = g_strdup(path);
  baseline->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(GError) why = NULL;
  const LaStored *stored;
  bool whole = false;
  while ((stored = la_stored_next(reader, &why)) != NULL) {
    LaStoredType type = la_stored_type(stored);
    whole = whole || type == LA_STORED_SUMMARY;
    if (type == LA_STORED_CONNECTION || type == LA_STORED_HOST || type == LA_STORED_CAPTURE)
      count_record(baseline, policy, unclosed, stored);
  }
  if (why != NULL) {
    g_propagate_error(error, g_steal_pointer(&why));
    return NULL;
  }
  if (!whole) {
    la_error_set(error, LA_ERROR_OPEN, "%s is no whole result: it has no summary (lastack -o ndjson writes one)", path);
    return NULL;
  }
  return g_steal_pointer(&baseline);
}

void la_baseline_free(LaBaseline *baseline)
{
  if (baseline == NULL)
    return;
  g_free(baseline->path);
  g_hash_table_unref(baseline->counts);
  g_free(baseline);
}

uint64_t la_baseline_count(const LaBaseline *baseline, const char *suite, const char *name)
{
  g_autofree char *key = g_strconcat(suite, "\t", name, NULL);
  const uint64_t *known = g_hash_table_lookup(baseline->counts, key);
  return known != NULL ? *known : 0;
}

const char *la_baseline_path(const LaBaseline *baseline)
{
  return baseline->path;
}
