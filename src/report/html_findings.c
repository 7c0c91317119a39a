/* The findings of the page, in the order of the text report: what is said of hosts, then a card for each kind of error and warning with
 * its services, then the notes in a table. Kinds and services are bounded as the groups are, and cut where nobody would read on. */
#include "report/html.h"

#include <string.h>

#include "diagnose/rule.h"

#define HOSTS_SHOWN 100
#define KINDS_SHOWN 100
#define SERVICES_SHOWN 25
#define BAR_CELL 6
#define BAR_HEIGHT 16

/* `anchor` is the card's id, which is its own. */
static void open_card(GString *out, LaSeverity severity, const LaRule *rule, const char *anchor)
{
  const char *word = la_severity_name(severity);
  g_string_append_printf(out, "<article id=\"%s\" class=\"is-%s\"><h3><span class=\"badge %s\">%s</span> ", anchor, word, word,
                         word);
  la_html_text(out, rule->title);
  g_string_append_printf(out, " <code class=\"dim\">%s</code></h3>\n", rule->code);
}

static char *anchor_of(const LaRule *rule, LaSeverity severity)
{
  return g_strdup_printf("%s-%s", rule->code, la_severity_name(severity));
}

/* A line to be copied. */
static void append_copy(GString *out, const char *label, const char *text)
{
  g_string_append_printf(out, "<div class=\"copy\"><span>%s</span><code>", label);
  la_html_text(out, text);
  g_string_append(out, "</code><button type=\"button\" hidden=\"\">copy</button></div>\n");
}

static void append_service(const LaHtmlReport *report, GString *out, const LaHostPort *end)
{
  g_autoptr(GString) text = g_string_new(NULL);
  la_text_service(&report->text, text, end);
  la_html_text(out, text->str);
}

/* When a group's findings were: a bar over the time of the captures. */
static void append_bar(const LaHtmlReport *report, GString *out, const LaGroup *group)
{
  LaTime start, end;
  uint64_t cells[LA_HISTORY_CELLS];
  la_text_span(&report->text, &start, &end);
  if (!la_history_cells(&group->history, start, end, cells))
    return;
  uint64_t most = 1;
  for (unsigned i = 0; i < LA_HISTORY_CELLS; i++)
    most = MAX(most, cells[i]);
  g_string_append_printf(out,
                         "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"when\"><rect class=\"back\" y=\"%d\" "
                         "width=\"%d\" height=\"1\"/>",
                         LA_HISTORY_CELLS * BAR_CELL, BAR_HEIGHT, BAR_HEIGHT - 1, LA_HISTORY_CELLS * BAR_CELL);
  for (unsigned i = 0; i < LA_HISTORY_CELLS; i++) {
    if (cells[i] == 0)
      continue;
    unsigned height = 3 + (unsigned)(cells[i] * (BAR_HEIGHT - 3) / most);
    g_string_append_printf(out, "<rect class=\"bad\" x=\"%u\" y=\"%u\" width=\"%d\" height=\"%u\"/>", i * BAR_CELL,
                           BAR_HEIGHT - height, BAR_CELL - 1, height);
  }
  g_string_append(out, "</svg>");
}

static void append_when(const LaHtmlReport *report, GString *out, const LaGroup *group)
{
  LaTime start, end;
  if (group->first == LA_TIME_NONE)
    return;
  la_text_span(&report->text, &start, &end);
  LaTime span = start != LA_TIME_NONE ? end - start : 0;
  la_html_time(report, out, group->first, start, span);
  if (group->last != group->first) {
    g_string_append(out, " to ");
    la_html_time(report, out, group->last, group->first, span);
  }
}

static void append_row(const LaHtmlReport *report, GString *out, const LaGroup *group)
{
  bool exact;
  uint64_t clients = la_distinct_count(&group->clients, &exact);
  g_string_append(out, "<tr><td class=\"keep\">");
  append_service(report, out, &group->server);
  g_string_append(out, "</td><td class=\"n\">");
  la_text_number(out, group->count);
  g_string_append_printf(out, "</td><td class=\"n\">%s", exact ? "" : "about ");
  la_text_number(out, MIN(clients, group->count));
  g_string_append(out, "</td><td class=\"keep\">");
  append_when(report, out, group);
  g_string_append(out, "</td><td>");
  append_bar(report, out, group);
  g_string_append_printf(out, "</td><td class=\"keep\">%s</td><td class=\"keep\">%s%s</td></tr>\n",
                         la_blame_name((LaBlame)group->blame), group->sure_different != 0 ? "up to " : "",
                         la_confidence_name((LaConfidence)group->confidence));
}

static void append_packets(GString *out, const LaGroup *group)
{
  if (group->packets_total == 0)
    return;
  g_autoptr(GString) filter = g_string_new("frame.number in {");
  for (unsigned i = 0; i < group->packets_total && i < LA_GROUP_PACKETS; i++)
    g_string_append_printf(filter, "%s%" G_GUINT64_FORMAT, i > 0 ? ", " : "", group->packets[i]);
  g_string_append_c(filter, '}');
  append_copy(out, "packets", filter->str);
}

