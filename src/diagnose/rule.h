/* A rule: one finding's code, metadata and functions. THE CATALOGUE is rules.def, one line a rule; each rule is a const struct
 * la_rule_<code> in rules/<code>.c. */
#ifndef LA_DIAGNOSE_RULE_H
#define LA_DIAGNOSE_RULE_H

#include <glib.h>
#include <stdbool.h>

#include "diagnose/finding.h"
#include "diagnose/subject.h"
#include "track/connection.h"

typedef enum {
  LA_SCOPE_CONNECTION,
  LA_SCOPE_HOST,    /* a service, source or pair */
  LA_SCOPE_CAPTURE, /* stands on each connection it concerns, and once on the capture with a count */
} LaScope;

/* When a finding about a connection that still goes on can be told. The rule's own timers are in its verdict; this is how long a verdict
 * has to stand. */
typedef enum {
  LA_SETTLES_SOON,       /* a moment after the last segment that matters */
  LA_SETTLES_IN_SILENCE, /* it says that nobody answered: an answer may be on its way, or the next try may get one */
  LA_SETTLES_AT_END,     /* it says how things stood when the observation ended */
} LaSettles;

typedef enum {
  LA_UNIT_SECONDS, /* value in nanoseconds */
  LA_UNIT_COUNT,
  LA_UNIT_PERCENT,
  LA_UNIT_PER_SECOND,
} LaUnit;

/* A threshold a user may set: `--threshold CODE=VALUE` for the first, `CODE.NAME=VALUE` for each. */
typedef struct {
  const char *name; /* as in --threshold: the code alone, or code.name; NULL ends the list */
  LaUnit unit;
  int64_t standard; /* the default, in the unit (seconds: ns) */
  const char *meaning;
} LaThreshold;

#define LA_THRESHOLDS_MAX 4

/* What a rule of scope host is asked about. */
typedef enum {
  LA_ABOUT_SERVICE,
  LA_ABOUT_PAIR,
  LA_ABOUT_SCANNED_HOST, /* a source, and the ports that it tried of one host */
  LA_ABOUT_SCANNED_PORT, /* a source, and the hosts whose same port it tried */
} LaAbout;

struct LaContext;
struct LaSubjectFacts;

typedef struct LaRule {
  const char *code;  /* "close-wait-leak" */
  const char *title; /* a heading of two to six words: "CLOSE_WAIT leak" */
  LaScope scope;
  LaSeverity severity;
  LaSettles settles;
  uint64_t any_marks; /* not asked unless the connection has one of these marks; 0: always */
  uint32_t any_flags; /* ... or one of these LA_CONN_* flags, when any is given */
  LaThreshold thresholds[LA_THRESHOLDS_MAX];
  bool without_packets; /* asked also about connections that only the kernel told of (la_connection_is_silent) */
  bool waits;           /* the first threshold is a silence that has to last so long: no capture that is shorter can show it */

  /* Pure: fills `ret` (handed in with the rule's own severity, confidence `likely`, blame `none`, side LA_SIDE_N) and returns
   * true when the rule fires. NULL for rules of hosts. */
  bool (*decide)(const LaConnection *conn, const struct LaContext *context, LaFinding *ret);

  /* Appends one sentence with the numbers in it. */
  void (*summarize)(const LaFinding *finding, const LaConnection *conn, GString *out);

  /* The same two for rules of scope host, which have these in place of those above. */
  LaAbout about;
  bool (*decide_host)(const struct LaSubjectFacts *facts, const struct LaContext *context, LaFinding *ret);
  void (*summarize_host)(const LaFinding *finding, const LaSubject *subject, GString *out);

  /* Codes of connection findings that a host finding sums up, separated by spaces; NULL: none. The findings stay; reports fold them. */
  const char *covers;
} LaRule;

/* The catalogue in rules.def's order. */
const LaRule *const *la_rules(unsigned *ret_count);

/* The rule of `code`, or NULL. */
const LaRule *la_rule_find(const char *code);

/* A rule's place in the catalogue: 0 .. count-1. */
unsigned la_rule_index(const LaRule *rule);

#define LA_RULES_MAX 128

#endif
