/* The page's head: what was read, and how connections opened and closed, with bars. */
#include "report/html.h"

#include <string.h>

#include "capture/filter.h"

#define CAPTURES_SHOWN 500
#define CAPTURES_OPEN 6 /* the others are folded away */
#define BAR_WIDTH 160

static void append_number(GString *out, uint64_t value)
{
  g_string_append(out, "<td class=\"n\">");
  la_text_number(out, value);
  g_string_append(out, "</td>");
}

static void append_part(GString *out, gsize from, uint64_t count, const char *one, const char *many)
{
  if (count == 0)
    return;
  g_string_append(out, out->len > from ? ", " : "");
  la_text_count(out, count, one, many);
}

/* What is wrong with the capture, and packets that are no segments. */
static void append_remarks(GString *out, const LaCaptureRecord *capture)
{
  static const char *const reasons[LA_SKIPPED_N] = {"not TCP",         "not IP",    "malformed",
                                                    "later fragments", "cut short", "not selected by the filter"};
  if (capture->broken_by != NULL) {
    g_string_append(out, "<span class=\"warning\">It broke off: ");
    la_html_text(out, capture->broken_by);
    g_string_append(out, ". What was readable is reported.</span> ");
  }
  gsize from = out->len;
  if (capture->end != LA_TIME_NONE && capture->observed_until > capture->end) {
    char span[LA_TIME_TEXT_MAX];
    g_string_append_printf(out, "observed for %s more", la_span_format(capture->observed_until - capture->end, span));
  }
  append_part(out, from, (uint64_t)MAX(capture->kernel_drops, 0), "packet was dropped while capturing",
              "packets were dropped while capturing");
  append_part(out, from, capture->missed_segments, "gap in the data", "gaps in the data");
  append_part(out, from, capture->duplicate_packets, "packet captured twice", "packets captured twice");
  append_part(out, from, capture->one_way_connections, "connection with one direction only",
              "connections with one direction only");
  append_part(out, from, capture->time_went_back, "step back in time", "steps back in time");
  append_part(out, from, capture->times_out_of_range, "packet with an impossible time", "packets with impossible times");
  for (unsigned reason = 0; reason < LA_SKIPPED_N; reason++)
    append_part(out, from, capture->skipped[reason], reasons[reason], reasons[reason]);
}

static void append_capture(const LaHtmlReport *report, GString *out, const LaCaptureRecord *capture)
{
  g_string_append(out, "<tr><td class=\"name\">");
  la_html_text(out, strcmp(capture->path, "-") == 0 ? "standard input" : capture->path);
  g_string_append(out, "</td>");
  append_number(out, capture->packets);
  append_number(out, capture->segments);
  append_number(out, capture->connections);
  g_string_append(out, "<td class=\"keep\">");
  if (capture->start != LA_TIME_NONE) {
    char span[LA_TIME_TEXT_MAX];
    LaTime length = capture->end - capture->start;
    la_html_time(report, out, capture->start, LA_TIME_NONE, length);
    g_string_append(out, " to ");
    la_html_time(report, out, capture->end, capture->start, length);
    g_string_append_printf(out, " (%s)", la_span_format(length, span));
  } else if (capture->packets > 0) {
    g_string_append(out, "<span class=\"dim\">no times</span>");
  }
  g_string_append(out, "</td><td>");
  append_remarks(out, capture);
  g_string_append(out, "</td></tr>\n");
}

static void append_table(const LaHtmlReport *report, GString *out, unsigned from, unsigned until)
{
  g_string_append(
      out,
      "<div class=\"wide\"><table>\n<thead><tr><th>capture</th><th class=\"n\">packets</th>"
      "<th class=\"n\">TCP segments</th><th class=\"n\">connections</th><th>when</th><th>besides</th></tr></thead>\n<tbody>\n");
  for (unsigned i = from; i < until; i++)
    append_capture(report, out, g_ptr_array_index(report->text.captures, i));
  g_string_append(out, "</tbody></table></div>\n");
}

