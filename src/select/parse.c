/* The parser: recursive descent, one function a level.
 *
 *   any    = all {("or" | "||") all}
 *   all    = one {("and" | "&&") one}
 *   one    = ("not" | "!") one | "(" any ")" | "true" | "false" | test
 *   test   = "exists" "(" FIELD ")" | FIELD                                  (a boolean field)
 *          | FIELD OPERATOR VALUE | FIELD ["not"] "in" (VALUE | "{" VALUE {"," VALUE} "}")
 *
 * and, where all of a run is judged, in place of `test`:
 *
 *   test   = ("count" | "hosts" | "capture") "(" [any] ")" OPERATOR VALUE
 *          | "share" "(" any ")" OPERATOR VALUE
 *          | ("min" | "max" | "p50" ...) "(" FIELD ")" OPERATOR VALUE
 *
 * Names are resolved and values read as they come, so a tree that was made is sound, and the first fault is told at its place. */
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "select/fault.h"
#include "select/lexer.h"
#include "select/tree.h"

#define REGEX_MAX 512u   /* bytes of a regular expression */
#define SUGGESTED_MAX 64 /* bytes of a word that is repeated in a message */

typedef struct {
  const char *text;
  LaToken token; /* the one to look at */
  LaExpressionKind kind;
  LaClockZone zone;
  unsigned depth;
  unsigned slots;
  GError **error;
} Parser;

static LaNode *parse_any(Parser *p);

