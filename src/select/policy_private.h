/* What the policy's own files share. */
#ifndef LA_SELECT_POLICY_PRIVATE_H
#define LA_SELECT_POLICY_PRIVATE_H

#include "select/policy.h"
#include "select/policy_file.h"

/* A value is being read: where it stands, for messages. */
typedef struct {
  LaPolicy *policy;
  LaClockZone zone;
  unsigned line;    /* 0: the command line */
  unsigned service; /* the section it belongs to */
} LaPolicyReader;

/* Whether `key` is one that [policy] and [service NAME] share; then it is taken. False and an error when its value is wrong;
 * `*ret_known` is false, and nothing is done, for another key. */
bool la_policy_take_key(const LaPolicyReader *reader, const char *key, const char *value, bool *ret_known, GError **error);

/* Adds a clause about the finding `code`, "*" for every finding of connections. NULL and LA_ERROR_USAGE. (borrowed) */
LaPolicyClause *la_policy_add_clause(const LaPolicyReader *reader, LaClauseKind kind, const char *code, GError **error);

/* Parses an expression, with the place before the message. NULL and LA_ERROR_USAGE. (transfer full) */
LaExpression *la_policy_expression(const LaPolicyReader *reader, const char *text, LaExpressionKind kind, GError **error);

/* Sets `where`, `reason`, `expires` of a clause. As la_policy_take_key. */
bool la_policy_take_clause_key(const LaPolicyReader *reader, LaPolicyClause *clause, const LaPolicyEntry *entry,
                               bool *ret_known, GError **error);

#endif
