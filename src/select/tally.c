/* Adding up. Each aggregate has a slot: how many candidates it was asked about, how many matched, the least and the largest value, and
 * for percentiles a histogram of fixed buckets, so that two tallies merge into exactly what one of all would be. A share, minimum,
 * maximum or percentile of nothing is unknown, and what hangs on an unknown fails: a gate that measured nothing has not held. */
#include "diagnose/histogram.h"
#include "select/stored.h"
#include "select/tree.h"

typedef struct {
  uint64_t asked, matched; /* candidates; for fields: values */
  int64_t least, most;
  LaHistogram *histogram; /* percentiles (owned) */
} Slot;

struct LaTally {
  const LaExpression *expression;
  Slot *slots;
};

static void make_histograms(const LaNode *node, Slot *slots)
{
  for (; node != NULL; node = node->next) {
    if (node->kind == LA_NODE_AGGREGATE && node->function == LA_AGGREGATE_PERCENTILE)
      slots[node->slot].histogram = g_new0(LaHistogram, 1);
    else if (node->kind != LA_NODE_AGGREGATE)
      make_histograms(node->child, slots);
  }
}

LaTally *la_tally_new(const LaExpression *expression)
{
  LaTally *tally = g_new0(LaTally, 1);
  tally->expression = expression;
  tally->slots = g_new0(Slot, expression->slots);
  make_histograms(expression->root, tally->slots);
  return tally;
}

void la_tally_free(LaTally *tally)
{
  if (tally == NULL)
    return;
  for (unsigned i = 0; i < tally->expression->slots; i++)
    g_free(tally->slots[i].histogram);
  g_free(tally->slots);
  g_free(tally);
}

/* ---- one candidate ---- */

static LaExpressionKind kind_of(const LaCandidate *candidate)
{
  if (candidate->stored != NULL)
    return la_stored_kind(candidate->stored);
  if (candidate->conn != NULL)
    return LA_EXPRESSION_CONNECTION;
  return candidate->subject != NULL ? LA_EXPRESSION_HOST : LA_EXPRESSION_CAPTURE;
}

static LaExpressionKind kind_wanted(const LaNode *node)
{
  switch (node->function) {
  case LA_AGGREGATE_HOSTS: return LA_EXPRESSION_HOST;
  case LA_AGGREGATE_CAPTURE: return LA_EXPRESSION_CAPTURE;
  default: return LA_EXPRESSION_CONNECTION;
  }
}

static bool has_upper_bound(const LaNode *node)
{
  return node->op == LA_OP_LT || node->op == LA_OP_LE || node->op == LA_OP_EQ;
}

/* Whether a value is one of those that break the bound: for a minimum one below it, for a maximum one above it. */
static bool is_beyond(const LaNode *node, int64_t value)
{
  if (node->op == LA_OP_LT || node->op == LA_OP_LE)
    return node->function != LA_AGGREGATE_MIN && value > node->literals[0].high;
  if (node->op == LA_OP_GT || node->op == LA_OP_GE)
    return node->function != LA_AGGREGATE_MAX && value < node->literals[0].low;
  return false;
}

/* Adds the values of a field. Returns whether one is beyond the bound. */
static bool add_values(const LaNode *node, Slot *slot, const LaCandidate *candidate)
{
  bool beyond = false;
  for (unsigned p = 0; p < node->parts; p++) {
    LaValue value;
    for (unsigned at = 0; la_field_value(candidate, node->part[p], at, &value); at++) {
      if (slot->asked == 0 || value.number < slot->least)
        slot->least = value.number;
      if (slot->asked == 0 || value.number > slot->most)
        slot->most = value.number;
      slot->asked++;
      if (slot->histogram != NULL)
        la_histogram_add(slot->histogram, value.number);
      beyond = beyond || is_beyond(node, value.number);
      la_value_clear(&value);
    }
  }
  return beyond;
}

static bool add_to(const LaNode *node, Slot *slot, const LaCandidate *candidate)
{
  if (node->field != NULL)
    return add_values(node, slot, candidate);
  bool matched = node->child == NULL || la_node_holds(node->child, candidate);
  slot->asked++;
  slot->matched += matched ? 1 : 0;
  if (has_upper_bound(node))
    return matched && (node->op != LA_OP_EQ || node->literals[0].low == 0);
  return !matched && node->function == LA_AGGREGATE_SHARE;
}

static bool add_below(const LaNode *node, LaTally *tally, const LaCandidate *candidate, LaExpressionKind kind)
{
  bool against = false;
  for (; node != NULL; node = node->next) {
    if (node->kind == LA_NODE_AGGREGATE) {
      if (kind_wanted(node) == kind)
        against = add_to(node, &tally->slots[node->slot], candidate) || against;
    } else {
      against = add_below(node->child, tally, candidate, kind) || against;
    }
  }
  return against;
}

bool la_tally_add(LaTally *tally, const LaCandidate *candidate)
{
  return add_below(tally->expression->root, tally, candidate, kind_of(candidate));
}

/* ---- the verdict ---- */

static bool compare_holds(LaOp op, int order)
{
  switch (op) {
  case LA_OP_EQ: return order == 0;
  case LA_OP_NE: return order != 0;
  case LA_OP_LT: return order < 0;
  case LA_OP_LE: return order <= 0;
  case LA_OP_GT: return order > 0;
  default: return order >= 0;
  }
}