static LaNode *fault(const Parser *p, const LaToken *token, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The first fault is told. Always NULL. */
static LaNode *fault(const Parser *p, const LaToken *token, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  if (p->error == NULL || *p->error == NULL)
    la_fault_set(p->error, p->text, token->start, what);
  return NULL;
}

static void step(Parser *p)
{
  p->token = la_token_next(p->text, p->token.end);
}

/* A fault at the token that is not what was expected; one that is no token says so itself. */
static LaNode *unexpected(const Parser *p, const char *expected)
{
  if (p->token.kind == LA_TOKEN_BAD)
    return fault(p, &p->token, "%s", p->token.problem);
  if (p->token.kind == LA_TOKEN_END)
    return fault(p, &p->token, "the expression ends here, expected %s", expected);
  return fault(p, &p->token, "expected %s here", expected);
}

static bool take(Parser *p, LaTokenKind kind, const char *expected)
{
  if (p->token.kind != kind) {
    unexpected(p, expected);
    return false;
  }
  step(p);
  return true;
}

static bool is_word(const Parser *p, const LaToken *token, const char *word)
{
  size_t len = token->end - token->start;
  return token->kind == LA_TOKEN_WORD && strlen(word) == len && g_ascii_strncasecmp(word, p->text + token->start, len) == 0;
}

/* Whether a bracket follows the token: it is a function then. */
static bool is_called(const Parser *p)
{
  return la_token_next(p->text, p->token.end).kind == LA_TOKEN_OPEN;
}

/* ---- fields ---- */

/* What people who know Wireshark write. */
static const struct {
  const char *theirs, *ours;
} other_names[] = {
    {"ip.addr", "ip"},
    {"ipv6.addr", "ip"},
    {"tcp.port", "port"},
    {"ip.src", "client.ip"},
    {"ip.dst", "server.ip"},
    {"tcp.stream", "id"},
    {"host", "ip"},
    {"addr", "ip"},
    {"tcp.srcport", "client.port"},
    {"tcp.dstport", "server.port"},
    {"code", "finding"},
    {"frame.number", "first_packet"},
    {"time", "start"},
};

static LaNode *unknown_field(const Parser *p, const char *name)
{
  for (unsigned i = 0; i < G_N_ELEMENTS(other_names); i++) {
    if (strcmp(name, other_names[i].theirs) == 0)
      return fault(p, &p->token, "there is no field '%s', did you mean '%s'?", name, other_names[i].ours);
  }
  if (g_ascii_isdigit(name[0]))
    return fault(p, &p->token, "a field stands at the left of a comparison, its value at the right");
  if (la_rule_find(name) != NULL)
    return fault(p, &p->token, "'%s' is a finding: write finding == \"%s\"", name, name);
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  const LaFieldRow *row;
  for (unsigned i = 0; (row = la_field_row(i)) != NULL; i++) {
    if ((row->kinds >> p->kind & 1) != 0)
      g_ptr_array_add(names, (gpointer)(guintptr)row->name);
  }
  const char *nearest = la_nearest(name, (const char *const *)names->pdata, names->len);
  if (nearest != NULL)
    return fault(p, &p->token, "there is no field '%s', did you mean '%s'?", name, nearest);
  return fault(p, &p->token, "there is no field '%.*s' (lastack help fields lists all)", SUGGESTED_MAX, name);
}

static const LaFieldRow *take_field(Parser *p)
{
  if (p->token.kind != LA_TOKEN_WORD) {
    unexpected(p, "a field");
    return NULL;
  }
  const LaFieldRow *row = la_field_find(p->text + p->token.start, p->token.end - p->token.start);
  if (row == NULL) {
    g_autofree char *name = la_token_text(p->text, &p->token);
    unknown_field(p, name);
    return NULL;
  }
  if ((row->kinds >> p->kind & 1) == 0) {
    static const char *const whats[] = {"a connection", "a finding about hosts", "a finding about a capture", NULL};
    fault(p, &p->token, "'%s' is not known of %s (lastack help fields says what is)", row->name, whats[p->kind]);
    return NULL;
  }
  step(p);
  return row;
}

/* ---- values ---- */

/* A finding's code must be one that the candidates can have. */
static bool check_code(const Parser *p, const LaNode *node, const LaLiteral *literal)
{
  if (node->field == NULL || node->field->words != &la_words_code)
    return true;
  unsigned count;
  const LaRule *rule = la_rules(&count)[literal->low];
  bool host = rule->scope == LA_SCOPE_HOST;
  if (p->kind == LA_EXPRESSION_CONNECTION && host)
    fault(p, &p->token, "%s is a finding about hosts, connections do not have it: hosts(finding == \"%s\") counts it",
          rule->code, rule->code);
  else if (p->kind == LA_EXPRESSION_HOST && !host)
    fault(p, &p->token, "%s is no finding about hosts", rule->code);
  else if (p->kind == LA_EXPRESSION_CAPTURE && rule->scope != LA_SCOPE_CAPTURE)
    fault(p, &p->token, "%s is no finding about captures", rule->code);
  else
    return true;
  return false;
}

static bool compile_regex(const Parser *p, LaNode *node)
{
  g_autoptr(GError) error = NULL;
  const char *text = node->literals[0].text;
  if (strlen(text) > REGEX_MAX) {
    fault(p, &p->token, "a regular expression has at most %u bytes", REGEX_MAX);
    return false;
  }
  node->regex = g_regex_new(text, G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, &error);
  if (node->regex == NULL)
    fault(p, &p->token, "this is no regular expression: %s", error->message);
  return node->regex != NULL;
}

static bool take_value(Parser *p, LaNode *node)
{
  LaLiteralWanted wanted = la_node_wanted(node);
  if (p->token.kind != LA_TOKEN_WORD && p->token.kind != LA_TOKEN_STRING) {
    unexpected(p, "a value");
    return false;
  }
  g_autofree char *text = la_token_text(p->text, &p->token);
  LaLiteral literal;
  g_autofree char *why = la_literal_read(text, &wanted, &literal);
  if (why != NULL) {
    fault(p, &p->token, "%s", why);
    return false;
  }
  node->literals = g_renew(LaLiteral, node->literals, node->count + 1);
  node->literals[node->count++] = literal;
  bool regex = node->op == LA_OP_MATCHES || node->op == LA_OP_MATCHES_NOT;
  if (regex ? !compile_regex(p, node) : !check_code(p, node, &literal))
    return false;
  step(p);
  return true;
}

static bool take_set(Parser *p, LaNode *node)
{
  if (p->token.kind != LA_TOKEN_BRACE_OPEN)
    return take_value(p, node);
  do {
    step(p);
    if (!take_value(p, node))
      return false;
  } while (p->token.kind == LA_TOKEN_COMMA);
  return take(p, LA_TOKEN_BRACE_CLOSE, "a comma or }");
}

/* ---- comparisons ---- */

static bool has_order(const LaFieldRow *field)
{
  switch (field->type) {
  case LA_TYPE_ADDRESS:
  case LA_TYPE_TEXT:
  case LA_TYPE_BOOLEAN: return false;
  case LA_TYPE_WORD: return field->words->order == LA_WORDS_ORDERED;
  default: return true;
  }
}

/* The operator at the token, for `field`. */
static bool take_operator(Parser *p, const LaFieldRow *field, LaOp *ret_op)
{
  LaToken first = p->token;
  bool negative = first.kind == LA_TOKEN_NOT;
  if (negative)
    step(p);
  if (p->token.kind == LA_TOKEN_IN) {
    *ret_op = negative ? LA_OP_IN_NOT : LA_OP_IN;
    step(p);
    return true;
  }
  if (negative || p->token.kind != LA_TOKEN_OPERATOR) {
    unexpected(p, negative ? "in" : "a comparison (==, !=, <, <=, >, >=, ~, in)");
    return false;
  }
  LaOp op = (LaOp)p->token.op;
  bool ordering = op >= LA_OP_LT && op <= LA_OP_GE;
  bool regex = op == LA_OP_MATCHES || op == LA_OP_MATCHES_NOT;
  bool is_text = field->type == LA_TYPE_TEXT || field->type == LA_TYPE_WORD || field->type == LA_TYPE_ADDRESS;
  if ((ordering && !has_order(field)) || (regex && !is_text)) {
    fault(p, &p->token, "%s (%s) cannot be compared by %s", field->name, la_field_type_name(field), la_op_text(op));
    return false;
  }
  *ret_op = op;
  step(p);
  return true;
}

static bool ends_test(LaTokenKind kind)
{
  return kind == LA_TOKEN_END || kind == LA_TOKEN_AND || kind == LA_TOKEN_OR || kind == LA_TOKEN_CLOSE;
}

static LaNode *parse_comparison(Parser *p)
{
  const LaFieldRow *field = take_field(p);
  if (field == NULL)
    return NULL;
  g_autoptr(LaNode) node = la_node_new(LA_NODE_COMPARE);
  node->zone = p->zone;
  la_node_set_field(node, field);
  if (ends_test(p->token.kind)) {
    if (field->type != LA_TYPE_BOOLEAN)
      return fault(p, &p->token, "expected a comparison behind '%s' (exists(%s) asks whether it is known)", field->name,
                   field->name);
    node->literals = g_new0(LaLiteral, 1);
    node->literals[node->count++].low = 1;
    node->literals[0].high = 1;
    return g_steal_pointer(&node);
  }
  if (!take_operator(p, field, &node->op))
    return NULL;
  bool set = node->op == LA_OP_IN || node->op == LA_OP_IN_NOT;
  if (set ? !take_set(p, node) : !take_value(p, node))
    return NULL;
  return g_steal_pointer(&node);
}

static LaNode *parse_exists(Parser *p)
{
  step(p);
  step(p); /* the bracket */
  const LaFieldRow *field = take_field(p);
  if (field == NULL)
    return NULL;
  g_autoptr(LaNode) node = la_node_new(LA_NODE_EXISTS);
  la_node_set_field(node, field);
  return take(p, LA_TOKEN_CLOSE, ")") ? g_steal_pointer(&node) : NULL;
}

/* ---- aggregates ---- */

/* The function that the token names. */
static bool find_function(const Parser *p, LaNode *node)
{
  static const LaAggregateFunction plain[] = {LA_AGGREGATE_COUNT, LA_AGGREGATE_SHARE, LA_AGGREGATE_MIN,
                                              LA_AGGREGATE_MAX,   LA_AGGREGATE_HOSTS, LA_AGGREGATE_CAPTURE};
  char room[LA_AGGREGATE_NAME_MAX];
  for (unsigned i = 0; i < G_N_ELEMENTS(plain); i++) {
    node->function = plain[i];
    if (is_word(p, &p->token, la_node_function_name(node, room)))
      return true;
  }
  const char *name = p->text + p->token.start;
  int64_t per_mille;
  if (g_ascii_tolower(*name) != 'p' || !la_decimal_read(name + 1, p->token.end - p->token.start - 1, 10, &per_mille) ||
      per_mille <= 0 || per_mille >= 1000)
    return false;
  node->function = LA_AGGREGATE_PERCENTILE;
  node->per_mille = (unsigned)per_mille;
  return true;
}

static bool takes_field(const LaNode *node)
{
  return node->function == LA_AGGREGATE_MIN || node->function == LA_AGGREGATE_MAX || node->function == LA_AGGREGATE_PERCENTILE;
}

/* What stands in an aggregate's brackets. */
static bool parse_argument(Parser *p, LaNode *node)
{
  LaExpressionKind outside = p->kind;
  p->kind = node->function == LA_AGGREGATE_HOSTS     ? LA_EXPRESSION_HOST
            : node->function == LA_AGGREGATE_CAPTURE ? LA_EXPRESSION_CAPTURE
                                                     : LA_EXPRESSION_CONNECTION;
  bool ok = true;
  if (takes_field(node)) {
    LaToken at = p->token;
    const LaFieldRow *field = take_field(p);
    ok = field != NULL;
    if (ok && field->type != LA_TYPE_NUMBER && field->type != LA_TYPE_BYTES && field->type != LA_TYPE_SPAN) {
      fault(p, &at, "'%s' is a %s: only numbers, bytes and spans have a minimum, maximum or percentile", field->name,
            la_field_type_name(field));
      ok = false;
    } else if (ok) {
      la_node_set_field(node, field);
    }
  } else if (p->token.kind != LA_TOKEN_CLOSE || node->function == LA_AGGREGATE_SHARE) {
    node->child = parse_any(p);
    ok = node->child != NULL;
  }
  p->kind = outside;
  return ok && take(p, LA_TOKEN_CLOSE, node->child != NULL ? "and, or, or )" : ")");
}

static LaNode *parse_aggregate(Parser *p)
{
  g_autoptr(LaNode) node = la_node_new(LA_NODE_AGGREGATE);
  node->zone = p->zone;
  if (p->token.kind != LA_TOKEN_WORD)
    return unexpected(p, "count(...), share(...), min, max, p50, p90, p99(FIELD), hosts(...) or capture(...)");
  g_autofree char *name = la_token_text(p->text, &p->token);
  if (!is_called(p) || !find_function(p, node)) {
    if (la_field_find(name, strlen(name)) != NULL)
      return fault(p, &p->token, "here all connections are judged at once: count(%s ...), share(%s ...) or p99(%s)", name, name,
                   name);
    return fault(p, &p->token, "expected count, share, min, max, p50, p90, p99, hosts or capture, and ( behind it");
  }
  step(p);
  step(p); /* the bracket */
  if (!parse_argument(p, node))
    return NULL;
  if (p->token.kind != LA_TOKEN_OPERATOR || p->token.op >= LA_OP_MATCHES)
    return unexpected(p, "a comparison (==, !=, <, <=, >, >=)");
  node->op = (LaOp)p->token.op;
  step(p);
  LaToken at = p->token;
  if (!take_value(p, node))
    return NULL;
  if (node->function == LA_AGGREGATE_SHARE && node->literals[0].high == 0)
    return fault(p, &at, "a share is compared with a percentage: 99%%, 0.5%%");
  node->slot = p->slots++;
  return g_steal_pointer(&node);
}

/* ---- joining ---- */

static LaNode *parse_test(Parser *p)
{
  if (!is_called(p) && (is_word(p, &p->token, "true") || is_word(p, &p->token, "false"))) {
    LaNode *node = la_node_new(LA_NODE_CONSTANT);
    node->literals = g_new0(LaLiteral, 1);
    node->literals[node->count++].low = is_word(p, &p->token, "true");
    node->literals[0].high = node->literals[0].low;
    step(p);
    return node;
  }
  if (p->kind == LA_EXPRESSION_TOTAL)
    return parse_aggregate(p);
  if (is_word(p, &p->token, "exists") && is_called(p))
    return parse_exists(p);
  g_autoptr(LaNode) function = la_node_new(LA_NODE_AGGREGATE);
  if (p->token.kind == LA_TOKEN_WORD && is_called(p) && find_function(p, function))
    return fault(p, &p->token, "sums over connections stand in --expect and policies; this is asked about one");
  return parse_comparison(p);
}

static LaNode *parse_one(Parser *p)
{
  LaToken at = p->token;
  if (at.kind != LA_TOKEN_NOT && at.kind != LA_TOKEN_OPEN)
    return parse_test(p);
  if (p->depth >= LA_EXPRESSION_DEPTH_MAX)
    return fault(p, &at, "brackets and nots are nested more than %u deep here", LA_EXPRESSION_DEPTH_MAX);
  p->depth++;
  step(p);
  LaNode *node = NULL;
  if (at.kind == LA_TOKEN_NOT) {
    LaNode *child = parse_one(p);
    if (child != NULL) {
      node = la_node_new(LA_NODE_NOT);
      node->child = child;
    }
  } else {
    g_autoptr(LaNode) inside = parse_any(p);
    if (inside != NULL && take(p, LA_TOKEN_CLOSE, "and, or, or )"))
      node = g_steal_pointer(&inside);
  }
  p->depth--;
  return node;
}

/* One or more of `below`, joined by `joint`. */
static LaNode *parse_joined(Parser *p, LaTokenKind joint, LaNodeKind kind, LaNode *(*below)(Parser *))
{
  g_autoptr(LaNode) first = below(p);
  if (first == NULL || p->token.kind != joint)
    return g_steal_pointer(&first);
  g_autoptr(LaNode) node = la_node_new(kind);
  LaNode *last = node->child = g_steal_pointer(&first);
  while (p->token.kind == joint) {
    step(p);
    last->next = below(p);
    if (last->next == NULL)
      return NULL;
    last = last->next;
  }
  return g_steal_pointer(&node);
}

static LaNode *parse_all(Parser *p)
{
  return parse_joined(p, LA_TOKEN_AND, LA_NODE_AND, parse_one);
}

static LaNode *parse_any(Parser *p)
{
  return parse_joined(p, LA_TOKEN_OR, LA_NODE_OR, parse_all);
}

LaExpression *la_expression_parse(const char *text, LaExpressionKind kind, LaClockZone zone, GError **error)
{
  if (strlen(text) > LA_EXPRESSION_TEXT_MAX) {
    la_error_set(error, LA_ERROR_USAGE, "an expression has at most %u bytes, this one has %zu", LA_EXPRESSION_TEXT_MAX,
                 strlen(text));
    return NULL;
  }
  g_autoptr(GError) own = NULL;
  Parser parser = {.text = text, .kind = kind, .zone = zone, .error = &own};
  parser.token = la_token_next(text, 0);
  if (parser.token.kind == LA_TOKEN_END)
    unexpected(&parser, kind == LA_EXPRESSION_TOTAL ? "count(...), share(...) ..." : "a comparison: server.port == 8888");
  g_autoptr(LaNode) root = own == NULL ? parse_any(&parser) : NULL;
  if (root != NULL && parser.token.kind != LA_TOKEN_END) {
    unexpected(&parser, "and, or, or the end");
    g_clear_pointer(&root, la_node_free);
  }
  if (root == NULL) {
    g_propagate_error(error, g_steal_pointer(&own));
    return NULL;
  }
  LaExpression *expression = g_new0(LaExpression, 1);
  expression->kind = kind;
  expression->root = g_steal_pointer(&root);
  expression->slots = parser.slots;
  return expression;
}
