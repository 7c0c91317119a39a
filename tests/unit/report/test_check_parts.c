/* The parts of a verdict: escaping for each kind of output, the XML writer, marks, owners of sockets, examples. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"
#include "report/check.h"
#include "report/marks.h"
#include "report/owners.h"
#include "report/xml.h"

#define HOSTILE "a<b>&\"'\x1b[31m\n\t\xff\xe2\x80\xae@x|`*#%:,]]>://\x7f"

static void expect_escaped(GString *got, const char *expected)
{
  assert_string_equal(got->str, expected);
  g_string_free(got, TRUE);
}

static void escapes(void **state)
{
  (void)state;
  GString *out = g_string_new(NULL);
  la_escape_xml(out, HOSTILE, -1, LA_XML_TEXT);
  expect_escaped(out, "a&lt;b&gt;&amp;&quot;'\\x1b[31m\n\t\\xff\\u{202e}@x|`*#%:,]]&gt;://\\x7f");
  out = g_string_new(NULL);
  la_escape_xml(out, "a\nb\tc", -1, LA_XML_ATTRIBUTE);
  expect_escaped(out, "a&#10;b&#9;c");
  out = g_string_new(NULL);
  la_escape_markdown(out, HOSTILE, -1);
  expect_escaped(
      out, "a&lt;b&gt;&amp;\"'\\\\x1b\\[31m\\\\x0a\\\\x09\\\\xff\\\\u{202e}&#64;x\\|\\`\\*\\#%:,\\]\\]&gt;&#58;//\\\\x7f");
  out = g_string_new(NULL);
  la_escape_github(out, HOSTILE, -1, LA_GITHUB_MESSAGE);
  expect_escaped(out, "a<b>&\"'\\x1b[31m%0A\\x09\\xff\\u{202e}@x|`*#%25:,]]>://\\x7f");
  out = g_string_new(NULL);
  la_escape_github(out, "a:b,c%", -1, LA_GITHUB_PROPERTY);
  expect_escaped(out, "a%3Ab%2Cc%25");
  out = g_string_new(NULL);
  la_escape_tap(out, "a # SKIP b\\\n", -1);
  expect_escaped(out, "a \\# SKIP b\\\\\\n");
}

static void xml(void **state)
{
  (void)state;
  GString *out = g_string_new(NULL);
  LaXml writer;
  la_xml_init(&writer, out);
  la_xml_open(&writer, "a");
  la_xml_attribute(&writer, "n", "x\"y");
  la_xml_attribute_count(&writer, "c", 7);
  la_xml_open(&writer, "b");
  la_xml_close(&writer);
  la_xml_open(&writer, "c");
  la_xml_text(&writer, "1 < 2");
  la_xml_close(&writer);
  la_xml_close(&writer);
  expect_escaped(out,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a n=\"x&quot;y\" c=\"7\">\n  <b/>\n  <c>1 &lt; 2</c>\n</a>\n");
}

static LaMarks *marks_of(const char *text)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("marks-XXXXXX", &path, NULL);
  assert_true(fd >= 0);
  close(fd);
  assert_true(g_file_set_contents(path, text, -1, NULL));
  LaMarks *marks = la_marks_load(path, NULL);
  unlink(path);
  return marks;
}

static void marks(void **state)
{
  (void)state;
  /* in any order; each lasts until the next */
  g_autoptr(LaMarks) lines = marks_of("# comment\n20 second\n10 first test\n\n30.5 third\n");
  assert_non_null(lines);
  assert_int_equal(la_marks_count(lines), 3);
  assert_null(la_marks_at(lines, 10 * LA_SEC - 1));
  assert_string_equal(la_marks_at(lines, 10 * LA_SEC), "first test");
  assert_string_equal(la_marks_at(lines, 20 * LA_SEC - 1), "first test");
  assert_string_equal(la_marks_at(lines, 30 * LA_SEC), "second");
  assert_string_equal(la_marks_at(lines, 1000 * LA_SEC), "third");
  /* cases one after the other from their suite's timestamp on, or at their own */
  g_autoptr(LaMarks) junit =
      marks_of("<testsuites><testsuite timestamp='1970-01-01T00:01:40'><testcase name='a' time='1,000.5'/>"
               "<testcase classname='c' name='b' time='2'/></testsuite><testsuite>"
               "<testcase name='lost' time='5'/><testcase name='own' time='1' timestamp='1970-01-01T02:00:00Z'/>"
               "</testsuite></testsuites>");
  assert_non_null(junit);
  assert_string_equal(la_marks_at(junit, 100 * LA_SEC), "a");
  assert_string_equal(la_marks_at(junit, 1101 * LA_SEC), "c.b");
  assert_string_equal(la_marks_at(junit, 7200 * LA_SEC), "own");
  assert_null(la_marks_at(junit, 7300 * LA_SEC));
  assert_null(marks_of("x y\n"));
  assert_null(marks_of("<a></b>"));
  assert_null(marks_of("10\n"));
}

