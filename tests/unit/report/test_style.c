#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "report/style.h"

static const LaStyle plain = {.colour = LA_COLOUR_OFF, .charset = LA_CHARSET_UTF8, .zone = LA_CLOCK_UTC, .width = 80};

static void assert_wrapped(const char *text, LaWrap wrap, const char *expected)
{
  g_autoptr(GString) out = g_string_new(NULL);
  la_wrap(out, text, &wrap);
  assert_string_equal(out->str, expected);
}

static void test_wrap_breaks_at_spaces(void **state)
{
  (void)state;
  assert_wrapped("one two three", (LaWrap){.width = 7}, "one two\nthree");
  assert_wrapped("one two three", (LaWrap){.width = 13}, "one two three");
  assert_wrapped("one two three", (LaWrap){.width = 12}, "one two\nthree");
}

static void test_wrap_indents_what_follows(void **state)
{
  (void)state;
  assert_wrapped("one two three", (LaWrap){.width = 9, .used = 4, .indent = 2}, "one\n  two\n  three");
}

static void test_wrap_never_cuts_a_word(void **state)
{
  (void)state;
  assert_wrapped("a 0123456789abcdef b", (LaWrap){.width = 8}, "a\n0123456789abcdef\nb");
  /* also the first, when it does not fit behind what is on the line already */
  assert_wrapped("0123456789", (LaWrap){.width = 8, .used = 4, .indent = 2}, "0123456789");
}

static void test_wrap_joins_lines_and_spaces(void **state)
{
  (void)state;
  assert_wrapped("one\n  two   three ", (LaWrap){.width = 80}, "one two three");
  assert_wrapped("", (LaWrap){.width = 80}, "");
}

static void test_wrap_counts_columns_not_bytes(void **state)
{
  (void)state;
  assert_wrapped("äöü äöü", (LaWrap){.width = 7}, "äöü äöü");
  assert_wrapped("\033[1mab\033[0m cd", (LaWrap){.width = 5}, "\033[1mab\033[0m cd");
}

static void test_columns(void **state)
{
  (void)state;
  assert_int_equal(la_style_columns("abc", -1), 3);
  assert_int_equal(la_style_columns("漢字", -1), 4);
  assert_int_equal(la_style_columns("\033[1;31mred\033[0m", -1), 3);
  assert_int_equal(la_style_columns("\033[1;31", -1), 0);
  assert_int_equal(la_style_columns("a\xff", -1), 2);
}

static void test_paint_only_with_colours(void **state)
{
  (void)state;
  g_autoptr(GString) out = g_string_new(NULL);
  la_style_paint(&plain, out, LA_PAINT_ERROR, "x");
  assert_string_equal(out->str, "x");
  LaStyle colours = plain;
  colours.colour = LA_COLOUR_ON;
  g_string_truncate(out, 0);
  la_style_paint(&colours, out, LA_PAINT_ERROR, "x");
  assert_string_equal(out->str, "\033[1;31mx\033[0m");
  g_string_truncate(out, 0);
  la_style_paint(&colours, out, LA_PAINT_PLAIN, "x");
  assert_string_equal(out->str, "x");
}

static void test_reduce_leaves_ascii_only(void **state)
{
  (void)state;
  LaStyle ascii = plain;
  ascii.charset = LA_CHARSET_ASCII;
  g_autoptr(GString) out = g_string_new("ä… a→b \xff");
  la_style_reduce(&ascii, out, 2);
  assert_string_equal(out->str, "ä... a->b ?");
  g_string_assign(out, "…");
  la_style_reduce(&plain, out, 0);
  assert_string_equal(out->str, "…");
}

static void test_numbers(void **state)
{
  (void)state;
  g_autoptr(GString) out = g_string_new(NULL);
  la_text_number(out, 0);
  g_string_append_c(out, ' ');
  la_text_number(out, 999);
  g_string_append_c(out, ' ');
  la_text_number(out, 1000);
  g_string_append_c(out, ' ');
  la_text_number(out, UINT64_MAX);
  assert_string_equal(out->str, "0 999 1,000 18,446,744,073,709,551,615");
  g_string_truncate(out, 0);
  la_text_count(out, 1, "packet", "packets");
  g_string_append_c(out, ' ');
  la_text_count(out, 0, "packet", "packets");
  assert_string_equal(out->str, "1 packet 0 packets");
}

static void test_bytes(void **state)
{
  (void)state;
  static const struct {
    uint64_t bytes;
    const char *text;
  } cases[] = {{0, "0 bytes"},   {1, "1 byte"},      {999, "999 bytes"},    {1000, "1.0 kB"},
               {52400, "52 kB"}, {999500, "1.0 MB"}, {3000000000, "3.0 GB"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    la_text_bytes(out, cases[i].bytes);
    assert_string_equal(out->str, cases[i].text);
  }
}

static void test_time_shows_what_is_needed(void **state)
{
  (void)state;
  LaTime noon = INT64_C(1795262400) * LA_SEC + 250 * LA_MSEC; /* 2026-11-21 12:00:00.250 */
  g_autoptr(GString) out = g_string_new(NULL);
  la_text_time(&plain, out, noon, LA_TIME_NONE, LA_SEC);
  assert_string_equal(out->str, "2026-11-21 12:00:00.250");
  g_string_truncate(out, 0);
  la_text_time(&plain, out, noon, noon - LA_SEC, 3600 * LA_SEC);
  assert_string_equal(out->str, "12:00:00");
  g_string_truncate(out, 0);
  la_text_time(&plain, out, noon, noon - 86400 * LA_SEC, 3600 * LA_SEC);
  assert_string_equal(out->str, "2026-11-21 12:00:00");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wrap_breaks_at_spaces),
      cmocka_unit_test(test_wrap_indents_what_follows),
      cmocka_unit_test(test_wrap_never_cuts_a_word),
      cmocka_unit_test(test_wrap_joins_lines_and_spaces),
      cmocka_unit_test(test_wrap_counts_columns_not_bytes),
      cmocka_unit_test(test_columns),
      cmocka_unit_test(test_paint_only_with_colours),
      cmocka_unit_test(test_reduce_leaves_ascii_only),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_bytes),
      cmocka_unit_test(test_time_shows_what_is_needed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
