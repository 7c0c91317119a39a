/* What a policy's judge came to: suites of cases, as the formats for CI tell them.
 *
 * Suites: the run as a whole, then the policy's services in its order, then other services by address. A case stands for a rule of
 * a suite and is there whether it was broken or not, so that two runs can be laid side by side: names and order depend on the
 * policy and the services alone, never on packets. */
#ifndef LA_REPORT_CHECK_H
#define LA_REPORT_CHECK_H

#include <glib.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/time.h"
#include "diagnose/finding.h"
#include "diagnose/rule.h"
#include "report/show_command.h"
#include "select/policy.h"

typedef enum {
  LA_CASE_PASSED,
  LA_CASE_SUPPRESSED, /* there were findings, all of them known noise or in the baseline */
  LA_CASE_WARNED,     /* worth telling, fails nothing */
  LA_CASE_UNREADABLE, /* could not be judged as a whole: a capture broke off or could not be opened */
  LA_CASE_BROKEN,
  LA_CASE_RESULT_N,
} LaCaseResult;

/* One connection, or finding, that shows why. */
typedef struct {
  char *path;                /* of the capture; untrusted (owned) */
  uint32_t id;               /* of the connection; 0: it is about a host or the capture */
  LaHostPort client, server; /* families LA_FAMILY_NONE where there is none */
  uint8_t severity, confidence, blame;
  bool has_finding; /* else severity, confidence and blame say nothing */
  LaTime started;   /* the connection's first packet; LA_TIME_NONE */
  unsigned packet_count;
  uint64_t packets[LA_FINDING_PACKETS_MAX];
  uint64_t packets_total;
  char *sentence; /* (owned) */
  char *test;     /* of --marks: the test that ran when it began; untrusted; NULL: not known (owned) */
  char *owner;    /* who had the sockets, "client chat (1234)"; untrusted; NULL: not known (owned) */
} LaExample;

#define LA_EXAMPLES_MAX 5 /* of a case and blame */

typedef struct {
  char *name;         /* a finding's code, "unclosed", "expect.NAME" ... (owned) */
  const LaRule *rule; /* NULL: the case is no finding's */
  LaCaseResult result;
  char *message;       /* what came of it, in one line, untrusted parts not escaped; NULL: nothing to say (owned) */
  unsigned line;       /* of the policy, that which decided; 0: none */
  uint64_t broken;     /* how many connections (findings of hosts, captures) break it */
  uint64_t warned;     /* ... are told only */
  uint64_t suppressed; /* ... are known noise */
  uint64_t accepted;   /* ... of `broken` are in the baseline */
  char *why;           /* what made it so: "errors fail (.lastack:3)"; NULL when passed (owned) */
  uint64_t by_blame[LA_BLAME_N];
  uint8_t kept[LA_BLAME_N]; /* how many of the examples have that blame */
  GPtrArray *examples;      /* of LaExample; NULL: none */
} LaCase;

typedef struct {
  char *name;   /* "chat", "10.9.0.2:8888", "run" (owned) */
  char *stable; /* the same without what changes from run to run: an ephemeral port (owned) */
  uint64_t connections;
  GPtrArray *cases; /* of LaCase */
} LaSuite;

typedef struct {
  const LaPolicy *policy;  /* (borrowed) */
  LaTime now;              /* the clock that was handed in */
  GPtrArray *suites;       /* of LaSuite; the first is the run */
  GPtrArray *notes;        /* of char *: what else a reader has to know, a sentence each; untrusted parts not escaped */
  GPtrArray *suppressions; /* of char *: "212 suppressed by .lastack:7, expires 2027-01-31", one for each clause that did */
  GPtrArray *paths;        /* of char *: the captures, also those that could not be read; untrusted */
  uint64_t connections;    /* judged */
  uint64_t breaking;       /* of them: those that break something by themselves */
  uint64_t connections_total;
  uint64_t packets;
  unsigned services;
  LaTime start, end;                 /* of what was observed; LA_TIME_NONE: nothing */
  uint64_t counts[LA_CASE_RESULT_N]; /* cases by result */
  uint64_t suppressed, accepted;     /* findings */
  bool judged;                       /* all captures are in and the cases have their results */
} LaCheck;

/* Whether the policy is broken. */
static inline bool la_check_is_broken(const LaCheck *check)
{
  return check->counts[LA_CASE_BROKEN] > 0;
}

LaCheck *la_check_new(const LaPolicy *policy, LaTime now); /* (transfer full) */
void la_check_free(LaCheck *check);                        /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaCheck, la_check_free)

/* Adds a suite; the names are taken. (borrowed from the check) */
LaSuite *la_check_add_suite(LaCheck *check, char *name, char *stable);

/* A case; the name is copied. (transfer full) */
LaCase *la_case_new(const char *name, const LaRule *rule);
void la_case_free(LaCase *one);

/* Whether one more example of that blame is wanted. */
static inline bool la_case_wants_example(const LaCase *one, LaBlame blame)
{
  return one->kept[blame] < LA_EXAMPLES_MAX;
}

/* Forgets the examples, and whom they blamed. */
void la_case_drop_examples(LaCase *one);

/* Keeps an example, at most LA_EXAMPLES_MAX of a blame: it is taken, or freed. */
void la_case_add_example(LaCase *one, LaExample *example);

/* Appends the example's four-tuple, "10.9.0.1:55308 > 10.9.0.2:8888", or the only end there is; nothing without one. */
void la_example_say_ends(const LaExample *example, GString *out);

/* Appends its packets, "6, 7" or "1, 2, 3 and 40 more"; nothing without. */
void la_example_say_packets(const LaExample *example, GString *out);

/* Appends the command that shows it, ready to paste into a shell; nothing for an example without a connection. `command` as in
 * LaReportOptions.show_command. */
void la_example_say_show(const LaExample *example, const LaShowCommand *command, GString *out);

/* Counts the cases' results; `check->judged` is set. */
void la_check_conclude(LaCheck *check);

/* Appends the verdict in one sentence without a full stop: "3 of 120 connections of chat.pcapng ..." untrusted parts not escaped. */
void la_check_say_verdict(const LaCheck *check, GString *out);

#endif
