/* The screen: what it says, that it fits, and that nothing from outside acts on the terminal. */
#include "unit/report/story.h"

#include <glib/gstdio.h>

static const LaShowCommand no_options = {.options = (char[]){""}};

static LaReportOptions options_of(unsigned width)
{
  return (LaReportOptions){.style = {.colour = LA_COLOUR_OFF, .charset = LA_CHARSET_UTF8, .zone = LA_CLOCK_UTC, .width = width},
                           .verbosity = LA_VERBOSITY_NORMAL,
                           .show_command = &no_options};
}

static LaCaptureRecord *capture_of(const char *path)
{
  LaCaptureRecord *record = la_capture_record_new(path, 1);
  record->packets = 10;
  record->segments = 7;
  record->skipped[LA_SKIPPED_NOT_TCP] = 3;
  record->start = STORY_START;
  record->end = STORY_START + 2 * LA_SEC;
  record->observed_until = STORY_START + 314 * LA_SEC;
  record->snaplen = 96;
  la_capture_record_add_link_type(record, 1);
  return record;
}

/* The whole report of `stories` (may be none) over one capture. */
static char *report_text(const LaReportOptions *options, Story *const *stories, unsigned count, const char *path)
{
  g_autofree char *folder = g_dir_make_tmp("lastack-XXXXXX", NULL);
  g_autofree char *file = g_build_filename(folder, "out", NULL);
  g_autoptr(LaOutput) out = la_output_open(file, NULL);
  assert_non_null(out);
  LaReport *report = la_format_text.begin(options, out);
  g_autoptr(LaCaptureRecord) capture = capture_of(path);
  LaCounts counts = {0};
  for (unsigned i = 0; i < count; i++) {
    stories[i]->record.path = path;
    la_counts_add_connection(&counts, &stories[i]->record);
    counts.connections_total++;
    la_report_connection(report, &stories[i]->record);
  }
  la_report_capture(report, capture);
  la_report_end(report, &counts);
  assert_true(la_output_close(out, NULL));
  la_report_free(report);
  char *text = NULL;
  assert_true(g_file_get_contents(file, &text, NULL, NULL));
  g_unlink(file);
  g_rmdir(folder);
  return text;
}

/* All lines within the width, but for those that are there to be copied. */
static void assert_fits(const char *text, unsigned width)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++) {
    if (g_str_has_prefix(lines[i], "show ") || g_str_has_prefix(lines[i], "filter "))
      continue;
    if (la_style_columns(lines[i], -1) > width)
      fail_msg("wider than %u: %s", width, lines[i]);
  }
}

static void test_a_leak(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", story->conn.last_time);
  LaReportOptions options = options_of(80);
  g_autofree char *text = report_text(&options, &story, 1, "leak.pcapng");
  assert_has(text, "read     leak.pcapng: 10 packets, EN10MB, snaplen 96\n");
  assert_has(text, "2026-11-21 02:00:00.000 to 02:00:02.000 UTC (2 s)");
  assert_has(text, "(312 s more)");
  assert_has(text, "what     7 TCP segments in 1 connection; other packets: 3 not TCP\n");
  assert_has(text, "  complete              1 100.0 %");
  assert_has(text, "1 error on 1 of 1 connection.");
  assert_has(text, "ERROR    CLOSE_WAIT leak (close-wait-leak)\n");
  assert_has(text, "who      10.9.0.2:8888: 1 connection from 1 client; blame server-application");
  assert_has(text, "in packet 6");
  assert_has(text, "show     lastack show leak.pcapng --conn 1\n");
  assert_has(text, "filter   ip.addr==10.9.0.1 && tcp.port==55308 && tcp.port==8888\n");
  assert_has(text, "lastack explain close-wait-leak");
  assert_fits(text, 80);
}

static void test_widths(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", story->conn.last_time);
  story_add_finding(story, "still-open", story->conn.last_time);
  for (unsigned width = 50; width <= 120; width++) {
    LaReportOptions options = options_of(width);
    g_autofree char *text = report_text(&options, &story, 1, "leak.pcapng");
    assert_fits(text, width);
  }
}

static void test_no_problems_is_said(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaReportOptions options = options_of(100);
  g_autofree char *text = report_text(&options, &story, 1, "good.pcap");
  assert_has(text, "No problems found in 1 connection.");
  assert_lacks(text, "explain");
  story_add_finding(story, "still-open", STORY_START);
  g_autofree char *noted = report_text(&options, &story, 1, "good.pcap");
  assert_has(noted, "No problems found in 1 connection.");
  assert_has(noted, "note     still open at the end (still-open): 1 connection of 10.9.0.2:8888, --conn 1\n");
}

static void test_no_connections_is_said(void **state)
{
  (void)state;
  LaReportOptions options = options_of(80);
  g_autofree char *text = report_text(&options, NULL, 0, "udp.pcap");
  assert_has(text, "No TCP connections to report.");
  assert_lacks(text, "opened");
}

