/* The language: what is understood, what is refused and where, and that printing loses nothing. */
#include "unit/select/records.h"

#include <stdio.h>

#include "base/error.h"
#include "select/expression.h"

static LaExpression *parse_as(const char *text, LaExpressionKind kind)
{
  GError *error = NULL;
  LaExpression *expression = la_expression_parse(text, kind, LA_CLOCK_UTC, &error);
  if (expression == NULL)
    fail_msg("%s\n%s", text, error->message);
  return expression;
}

static char *printed(const LaExpression *expression)
{
  GString *out = g_string_new(NULL);
  la_expression_print(expression, out);
  return g_string_free(out, FALSE);
}

/* ---- evaluation ---- */

/* An expression, and for which of the two records it holds. */
typedef struct {
  const char *text;
  int leak, clean;
} Case;

static const Case cases[] = {
    /* scalars */
    {"id == 7", 1, 0},
    {"id != 7", 0, 1},
    {"id in {1..6, 8}", 0, 1},
    {"id not in {1..6, 8}", 1, 0},
    {"id !in {7}", 0, 1},
    {"7 == 7 or true", -1, -1},
    {"server.port == 8888 and teardown == \"half-closed\"", 1, 0},
    {"server.port == 8888 && teardown == fin || id == 8", 0, 1},
    {"id == 8 or server.port == 8888 and teardown == fin", 0, 1},
    {"(id == 8 or server.port == 8888) and not teardown == fin", 1, 0},
    {"!(id == 7)", 0, 1},
    {"not not id == 7", 1, 0},
    {"TRUE", 1, 1},
    {"false", 0, 0},
    /* what is not known */
    {"to_server.packets != 9", 1, 0},
    {"to_server.packets == 9", 0, 0},
    {"not to_server.packets == 5", 0, 1},
    {"to_server.packets not in {1}", 1, 0},
    {"exists(to_server.packets)", 1, 0},
    {"exists(app_error.client)", 0, 0},
    {"exists(app_error)", 1, 0},
    {"exists(findings.code)", 1, 0},
    {"exists(finding)", 1, 0},
    {"handshake.client_options.fast_open == cookie", 0, 0},
    /* numbers and units */
    {"duration > 1.2s", 1, 0},
    {"duration_s > 1200708us", 0, 0},
    {"duration_s >= 1200708us", 1, 0},
    {"duration_s == 1.200708", 1, 0},
    {"duration < 1", 0, 1},
    {"duration <= 500ms", 0, 1},
    {"duration < 0.5", 0, 0},
    {"duration in {400ms..1s}", 0, 1},
    {"handshake.syn_to_syn_ack_s == 16us", 1, 0},
    {"handshake.syn_to_syn_ack_s >= 100ms", 0, 1},
    {"to_server.payload_bytes >= 2KiB", 1, 0},
    {"to_server.payload_bytes > 2kB", 1, 0},
    {"to_server.payload_bytes > 2048", 0, 0},
    {"to_server.payload_bytes < 1MiB", 1, 0},
    /* words */
    {"teardown == FIN", 0, 1},
    {"handshake.result eq complete and teardown ne fin", 1, 0},
    {"teardown in {fin, rst}", 0, 1},
    {"teardown ~ \"^half\"", 1, 0},
    {"teardown !~ \"^half\"", 0, 1},
    {"state == close_wait", 1, 0},
    {"state == Close-Wait", 1, 0},
    {"state != CLOSE_WAIT", 0, 1},
    {"final.server.certain", 1, 0},
    {"final.server.certain == false", 0, 0},
    {"not final.server.certain", 0, 1},
    {"handshake.client_options.sack", 1, 0},
    /* lists */
    {"finding == close-wait-leak", 1, 0},
    {"finding == \"still-open\"", 1, 0},
    {"finding != still-open", 0, 1},
    {"finding != rst-abort", 1, 1},
    {"finding in {rst-abort, still-open}", 1, 0},
    {"finding not in {rst-abort, still-open}", 0, 1},
    {"finding ~ \"-leak$\"", 1, 0},
    {"severity >= warning", 1, 0},
    {"severity < warning", 1, 0},
    {"severity == warning", 0, 0},
    {"confidence > likely", 1, 0},
    {"blame == server-application", 1, 0},
    {"findings.blame_also == network", 1, 0},
    {"findings.packets == 6", 1, 0},
    {"findings.facts.held_s > 5min", 1, 0},
    {"facts.held_s > 301", 0, 0},
    {"facts.idle_s == 12s", 1, 0},
    {"findings.summary ~ \"holds the \u201c\"", 1, 0},
    {"encapsulation == \"gre\"", 1, 0},
    {"encapsulation != \"gre\"", 0, 1},
    {"encapsulation == gre", 1, 0},
    {"app_error == ECONNRESET", 1, 0},
    {"app_error != ECONNRESET", 0, 1},
    {"path.client.state == FIN_WAIT_2", 1, 0},
    {"path.server.state == FIN_WAIT_2", 0, 0},
    {"path.client.at_s > 0", 0, 0},
    /* addresses and ports */
    {"client.ip == 10.9.0.1", 1, 0},
    {"client.ip != 10.9.0.1", 0, 0},
    {"client.ip in 10.0.0.0/8", 1, 0},
    {"client.ip == 10.0.0.0/8", 1, 0},
    {"client.ip in 11.0.0.0/8", 0, 0},
    {"ip in {192.0.2.1, 2001:db8::/32}", 0, 1},
    {"ip == 10.9.0.2", 1, 0},
    {"ip != 10.9.0.2", 0, 1},
    {"ip in 0.0.0.0/0", 1, 0},
    {"ip ~ \"^10\\.9\\.\"", 1, 0},
    {"port in {80, 443}", 0, 1},
    {"port in {8000..8999}", 1, 0},
    {"server.port in 8000..8999", 1, 0},
    {"port < 1024", 0, 1},
    /* times */
    {"start >= \"02:10\"", 1, 0},
    {"start > \"02:11\"", 0, 0},
    {"start == \"02:11\"", 1, 0},
    {"start == \"02:11:46\"", 1, 0},
    {"start == \"02:11:46.1\"", 0, 0},
    {"start == 02:11:46.050708", 1, 0},
    {"start < 02:11:46.050708", 0, 0},
    {"start <= 02:11", 1, 0},
    {"start == 2026-11-21", 1, 0},
    {"start > 2026-11-21", 0, 0},
    {"start >= \"2026-11-21 02:11\"", 1, 0},
    {"start < 2026-11-21T03:12:00+01:00", 1, 0},
    {"start < 2026-11-21T03:11:00+01:00", 0, 0},
    {"start > 1795227105.9", 1, 0},
    {"start == 1795227106", 1, 0},
    {"findings.at == 02:11:47", 1, 0},
};

