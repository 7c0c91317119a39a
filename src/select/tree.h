/* The tree of an expression. Internal to expressions. */
#ifndef LA_SELECT_TREE_H
#define LA_SELECT_TREE_H

#include "select/expression.h"
#include "select/field.h"
#include "select/value.h"

typedef enum {
  LA_NODE_AND, /* of two or more children */
  LA_NODE_OR,
  LA_NODE_NOT,
  LA_NODE_CONSTANT, /* true, false: literals[0] */
  LA_NODE_EXISTS,
  LA_NODE_COMPARE,
  LA_NODE_AGGREGATE, /* compared with literals[0] */
} LaNodeKind;

typedef enum {
  LA_OP_EQ,
  LA_OP_NE,
  LA_OP_LT,
  LA_OP_LE,
  LA_OP_GT,
  LA_OP_GE,
  LA_OP_MATCHES,
  LA_OP_MATCHES_NOT,
  LA_OP_IN,
  LA_OP_IN_NOT,
  LA_OP_N,
} LaOp;

const char *la_op_text(LaOp op); /* "==", "not in" */

typedef enum {
  LA_AGGREGATE_COUNT,
  LA_AGGREGATE_SHARE,
  LA_AGGREGATE_MIN,
  LA_AGGREGATE_MAX,
  LA_AGGREGATE_PERCENTILE,
  LA_AGGREGATE_HOSTS,
  LA_AGGREGATE_CAPTURE,
  LA_AGGREGATE_N,
} LaAggregateFunction;

typedef struct LaNode LaNode;
struct LaNode {
  LaNodeKind kind;
  LaNode *child, *next; /* (owned) */
  LaOp op;
  LaClockZone zone;        /* its literals' */
  const LaFieldRow *field; /* EXISTS, COMPARE, and AGGREGATE over a field */
  const LaFieldRow *part[2];
  unsigned parts;
  LaLiteral *literals; /* (owned) */
  unsigned count;
  GRegex *regex; /* its text is literals[0] (owned) */
  LaAggregateFunction function;
  unsigned per_mille; /* PERCENTILE */
  unsigned slot;      /* its place in a tally */
};

LaNode *la_node_new(LaNodeKind kind);
void la_node_free(LaNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaNode, la_node_free)

/* Binds a node to a field. */
void la_node_set_field(LaNode *node, const LaFieldRow *field);

struct LaExpression {
  LaExpressionKind kind;
  LaNode *root;
  unsigned slots; /* aggregates */
};

/* Whether the tree below `node` holds for the candidate. */
bool la_node_holds(const LaNode *node, const LaCandidate *candidate);

/* Appends the tree's text. */
void la_node_print(const LaNode *node, GString *out);

/* What a literal that is compared with the node's field, or with what its aggregate comes to, is read and printed as. */
LaLiteralWanted la_node_wanted(const LaNode *node);

/* "count", "p99"; the percentile's name needs room, LA_AGGREGATE_NAME_MAX bytes. */
#define LA_AGGREGATE_NAME_MAX 16
const char *la_node_function_name(const LaNode *node, char *room);

#endif