static void test_many_services_are_folded(void **state)
{
  (void)state;
  Story *stories[200];
  for (unsigned i = 0; i < G_N_ELEMENTS(stories); i++) {
    stories[i] = story_new();
    stories[i]->conn.port[LA_ACCEPTOR] = (uint16_t)(1000 + i);
    stories[i]->conn.id = i + 1;
    story_add_finding(stories[i], "close-wait-leak", stories[i]->conn.last_time);
  }
  LaReportOptions options = options_of(80);
  g_autofree char *text = report_text(&options, stories, G_N_ELEMENTS(stories), "scan.pcap");
  assert_has(text, "200 errors on 200 of 200 connections.");
  assert_has(text, "also     the same at 199 more services (199 connections): 10.9.0.2:1001");
  unsigned lines = 0;
  for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
    lines++;
  assert_in_range(lines, 10, 24); /* one screen */
  options.verbosity = LA_VERBOSITY_VERBOSE;
  g_autofree char *all = report_text(&options, stories, G_N_ELEMENTS(stories), "scan.pcap");
  assert_has(all, "--conn 200\n");
  for (unsigned i = 0; i < G_N_ELEMENTS(stories); i++)
    g_free(stories[i]);
}

static void test_several_kinds_get_a_table(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaReportOptions options = options_of(80);
  story_add_finding(story, "close-wait-leak", STORY_START);
  story_add_finding(story, "fin-retransmitted", STORY_START);
  g_autofree char *two = report_text(&options, &story, 1, "x.pcap");
  assert_lacks(two, "  ERROR       1");
  story_add_finding(story, "syn-retransmitted", STORY_START);
  g_autofree char *three = report_text(&options, &story, 1, "x.pcap");
  assert_has(three, "\n  ERROR       1  close-wait-leak         server-application  10.9.0.2:8888\n"
                    "  WARNING     1  syn-retransmitted       server-application  10.9.0.2:8888\n");
  assert_fits(three, 80);
}

static void test_quiet_is_a_line_for_each_problem(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaReportOptions options = options_of(80);
  options.verbosity = LA_VERBOSITY_QUIET;
  story_add_finding(story, "still-open", STORY_START);
  g_autofree char *none = report_text(&options, &story, 1, "x.pcap");
  assert_string_equal(none, "");
  story_add_finding(story, "close-wait-leak", STORY_START);
  g_autofree char *text = report_text(&options, &story, 1, "x.pcap");
  assert_true(
      g_str_has_prefix(text, "error close-wait-leak 10.9.0.2:8888 server-application 1 connection: 10.9.0.2:8888 got the FIN"));
  assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
}

static void test_verbose_has_every_connection(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", STORY_START);
  LaReportOptions options = options_of(80);
  options.verbosity = LA_VERBOSITY_VERBOSE;
  g_autofree char *text = report_text(&options, &story, 1, "x.pcap");
  assert_true(g_str_has_prefix(
      text, "#1 10.9.0.1:55308 > 10.9.0.2:8888 02:00:00.000 1.04 s, 7 packets, opened complete, closed half-closed, "
            "client FIN_WAIT_2?, server CLOSE_WAIT\n  error close-wait-leak, blame server-application"));
}

static void test_nothing_from_outside_acts(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", STORY_START);
  LaReportOptions options = options_of(80);
  g_autofree char *text = report_text(&options, &story, 1, "a b'\033]0;x\007\n.pcap");
  for (const char *at = text; *at != '\0'; at++)
    assert_false((unsigned char)*at < 0x20 && *at != '\n');
  assert_has(text, "read     a b'\\x1b]0;x\\x07\\n.pcap: 10 packets");
  assert_has(text, "lastack show $'a b\\'\\x1b]0;x\\x07\\x0a.pcap' --conn 1\n");
}

static void test_ascii_only_when_the_terminal_knows_no_more(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", STORY_START);
  LaReportOptions options = options_of(80);
  options.style.charset = LA_CHARSET_ASCII;
  g_autofree char *text = report_text(&options, &story, 1, "\303\244.pcap");
  for (const char *at = text; *at != '\0'; at++)
    assert_true((unsigned char)*at < 0x80);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_leak),
      cmocka_unit_test(test_widths),
      cmocka_unit_test(test_no_problems_is_said),
      cmocka_unit_test(test_no_connections_is_said),
      cmocka_unit_test(test_many_services_are_folded),
      cmocka_unit_test(test_several_kinds_get_a_table),
      cmocka_unit_test(test_quiet_is_a_line_for_each_problem),
      cmocka_unit_test(test_verbose_has_every_connection),
      cmocka_unit_test(test_nothing_from_outside_acts),
      cmocka_unit_test(test_ascii_only_when_the_terminal_knows_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
