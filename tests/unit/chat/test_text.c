/* UTF-8 and JSON before anything looks inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-glib/json-glib.h>

#include "chat/text.h"

static bool utf8(const char *text)
{
  return la_chat_utf8_valid((const uint8_t *)text, strlen(text));
}

static LaChatTextResult check(const char *text)
{
  return la_chat_text_check((const uint8_t *)text, strlen(text));
}

static void utf8_good(void **state)
{
  (void)state;
  const char *good[] = {"",
                        "plain",
                        "\xc2\x80",
                        "\xdf\xbf",
                        "\xe0\xa0\x80",
                        "\xed\x9f\xbf",
                        "\xee\x80\x80",
                        "\xef\xbf\xbf",
                        "\xf0\x90\x80\x80",
                        "\xf4\x8f\xbf\xbf",
                        "na\xc3\xafve \xe2\x82\xac"};
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
    assert_true(utf8(good[i]));
  assert_true(la_chat_utf8_valid((const uint8_t *)"a\0\xc3\xa9", 4));
}

static void utf8_bad(void **state)
{
  (void)state;
  const char *bad[] = {
      "\x80",             /* a continuation alone */
      "\xc0\xaf",         /* overlong */
      "\xc1\xbf",         /* overlong */
      "\xe0\x9f\xbf",     /* overlong */
      "\xf0\x8f\xbf\xbf", /* overlong */
      "\xed\xa0\x80",     /* a surrogate */
      "\xed\xbf\xbf",     /* a surrogate */
      "\xf4\x90\x80\x80", /* past U+10FFFF */
      "\xf8\x88\x80\x80\x80",
      "\xff",
      "\xc3",     /* cut off */
      "\xe2\x82", /* cut off */
      "ok\xe2\x82x",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    assert_false(utf8(bad[i]));
    assert_int_equal(check(bad[i]), LA_CHAT_TEXT_BAD_UTF8);
  }
  assert_false(la_chat_utf8_valid((const uint8_t *)"a\0\x80", 3));
}

static void json_good(void **state)
{
  (void)state;
  const char *good[] = {"{}",
                        " {} ",
                        "\t\r\n{ }",
                        "{\"a\":1}",
                        "{\"a\" : [ ] , \"b\":{}}",
                        "{\"a\":[1,2,[3,{\"x\":null}]]}",
                        "{\"a\":true,\"b\":false,\"c\":null}",
                        "{\"a\":-0}",
                        "{\"a\":-0.5e+10}",
                        "{\"a\":1E5}",
                        "{\"a\":0.25}",
                        "{\"\":\"\"}",
                        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}",
                        "{\"a\":\"\\ud83d\\ude00\"}",
                        "{\"a\":\"\\uffff\"}",
                        "{\"a\":\"\xe2\x82\xac\"}",
                        "{\"a\":1,\"a\":2}"};
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
    assert_int_equal(check(good[i]), LA_CHAT_TEXT_OK);
    /* What passes, json-glib reads. */
    g_autoptr(JsonParser) parser = json_parser_new();
    assert_true(json_parser_load_from_data(parser, good[i], -1, NULL));
    assert_true(JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)));
  }
}