static int order_of(uint64_t a, uint64_t b)
{
  return a < b ? -1 : a > b ? 1 : 0;
}

/* matched/asked against a percentage in millionths of a percent, exactly: the products have up to 91 bits, so both are split. */
static int order_of_share(const Slot *slot, int64_t limit)
{
  const uint64_t whole = 100000000;
  uint64_t left_high = (slot->matched >> 32) * whole;
  uint64_t left_low = (slot->matched & UINT32_MAX) * whole;
  uint64_t right_high = (slot->asked >> 32) * (uint64_t)MIN(limit, INT64_C(1) << 31);
  uint64_t right_low = (slot->asked & UINT32_MAX) * (uint64_t)MIN(limit, INT64_C(1) << 31);
  left_high += left_low >> 32;
  right_high += right_low >> 32;
  if (left_high != right_high)
    return order_of(left_high, right_high);
  return order_of(left_low & UINT32_MAX, right_low & UINT32_MAX);
}

/* What a field's aggregate came to; of at least one value. */
static int64_t measure(const LaNode *node, const Slot *slot)
{
  switch (node->function) {
  case LA_AGGREGATE_MIN: return slot->least;
  case LA_AGGREGATE_MAX: return slot->most;
  default:
    /* A bucket's middle may lie outside of what was really seen. */
    return CLAMP(la_histogram_quantile(slot->histogram, node->per_mille), slot->least, slot->most);
  }
}

static LaVerdict verdict_of_aggregate(const LaNode *node, const Slot *slot)
{
  bool counts = node->field == NULL && node->function != LA_AGGREGATE_SHARE;
  if (slot->asked == 0 && !counts)
    return LA_VERDICT_NOTHING;
  int order;
  if (node->function == LA_AGGREGATE_SHARE)
    order = order_of_share(slot, node->literals[0].low);
  else if (counts)
    order = order_of(slot->matched, (uint64_t)node->literals[0].low);
  else
    order = la_literal_compare(&node->literals[0], node->field->type, &(LaValue){.number = measure(node, slot)});
  return compare_holds(node->op, order) ? LA_VERDICT_HOLDS : LA_VERDICT_BROKEN;
}

static LaVerdict judge(const LaNode *node, const LaTally *tally)
{
  switch (node->kind) {
  case LA_NODE_CONSTANT: return node->literals[0].low != 0 ? LA_VERDICT_HOLDS : LA_VERDICT_BROKEN;
  case LA_NODE_AGGREGATE: return verdict_of_aggregate(node, &tally->slots[node->slot]);
  case LA_NODE_NOT: {
    LaVerdict inside = judge(node->child, tally);
    return inside == LA_VERDICT_NOTHING ? inside : inside == LA_VERDICT_HOLDS ? LA_VERDICT_BROKEN : LA_VERDICT_HOLDS;
  }
  default: break;
  }
  /* One child may decide alone; else one that is unknown makes the whole unknown. */
  LaVerdict deciding = node->kind == LA_NODE_AND ? LA_VERDICT_BROKEN : LA_VERDICT_HOLDS;
  LaVerdict verdict = deciding == LA_VERDICT_BROKEN ? LA_VERDICT_HOLDS : LA_VERDICT_BROKEN;
  for (const LaNode *child = node->child; child != NULL; child = child->next) {
    LaVerdict one = judge(child, tally);
    if (one == deciding)
      return one;
    verdict = one == LA_VERDICT_NOTHING ? one : verdict;
  }
  return verdict;
}

static void say_aggregate(const LaNode *node, const Slot *slot, GString *out)
{
  char room[LA_AGGREGATE_NAME_MAX];
  char span[LA_TIME_TEXT_MAX];
  g_string_append_printf(out, "%s(", la_node_function_name(node, room));
  if (node->field != NULL)
    g_string_append(out, node->field->name);
  else if (node->child != NULL)
    la_node_print(node->child, out);
  g_string_append(out, ") = ");
  if (node->field == NULL && node->function != LA_AGGREGATE_SHARE) {
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, slot->matched);
    if (node->child != NULL)
      g_string_append_printf(out, " of %" G_GUINT64_FORMAT, slot->asked);
  } else if (slot->asked == 0) {
    g_string_append(out, "nothing to measure");
  } else if (node->function == LA_AGGREGATE_SHARE) {
    g_string_append_printf(out, "%.6g%% (%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT ")",
                           (double)slot->matched * 100 / (double)slot->asked, slot->matched, slot->asked);
  } else {
    int64_t value = measure(node, slot);
    if (node->field->type == LA_TYPE_SPAN)
      g_string_append(out, la_span_format(value, span));
    else
      g_string_append_printf(out, "%" G_GINT64_FORMAT, value);
    g_string_append_printf(out, " (of %" G_GUINT64_FORMAT ")", slot->asked);
  }
}

static void say_below(const LaNode *node, const LaTally *tally, GString *out, gsize from)
{
  for (; node != NULL; node = node->next) {
    if (node->kind == LA_NODE_AGGREGATE) {
      g_string_append(out, out->len > from ? ", " : "");
      say_aggregate(node, &tally->slots[node->slot], out);
    } else {
      say_below(node->child, tally, out, from);
    }
  }
}

LaVerdict la_tally_verdict(const LaTally *tally, GString *measured)
{
  if (measured != NULL)
    say_below(tally->expression->root, tally, measured, measured->len);
  return judge(tally->expression->root, tally);
}
