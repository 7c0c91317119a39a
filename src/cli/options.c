/* getopt_long does the splitting; the table says what there is. An option that a command does not take is unknown to it, so that
 * none is accepted and then does nothing. */
#include "cli/options.h"

#include <getopt.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/nearest.h"
#include "cli/filter_name.h"
#include "report/timeline.h"

#define DESCRIBED_AT 30 /* the column of the help at which an option's meaning begins */

#define FIRST_ID 256 /* above every letter */
#define ANALYZE LA_TAKES_ANALYZE
#define SHOW LA_TAKES_SHOW
#define EXPLAIN LA_TAKES_EXPLAIN
#define CHECK LA_TAKES_CHECK
#define LIVE LA_TAKES_LIVE
#define INTERFACES LA_TAKES_INTERFACES
#define SOCKETS LA_TAKES_SOCKETS
#define DIFF LA_TAKES_DIFF
#define PORT_RANGE_STANDARD_END 60999
#define SPOOL_LIMIT_STANDARD (UINT64_C(4) << 30)
#define THREADS_MAX 256u

typedef enum {
  OPTION_READ,
  OPTION_FILTER,
  OPTION_FILTER_FILE,
  OPTION_WHERE,
  OPTION_WRITE,
  OPTION_COUNT,
  OPTION_CONN,
  OPTION_FORMAT,
  OPTION_INTERVAL,
  OPTION_FROM,
  OPTION_TO,
  OPTION_QUIET,
  OPTION_VERBOSE,
  OPTION_ABSOLUTE,
  OPTION_RESOLVE,
  OPTION_NO_RESOLVE,
  OPTION_UTC,
  OPTION_COLOR,
  OPTION_THRESHOLD,
  OPTION_SEQUENCE,
  OPTION_BY_TUNNEL,
  OPTION_TIME_WAIT,
  OPTION_IDLE_TIMEOUT,
  OPTION_PORT_RANGE,
  OPTION_VERIFY_CHECKSUMS,
  OPTION_OBSERVED_UNTIL,
  OPTION_SPOOL_LIMIT,
  OPTION_THREADS,
  OPTION_POLICY,
  OPTION_FAIL_ON,
  OPTION_UNCLOSED,
  OPTION_SETTLE,
  OPTION_EXPECT,
  OPTION_REQUIRE,
  OPTION_ALLOW,
  OPTION_FORBID,
  OPTION_ALLOW_EMPTY,
  OPTION_ALLOW_TRUNCATED,
  OPTION_BASELINE,
  OPTION_MARKS,
  OPTION_EXPLAIN_POLICY,
  OPTION_RUN,
  OPTION_HELP,
} Option;

