#include "report/check.h"

#include <string.h>

#include "report/style.h"

#define PACKETS_SAID 12

static void free_example(gpointer data)
{
  LaExample *example = data;
  g_free(example->path);
  g_free(example->sentence);
  g_free(example->test);
  g_free(example->owner);
  g_free(example);
}

LaCase *la_case_new(const char *name, const LaRule *rule)
{
  LaCase *one = g_new0(LaCase, 1);
  one->name = g_strdup(name);
  one->rule = rule;
  return one;
}

void la_case_free(LaCase *one)
{
  if (one == NULL)
    return;
  g_free(one->name);
  g_free(one->message);
  g_free(one->why);
  g_clear_pointer(&one->examples, g_ptr_array_unref);
  g_free(one);
}

static void free_case(gpointer one)
{
  la_case_free(one);
}

void la_case_drop_examples(LaCase *one)
{
  g_clear_pointer(&one->examples, g_ptr_array_unref);
  memset(one->kept, 0, sizeof one->kept);
  memset(one->by_blame, 0, sizeof one->by_blame);
}

void la_case_add_example(LaCase *one, LaExample *example)
{
  if (!la_case_wants_example(one, (LaBlame)example->blame)) {
    free_example(example);
    return;
  }
  if (one->examples == NULL)
    one->examples = g_ptr_array_new_with_free_func(free_example);
  one->kept[example->blame]++;
  g_ptr_array_add(one->examples, example);
}

static void free_suite(gpointer data)
{
  LaSuite *suite = data;
  g_free(suite->name);
  g_free(suite->stable);
  g_ptr_array_unref(suite->cases);
  g_free(suite);
}

LaCheck *la_check_new(const LaPolicy *policy, LaTime now)
{
  LaCheck *check = g_new0(LaCheck, 1);
  check->policy = policy;
  check->now = now;
  check->suites = g_ptr_array_new_with_free_func(free_suite);
  check->notes = g_ptr_array_new_with_free_func(g_free);
  check->suppressions = g_ptr_array_new_with_free_func(g_free);
  check->paths = g_ptr_array_new_with_free_func(g_free);
  check->start = check->end = LA_TIME_NONE;
  return check;
}

void la_check_free(LaCheck *check)
{
  if (check == NULL)
    return;
  g_ptr_array_unref(check->suites);
  g_ptr_array_unref(check->notes);
  g_ptr_array_unref(check->suppressions);
  g_ptr_array_unref(check->paths);
  g_free(check);
}

LaSuite *la_check_add_suite(LaCheck *check, char *name, char *stable)
{
  LaSuite *suite = g_new0(LaSuite, 1);
  suite->name = name;
  suite->stable = stable;
  suite->cases = g_ptr_array_new_with_free_func(free_case);
  g_ptr_array_add(check->suites, suite);
  return suite;
}

void la_check_conclude(LaCheck *check)
{
  memset(check->counts, 0, sizeof check->counts);
  for (unsigned i = 0; i < check->suites->len; i++) {
    const LaSuite *suite = g_ptr_array_index(check->suites, i);
    for (unsigned k = 0; k < suite->cases->len; k++) {
      const LaCase *one = g_ptr_array_index(suite->cases, k);
      check->counts[one->result]++;
    }
  }
  check->judged = true;
}

void la_example_say_ends(const LaExample *example, GString *out)
{
  if (example->client.family != LA_FAMILY_NONE && example->client.port != 0)
    la_text_end(out, &example->client);
  else if (example->client.family != LA_FAMILY_NONE) {
    char text[LA_ADDR_TEXT_MAX];
    g_string_append(out, la_addr_format(&example->client.addr, (LaFamily)example->client.family, text));
  }
  if (example->client.family != LA_FAMILY_NONE && example->server.family != LA_FAMILY_NONE)
    g_string_append(out, " > ");
  if (example->server.family != LA_FAMILY_NONE)
    la_text_end(out, &example->server);
}

void la_example_say_packets(const LaExample *example, GString *out)
{
  unsigned said = MIN(example->packet_count, PACKETS_SAID);
  for (unsigned i = 0; i < said; i++)
    g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, i > 0 ? ", " : "", example->packets[i]);
  uint64_t total = MAX(example->packets_total, example->packet_count);
  if (said > 0 && total > said)
    g_string_append_printf(out, " and %" G_GUINT64_FORMAT " more", total - said);
}

void la_example_say_show(const LaExample *example, const LaShowCommand *command, GString *out)
{
  if (example->id != 0)
    la_show_command_say(command, example->path, example->id, out);
}

static void say_paths(const LaCheck *check, GString *out)
{
  if (check->paths->len != 1) {
    g_string_append_printf(out, "%u captures", check->paths->len);
    return;
  }
  const char *path = g_ptr_array_index(check->paths, 0);
  g_string_append(out, strcmp(path, "-") == 0 ? "standard input" : path);
}

void la_check_say_verdict(const LaCheck *check, GString *out)
{
  bool broken = la_check_is_broken(check);
  if (broken && check->breaking > 0) {
    la_text_number(out, check->breaking);
    g_string_append(out, " of ");
  }
  la_text_count(out, check->connections, "connection", "connections");
  g_string_append(out, " of ");
  say_paths(check, out);
  if (!broken)
    g_string_append_printf(out, "%s %s", check->connections == 1 ? " keeps" : " keep", check->policy->name);
  else if (check->breaking > 0)
    g_string_append_printf(out, " %s %s", check->breaking == 1 ? "breaks" : "break", check->policy->name);
  else
    g_string_append_printf(out, ": %s is broken", check->policy->name);
  if (broken) {
    g_string_append(out, " (");
    la_text_count(out, check->counts[LA_CASE_BROKEN], "case", "cases");
    g_string_append_c(out, ')');
  }
}
