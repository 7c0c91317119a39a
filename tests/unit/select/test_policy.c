/* Policies: what they hold, what they say of findings, and that their splitter reads what GKeyFile reads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "select/policy.h"
#include "select/policy_file.h"

#define DAY (24 * 3600 * LA_SEC)

static LaPolicy *parse(const char *text)
{
  g_autoptr(GError) error = NULL;
  LaPolicy *policy = la_policy_parse(text, strlen(text), ".lastack", ".lastack", LA_CLOCK_UTC, &error);
  if (policy == NULL)
    fail_msg("%s", error->message);
  return policy;
}

static void refuse(const char *text, const char *words)
{
  g_autoptr(GError) error = NULL;
  LaPolicy *policy = la_policy_parse(text, strlen(text), ".lastack", NULL, LA_CLOCK_UTC, &error);
  assert_null(policy);
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
  if (strstr(error->message, words) == NULL)
    fail_msg("'%s' does not say '%s'", error->message, words);
}

static LaConnection connection_to(uint16_t port)
{
  LaConnection conn = {.family = LA_FAMILY_IPV4, .port = {40000, port}, .id = 1};
  la_addr_parse("10.0.0.1", &conn.addr[LA_OPENER]);
  la_addr_parse("10.0.0.2", &conn.addr[LA_ACCEPTOR]);
  return conn;
}

static LaRuling judge(const LaPolicy *policy, const char *code, LaSeverity severity, uint16_t port)
{
  LaConnection conn = connection_to(port);
  static LaFindings findings;
  findings.count = 1;
  findings.items[0] = (LaFinding){.rule = la_rule_find(code), .severity = (uint8_t)severity};
  LaCandidate candidate = {.file = 1, .conn = &conn, .findings = &findings};
  unsigned service = la_policy_service_of(policy, &candidate);
  return la_policy_judge(policy, service, &findings.items[0], &candidate, 100 * DAY);
}

static void built_in(void **state)
{
  (void)state;
  g_autoptr(LaPolicy) policy = la_policy_new();
  assert_int_equal(judge(policy, "rst-abort", LA_SEVERITY_ERROR, 1).kind, LA_RULING_BREAKS);
  assert_int_equal(judge(policy, "rst-abort", LA_SEVERITY_WARNING, 1).kind, LA_RULING_PASSES);
  assert_int_equal(la_policy_service(policy, 0)->settle, 2 * LA_SEC);
  assert_int_equal(la_policy_service(policy, 0)->unclosed, LA_UNCLOSED_FAIL);
}

static void clauses(void **state)
{
  (void)state;
  g_autoptr(LaPolicy) policy = parse("[policy]\nfail-on = warning\nforbid = no-data\n"
                                     "[allow rst-abort]\nwhere = server.port == 9100\n"
                                     "[allow rst-abort other]\nwhere = server.port == 9200\n"
                                     "[forbid rst-abort]\nwhere = server.port == 9200\n");
  LaRuling ruling = judge(policy, "rst-abort", LA_SEVERITY_WARNING, 9100);
  assert_int_equal(ruling.kind, LA_RULING_SUPPRESSED);
  assert_int_equal(((const LaPolicyClause *)g_ptr_array_index(policy->clauses, (guint)ruling.clause))->line, 4);
  assert_int_equal(judge(policy, "rst-abort", LA_SEVERITY_WARNING, 9101).kind, LA_RULING_BREAKS);
  assert_int_equal(judge(policy, "rst-abort", LA_SEVERITY_NOTE, 9101).kind, LA_RULING_PASSES);
  /* who forbids weighs more than who allows */
  ruling = judge(policy, "rst-abort", LA_SEVERITY_NOTE, 9200);
  assert_int_equal(ruling.kind, LA_RULING_BREAKS);
  assert_true(ruling.clause >= 0);
  assert_int_equal(judge(policy, "no-data", LA_SEVERITY_NOTE, 1).kind, LA_RULING_BREAKS);
}

