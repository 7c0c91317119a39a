/* The block "rates and times" of the screen. */
#include "report/text.h"

static void append_peak(const LaTextReport *report, GString *line, uint64_t peak, const char *what, LaTime when)
{
  const LaStyle *style = &report->base.options->style;
  LaTime start, end;
  la_text_span(report, &start, &end);
  la_text_number(line, peak);
  g_string_append(line, what);
  if (when == LA_TIME_NONE)
    return;
  g_string_append(line, " at ");
  la_text_time(style, line, when, start, start != LA_TIME_NONE ? end - start : 0);
}

static void append_rate(const LaTextReport *report, GString *line, const char *what, double mean, uint64_t peak, LaTime when)
{
  g_string_append_printf(line, "%s %.*f a second", what, mean < 9.95 ? 1 : 0, mean);
  if (peak > 0) {
    g_string_append(line, ", at most ");
    append_peak(report, line, peak, "", when);
  }
}

static void append_times(GString *line, const char *what, const LaTimes *times)
{
  char p50[LA_TIME_TEXT_MAX], p90[LA_TIME_TEXT_MAX], p99[LA_TIME_TEXT_MAX];
  if (times->count == 0)
    return;
  if (line->len > 0)
    g_string_append(line, "; ");
  g_string_append_printf(line, "%s %s, %s, %s", what, la_span_format(times->p50, p50), la_span_format(times->p90, p90),
                         la_span_format(times->p99, p99));
}

static double percent(uint64_t part, uint64_t whole)
{
  return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

/* Fewer connections make no rates, and their times stand in the ladder. */
#define RATES_MIN 10

/* "rates and times", and of what, when it is not everything that was read. */
static void append_heading(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  const LaStyle *style = &report->base.options->style;
  g_autoptr(GString) line = g_string_new(NULL);
  if (counts->narrowed) {
    la_text_count(line, counts->reported.connections, "connection", "connections");
    if (!la_window_is_all(report->base.options->window)) {
      g_string_append(line, ", ");
      la_text_window(report, line);
    }
  } else if (counts->connections != counts->connections_total) {
    g_string_append(line, "all ");
    la_text_count(line, counts->connections_total, "connection", "connections");
  }
  la_style_paint(style, out, LA_PAINT_BOLD, "rates and times");
  if (line->len > 0) {
    g_string_prepend(line, " of ");
    la_style_paint(style, out, LA_PAINT_BOLD, line->str);
  }
  g_string_append_c(out, '\n');
}

static void append_again(const LaTextReport *report, GString *out, const LaFigures *figures)
{
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_append_printf(line, "%.2f %% of the segments to the server, %.2f %% to the client; on ",
                         percent(figures->retransmitted[LA_OPENER], figures->segments[LA_OPENER]),
                         percent(figures->retransmitted[LA_ACCEPTOR], figures->segments[LA_ACCEPTOR]));
  la_text_count(line, figures->with_retransmissions, "connection", "connections");
  g_string_append_printf(line, " (%.1f %%)", percent(figures->with_retransmissions, figures->connections));
  if (!la_window_is_all(report->base.options->window))
    g_string_append(line, "; counted over their whole lives");
  la_text_sentence(report, out, "again", line->str);
}

void la_text_rates(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  const LaFigures *figures = counts->narrowed ? &counts->reported : &counts->figures;
  if (figures->connections < RATES_MIN)
    return;
  g_string_append_c(out, '\n');
  append_heading(report, out, counts);
  g_autoptr(GString) line = g_string_new(NULL);
  if (figures->observed_from == LA_TIME_NONE) {
    append_again(report, out, figures);
    return;
  }
  append_rate(report, line, "opened", figures->opened_per_s, figures->opened_peak_per_s, figures->opened_peak_at);
  append_rate(report, line, "; closed", figures->closed_per_s, figures->closed_peak_per_s, figures->closed_peak_at);
  la_text_sentence(report, out, "rate", line->str);

  g_string_truncate(line, 0);
  append_peak(report, line, figures->simultaneous_peak, " open", figures->simultaneous_peak_at);
  g_string_append(line, "; ");
  append_peak(report, line, figures->time_wait_peak, " in TIME_WAIT", figures->time_wait_peak_at);
  g_string_append(line, "; ");
  append_peak(report, line, figures->close_wait_peak, " in CLOSE_WAIT", figures->close_wait_peak_at);
  la_text_sentence(report, out, "at most", line->str);

  g_string_truncate(line, 0);
  append_times(line, "SYN to SYN-ACK", &figures->syn_to_syn_ack);
  append_times(line, "SYN-ACK to ACK", &figures->syn_ack_to_ack);
  append_times(line, "first FIN to the end", &figures->close);
  if (line->len > 0) {
    g_string_append(line, " (half, 90 % and 99 % took no longer)");
    la_text_sentence(report, out, "times", line->str);
  }

  append_again(report, out, figures);
  figures = &counts->figures; /* hosts are judged by all that was read */
  if (figures->services_not_kept == 0 && figures->sources_not_kept == 0)
    return;
  g_string_truncate(line, 0);
  g_string_append(line, "findings about hosts rest on a part of them: the services of ");
  la_text_count(line, figures->services_not_kept, "connection", "connections");
  g_string_append(line, " and the sources of ");
  la_text_count(line, figures->sources_not_kept, "connection", "connections");
  g_string_append(line, " were too many to follow");
  la_text_sentence(report, out, "limits", line->str);
}
