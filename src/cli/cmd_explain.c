#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/texts.h"
#include "diagnose/rule.h"
#include "report/page.h"

#define READABLE_WIDTH 100

static const struct {
  const char *folder;
  const char *is;     /* "a state" */
  const char *plural; /* heading of the list */
} kinds[] = {
    {"findings", "finding", "Findings"},
    {"words/states", "state of RFC 9293", "States"},
    {"words/flags", "flag", "Flags"},
    {"words/handshake", "result of opening", "Results of opening"},
    {"words/teardown", "result of closing", "Results of closing"},
    {"words/errors", "error", "Errors, as applications tell them"},
    {"words/terms", "term", "Terms"},
};

static const char *const scope_headings[] = {
    [LA_SCOPE_CONNECTION] = "Findings about connections",
    [LA_SCOPE_HOST] = "Findings about hosts and services",
    [LA_SCOPE_CAPTURE] = "Findings about the capture itself",
};

static const LaText *text_of(const GPtrArray *texts, const char *folder, const char *name)
{
  for (unsigned i = 0; i < texts->len; i++) {
    const LaText *text = g_ptr_array_index(texts, i);
    if (strcmp(text->folder, folder) == 0 && strcmp(text->name, name) == 0)
      return text;
  }
  return NULL;
}

static void list_findings(const LaStyle *style, GString *out, const GPtrArray *texts, LaScope scope)
{
  static const LaPaint paints[LA_SEVERITY_N] = {LA_PAINT_NOTE, LA_PAINT_WARNING, LA_PAINT_ERROR};
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  la_style_paint(style, out, LA_PAINT_BOLD, scope_headings[scope]);
  g_string_append_c(out, '\n');
  for (unsigned i = 0; i < count; i++) {
    if (rules[i]->scope != scope)
      continue;
    const LaText *text = text_of(texts, "findings", rules[i]->code);
    g_string_append_printf(out, "  %-22s ", rules[i]->code);
    const char *severity = la_severity_name(rules[i]->severity);
    la_style_paint(style, out, paints[rules[i]->severity], severity);
    la_style_pad(out, (unsigned)strlen(severity), 8);
    la_wrap(out, text != NULL ? text->brief : rules[i]->title, &(LaWrap){.width = style->width, .used = 33, .indent = 33});
    g_string_append_c(out, '\n');
  }
}

static void list_words(const LaStyle *style, GString *out, const GPtrArray *texts)
{
  for (unsigned kind = 1; kind < G_N_ELEMENTS(kinds); kind++) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (unsigned i = 0; i < texts->len; i++) {
      const LaText *text = g_ptr_array_index(texts, i);
      if (strcmp(text->folder, kinds[kind].folder) == 0)
        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", text->name);
    }
    if (names->len == 0)
      continue;
    g_string_append_c(out, '\n');
    la_style_paint(style, out, LA_PAINT_BOLD, kinds[kind].plural);
    g_string_append(out, "\n  ");
    la_wrap(out, names->str, &(LaWrap){.width = style->width, .used = 2, .indent = 2});
    g_string_append_c(out, '\n');
  }
}

static void append_threshold(GString *out, const LaThreshold *threshold)
{
  char span[LA_TIME_TEXT_MAX];
  switch (threshold->unit) {
  case LA_UNIT_SECONDS: {
    la_span_format(threshold->standard, span);
    /* As the option takes it: without a space. */
    for (const char *at = span; *at != '\0'; at++) {
      if (*at != ' ')
        g_string_append_c(out, *at);
    }
    break;
  }
  case LA_UNIT_COUNT: g_string_append_printf(out, "%" G_GINT64_FORMAT, threshold->standard); break;
  case LA_UNIT_PERCENT: g_string_append_printf(out, "%" G_GINT64_FORMAT "%%", threshold->standard); break;
  case LA_UNIT_PER_SECOND: g_string_append_printf(out, "%" G_GINT64_FORMAT "/s", threshold->standard); break;
  }
}

/* The thresholds as the program has them: the option to paste, and what it means. */
static void append_thresholds(const LaStyle *style, GString *out, const LaRule *rule)
{
  for (unsigned i = 0; i < LA_THRESHOLDS_MAX && rule->thresholds[i].name != NULL; i++) {
    const LaThreshold *threshold = &rule->thresholds[i];
    if (i == 0) {
      g_string_append_c(out, '\n');
      la_style_paint(style, out, LA_PAINT_BOLD, "Thresholds and their defaults");
      g_string_append_c(out, '\n');
    }
    g_autoptr(GString) option = g_string_new("--threshold ");
    g_string_append(option, threshold->name);
    g_string_append_c(option, '=');
    append_threshold(option, threshold);
    g_string_append(out, "    ");
    la_style_paint(style, out, LA_PAINT_CODE, option->str);
    g_string_append(out, "\n        ");
    la_wrap(out, threshold->meaning, &(LaWrap){.width = style->width, .used = 8, .indent = 8});
    g_string_append_c(out, '\n');
  }
}