static void append_captures(const LaHtmlReport *report, GString *out)
{
  unsigned count = report->text.captures->len;
  g_string_append(out, "<h2>What was read</h2>\n");
  if (count == 0)
    return;
  append_table(report, out, 0, MIN(count, CAPTURES_OPEN));
  if (count <= CAPTURES_OPEN)
    return;
  g_string_append_printf(out, "<details><summary>and %u more</summary>\n", count - CAPTURES_OPEN);
  append_table(report, out, CAPTURES_OPEN, MIN(count, CAPTURES_SHOWN));
  if (count > CAPTURES_SHOWN)
    g_string_append_printf(out, "<p class=\"dim\">... and %u more</p>\n", count - CAPTURES_SHOWN);
  g_string_append(out, "</details>\n");
}

static void append_results(GString *out, const char *title, const LaResultCount *rows, unsigned count, uint64_t total)
{
  g_string_append_printf(out, "<div><h3>%s</h3>\n<table><tbody>\n", title);
  for (unsigned i = 0; i < count; i++) {
    double share = (double)rows[i].count / (double)MAX(total, 1);
    g_string_append_printf(out, "<tr><td class=\"k\">%s</td>", rows[i].name);
    append_number(out, rows[i].count);
    g_string_append_printf(
        out,
        "<td class=\"n\">%.1f %%</td><td><svg width=\"%d\" height=\"14\" role=\"img\" aria-label=\"%.1f %%\">"
        "<rect class=\"back\" y=\"3\" width=\"%d\" height=\"10\"/><rect y=\"3\" width=\"%.1f\" "
        "height=\"10\"/></svg></td></tr>\n",
        100.0 * share, BAR_WIDTH, 100.0 * share, BAR_WIDTH, MAX(share * BAR_WIDTH, 1.0));
  }
  g_string_append(out, "</tbody></table></div>\n");
}

static void append_times(GString *out, const char *what, const LaTimes *times)
{
  if (times->count == 0)
    return;
  char text[LA_TIME_TEXT_MAX];
  g_string_append_printf(out, "<tr><td class=\"k\">%s</td>", what);
  append_number(out, times->count);
  const LaTime values[] = {times->p50, times->p90, times->p99};
  for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
    g_string_append_printf(out, "<td class=\"n\">%s</td>", la_span_format(values[i], text));
  g_string_append(out, "</tr>\n");
}

/* Of what opened and closed in the time that is reported. */
static void append_figures(GString *out, const LaFigures *figures)
{
  if (figures->syn_to_syn_ack.count + figures->syn_ack_to_ack.count + figures->close.count == 0)
    return;
  g_string_append(
      out, "<div><h3>How long it took</h3>\n<table><thead><tr><th></th><th class=\"n\">measured</th><th class=\"n\">half</th>"
           "<th class=\"n\">90 %</th><th class=\"n\">99 %</th></tr></thead><tbody>\n");
  append_times(out, "SYN to SYN-ACK", &figures->syn_to_syn_ack);
  append_times(out, "SYN-ACK to ACK", &figures->syn_ack_to_ack);
  append_times(out, "first FIN to the end", &figures->close);
  g_string_append(out, "</tbody></table></div>\n");
}

static void append_window(const LaHtmlReport *report, GString *out)
{
  g_autoptr(GString) line = g_string_new(NULL);
  la_text_window(&report->text, line);
  la_html_text(out, line->str);
}

void la_html_overview(const LaHtmlReport *report, GString *out, const LaCounts *counts)
{
  append_captures(report, out);
  if (counts->connections == 0)
    return;
  LaResultCount opened[LA_HANDSHAKE_N];
  LaResultCount closed[LA_TEARDOWN_N];
  g_string_append(out, "<h2>How connections opened and closed</h2>\n");
  if (counts->connections != counts->connections_total) {
    g_string_append(out, "<p class=\"dim\">");
    la_text_number(out, counts->connections);
    g_string_append(out, " of ");
    la_text_count(out, counts->connections_total, "connection", "connections");
    g_string_append(out, " are reported");
    if (!la_window_is_all(report->text.base.options->window)) {
      g_string_append(out, ": those that were there ");
      append_window(report, out);
    }
    g_string_append(out, ".</p>\n");
  }
  g_string_append(out, "<div class=\"two\">\n");
  append_results(out, "opened", opened, la_counts_handshakes(counts, opened), counts->connections);
  append_results(out, "closed", closed, la_counts_teardowns(counts, closed), counts->connections);
  append_figures(out, counts->narrowed ? &counts->reported : &counts->figures);
  g_string_append(out, "</div>\n");
}
