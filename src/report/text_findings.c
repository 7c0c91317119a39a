/* The findings of the screen. What users felt comes first and has room; what is merely worth knowing is one line a code. Blocks of
 * the same code on many services are folded after the first few, so that a scan of a thousand ports is still one screen. */
#include "report/text.h"

#include <string.h>

#include "diagnose/rule.h"
#include "track/measures.h"

#define BLOCKS_OF_A_CODE 2 /* with more services of a code only the worst has a block */
#define BLOCKS_SHOWN 12
#define SERVICES_NAMED 4
#define NOTES_SHOWN 10
#define TABLE_FROM 3 /* so many kinds of problems get a table */
#define TABLE_LINES 12

static const char *const severity_words[LA_SEVERITY_N] = {"note", "WARNING", "ERROR"};
static const LaPaint severity_paints[LA_SEVERITY_N] = {LA_PAINT_NOTE, LA_PAINT_WARNING, LA_PAINT_ERROR};

static bool is_verbose(const LaTextReport *report)
{
  return report->base.options->verbosity == LA_VERBOSITY_VERBOSE;
}

void la_text_block(const LaTextReport *report, GString *out, LaSeverity severity, const char *title)
{
  const LaStyle *style = &report->base.options->style;
  g_string_append_c(out, '\n');
  la_style_paint(style, out, severity_paints[severity], severity_words[severity]);
  la_style_pad(out, (unsigned)strlen(severity_words[severity]), LA_TEXT_LABEL);
  la_style_paint(style, out, LA_PAINT_BOLD, title);
}

/* A line that must stay whole, since it is there to be copied. */
static void paste_line(const LaTextReport *report, GString *out, const char *label, const char *text)
{
  la_text_label(report, out, label);
  la_style_paint(&report->base.options->style, out, LA_PAINT_CODE, text);
  g_string_append_c(out, '\n');
}

static void append_when(const LaTextReport *report, GString *out, const LaGroup *group)
{
  const LaStyle *style = &report->base.options->style;
  if (group->first == LA_TIME_NONE)
    return;
  LaTime start, end;
  la_text_span(report, &start, &end);
  la_text_label(report, out, "when");
  gsize from = out->len;
  LaTime span = start != LA_TIME_NONE ? end - start : 0;
  la_text_time(style, out, group->first, start, span);
  if (group->last != group->first) {
    g_string_append(out, " to ");
    la_text_time(style, out, group->last, group->first, span);
  }
  unsigned used = (unsigned)(out->len - from);
  if (end > start && LA_TEXT_LABEL + used + 2 + LA_HISTORY_CELLS <= style->width) {
    g_string_append(out, "  ");
    la_history_bar(&group->history, out, start, end, style);
  }
  g_string_append_c(out, '\n');
}

bool la_text_say_show(const LaTextReport *report, GString *out, const LaGroup *group)
{
  if (report->base.options->show_command == NULL || group->example_id == 0)
    return false;
  la_show_command_say(report->base.options->show_command, group->path, group->example_id, out);
  return true;
}

void la_text_show(const LaTextReport *report, GString *out, const LaGroup *group)
{
  g_autoptr(GString) line = g_string_new(NULL);
  if (la_text_say_show(report, line, group))
    paste_line(report, out, "show", line->str);
}

void la_text_say_filter(GString *out, const LaGroup *group)
{
  char server[LA_ADDR_TEXT_MAX];
  char client[LA_ADDR_TEXT_MAX];
  const char *field = group->server.family == LA_FAMILY_IPV6 ? "ipv6.addr" : "ip.addr";
  la_addr_format(&group->server.addr, (LaFamily)group->server.family, server);
  la_addr_format(&group->example_client.addr, (LaFamily)group->server.family, client);
  if (group->count == 1)
    g_string_append_printf(out, "%s==%s && tcp.port==%u && tcp.port==%u", field, client, group->example_client.port,
                           group->server.port);
  else
    g_string_append_printf(out, "%s==%s && tcp.port==%u", field, server, group->server.port);
}