/* "state of RFC 9293" */
static const char *kind_of(const LaText *text)
{
  for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
    if (strcmp(kinds[i].folder, text->folder) == 0)
      return kinds[i].is;
  }
  return "word";
}

static void explain_text(const LaStyle *style, GString *out, const LaText *text)
{
  const LaRule *rule = strcmp(text->folder, "findings") == 0 ? la_rule_find(text->name) : NULL;
  g_autofree char *kind = g_strdup_printf(" (%s)", kind_of(text));
  la_style_paint(style, out, LA_PAINT_BOLD, text->name);
  la_style_paint(style, out, LA_PAINT_DIM, kind);
  g_string_append_c(out, '\n');
  const char *body = strchr(text->body, '\n');
  g_autoptr(GString) page = g_string_new(NULL);
  la_page_append(style, page, body != NULL ? body + 1 : "", rule != NULL ? "threshold" : NULL);
  g_string_append(out, page->str);
  if (rule != NULL)
    append_thresholds(style, out, rule);
}

/* A catalogue entry can be explained from its rule alone. */
static void explain_rule(const LaStyle *style, GString *out, const LaRule *rule)
{
  la_style_paint(style, out, LA_PAINT_BOLD, rule->code);
  g_string_append_printf(out, " (finding, %s)\n%s\n", la_severity_name(rule->severity), rule->title);
  append_thresholds(style, out, rule);
}

static LaExitCode explain_word(const LaStyle *style, GString *out, const GPtrArray *texts, const char *word)
{
  g_autoptr(GPtrArray) found = la_texts_find(texts, word);
  const LaRule *rule = la_rule_find(word);
  if (found->len == 0 && rule != NULL) {
    explain_rule(style, out, rule);
    return LA_EXIT_OK;
  }
  if (found->len == 0) {
    g_autoptr(GString) shown = g_string_new(NULL);
    la_escape_terminal(shown, word, -1);
    const char *nearest = la_texts_nearest(texts, word);
    if (nearest != NULL)
      fprintf(stderr, "lastack: nothing is known about '%s', did you mean '%s'?\n", shown->str, nearest);
    else
      fprintf(stderr, "lastack: nothing is known about '%s' (lastack explain lists what is)\n", shown->str);
    return LA_EXIT_USAGE;
  }
  explain_text(style, out, g_ptr_array_index(found, 0));
  if (found->len > 1) {
    g_autoptr(GString) others = g_string_new("It may also mean: ");
    for (unsigned i = 1; i < found->len; i++) {
      const LaText *text = g_ptr_array_index(found, i);
      g_string_append_printf(others, "%s%s (%s)", i > 1 ? ", " : "", text->name, kind_of(text));
    }
    g_string_append_c(out, '\n');
    la_wrap(out, others->str, &(LaWrap){.width = style->width});
    g_string_append_c(out, '\n');
  }
  return LA_EXIT_OK;
}

LaExitCode la_cmd_explain(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_EXPLAIN, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("explain"));
  LaStyle style = la_terminal_style(options, STDOUT_FILENO);
  style.width = MIN(style.width, READABLE_WIDTH);
  g_autoptr(GPtrArray) texts = la_texts_load();
  g_autoptr(GString) out = g_string_new(NULL);
  LaExitCode code = LA_EXIT_OK;
  if (options->words->len == 0) {
    for (unsigned scope = LA_SCOPE_CONNECTION; scope <= LA_SCOPE_CAPTURE; scope++) {
      g_string_append(out, scope > 0 ? "\n" : "");
      list_findings(&style, out, texts, (LaScope)scope);
    }
    list_words(&style, out, texts);
    g_string_append(out, "\nlastack explain WORD tells more; WORD may also be what a log says: \"connection reset by peer\".\n"
                         "Written as in this list it is the one meant: FIN the flag, fin the result; SYN_RECEIVED the state,\n"
                         "syn-received the result.\n");
  } else {
    /* Words that were not quoted are one: lastack explain socket hang up. */
    g_ptr_array_add(options->words, NULL);
    g_autofree char *word = g_strjoinv(" ", (char **)options->words->pdata);
    g_ptr_array_remove_index(options->words, options->words->len - 1);
    code = explain_word(&style, out, texts, word);
  }
  fputs(out->str, stdout);
  return code;
}
