/* What the judge's own files share. */
#ifndef LA_REPORT_JUDGE_PRIVATE_H
#define LA_REPORT_JUDGE_PRIVATE_H

#include "report/judge.h"

#define LA_JUDGE_SUITES_MAX 256u /* services told apart; connections of more stand under "other services" */

/* A case that is being filled; what decided it. */
typedef struct {
  LaCase *one;     /* NULL: nothing yet (owned until it goes into the check) */
  int breaking;    /* index of the first clause that forbade; -1: the severity; -2: nothing yet */
  int suppressing; /* index of the first clause that allowed; -2: nothing yet */
} LaSlot;

#define LA_SLOT_NONE (-2)

typedef struct {
  unsigned section;  /* of the policy; 0: a service that it does not name */
  LaHostPort server; /* when section is 0; family LA_FAMILY_NONE: the run, or other services */
  uint64_t connections;
  LaSlot rules[LA_RULES_MAX]; /* by la_rule_index */
  LaSlot unclosed;
  LaSlot *requirements; /* one for each of the policy's (owned) */
} LaJudgeSuite;

struct LaJudge {
  LaJudgeOptions options;
  LaCheck *check;        /* (owned) */
  GPtrArray *suites;     /* of LaJudgeSuite: the run, the policy's services, then services as they come, "other" when needed */
  GHashTable *by_server; /* LaHostPort -> LaJudgeSuite: of connections (borrowed from suites) */
  GHashTable *of_sections; /* LaHostPort (owned) -> LaJudgeSuite of a service that the policy names */
  LaJudgeSuite *other;     /* NULL: not needed yet (borrowed from suites) */
  LaHostPort last_server;  /* a small cache in front of by_server */
  LaJudgeSuite *last;
  LaTally **tallies; /* one for each expectation (owned) */
  LaSlot *expectations;
  uint64_t *suppressed; /* by clause */
  uint64_t unsettled;
  char *scaled_note;     /* which thresholds are scaled for the capture at hand; told once a connection is judged by them */
  bool breaks;           /* the connection at hand broke something */
  unsigned captures;     /* read, as a whole or in part */
  GPtrArray *empty;      /* of char *: captures without packets */
  GPtrArray *unopened;   /* of char *: a sentence each */
  GPtrArray *broken_off; /* of char *: a sentence each */
};

#endif
