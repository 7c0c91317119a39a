/* `-o text`: one screen for a person. Nothing of a connection is kept but its group, so the screen comes at the end, whole. With
 * --verbose the connections go out one by one before it, and the screen stands below them. */
#include "report/format.h"

#include <string.h>

#include "report/text.h"

void la_text_label(const LaTextReport *report, GString *out, const char *label)
{
  la_style_paint(&report->base.options->style, out, *label != '\0' ? LA_PAINT_DIM : LA_PAINT_PLAIN, label);
  la_style_pad(out, la_style_columns(label, -1), LA_TEXT_LABEL);
}

void la_text_sentence(const LaTextReport *report, GString *out, const char *label, const char *sentence)
{
  la_text_label(report, out, label);
  la_wrap(out, sentence, &(LaWrap){.width = report->base.options->style.width, .used = LA_TEXT_LABEL, .indent = LA_TEXT_LABEL});
  g_string_append_c(out, '\n');
}

void la_text_service(const LaTextReport *report, GString *out, const LaHostPort *end)
{
  if (report->names != NULL)
    la_name_cache_end(report->names, out, end);
  else
    la_text_end(out, end);
}

void la_text_span(const LaTextReport *report, LaTime *ret_start, LaTime *ret_end)
{
  LaTime start = LA_TIME_NONE;
  LaTime end = LA_TIME_NONE;
  for (unsigned i = 0; i < report->captures->len; i++) {
    const LaCaptureRecord *capture = g_ptr_array_index(report->captures, i);
    if (capture->start != LA_TIME_NONE && (start == LA_TIME_NONE || capture->start < start))
      start = capture->start;
    LaTime until = capture->observed_until != LA_TIME_NONE ? capture->observed_until : capture->end;
    if (until != LA_TIME_NONE && (end == LA_TIME_NONE || until > end))
      end = until;
  }
  *ret_start = start;
  *ret_end = end;
}

static void free_host(gpointer data)
{
  LaTextHost *host = data;
  g_free(host->sentence);
  g_free(host);
}

void la_text_begin(LaTextReport *report, const LaFormat *format, const LaReportOptions *options, LaOutput *out)
{
  report->base = (LaReport){.format = format, .options = options, .out = out};
  report->groups = la_groups_new();
  report->hosts = g_ptr_array_new_with_free_func(free_host);
  report->captures = g_ptr_array_new();
  report->names = options->names == LA_NAMES_RESOLVE ? la_name_cache_new() : NULL;
}

void la_text_clear(LaTextReport *report)
{
  la_groups_free(report->groups);
  g_ptr_array_unref(report->hosts);
  g_ptr_array_unref(report->captures);
  la_name_cache_free(report->names);
}

void la_text_keep_host(LaTextReport *report, const LaHostRecord *record)
{
  for (unsigned i = 0; i < record->finding_count; i++) {
    LaTextHost *kept = g_new0(LaTextHost, 1);
    kept->subject = record->subject;
    kept->finding = record->findings[i];
    GString *sentence = g_string_new(NULL);
    la_host_finding_summary(&record->findings[i], &record->subject, sentence);
    kept->sentence = g_string_free(sentence, FALSE);
    g_ptr_array_add(report->hosts, kept);
  }
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  LaTextReport *report = g_new0(LaTextReport, 1);
  la_text_begin(report, &la_format_text, options, out);
  return &report->base;
}

static void connection(LaReport *base, const LaConnectionRecord *record)
{
  LaTextReport *report = (LaTextReport *)base;
  if (base->options->purpose == LA_PURPOSE_VERDICT)
    return; /* the verdict has its own examples */
  la_groups_add(report->groups, record);
  if (base->options->verbosity != LA_VERBOSITY_VERBOSE)
    return;
  GString *out = la_output_buffer(base->out);
  gsize from = out->len;
  la_text_connection(report, out, record);
  report->lines++;
  la_style_reduce(&base->options->style, out, from);
  la_output_settle(base->out);
}

static void host(LaReport *base, const LaHostRecord *record)
{
  if (base->options->purpose != LA_PURPOSE_VERDICT)
    la_text_keep_host((LaTextReport *)base, record);
}

static void capture(LaReport *base, const LaCaptureRecord *record)
{
  LaTextReport *report = (LaTextReport *)base;
  g_ptr_array_add(report->captures, (gpointer)(guintptr)record);
}

static void end(LaReport *base, const LaCounts *counts)
{
  LaTextReport *report = (LaTextReport *)base;
  GString *out = la_output_buffer(base->out);
  gsize from = out->len;
  if (base->options->purpose == LA_PURPOSE_VERDICT) {
    la_text_check(report, out);
  } else if (base->options->verbosity == LA_VERBOSITY_QUIET) {
    la_text_quiet(report, out);
  } else if (report->captures->len > 0) {
    if (report->lines > 0)
      g_string_append_c(out, '\n');
    la_text_overview(report, out, counts);
    la_text_findings(report, out, counts);
    la_text_rates(report, out, counts);
    if (base->options->check != NULL) {
      gsize before = out->len;
      g_string_append_c(out, '\n');
      la_text_check_notes(report, out);
      if (out->len == before + 1)
        g_string_truncate(out, before);
    }
  }
  la_style_reduce(&base->options->style, out, from);
}

static void release(LaReport *base)
{
  la_text_clear((LaTextReport *)base);
  g_free(base);
}

const LaFormat la_format_text = {
    .name = "text",
    .records = LA_RECORDS_BRIEF,
    .begin = begin,
    .connection = connection,
    .host = host,
    .capture = capture,
    .end = end,
    .event = la_text_event,
    .stats = la_text_stats,
    .so_far = la_text_so_far,
    .free = release,
};
