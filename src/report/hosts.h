/* The end of a run: what is said of hosts. */
#ifndef LA_REPORT_HOSTS_H
#define LA_REPORT_HOSTS_H

#include "report/format.h"
#include "report/judge.h"
#include "report/window.h"

/* Who is told of them. All borrowed for the call. */
typedef struct {
  const LaWindow *window; /* only what was there then; NULL: everything */
  LaJudge *judge;         /* drops what its policy suppresses; NULL: none */
  LaCounts *counts;
  LaReport *const *reports;
  unsigned report_count;
} LaHostsTold;

/* Asks the rules about hosts and hands on what they find, one record a subject. */
void la_hosts_report(LaAggregate *aggregate, const LaThresholds *thresholds, const LaHostsTold *told);

#endif
