/* Reading results that were kept: what is taken from a record, and what is refused. */
#include "unit/select/records.h"

#include "base/error.h"
#include "base/json_reader.h"

static void test_connection(void **state)
{
  (void)state;
  g_autoptr(LaStoredReader) reader = records_open("\n" RECORD_LEAK "  \n" RECORD_CLEAN);
  LaStored *record = la_stored_next(reader, NULL);
  assert_non_null(record);
  assert_int_equal(la_stored_type(record), LA_STORED_CONNECTION);
  assert_int_equal(la_stored_kind(record), LA_EXPRESSION_CONNECTION);
  int64_t value = 0;
  assert_true(la_stored_number(record, "id", &value));
  assert_int_equal(value, 7);
  assert_true(la_stored_number(record, "duration_s", &value));
  assert_int_equal(value, 1200708000);
  assert_true(la_stored_number(record, "handshake.syn_to_syn_ack_s", &value)); /* 1.6e-05, as jq writes it */
  assert_int_equal(value, 16000);
  assert_false(la_stored_number(record, "to_client.packets", &value));
  assert_false(la_stored_number(record, "no.such.field", &value));
  assert_int_equal(value, 16000);
  LaHostPort end;
  assert_true(la_stored_end(record, LA_ACCEPTOR, &end));
  assert_int_equal(end.port, 8888);
  assert_int_equal(end.family, LA_FAMILY_IPV4);
  unsigned count;
  const LaStoredFinding *findings = la_stored_findings(record, &count);
  assert_int_equal(count, 2);
  assert_string_equal(findings[0].code, "close-wait-leak");
  assert_ptr_equal(findings[0].rule, la_rule_find("close-wait-leak"));
  assert_int_equal(findings[0].severity, LA_SEVERITY_ERROR);
  assert_int_equal(findings[0].blame, LA_BLAME_SERVER_APPLICATION);
  assert_int_equal(findings[0].confidence, LA_CONFIDENCE_CERTAIN);
  assert_string_equal(findings[0].summary, "It holds the \u201csocket\u201d.");
  assert_string_equal(findings[1].code, "still-open");
  assert_string_equal(findings[1].summary, "");
  assert_int_equal(findings[1].at, LA_TIME_NONE);
  record = la_stored_next(reader, NULL);
  assert_true(la_stored_end(record, LA_ACCEPTOR, &end));
  assert_int_equal(end.family, LA_FAMILY_IPV6);
  assert_false(la_stored_end(record, LA_OPENER, &end));
  GError *error = NULL;
  assert_null(la_stored_next(reader, &error));
  assert_null(error);
}

static void test_other_records(void **state)
{
  (void)state;
  g_autoptr(LaStoredReader) reader = records_open(
      RECORD_HOST "{\"type\":\"capture\",\"schema\":\"lastack/1\",\"truncated\":true,\"findings\":[{\"code\":\"new-code\","
                  "\"severity\":\"fatal\"}],\"later\":{\"x\":[1,{\"y\":[]}]}}\n"
                  "{\"type\":\"summary\",\"schema\":\"lastack/1\"}\n{\"schema\":\"lastack/1\",\"type\":\"stats\"}");
  LaStored *record = la_stored_next(reader, NULL);
  assert_int_equal(la_stored_type(record), LA_STORED_HOST);
  LaHostPort end;
  assert_true(la_stored_end(record, LA_OPENER, &end));
  assert_int_equal(end.port, 0);
  assert_true(la_stored_end(record, LA_ACCEPTOR, &end));
  assert_int_equal(end.port, 8888);
  record = la_stored_next(reader, NULL);
  assert_int_equal(la_stored_type(record), LA_STORED_CAPTURE);
  assert_true(la_stored_truncated(record));
  unsigned count;
  const LaStoredFinding *findings = la_stored_findings(record, &count);
  assert_int_equal(count, 1);
  assert_null(findings[0].rule);
  assert_string_equal(findings[0].code, "new-code");
  assert_int_equal(findings[0].severity, LA_SEVERITY_NOTE);
  record = la_stored_next(reader, NULL);
  assert_int_equal(la_stored_type(record), LA_STORED_SUMMARY);
  assert_int_equal(la_stored_kind(record), LA_EXPRESSION_KIND_N);
  assert_false(la_stored_truncated(record));
  record = la_stored_next(reader, NULL);
  assert_int_equal(la_stored_type(record), LA_STORED_OTHER);
}

static void assert_refused(const char *text, int code, const char *word)
{
  g_autoptr(LaStoredReader) reader = records_open(text);
  g_autoptr(GError) error = NULL;
  LaStored *record;
  while ((record = la_stored_next(reader, &error)) != NULL)
    ;
  if (error == NULL)
    fail_msg("was taken: %s", text);
  assert_int_equal(error->code, code);
  assert_null(strchr(error->message, '\n'));
  if (strstr(error->message, word) == NULL)
    fail_msg("%s: %s", text, error->message);
}

