/* Asking an expression. A comparison goes through the values of its field until one answers it; `!=`, `not in` and `!~` are the
 * opposite of `==`, `in` and `~`, but for a scalar that is not known, of which no comparison holds. */
#include <string.h>

#include "select/tree.h"

static bool is_negative(LaOp op)
{
  return op == LA_OP_NE || op == LA_OP_IN_NOT || op == LA_OP_MATCHES_NOT;
}

static bool matches(const LaNode *node, const LaFieldRow *part, const LaValue *value)
{
  g_autoptr(GString) text = g_string_new(NULL);
  la_value_text(value, part->type, part->words, text);
  /* An expression that runs into the engine's limits matches nothing. */
  return g_regex_match(node->regex, text->str, 0, NULL);
}

static bool satisfies(const LaNode *node, const LaFieldRow *part, const LaValue *value)
{
  if (node->regex != NULL)
    return matches(node, part, value);
  for (unsigned i = 0; i < node->count; i++) {
    int order = la_literal_compare(&node->literals[i], part->type, value);
    bool holds = false;
    switch (node->op) {
    case LA_OP_LT: holds = order < 0; break;
    case LA_OP_LE: holds = order <= 0; break;
    case LA_OP_GT: holds = order > 0; break;
    case LA_OP_GE: holds = order >= 0; break;
    default: holds = order == 0; break;
    }
    if (holds)
      return true;
  }
  return false;
}

static bool compare(const LaNode *node, const LaCandidate *candidate)
{
  bool known = node->field->shape == LA_FIELD_LIST;
  for (unsigned p = 0; p < node->parts; p++) {
    LaValue value;
    for (unsigned at = 0; la_field_value(candidate, node->part[p], at, &value); at++) {
      bool found = satisfies(node, node->part[p], &value);
      la_value_clear(&value);
      known = true;
      if (found)
        return !is_negative(node->op);
    }
  }
  return known && is_negative(node->op);
}

static bool exists(const LaNode *node, const LaCandidate *candidate)
{
  for (unsigned p = 0; p < node->parts; p++) {
    LaValue value;
    if (la_field_value(candidate, node->part[p], 0, &value)) {
      la_value_clear(&value);
      return true;
    }
  }
  return false;
}

bool la_node_holds(const LaNode *node, const LaCandidate *candidate)
{
  switch (node->kind) {
  case LA_NODE_AND:
    for (const LaNode *child = node->child; child != NULL; child = child->next) {
      if (!la_node_holds(child, candidate))
        return false;
    }
    return true;
  case LA_NODE_OR:
    for (const LaNode *child = node->child; child != NULL; child = child->next) {
      if (la_node_holds(child, candidate))
        return true;
    }
    return false;
  case LA_NODE_NOT: return !la_node_holds(node->child, candidate);
  case LA_NODE_CONSTANT: return node->literals[0].low != 0;
  case LA_NODE_EXISTS: return exists(node, candidate);
  case LA_NODE_COMPARE: return compare(node, candidate);
  case LA_NODE_AGGREGATE: break; /* only a tally knows */
  }
  return false;
}

bool la_expression_holds(const LaExpression *expression, const LaCandidate *candidate)
{
  return la_node_holds(expression->root, candidate);
}

/* Where the ports go that a tree names. */
typedef struct {
  uint16_t *ports;
  unsigned count, max;
} Named;

static void add_port(Named *named, int64_t port)
{
  for (unsigned i = 0; i < named->count; i++)
    if (named->ports[i] == port)
      return;
  if (named->count < named->max)
    named->ports[named->count++] = (uint16_t)port;
}

static bool is_server_port(const LaNode *node)
{
  for (unsigned p = 0; p < node->parts; p++)
    if (strcmp(node->part[p]->name, "server.port") == 0)
      return true;
  return false;
}

static void name_ports(const LaNode *node, Named *named)
{
  for (; node != NULL; node = node->next) {
    if (node->kind == LA_NODE_NOT)
      continue;
    if (node->kind == LA_NODE_COMPARE && (node->op == LA_OP_EQ || node->op == LA_OP_IN) && is_server_port(node)) {
      for (unsigned i = 0; i < node->count; i++)
        if (node->literals[i].low == node->literals[i].high)
          add_port(named, node->literals[i].low);
    }
    name_ports(node->child, named);
  }
}

unsigned la_expression_ports(const LaExpression *expression, uint16_t *ports, unsigned count, unsigned max)
{
  Named named = {.ports = ports, .count = count, .max = max};
  name_ports(expression->root, &named);
  return named.count;
}

static bool needs_whole(const LaNode *node)
{
  for (; node != NULL; node = node->next) {
    for (unsigned p = 0; p < node->parts; p++) {
      if (la_field_needs_whole(node->part[p]))
        return true;
    }
    if (needs_whole(node->child))
      return true;
  }
  return false;
}

LaRecords la_expression_records(const LaExpression *expression)
{
  return needs_whole(expression->root) ? LA_RECORDS_WHOLE : LA_RECORDS_BRIEF;
}
