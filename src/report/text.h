/* The parts of `-o text`, shared by its own files and those of `-o html`, which keeps the same and sets it otherwise. */
#ifndef LA_REPORT_TEXT_H
#define LA_REPORT_TEXT_H

#include "report/format.h"
#include "report/groups.h"
#include "report/names.h"

/* A host's finding, kept for the end. */
typedef struct {
  LaSubject subject;
  LaFinding finding;
  char *sentence; /* (owned) */
} LaTextHost;

typedef struct {
  LaReport base;
  LaGroups *groups;
  GPtrArray *hosts;    /* of LaTextHost */
  GPtrArray *captures; /* of LaCaptureRecord (borrowed) */
  LaNameCache *names;  /* NULL without -N */
  uint64_t lines;      /* connections written so far (--verbose) */
} LaTextReport;

/* Makes an empty report of `format`, and releases what one keeps (not `report` itself). */
void la_text_begin(LaTextReport *report, const LaFormat *format, const LaReportOptions *options, LaOutput *out);
void la_text_clear(LaTextReport *report);

/* Keeps the findings of a host's record for the end. */
void la_text_keep_host(LaTextReport *report, const LaHostRecord *record);

/* The width of the labels at the left. */
#define LA_TEXT_LABEL 9

/* Starts a labelled line: the label, dimmed, and spaces. */
void la_text_label(const LaTextReport *report, GString *out, const char *label);

/* A labelled sentence, wrapped, with its newline. `label` may be "". */
void la_text_sentence(const LaTextReport *report, GString *out, const char *label, const char *sentence);

/* `address:port`, or the name with -N. */
void la_text_service(const LaTextReport *report, GString *out, const LaHostPort *end);

/* The span that all captures together cover; LA_TIME_NONE both when they hold no packets. */
void la_text_span(const LaTextReport *report, LaTime *ret_start, LaTime *ret_end);

/* What was read, and how connections opened and closed. */
void la_text_overview(const LaTextReport *report, GString *out, const LaCounts *counts);

/* How fast connections came and went, and how long handshakes and closes took. Nothing for a handful of connections. */
void la_text_rates(const LaTextReport *report, GString *out, const LaCounts *counts);

/* The time that is reported, when it is not all: "from 02:10:00 to 02:20:00"; with an open end "from 02:10:00 on", "up to 02:20:00". */
void la_text_window(const LaTextReport *report, GString *out);

/* Begins a finding's block: an empty line, the severity, the title. */
void la_text_block(const LaTextReport *report, GString *out, LaSeverity severity, const char *title);

/* Appends the command that shows a group's example, and the display filter for it: both to be copied. False, and
 * nothing, when no command can show it. */
bool la_text_say_show(const LaTextReport *report, GString *out, const LaGroup *group);
void la_text_say_filter(GString *out, const LaGroup *group);

/* The `lastack show` command for a group's example. */
void la_text_show(const LaTextReport *report, GString *out, const LaGroup *group);

/* Whom a host's finding speaks of. */
void la_text_subject(const LaTextReport *report, GString *out, const LaSubject *subject);

/* Puts the hosts' findings in order: worst first, then the catalogue's order. */
void la_text_sort_hosts(const LaTextReport *report);

/* Those of severity note, a line each. */
void la_text_host_notes(const LaTextReport *report, GString *out);

/* The errors and warnings about hosts and services. `groups` are all of the connections': those that a host's finding sums up are told in a line
 * with it. */
void la_text_hosts(const LaTextReport *report, GString *out, LaGroup *const *groups, unsigned count);

/* The groups that no host's finding on the screen sums up; all of them with --verbose. (transfer container) */
GPtrArray *la_text_unfolded(const LaTextReport *report, LaGroup *const *groups, unsigned count);

/* The findings, worst first, or that there are none. */
void la_text_findings(const LaTextReport *report, GString *out, const LaCounts *counts);

/* --quiet: one line for each group of errors and warnings. */
void la_text_quiet(const LaTextReport *report, GString *out);

/* The screen of `check`. */
void la_text_check(const LaTextReport *report, GString *out);

/* What a policy suppressed, and what its judge remarks, a line each. */
void la_text_check_notes(const LaTextReport *report, GString *out);

/* --verbose: a connection in a line, and each of its findings in a line. */
void la_text_connection(const LaTextReport *report, GString *out, const LaConnectionRecord *record);

/* Events and figures of a capture that goes on (text_event.c). */
void la_text_event(LaReport *base, const LaEventRecord *event);
void la_text_stats(LaReport *base, const LaStatsRecord *stats);
void la_text_so_far(LaReport *base, const LaCounts *counts, const LaStatsRecord *stats);

#endif