static void test_evaluation(void **state)
{
  (void)state;
  g_autoptr(LaStoredReader) reader = records_open(RECORD_LEAK RECORD_CLEAN);
  for (int which = 0; which < 2; which++) {
    LaStored *record = la_stored_next(reader, NULL);
    assert_non_null(record);
    LaCandidate candidate = {.stored = record};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
      int expected = which == 0 ? cases[i].leak : cases[i].clean;
      if (expected < 0)
        continue;
      g_autoptr(LaExpression) expression = parse_as(cases[i].text, LA_EXPRESSION_CONNECTION);
      if (la_expression_holds(expression, &candidate) != (expected == 1))
        fail_msg("%s: record %d, expected %d", cases[i].text, which, expected);
    }
  }
}

/* A stretch of time ends where the next begins. */
static void test_edges_of_times(void **state)
{
  (void)state;
  static const struct {
    const char *start, *text;
    int holds;
  } edges[] = {
      {"2026-11-21T02:12:00.000000000Z", "start == 02:11", 0},
      {"2026-11-21T02:11:59.999999999Z", "start == 02:11", 1},
      {"2026-11-21T02:12:00.000000000Z", "start > 02:11", 1},
      {"2026-11-21T02:11:59.999999999Z", "start > 02:11", 0},
      {"2026-11-22T00:00:00.000000000Z", "start == 2026-11-21", 0},
      {"2026-11-22T00:00:00.000000000Z", "start <= 2026-11-21", 0},
      {"2026-11-21T00:00:00.000000000Z", "start < 2026-11-21", 0},
      {"2026-11-20T23:59:59.999999999Z", "start < 2026-11-21", 1},
      {"2026-11-21T02:11:46.100000000Z", "start == 02:11:46.0", 0},
      {"2026-11-21T02:11:46.000000001Z", "start == 02:11:46.000000000", 0},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(edges); i++) {
    g_autofree char *text =
        g_strdup_printf("{\"type\":\"connection\",\"schema\":\"lastack/1\",\"start\":\"%s\"}\n", edges[i].start);
    g_autoptr(LaStoredReader) reader = records_open(text);
    LaCandidate candidate = {.stored = la_stored_next(reader, NULL)};
    g_autoptr(LaExpression) expression = parse_as(edges[i].text, LA_EXPRESSION_CONNECTION);
    if (la_expression_holds(expression, &candidate) != (edges[i].holds == 1))
      fail_msg("%s: %s", edges[i].start, edges[i].text);
  }
}

