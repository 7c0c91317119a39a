/* A format: how a report is written. THE LIST is formats.def, one line a format; each is a const struct in format_<name>.c. */
#ifndef LA_REPORT_FORMAT_H
#define LA_REPORT_FORMAT_H

#include "report/check.h"
#include "report/event.h"
#include "report/output.h"
#include "report/record.h"
#include "report/style.h"
#include "report/window.h"
#include "track/tracker.h"

typedef enum {
  LA_VERBOSITY_QUIET,
  LA_VERBOSITY_NORMAL,
  LA_VERBOSITY_VERBOSE,
} LaVerbosity;

typedef enum {
  LA_NAMES_OFF,
  LA_NAMES_RESOLVE, /* look up host names */
} LaNames;

/* What the report is for. */
typedef enum {
  LA_PURPOSE_ANALYSIS, /* what happened to the connections */
  LA_PURPOSE_VERDICT,  /* whether the policy holds */
} LaPurpose;

/* How to write. Borrowed for the report's life. */
typedef struct {
  LaStyle style;
  LaVerbosity verbosity;
  LaNames names;
  const LaShowCommand *show_command; /* how connections are shown; NULL: there is no file to show */
  const char *run;                   /* live: members that each NDJSON record gets, `"host":"...",...`; NULL: none */
  LaPurpose purpose;
  const LaCheck *check;   /* what the policy's judge comes to, complete when `end` is called; NULL: no format that `judges` */
  GHashTable *help;       /* code -> text of the manual (const char *, Markdown); NULL: not at hand */
  const char *version;    /* of the program */
  LaTime interval;        /* of a timeline's rows; 0: as fits */
  const LaWindow *window; /* what of the time is reported; NULL: all */
} LaReportOptions;

typedef struct LaReport LaReport;

typedef struct LaFormat {
  const char *name;  /* "ndjson" */
  LaRecords records; /* what it needs to be given of ordinary connections, unless verbose: then it is the whole */
  bool judges;       /* it tells what a policy's judge came to, so there must be one */
  bool explains;     /* it quotes the manual: `help` is there */
  bool rereads;      /* it holds packets, written when the captures are read again (report/remarks.h): its `out` is NULL */

  /* A report that will be written to `out` (borrowed). (transfer full) */
  LaReport *(*begin)(const LaReportOptions *options, LaOutput *out);

  /* The records, in this order: connections as they finish, hosts, captures, and at the end the counts. Captures are borrowed
   * until `end` has returned, the others for the call. NULL: this format tells nothing of that kind. Called by la_report_connection
   * and its neighbours. */
  void (*connection)(LaReport *report, const LaConnectionRecord *record);
  void (*host)(LaReport *report, const LaHostRecord *record);
  void (*capture)(LaReport *report, const LaCaptureRecord *record);
  void (*end)(LaReport *report, const LaCounts *counts);

  /* What a capture that goes on tells between the records of connections; NULL as above. `so_far` is for whoever asks in between. */
  void (*event)(LaReport *report, const LaEventRecord *event);
  void (*stats)(LaReport *report, const LaStatsRecord *stats);
  void (*so_far)(LaReport *report, const LaCounts *counts, const LaStatsRecord *stats);

  void (*free)(LaReport *report);
} LaFormat;

/* What every format's own struct begins with. */
struct LaReport {
  const LaFormat *format;
  const LaReportOptions *options;
  LaOutput *out;
};

/* All formats, in the list's order; the first is the default. */
const LaFormat *const *la_formats(unsigned *ret_count);

/* The format of that name, or NULL. */
const LaFormat *la_format_find(const char *name);

/* The list as symbols. */
#define FORMAT(name) extern const LaFormat la_format_##name;
#include "report/formats.def"
#undef FORMAT

/* A record for the report, if its format tells of that kind. */
static inline void la_report_connection(LaReport *report, const LaConnectionRecord *record)
{
  if (report->format->connection != NULL)
    report->format->connection(report, record);
}

static inline void la_report_host(LaReport *report, const LaHostRecord *record)
{
  if (report->format->host != NULL)
    report->format->host(report, record);
}

static inline void la_report_capture(LaReport *report, const LaCaptureRecord *record)
{
  if (report->format->capture != NULL)
    report->format->capture(report, record);
}

static inline void la_report_end(LaReport *report, const LaCounts *counts)
{
  if (report->format->end != NULL)
    report->format->end(report, counts);
}

static inline void la_report_event(LaReport *report, const LaEventRecord *event)
{
  if (report->format->event != NULL)
    report->format->event(report, event);
}

static inline void la_report_stats(LaReport *report, const LaStatsRecord *stats)
{
  if (report->format->stats != NULL)
    report->format->stats(report, stats);
}

static inline void la_report_so_far(LaReport *report, const LaCounts *counts, const LaStatsRecord *stats)
{
  if (report->format->so_far != NULL)
    report->format->so_far(report, counts, stats);
}

static inline void la_report_free(LaReport *report)
{
  if (report != NULL)
    report->format->free(report);
}

#endif
