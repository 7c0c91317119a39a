/* `-o tap`: Test Anything Protocol, version 13: a line for each case of the policy, a YAML block for what is not well. Values in
 * the block are JSON strings, which YAML reads, one a line: the parser of Perl takes no list of strings with a colon in them. */
#include <string.h>

#include "base/escape.h"
#include "base/json.h"
#include "report/ci.h"

static void write_value(GString *out, const char *key, const char *value)
{
  g_string_append_printf(out, "  %s: \"", key);
  la_escape_json(out, value, -1);
  g_string_append(out, "\"\n");
}

static void write_block(const LaReport *report, const LaSuite *suite, const LaCase *one, GString *out)
{
  g_autoptr(GString) details = g_string_new(NULL);
  la_ci_say_details(report, one, details);
  g_string_append(out, "  ---\n");
  write_value(out, "message", one->message);
  write_value(out, "severity", one->result == LA_CASE_WARNED ? "comment" : "fail");
  write_value(out, "service", suite->name);
  write_value(out, "rule", one->name);
  write_value(out, "details", g_strchomp(details->str));
  g_string_append(out, "  ...\n");
}

static void write_comment(GString *out, const char *text)
{
  g_string_append(out, "# ");
  la_escape_terminal(out, text, -1);
  g_string_append_c(out, '\n');
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  return la_ci_begin(&la_format_tap, options, out);
}

static void end(LaReport *report, const LaCounts *counts)
{
  (void)counts;
  const LaCheck *check = report->options->check;
  GString *out = la_output_buffer(report->out);
  unsigned number = 0;
  for (unsigned i = 0; i < check->suites->len; i++)
    number += ((const LaSuite *)g_ptr_array_index(check->suites, i))->cases->len;
  g_string_append_printf(out, "TAP version 13\n1..%u\n", number);
  number = 0;
  for (unsigned i = 0; i < check->suites->len; i++) {
    const LaSuite *suite = g_ptr_array_index(check->suites, i);
    for (unsigned k = 0; k < suite->cases->len; k++) {
      const LaCase *one = g_ptr_array_index(suite->cases, k);
      bool bad = one->result == LA_CASE_BROKEN || one->result == LA_CASE_UNREADABLE;
      g_string_append_printf(out, "%s %u - ", bad ? "not ok" : "ok", ++number);
      la_escape_tap(out, suite->name, -1);
      g_string_append(out, ": ");
      la_escape_tap(out, one->name, -1);
      if (one->result == LA_CASE_SUPPRESSED) {
        g_string_append(out, " # SKIP ");
        la_escape_tap(out, one->message, -1);
      }
      g_string_append_c(out, '\n');
      if (bad || one->result == LA_CASE_WARNED)
        write_block(report, suite, one, out);
    }
    la_output_settle(report->out);
    out = la_output_buffer(report->out);
  }
  for (unsigned i = 0; i < check->suppressions->len; i++)
    write_comment(out, g_ptr_array_index(check->suppressions, i));
  for (unsigned i = 0; i < check->notes->len; i++)
    write_comment(out, g_ptr_array_index(check->notes, i));
}

const LaFormat la_format_tap = {
    .name = "tap",
    .records = LA_RECORDS_BRIEF,
    .judges = true,
    .begin = begin,
    .end = end,
    .free = la_ci_free,
};
