/* What no capture in the tests shows: a log that goes on in another file, and more than 4 GiB. */
#include "report/zeek.h"
#include "unit/report/story.h"

#include <glib/gstdio.h>

static unsigned count(const char *text, const char *part)
{
  unsigned found = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
    found++;
  return found;
}

static char *contents(const char *path)
{
  char *text = NULL;
  assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

static void test_head_in_every_file(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autofree char *folder = g_dir_make_tmp("lastack-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "conn.log", NULL);
  g_autofree char *moved = g_build_filename(folder, "conn.1", NULL);
  LaReportOptions how = {.version = "0"};
  LaOutput *out = la_output_open(path, NULL);
  assert_non_null(out);
  LaReport *report = la_format_zeek.begin(&how, out);
  la_format_zeek.connection(report, &story->record);
  la_format_zeek.connection(report, &story->record);
  la_output_flush(out);
  assert_int_equal(g_rename(path, moved), 0);
  assert_true(la_output_reopen(out, NULL));
  la_format_zeek.connection(report, &story->record);
  LaCounts counts = {0};
  la_format_zeek.end(report, &counts);
  la_report_free(report);
  assert_true(la_output_close(out, NULL));
  la_output_free(out);
  g_autofree char *first = contents(moved);
  g_autofree char *second = contents(path);
  assert_int_equal(count(first, "#separator"), 1);
  assert_int_equal(count(first, "\t10.9.0.1\t"), 2);
  assert_int_equal(count(second, "#separator"), 1);
  assert_int_equal(count(second, "\t10.9.0.1\t"), 1);
  assert_int_equal(count(second, "#close\t"), 1);
  g_unlink(path);
  g_unlink(moved);
  g_rmdir(folder);
}

/* Sequence numbers begin anew every 4 GiB, and retransmissions count once. */
static void test_large(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaEndpoint *server = &story->conn.end[LA_ACCEPTOR];
  server->flags |= LA_END_ISN;
  server->isn = 4000000000u;
  static const uint64_t sizes[] = {0, 1, UINT64_C(1) << 31, (UINT64_C(1) << 32) - 1, UINT64_C(1) << 32, UINT64_C(10000000000)};
  for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
    uint64_t bytes = UINT64_MAX;
    server->snd_nxt = server->isn + 1 + (uint32_t)sizes[i];
    server->payload_bytes = sizes[i] + 5000000;
    assert_true(la_zeek_bytes(&story->conn, LA_ACCEPTOR, &bytes));
    assert_true(bytes == sizes[i]);
  }
}

static void test_uid(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  char one[LA_ZEEK_UID_MAX], two[LA_ZEEK_UID_MAX];
  la_zeek_uid(&story->record, one);
  assert_string_equal(la_zeek_uid(&story->record, two), one);
  assert_int_equal(strlen(one), 18);
  story->conn.id++;
  assert_string_not_equal(la_zeek_uid(&story->record, two), one);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_head_in_every_file),
      cmocka_unit_test(test_large),
      cmocka_unit_test(test_uid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