static const struct Row {
  int id; /* Option, or LaLiveOption */
  char letter;
  const char *name;
  const char *value; /* NULL: takes none */
  unsigned commands;
  const char *help;
} table[] = {
    {OPTION_READ, 'r', "read", "FILE", ANALYZE | SHOW | CHECK, "read this capture (also without -r); - is standard input"},
    {OPTION_FILTER, 'f', "filter", "BPF", ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "only packets that this filter selects, as in tcpdump"},
    {OPTION_FILTER_FILE, 'F', "filter-file", "FILE|@NAME", ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "the same, from a file or by name: @handshake, @teardown, @rst ..."},
    {OPTION_WHERE, 'Y', "where", "EXPR|@NAME", ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "only connections for which this holds (lastack help fields), or by name: @leaks, @resets ..."},
    {OPTION_WRITE, 'w', "write", "FILE", ANALYZE, "write the packets of the reported connections to FILE (pcapng)"},
    {OPTION_COUNT, 'c', "count", "COUNT", ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "stop after so many selected packets of each capture"},
    {OPTION_CONN, 0, "conn", "N", SHOW, "the connection's number, as the report tells it"},
    {OPTION_FORMAT, 'o', "output", "FORMAT[:PATH]", ANALYZE | LIVE | SOCKETS | CHECK | DIFF,
     "how and where to report, several times:"}, /* and la_options_describe names the formats */
    {OPTION_INTERVAL, 0, "interval", "SPAN", ANALYZE | LIVE | CHECK, "how long a row of -o timeline is (20 to 60 rows)"},
    {OPTION_FROM, 0, "from", "TIME", ANALYZE | CHECK,
     "report connections that were there at TIME or later (RFC 3339 or epoch seconds)"},
    {OPTION_TO, 0, "to", "TIME", ANALYZE | CHECK, "report connections that were there at TIME or earlier"},
    {OPTION_QUIET, 'q', "quiet", NULL, ANALYZE | LIVE | SOCKETS | CHECK, "errors and warnings only, one line for each service"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, ANALYZE | LIVE, "every connection and each of its findings"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, CHECK, "all cases, however many there are"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, SHOW, "every packet, with every header field and option"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, SOCKETS, "every service and every socket"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, DIFF, "also what has not changed"},
    {OPTION_ABSOLUTE, 'S', "absolute", NULL, SHOW, "absolute sequence numbers"},
    {OPTION_RESOLVE, 'N', "names", NULL, ANALYZE | SHOW | LIVE, "look up host names"},
    {OPTION_NO_RESOLVE, 'n', "no-names", NULL, ANALYZE | SHOW | LIVE | CHECK, "do not (the default)"},
    {OPTION_UTC, 0, "utc", NULL, ANALYZE | SHOW | LIVE | SOCKETS | CHECK | DIFF, "times in UTC instead of local time"},
    {OPTION_COLOR, 0, "color", "WHEN", ANALYZE | SHOW | EXPLAIN | LIVE | SOCKETS | CHECK | DIFF,
     "auto (the default: on a terminal), always or never"},
    {OPTION_THRESHOLD, 0, "threshold", "CODE[.NAME]=VALUE", ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "set a finding's threshold, several times: close-wait-leak=30s"},
    {OPTION_SEQUENCE, 0, "sequence", NULL, ANALYZE | SHOW | CHECK, "the files are one capture in pieces, in this order"},
    {OPTION_BY_TUNNEL, 0, "by-tunnel", NULL, ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "tell connections apart by VLAN and tunnel id too"},
    {OPTION_TIME_WAIT, 0, "time-wait", "SPAN", ANALYZE | SHOW | LIVE | CHECK | DIFF, "how long TIME_WAIT lasts (60s)"},
    {OPTION_IDLE_TIMEOUT, 0, "idle-timeout", "SPAN", ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "give a silent connection up after this (never)"},
    {OPTION_PORT_RANGE, 0, "port-range", "LOW-HIGH", ANALYZE | SHOW | LIVE | CHECK | DIFF, "the ephemeral ports (32768-60999)"},
    {OPTION_VERIFY_CHECKSUMS, 0, "verify-checksums", NULL, ANALYZE | SHOW | LIVE | CHECK | DIFF,
     "tell segments with a wrong TCP checksum"},
    {OPTION_OBSERVED_UNTIL, 0, "observed-until", "TIME", ANALYZE | SHOW | CHECK, "the capture ran on until TIME, in silence"},
    {OPTION_SPOOL_LIMIT, 0, "spool-limit", "SIZE", ANALYZE | SHOW | DIFF,
     "how much of standard input may be put aside to be read twice (4G)"},
    {OPTION_THREADS, 'j', "threads", "N", ANALYZE | CHECK | DIFF,
     "use up to N threads (1); the report is the same, with 2 it comes sooner"},
    {LA_OPTION_INTERFACE, 'i', "interface", "IFACE", LIVE | CHECK,
     "capture on this interface, several times; any: all of them (check --run: lo)"},
    {LA_OPTION_NETNS, 0, "netns", "PATH|pid:N", LIVE | INTERFACES | SOCKETS, "in this network namespace"},
    {LA_OPTION_OWNER, 0, "owner", NULL, SOCKETS | LIVE, "name the processes that hold the sockets (root: all of them)"},
    {LA_OPTION_WRITE, 'w', "write", "FILE", LIVE | CHECK, "write what is captured to FILE (pcapng)"},
    {LA_OPTION_RING, 'b', "ring", "KEY:N", LIVE,
     "with -w: a new file every filesize:KIB or duration:SEC, only the last files:N are kept"},
    {LA_OPTION_AUTOSTOP, 'a', "autostop", "duration:SEC", LIVE, "stop after so many seconds"},
    {LA_OPTION_SNAPLEN, 's', "snaplen", "BYTES", LIVE | CHECK, "how much of each packet is kept (256; 0: all of it)"},
    {LA_OPTION_BUFFER, 'B', "buffer", "SIZE", LIVE | CHECK, "the ring of each interface (16M; a bare number is KiB)"},
    {LA_OPTION_PROMISCUOUS, 0, "promiscuous", NULL, LIVE, "hear also what is not addressed to this machine"},
    {LA_OPTION_NOT_PROMISCUOUS, 'p', "no-promiscuous", NULL, LIVE, "do not (the default)"},
    {LA_OPTION_WATCH, 0, "watch", NULL, LIVE, "show it on the whole screen, like top"},
    {LA_OPTION_SAVE, 0, "save-on-finding", "DIR", LIVE, "write the connection of each error and warning to a file in DIR"},
    {LA_OPTION_SAVE_LIMIT, 0, "save-limit", "SIZE", LIVE, "keep at most so much there, the oldest goes first (256M)"},
    {LA_OPTION_USER, 'Z', "user", "USER", LIVE, "become this user when all is open (sudo's caller, else nobody)"},
    {LA_OPTION_REALARM, 0, "realarm", "SPAN", LIVE,
     "tell the same finding of the same service again after this (10min; 0: always)"},
    {LA_OPTION_MAX_CONNECTIONS, 0, "max-connections", "N", LIVE, "follow at most so many at a time (1000000)"},
    {LA_OPTION_MAX_MEMORY, 0, "max-memory", "SIZE", LIVE, "and in at most so much memory (no limit)"},
    {OPTION_POLICY, 0, "policy", "FILE|@NAME", ANALYZE | DIFF | CHECK | LIVE,
     "what has to hold and what is known noise: a file, or @strict, @default, @lenient (check: .lastack)"},
    {OPTION_FAIL_ON, 0, "fail-on", "SEVERITY", CHECK, "findings that fail: error (the default), warning, note or never"},
    {OPTION_UNCLOSED, 0, "unclosed", "WORD", CHECK,
     "connections that are not closed at the end: fail (the default), warn, ignore"},
    {OPTION_SETTLE, 0, "settle", "SPAN", CHECK,
     "they are not judged when their last packet is younger (2s); --run waits so long"},
    {OPTION_EXPECT, 0, "expect", "[NAME=]EXPR", CHECK, "what all connections together have to keep, several times"},
    {OPTION_REQUIRE, 0, "require", "[NAME=]EXPR", CHECK, "what each connection has to keep, several times"},
    {OPTION_ALLOW, 0, "allow", "CODE", CHECK, "this finding is known noise, several times"},
    {OPTION_FORBID, 0, "forbid", "CODE", CHECK, "this finding fails, several times"},
    {OPTION_ALLOW_EMPTY, 0, "allow-empty", NULL, CHECK, "pass when there is no packet or no connection"},
    {OPTION_ALLOW_TRUNCATED, 0, "allow-truncated", NULL, CHECK, "pass when a capture broke off and what was read is well"},
    {OPTION_BASELINE, 0, "baseline", "FILE", CHECK, "accept what this stored result (-o ndjson) already had"},
    {OPTION_MARKS, 0, "marks", "FILE", CHECK, "which test ran when: lines TIME NAME, or a JUnit file"},
    {OPTION_EXPLAIN_POLICY, 0, "explain-policy", NULL, CHECK, "say in words what the policy demands, and check nothing"},
    {OPTION_RUN, 0, "run", NULL, CHECK, "capture while the command behind -- runs, and check that"},
    {LA_OPTION_MAP, 0, "map", "BEFORE=AFTER", DIFF,
     "the same service under two names, several times: :8080=:9090, 10.0.0.1=10.0.0.2"},
    {LA_OPTION_DIFF_FAIL_ON, 0, "fail-on", "SEVERITY", DIFF,
     "findings that can be a regression: error, warning (the default) or note"},
    {LA_OPTION_DIFF_ALLOW_TRUNCATED, 0, "allow-truncated", NULL, DIFF,
     "end with 0 although a capture broke off, when what was read is well"},
    {LA_OPTION_METRICS, 0, "metrics", "[ADDR:]PORT", LIVE, "serve /metrics for Prometheus, and /healthz (ADDR: the loopback)"},
    {OPTION_HELP, 'h', "help", NULL, ANALYZE | SHOW | EXPLAIN | LIVE | INTERFACES | SOCKETS | CHECK | DIFF, "this text"},
};