static void test_findings_of_hosts(void **state)
{
  (void)state;
  g_autoptr(LaStoredReader) reader = records_open(RECORD_HOST);
  LaStored *record = la_stored_next(reader, NULL);
  LaCandidate candidate = {.stored = record};
  static const struct {
    const char *text;
    int first, second;
  } host_cases[] = {
      {"finding == time-wait-pileup", 1, 0}, {"severity == note", 0, 1},    {"subject.kind == pair", 1, 1},
      {"client.ip == 10.9.0.1", 1, 1},       {"server.port == 8888", 1, 1}, {"facts.peak > 100", 1, 0},
      {"finding != connection-churn", 1, 0}, {"exists(facts.peak)", 1, 0},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(host_cases); i++) {
    g_autoptr(LaExpression) expression = parse_as(host_cases[i].text, LA_EXPRESSION_HOST);
    la_stored_focus(record, 0);
    assert_int_equal(la_expression_holds(expression, &candidate), host_cases[i].first);
    la_stored_focus(record, 1);
    assert_int_equal(la_expression_holds(expression, &candidate), host_cases[i].second);
  }
}

/* ---- faults ---- */

typedef struct {
  const char *text;
  LaExpressionKind kind;
  int column;
  const char *word; /* in the message */
} Fault;

#define CONN LA_EXPRESSION_CONNECTION
#define TOTAL LA_EXPRESSION_TOTAL

