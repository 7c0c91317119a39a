/* `-o timeline`: a table, a row for each interval and service. A file or a pipe gets all columns, separated by tabs, under a line with
 * their names: what a script reads. A terminal gets the same set in columns, without columns in which nothing ever stood, and without
 * rows in which nothing changed: what stands above still holds. */
#include <string.h>

#include "report/format.h"
#include "report/timeline.h"

typedef struct {
  LaReport base;
  LaTimeline *timeline; /* (owned) */
} Report;

static const char *column_name(unsigned column)
{
  static const char *const names[] = {"opened", "closed", "reset", "failed"};
  if (column < LA_TIMELINE_STATES)
    return names[column];
  return la_tcp_state_name((LaTcpState)(LA_TCP_SYN_SENT + column - LA_TIMELINE_STATES));
}

static void append_service(GString *out, const LaHostPort *service)
{
  if (service->family == LA_FAMILY_NONE)
    g_string_append(out, "other");
  else
    la_text_end(out, service);
}

/* ---- for scripts ---- */

/* Seconds, with as many decimals as there are. */
static void append_seconds(GString *out, LaTime span)
{
  g_string_append_printf(out, "%" G_GINT64_FORMAT, span / LA_SEC);
  if (span % LA_SEC == 0)
    return;
  g_string_append_printf(out, ".%09" G_GINT64_FORMAT, span % LA_SEC);
  while (out->str[out->len - 1] == '0')
    g_string_truncate(out, out->len - 1);
}

static void write_tabs(Report *report)
{
  LaOutput *output = report->base.out;
  GString *out = la_output_buffer(output);
  g_string_append(out, "start\tinterval_s");
  for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++)
    g_string_append_printf(out, "\t%s", column_name(i));
  g_string_append(out, "\tservice\n");
  LaTimelineRow row;
  while (la_timeline_next(report->timeline, &row)) {
    char start[LA_TIME_TEXT_MAX];
    out = la_output_buffer(output);
    g_string_append_printf(out, "%s\t", la_time_format_rfc3339(row.start, start));
    append_seconds(out, la_timeline_interval(report->timeline));
    for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++)
      g_string_append_printf(out, "\t%" G_GUINT64_FORMAT, row.count[i]);
    g_string_append_c(out, '\t');
    append_service(out, &row.service);
    g_string_append_c(out, '\n');
    la_output_settle(output);
  }
}

/* ---- for people ---- */

typedef struct {
  const LaStyle *style;
  LaTime interval;
  LaTime from, until;                  /* of all intervals; LA_TIME_NONE: there was no packet */
  unsigned width[LA_TIMELINE_COLUMNS]; /* 0: not shown */
  unsigned time_width;
} Table;

static void append_start(const Table *table, GString *out, LaTime start)
{
  char clock[LA_TIME_TEXT_MAX];
  if (table->interval < LA_MSEC) {
    g_string_append(out, la_time_format_clock(start, table->style->zone, clock));
    return;
  }
  LaTime told = table->interval < LA_SEC ? 0 : LA_TIME_MAX; /* with milliseconds, or not */
  char first[LA_TIME_TEXT_MAX], last[LA_TIME_TEXT_MAX];
  la_time_format_date(table->from, table->style->zone, first);
  la_time_format_date(table->until, table->style->zone, last);
  /* A date on every row, or on none. */
  bool same_day = strncmp(first, last, strcspn(first, " ")) == 0;
  la_text_time(table->style, out, start, same_day ? start : LA_TIME_NONE, told);
}

static unsigned digits_of(uint64_t number)
{
  unsigned digits = 1;
  for (; number >= 10; number /= 10)
    digits++;
  return digits;
}

static void measure(Report *report, Table *table)
{
  LaTimelineRow row;
  g_autoptr(GString) text = g_string_new(NULL);
  for (unsigned i = LA_TIMELINE_OPENED; i <= LA_TIMELINE_CLOSED; i++)
    table->width[i] = (unsigned)strlen(column_name(i));
  while (la_timeline_next(report->timeline, &row)) {
    for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++) {
      if (row.count[i] != 0)
        table->width[i] = MAX(table->width[i], MAX((unsigned)strlen(column_name(i)), digits_of(row.count[i])));
    }
  }
  la_timeline_rewind(report->timeline);
  append_start(table, text, table->until);
  table->time_width = (unsigned)text->len;
}