#define ROWS (sizeof table / sizeof *table)

static void free_policy_word(gpointer data)
{
  LaPolicyWord *word = data;
  g_free(word->value);
  g_free(word);
}

static void free_output(gpointer data)
{
  LaOutputChoice *choice = data;
  g_free(choice->path);
  g_free(choice);
}

void la_options_free(LaOptions *options)
{
  if (options == NULL)
    return;
  g_ptr_array_unref(options->words);
  g_ptr_array_unref(options->outputs);
  g_free(options->filter);
  g_free(options->filter_file);
  g_ptr_array_unref(options->threshold_words);
  g_free(options->policy);
  g_ptr_array_unref(options->check.policy_words);
  g_free(options->check.baseline);
  g_free(options->check.marks);
  la_live_choices_clear(&options->live);
  la_diff_choices_clear(&options->diff);
  g_free(options->where_text);
  la_expression_free(options->where);
  g_free(options->write_path);
  g_free(options);
}

static bool usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Sets a usage error; the text may hold words from the command line, which are escaped as a whole. Always false. */
static bool usage(GError **error, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_autoptr(GString) message = g_string_new(NULL);
  la_escape_terminal(message, text, -1);
  g_set_error_literal(error, LA_ERROR, LA_ERROR_USAGE, message->str);
  return false;
}

