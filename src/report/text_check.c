/* The screen of `lastack check`: whether the policy holds, then what broke, which packets show it and what to run. */
#include <string.h>

#include "base/escape.h"
#include "report/ci.h"
#include "report/text.h"

#define BLOCKS_SHOWN 8
#define EXAMPLES_SHOWN 3

static char *harmless(const char *text)
{
  GString *out = g_string_new(NULL);
  la_escape_terminal(out, text, -1);
  return g_string_free(out, FALSE);
}

/* A labelled sentence from outside. */
static void say(const LaTextReport *report, GString *out, const char *label, const char *text)
{
  g_autofree char *plain = harmless(text);
  la_text_sentence(report, out, label, plain);
}

static void say_verdict(const LaTextReport *report, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  const LaCheck *check = report->base.options->check;
  bool broken = la_check_is_broken(check);
  bool unreadable = check->counts[LA_CASE_UNREADABLE] > 0;
  const char *word = broken ? "FAIL" : unreadable ? "PARTLY" : "PASS";
  la_style_paint(style, out, broken ? LA_PAINT_ERROR : unreadable ? LA_PAINT_WARNING : LA_PAINT_GOOD, word);
  la_style_pad(out, (unsigned)strlen(word), LA_TEXT_LABEL);
  g_autoptr(GString) text = g_string_new(NULL);
  la_check_say_verdict(check, text);
  g_string_append_c(text, '.');
  g_autofree char *plain = harmless(text->str);
  la_wrap(out, plain, &(LaWrap){.width = style->width, .used = LA_TEXT_LABEL, .indent = LA_TEXT_LABEL});
  g_string_append_c(out, '\n');
}

static void say_checked(const LaTextReport *report, GString *out)
{
  const LaCheck *check = report->base.options->check;
  char span[LA_TIME_TEXT_MAX];
  g_autoptr(GString) text = g_string_new(NULL);
  la_text_count(text, check->connections, "connection", "connections");
  if (check->connections != check->connections_total) {
    g_string_append(text, " of ");
    la_text_number(text, check->connections_total);
  }
  g_string_append(text, " to ");
  la_text_count(text, check->services, "service", "services");
  g_string_append(text, ", ");
  la_text_count(text, check->packets, "packet", "packets");
  if (check->start != LA_TIME_NONE)
    g_string_append_printf(text, " in %s", la_span_format(MAX(check->end - check->start, 0), span));
  uint64_t cases = 0;
  for (unsigned i = 0; i < LA_CASE_RESULT_N; i++)
    cases += check->counts[i];
  g_string_append(text, "; ");
  la_text_count(text, cases, "case", "cases");
  g_string_append(text, " of ");
  g_string_append(text, check->policy->name);
  say(report, out, "checked", text->str);
}

static void say_example(const LaTextReport *report, const LaCase *one, const LaExample *example, GString *out)
{
  g_autoptr(GString) line = g_string_new(NULL);
  say(report, out, "what", example->sentence);
  if (example->has_finding) {
    g_string_printf(line, "%s (%s)", la_blame_name((LaBlame)example->blame),
                    la_confidence_name((LaConfidence)example->confidence));
    la_text_sentence(report, out, "blame", line->str);
    g_string_truncate(line, 0);
  }
  if (one->rule == NULL || example->id == 0)
    la_example_say_ends(example, line);
  if (example->packet_count > 0) {
    g_string_truncate(line, 0);
    la_example_say_packets(example, line);
    if (report->base.options->check->paths->len > 1)
      g_string_append_printf(line, " of %s", example->path);
    say(report, out, example->packets_total == 1 ? "packet" : "packets", line->str);
  }
  if (example->owner != NULL)
    say(report, out, "sockets", example->owner);
  if (example->test != NULL)
    say(report, out, "test", example->test);
  if (example->id != 0) {
    g_string_truncate(line, 0);
    la_example_say_show(example, report->base.options->show_command, line);
    la_text_label(report, out, "show");
    la_style_paint(&report->base.options->style, out, LA_PAINT_CODE, line->str);
    g_string_append_c(out, '\n');
  }
}

static void say_case(const LaTextReport *report, const LaSuite *suite, const LaCase *one, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  bool broken = one->result == LA_CASE_BROKEN;
  const char *word = broken ? "BROKEN" : "NOT READ";
  uint64_t count = broken ? one->broken : one->warned;
  g_string_append_c(out, '\n');
  la_style_paint(style, out, broken ? LA_PAINT_ERROR : LA_PAINT_WARNING, word);
  la_style_pad(out, (unsigned)strlen(word), LA_TEXT_LABEL);
  g_autoptr(GString) title = g_string_new(one->name);
  g_string_append_printf(title, " on %s", suite->name);
  bool connections =
      one->examples != NULL && one->examples->len > 0 && ((const LaExample *)g_ptr_array_index(one->examples, 0))->id != 0;
  if (connections && !g_str_has_prefix(one->name, "expect.")) {
    g_string_append(title, ": ");
    la_text_count(title, count, "connection", "connections");
    if (suite->connections > 0 && suite != g_ptr_array_index(report->base.options->check->suites, 0))
      g_string_append_printf(title, " of %" G_GUINT64_FORMAT, suite->connections);
  }
  g_autofree char *plain = harmless(title->str);
  la_style_paint(style, out, LA_PAINT_BOLD, plain);
  g_string_append_c(out, '\n');
  if (one->why != NULL)
    say(report, out, "why", one->why);
  if (one->accepted > 0) {
    g_autofree char *accepted = g_strdup_printf("%" G_GUINT64_FORMAT " of them are in the baseline", one->accepted);
    la_text_sentence(report, out, "", accepted);
  }
  unsigned all = one->examples != NULL ? one->examples->len : 0;
  unsigned shown = report->base.options->verbosity == LA_VERBOSITY_VERBOSE ? all : MIN(all, EXAMPLES_SHOWN);
  if (all == 0 || g_str_has_prefix(one->name, "expect."))
    say(report, out, "what", one->message);
  for (unsigned i = 0; i < shown; i++)
    say_example(report, one, g_ptr_array_index(one->examples, i), out);
  if (all > 0 && count > shown && !g_str_has_prefix(one->name, "expect.")) {
    g_autofree char *more = g_strdup_printf("... and %" G_GUINT64_FORMAT " more", count - shown);
    la_text_sentence(report, out, "", more);
  }
}