static const Fault faults[] = {
    {"", CONN, 1, "expected"},
    {"server.prt == 1", CONN, 1, "'server.port'"},
    {"id == 1 and srever.port == 1", CONN, 13, "'server.port'"},
    {"tcp.port == 80", CONN, 1, "'port'"},
    {"close-wait-leak", CONN, 1, "finding == \"close-wait-leak\""},
    {"finding == close-wait-leek", CONN, 12, "'close-wait-leak'"},
    {"finding in {rst-abort, rst-abrot}", CONN, 24, "'rst-abort'"},
    {"finding == syn-flood", CONN, 12, "hosts("},
    {"finding == rst-abort", LA_EXPRESSION_HOST, 12, "no finding about hosts"},
    {"finding == rst-abort", LA_EXPRESSION_CAPTURE, 12, "no finding about captures"},
    {"teardown == fin", LA_EXPRESSION_HOST, 1, "not known"},
    {"subject.kind == pair", CONN, 1, "not known"},
    {"teardown == fni", CONN, 13, "'fin'"},
    {"teardown == x", CONN, 13, "half-closed"},
    {"state == TIMEWAIT", CONN, 10, "'TIME_WAIT'"},
    {"teardown > fin", CONN, 10, "cannot be compared"},
    {"ip < 10.0.0.1", CONN, 4, "cannot be compared"},
    {"id ~ \"7\"", CONN, 4, "cannot be compared"},
    {"id = 7", CONN, 4, "=="},
    {"id & 7", CONN, 4, "and"},
    {"id == 7 | id == 8", CONN, 9, "or"},
    {"id == 7 id == 8", CONN, 9, "and, or"},
    {"id == 7 and", CONN, 12, "expected"},
    {"(id == 7", CONN, 9, ")"},
    {"id == 7)", CONN, 8, "end"},
    {"id ==", CONN, 6, "a value"},
    {"id in {7", CONN, 9, "}"},
    {"id in {}", CONN, 8, "a value"},
    {"id in {7..5}", CONN, 8, "below its beginning"},
    {"id == 7..9", CONN, 7, "in {"},
    {"id not == 7", CONN, 8, "in"},
    {"id", CONN, 3, "exists(id)"},
    {"exists(nonsense)", CONN, 8, "no field"},
    {"exists(id", CONN, 10, ")"},
    {"7 == id", CONN, 1, "left"},
    {"id == 7s", CONN, 7, "whole number"},
    {"id == 1.5", CONN, 7, "number"},
    {"id == -1", CONN, 7, "whole number"},
    {"id == 99999999999999999999", CONN, 7, "too large"},
    {"duration > 5x", CONN, 12, "span"},
    {"duration > 0.0000000001s", CONN, 12, "finer"},
    {"duration > 9999999999999h", CONN, 12, "too large"},
    {"to_server.payload_bytes > 5s", CONN, 27, "bytes"},
    {"port == 65536", CONN, 9, "65535"},
    {"ip == 10.0.0.256", CONN, 7, "address"},
    {"ip in 10.0.0.0/33", CONN, 7, "32"},
    {"start > 25:10", CONN, 9, "time"},
    {"start > 2026-02-30", CONN, 9, "time"},
    {"path_corrected == maybe", CONN, 19, "true or false"},
    {"teardown ~ \"(\"", CONN, 12, "regular expression"},
    {"teardown == \"fin", CONN, 13, "closing quote"},
    {"@leaks and id == 7", CONN, 1, "stands alone"},
    {"count(id == 7) > 1", CONN, 1, "--expect"},
    {"id == 7 \x01", CONN, 9, "no meaning"},
    {"id > 1", TOTAL, 1, "count(id"},
    {"count(id > 1)", TOTAL, 14, "comparison"},
    {"count(id > 1 > 2", TOTAL, 14, "and, or"},
    {"count(idd > 1) > 2", TOTAL, 7, "'id'"},
    {"share() > 1%", TOTAL, 7, "expected"},
    {"share(id > 1) > 1", TOTAL, 17, "percentage"},
    {"share(id > 1) > 1s", TOTAL, 17, "number"},
    {"p99(ip) > 1", TOTAL, 5, "only numbers"},
    {"p99(id > 1) > 1", TOTAL, 8, ")"},
    {"p100(id) > 1", TOTAL, 1, "expected count"},
    {"p0(id) > 1", TOTAL, 1, "expected count"},
    {"average(id) > 1", TOTAL, 1, "expected count"},
    {"hosts(finding == rst-abort) == 0", TOTAL, 18, "no finding about hosts"},
    {"capture(finding == syn-flood) == 0", TOTAL, 20, "no finding about captures"},
    {"count(finding == syn-flood) == 0", TOTAL, 18, "hosts("},
    {"count() ~ 5", TOTAL, 9, "comparison"},
};

static void test_faults(void **state)
{
  (void)state;
  for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
    const Fault *f = &faults[i];
    g_autoptr(GError) error = NULL;
    g_autoptr(LaExpression) expression = la_expression_parse(f->text, f->kind, LA_CLOCK_UTC, &error);
    if (expression != NULL)
      fail_msg("%s was understood", f->text);
    assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
    g_autofree char *column = g_strdup_printf(" (column %d)\n", f->column);
    if (strstr(error->message, column) == NULL || strstr(error->message, f->word) == NULL)
      fail_msg("%s: not in column %d, or without %s:\n%s", f->text, f->column, f->word, error->message);
    /* Three lines, the last of them a caret under the column (no text here has characters that are escaped before it). */
    g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);
    assert_int_equal(g_strv_length(lines), 3);
    assert_int_equal((int)strlen(lines[2]), 2 + f->column);
    assert_int_equal((int)strcspn(lines[2], "^"), 1 + f->column);
  }
}