static bool read_time(const char *name, const char *value, LaTime *ret_time, GError **error)
{
  LaTime time;
  if (!la_time_parse(value, &time))
    return usage(error, "--%s wants a time, RFC 3339 or seconds since the epoch, not '%s'", name, value);
  if (time > LA_TIME_OF_PACKET_MAX || time < -LA_TIME_OF_PACKET_MAX)
    return usage(error, "--%s wants a time from 1823 to 2116, not '%s'", name, value);
  *ret_time = time;
  return true;
}

static bool read_span(const char *name, const char *value, LaTime *ret_span, GError **error)
{
  if (la_span_parse(value, ret_span))
    return true;
  return usage(error, "--%s wants a span such as 90s, 2min or 1h, not '%s'", name, value);
}

static bool read_interval(const char *value, LaTime *ret_interval, GError **error)
{
  LaTime interval;
  if (!la_span_parse(value, &interval) || interval < LA_TIMELINE_INTERVAL_MIN || interval > LA_TIMELINE_INTERVAL_MAX)
    return usage(error, "--interval wants a span from 1us to 24000h, such as 10s or 5min, not '%s'", value);
  *ret_interval = interval;
  return true;
}

static bool read_number(const char *name, const char *value, uint64_t most, uint64_t *ret_number, GError **error)
{
  guint64 number;
  if (!g_ascii_string_to_unsigned(value, 10, 1, most, &number, NULL))
    return usage(error, "%s wants a number from 1 to %" G_GUINT64_FORMAT ", not '%s'", name, most, value);
  *ret_number = number;
  return true;
}

static bool read_size(const char *value, uint64_t *ret_size, GError **error)
{
  static const char letters[] = "kMGT";
  g_autofree char *digits = g_strdup(value);
  size_t len = strlen(digits);
  unsigned shift = 0;
  const char *letter = len > 1 ? strchr(letters, digits[len - 1] == 'K' ? 'k' : digits[len - 1]) : NULL;
  if (letter != NULL) {
    shift = 10 * (unsigned)(letter - letters + 1);
    digits[len - 1] = '\0';
  }
  guint64 number;
  if (!g_ascii_string_to_unsigned(digits, 10, 1, UINT64_MAX >> shift, &number, NULL))
    return usage(error, "--spool-limit wants a size such as 500M or 4G, not '%s'", value);
  *ret_size = number << shift;
  return true;
}

static bool read_port_range(LaOptions *options, const char *value, GError **error)
{
  g_auto(GStrv) ends = g_strsplit(value, "-", 2);
  guint64 low, high;
  if (g_strv_length(ends) != 2 || !g_ascii_string_to_unsigned(ends[0], 10, 1, 65535, &low, NULL) ||
      !g_ascii_string_to_unsigned(ends[1], 10, low, 65535, &high, NULL))
    return usage(error, "--port-range wants LOW-HIGH such as 32768-60999, not '%s'", value);
  options->track.ephemeral_low = (uint16_t)low;
  options->port_range_end = (uint16_t)high;
  return true;
}