static LaHostPort end_of(const char *address, uint16_t port)
{
  LaHostPort end = {.port = port};
  end.family = (uint8_t)la_addr_parse(address, &end.addr);
  return end;
}

static void owners(void **state)
{
  (void)state;
  g_autoptr(LaOwners) known = la_owners_new();
  LaHostPort client = end_of("127.0.0.1", 40000), server = end_of("127.0.0.1", 8888), nobody = {.port = 0},
             all = end_of("0.0.0.0", 8888);
  assert_null(la_owners_say(known, &client, &server, 0));
  la_owners_add(known, &all, &nobody, 1, "chatd", 7);
  g_autofree char *listener = la_owners_say(known, &client, &server, 5);
  assert_string_equal(listener, "server chatd (7)");
  la_owners_add(known, &client, &server, 10, "old", 8);
  la_owners_add(known, &client, &server, 20, "new", 9);
  la_owners_add(known, &server, &client, 20, "worker", 10);
  g_autofree char *first = la_owners_say(known, &client, &server, 5);
  assert_string_equal(first, "client old (8), server worker (10)");
  g_autofree char *second = la_owners_say(known, &client, &server, 11);
  assert_string_equal(second, "client new (9), server worker (10)");
  g_autofree char *third = la_owners_say(known, &client, &server, 21);
  assert_string_equal(third, "server chatd (7)");
}

static void examples(void **state)
{
  (void)state;
  LaCase *one = la_case_new("x", NULL);
  for (unsigned i = 0; i < 20; i++) {
    LaExample *example = g_new0(LaExample, 1);
    example->blame = i % 2 == 0 ? LA_BLAME_NETWORK : LA_BLAME_NONE;
    la_case_add_example(one, example);
  }
  assert_int_equal(one->examples->len, 2 * LA_EXAMPLES_MAX);
  la_case_drop_examples(one);
  assert_true(la_case_wants_example(one, LA_BLAME_NETWORK));
  la_case_free(one);
  LaExample shown = {.path = (char[]){"-x y.pcap"}, .id = 3, .packet_count = 2, .packets = {4, 9}, .packets_total = 40};
  g_autoptr(GString) out = g_string_new(NULL);
  LaShowCommand command = {.options = (char[]){"--by-tunnel"}};
  la_example_say_show(&shown, &command, out);
  assert_string_equal(out->str, "lastack show --by-tunnel -r '-x y.pcap' --conn 3");
  g_string_truncate(out, 0);
  command.files = (char[]){"-r a -r -x"};
  la_example_say_show(&shown, &command, out);
  assert_string_equal(out->str, "lastack show --by-tunnel -r a -r -x --conn 3");
  g_string_truncate(out, 0);
  la_show_command_say_file("-", LA_SHOW_FILE_IS_WORD, out);
  assert_string_equal(out->str, "FILE");
  g_string_truncate(out, 0);
  la_example_say_packets(&shown, out);
  assert_string_equal(out->str, "4, 9 and 38 more");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(escapes), cmocka_unit_test(xml),      cmocka_unit_test(marks),
      cmocka_unit_test(owners),  cmocka_unit_test(examples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