static void append_filter(const LaTextReport *report, GString *out, const LaGroup *group)
{
  g_autoptr(GString) line = g_string_new(NULL);
  la_text_say_filter(line, group);
  paste_line(report, out, "filter", line->str);
}

static void append_who(const LaTextReport *report, GString *out, const LaGroup *group)
{
  g_autoptr(GString) line = g_string_new(NULL);
  la_text_service(report, line, &group->server);
  g_string_append(line, ": ");
  la_text_count(line, group->count, "connection", "connections");
  bool exact;
  uint64_t clients = la_distinct_count(&group->clients, &exact);
  g_string_append(line, exact ? " from " : " from about ");
  la_text_count(line, MIN(clients, group->count), "client", "clients");
  g_string_append_printf(line, "; blame %s (%s%s)", la_blame_name((LaBlame)group->blame),
                         group->sure_different != 0 ? "up to " : "", la_confidence_name((LaConfidence)group->confidence));
  la_text_sentence(report, out, "who", line->str);
}

static void append_title(GString *line, const LaRule *rule)
{
  g_string_append_printf(line, "%s (%s)", rule->title, rule->code);
}

static void append_group(const LaTextReport *report, GString *out, const LaGroup *group)
{
  g_autoptr(GString) title = g_string_new(NULL);
  append_title(title, group->rule);
  la_text_block(report, out, (LaSeverity)group->severity, title->str);
  g_string_append_c(out, '\n');
  append_who(report, out, group);
  append_when(report, out, group);
  la_text_sentence(report, out, group->count > 1 ? "e.g." : "what", group->sentence);
  la_text_show(report, out, group);
  append_filter(report, out, group);
}

/* The groups of the same code, severity and blame that were not given a block. */
static void append_folded(const LaTextReport *report, GString *out, LaGroup *const *groups, unsigned count)
{
  g_autoptr(GString) line = g_string_new(NULL);
  uint64_t connections = 0;
  for (unsigned i = 0; i < count; i++)
    connections += groups[i]->count;
  g_string_append(line, "the same at ");
  la_text_count(line, count, "more service", "more services");
  g_string_append(line, " (");
  la_text_count(line, connections, "connection", "connections");
  g_string_append(line, "): ");
  unsigned named = is_verbose(report) ? count : MIN(count, SERVICES_NAMED);
  for (unsigned i = 0; i < named; i++) {
    g_string_append(line, i > 0 ? ", " : "");
    la_text_service(report, line, &groups[i]->server);
  }
  if (named < count)
    g_string_append(line, ", ...");
  la_text_sentence(report, out, "also", line->str);
}

/* Errors and warnings. `groups` begins with them. */
static void append_blocks(const LaTextReport *report, GString *out, LaGroup *const *groups, unsigned count)
{
  g_autofree bool *done = g_new0(bool, count > 0 ? count : 1);
  unsigned shown = 0;
  unsigned left_groups = 0;
  uint64_t left_connections = 0;
  for (unsigned i = 0; i < count && groups[i]->severity > LA_SEVERITY_NOTE; i++) {
    if (done[i])
      continue;
    /* All of this code stand together, also those with fewer connections than another code's. */
    g_autoptr(GPtrArray) alike = g_ptr_array_new();
    for (unsigned j = i; j < count && groups[j]->severity == groups[i]->severity; j++) {
      if (!done[j] && groups[j]->rule == groups[i]->rule && groups[j]->blame == groups[i]->blame) {
        done[j] = true;
        g_ptr_array_add(alike, groups[j]);
      }
    }
    unsigned blocks = alike->len <= BLOCKS_OF_A_CODE ? alike->len : 1;
    if (is_verbose(report))
      blocks = alike->len;
    else if (shown >= BLOCKS_SHOWN)
      blocks = 0;
    for (unsigned j = 0; j < blocks; j++)
      append_group(report, out, g_ptr_array_index(alike, j));
    shown += blocks;
    if (blocks > 0 && blocks < alike->len)
      append_folded(report, out, (LaGroup *const *)alike->pdata + blocks, alike->len - blocks);
    for (unsigned j = 0; blocks == 0 && j < alike->len; j++) {
      const LaGroup *group = g_ptr_array_index(alike, j);
      left_groups++;
      left_connections += group->count;
    }
  }
  if (left_groups == 0)
    return;
  g_autoptr(GString) line = g_string_new("... and ");
  la_text_count(line, left_groups, "more group of findings", "more groups of findings");
  g_string_append(line, " on ");
  la_text_count(line, left_connections, "connection", "connections");
  g_string_append(line, "; --verbose shows all.");
  g_string_append_c(out, '\n');
  la_text_sentence(report, out, "", line->str);
}

