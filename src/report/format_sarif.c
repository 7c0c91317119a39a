/* `-o sarif`: SARIF 2.1.0. The rules are the catalogue with its help texts, and the policy's own demands. A result stands for a rule,
 * a service and whom it blames, whatever the number of connections: its location is the line of the policy that was broken (of the
 * capture, when there is no policy file), the capture and its frames are related locations. Fingerprints are made from code,
 * service and blame and of nothing that changes from run to run. */
#include <string.h>

#include "base/json.h"
#include "report/ci.h"

#define RESULTS_MAX 5000 /* as many as sites take of a run */

static void write_text(LaJson *json, const char *key, const char *text)
{
  la_json_key(json, key);
  la_json_begin_object(json);
  la_json_key(json, "text");
  la_json_string(json, text);
  la_json_end_object(json);
}

static const char *level_of(LaSeverity severity)
{
  return la_severity_name(severity); /* the words are the same: error, warning, note */
}

static void write_rule(LaJson *json, const char *id, const char *title, const char *help, const char *level)
{
  la_json_begin_object(json);
  la_json_key(json, "id");
  la_json_string(json, id);
  write_text(json, "shortDescription", title);
  write_text(json, "fullDescription", title);
  la_json_key(json, "help");
  la_json_begin_object(json);
  la_json_key(json, "text");
  la_json_string(json, help);
  la_json_key(json, "markdown");
  la_json_string(json, help);
  la_json_end_object(json);
  la_json_key(json, "defaultConfiguration");
  la_json_begin_object(json);
  la_json_key(json, "level");
  la_json_string(json, level);
  la_json_end_object(json);
  la_json_end_object(json);
}

static const struct {
  const char *id, *title, *help;
} own_rules[] = {
    {"connections", "Nothing to judge",
     "The capture, or a service of the policy, held no connection. A check of nothing proves nothing."},
    {"unclosed", "Connection not closed",
     "The connection was not fully closed when the capture ended, and had been silent for longer than "
     "the policy's `settle`: one end keeps a socket that nobody uses."},
};

static void write_demands(LaJson *json, const GPtrArray *demands, const char *title)
{
  for (unsigned i = 0; i < demands->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(demands, i);
    /* A name may stand in several sections: a rule is named once. */
    bool again = false;
    for (unsigned k = 0; k < i; k++)
      again = again || g_str_equal(((const LaPolicyDemand *)g_ptr_array_index(demands, k))->name, demand->name);
    if (!again)
      write_rule(json, demand->name, title, demand->text, "error");
  }
}

static void write_rules(const LaReport *report, const LaCheck *check, LaJson *json)
{
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  la_json_key(json, "rules");
  la_json_begin_array(json);
  for (unsigned i = 0; i < count; i++) {
    const char *help = report->options->help != NULL ? g_hash_table_lookup(report->options->help, rules[i]->code) : NULL;
    write_rule(json, rules[i]->code, rules[i]->title, help != NULL ? help : rules[i]->title, level_of(rules[i]->severity));
  }
  for (unsigned i = 0; i < G_N_ELEMENTS(own_rules); i++)
    write_rule(json, own_rules[i].id, own_rules[i].title, own_rules[i].help, "error");
  write_demands(json, check->policy->requirements, "Required of each connection");
  write_demands(json, check->policy->expectations, "Expected of all connections together");
  la_json_end_array(json);
}

/* A path as a reference of RFC 3986: what is no plain character is percent-encoded. */
static void write_place(LaJson *json, const char *path, unsigned line)
{
  g_autofree char *escaped = g_uri_escape_bytes((const guint8 *)path, strlen(path), "/");
  g_autofree char *uri = g_strconcat(*path == '/' ? "file://" : "", escaped, NULL);
  la_json_key(json, "physicalLocation");
  la_json_begin_object(json);
  la_json_key(json, "artifactLocation");
  la_json_begin_object(json);
  la_json_key(json, "uri");
  la_json_string(json, uri);
  la_json_end_object(json);
  if (line != 0) {
    la_json_key(json, "region");
    la_json_begin_object(json);
    la_json_key(json, "startLine");
    la_json_uint(json, line);
    la_json_end_object(json);
  }
  la_json_end_object(json);
}

