/* `-o github`: workflow commands of GitHub Actions. A step shows about ten annotations of each kind, so a case is one, whatever its
 * number of connections, the last of them says how many cases there are beside the nine before, and the rest goes into the log. */
#include "base/escape.h"
#include "report/ci.h"

#define SHOWN 10 /* annotations of a kind that a step shows */

static void write_annotation(const LaReport *report, const LaCheck *check, const LaSuite *suite, const LaCase *one,
                             GString *out)
{
  const char *path;
  unsigned line;
  g_autofree char *title = g_strdup_printf("%s on %s", one->name, suite->name);
  g_autoptr(GString) text = g_string_new(one->message);
  g_string_append_c(text, '\n');
  la_ci_say_details(report, one, text);
  g_strchomp(text->str);
  g_string_append(out, one->result == LA_CASE_WARNED ? "::warning " : "::error ");
  if (la_ci_place(check, one, &path, &line)) {
    g_string_append(out, "file=");
    la_escape_github(out, path, -1, LA_GITHUB_PROPERTY);
    g_string_append_printf(out, ",line=%u,", line);
  }
  g_string_append(out, "title=");
  la_escape_github(out, title, -1, LA_GITHUB_PROPERTY);
  g_string_append(out, "::");
  la_escape_github(out, text->str, -1, LA_GITHUB_MESSAGE);
  g_string_append_c(out, '\n');
}

/* Beyond the shown ones: a line of the log. */
static void write_log_line(const LaSuite *suite, const LaCase *one, GString *out)
{
  g_string_append(out, one->result == LA_CASE_WARNED ? "warning: " : "error: ");
  la_escape_terminal(out, one->name, -1);
  g_string_append(out, " on ");
  la_escape_terminal(out, suite->name, -1);
  g_string_append(out, ": ");
  la_escape_terminal(out, one->message, -1);
  g_string_append_c(out, '\n');
}

typedef enum {
  KIND_ERROR,
  KIND_WARNING,
} Kind;

static bool is_kind(const LaCase *one, Kind kind)
{
  return kind == KIND_WARNING ? one->result == LA_CASE_WARNED
                              : one->result == LA_CASE_BROKEN || one->result == LA_CASE_UNREADABLE;
}

static void write_kind(const LaReport *report, const LaCheck *check, Kind kind, GString *out)
{
  uint64_t all =
      kind == KIND_WARNING ? check->counts[LA_CASE_WARNED] : check->counts[LA_CASE_BROKEN] + check->counts[LA_CASE_UNREADABLE];
  uint64_t shown = all <= SHOWN ? all : SHOWN - 1;
  uint64_t count = 0;
  for (unsigned i = 0; i < check->suites->len; i++) {
    const LaSuite *suite = g_ptr_array_index(check->suites, i);
    for (unsigned k = 0; k < suite->cases->len; k++) {
      const LaCase *one = g_ptr_array_index(suite->cases, k);
      if (!is_kind(one, kind))
        continue;
      if (count++ < shown)
        write_annotation(report, check, suite, one, out);
      else
        write_log_line(suite, one, out);
    }
  }
  if (all > shown)
    g_string_append_printf(out, "::%s title=lastack::%" G_GUINT64_FORMAT " more %s: see the log of this step\n",
                           kind == KIND_WARNING ? "warning" : "error", all - shown,
                           kind == KIND_WARNING ? "warnings" : "broken rules");
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  return la_ci_begin(&la_format_github, options, out);
}

static void end(LaReport *report, const LaCounts *counts)
{
  (void)counts;
  const LaCheck *check = report->options->check;
  GString *out = la_output_buffer(report->out);
  write_kind(report, check, KIND_ERROR, out);
  write_kind(report, check, KIND_WARNING, out);
  for (unsigned i = 0; i < check->suppressions->len + check->notes->len; i++) {
    bool note = i >= check->suppressions->len;
    const char *text =
        note ? g_ptr_array_index(check->notes, i - check->suppressions->len) : g_ptr_array_index(check->suppressions, i);
    la_escape_terminal(out, text, -1);
    g_string_append_c(out, '\n');
  }
  g_autoptr(GString) verdict = g_string_new(NULL);
  la_check_say_verdict(check, verdict);
  g_string_append(out, la_check_is_broken(check) ? "FAIL: " : "PASS: ");
  la_escape_terminal(out, verdict->str, -1);
  g_string_append(out, ".\n");
}

const LaFormat la_format_github = {
    .name = "github",
    .records = LA_RECORDS_BRIEF,
    .judges = true,
    .begin = begin,
    .end = end,
    .free = la_ci_free,
};