static bool read_colour(LaOptions *options, const char *value, GError **error)
{
  static const char *const words[] = {"auto", "always", "never"};
  for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
    if (strcmp(value, words[i]) == 0) {
      options->colour = (LaColourChoice)i;
      return true;
    }
  }
  return usage(error, "--color wants auto, always or never, not '%s'", value);
}

static bool is_standard_output(const char *path)
{
  return path == NULL || strcmp(path, "-") == 0;
}

/* Of const char * (borrowed), with NULL behind the last. (transfer full) */
static GPtrArray *format_names(void)
{
  unsigned count;
  const LaFormat *const *formats = la_formats(&count);
  GPtrArray *names = g_ptr_array_new();
  for (unsigned i = 0; i < count; i++)
    g_ptr_array_add(names, (gpointer)(guintptr)formats[i]->name);
  g_ptr_array_add(names, NULL);
  return names;
}

static bool read_output(LaOptions *options, const char *value, GError **error)
{
  const char *colon = strchr(value, ':');
  g_autofree char *name = colon != NULL ? g_strndup(value, (gsize)(colon - value)) : g_strdup(value);
  const LaFormat *format = la_format_find(name);
  if (format == NULL) {
    g_autoptr(GPtrArray) names = format_names();
    const char *nearest = la_nearest(name, (const char *const *)names->pdata, names->len - 1);
    g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
    if (nearest != NULL)
      return usage(error, "unknown format '%s', did you mean '%s'? There are %s", name, nearest, all);
    return usage(error, "unknown format '%s': there are %s", name, all);
  }
  const char *path = colon != NULL && colon[1] != '\0' ? colon + 1 : NULL;
  if (colon != NULL && path == NULL)
    return usage(error, "-o %s: no file after the colon", value);
  for (unsigned i = 0; i < options->outputs->len; i++) {
    const LaOutputChoice *other = g_ptr_array_index(options->outputs, i);
    if (format->rereads && other->format->rereads)
      return usage(error, "-o %s is given twice: it is written once", name);
    if (is_standard_output(path) && is_standard_output(other->path))
      return usage(error, "two reports on standard output: give one of them a file, -o %s:FILE", name);
    if (!is_standard_output(path) && g_strcmp0(path, other->path) == 0)
      return usage(error, "two reports into the same file '%s'", path);
  }
  LaOutputChoice *choice = g_new0(LaOutputChoice, 1);
  choice->format = format;
  choice->path = g_strdup(path);
  g_ptr_array_add(options->outputs, choice);
  return true;
}

/* The message repeats the text, so it is made harmless first; no assignment that means something changes by that. */
static bool read_threshold(LaOptions *options, const char *value, GError **error)
{
  g_autoptr(GString) assignment = g_string_new(NULL);
  la_escape_terminal(assignment, value, -1);
  g_ptr_array_add(options->threshold_words, g_strdup(assignment->str));
  return la_thresholds_set(&options->thresholds, assignment->str, error);
}

static void set_text(char **text, const char *value)
{
  g_free(*text);
  *text = g_strdup(value);
}

/* Kept until the policy's file has been read, which it changes. */
static bool add_policy_word(LaOptions *options, const struct Row *row, const char *value)
{
  LaPolicyWord *word = g_new(LaPolicyWord, 1);
  *word = (LaPolicyWord){.key = row->name, .value = g_strdup(value != NULL ? value : "yes")};
  g_ptr_array_add(options->check.policy_words, word);
  return true;
}

