/* Holds a run against a policy, record by record, and takes out what the policy calls known noise. */
#ifndef LA_REPORT_JUDGE_H
#define LA_REPORT_JUDGE_H

#include "report/baseline.h"
#include "report/check.h"
#include "report/marks.h"
#include "report/owners.h"
#include "report/record.h"
#include "select/policy.h"

typedef struct LaJudge LaJudge;

/* What becomes of a capture that broke off. */
typedef enum {
  LA_TRUNCATED_TELL, /* it is no whole proof */
  LA_TRUNCATED_ALLOW,
} LaTruncated;

/* All borrowed for the judge's life. */
typedef struct {
  const LaPolicy *policy;
  LaTime now;                 /* for expiry dates: the caller's clock, in nanoseconds since the epoch */
  uint16_t ephemeral_low;     /* ports from here on differ from run to run */
  const LaMarks *marks;       /* NULL: none */
  const LaBaseline *baseline; /* NULL: none */
  const LaOwners *owners;     /* NULL: nobody looked */
  const GPtrArray *paths;     /* of char *: the captures, in their order (copied) */
  LaTruncated truncated;
} LaJudgeOptions;

LaJudge *la_judge_new(const LaJudgeOptions *options); /* (transfer full) */
void la_judge_free(LaJudge *judge);                   /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaJudge, la_judge_free)

/* Judges a finished connection. Suppressed findings are removed from `findings`, which must be the record's own. */
void la_judge_connection(LaJudge *judge, const LaConnectionRecord *record, LaFindings *findings);

/* Judges a host's findings, of type LaFinding; suppressed ones are removed from the array. */
void la_judge_host(LaJudge *judge, const LaSubject *subject, GArray *findings);

/* Judges a capture, once it is concluded; suppressed findings are removed from it. */
void la_judge_capture(LaJudge *judge, LaCaptureRecord *record);

/* A capture could not be opened; `why` is a sentence with its name. */
void la_judge_unreadable(LaJudge *judge, const char *why);

/* Thresholds for connections that the capture's end has cut off, in a capture `length` long: waits that are longer than that are
 * scaled down, and the check says so when a connection is judged by them. False, and nothing is done, when there is none. */
bool la_judge_scale(LaJudge *judge, const LaThresholds *thresholds, LaTime length, LaThresholds *ret_scaled);

/* Whether a connection was cut off: had it been watched for longer, more of it might have been seen. */
bool la_judge_is_cut_off(const LaConnection *conn);

/* Something that the reader of the verdict has to know; copied. */
void la_judge_note(LaJudge *judge, const char *sentence);

/* After the last record. */
void la_judge_end(LaJudge *judge, const LaCounts *counts);

/* What it came to; complete after la_judge_end. (borrowed from the judge) */
const LaCheck *la_judge_check(const LaJudge *judge);

#endif