static void expiry(void **state)
{
  (void)state;
  /* the 100th day since the epoch is 1970-04-11 */
  g_autoptr(LaPolicy) today = parse("[allow rst-abort]\nexpires = 1970-04-11\n");
  assert_int_equal(judge(today, "rst-abort", LA_SEVERITY_ERROR, 1).kind, LA_RULING_SUPPRESSED);
  g_autoptr(LaPolicy) yesterday = parse("[allow rst-abort]\nexpires = 1970-04-10\n");
  assert_int_equal(judge(yesterday, "rst-abort", LA_SEVERITY_ERROR, 1).kind, LA_RULING_BREAKS);
  const LaPolicyClause *clause = g_ptr_array_index(today->clauses, 0);
  assert_false(la_clause_expired(clause, 101 * DAY - 1));
  assert_true(la_clause_expired(clause, 101 * DAY));
  /* beyond what a time can hold */
  g_autoptr(LaPolicy) never = parse("[allow rst-abort]\nexpires = 9999-12-31\n");
  assert_false(la_clause_expired(g_ptr_array_index(never->clauses, 0), 100 * 365 * DAY));
  refuse("[allow rst-abort]\nexpires = 2027-02-29\n", ".lastack:2: expires");
  refuse("[allow rst-abort]\nexpires = 2027-1-31\n", ".lastack:2: expires");
}

static void services(void **state)
{
  (void)state;
  g_autoptr(LaPolicy) policy = parse("[service one]\nwhere = server.port == 1\nfail-on = never\n"
                                     "[service two]\nwhere = server.port in 1..2\n"
                                     "[policy]\nfail-on = note\nunclosed = warn\nsettle = 5s\n"
                                     "[allow no-data]\nservice = two\n");
  assert_int_equal(judge(policy, "no-data", LA_SEVERITY_NOTE, 1).kind, LA_RULING_PASSES);
  assert_int_equal(judge(policy, "no-data", LA_SEVERITY_NOTE, 2).kind, LA_RULING_SUPPRESSED);
  assert_int_equal(judge(policy, "no-data", LA_SEVERITY_NOTE, 3).kind, LA_RULING_BREAKS);
  /* what a section does not say is the policy's, wherever that stands */
  assert_int_equal(la_policy_service(policy, 2)->unclosed, LA_UNCLOSED_WARN);
  assert_int_equal(la_policy_service(policy, 2)->settle, 5 * LA_SEC);
  assert_int_equal(la_policy_service(policy, 2)->fail_on, LA_SEVERITY_NOTE);
}

static void ports(void **state)
{
  (void)state;
  uint16_t named[4];
  g_autoptr(LaPolicy) policy =
      parse("[policy]\nexpect.a = share(server.port == 11 and teardown == \"fin\") > 1%\n"
            "[service one]\nwhere = server.port == 8888 and client.ip in 10.0.0.0/8\n"
            "[service two]\nwhere = port in {80, 8888} or not server.port == 22 or server.port in 1..9\n"
            "[allow no-data]\nwhere = client.port == 5 or server.port != 6 or server.port > 7\n");
  assert_int_equal(la_policy_ports(policy, named, 4), 3);
  assert_int_equal(named[0], 8888);
  assert_int_equal(named[1], 80);
  assert_int_equal(named[2], 11);
  assert_int_equal(la_policy_ports(policy, named, 1), 1);
  g_autoptr(LaPolicy) none = la_policy_new();
  assert_int_equal(la_policy_ports(none, named, 4), 0);
}

static void everything(void **state)
{
  (void)state;
  g_autoptr(LaPolicy) policy = parse("[policy]\nfail-on = note\n[allow *]\nwhere = server.port == 7\n");
  assert_int_equal(judge(policy, "rst-abort", LA_SEVERITY_ERROR, 7).kind, LA_RULING_SUPPRESSED);
  assert_int_equal(judge(policy, "rst-abort", LA_SEVERITY_ERROR, 8).kind, LA_RULING_BREAKS);
  /* a finding about a host is no connection's */
  LaFinding finding = {.rule = la_rule_find("refused-burst"), .severity = LA_SEVERITY_ERROR};
  LaSubject subject = {.kind = LA_SUBJECT_SERVICE};
  LaCandidate candidate = {.finding = &finding, .subject = &subject};
  assert_int_equal(la_policy_judge(policy, 0, &finding, &candidate, 0).kind, LA_RULING_BREAKS);
}

static void command_line(void **state)
{
  (void)state;
  g_autoptr(LaPolicy) policy = parse("[service one]\nwhere = server.port == 1\n");
  g_autoptr(GError) error = NULL;
  assert_true(la_policy_set(policy, "fail-on", "never", LA_CLOCK_UTC, &error));
  assert_int_equal(la_policy_service(policy, 1)->fail_on, LA_SEVERITY_N);
  assert_true(la_policy_set(policy, "expect", "fins=share(teardown == \"fin\") >= 99%", LA_CLOCK_UTC, &error));
  assert_true(la_policy_set(policy, "expect", "share(teardown == \"fin\") >= 99%", LA_CLOCK_UTC, &error));
  assert_true(la_policy_set(policy, "require", "teardown == \"fin\"", LA_CLOCK_UTC, &error));
  assert_string_equal(((const LaPolicyDemand *)g_ptr_array_index(policy->expectations, 0))->name, "expect.fins");
  assert_string_equal(((const LaPolicyDemand *)g_ptr_array_index(policy->expectations, 1))->name, "expect.option-2");
  assert_string_equal(((const LaPolicyDemand *)g_ptr_array_index(policy->requirements, 0))->text, "teardown == \"fin\"");
  assert_false(la_policy_set(policy, "allow", "rst-abrt", LA_CLOCK_UTC, &error));
  assert_non_null(strstr(error->message, "--allow: no finding is called 'rst-abrt', did you mean 'rst-abort'?"));
}

