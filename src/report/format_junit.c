/* `-o junit`: a test suite for the run and for each service, a test case for each rule of it. The elements, their order and
 * attributes are those that the schema of Ant's reports and that of Jenkins both accept: text beside the failures stands in the
 * suite's system-out, since a case may hold nothing else there. Suppressed is skipped, what could not be read is an error. */
#include <string.h>

#include "report/ci.h"
#include "report/xml.h"

static void write_case(const LaReport *report, LaXml *xml, const LaSuite *suite, const LaCase *one)
{
  la_xml_open(xml, "testcase");
  la_xml_attribute(xml, "name", g_str_has_prefix(one->name, "expect.") ? one->name + strlen("expect.") : one->name);
  la_xml_attribute(xml, "classname", suite->name);
  la_xml_attribute(xml, "time", "0");
  if (one->result == LA_CASE_SUPPRESSED) {
    la_xml_open(xml, "skipped");
    la_xml_attribute(xml, "message", one->message);
    la_xml_close(xml);
  } else if (one->result == LA_CASE_BROKEN || one->result == LA_CASE_UNREADABLE) {
    g_autoptr(GString) details = g_string_new(NULL);
    la_ci_say_details(report, one, details);
    la_xml_open(xml, one->result == LA_CASE_BROKEN ? "failure" : "error");
    la_xml_attribute(xml, "message", one->message);
    la_xml_attribute(xml, "type", one->name);
    la_xml_text(xml, details->str);
    la_xml_close(xml);
  }
  la_xml_close(xml);
}

static unsigned count_results(const LaSuite *suite, LaCaseResult result)
{
  unsigned count = 0;
  for (unsigned i = 0; i < suite->cases->len; i++)
    count += ((const LaCase *)g_ptr_array_index(suite->cases, i))->result == result;
  return count;
}

static void write_property(LaXml *xml, const char *name, const char *value)
{
  la_xml_open(xml, "property");
  la_xml_attribute(xml, "name", name);
  la_xml_attribute(xml, "value", value);
  la_xml_close(xml);
}

static void write_properties(LaXml *xml, const LaCheck *check, const LaSuite *suite)
{
  g_autofree char *connections = g_strdup_printf("%" G_GUINT64_FORMAT, suite->connections);
  la_xml_open(xml, "properties");
  write_property(xml, "policy", check->policy->name);
  write_property(xml, "connections", connections);
  for (unsigned i = 0; i < check->paths->len; i++)
    write_property(xml, "capture", g_ptr_array_index(check->paths, i));
  la_xml_close(xml);
}

/* What was told without failing anything. */
static void say_rest(const LaCheck *check, const LaSuite *suite, GString *out)
{
  for (unsigned i = 0; i < suite->cases->len; i++) {
    const LaCase *one = g_ptr_array_index(suite->cases, i);
    bool told = one->result == LA_CASE_WARNED || (one->result == LA_CASE_PASSED && one->message != NULL);
    if (told)
      g_string_append_printf(out, "%s: %s\n", one->name, one->message);
  }
  if (suite != g_ptr_array_index(check->suites, 0))
    return;
  for (unsigned i = 0; i < check->suppressions->len; i++)
    g_string_append_printf(out, "%s\n", (const char *)g_ptr_array_index(check->suppressions, i));
  for (unsigned i = 0; i < check->notes->len; i++)
    g_string_append_printf(out, "%s\n", (const char *)g_ptr_array_index(check->notes, i));
}

static void write_suite(const LaReport *report, LaXml *xml, const LaCheck *check, unsigned index)
{
  const LaSuite *suite = g_ptr_array_index(check->suites, index);
  char start[LA_TIME_TEXT_MAX] = "1970-01-01T00:00:00";
  if (check->start != LA_TIME_NONE)
    la_time_format_rfc3339(check->start, start);
  start[sizeof "1970-01-01T00:00:00" - 1] = '\0'; /* neither fraction nor zone is allowed */
  double span = check->start != LA_TIME_NONE ? la_time_seconds(check->end - check->start) : 0;
  g_autofree char *seconds = g_strdup_printf("%.3f", MAX(span, 0));
  la_xml_open(xml, "testsuite");
  la_xml_attribute(xml, "name", suite->name);
  la_xml_attribute(xml, "package", "lastack");
  la_xml_attribute_count(xml, "id", index);
  la_xml_attribute(xml, "hostname", "localhost");
  la_xml_attribute(xml, "timestamp", start);
  la_xml_attribute(xml, "time", index == 0 ? seconds : "0");
  la_xml_attribute_count(xml, "tests", suite->cases->len);
  la_xml_attribute_count(xml, "failures", count_results(suite, LA_CASE_BROKEN));
  la_xml_attribute_count(xml, "errors", count_results(suite, LA_CASE_UNREADABLE));
  la_xml_attribute_count(xml, "skipped", count_results(suite, LA_CASE_SUPPRESSED));
  write_properties(xml, check, suite);
  for (unsigned i = 0; i < suite->cases->len; i++)
    write_case(report, xml, suite, g_ptr_array_index(suite->cases, i));
  g_autoptr(GString) rest = g_string_new(NULL);
  say_rest(check, suite, rest);
  la_xml_open(xml, "system-out");
  la_xml_text(xml, rest->str);
  la_xml_close(xml);
  la_xml_open(xml, "system-err");
  la_xml_close(xml);
  la_xml_close(xml);
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  return la_ci_begin(&la_format_junit, options, out);
}

static void end(LaReport *report, const LaCounts *counts)
{
  (void)counts;
  const LaCheck *check = report->options->check;
  LaXml xml;
  la_xml_init(&xml, la_output_buffer(report->out));
  la_xml_open(&xml, "testsuites");
  for (unsigned i = 0; i < check->suites->len; i++) {
    write_suite(report, &xml, check, i);
    la_output_settle(report->out);
  }
  la_xml_close(&xml);
}

const LaFormat la_format_junit = {
    .name = "junit",
    .records = LA_RECORDS_BRIEF,
    .judges = true,
    .begin = begin,
    .end = end,
    .free = la_ci_free,
};
