/* Adding up over a run. */
#include "unit/select/records.h"

#include <stdio.h>

#include "select/expression.h"

static LaExpression *parse_total(const char *text)
{
  GError *error = NULL;
  LaExpression *expression = la_expression_parse(text, LA_EXPRESSION_TOTAL, LA_CLOCK_UTC, &error);
  if (expression == NULL)
    fail_msg("%s\n%s", text, error->message);
  return expression;
}

/* A connection of `milliseconds`, closed like that. */
static void append_connection(GString *out, unsigned milliseconds, const char *teardown)
{
  g_string_append_printf(out,
                         "{\"type\":\"connection\",\"schema\":\"lastack/1\",\"duration_s\":%u.%03u,"
                         "\"teardown\":{\"result\":\"%s\"},\"findings\":[]}\n",
                         milliseconds / 1000, milliseconds % 1000, teardown);
}

/* 1 ms to 1000 ms; every hundredth was reset. */
static char *thousand(void)
{
  GString *out = g_string_new(NULL);
  for (unsigned i = 1; i <= 1000; i++)
    append_connection(out, i, i % 100 == 0 ? "rst" : "fin");
  return g_string_free(out, FALSE);
}

/* Adds all records; returns how many speak against the expression. */
static unsigned add_all(LaTally *tally, const char *records)
{
  unsigned against = 0;
  g_autoptr(LaStoredReader) reader = records_open(records);
  LaStored *record;
  while ((record = la_stored_next(reader, NULL)) != NULL) {
    unsigned findings;
    la_stored_findings(record, &findings);
    LaCandidate candidate = {.stored = record};
    unsigned times = la_stored_type(record) == LA_STORED_CONNECTION ? 1 : findings;
    for (unsigned i = 0; i < times; i++) {
      if (la_stored_type(record) != LA_STORED_CONNECTION)
        la_stored_focus(record, i);
      against += la_tally_add(tally, &candidate) ? 1 : 0;
    }
  }
  return against;
}

typedef struct {
  const char *text;
  LaVerdict verdict;
  unsigned against;
  const char *measured;
} Case;

static const Case cases[] = {
    {"count() == 1000", LA_VERDICT_HOLDS, 0, "count() = 1000"},
    {"count() != 1000", LA_VERDICT_BROKEN, 0, NULL},
    {"count(teardown == rst) == 0", LA_VERDICT_BROKEN, 10, "count(teardown == \"rst\") = 10 of 1000"},
    {"count(teardown == rst) <= 10", LA_VERDICT_HOLDS, 10, NULL},
    {"count(teardown == rst) < 10", LA_VERDICT_BROKEN, 10, NULL},
    {"share(teardown == fin) >= 99%", LA_VERDICT_HOLDS, 10, "= 99% (990 of 1000)"},
    {"share(teardown == fin) > 99%", LA_VERDICT_BROKEN, 10, NULL},
    {"share(teardown == fin) >= 99.000001%", LA_VERDICT_BROKEN, 10, NULL},
    {"share(teardown == rst) < 1%", LA_VERDICT_BROKEN, 10, NULL},
    {"share(teardown == rst) == 1%", LA_VERDICT_HOLDS, 0, NULL},
    {"min(duration) == 1ms", LA_VERDICT_HOLDS, 0, "min(duration) = 1 ms (of 1000)"},
    {"max(duration) <= 1s", LA_VERDICT_HOLDS, 0, "max(duration) = 1 s (of 1000)"},
    {"max(duration) < 999ms", LA_VERDICT_BROKEN, 1, NULL},
    {"p50(duration) > 495ms and p50(duration) < 505ms", LA_VERDICT_HOLDS, 989, NULL},
    {"p99(duration) >= 980ms and p99(duration) <= 1s", LA_VERDICT_HOLDS, 979, NULL},
    {"p99.9(duration) <= 500ms", LA_VERDICT_BROKEN, 500, NULL},
    {"not (count() == 0)", LA_VERDICT_HOLDS, 1000, NULL},
    {"count() > 1 and (share(teardown == rst) > 50% or count(teardown == fin) > 989)", LA_VERDICT_HOLDS, 990, NULL},
    /* nothing was measured */
    {"min(handshake.syn_to_syn_ack_s) > 0", LA_VERDICT_NOTHING, 0, "nothing to measure"},
    {"not (p99(handshake.syn_to_syn_ack_s) > 1s)", LA_VERDICT_NOTHING, 0, NULL},
    {"count() > 1 and p50(handshake.syn_to_syn_ack_s) < 1s", LA_VERDICT_NOTHING, 0, NULL},
    {"count() > 1 or p50(handshake.syn_to_syn_ack_s) < 1s", LA_VERDICT_HOLDS, 0, NULL},
    {"count() < 1 and p50(handshake.syn_to_syn_ack_s) < 1s", LA_VERDICT_BROKEN, 1000, NULL},
    {"hosts() == 0", LA_VERDICT_HOLDS, 0, "hosts() = 0"},
    {"capture(finding == midstream) > 0", LA_VERDICT_BROKEN, 0, NULL},
    {"true", LA_VERDICT_HOLDS, 0, NULL},
    {"false or count() == 7", LA_VERDICT_BROKEN, 0, NULL},
};

static void test_verdicts(void **state)
{
  (void)state;
  g_autofree char *records = thousand();
  for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(LaExpression) expression = parse_total(cases[i].text);
    g_autoptr(LaTally) tally = la_tally_new(expression);
    unsigned against = add_all(tally, records);
    g_autoptr(GString) measured = g_string_new(NULL);
    LaVerdict verdict = la_tally_verdict(tally, measured);
    if (verdict != cases[i].verdict || against != cases[i].against)
      fail_msg("%s: verdict %d, %u against: %s", cases[i].text, (int)verdict, against, measured->str);
    if (cases[i].measured != NULL && strstr(measured->str, cases[i].measured) == NULL)
      fail_msg("%s: %s", cases[i].text, measured->str);
  }
}

static void test_hosts(void **state)
{
  (void)state;
  g_autoptr(LaExpression) expression =
      parse_total("hosts(severity >= warning) <= 1 and hosts() == 2 and count() == 2 and hosts(finding == syn-flood) == 0");
  g_autoptr(LaTally) tally = la_tally_new(expression);
  assert_int_equal(add_all(tally, RECORD_LEAK RECORD_HOST RECORD_CLEAN), 1);
  assert_int_equal(la_tally_verdict(tally, NULL), LA_VERDICT_HOLDS);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_verdicts),
      cmocka_unit_test(test_hosts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
