/* Which test ran when: from a file of marks, or from the JUnit report of the tests themselves. */
#ifndef LA_REPORT_MARKS_H
#define LA_REPORT_MARKS_H

#include <glib.h>

#include "base/time.h"

#define LA_MARKS_BYTES_MAX (64u << 20) /* of such a file */
#define LA_MARKS_MAX 1000000u

typedef struct LaMarks LaMarks;

/* Reads `path`: lines `TIME NAME` (RFC 3339 or seconds since the epoch; a test lasts until the next line), or a JUnit XML file
 * (cases with a timestamp of their own, else one after the other from their suite's timestamp on). NULL and LA_ERROR_USAGE with the
 * line. (transfer full) */
LaMarks *la_marks_load(const char *path, GError **error);

void la_marks_free(LaMarks *marks); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaMarks, la_marks_free)

/* The test that ran at `time`, the last one to begin when there were several, or NULL. (borrowed) */
const char *la_marks_at(const LaMarks *marks, LaTime time);

/* How many there are. */
unsigned la_marks_count(const LaMarks *marks);

#endif
