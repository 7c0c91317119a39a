/* What the formats for CI share: they tell what the policy's judge came to (report/check.h), once, at the end. */
#ifndef LA_REPORT_CI_H
#define LA_REPORT_CI_H

#include "report/check.h"
#include "report/format.h"

/* The first and last function of such a format. */
LaReport *la_ci_begin(const LaFormat *format, const LaReportOptions *options, LaOutput *out);
void la_ci_free(LaReport *report);

/* What a case says in a few lines, the same in every format: each example with its four-tuple, packets, test and the command that
 * shows it. Plain text with ends of lines, untrusted parts not escaped. */
void la_ci_say_details(const LaReport *report, const LaCase *one, GString *out);

/* The blame that most of the case's findings have; LA_BLAME_NONE for a case that is no finding's. */
LaBlame la_ci_blame(const LaCase *one);

/* Where a broken case is shown in the sources: the policy's file, and its line (1 when it is not a line's doing). False without a file. */
bool la_ci_place(const LaCheck *check, const LaCase *one, const char **ret_path, unsigned *ret_line);

#endif