/* All notes of one code in a line. `groups` holds the notes only. */
static void append_notes(const LaTextReport *report, GString *out, LaGroup *const *groups, unsigned count)
{
  const LaStyle *style = &report->base.options->style;
  g_autofree bool *done = g_new0(bool, count > 0 ? count : 1);
  unsigned lines = 0;
  unsigned left = 0;
  for (unsigned i = 0; i < count; i++) {
    if (done[i])
      continue;
    uint64_t connections = 0;
    unsigned services = 0;
    for (unsigned j = i; j < count; j++) {
      if (groups[j]->rule != groups[i]->rule)
        continue;
      done[j] = true;
      connections += groups[j]->count;
      services++;
    }
    if (lines >= NOTES_SHOWN && !is_verbose(report)) {
      left++;
      continue;
    }
    if (lines++ == 0)
      g_string_append_c(out, '\n');
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_append_printf(line, "%s (%s): ", groups[i]->rule->title, groups[i]->rule->code);
    la_text_count(line, connections, "connection", "connections");
    g_string_append(line, " of ");
    la_text_service(report, line, &groups[i]->server);
    if (services > 1) {
      g_string_append(line, " and ");
      la_text_count(line, services - 1, "other service", "other services");
    }
    if (connections == 1 && groups[i]->example_id != 0 && report->captures->len > 1) {
      g_string_append(line, ", "); /* of which capture the number is */
      if (!la_text_say_show(report, line, groups[i]))
        g_string_truncate(line, line->len - 2);
    } else if (connections == 1 && groups[i]->example_id != 0) {
      g_string_append_printf(line, ", --conn %u", groups[i]->example_id);
    }
    la_style_paint(style, out, LA_PAINT_NOTE, "note");
    la_style_pad(out, 4, LA_TEXT_LABEL);
    la_wrap(out, line->str, &(LaWrap){.width = style->width, .used = LA_TEXT_LABEL, .indent = LA_TEXT_LABEL + 2});
    g_string_append_c(out, '\n');
  }
  if (left > 0) {
    la_text_label(report, out, "");
    g_string_append_printf(out, "... and notes of %u more codes; --verbose shows all.\n", left);
  }
}

static void append_verdict(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  const LaStyle *style = &report->base.options->style;
  g_autoptr(GString) line = g_string_new(NULL);
  uint64_t errors = counts->by_severity[LA_SEVERITY_ERROR];
  uint64_t warnings = counts->by_severity[LA_SEVERITY_WARNING];
  g_string_append_c(out, '\n');
  if (counts->connections == 0) {
    la_style_paint(style, out, LA_PAINT_BOLD, "No TCP connections to report.");
  } else if (errors == 0 && warnings == 0) {
    la_style_paint(style, out, LA_PAINT_GOOD, "No problems found");
    g_string_append(line, " in ");
    la_text_count(line, counts->connections, "connection.", "connections.");
    g_string_append(out, line->str);
  } else {
    if (errors > 0)
      la_text_count(line, errors, "error", "errors");
    if (warnings > 0) {
      g_string_append(line, errors > 0 ? " and " : "");
      la_text_count(line, warnings, "warning", "warnings");
    }
    la_style_paint(style, out, errors > 0 ? LA_PAINT_ERROR : LA_PAINT_WARNING, line->str);
    g_string_truncate(line, 0);
    if (counts->with_problems > 0) {
      g_string_append(line, " on ");
      la_text_number(line, counts->with_problems);
      g_string_append(line, " of ");
      la_text_count(line, counts->connections, "connection.", "connections.");
    } else {
      g_string_append(line, ".");
    }
    g_string_append(out, line->str);
  }
  g_string_append_c(out, '\n');
}

