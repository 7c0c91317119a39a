/* The options that commands share: ONE TABLE, from which parsing, `--help` and the nearest name to a misspelt one all come. */
#ifndef LA_CLI_OPTIONS_H
#define LA_CLI_OPTIONS_H

#include <glib.h>
#include <stdbool.h>

#include "capture/filter.h"
#include "cli/options_diff.h"
#include "cli/options_live.h"
#include "decode/decoder.h"
#include "diagnose/diagnose.h"
#include "report/format.h"
#include "report/window.h"
#include "select/expression.h"
#include "track/tracker.h"

/* Which command takes an option: bits of the table. */
typedef enum {
  LA_TAKES_ANALYZE = 1 << 0,
  LA_TAKES_SHOW = 1 << 1,
  LA_TAKES_EXPLAIN = 1 << 2,
  LA_TAKES_CHECK = 1 << 3,
  LA_TAKES_LIVE = 1 << 8,
  LA_TAKES_INTERFACES = 1 << 9,
  LA_TAKES_SOCKETS = 1 << 10,
  LA_TAKES_DIFF = 1 << 11,
} LaTakes;

typedef enum {
  LA_COLOUR_AUTO,
  LA_COLOUR_ALWAYS,
  LA_COLOUR_NEVER,
} LaColourChoice;

typedef enum {
  LA_FILES_ONE_BY_ONE,
  LA_FILES_SEQUENCE, /* rotated files: one capture */
} LaFilesAre;

typedef enum {
  LA_NUMBERS_RELATIVE,
  LA_NUMBERS_ABSOLUTE,
} LaNumbers;

typedef struct {
  const LaFormat *format;
  char *path; /* NULL: standard output (owned) */
} LaOutputChoice;

/* A key of the policy that was set on the command line. */
typedef struct {
  const char *key; /* static */
  char *value;     /* (owned) */
} LaPolicyWord;

/* What only check takes. */
typedef struct {
  GPtrArray *policy_words; /* of LaPolicyWord, in their order (owned) */
  char *baseline, *marks;  /* files, or NULL */
  bool run, explain_policy, allow_truncated;
} LaCheckOptions;

typedef struct {
  GPtrArray *words;    /* of char *: the words that are no options; files where the command reads files (owned) */
  GPtrArray *outputs;  /* of LaOutputChoice (owned); empty: the command's default */
  char *filter;        /* -f, or NULL */
  char *filter_file;   /* -F, or NULL */
  char *where_text;    /* -Y as it was given, or NULL */
  char *write_path;    /* -w of analyze, or NULL */
  LaExpression *where; /* -Y: which connections; NULL: all (owned) */
  uint64_t count;      /* -c; 0: all */
  uint32_t conn;       /* --conn; 0: none */
  uint64_t spool_limit;
  unsigned threads; /* -j; 0 and 1: all in one */
  LaWindow window;  /* --from, --to */
  LaTime observed_until;
  LaNames names;
  LaTime interval; /* --interval; 0: as fits */
  LaVerbosity verbosity;
  LaColourChoice colour;
  LaClockZone zone;
  LaFilesAre files_are;
  LaNumbers numbers;
  LaDecodeOptions decode;
  LaTrackOptions track;
  uint16_t port_range_end; /* the last port of --port-range */
  LaDiffChoices diff;
  LaLiveChoices live;
  bool help; /* --help was asked for: nothing else counts */
  LaThresholds thresholds;
  GPtrArray *threshold_words; /* of char *: the assignments of --threshold, in their order (owned) */
  char *policy;               /* --policy, or NULL */
  LaCheckOptions check;
} LaOptions;

/* Parses argv[1..] of a command. NULL and LA_ERROR_USAGE with one line. (transfer full) */
LaOptions *la_options_parse(int argc, char **argv, LaTakes command, GError **error);

void la_options_free(LaOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaOptions, la_options_free)

/* Appends the table's lines for a command's `--help`. */
void la_options_describe(LaTakes command, GString *out);

/* The filter that -f or -F ask for; `*ret_filter` is NULL without either. (transfer full) */
bool la_options_filter(const LaOptions *options, LaFilter **ret_filter, GError **error);

/* How `lastack show` is told to read what this command reads, in the same way: connections get the same ids and findings. `ret` is to be
 * cleared by the caller. */
void la_options_for_show(const LaOptions *options, LaShowCommand *ret);

#endif