static void test_limits(void **state)
{
  (void)state;
  g_autoptr(GString) text = g_string_new(NULL);
  for (unsigned i = 0; i < LA_EXPRESSION_DEPTH_MAX; i++)
    g_string_append(text, i % 2 == 0 ? "(" : "!");
  g_string_append(text, "id == 1");
  for (unsigned i = 0; i < LA_EXPRESSION_DEPTH_MAX / 2; i++)
    g_string_append_c(text, ')');
  la_expression_free(parse_as(text->str, CONN));
  g_string_prepend(text, "!");
  g_autoptr(GError) error = NULL;
  assert_null(la_expression_parse(text->str, CONN, LA_CLOCK_UTC, &error));
  assert_non_null(strstr(error->message, "nested"));
  g_clear_error(&error);
  g_string_truncate(text, 0);
  while (text->len <= LA_EXPRESSION_TEXT_MAX)
    g_string_append_c(text, '(');
  assert_null(la_expression_parse(text->str, CONN, LA_CLOCK_UTC, &error));
  assert_non_null(strstr(error->message, "4096"));
}

/* A fault far to the right, behind wide characters and controls: the caret stands under what it means, on a short line. */
static void test_caret_in_long_text(void **state)
{
  (void)state;
  g_autoptr(GString) text = g_string_new(NULL);
  for (unsigned i = 0; i < 30; i++)
    g_string_append(text, "findings.summary ~ \"\u4e2d\u6587\" or ");
  g_string_append(text, "idd == 7 and port == 80 and teardown == fin and handshake == complete");
  g_autoptr(GError) error = NULL;
  assert_null(la_expression_parse(text->str, CONN, LA_CLOCK_UTC, &error));
  g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);
  const char *place = strstr(lines[1], "idd");
  assert_non_null(place);
  int columns = 0;
  for (const char *at = lines[1]; at < place; at += g_utf8_skip[(guchar)*at])
    columns += g_unichar_iswide(g_utf8_get_char(at)) ? 2 : 1;
  assert_int_equal((int)strcspn(lines[2], "^"), columns);
  assert_true(g_utf8_strlen(lines[1], -1) <= 90);
}

/* ---- printing ---- */

static void test_plain_forms(void **state)
{
  (void)state;
  static const char *const forms[][2] = {
      {"server.port==8888&&teardown=='rst'", "server.port == 8888 and teardown == \"rst\""},
      {"!id==1", "not (id == 1)"},
      {"not (id == 1 and (id == 2 or id == 3))", "not (id == 1 and (id == 2 or id == 3))"},
      {"(id == 1 and id == 2) and id == 3", "(id == 1 and id == 2) and id == 3"},
      {"duration > 1500ms", "duration > 1500ms"},
      {"duration > 90s and duration < 60s", "duration > 90s and duration < 1min"},
      {"duration > 0", "duration > 0s"},
      {"to_server.payload_bytes > 1048576", "to_server.payload_bytes > 1MiB"},
      {"ip in 10.0.0.0/8", "ip in 10.0.0.0/8"},
      {"ip in {10.0.0.1}", "ip in 10.0.0.1"},
      {"port in 1..9", "port in {1..9}"},
      {"port !in {1, 2}", "port not in {1, 2}"},
      {"facts.held_s > 5s", "findings.facts.held_s > 5s"},
      {"encapsulation == 'a\"b\\c'", "encapsulation == \"a\\\"b\\\\c\""},
      {"final.client.certain", "final.client.certain == true"},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++) {
    g_autoptr(LaExpression) expression = parse_as(forms[i][0], CONN);
    g_autofree char *text = printed(expression);
    assert_string_equal(text, forms[i][1]);
  }
  g_autoptr(LaExpression) total = parse_as("share(id>1)>=99.50% or P99.9(duration)<50ms and count()>0", TOTAL);
  g_autofree char *text = printed(total);
  assert_string_equal(text, "share(id > 1) >= 99.5% or (p99.9(duration) < 50ms and count() > 0)");
}