static void test_refused(void **state)
{
  (void)state;
  assert_refused("hello\n", LA_ERROR_OPEN, "text:1: ");
  assert_refused("{}\n", LA_ERROR_OPEN, "text:1: ");
  assert_refused("[1]\n", LA_ERROR_OPEN, "text:1: ");
  assert_refused("{\"type\":\"connection\"}\n", LA_ERROR_OPEN, "lastack/1");
  assert_refused("{\"type\":\"connection\",\"schema\":\"lastack/2\"}\n", LA_ERROR_OPEN, "lastack/1");
  assert_refused(RECORD_CLEAN "\n{\"type\":\"connection\",\"schema\":\"lastack/1\"} x\n", LA_ERROR_OPEN, "text:3: ");
  assert_refused(RECORD_CLEAN "{\"type\":\"connection\",\"sch", LA_ERROR_BROKEN, "text:2: cut off");
  g_autofree char *deep = g_strnfill(200, '[');
  g_autofree char *nested = g_strconcat("{\"type\":\"summary\",\"schema\":\"lastack/1\",\"x\":", deep, "\n", NULL);
  assert_refused(nested, LA_ERROR_OPEN, "text:1: ");
  g_autofree char *spaces = g_strnfill(2 << 20, ' ');
  g_autofree char *wide = g_strconcat("{\"type\":\"summary\",", spaces, "\"schema\":\"lastack/1\"}\n", NULL);
  assert_refused(wide, LA_ERROR_OPEN, "text:1: ");
}

/* Paths that are longer than any field name no other by their beginning or end. */
static void test_long_paths(void **state)
{
  (void)state;
  GString *text = g_string_new("{\"type\":\"connection\",\"schema\":\"lastack/1\"");
  for (unsigned len = 100; len < 140; len++) {
    g_autofree char *key = g_strnfill(len, 'k');
    g_string_append_printf(text, ",\"%s\":{\"id\":5,\"client.ip\":\"10.0.0.1\"}", key);
  }
  g_string_append(text, ",\"server\":{\"port\":99999},\"client\":{\"port\":-1}}\n");
  g_autoptr(LaStoredReader) reader = records_open(text->str);
  LaStored *record = la_stored_next(reader, NULL);
  assert_non_null(record);
  int64_t value;
  LaHostPort end;
  assert_false(la_stored_number(record, "id", &value));
  assert_false(la_stored_end(record, LA_OPENER, &end));
  assert_false(la_stored_number(record, "server.port", &value));
  assert_false(la_stored_number(record, "client.port", &value));
  g_string_free(text, TRUE);
}

/* ---- JSON ---- */

/* The tokens of a text, a letter each, strings and numbers with their text. */
static char *tokens(const char *text)
{
  static const char letters[] = "{}[]ksntf0.!";
  g_autofree char *copy = g_strdup(text);
  GString *out = g_string_new(NULL);
  LaJsonReader reader;
  la_json_reader_init(&reader, copy, strlen(text));
  LaJsonToken token;
  do {
    token = la_json_reader_next(&reader);
    g_string_append_c(out, letters[token]);
    if (token == LA_JSON_KEY || token == LA_JSON_STRING || token == LA_JSON_NUMBER)
      g_string_append_printf(out, "(%.*s)", (int)reader.len, reader.text);
  } while (token != LA_JSON_END && token != LA_JSON_BAD && out->len < 500);
  if (token == LA_JSON_BAD)
    assert_int_equal(la_json_reader_next(&reader), LA_JSON_BAD);
  return g_string_free(out, FALSE);
}

static void test_json(void **state)
{
  (void)state;
  static const char *const texts[][2] = {
      {"{}", "{}."},
      {" [ ] ", "[]."},
      {"{\"a\":1,\"b\":[true,false,null,\"x\"],\"c\":{\"d\":-1.5e+3}}", "{k(a)n(1)k(b)[tf0s(x)]k(c){k(d)n(-1.5e+3)}}."},
      {"\"a\\\"\\\\\\/\\n\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "s(a\"\\/\nA\u00e9\u20ac\U0001F600)."},
      {"\"\\ud83d\"", "s(\ufffd)."},
      {"\"\\ude00x\"", "s(\ufffdx)."},
      {"0", "n(0)."},
      {"01", "!"},
      {"1.", "!"},
      {"-", "!"},
      {"1e", "!"},
      {"+1", "!"},
      {"", "!"},
      {"{", "{!"},
      {"{\"a\"}", "{!"},
      {"{\"a\":1,}", "{k(a)n(1)!"},
      {"{a:1}", "{!"},
      {"{\"a\":1 \"b\":2}", "{k(a)n(1)!"},
      {"[1,]", "[n(1)!"},
      {"[1}", "[n(1)!"},
      {"{]", "{!"},
      {"[1] 2", "[n(1)]!"},
      {"tru", "!"},
      {"\"a", "!"},
      {"\"a\nb\"", "!"},
      {"\"\\x\"", "!"},
      {"\"\\u12g4\"", "!"},
      {"\"\\", "!"},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *got = tokens(texts[i][0]);
    if (strcmp(got, texts[i][1]) != 0)
      fail_msg("%s: %s, not %s", texts[i][0], got, texts[i][1]);
  }
  g_autofree char *deepest = g_strnfill(LA_JSON_DEPTH_MAX, '[');
  g_autofree char *got = tokens(deepest);
  assert_int_equal(strlen(got), LA_JSON_DEPTH_MAX + 1);
  g_autofree char *deeper = g_strconcat(deepest, "[", NULL);
  g_autofree char *less = tokens(deeper);
  assert_int_equal(strlen(less), LA_JSON_DEPTH_MAX + 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_connection), cmocka_unit_test(test_other_records), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_long_paths), cmocka_unit_test(test_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
