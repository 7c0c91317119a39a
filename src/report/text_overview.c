/* The head of the screen: what was read, what is wrong with the capture itself, and two small tables. */
#include "report/text.h"

#include <string.h>

#include "base/escape.h"
#include "capture/filter.h"

#define FILES_SHOWN 6

static void append_link_types(GString *out, const LaCaptureRecord *capture)
{
  for (unsigned i = 0; i < capture->link_type_count; i++) {
    const char *name = la_link_type_name(capture->link_types[i]);
    g_string_append(out, i > 0 ? ", " : "");
    if (name != NULL)
      g_string_append(out, name);
    else
      g_string_append_printf(out, "link type %u", capture->link_types[i]);
  }
}

static void overview_files(const LaTextReport *report, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  g_autoptr(GString) line = g_string_new(NULL);
  for (unsigned i = 0; i < report->captures->len && i < FILES_SHOWN; i++) {
    const LaCaptureRecord *capture = g_ptr_array_index(report->captures, i);
    g_string_truncate(line, 0);
    la_escape_terminal(line, strcmp(capture->path, "-") == 0 ? "standard input" : capture->path, -1);
    la_text_label(report, out, i == 0 ? "read" : "");
    la_style_paint(style, out, LA_PAINT_BOLD, line->str);
    g_autoptr(GString) rest = g_string_new(": ");
    la_text_count(rest, capture->packets, "packet", "packets");
    if (capture->link_type_count > 0)
      g_string_append(rest, ", ");
    append_link_types(rest, capture);
    if (capture->snaplen > 0 && capture->snaplen < 65535)
      g_string_append_printf(rest, ", snaplen %u", capture->snaplen);
    unsigned used = LA_TEXT_LABEL + la_style_columns(line->str, -1);
    la_wrap(out, rest->str, &(LaWrap){.width = style->width, .used = used, .indent = LA_TEXT_LABEL});
    g_string_append_c(out, '\n');
    if (capture->broken_by == NULL)
      continue;
    g_string_truncate(line, 0);
    g_string_append(line, "It broke off: ");
    la_escape_terminal(line, capture->broken_by, -1);
    g_string_append(line, ". What was readable is reported.");
    la_text_label(report, out, "");
    g_autoptr(GString) wrapped = g_string_new(NULL);
    la_wrap(wrapped, line->str, &(LaWrap){.width = style->width, .used = LA_TEXT_LABEL, .indent = LA_TEXT_LABEL});
    la_style_paint(style, out, LA_PAINT_WARNING, wrapped->str);
    g_string_append_c(out, '\n');
  }
  if (report->captures->len > FILES_SHOWN) {
    la_text_label(report, out, "");
    g_string_append_printf(out, "and %u more files\n", report->captures->len - FILES_SHOWN);
  }
}

static void overview_when(const LaTextReport *report, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  LaTime start, end;
  la_text_span(report, &start, &end);
  if (start == LA_TIME_NONE) {
    uint64_t packets = 0;
    for (unsigned i = 0; i < report->captures->len; i++)
      packets += ((const LaCaptureRecord *)g_ptr_array_index(report->captures, i))->packets;
    if (packets > 0)
      la_text_sentence(report, out, "when",
                       "its packets have no times (the first has none): how long anything took is not known");
    return;
  }
  LaTime last = LA_TIME_NONE;
  for (unsigned i = 0; i < report->captures->len; i++) {
    const LaCaptureRecord *capture = g_ptr_array_index(report->captures, i);
    if (capture->end != LA_TIME_NONE && (last == LA_TIME_NONE || capture->end > last))
      last = capture->end;
  }
  if (last == LA_TIME_NONE)
    last = end;
  g_autoptr(GString) line = g_string_new(NULL);
  la_text_time(style, line, start, LA_TIME_NONE, last - start);
  g_string_append(line, " to ");
  la_text_time(style, line, last, start, last - start);
  g_string_append_c(line, ' ');
  la_text_zone(style, line, start);
  char span[LA_TIME_TEXT_MAX];
  g_string_append_printf(line, " (%s)", la_span_format(last - start, span));
  if (end > last) {
    g_string_append(line, ", observed until ");
    la_text_time(style, line, end, start, end - start);
    g_string_append_printf(line, " (%s more)", la_span_format(end - last, span));
  }
  la_text_sentence(report, out, "when", line->str);
}

void la_text_window(const LaTextReport *report, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  const LaWindow *window = report->base.options->window;
  if (la_window_is_all(window))
    return;
  LaTime start, end;
  la_text_span(report, &start, &end);
  LaTime first = window->from != LA_TIME_NONE ? window->from : window->to;
  LaTime near = start != LA_TIME_NONE ? start : first;
  LaTime span = start != LA_TIME_NONE ? end - start : 0;
  g_string_append(out, window->from != LA_TIME_NONE ? "from " : "up to ");
  la_text_time(style, out, first, near, span);
  if (window->from == LA_TIME_NONE)
    return;
  g_string_append(out, window->to != LA_TIME_NONE ? " to " : " on");
  if (window->to != LA_TIME_NONE)
    la_text_time(style, out, window->to, first, span);
}