/* Random expressions, made as text from the fields' own types. */

typedef struct {
  GRand *rand;
  GString *out;
  LaExpressionKind kind;
} Maker;

static unsigned pick(Maker *m, unsigned below)
{
  return (unsigned)g_rand_int_range(m->rand, 0, (gint32)below);
}

static void make_number(Maker *m, const char *const *units, unsigned count)
{
  g_string_append_printf(m->out, "%u", pick(m, 3) == 0 ? pick(m, 5) : pick(m, 60000));
  const char *unit = units[pick(m, count)];
  if (*unit != '\0' && pick(m, 3) == 0)
    g_string_append_printf(m->out, ".%u", 125 * (1 + pick(m, 7)));
  g_string_append(m->out, unit);
}

static void make_text(Maker *m)
{
  static const char *const pieces[] = {"a", "\\\"", "\\\\", " ", "z{", "中", "'", "#", "(?:b)"};
  g_string_append_c(m->out, '"');
  for (unsigned i = pick(m, 5); i > 0; i--)
    g_string_append(m->out, pieces[pick(m, G_N_ELEMENTS(pieces))]);
  g_string_append_c(m->out, '"');
}

/* A value for the field; the words are taken from its example. */
static void make_value(Maker *m, const LaField *field)
{
  static const char *const spans[] = {"", "s", "ms", "min", "h", "us"};
  static const char *const sizes[] = {"", "KiB", "MiB", "kB"};
  static const char *const plain[] = {""};
  static const char *const addresses[] = {"10.0.0.1", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32", "0.0.0.0/0", "::/0"};
  static const char *const times[] = {
      "02:10",         "\"23:59:59.5\"",        "2026-11-21", "\"2026-11-21 02:11\"", "2026-11-21T02:11:46.05Z", "1795227106",
      "1795227106.25", "2026-11-21T02:11+01:00"};
  if (strcmp(field->type, "span") == 0)
    make_number(m, spans, G_N_ELEMENTS(spans));
  else if (strcmp(field->type, "bytes") == 0)
    make_number(m, sizes, G_N_ELEMENTS(sizes));
  else if (strcmp(field->type, "number") == 0 || strcmp(field->type, "port") == 0)
    make_number(m, plain, 1);
  else if (strcmp(field->type, "ratio") == 0)
    g_string_append_printf(m->out, "%u.%u%s", pick(m, 100), pick(m, 1000), pick(m, 2) == 0 ? "%" : "");
  else if (strcmp(field->type, "address") == 0)
    g_string_append(m->out, addresses[pick(m, G_N_ELEMENTS(addresses))]);
  else if (strcmp(field->type, "time") == 0)
    g_string_append(m->out, times[pick(m, G_N_ELEMENTS(times))]);
  else if (strcmp(field->type, "boolean") == 0)
    g_string_append(m->out, pick(m, 2) == 0 ? "true" : "FALSE");
  else if (strcmp(field->type, "text") == 0)
    make_text(m);
  else
    g_string_append(m->out, strrchr(field->example, ' ') + 1);
}

static bool has_words(const LaField *field)
{
  static const char *const types[] = {"word", "state", "code", "severity"};
  for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
    if (strcmp(field->type, types[i]) == 0)
      return true;
  }
  return false;
}

static LaField random_field(Maker *m)
{
  LaField field;
  unsigned count = 0;
  while (la_field(count, &field))
    count++;
  do {
    assert_true(la_field(pick(m, count), &field));
  } while ((field.kinds >> m->kind & 1) == 0 || (has_words(&field) && strchr(field.example, '{') != NULL) ||
           (m->kind != CONN && strcmp(field.type, "code") == 0));
  return field;
}

static void make_set(Maker *m, const LaField *field)
{
  g_string_append(m->out, pick(m, 2) == 0 ? " in {" : " not in {");
  bool ranges = strcmp(field->type, "number") == 0 || strcmp(field->type, "span") == 0;
  for (unsigned i = pick(m, 3) + 1; i > 0; i--) {
    if (ranges && pick(m, 3) == 0)
      g_string_append(m->out, "0..70000");
    else
      make_value(m, field);
    g_string_append(m->out, i > 1 ? ", " : "");
  }
  g_string_append_c(m->out, '}');
}

