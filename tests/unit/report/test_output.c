#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "report/output.h"

static void test_writes_all(void **state)
{
  (void)state;
  g_autofree char *folder = g_dir_make_tmp("lastack-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "out", NULL);
  LaOutput *out = la_output_open(path, NULL);
  assert_non_null(out);
  for (unsigned i = 0; i < 100000; i++) {
    g_string_append_printf(la_output_buffer(out), "%u\n", i);
    la_output_settle(out);
  }
  GError *error = NULL;
  assert_true(la_output_close(out, &error));
  la_output_free(out);
  g_autofree char *text = NULL;
  gsize len;
  assert_true(g_file_get_contents(path, &text, &len, NULL));
  assert_int_equal(len, 588890);
  assert_true(g_str_has_suffix(text, "\n99998\n99999\n"));
  g_unlink(path);
  g_rmdir(folder);
}

static void test_full_disk(void **state)
{
  (void)state;
  if (access("/dev/full", W_OK) != 0) {
    print_message("SKIPPED: there is no /dev/full\n");
    skip();
  }
  LaOutput *out = la_output_open("/dev/full", NULL);
  assert_non_null(out);
  g_string_append(la_output_buffer(out), "x");
  GError *error = NULL;
  assert_false(la_output_close(out, &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OUTPUT));
  assert_non_null(strstr(error->message, "/dev/full"));
  g_error_free(error);
  la_output_free(out);
}

static void test_closed_pipe_is_no_error(void **state)
{
  (void)state;
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  g_autofree char *path = g_strdup_printf("/dev/fd/%d", ends[1]);
  LaOutput *out = la_output_open(path, NULL);
  assert_non_null(out);
  close(ends[0]);
  close(ends[1]);
  assert_false(la_output_is_unread(out));
  g_string_append(la_output_buffer(out), "x");
  la_output_flush(out);
  assert_true(la_output_is_unread(out));
  GError *error = NULL;
  assert_true(la_output_close(out, &error));
  assert_null(error);
  la_output_free(out);
}

static void test_cannot_open(void **state)
{
  (void)state;
  GError *error = NULL;
  assert_null(la_output_open("/does/not/exi\033st", &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OUTPUT));
  assert_null(strchr(error->message, '\033'));
  g_error_free(error);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_writes_all),
      cmocka_unit_test(test_full_disk),
      cmocka_unit_test(test_closed_pipe_is_no_error),
      cmocka_unit_test(test_cannot_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