/* All groups of a code and severity, which stand together. */
static void append_kind(const LaHtmlReport *report, GString *out, LaGroup *const *alike, unsigned count)
{
  const LaGroup *first = alike[0];
  g_autofree char *anchor = anchor_of(first->rule, (LaSeverity)first->severity);
  open_card(out, (LaSeverity)first->severity, first->rule, anchor);
  g_string_append(
      out, "<div class=\"wide\"><table><thead><tr><th>service</th><th class=\"n\">connections</th><th class=\"n\">clients</th>"
           "<th>when</th><th></th><th>blame</th><th>sure</th></tr></thead><tbody>\n");
  for (unsigned i = 0; i < count && i < SERVICES_SHOWN; i++)
    append_row(report, out, alike[i]);
  g_string_append(out, "</tbody></table></div>\n");
  if (count > SERVICES_SHOWN)
    g_string_append_printf(out, "<p class=\"dim\">... and %u more services</p>\n", count - SERVICES_SHOWN);
  g_string_append(out, first->count > 1 || count > 1 ? "<p><span class=\"dim\">For example:</span> " : "<p>");
  la_html_text(out, first->sentence);
  g_string_append(out, "</p>\n");
  g_autoptr(GString) line = g_string_new(NULL);
  if (la_text_say_show(&report->text, line, first))
    append_copy(out, "show", line->str);
  g_string_truncate(line, 0);
  la_text_say_filter(line, first);
  append_copy(out, "filter", line->str);
  append_packets(out, first);
  la_html_explain(report, out, first->rule->code);
  g_string_append(out, "</article>\n");
}

static void append_host(const LaHtmlReport *report, GString *out, unsigned index)
{
  const LaTextHost *host = g_ptr_array_index(report->text.hosts, index);
  const LaFinding *finding = &host->finding;
  char anchor[24];
  g_snprintf(anchor, sizeof anchor, "host-%u", index);
  open_card(out, (LaSeverity)finding->severity, finding->rule, anchor);
  g_autoptr(GString) subject = g_string_new(NULL);
  la_text_subject(&report->text, subject, &host->subject);
  g_string_append(out, "<p><strong>");
  la_html_text(out, subject->str);
  g_string_append_printf(out, "</strong>; blame %s (%s)</p>\n<p>", la_blame_name((LaBlame)finding->blame),
                         la_confidence_name((LaConfidence)finding->confidence));
  la_html_text(out, host->sentence);
  g_string_append(out, "</p>\n");
  const LaFact *covers = la_finding_fact(finding, "covers");
  if (covers != NULL && covers->kind == LA_FACT_COUNT && covers->value.count > 0) {
    g_string_append(out, "<p class=\"dim\">It sums up findings of ");
    la_text_count(out, (uint64_t)covers->value.count, "single connection", "single connections");
    g_string_append(out, ", which are not listed again.</p>\n");
  }
  la_html_explain(report, out, finding->rule->code);
  g_string_append(out, "</article>\n");
}

/* How many groups from the first on are of its code and severity. */
static unsigned kind_length(LaGroup *const *groups, unsigned count)
{
  unsigned len = 1;
  while (len < count && groups[len]->rule == groups[0]->rule && groups[len]->severity == groups[0]->severity)
    len++;
  return len;
}

static void append_note(const LaHtmlReport *report, GString *out, LaGroup *const *alike, unsigned count)
{
  uint64_t connections = 0;
  for (unsigned i = 0; i < count; i++)
    connections += alike[i]->count;
  g_string_append_printf(out, "<tr><td class=\"k\"><code>%s</code></td><td class=\"n\">", alike[0]->rule->code);
  la_text_number(out, connections);
  g_string_append(out, "</td><td>");
  append_service(report, out, &alike[0]->server);
  if (count > 1)
    g_string_append_printf(out, " and %u more", count - 1);
  g_string_append(out, "</td><td>");
  la_html_text(out, alike[0]->sentence);
  g_string_append(out, "</td></tr>\n");
}

static void append_notes(const LaHtmlReport *report, GString *out, LaGroup *const *groups, unsigned count)
{
  unsigned hosts = report->text.hosts->len;
  unsigned first = 0;
  while (first < hosts &&
         ((const LaTextHost *)g_ptr_array_index(report->text.hosts, first))->finding.severity != LA_SEVERITY_NOTE)
    first++;
  if (count == 0 && first == hosts)
    return;
  g_string_append(
      out, "<h2>Worth knowing</h2>\n<div class=\"wide notes\"><table><thead><tr><th>note</th><th class=\"n\">connections</th>"
           "<th>of</th><th>for example</th></tr></thead><tbody>\n");
  for (unsigned i = first; i < hosts && i < first + HOSTS_SHOWN; i++) {
    const LaTextHost *host = g_ptr_array_index(report->text.hosts, i);
    g_autoptr(GString) subject = g_string_new(NULL);
    la_text_subject(&report->text, subject, &host->subject);
    g_string_append_printf(out, "<tr><td class=\"k\"><code>%s</code></td><td></td><td>", host->finding.rule->code);
    la_html_text(out, subject->str);
    g_string_append(out, "</td><td>");
    la_html_text(out, host->sentence);
    g_string_append(out, "</td></tr>\n");
  }
  for (unsigned i = 0; i < count;) {
    unsigned len = kind_length(groups + i, count - i);
    append_note(report, out, groups + i, len);
    i += len;
  }
  g_string_append(out, "</tbody></table></div>\n");
}