static void write_location(LaJson *json, const LaCheck *check, const LaCase *one)
{
  const char *path;
  unsigned line;
  la_json_key(json, "locations");
  la_json_begin_array(json);
  la_json_begin_object(json);
  if (la_ci_place(check, one, &path, &line))
    write_place(json, path, line);
  else
    write_place(json, check->paths->len > 0 ? g_ptr_array_index(check->paths, 0) : "-", 1); /* sites want a line */
  la_json_end_object(json);
  la_json_end_array(json);
}

static bool is_of(const LaExample *example, const LaCase *one, LaBlame blame)
{
  return one->rule == NULL || example->blame == blame;
}

static void write_related(const LaReport *report, LaJson *json, const LaCase *one, LaBlame blame)
{
  unsigned written = 0;
  for (unsigned i = 0; one->examples != NULL && i < one->examples->len; i++) {
    const LaExample *example = g_ptr_array_index(one->examples, i);
    if (!is_of(example, one, blame) || *example->path == '\0')
      continue;
    if (written++ == 0) {
      la_json_key(json, "relatedLocations");
      la_json_begin_array(json);
    }
    g_autoptr(GString) text = g_string_new(NULL);
    la_example_say_ends(example, text);
    if (example->packet_count > 0) {
      g_string_append(text, text->len > 0 ? ", packets " : "packets ");
      la_example_say_packets(example, text);
    }
    if (example->test != NULL)
      g_string_append_printf(text, ", test %s", example->test);
    if (example->id != 0) {
      g_string_append(text, "; ");
      la_example_say_show(example, report->options->show_command, text);
    }
    la_json_begin_object(json);
    la_json_key(json, "id");
    la_json_uint(json, written);
    write_place(json, example->path, 0);
    write_text(json, "message", text->str);
    la_json_end_object(json);
  }
  if (written > 0)
    la_json_end_array(json);
}

static void write_fingerprint(LaJson *json, const LaSuite *suite, const LaCase *one, LaBlame blame)
{
  g_autofree char *what = g_strdup_printf("%s|%s|%s", one->name, suite->stable, one->rule != NULL ? la_blame_name(blame) : "");
  g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, what, -1);
  hash[32] = '\0';
  la_json_key(json, "partialFingerprints");
  la_json_begin_object(json);
  la_json_key(json, "lastack/v1");
  la_json_string(json, hash);
  g_autofree char *line = g_strconcat(hash, ":1", NULL);
  la_json_key(json, "primaryLocationLineHash"); /* the only one that GitHub compares */
  la_json_string(json, line);
  la_json_end_object(json);
}

static void write_result(const LaReport *report, LaJson *json, const LaSuite *suite, const LaCase *one, LaBlame blame)
{
  const LaCheck *check = report->options->check;
  const char *sentence = one->message;
  for (unsigned i = 0; one->rule != NULL && one->examples != NULL && i < one->examples->len; i++) {
    const LaExample *example = g_ptr_array_index(one->examples, i);
    if (is_of(example, one, blame)) {
      sentence = example->sentence;
      break;
    }
  }
  uint64_t count = one->rule != NULL ? one->by_blame[blame] : MAX(one->broken, one->warned);
  g_autofree char *text = count > 1 && sentence != one->message
                              ? g_strdup_printf("%s: %" G_GUINT64_FORMAT " times, the first: %s", suite->name, count, sentence)
                              : g_strdup_printf("%s: %s", suite->name, sentence);
  la_json_begin_object(json);
  la_json_key(json, "ruleId");
  la_json_string(json, one->name);
  la_json_key(json, "level");
  la_json_string(json, one->result == LA_CASE_WARNED ? "warning" : "error");
  write_text(json, "message", text);
  write_location(json, check, one);
  write_related(report, json, one, blame);
  write_fingerprint(json, suite, one, blame);
  la_json_key(json, "occurrenceCount");
  la_json_uint(json, MAX(count, 1));
  la_json_key(json, "properties");
  la_json_begin_object(json);
  la_json_key(json, "service");
  la_json_string(json, suite->name);
  if (one->rule != NULL) {
    la_json_key(json, "blame");
    la_json_string(json, la_blame_name(blame));
  }
  if (one->why != NULL) {
    la_json_key(json, "why");
    la_json_string(json, one->why);
  }
  la_json_end_object(json);
  la_json_end_object(json);
}