static void make_test(Maker *m)
{
  static const char *const orders[] = {" == ", "!=", " < ", "<=", ">", " >= ", " eq ", " GE "};
  LaField field = random_field(m);
  unsigned what = pick(m, 8);
  if (what == 0) {
    g_string_append_printf(m->out, "exists(%s)", field.name);
    return;
  }
  g_string_append(m->out, field.name);
  if (what == 1) {
    make_set(m, &field);
    return;
  }
  bool textual = strcmp(field.type, "text") == 0 || strcmp(field.type, "address") == 0 || strcmp(field.type, "boolean") == 0 ||
                 (has_words(&field) && strcmp(field.type, "severity") != 0);
  if (textual && strcmp(field.type, "boolean") != 0 && what == 2) {
    g_string_append(m->out, pick(m, 2) == 0 ? " ~ " : " !~ ");
    g_string_append(m->out, "\"^a.*[b-z]\\\\d\\.\"");
    return;
  }
  g_string_append(m->out, orders[pick(m, textual ? 2 : G_N_ELEMENTS(orders))]);
  make_value(m, &field);
}

static void make_any(Maker *m, unsigned depth);

static void make_aggregate(Maker *m, unsigned depth)
{
  static const char *const counts[] = {"count", "hosts", "capture", "share"};
  static const char *const measures[] = {"min(duration)", "max(id)", "p50(to_server.payload_bytes)", "p99.9(duration_s)"};
  unsigned what = pick(m, 5);
  if (what == 4) {
    g_string_append_printf(m->out, "%s > %u", measures[pick(m, 4)], pick(m, 100));
    return;
  }
  m->kind = what == 1 ? LA_EXPRESSION_HOST : what == 2 ? LA_EXPRESSION_CAPTURE : CONN;
  g_string_append_printf(m->out, "%s(", counts[what]);
  if (what == 3 || pick(m, 3) > 0)
    make_any(m, depth);
  m->kind = TOTAL;
  g_string_append_printf(m->out, ") <= %u.%s", pick(m, 100), what == 3 ? "25%" : "");
  if (what != 3)
    g_string_truncate(m->out, m->out->len - 1);
}

static void make_any(Maker *m, unsigned depth)
{
  unsigned what = depth == 0 ? 9 : pick(m, 10);
  if (what < 4) {
    static const char *const joints[] = {" and ", " or ", "&&", "||"};
    bool brackets = pick(m, 2) == 0;
    g_string_append(m->out, brackets ? "(" : "");
    for (unsigned i = pick(m, 3) + 1; i > 0; i--) {
      make_any(m, depth - 1);
      g_string_append(m->out, i > 1 ? joints[what] : "");
    }
    g_string_append(m->out, brackets ? ")" : "");
  } else if (what == 4) {
    g_string_append(m->out, "not ");
    make_any(m, depth - 1);
  } else if (what == 5) {
    g_string_append(m->out, "!(");
    make_any(m, depth - 1);
    g_string_append_c(m->out, ')');
  } else if (what == 6) {
    g_string_append(m->out, "true");
  } else if (m->kind == TOTAL) {
    make_aggregate(m, depth > 0 ? depth - 1 : 0);
  } else {
    make_test(m);
  }
}

static void test_print_and_parse(void **state)
{
  (void)state;
  Maker m = {.rand = g_rand_new_with_seed(20261121), .out = g_string_new(NULL)};
  for (unsigned i = 0; i < 6000; i++) {
    LaExpressionKind kind = (LaExpressionKind)(i % LA_EXPRESSION_KIND_N);
    m.kind = kind;
    g_string_truncate(m.out, 0);
    make_any(&m, i % 5);
    if (m.out->len > LA_EXPRESSION_TEXT_MAX / 2)
      continue;
    g_autoptr(LaExpression) first = parse_as(m.out->str, kind);
    g_autofree char *text = printed(first);
    g_autoptr(LaExpression) second = parse_as(text, kind);
    if (!la_expression_equal(first, second))
      fail_msg("%s\n%s", m.out->str, text);
    g_autofree char *again = printed(second);
    assert_string_equal(text, again);
  }
  g_string_free(m.out, TRUE);
  g_rand_free(m.rand);
}

