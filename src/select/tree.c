/* Nodes: made, freed, printed, compared. */
#include "select/tree.h"

#include <assert.h>
#include <stdio.h>

static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">=", "~", "!~", "in", "not in"};
static_assert(G_N_ELEMENTS(ops) == LA_OP_N, "a text for each operator");

const char *la_op_text(LaOp op)
{
  return ops[op];
}

LaNode *la_node_new(LaNodeKind kind)
{
  LaNode *node = g_new0(LaNode, 1);
  node->kind = kind;
  return node;
}

void la_node_free(LaNode *node)
{
  /* Siblings may be many, levels are few. */
  while (node != NULL) {
    LaNode *next = node->next;
    la_node_free(node->child);
    for (unsigned i = 0; i < node->count; i++)
      g_free(node->literals[i].text);
    g_free(node->literals);
    g_clear_pointer(&node->regex, g_regex_unref);
    g_free(node);
    node = next;
  }
}

void la_node_set_field(LaNode *node, const LaFieldRow *field)
{
  node->field = field;
  node->parts = la_field_parts(field, node->part);
}

void la_expression_free(LaExpression *expression)
{
  if (expression == NULL)
    return;
  la_node_free(expression->root);
  g_free(expression);
}

LaExpressionKind la_expression_kind(const LaExpression *expression)
{
  return expression->kind;
}

LaLiteralWanted la_node_wanted(const LaNode *node)
{
  LaLiteralWanted wanted = {.type = LA_TYPE_NUMBER, .zone = node->zone};
  if (node->field != NULL) {
    wanted.type = node->field->type;
    wanted.words = node->field->words;
  } else if (node->kind == LA_NODE_AGGREGATE && node->function == LA_AGGREGATE_SHARE) {
    wanted.type = LA_TYPE_RATIO;
  } else if (node->kind == LA_NODE_CONSTANT) {
    wanted.type = LA_TYPE_BOOLEAN;
  }
  if (node->op == LA_OP_IN || node->op == LA_OP_IN_NOT)
    wanted.how = LA_RANGE_TOO;
  if (node->op == LA_OP_MATCHES || node->op == LA_OP_MATCHES_NOT)
    wanted.type = LA_TYPE_TEXT;
  return wanted;
}

const char *la_node_function_name(const LaNode *node, char *room)
{
  static const char *const names[] = {"count", "share", "min", "max", NULL, "hosts", "capture"};
  static_assert(G_N_ELEMENTS(names) == LA_AGGREGATE_N, "a name for each function");
  if (node->function != LA_AGGREGATE_PERCENTILE)
    return names[node->function];
  if (node->per_mille % 10 != 0)
    snprintf(room, LA_AGGREGATE_NAME_MAX, "p%u.%u", node->per_mille / 10, node->per_mille % 10);
  else
    snprintf(room, LA_AGGREGATE_NAME_MAX, "p%u", node->per_mille / 10);
  return room;
}

/* ---- printing ---- */

static void print_literals(const LaNode *node, GString *out)
{
  LaLiteralWanted wanted = la_node_wanted(node);
  bool braces = (node->op == LA_OP_IN || node->op == LA_OP_IN_NOT) &&
                (node->count > 1 || node->literals[0].is_range != 0 || wanted.type != LA_TYPE_ADDRESS);
  g_string_append(out, braces ? "{" : "");
  for (unsigned i = 0; i < node->count; i++) {
    g_string_append(out, i > 0 ? ", " : "");
    la_literal_print(&node->literals[i], &wanted, out);
  }
  g_string_append(out, braces ? "}" : "");
}

/* The children of an and or or; those that are one themselves stand in brackets, so that the tree stays as it is. */
static void print_joined(const LaNode *node, GString *out)
{
  for (const LaNode *child = node->child; child != NULL; child = child->next) {
    bool brackets = child->kind == LA_NODE_AND || child->kind == LA_NODE_OR;
    g_string_append(out, child != node->child ? (node->kind == LA_NODE_AND ? " and " : " or ") : "");
    g_string_append(out, brackets ? "(" : "");
    la_node_print(child, out);
    g_string_append(out, brackets ? ")" : "");
  }
}

static void print_aggregate(const LaNode *node, GString *out)
{
  char room[LA_AGGREGATE_NAME_MAX];
  g_string_append_printf(out, "%s(", la_node_function_name(node, room));
  if (node->field != NULL)
    g_string_append(out, node->field->name);
  else if (node->child != NULL)
    la_node_print(node->child, out);
  g_string_append_printf(out, ") %s ", la_op_text(node->op));
  print_literals(node, out);
}

void la_node_print(const LaNode *node, GString *out)
{
  switch (node->kind) {
  case LA_NODE_AND:
  case LA_NODE_OR: print_joined(node, out); break;
  case LA_NODE_NOT:
    g_string_append(out, "not (");
    la_node_print(node->child, out);
    g_string_append_c(out, ')');
    break;
  case LA_NODE_CONSTANT: print_literals(node, out); break;
  case LA_NODE_EXISTS: g_string_append_printf(out, "exists(%s)", node->field->name); break;
  case LA_NODE_COMPARE:
    g_string_append_printf(out, "%s %s ", node->field->name, la_op_text(node->op));
    print_literals(node, out);
    break;
  case LA_NODE_AGGREGATE: print_aggregate(node, out); break;
  }
}

void la_expression_print(const LaExpression *expression, GString *out)
{
  la_node_print(expression->root, out);
}

/* ---- equality ---- */

static bool literals_equal(const LaNode *a, const LaNode *b)
{
  LaType type = la_node_wanted(a).type;
  for (unsigned i = 0; i < a->count; i++) {
    if (!la_literal_equal(&a->literals[i], &b->literals[i], type))
      return false;
  }
  return true;
}

static bool nodes_equal(const LaNode *a, const LaNode *b)
{
  for (; a != NULL && b != NULL; a = a->next, b = b->next) {
    if (a->kind != b->kind || a->op != b->op || a->field != b->field || a->count != b->count || a->function != b->function ||
        a->per_mille != b->per_mille || a->slot != b->slot || !literals_equal(a, b) || !nodes_equal(a->child, b->child))
      return false;
  }
  return a == b;
}

bool la_expression_equal(const LaExpression *a, const LaExpression *b)
{
  return a->kind == b->kind && nodes_equal(a->root, b->root);
}