/* One line of the table: all of a code and severity. */
static void append_kind(const LaTextReport *report, GString *out, LaGroup *const *alike, unsigned count)
{
  const LaStyle *style = &report->base.options->style;
  const char *severity = severity_words[alike[0]->severity];
  const char *blame = la_blame_name((LaBlame)alike[0]->blame);
  uint64_t connections = 0;
  g_autoptr(GHashTable) services = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (unsigned i = 0; i < count; i++) {
    char text[LA_HOST_PORT_TEXT_MAX];
    g_hash_table_add(services, g_strdup(la_host_port_format(&alike[i]->server, text)));
    connections += alike[i]->count;
    if (alike[i]->blame != alike[0]->blame)
      blame = "several";
  }
  g_string_append(out, "  ");
  la_style_paint(style, out, severity_paints[alike[0]->severity], severity);
  la_style_pad(out, (unsigned)strlen(severity), 8);
  g_string_append_printf(out, "%5" G_GUINT64_FORMAT "  %-22s  %-18s  ", connections, alike[0]->rule->code, blame);
  la_text_service(report, out, &alike[0]->server);
  if (g_hash_table_size(services) > 1)
    g_string_append_printf(out, " +%u", g_hash_table_size(services) - 1);
  g_string_append_c(out, '\n');
}

/* With several kinds of problems, a table of them: the answer at a glance, before the details push it off the screen. */
static void append_table(const LaTextReport *report, GString *out, LaGroup *const *groups, unsigned count)
{
  /* The groups of a kind stand together (la_groups_sorted). */
  unsigned begins[TABLE_LINES + 1];
  unsigned kinds = 0;
  unsigned at = 0;
  while (at < count && kinds < TABLE_LINES) {
    begins[kinds++] = at;
    unsigned first = at;
    while (at < count && groups[at]->rule == groups[first]->rule && groups[at]->severity == groups[first]->severity)
      at++;
  }
  begins[kinds] = at;
  if (kinds < TABLE_FROM)
    return;
  g_string_append_c(out, '\n');
  for (unsigned i = 0; i < kinds; i++)
    append_kind(report, out, groups + begins[i], begins[i + 1] - begins[i]);
  if (at < count) {
    la_style_pad(out, 0, 2);
    g_string_append_printf(out, "... and %u more groups\n", count - at);
  }
}

void la_text_findings(const LaTextReport *report, GString *out, const LaCounts *counts)
{
  unsigned count;
  LaGroup *const *all = la_groups_sorted(report->groups, &count);
  g_autoptr(GPtrArray) unfolded = la_text_unfolded(report, all, count);
  LaGroup *const *groups = (LaGroup *const *)unfolded->pdata;
  unsigned all_count = count;
  count = unfolded->len;
  unsigned first_note = 0;
  while (first_note < count && groups[first_note]->severity > LA_SEVERITY_NOTE)
    first_note++;
  append_verdict(report, out, counts);
  append_table(report, out, groups, first_note);
  la_text_hosts(report, out, all, all_count);
  append_blocks(report, out, groups, count);
  la_text_host_notes(report, out);
  if (first_note < count)
    append_notes(report, out, groups + first_note, count - first_note);
  if (la_groups_overflow(report->groups) > 0) {
    g_string_append_c(out, '\n');
    la_text_label(report, out, "");
    la_text_count(out, la_groups_overflow(report->groups), "finding", "findings");
    g_string_append(out, " of still more services are only counted; -o ndjson has all.\n");
  }
  if (counts->by_severity[LA_SEVERITY_ERROR] + counts->by_severity[LA_SEVERITY_WARNING] +
          counts->by_severity[LA_SEVERITY_NOTE] >
      0) {
    g_string_append_c(out, '\n');
    const LaStyle *style = &report->base.options->style;
    g_autofree char *hint = g_strdup_printf("lastack explain %s tells what it means, what causes it and what to do.",
                                            first_note > 0 ? groups[0]->rule->code : "CODE");
    g_autoptr(GString) wrapped = g_string_new(NULL);
    la_wrap(wrapped, hint, &(LaWrap){.width = style->width});
    la_style_paint(style, out, LA_PAINT_DIM, wrapped->str);
    g_string_append_c(out, '\n');
  }
}

