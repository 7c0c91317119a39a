/* The parts of `-o text`, shared by its own files only. */
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

/* The findings, worst first, or that there are none. */
void la_text_findings(const LaTextReport *report, GString *out, const LaCounts *counts);

/* --quiet: one line for each group of errors and warnings. */
void la_text_quiet(const LaTextReport *report, GString *out);

/* --verbose: a connection in a line, and each of its findings in a line. */
void la_text_connection(const LaTextReport *report, GString *out, const LaConnectionRecord *record);

#endif