/* Trees that differ in one thing are not the same. */
static void test_difference(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "id == 1",
      "id == 2",
      "id != 1",
      "id in {1}",
      "id in {1, 2}",
      "id in {1..2}",
      "first_packet == 1",
      "not id == 1",
      "exists(id)",
      "ip == 10.0.0.1",
      "ip == 10.0.0.1/31",
      "ip == ::1",
      "id == 1 and id == 2",
      "id == 2 and id == 1",
      "id == 1 or id == 2",
      "(id == 1 and id == 2) and id == 2",
      "id == 1 and (id == 2 and id == 2)",
      "start == 02:10",
      "start == 02:10:00",
      "start == 1970-01-01",
      "encapsulation == a",
      "encapsulation == b",
      "encapsulation ~ b",
      "facts.share == 1",
      "facts.share == 1%",
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
    for (unsigned k = 0; k < G_N_ELEMENTS(texts); k++) {
      g_autoptr(LaExpression) a = parse_as(texts[i], CONN);
      g_autoptr(LaExpression) b = parse_as(texts[k], CONN);
      if (la_expression_equal(a, b) != (i == k))
        fail_msg("%s\n%s", texts[i], texts[k]);
    }
  }
}

static void test_fields(void **state)
{
  (void)state;
  LaField field;
  unsigned examples = 0;
  for (unsigned n = 0; la_field(n, &field); n++) {
    assert_true(field.kinds != 0 && field.type != NULL && field.unit != NULL);
    if (*field.example == '\0') {
      assert_true(g_str_has_prefix(field.name, "findings.facts."));
      continue;
    }
    assert_true(*field.meaning != '\0');
    for (int kind = 0; kind < LA_EXPRESSION_TOTAL; kind++) {
      g_autofree char *text = g_strdup_printf("%s %s", field.name, field.example);
      if ((field.kinds >> kind & 1) == 0 || (kind != CONN && strcmp(field.type, "code") == 0))
        continue;
      la_expression_free(parse_as(text, (LaExpressionKind)kind));
      examples++;
    }
  }
  assert_true(examples > 100);
}

/* What the tracker is asked for. */
static void test_records(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    LaRecords records;
  } wanted[] = {
      {"server.port == 8888 and severity >= warning", LA_RECORDS_BRIEF},
      {"duration > 5s or handshake != complete", LA_RECORDS_BRIEF},
      {"state == CLOSE_WAIT", LA_RECORDS_WHOLE},
      {"id == 1 or not (id == 2 and path.client.state == CLOSED)", LA_RECORDS_WHOLE},
      {"exists(teardown.close_wait_s.server)", LA_RECORDS_WHOLE},
      {"teardown.first == both", LA_RECORDS_WHOLE},
      {"final.server.certain", LA_RECORDS_WHOLE},
      {"handshake.client_options.mss < 1460", LA_RECORDS_WHOLE},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
    g_autoptr(LaExpression) expression = parse_as(wanted[i].text, CONN);
    assert_int_equal(la_expression_records(expression), wanted[i].records);
  }
  g_autoptr(LaExpression) total = parse_as("count() > 0 and max(teardown.close_wait_s.client) < 1s", TOTAL);
  assert_int_equal(la_expression_records(total), LA_RECORDS_WHOLE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_evaluation),  cmocka_unit_test(test_edges_of_times), cmocka_unit_test(test_findings_of_hosts),
      cmocka_unit_test(test_faults),      cmocka_unit_test(test_limits),         cmocka_unit_test(test_caret_in_long_text),
      cmocka_unit_test(test_plain_forms), cmocka_unit_test(test_difference),     cmocka_unit_test(test_print_and_parse),
      cmocka_unit_test(test_fields),      cmocka_unit_test(test_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
