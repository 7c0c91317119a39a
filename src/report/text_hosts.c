/* The screen's part about hosts and services. A flood, a scan or an outage makes hundreds of findings about single connections; here it
 * is one block, which says how many it stands for, and these do not appear again (they do with --verbose, and in the records). */
#include "report/text.h"

#include <string.h>

#include "diagnose/rule.h"

#define HOSTS_SHOWN 12
#define CODES_NAMED 4

static bool is_verbose(const LaTextReport *report)
{
  return report->base.options->verbosity == LA_VERBOSITY_VERBOSE;
}

void la_text_subject(const LaTextReport *report, GString *out, const LaSubject *subject)
{
  char text[LA_ADDR_TEXT_MAX];
  if (subject->kind != LA_SUBJECT_SERVICE)
    g_string_append(out, la_addr_format(&subject->client.addr, (LaFamily)subject->client.family, text));
  if (subject->kind == LA_SUBJECT_PAIR)
    g_string_append(out, " to ");
  if (subject->kind != LA_SUBJECT_SOURCE)
    la_text_service(report, out, &subject->server);
}

static gint compare_hosts(gconstpointer a, gconstpointer b)
{
  const LaTextHost *one = *(LaTextHost *const *)a;
  const LaTextHost *other = *(LaTextHost *const *)b;
  if (one->finding.severity != other->finding.severity)
    return one->finding.severity > other->finding.severity ? -1 : 1;
  return (gint)la_rule_index(one->finding.rule) - (gint)la_rule_index(other->finding.rule);
}

void la_text_sort_hosts(const LaTextReport *report)
{
  g_ptr_array_sort(report->hosts, compare_hosts);
}

/* Whether a host's finding stands for the group: its rule sums up the group's, and they speak of the same service or, when all of the
 * group came from one client, of that source. */
static bool stands_for(const LaTextHost *host, const LaGroup *group)
{
  if (!la_rule_covers(host->finding.rule, group->rule))
    return false;
  const LaSubject *subject = &host->subject;
  if (subject->kind == LA_SUBJECT_SERVICE)
    return subject->server.port == group->server.port && subject->server.family == group->server.family &&
           la_addr_equal(&subject->server.addr, &group->server.addr);
  bool exact;
  return subject->kind == LA_SUBJECT_SOURCE && la_distinct_count(&group->clients, &exact) == 1 &&
         subject->client.family == group->server.family && la_addr_equal(&subject->client.addr, &group->example_client.addr);
}

/* Whether the host's finding sums up nearly all of the findings of these groups, so that they need not be told again: a burst among many
 * other refusals does not. */
static bool stands_for_all(const LaTextHost *host, LaGroup *const *groups, unsigned count)
{
  const LaFact *covers = la_finding_fact(&host->finding, "covers");
  uint64_t alike = 0;
  for (unsigned i = 0; i < count; i++)
    alike += stands_for(host, groups[i]) ? groups[i]->count : 0;
  return alike > 0 && covers != NULL && alike * 4 <= (uint64_t)covers->value.count * 5;
}

static unsigned shown_hosts(const LaTextReport *report)
{
  return is_verbose(report) ? report->hosts->len : MIN(report->hosts->len, HOSTS_SHOWN);
}

GPtrArray *la_text_unfolded(const LaTextReport *report, LaGroup *const *groups, unsigned count)
{
  GPtrArray *unfolded = g_ptr_array_new();
  la_text_sort_hosts(report);
  unsigned hosts = is_verbose(report) ? 0 : shown_hosts(report);
  g_autofree bool *folds = g_new0(bool, hosts + 1);
  for (unsigned h = 0; h < hosts; h++)
    folds[h] = stands_for_all(g_ptr_array_index(report->hosts, h), groups, count);
  for (unsigned i = 0; i < count; i++) {
    unsigned h = 0;
    while (h < hosts && !(folds[h] && stands_for(g_ptr_array_index(report->hosts, h), groups[i])))
      h++;
    if (h == hosts)
      g_ptr_array_add(unfolded, groups[i]);
  }
  return unfolded;
}

