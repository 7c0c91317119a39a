#include "report/ci.h"

#include "base/escape.h"

LaReport *la_ci_begin(const LaFormat *format, const LaReportOptions *options, LaOutput *out)
{
  LaReport *report = g_new(LaReport, 1);
  *report = (LaReport){.format = format, .options = options, .out = out};
  return report;
}

void la_ci_free(LaReport *report)
{
  g_free(report);
}

static void say_example(const LaReport *report, const LaExample *example, GString *out)
{
  char start[LA_TIME_TEXT_MAX];
  g_string_append_printf(out, "%s\n", example->sentence);
  gsize before = out->len;
  g_string_append(out, "  connection: ");
  gsize empty = out->len;
  la_example_say_ends(example, out);
  if (out->len == empty)
    g_string_truncate(out, before);
  else if (example->started != LA_TIME_NONE)
    g_string_append_printf(out, ", began %s\n", la_time_format_rfc3339(example->started, start));
  else
    g_string_append_c(out, '\n');
  if (example->has_finding)
    g_string_append_printf(out, "  blame: %s (%s)\n", la_blame_name((LaBlame)example->blame),
                           la_confidence_name((LaConfidence)example->confidence));
  if (example->packet_count > 0) {
    g_string_append(out, example->packets_total == 1 ? "  packet: " : "  packets: ");
    la_example_say_packets(example, out);
    g_string_append_printf(out, " of %s\n", example->path);
  }
  if (example->owner != NULL)
    g_string_append_printf(out, "  sockets: %s\n", example->owner);
  if (example->test != NULL)
    g_string_append_printf(out, "  test: %s\n", example->test);
  if (example->id != 0) {
    g_string_append(out, "  show: ");
    la_example_say_show(example, report->options->show_command, out);
    g_string_append_c(out, '\n');
  }
}

void la_ci_say_details(const LaReport *report, const LaCase *one, GString *out)
{
  if (one->why != NULL)
    g_string_append_printf(out, "%s\n", one->why);
  unsigned count = one->examples != NULL ? one->examples->len : 0;
  for (unsigned i = 0; i < count; i++)
    say_example(report, g_ptr_array_index(one->examples, i), out);
  uint64_t all = one->result == LA_CASE_WARNED ? one->warned : one->broken;
  if (count > 0 && all > count)
    g_string_append_printf(out, "and %" G_GUINT64_FORMAT " more\n", all - count);
  if (one->rule != NULL)
    g_string_append_printf(out, "lastack explain %s tells what it means and what to do\n", one->rule->code);
}

LaBlame la_ci_blame(const LaCase *one)
{
  LaBlame most = LA_BLAME_NONE;
  for (unsigned blame = 0; blame < LA_BLAME_N; blame++) {
    if (one->by_blame[blame] > one->by_blame[most])
      most = (LaBlame)blame;
  }
  return most;
}

bool la_ci_place(const LaCheck *check, const LaCase *one, const char **ret_path, unsigned *ret_line)
{
  if (check->policy->path == NULL)
    return false;
  *ret_path = check->policy->path;
  *ret_line = MAX(one->line, 1);
  return true;
}