static void append_cards(const LaHtmlReport *report, GString *out, LaGroup *const *groups, unsigned count)
{
  g_string_append(out,
                  "<h2>What is wrong</h2>\n<input id=\"filter\" type=\"search\" placeholder=\"only findings with this word\" "
                  "aria-label=\"filter findings\" hidden=\"\"/>\n");
  unsigned shown = 0;
  for (unsigned i = 0; i < report->text.hosts->len && shown < HOSTS_SHOWN; i++) {
    const LaTextHost *host = g_ptr_array_index(report->text.hosts, i);
    if (host->finding.severity == LA_SEVERITY_NOTE)
      break;
    append_host(report, out, i);
    shown++;
  }
  unsigned kinds = 0;
  unsigned at = 0;
  for (; at < count && kinds < KINDS_SHOWN; kinds++) {
    unsigned len = kind_length(groups + at, count - at);
    append_kind(report, out, groups + at, len);
    at += len;
  }
}

static void append_glance(GString *out, const char *anchor, LaSeverity severity, const char *code)
{
  const char *word = la_severity_name(severity);
  g_string_append_printf(out, "<li><span class=\"badge %s\">%s</span> <a href=\"#%s\">%s</a> ", word, word, anchor, code);
}

void la_html_glance(const LaHtmlReport *report, GString *out)
{
  unsigned all_count;
  LaGroup *const *all = la_groups_sorted(report->text.groups, &all_count);
  g_autoptr(GPtrArray) unfolded = la_text_unfolded(&report->text, all, all_count);
  LaGroup *const *groups = (LaGroup *const *)unfolded->pdata;
  g_string_append(out, "<ul class=\"glance\">\n");
  gsize from = out->len;
  for (unsigned i = 0; i < report->text.hosts->len && i < HOSTS_SHOWN; i++) {
    const LaTextHost *host = g_ptr_array_index(report->text.hosts, i);
    if (host->finding.severity == LA_SEVERITY_NOTE)
      break;
    char anchor[24];
    g_snprintf(anchor, sizeof anchor, "host-%u", i);
    append_glance(out, anchor, (LaSeverity)host->finding.severity, host->finding.rule->code);
    g_autoptr(GString) subject = g_string_new(NULL);
    la_text_subject(&report->text, subject, &host->subject);
    la_html_text(out, subject->str);
    g_string_append(out, "</li>\n");
  }
  unsigned kinds = 0;
  for (unsigned i = 0; i < unfolded->len && kinds < KINDS_SHOWN && groups[i]->severity > LA_SEVERITY_NOTE; kinds++) {
    unsigned len = kind_length(groups + i, unfolded->len - i);
    uint64_t connections = 0;
    for (unsigned k = i; k < i + len; k++)
      connections += groups[k]->count;
    g_autofree char *anchor = anchor_of(groups[i]->rule, (LaSeverity)groups[i]->severity);
    append_glance(out, anchor, (LaSeverity)groups[i]->severity, groups[i]->rule->code);
    la_text_number(out, connections);
    g_string_append(out, "</li>\n");
    i += len;
  }
  if (out->len > from)
    g_string_append(out, "</ul>\n");
  else
    g_string_truncate(out, from - strlen("<ul class=\"glance\">\n"));
}

void la_html_findings(const LaHtmlReport *report, GString *out, const LaCounts *counts)
{
  unsigned all_count;
  LaGroup *const *all = la_groups_sorted(report->text.groups, &all_count);
  g_autoptr(GPtrArray) unfolded = la_text_unfolded(&report->text, all, all_count); /* puts the hosts in order, too */
  LaGroup *const *groups = (LaGroup *const *)unfolded->pdata;
  unsigned loud = 0;
  while (loud < unfolded->len && groups[loud]->severity > LA_SEVERITY_NOTE)
    loud++;
  if (counts->by_severity[LA_SEVERITY_ERROR] + counts->by_severity[LA_SEVERITY_WARNING] > 0)
    append_cards(report, out, groups, loud);
  append_notes(report, out, loud < unfolded->len ? groups + loud : NULL, unfolded->len - loud);
  uint64_t left = la_groups_overflow(report->text.groups) + counts->host_findings_left;
  if (left > 0) {
    g_string_append(out, "<p class=\"dim\">");
    la_text_count(out, left, "finding", "findings");
    g_string_append(out, " of still more services and hosts are only counted; -o ndjson has all of the connections.</p>\n");
  }
}