/* One result for each blame that the case has; `*left` is how many may still be written. */
static void write_case(const LaReport *report, LaJson *json, const LaSuite *suite, const LaCase *one, unsigned *left)
{
  if (one->result != LA_CASE_BROKEN && one->result != LA_CASE_WARNED)
    return;
  for (unsigned blame = 0; blame<LA_BLAME_N && * left> 0; blame++) {
    bool only = one->rule == NULL && blame == LA_BLAME_NONE;
    if (!only && (one->rule == NULL || one->by_blame[blame] == 0))
      continue;
    write_result(report, json, suite, one, (LaBlame)blame);
    --*left;
  }
}

static void write_notification(LaJson *json, const char *level, const char *text)
{
  la_json_begin_object(json);
  la_json_key(json, "level");
  la_json_string(json, level);
  write_text(json, "message", text);
  la_json_end_object(json);
}

static void write_invocation(LaJson *json, const LaCheck *check)
{
  la_json_key(json, "invocations");
  la_json_begin_array(json);
  la_json_begin_object(json);
  la_json_key(json, "executionSuccessful");
  la_json_bool(json, check->counts[LA_CASE_UNREADABLE] == 0);
  la_json_key(json, "toolExecutionNotifications");
  la_json_begin_array(json);
  const LaSuite *run = g_ptr_array_index(check->suites, 0);
  for (unsigned i = 0; i < run->cases->len; i++) {
    const LaCase *one = g_ptr_array_index(run->cases, i);
    if (one->result == LA_CASE_UNREADABLE)
      write_notification(json, "error", one->message);
  }
  for (unsigned i = 0; i < check->suppressions->len; i++)
    write_notification(json, "note", g_ptr_array_index(check->suppressions, i));
  for (unsigned i = 0; i < check->notes->len; i++)
    write_notification(json, "note", g_ptr_array_index(check->notes, i));
  la_json_end_array(json);
  la_json_end_object(json);
  la_json_end_array(json);
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  return la_ci_begin(&la_format_sarif, options, out);
}

static void end(LaReport *report, const LaCounts *counts)
{
  (void)counts;
  const LaCheck *check = report->options->check;
  LaJson json;
  la_json_init(&json, la_output_buffer(report->out));
  la_json_begin_object(&json);
  la_json_key(&json, "$schema");
  la_json_string(&json, "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json");
  la_json_key(&json, "version");
  la_json_string(&json, "2.1.0");
  la_json_key(&json, "runs");
  la_json_begin_array(&json);
  la_json_begin_object(&json);
  la_json_key(&json, "tool");
  la_json_begin_object(&json);
  la_json_key(&json, "driver");
  la_json_begin_object(&json);
  la_json_key(&json, "name");
  la_json_string(&json, "lastack");
  la_json_key(&json, "version");
  la_json_string(&json, report->options->version);
  write_rules(report, check, &json);
  la_json_end_object(&json);
  la_json_end_object(&json);
  write_invocation(&json, check);
  la_json_key(&json, "results");
  la_json_begin_array(&json);
  unsigned left = RESULTS_MAX;
  for (unsigned i = 0; i < check->suites->len; i++) {
    const LaSuite *suite = g_ptr_array_index(check->suites, i);
    for (unsigned k = 0; k < suite->cases->len; k++)
      write_case(report, &json, suite, g_ptr_array_index(suite->cases, k), &left);
  }
  la_json_end_array(&json);
  la_json_end_object(&json);
  la_json_end_array(&json);
  la_json_end_object(&json);
  g_string_append_c(la_output_buffer(report->out), '\n');
}

const LaFormat la_format_sarif = {
    .name = "sarif",
    .records = LA_RECORDS_BRIEF,
    .judges = true,
    .begin = begin,
    .end = end,
    .free = la_ci_free,
};