static void overview_window(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  if (la_window_is_all(report->base.options->window))
    return;
  g_autoptr(GString) line = g_string_new(NULL);
  la_text_window(report, line);
  g_string_append(line, ": what follows is of ");
  la_text_count(line, counts->connections, "connection", "connections");
  g_string_append(line, counts->connections == 1 ? " that was there then" : " that were there then");
  la_text_sentence(report, out, "reported", line->str);
}

static void part(GString *line, uint64_t count, const char *one, const char *many)
{
  if (count == 0)
    return;
  if (line->len > 0)
    g_string_append(line, ", ");
  la_text_count(line, count, one, many);
}

static void overview_what(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  static const char *const reasons[LA_SKIPPED_N] = {"not TCP",         "not IP",    "malformed",
                                                    "later fragments", "cut short", "not selected by the filter"};
  LaCaptureRecord sum = {.kernel_drops = 0};
  for (unsigned i = 0; i < report->captures->len; i++) {
    const LaCaptureRecord *capture = g_ptr_array_index(report->captures, i);
    sum.segments += capture->segments;
    for (unsigned reason = 0; reason < LA_SKIPPED_N; reason++)
      sum.skipped[reason] += capture->skipped[reason];
    sum.missed_segments += capture->missed_segments;
    sum.duplicate_packets += capture->duplicate_packets;
    sum.one_way_connections += capture->one_way_connections;
    sum.kernel_drops += MAX(capture->kernel_drops, 0);
    sum.time_went_back += capture->time_went_back;
    sum.times_out_of_range += capture->times_out_of_range;
  }
  g_autoptr(GString) line = g_string_new(NULL);
  la_text_count(line, sum.segments, "TCP segment in ", "TCP segments in ");
  la_text_count(line, counts->connections_total, "connection", "connections");
  bool all = la_window_is_all(report->base.options->window); /* else a line of its own says how many */
  if (all && counts->connections_total != counts->connections) {
    g_string_append(line, ", ");
    la_text_number(line, counts->connections);
    g_string_append(line, " of them selected");
  }
  g_autoptr(GString) skipped = g_string_new(NULL);
  for (unsigned reason = 0; reason < LA_SKIPPED_N; reason++)
    part(skipped, sum.skipped[reason], reasons[reason], reasons[reason]);
  if (skipped->len > 0)
    g_string_append_printf(line, "; other packets: %s", skipped->str);
  la_text_sentence(report, out, "what", line->str);

  g_string_truncate(line, 0);
  part(line, (uint64_t)sum.kernel_drops, "packet was dropped while capturing", "packets were dropped while capturing");
  part(line, sum.missed_segments, "gap in the data that the capture never shows",
       "gaps in the data that the capture never shows");
  part(line, sum.duplicate_packets, "packet captured twice", "packets captured twice");
  part(line, sum.one_way_connections, "connection with one direction only", "connections with one direction only");
  part(line, sum.time_went_back, "step back in time", "steps back in time");
  part(line, sum.times_out_of_range, "packet with an impossible time", "packets with impossible times");
  if (line->len > 0)
    la_text_sentence(report, out, "quality", line->str);
}

/* One cell of a table: name, count, share. */
static void append_row(GString *out, const LaResultCount *row, uint64_t total, unsigned count_width)
{
  g_autoptr(GString) number = g_string_new(NULL);
  la_text_number(number, row->count);
  g_string_append_printf(out, "  %-17s %*s %5.1f %%", row->name, (int)count_width, number->str,
                         100.0 * (double)row->count / (double)(total > 0 ? total : 1));
}

static void overview_tables(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  const LaStyle *style = &report->base.options->style;
  LaResultCount opened[LA_HANDSHAKE_N];
  LaResultCount closed[LA_TEARDOWN_N];
  const LaResultCount *rows[] = {opened, closed};
  unsigned used[] = {la_counts_handshakes(counts, opened), la_counts_teardowns(counts, closed)};
  g_autoptr(GString) largest = g_string_new(NULL);
  la_text_number(largest, counts->connections);
  unsigned count_width = (unsigned)MAX(largest->len, 5);
  unsigned cell = 2 + 17 + 1 + count_width + 1 + 7;

  bool beside = 2 * cell + 4 <= style->width;
  g_string_append_c(out, '\n');
  la_style_paint(style, out, LA_PAINT_BOLD, "opened");
  if (beside) {
    la_style_pad(out, 6, cell + 4);
    la_style_paint(style, out, LA_PAINT_BOLD, "closed");
  }
  g_string_append_c(out, '\n');
  for (unsigned i = 0; i < used[0] || (beside && i < used[1]); i++) {
    gsize start = out->len;
    if (i < used[0])
      append_row(out, &rows[0][i], counts->connections, count_width);
    if (beside && i < used[1]) {
      la_style_pad(out, (unsigned)(out->len - start), cell + 4);
      append_row(out, &rows[1][i], counts->connections, count_width);
    }
    g_string_append_c(out, '\n');
  }
  if (beside)
    return;
  la_style_paint(style, out, LA_PAINT_BOLD, "closed");
  g_string_append_c(out, '\n');
  for (unsigned i = 0; i < used[1]; i++) {
    append_row(out, &rows[1][i], counts->connections, count_width);
    g_string_append_c(out, '\n');
  }
}

void la_text_overview(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  overview_files(report, out);
  overview_when(report, out);
  overview_what(report, out, counts);
  overview_window(report, out, counts);
  if (counts->connections > 0)
    overview_tables(report, out, counts);
}