static bool take(LaOptions *options, const struct Row *row, const char *value, GError **error)
{
  uint64_t number = 0;
  if (row->id >= LA_OPTION_DIFF_FIRST)
    return la_options_take_diff(&options->diff, (LaDiffOption)row->id, value, error);
  if (row->id >= LA_OPTION_LIVE_FIRST)
    return la_options_take_live(&options->live, (LaLiveOption)row->id, value, error);
  switch ((Option)row->id) {
  case OPTION_READ: g_ptr_array_add(options->words, g_strdup(value)); return true;
  case OPTION_FILTER:
    g_free(options->filter);
    options->filter = g_strdup(value);
    return true;
  case OPTION_FILTER_FILE:
    g_free(options->filter_file);
    options->filter_file = g_strdup(value);
    return true;
  case OPTION_WHERE:
    g_free(options->where_text);
    options->where_text = g_strdup(value);
    return true;
  case OPTION_WRITE:
    g_free(options->write_path);
    options->write_path = g_strdup(value);
    return true;
  case OPTION_COUNT: return read_number("-c", value, UINT64_MAX, &options->count, error);
  case OPTION_CONN:
    if (!read_number("--conn", value, UINT32_MAX, &number, error))
      return false;
    options->conn = (uint32_t)number;
    return true;
  case OPTION_FORMAT: return read_output(options, value, error);
  case OPTION_INTERVAL: return read_interval(value, &options->interval, error);
  case OPTION_FROM: return read_time(row->name, value, &options->window.from, error);
  case OPTION_TO: return read_time(row->name, value, &options->window.to, error);
  case OPTION_QUIET: options->verbosity = LA_VERBOSITY_QUIET; return true;
  case OPTION_VERBOSE: options->verbosity = LA_VERBOSITY_VERBOSE; return true;
  case OPTION_ABSOLUTE: options->numbers = LA_NUMBERS_ABSOLUTE; return true;
  case OPTION_RESOLVE: options->names = LA_NAMES_RESOLVE; return true;
  case OPTION_NO_RESOLVE: options->names = LA_NAMES_OFF; return true;
  case OPTION_UTC: options->zone = LA_CLOCK_UTC; return true;
  case OPTION_COLOR: return read_colour(options, value, error);
  case OPTION_THRESHOLD: return read_threshold(options, value, error);
  case OPTION_SEQUENCE: options->files_are = LA_FILES_SEQUENCE; return true;
  case OPTION_BY_TUNNEL: options->track.by_tunnel = 1; return true;
  case OPTION_TIME_WAIT: return read_span(row->name, value, &options->track.time_wait, error);
  case OPTION_IDLE_TIMEOUT: return read_span(row->name, value, &options->track.idle_timeout, error);
  case OPTION_PORT_RANGE: return read_port_range(options, value, error);
  case OPTION_VERIFY_CHECKSUMS: options->decode.verify_checksums = true; return true;
  case OPTION_OBSERVED_UNTIL: return read_time(row->name, value, &options->observed_until, error);
  case OPTION_THREADS:
    if (!read_number("-j", value, THREADS_MAX, &number, error))
      return false;
    options->threads = (unsigned)number;
    return true;
  case OPTION_SPOOL_LIMIT: return read_size(value, &options->spool_limit, error);
  case OPTION_POLICY: set_text(&options->policy, value); return true;
  case OPTION_SETTLE:
  case OPTION_FAIL_ON:
  case OPTION_UNCLOSED:
  case OPTION_EXPECT:
  case OPTION_REQUIRE:
  case OPTION_ALLOW:
  case OPTION_FORBID:
  case OPTION_ALLOW_EMPTY: return add_policy_word(options, row, value);
  case OPTION_ALLOW_TRUNCATED: options->check.allow_truncated = true; return true;
  case OPTION_BASELINE: set_text(&options->check.baseline, value); return true;
  case OPTION_MARKS: set_text(&options->check.marks, value); return true;
  case OPTION_EXPLAIN_POLICY: options->check.explain_policy = true; return true;
  case OPTION_RUN: options->check.run = true; return true;
  case OPTION_HELP: options->help = true; return true;
  }
  g_assert_not_reached();
}