void la_text_quiet(const LaTextReport *report, GString *out)
{
  const LaStyle *style = &report->base.options->style;
  la_text_sort_hosts(report);
  for (unsigned i = 0; i < report->hosts->len; i++) {
    const LaTextHost *host = g_ptr_array_index(report->hosts, i);
    if (host->finding.severity == LA_SEVERITY_NOTE)
      continue;
    la_style_paint(style, out, severity_paints[host->finding.severity], la_severity_name((LaSeverity)host->finding.severity));
    g_string_append_printf(out, " %s ", host->finding.rule->code);
    la_text_subject(report, out, &host->subject);
    g_string_append_printf(out, " %s: %s\n", la_blame_name((LaBlame)host->finding.blame), host->sentence);
  }
  unsigned count;
  LaGroup *const *groups = la_groups_sorted(report->groups, &count);
  for (unsigned i = 0; i < count && groups[i]->severity > LA_SEVERITY_NOTE; i++) {
    const LaGroup *group = groups[i];
    la_style_paint(style, out, severity_paints[group->severity], la_severity_name((LaSeverity)group->severity));
    g_string_append_printf(out, " %s ", group->rule->code);
    la_text_service(report, out, &group->server);
    g_string_append_printf(out, " %s ", la_blame_name((LaBlame)group->blame));
    la_text_count(out, group->count, "connection", "connections");
    g_string_append_printf(out, ": %s\n", group->sentence);
  }
}

void la_text_connection(const LaTextReport *report, GString *out, const LaConnectionRecord *record)
{
  const LaStyle *style = &report->base.options->style;
  const LaConnection *conn = record->conn;
  LaHostPort client = la_connection_end(conn, LA_OPENER);
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  char span[LA_TIME_TEXT_MAX];
  if (report->captures->len == 0 && record->file > 1)
    g_string_append_printf(out, "%u/", record->file);
  g_string_append_printf(out, "#%u ", conn->id);
  la_text_service(report, out, &client);
  g_string_append(out, " > ");
  la_text_service(report, out, &server);
  g_string_append_c(out, ' ');
  LaTime lasted = la_connection_duration(conn);
  if (la_time_is_known(conn->first_time)) {
    la_text_time(style, out, conn->first_time, conn->first_time, 0);
    g_string_append_printf(out, " %s, ", lasted != LA_TIME_NONE ? la_span_format(lasted, span) : "there before the capture");
  } else {
    g_string_append(out, "without times, ");
  }
  la_text_count(out, conn->end[0].packets + conn->end[1].packets, "packet", "packets");
  g_string_append_printf(out, ", opened %s, closed %s, client ", la_handshake_result_name(record->handshake),
                         la_teardown_result_name(record->teardown));
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    const LaEndpoint *end = &conn->end[side];
    bool known = la_connection_knows(conn, (LaSide)side) && end->steps > 0;
    if (side == LA_ACCEPTOR)
      g_string_append(out, ", server ");
    g_string_append(out, known ? la_tcp_state_name((LaTcpState)end->path[MIN(end->steps, LA_STEPS_MAX) - 1].state) : "unseen");
    if (known && !la_connection_final_certain(conn, (LaSide)side))
      g_string_append_c(out, '?');
  }
  g_string_append_c(out, '\n');
  for (unsigned i = 0; i < record->findings->count; i++) {
    const LaFinding *finding = &record->findings->items[i];
    g_string_append(out, "  ");
    la_style_paint(style, out, severity_paints[finding->severity], la_severity_name((LaSeverity)finding->severity));
    g_string_append_printf(out, " %s, blame %s (%s): ", finding->rule->code, la_blame_name((LaBlame)finding->blame),
                           la_confidence_name((LaConfidence)finding->confidence));
    la_finding_summary(finding, conn, out);
    g_string_append_c(out, '\n');
  }
}
