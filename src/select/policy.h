/* Policies: what has to hold for the connections of a run, what is known noise, and until when. lastack-policy(5) is the format.
 *
 * A policy is read once and then does not change. Whether a clause has expired is asked with a clock that the caller hands in. */
#ifndef LA_SELECT_POLICY_H
#define LA_SELECT_POLICY_H

#include <glib.h>
#include <stdbool.h>

#include "base/time.h"
#include "diagnose/diagnose.h"
#include "select/expression.h"

#define LA_POLICY_SETTLE (2 * LA_SEC)
#define LA_POLICY_BYTES_MAX (1u << 20) /* of a policy file */
#define LA_POLICY_SERVICES_MAX 256u    /* sections [service ...] */

/* What to do about connections that are not fully closed when the capture ends. */
typedef enum {
  LA_UNCLOSED_FAIL,
  LA_UNCLOSED_WARN,
  LA_UNCLOSED_IGNORE,
  LA_UNCLOSED_N,
} LaUnclosed;

typedef enum {
  LA_CLAUSE_ALLOW,
  LA_CLAUSE_FORBID,
} LaClauseKind;

/* `allow` or `forbid`: of a finding, or of all. */
typedef struct {
  LaClauseKind kind;
  unsigned line;       /* of the policy file; 0: from the command line */
  unsigned service;    /* index into services; 0: wherever it is found */
  const LaRule *rule;  /* NULL: every connection finding */
  LaExpression *where; /* NULL: always (owned) */
  char *where_text;    /* as written (owned) */
  char *reason;        /* NULL: none given (owned) */
  LaTime expires;      /* the first moment at which it does not hold any more; LA_TIME_NONE: never */
  char *expires_text;  /* the last day on which it holds, `2027-01-31` (owned) */
} LaPolicyClause;

/* `expect.NAME` (about all connections of its section together) or `require.NAME` (about each of them). */
typedef struct {
  char *name; /* the case's name in reports, "expect.NAME" (owned) */
  char *text; /* as written (owned) */
  LaExpression *expression;
  unsigned line;
  unsigned service;
} LaPolicyDemand;

/* Section [service NAME], or [policy] itself, which is the first. */
typedef struct {
  char *name; /* NULL: [policy] (owned) */
  unsigned line;
  LaExpression *where; /* NULL: every connection (owned) */
  char *where_text;
  LaSeverity fail_on; /* findings of this severity and worse; LA_SEVERITY_N: none */
  LaUnclosed unclosed;
  LaTime settle;
  bool allow_empty;
  unsigned fail_on_line, unclosed_line; /* where that is written; 0: nowhere */
} LaPolicyService;

typedef struct {
  char *name;              /* how reports call it: the path, "@strict", "the built-in policy" (owned) */
  char *path;              /* the file; NULL: none (owned) */
  GPtrArray *services;     /* of LaPolicyService; the first is [policy] */
  GPtrArray *clauses;      /* of LaPolicyClause, in the order of the file */
  GPtrArray *expectations; /* of LaPolicyDemand, expressions of kind LA_EXPRESSION_TOTAL */
  GPtrArray *requirements; /* of LaPolicyDemand, expressions of kind LA_EXPRESSION_CONNECTION */
  GPtrArray *thresholds;   /* of char *: CODE[.NAME]=VALUE, each tried already */
} LaPolicy;

/* The policy without a file: errors and unclosed connections fail. (transfer full) */
LaPolicy *la_policy_new(void);

/* Reads a policy from `text` of `len` bytes. `name` is how messages and reports call it; `path` may be NULL. Times of day in
 * expressions are of `zone`. NULL and LA_ERROR_USAGE, the message beginning with NAME:LINE. (transfer full) */
LaPolicy *la_policy_parse(const char *text, gsize len, const char *name, const char *path, LaClockZone zone, GError **error);

/* The same from a file. (transfer full) */
LaPolicy *la_policy_load(const char *path, const char *name, LaClockZone zone, GError **error);

void la_policy_free(LaPolicy *policy); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaPolicy, la_policy_free)

/* Sets a key of [policy] from the command line: what `KEY = VALUE` would say, after the file. Names of keys as in the file; for
 * `expect` the value is [NAME=]EXPR and gets a name of its own without one. False and LA_ERROR_USAGE. */
bool la_policy_set(LaPolicy *policy, const char *key, const char *value, LaClockZone zone, GError **error);

/* Sets the thresholds that the policy names. */
void la_policy_thresholds(const LaPolicy *policy, LaThresholds *thresholds);

static inline const LaPolicyService *la_policy_service(const LaPolicy *policy, unsigned index)
{
  return g_ptr_array_index(policy->services, index);
}

/* What its expressions need of ordinary connections. */
LaRecords la_policy_records(const LaPolicy *policy);

/* The server ports that its sections, clauses and demands name, each once; at most `max`. Returns how many. */
unsigned la_policy_ports(const LaPolicy *policy, uint16_t *ports, unsigned max);

/* The section that a connection belongs to: the first whose `where` holds, else 0. */
unsigned la_policy_service_of(const LaPolicy *policy, const LaCandidate *connection);

/* What the policy says of a finding. */
typedef enum {
  LA_RULING_PASSES,    /* nothing: it is not severe enough */
  LA_RULING_BREAKS,    /* too severe, or forbidden */
  LA_RULING_SUPPRESSED /* allowed: known noise */
} LaRulingKind;

typedef struct {
  LaRulingKind kind;
  int clause; /* index of the clause that decided; -1: the severity did */
} LaRuling;

/* Judges `finding`, found by `candidate` (a connection's with `conn` and `findings` set, or a stored one's; else a host's or capture's own) in section
 * `service`, at `now`. A forbidding clause weighs more than an allowing one: a gate must not pass by accident. */
LaRuling la_policy_judge(const LaPolicy *policy, unsigned service, const LaFinding *finding, const LaCandidate *candidate,
                         LaTime now);

/* Takes out what the policy suppresses of a connection's findings, and counts nothing: for those that look again and again. */
void la_policy_drop_noise(const LaPolicy *policy, const LaConnection *conn, LaFindings *findings, LaTime now);

/* Whether the clause does not hold any more. */
static inline bool la_clause_expired(const LaPolicyClause *clause, LaTime now)
{
  return clause->expires != LA_TIME_NONE && now >= clause->expires;
}

/* Appends in words what the policy demands, a sentence or list item a line, safe for a terminal. */
void la_policy_explain(const LaPolicy *policy, LaTime now, GString *out);

#endif
