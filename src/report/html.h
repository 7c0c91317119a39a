/* The parts of `-o html`, shared by its own files only. */
#ifndef LA_REPORT_HTML_H
#define LA_REPORT_HTML_H

#include "report/text.h"

/* How many connections are drawn. */
#define LA_HTML_LADDERS_MAX 20

typedef struct {
  LaTextReport text;  /* what both keep */
  GPtrArray *ladders; /* of LaHtmlLadder: the worst so far, worst first */
} LaHtmlReport;

/* A connection's packets that mattered, drawn when it came. */
typedef struct {
  char *html;         /* (owned) */
  const LaRule *rule; /* of its worst finding */
  uint8_t severity;   /* of that */
} LaHtmlLadder;

void la_html_ladder_free(gpointer ladder);

/* Appends text from wherever, escaped. */
void la_html_text(GString *out, const char *text);

/* What was read, and how connections opened and closed. */
void la_html_overview(const LaHtmlReport *report, GString *out, const LaCounts *counts);

/* The kinds of errors and warnings at a glance, each a link to its card. */
void la_html_glance(const LaHtmlReport *report, GString *out);

/* The findings, worst first: hosts, then connections, then notes. */
void la_html_findings(const LaHtmlReport *report, GString *out, const LaCounts *counts);

/* A finding's explanation from the manual, folded away; nothing when there is none. */
void la_html_explain(const LaHtmlReport *report, GString *out, const char *code);

/* Draws the connection when it is among the worst. */
void la_html_keep_ladder(LaHtmlReport *report, const LaConnectionRecord *record);
void la_html_ladders(const LaHtmlReport *report, GString *out);

/* Appends the moment for a person, as a <time>. `reference` and `span` as la_text_time. */
void la_html_time(const LaHtmlReport *report, GString *out, LaTime time, LaTime reference, LaTime span);

#endif
