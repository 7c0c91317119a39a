#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "report/page.h"

static const LaStyle narrow = {.charset = LA_CHARSET_UTF8, .width = 30};

static void assert_page(const char *text, const char *skip_key, const char *expected)
{
  g_autoptr(GString) out = g_string_new(NULL);
  la_page_append(&narrow, out, text, skip_key);
  assert_string_equal(out->str, expected);
}

static void test_paragraphs_are_joined_and_wrapped(void **state)
{
  (void)state;
  assert_page("One two three\nfour five six seven.\n\nNext.\n", NULL, "One two three four five six\nseven.\n\nNext.\n");
}

static void test_headings_and_items(void **state)
{
  (void)state;
  assert_page("Text.\n\n## What\n- one two three four five six\n- seven\n  eight\n\nAfter.", NULL,
              "Text.\n\nWhat\n  - one two three four five\n    six\n  - seven eight\n\nAfter.\n");
}

static void test_code_stays_as_it_is(void **state)
{
  (void)state;
  assert_page("See:\n\n    ss -tanpo state close-wait 'sport = :PORT'\n    second\n\nAfter.", NULL,
              "See:\n\n    ss -tanpo state close-wait 'sport = :PORT'\n    second\n\nAfter.\n");
}

static void test_keys(void **state)
{
  (void)state;
  assert_page("First.\n\nseverity: error\nthreshold: x = 60s, how\n  long\nblame: none\n\nNote: this is text.", "threshold",
              "First.\n\nseverity:  error\nblame:     none\n\nNote: this is text.\n");
}

static void test_key_in_a_paragraph_is_none(void **state)
{
  (void)state;
  assert_page("It is so\nalso: not a key", NULL, "It is so also: not a key\n");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_paragraphs_are_joined_and_wrapped),
      cmocka_unit_test(test_headings_and_items),
      cmocka_unit_test(test_code_stays_as_it_is),
      cmocka_unit_test(test_keys),
      cmocka_unit_test(test_key_in_a_paragraph_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
