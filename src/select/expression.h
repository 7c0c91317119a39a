/* Expressions: which connections (-Y), which findings (policies), and what must hold for all of a run (--expect).
 * lastack-expressions(7) is the language.
 *
 * An expression is parsed once, for one kind of subject, and then asked about many: it does not change and has no state, so
 * several threads may ask it. What is added up over a run is in a tally. */
#ifndef LA_SELECT_EXPRESSION_H
#define LA_SELECT_EXPRESSION_H

#include <glib.h>
#include <stdbool.h>

#include "base/time.h"
#include "diagnose/diagnose.h"
#include "select/candidate.h"
#include "track/tracker.h"

/* What an expression speaks of. */
typedef enum {
  LA_EXPRESSION_CONNECTION, /* a finished connection with all its findings: -Y, `where` */
  LA_EXPRESSION_HOST,       /* one finding about a service, a source or a pair */
  LA_EXPRESSION_CAPTURE,    /* one finding about a capture */
  LA_EXPRESSION_TOTAL,      /* all of a run: comparisons of count(...), share(...), p99(...) ... joined by and, or, not */
  LA_EXPRESSION_KIND_N,
} LaExpressionKind;

#define LA_EXPRESSION_TEXT_MAX 4096u /* bytes of an expression */
#define LA_EXPRESSION_DEPTH_MAX 64u  /* of its tree */

typedef struct LaExpression LaExpression;

/* Parses `text`. Times of day and dates in it are of `zone`. NULL and LA_ERROR_USAGE when it cannot be: the message is three
 * lines, safe for a terminal and without a newline at the end: what is wrong (with the column, from 1, and the nearest name), the text,
 * and a caret under the column. (transfer full) */
LaExpression *la_expression_parse(const char *text, LaExpressionKind kind, LaClockZone zone, GError **error);

void la_expression_free(LaExpression *expression); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaExpression, la_expression_free)

LaExpressionKind la_expression_kind(const LaExpression *expression);

/* Appends the expression in its plainest form; parsed again, this gives the same tree. */
void la_expression_print(const LaExpression *expression, GString *out);

/* Whether both are the same tree. */
bool la_expression_equal(const LaExpression *a, const LaExpression *b);

/* Whether it holds for the candidate, which must be of the expression's kind (never LA_EXPRESSION_TOTAL). Reads only what the
 * expression names. */
bool la_expression_holds(const LaExpression *expression, const LaCandidate *candidate);

/* What of ordinary connections the expression reads: their figures, or also their path (la_tracker_whole). To be told to the tracker before the
 * first packet. */
LaRecords la_expression_records(const LaExpression *expression);

/* ---- all of a run ---- */

/* What an expression of kind LA_EXPRESSION_TOTAL needs to know of a run, added up. */
typedef struct LaTally LaTally;

/* An empty tally for `expression` (borrowed for the tally's life), of kind LA_EXPRESSION_TOTAL. (transfer full) */
LaTally *la_tally_new(const LaExpression *expression);
void la_tally_free(LaTally *tally); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaTally, la_tally_free)

/* Counts a connection, or a host's or capture's finding; the candidate says which by what is set in it. Returns whether this one speaks
 * against the expression: it is counted by a count(...) or share(...) with an upper bound, missed by one with a lower bound, or its value
 * is beyond the bound of min, max or a percentile. Such candidates are the examples to show when the expression does not hold. */
bool la_tally_add(LaTally *tally, const LaCandidate *candidate);

/* Adds the server ports that the expression names (server.port == 8888, port in {80, 443}; not ranges, not what is ruled out) to the `count`
 * in `ports`, each once and at most `max` in all. Returns how many there are then. */
unsigned la_expression_ports(const LaExpression *expression, uint16_t *ports, unsigned count, unsigned max);

typedef enum {
  LA_VERDICT_HOLDS,
  LA_VERDICT_BROKEN,
  LA_VERDICT_NOTHING, /* it hangs on a share, minimum, maximum or percentile of nothing: fails too */
} LaVerdict;

/* Whether the expression holds for all that was added. `measured` (NULL: not wanted) gets what each of its aggregates came to, as
 * one line without a newline: `share(teardown == "fin") = 97.2% (175 of 180)`. */
LaVerdict la_tally_verdict(const LaTally *tally, GString *measured);

/* ---- the fields ---- */

/* A name that expressions know. */
typedef struct {
  const char *name;    /* "handshake.syn_to_syn_ack_s" */
  const char *type;    /* "number", "address" ... */
  const char *unit;    /* of a bare number: "s", "bytes"; "" without one */
  const char *example; /* an expression of one of its kinds */
  const char *meaning; /* one line */
  unsigned kinds;      /* bits 1 << LaExpressionKind: where it may be named */
} LaField;

/* Field `n`, in the order of the connection record, into `*ret_field` (its texts are static). False past the last. */
bool la_field(unsigned n, LaField *ret_field);

#endif