static void json_bad(void **state)
{
  (void)state;
  const char *bad[] = {"",
                       " ",
                       "[]",
                       "1",
                       "\"a\"",
                       "null",
                       "{",
                       "}",
                       "{}}",
                       "{}{}",
                       "{} x",
                       "{\"a\"}",
                       "{\"a\":}",
                       "{\"a\":1,}",
                       "{,}",
                       "{a:1}",
                       "{'a':1}",
                       "{\"a\":[1,]}",
                       "{\"a\":[,1]}",
                       "{\"a\":[1 2]}",
                       "{\"a\":1 \"b\":2}",
                       "{\"a\":[1}",
                       "{\"a\":[}]}",
                       "{\"a\":(1)}",
                       "{\"a\":01}",
                       "{\"a\":.5}",
                       "{\"a\":5.}",
                       "{\"a\":+1}",
                       "{\"a\":1e}",
                       "{\"a\":0x10}",
                       "{\"a\":-}",
                       "{\"a\":NaN}",
                       "{\"a\":True}",
                       "{\"a\":nul}",
                       "{\"a\":\"\\x\"}",
                       "{\"a\":\"\\u12\"}",
                       "{\"a\":\"\\u12g4\"}",
                       "{\"a\":\"",
                       "{\"a\":\"\\",
                       "{\"a\":\"\\ud800\"}",
                       "{\"a\":\"\\ud800x\"}",
                       "{\"a\":\"\\ud800\\u0041\"}",
                       "{\"a\":\"\\udc00\"}",
                       "{\"a\":\"\\u0000\"}",
                       "{\"a\":\"\n\"}",
                       "{\"a\":\"\x01\"}",
                       "/* c */{}",
                       "{}//",
                       "var x = {}",
                       "{\"a\":1}/**/"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    if (check(bad[i]) != LA_CHAT_TEXT_BAD_JSON)
      fail_msg("taken for JSON: %s", bad[i]);
  }
  assert_int_equal(la_chat_text_check((const uint8_t *)"{}\0", 3), LA_CHAT_TEXT_BAD_JSON);
  assert_int_equal(la_chat_text_check((const uint8_t *)"{\"a\":\"\0\"}", 9), LA_CHAT_TEXT_BAD_JSON);
}

/* {"a":[[[...]]]} with `depth` levels in all. */
static char *nested(size_t depth)
{
  GString *text = g_string_new("{\"a\":");
  for (size_t i = 1; i < depth; i++)
    g_string_append_c(text, '[');
  if (depth == 1)
    g_string_append_c(text, '0');
  for (size_t i = 1; i < depth; i++)
    g_string_append_c(text, ']');
  g_string_append_c(text, '}');
  return g_string_free(text, FALSE);
}

static void depth_is_limited(void **state)
{
  (void)state;
  for (size_t depth = 1; depth <= 40; depth++) {
    g_autofree char *text = nested(depth);
    assert_int_equal(check(text), depth <= LA_CHAT_JSON_DEPTH ? LA_CHAT_TEXT_OK : LA_CHAT_TEXT_TOO_DEEP);
  }
  g_autofree char *deep = nested(500000);
  assert_int_equal(check(deep), LA_CHAT_TEXT_TOO_DEEP);
  /* Many beside one another are not deep. */
  g_autoptr(GString) wide = g_string_new("{\"a\":[0");
  for (int i = 0; i < 100000; i++)
    g_string_append(wide, ",{}");
  g_string_append(wide, "]}");
  assert_int_equal(check(wide->str), LA_CHAT_TEXT_OK);
}

/* No cut of a good text is good, and none is read past its end (the sanitizer watches). */
static void every_prefix_is_bad(void **state)
{
  (void)state;
  const char *text = "{\"a\":[1.5e3,true,\"\\ud83d\\ude00x\",{\"b\":null}],\"c\":\"\"}";
  for (size_t len = 0; len < strlen(text); len++) {
    g_autofree uint8_t *copy = g_memdup2(text, len);
    assert_int_equal(la_chat_text_check(copy, len), LA_CHAT_TEXT_BAD_JSON);
  }
}

static void names(void **state)
{
  (void)state;
  assert_true(la_chat_name_valid("anna", 32));
  assert_true(la_chat_name_valid("\xc3\x9cmit_7", 32));
  assert_true(la_chat_name_valid("12345678901234567890123456789012", 32));
  assert_false(la_chat_name_valid("123456789012345678901234567890123", 32));
  const char *bad[] = {"",
                       " ",
                       "a b",
                       "a\tb",
                       "a\nb",
                       "a\x7f",
                       "\x1b[31m",
                       ("\xe2\x80\xae"
                        "evil"),
                       "\xc2\x9b",
                       "a\xe2\x80\x8b",
                       "\xef\xbb\xbf"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
    assert_false(la_chat_name_valid(bad[i], 32));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(utf8_good), cmocka_unit_test(utf8_bad),         cmocka_unit_test(json_good),
      cmocka_unit_test(json_bad),  cmocka_unit_test(depth_is_limited), cmocka_unit_test(every_prefix_is_bad),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
