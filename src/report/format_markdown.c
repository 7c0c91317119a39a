/* `-o markdown`: a summary for a job's or merge request's page: the verdict, a table of what broke, what to run, and the rest folded
 * away. */
#include <string.h>

#include "base/escape.h"
#include "report/ci.h"

#define COMMANDS_MAX 10
#define ROWS_MAX 100 /* of the table: a page of a site holds about a megabyte */

static void write_text(GString *out, const char *text)
{
  la_escape_markdown(out, text, -1);
}

static void write_row(const LaReport *report, const LaSuite *suite, const LaCase *one, GString *out)
{
  static const char *const words[] = {"", "", "warning", "**not read**", "**broken**"};
  g_string_append_printf(out, "| %s | ", words[one->result]);
  write_text(out, one->name);
  g_string_append(out, " | ");
  write_text(out, suite->name);
  g_string_append(out, " | ");
  uint64_t count = one->result == LA_CASE_BROKEN ? one->broken : one->warned;
  g_string_append_printf(out, "%" G_GUINT64_FORMAT " | ", count);
  LaBlame blame = la_ci_blame(one);
  g_string_append(out, one->rule != NULL ? la_blame_name(blame) : "");
  g_string_append(out, " | ");
  write_text(out, one->message);
  const LaExample *first = one->examples != NULL && one->examples->len > 0 ? g_ptr_array_index(one->examples, 0) : NULL;
  if (first != NULL && first->packet_count > 0) {
    g_autoptr(GString) packets = g_string_new(NULL);
    la_example_say_packets(first, packets);
    g_string_append_printf(out, "<br>packets %s", packets->str);
  }
  if (first != NULL && first->test != NULL) {
    g_string_append(out, "<br>test ");
    write_text(out, first->test);
  }
  (void)report;
  g_string_append(out, " |\n");
}

static bool is_told(const LaCase *one)
{
  return one->result == LA_CASE_BROKEN || one->result == LA_CASE_UNREADABLE || one->result == LA_CASE_WARNED;
}

static unsigned write_rows(const LaReport *report, const LaCheck *check, GString *out)
{
  static const LaCaseResult order[] = {LA_CASE_BROKEN, LA_CASE_UNREADABLE, LA_CASE_WARNED};
  unsigned rows = 0;
  for (unsigned o = 0; o < G_N_ELEMENTS(order); o++) {
    for (unsigned i = 0; i < check->suites->len; i++) {
      const LaSuite *suite = g_ptr_array_index(check->suites, i);
      for (unsigned k = 0; k < suite->cases->len; k++) {
        const LaCase *one = g_ptr_array_index(suite->cases, k);
        if (one->result != order[o])
          continue;
        if (rows++ == 0)
          g_string_append(out, "\n| | rule | service | count | blame | what |\n|---|---|---|--:|---|---|\n");
        if (rows <= ROWS_MAX)
          write_row(report, suite, one, out);
      }
    }
  }
  return rows;
}

/* Commands in an indented block, which no text can end early as it could a fence: each is one line. */
static void write_commands(const LaReport *report, const LaCheck *check, GString *out)
{
  unsigned count = 0;
  g_autoptr(GHashTable) said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (unsigned i = 0; i < check->suites->len && count < COMMANDS_MAX; i++) {
    const LaSuite *suite = g_ptr_array_index(check->suites, i);
    for (unsigned k = 0; k < suite->cases->len && count < COMMANDS_MAX; k++) {
      const LaCase *one = g_ptr_array_index(suite->cases, k);
      const LaExample *first = one->examples != NULL && one->examples->len > 0 ? g_ptr_array_index(one->examples, 0) : NULL;
      if (!is_told(one) || first == NULL || first->id == 0)
        continue;
      GString *command = g_string_new(NULL);
      la_example_say_show(first, report->options->show_command, command);
      if (g_hash_table_contains(said, command->str)) {
        g_string_free(command, TRUE);
        continue;
      }
      if (count++ == 0)
        g_string_append(out, "\nTo look closer:\n\n");
      g_string_append_printf(out, "    %s\n", command->str);
      g_hash_table_add(said, g_string_free(command, FALSE));
    }
  }
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  return la_ci_begin(&la_format_markdown, options, out);
}

static void end(LaReport *report, const LaCounts *counts)
{
  (void)counts;
  const LaCheck *check = report->options->check;
  GString *out = la_output_buffer(report->out);
  g_autoptr(GString) verdict = g_string_new(NULL);
  la_check_say_verdict(check, verdict);
  g_string_append_printf(out, "### TCP connections: %s\n\n", la_check_is_broken(check) ? "FAIL" : "pass");
  write_text(out, verdict->str);
  g_string_append(out, ".\n");
  unsigned rows = write_rows(report, check, out);
  if (rows > ROWS_MAX)
    g_string_append_printf(out, "\n... and %u rows more.\n", rows - ROWS_MAX);
  write_commands(report, check, out);
  for (unsigned i = 0; i < check->suppressions->len + check->notes->len; i++) {
    bool note = i >= check->suppressions->len;
    const char *text =
        note ? g_ptr_array_index(check->notes, i - check->suppressions->len) : g_ptr_array_index(check->suppressions, i);
    g_string_append(out, i == 0 ? "\n- " : "- ");
    write_text(out, text);
    g_string_append_c(out, '\n');
  }
}

const LaFormat la_format_markdown = {
    .name = "markdown",
    .records = LA_RECORDS_BRIEF,
    .judges = true,
    .begin = begin,
    .end = end,
    .free = la_ci_free,
};