/* What both accept, both read alike: section, key and value. */
static void as_key_files(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "[a]\nk=v\n",
      "# c\n\n[a]\n  k =  v w  \nl=\n[b c]\nk=x=y\n",
      "[a]\nk = \"quoted\"\\n\n",
      "[a]\r\nk=v\r\n",
      "[a]\nk=v # no comment\n",
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(LaPolicyFile) file = la_policy_file_split(texts[i], strlen(texts[i]), "t", &error);
    assert_non_null(file);
    g_autoptr(GKeyFile) keys = g_key_file_new();
    assert_true(g_key_file_load_from_data(keys, texts[i], strlen(texts[i]), G_KEY_FILE_NONE, NULL));
    unsigned count = 0;
    for (unsigned e = 0; e < file->entries->len; e++) {
      const LaPolicyEntry *entry = &g_array_index(file->entries, LaPolicyEntry, e);
      if (entry->key == NULL)
        continue;
      g_autofree char *value = g_key_file_get_value(keys, entry->group, entry->key, NULL);
      assert_non_null(value);
      assert_string_equal(entry->value, g_strchomp(value));
      count++;
    }
    g_auto(GStrv) groups = g_key_file_get_groups(keys, NULL);
    unsigned expected = 0;
    for (unsigned g = 0; groups[g] != NULL; g++) {
      g_auto(GStrv) names = g_key_file_get_keys(keys, groups[g], NULL, NULL);
      expected += g_strv_length(names);
    }
    assert_int_equal(count, expected);
  }
}

static void lines(void **state)
{
  (void)state;
  refuse("[policy]\nsettle = 1s\n\n# again\nsettle = 2s\n", ".lastack:5: 'settle' is there already, in line 2");
  refuse("[policy]\n[policy]\n", ".lastack:2: section [policy] is there already, in line 1");
  refuse("\xef\xbb\xbf[policy]\nx = 1\n", ".lastack:2: unknown key 'x'");
  refuse("[]\n", ".lastack:1:");
  refuse("[policy]\n= 1\n", ".lastack:2: there is no key");
  refuse("[service s]\nwhere = server.port = 1\n", ".lastack:2: ");
  refuse("[policy]\nexpect.bad name = count(true) == 0\n", ".lastack:2:");
}

/* No text, however odd, does anything but an error or a policy. */
static void any_text(void **state)
{
  (void)state;
  static const char *const parts[] = {"[policy]\n",
                                      "[service ",
                                      "]",
                                      "\n",
                                      "where",
                                      "=",
                                      " ",
                                      "server.port == 1",
                                      "allow",
                                      "forbid",
                                      "[allow rst-abort]\n",
                                      "expires",
                                      "2027-01-31",
                                      "*",
                                      "expect.a",
                                      "share(true)",
                                      "\x80",
                                      "[",
                                      "fail-on"};
  GRand *dice = g_rand_new_with_seed(7);
  for (unsigned i = 0; i < 3000; i++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (int n = g_rand_int_range(dice, 0, 24); n > 0; n--)
      g_string_append(text, parts[g_rand_int_range(dice, 0, G_N_ELEMENTS(parts))]);
    g_autoptr(GError) error = NULL;
    g_autoptr(LaPolicy) policy = la_policy_parse(text->str, text->len, "t", NULL, LA_CLOCK_UTC, &error);
    assert_true((policy == NULL) == (error != NULL));
    if (policy != NULL) {
      g_autoptr(GString) words = g_string_new(NULL);
      la_policy_explain(policy, 0, words);
      assert_true(words->len > 0);
    }
  }
  g_rand_free(dice);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(built_in),   cmocka_unit_test(clauses),      cmocka_unit_test(expiry),       cmocka_unit_test(services),
      cmocka_unit_test(everything), cmocka_unit_test(command_line), cmocka_unit_test(as_key_files), cmocka_unit_test(lines),
      cmocka_unit_test(any_text),   cmocka_unit_test(ports),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