/* "stands for 34 connection-refused, 6 syn-unanswered", and how to look at one. */
static void append_folded(const LaTextReport *report, GString *out, const LaTextHost *host, LaGroup *const *groups,
                          unsigned count)
{
  const LaRule *rules[CODES_NAMED];
  uint64_t counts[CODES_NAMED] = {0};
  uint64_t rest = 0, total = 0;
  unsigned used = 0;
  const LaGroup *example = NULL;
  for (unsigned i = 0; i < count; i++) {
    if (!stands_for(host, groups[i]))
      continue;
    if (example == NULL)
      example = groups[i];
    total += groups[i]->count;
    unsigned at = 0;
    while (at < used && rules[at] != groups[i]->rule)
      at++;
    if (at == used && used < CODES_NAMED)
      rules[used++] = groups[i]->rule;
    if (at < used)
      counts[at] += groups[i]->count;
    else
      rest += groups[i]->count;
  }
  if (example == NULL || !stands_for_all(host, groups, count))
    return;
  /* The finding speaks of a time and counts what fell into it; folded are those from before and after, too. */
  const LaFact *covers = la_finding_fact(&host->finding, "covers");
  bool more = total > (uint64_t)covers->value.count;
  g_autoptr(GString) line = g_string_new("the findings of single connections with ");
  for (unsigned i = 0; i < used; i++) {
    g_string_append(line, i > 0 ? ", " : "");
    g_string_append_printf(line, "%s (", rules[i]->code);
    la_text_number(line, counts[i]);
    g_string_append_c(line, ')');
  }
  if (rest > 0) {
    g_string_append(line, ", others (");
    la_text_number(line, rest);
    g_string_append_c(line, ')');
  }
  if (more)
    g_string_append(line, ", counted over the whole capture");
  g_string_append(line, is_verbose(report) ? "; they stand below" : "; --verbose shows them");
  la_text_sentence(report, out, "sums up", line->str);
  la_text_show(report, out, example);
}

void la_text_hosts(const LaTextReport *report, GString *out, LaGroup *const *groups, unsigned count)
{
  la_text_sort_hosts(report);
  unsigned shown = shown_hosts(report);
  for (unsigned i = 0; i < shown; i++) {
    const LaTextHost *host = g_ptr_array_index(report->hosts, i);
    if (host->finding.severity == LA_SEVERITY_NOTE)
      continue;
    g_autofree char *title = g_strdup_printf("%s (%s)", host->finding.rule->title, host->finding.rule->code);
    la_text_block(report, out, (LaSeverity)host->finding.severity, title);
    g_string_append_c(out, '\n');
    g_autoptr(GString) who = g_string_new(NULL);
    la_text_subject(report, who, &host->subject);
    g_string_append_printf(who, "; blame %s (%s)", la_blame_name((LaBlame)host->finding.blame),
                           la_confidence_name((LaConfidence)host->finding.confidence));
    la_text_sentence(report, out, "who", who->str);
    la_text_sentence(report, out, "what", host->sentence);
    append_folded(report, out, host, groups, count);
  }
  if (shown == report->hosts->len)
    return;
  g_string_append_c(out, '\n');
  la_text_label(report, out, "");
  g_string_append_printf(out, "... and %u more findings about hosts and services; --verbose shows all.\n",
                         report->hosts->len - shown);
}

void la_text_host_notes(const LaTextReport *report, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  bool first = true;
  for (unsigned i = 0; i < shown_hosts(report); i++) {
    const LaTextHost *host = g_ptr_array_index(report->hosts, i);
    if (host->finding.severity != LA_SEVERITY_NOTE)
      continue;
    g_autofree char *line = g_strdup_printf("%s (%s): %s", host->finding.rule->title, host->finding.rule->code, host->sentence);
    if (first)
      g_string_append_c(out, '\n');
    first = false;
    la_style_paint(style, out, LA_PAINT_NOTE, "note");
    la_style_pad(out, 4, LA_TEXT_LABEL);
    la_wrap(out, line, &(LaWrap){.width = style->width, .used = LA_TEXT_LABEL, .indent = LA_TEXT_LABEL + 2});
    g_string_append_c(out, '\n');
  }
}