/* What getopt did not know, with the nearest that the command does. */
static bool unknown(const char *word, char letter, LaTakes command, GError **error)
{
  if (letter != 0) {
    for (unsigned i = 0; i < ROWS; i++) {
      if (table[i].letter == letter)
        return usage(error, "this command does not take -%c (--%s)", letter, table[i].name);
    }
    return usage(error, "unknown option '-%c' (lastack help lists all)", letter);
  }
  g_autofree char *name = g_strdup(word + strspn(word, "-"));
  name[strcspn(name, "=")] = '\0';
  const char *names[ROWS];
  unsigned count = 0;
  unsigned begins = 0;
  for (unsigned i = 0; i < ROWS; i++) {
    if ((table[i].commands & (unsigned)command) == 0) {
      if (strcmp(table[i].name, name) == 0)
        return usage(error, "this command does not take --%s", name);
      continue;
    }
    names[count++] = table[i].name;
    if (*name != '\0' && g_str_has_prefix(table[i].name, name))
      begins++;
  }
  if (begins > 1)
    return usage(error, "'--%s' is short for several options: write it out", name);
  const char *nearest = la_nearest(name, names, count);
  if (nearest != NULL)
    return usage(error, "unknown option '--%s', did you mean '--%s'?", name, nearest);
  return usage(error, "unknown option '--%s' (lastack help lists all)", name);
}

static const struct Row *row_of(int id, LaTakes command)
{
  for (unsigned i = 0; i < ROWS; i++) {
    if ((table[i].commands & (unsigned)command) != 0 &&
        (id == FIRST_ID + (int)i || (table[i].letter != 0 && id == table[i].letter)))
      return &table[i];
  }
  return NULL;
}

static LaOptions *options_new(void)
{
  LaOptions *options = g_new0(LaOptions, 1);
  options->words = g_ptr_array_new_with_free_func(g_free);
  options->outputs = g_ptr_array_new_with_free_func(free_output);
  options->threshold_words = g_ptr_array_new_with_free_func(g_free);
  options->check.policy_words = g_ptr_array_new_with_free_func(free_policy_word);
  options->window = (LaWindow){.from = LA_TIME_NONE, .to = LA_TIME_NONE};
  options->observed_until = LA_TIME_NONE;
  options->verbosity = LA_VERBOSITY_NORMAL;
  options->zone = LA_CLOCK_LOCAL;
  options->track = LA_TRACK_OPTIONS_DEFAULT;
  options->port_range_end = PORT_RANGE_STANDARD_END;
  options->spool_limit = SPOOL_LIMIT_STANDARD;
  la_thresholds_init(&options->thresholds);
  la_live_choices_init(&options->live);
  la_diff_choices_init(&options->diff);
  return options;
}

/* -Y is read last: what its times mean hangs on --utc. */
static bool read_where(LaOptions *options, GError **error)
{
  if (options->where_text == NULL || options->help)
    return true;
  g_autofree char *text = la_expression_name_resolve(options->where_text, error);
  if (text == NULL)
    return false;
  options->where = la_expression_parse(text, LA_EXPRESSION_CONNECTION, options->zone, error);
  if (options->where == NULL)
    g_prefix_error(error, "-Y: ");
  return options->where != NULL;
}

static bool has_output(const LaOptions *options, const char *format)
{
  for (unsigned i = 0; i < options->outputs->len; i++) {
    if (strcmp(((const LaOutputChoice *)g_ptr_array_index(options->outputs, i))->format->name, format) == 0)
      return true;
  }
  return false;
}

/* What excludes each other. */
static bool check_together(const LaOptions *options, GError **error)
{
  if (options->filter != NULL && options->filter_file != NULL)
    return usage(error, "-f and -F exclude each other");
  if (options->interval != 0 && !has_output(options, "timeline"))
    return usage(error, "--interval is how long a row of -o timeline is: it goes with that");
  if (options->window.from != LA_TIME_NONE && options->window.to != LA_TIME_NONE && options->window.to < options->window.from)
    return usage(error, "--to is before --from");
  for (unsigned i = 0; options->write_path != NULL && i < options->outputs->len; i++) {
    const char *path = ((const LaOutputChoice *)g_ptr_array_index(options->outputs, i))->path;
    if (!is_standard_output(path) && strcmp(path, options->write_path) == 0)
      return usage(error, "a report and the packets of -w into the same file '%s'", path);
  }
  if (options->write_path == NULL || !is_standard_output(options->write_path))
    return true;
  bool taken = options->outputs->len == 0;
  for (unsigned i = 0; i < options->outputs->len; i++)
    taken = taken || is_standard_output(((const LaOutputChoice *)g_ptr_array_index(options->outputs, i))->path);
  return !taken || usage(error, "a report and the packets of -w on standard output: give the report a file, -o text:FILE");
}