static void write_heading(const Report *report, const Table *table, GString *out)
{
  char span[LA_TIME_TEXT_MAX];
  g_autoptr(GString) line = g_string_new(NULL);
  bool all = report->base.options->verbosity == LA_VERBOSITY_VERBOSE;
  g_string_append_printf(line, "every %s, ", la_span_format(table->interval, span));
  la_text_time(table->style, line, table->from, LA_TIME_NONE, LA_TIME_MAX);
  g_string_append(line, " to ");
  la_text_time(table->style, line, table->until, table->from, LA_TIME_MAX);
  g_string_append_c(line, ' ');
  la_text_zone(table->style, line, table->from);
  g_string_append(line, all ? "" : "; changes only, -v: all");
  g_string_append(line, "\nstates: of the server's end, at the end of the interval");
  la_style_paint(table->style, out, LA_PAINT_DIM, line->str);
  g_string_append_c(out, '\n');
  g_string_truncate(line, 0);
  g_string_append_printf(line, "%-*s", (int)table->time_width, "from");
  for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++) {
    if (table->width[i] != 0)
      g_string_append_printf(line, "  %*s", (int)table->width[i], column_name(i));
  }
  g_string_append(line, "  service");
  la_style_paint(table->style, out, LA_PAINT_BOLD, line->str);
  g_string_append_c(out, '\n');
}

static void write_table(Report *report)
{
  LaOutput *output = report->base.out;
  Table table = {.style = &report->base.options->style, .interval = la_timeline_interval(report->timeline)};
  la_timeline_span(report->timeline, &table.from, &table.until);
  if (table.from == LA_TIME_NONE) {
    g_string_append(la_output_buffer(output), "no packets with a time\n");
    return;
  }
  measure(report, &table);
  write_heading(report, &table, la_output_buffer(output));
  LaTimelineRow row;
  LaTime told = LA_TIME_NONE;
  g_autoptr(GString) start = g_string_new(NULL);
  while (la_timeline_next(report->timeline, &row)) {
    if (!row.changed && report->base.options->verbosity != LA_VERBOSITY_VERBOSE)
      continue;
    GString *out = la_output_buffer(output);
    g_string_truncate(start, 0);
    if (row.start != told)
      append_start(&table, start, row.start);
    told = row.start;
    g_string_append_printf(out, "%-*s", (int)table.time_width, start->str);
    for (unsigned i = 0; i < LA_TIMELINE_COLUMNS; i++) {
      if (table.width[i] != 0)
        g_string_append_printf(out, "  %*" G_GUINT64_FORMAT, (int)table.width[i], row.count[i]);
    }
    g_string_append(out, "  ");
    append_service(out, &row.service);
    g_string_append_c(out, '\n');
    la_output_settle(output);
  }
}

/* ---- the format ---- */

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  Report *report = g_new0(Report, 1);
  report->base = (LaReport){.format = &la_format_timeline, .options = options, .out = out};
  report->timeline = la_timeline_new(options->interval);
  if (options->window != NULL)
    la_timeline_limit(report->timeline, options->window);
  return &report->base;
}

static void connection(LaReport *report, const LaConnectionRecord *record)
{
  la_timeline_add(((Report *)report)->timeline, record->conn);
}

static void capture(LaReport *report, const LaCaptureRecord *record)
{
  la_timeline_observed(((Report *)report)->timeline, record->start, record->observed_until);
}

static void end(LaReport *base, const LaCounts *counts)
{
  (void)counts;
  Report *report = (Report *)base;
  la_timeline_conclude(report->timeline);
  if (la_output_is_terminal(base->out))
    write_table(report);
  else
    write_tabs(report);
}

static void release(LaReport *base)
{
  la_timeline_free(((Report *)base)->timeline);
  g_free(base);
}

const LaFormat la_format_timeline = {
    .name = "timeline",
    .records = LA_RECORDS_WHOLE,
    .begin = begin,
    .connection = connection,
    .capture = capture,
    .end = end,
    .free = release,
};