/* Broken cases first, then what could not be read. Returns the first code to explain, or NULL. */
static const LaRule *say_cases(const LaTextReport *report, GString *out)
{
  const LaCheck *check = report->base.options->check;
  const LaCaseResult order[] = {LA_CASE_BROKEN, LA_CASE_UNREADABLE};
  bool verbose = report->base.options->verbosity == LA_VERBOSITY_VERBOSE;
  const LaRule *first = NULL;
  unsigned shown = 0;
  uint64_t left = 0;
  for (unsigned o = 0; o < G_N_ELEMENTS(order); o++) {
    for (unsigned i = 0; i < check->suites->len; i++) {
      const LaSuite *suite = g_ptr_array_index(check->suites, i);
      for (unsigned k = 0; k < suite->cases->len; k++) {
        const LaCase *one = g_ptr_array_index(suite->cases, k);
        if (one->result != order[o])
          continue;
        first = first != NULL ? first : one->rule;
        if (shown < BLOCKS_SHOWN || verbose) {
          say_case(report, suite, one, out);
          shown++;
        } else {
          left++;
        }
      }
    }
  }
  if (left > 0) {
    g_autofree char *more = g_strdup_printf("... and %" G_GUINT64_FORMAT " more broken cases; --verbose shows all.", left);
    g_string_append_c(out, '\n');
    la_text_sentence(report, out, "", more);
  }
  return first;
}

static void say_warned(const LaTextReport *report, GString *out)
{
  const LaCheck *check = report->base.options->check;
  unsigned lines = 0;
  for (unsigned i = 0; i < check->suites->len; i++) {
    const LaSuite *suite = g_ptr_array_index(check->suites, i);
    for (unsigned k = 0; k < suite->cases->len; k++) {
      const LaCase *one = g_ptr_array_index(suite->cases, k);
      if (one->result != LA_CASE_WARNED)
        continue;
      if (lines++ == 0)
        g_string_append_c(out, '\n');
      if (lines > BLOCKS_SHOWN && report->base.options->verbosity != LA_VERBOSITY_VERBOSE)
        continue;
      g_autofree char *text = g_strdup_printf("%s on %s: %s", one->name, suite->name, one->message);
      say(report, out, "passes", text);
    }
  }
  if (lines > BLOCKS_SHOWN && report->base.options->verbosity != LA_VERBOSITY_VERBOSE) {
    g_autofree char *more = g_strdup_printf("... and %u more that fail nothing; --verbose shows all.", lines - BLOCKS_SHOWN);
    la_text_sentence(report, out, "", more);
  }
}

/* Each expectation that holds, with what was measured. */
static void say_kept(const LaTextReport *report, GString *out)
{
  const LaCheck *check = report->base.options->check;
  for (unsigned i = 0; i < check->suites->len; i++) {
    const LaSuite *suite = g_ptr_array_index(check->suites, i);
    for (unsigned k = 0; k < suite->cases->len; k++) {
      const LaCase *one = g_ptr_array_index(suite->cases, k);
      if (one->result != LA_CASE_PASSED || one->message == NULL)
        continue;
      g_autofree char *text = g_strdup_printf("%s on %s: %s", one->name, suite->name, one->message);
      say(report, out, "holds", text);
    }
  }
}

void la_text_check_notes(const LaTextReport *report, GString *out)
{
  const LaCheck *check = report->base.options->check;
  for (unsigned i = 0; i < check->suppressions->len; i++)
    say(report, out, "noise", g_ptr_array_index(check->suppressions, i));
  if (check->accepted > 0) {
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " accepted: in the baseline", check->accepted);
    say(report, out, "noise", text);
  }
  for (unsigned i = 0; i < check->notes->len; i++) {
    g_autofree char *text = g_strconcat(g_ptr_array_index(check->notes, i), ".", NULL);
    say(report, out, "note", text);
  }
}

void la_text_check(const LaTextReport *report, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  say_verdict(report, out);
  if (report->base.options->verbosity == LA_VERBOSITY_QUIET && !la_check_is_broken(report->base.options->check))
    return;
  say_checked(report, out);
  const LaRule *first = say_cases(report, out);
  if (report->base.options->verbosity != LA_VERBOSITY_QUIET)
    say_warned(report, out);
  gsize before = out->len;
  g_string_append_c(out, '\n');
  if (report->base.options->verbosity != LA_VERBOSITY_QUIET)
    say_kept(report, out);
  la_text_check_notes(report, out);
  if (out->len == before + 1)
    g_string_truncate(out, before);
  if (first == NULL)
    return;
  g_string_append_c(out, '\n');
  g_autofree char *hint =
      g_strdup_printf("lastack explain %s tells what it means, what causes it and what to do.", first->code);
  g_autoptr(GString) wrapped = g_string_new(NULL);
  la_wrap(wrapped, hint, &(LaWrap){.width = style->width});
  la_style_paint(style, out, LA_PAINT_DIM, wrapped->str);
  g_string_append_c(out, '\n');
}