LaOptions *la_options_parse(int argc, char **argv, LaTakes command, GError **error)
{
  struct option longs[ROWS + 1] = {{0}};
  g_autoptr(GString) letters = g_string_new(":");
  unsigned count = 0;
  for (unsigned i = 0; i < ROWS; i++) {
    if ((table[i].commands & (unsigned)command) == 0)
      continue;
    int has = table[i].value != NULL ? required_argument : no_argument;
    longs[count++] = (struct option){.name = table[i].name, .has_arg = has, .val = FIRST_ID + (int)i};
    if (table[i].letter != 0)
      g_string_append_printf(letters, "%c%s", table[i].letter, table[i].value != NULL ? ":" : "");
  }
  g_autoptr(LaOptions) options = options_new();
  opterr = 0;
  optind = 0; /* GNU: start anew */
  for (;;) {
    int id = getopt_long(argc, argv, letters->str, longs, NULL);
    if (id == -1)
      break;
    const struct Row *row = id != '?' && id != ':' ? row_of(id, command) : NULL;
    if (row != NULL) {
      if (!take(options, row, optarg, error))
        return NULL;
      continue;
    }
    if (id == ':') {
      row = row_of(optopt, command);
      usage(error, "--%s wants %s", row != NULL ? row->name : "?", row != NULL && row->value != NULL ? row->value : "a value");
    } else if ((row = row_of(optopt, command)) != NULL) {
      usage(error, "--%s takes no value", row->name);
    } else {
      unknown(argv[optind - 1], optopt > 0 && optopt < FIRST_ID ? (char)optopt : 0, command, error);
    }
    return NULL;
  }
  for (int i = optind; i < argc; i++)
    g_ptr_array_add(options->words, g_strdup(argv[i]));
  return check_together(options, error) && read_where(options, error) ? g_steal_pointer(&options) : NULL;
}

/* Those that the command writes, in lines of their own. */
static void describe_formats(LaTakes command, GString *out)
{
  unsigned count;
  const LaFormat *const *formats = la_formats(&count);
  g_autoptr(GString) all = g_string_new(NULL);
  for (unsigned i = 0; i < count; i++) {
    bool plain = strcmp(formats[i]->name, "text") == 0 || strcmp(formats[i]->name, "ndjson") == 0;
    if ((formats[i]->rereads && command != LA_TAKES_ANALYZE) ||
        (!plain && (command == LA_TAKES_DIFF || command == LA_TAKES_SOCKETS)))
      continue;
    g_string_append_printf(all, "%s%s", all->len > 0 ? ", " : "", formats[i]->name);
  }
  g_string_append_printf(out, "\n%*s", DESCRIBED_AT, "");
  la_wrap(out, all->str, &(LaWrap){.width = 100, .used = DESCRIBED_AT, .indent = DESCRIBED_AT});
}

void la_options_describe(LaTakes command, GString *out)
{
  for (unsigned i = 0; i < ROWS; i++) {
    const struct Row *row = &table[i];
    if ((row->commands & (unsigned)command) == 0)
      continue;
    g_autoptr(GString) left = g_string_new(NULL);
    if (row->letter != 0)
      g_string_append_printf(left, "  -%c, --%s", row->letter, row->name);
    else
      g_string_append_printf(left, "      --%s", row->name);
    if (row->value != NULL)
      g_string_append_printf(left, " %s", row->value);
    if (left->len > 28)
      g_string_append_printf(out, "%s\n%*s%s", left->str, DESCRIBED_AT, "", row->help);
    else
      g_string_append_printf(out, "%-*s%s", DESCRIBED_AT, left->str, row->help);
    if (row->id == OPTION_FORMAT)
      describe_formats(command, out);
    g_string_append_c(out, '\n');
  }
}

bool la_options_filter(const LaOptions *options, LaFilter **ret_filter, GError **error)
{
  LaFilter *filter = NULL;
  if (options->filter != NULL) {
    filter = la_filter_new(options->filter, error);
    if (filter == NULL)
      return false;
  } else if (options->filter_file != NULL) {
    g_autofree char *path = la_filter_name_resolve(options->filter_file, error);
    if (path == NULL)
      return false;
    filter = la_filter_new_from_file(path, error);
    if (filter == NULL)
      return false;
  }
  *ret_filter = filter;
  return true;
}
