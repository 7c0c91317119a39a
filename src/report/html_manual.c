/* The manual's text of a finding as HTML. It is written in a small part of Markdown (page.c): headings, paragraphs, items, `key: value`
 * lines and indented code, each told by what its first line begins with. Lines that continue a paragraph, an item or a key follow. */
#include "report/html.h"

#include <string.h>

typedef enum {
  BLOCK_NONE,
  BLOCK_PARAGRAPH,
  BLOCK_KEY,
  BLOCK_ITEM,
  BLOCK_CODE,
} Block;

static void close_block(GString *out, Block open)
{
  static const char *const ends[] = {"", "</p>\n", "</p>\n", "</li></ul>\n", "</pre>\n"};
  g_string_append(out, ends[open]);
}

/* The length of the key in `key: value` at the beginning of the line; 0: none. */
static size_t key_of(const char *line)
{
  size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz");
  return len > 0 && len <= 16 && strncmp(line + len, ": ", 2) == 0 ? len : 0;
}

static Block append_line(GString *out, const char *line, Block open)
{
  size_t key = open == BLOCK_NONE || open == BLOCK_KEY ? key_of(line) : 0;
  if (strncmp(line, "    ", 4) == 0 && (open == BLOCK_NONE || open == BLOCK_CODE)) {
    g_string_append(out, open == BLOCK_CODE ? "\n" : "<pre>");
    la_html_text(out, line + 4);
    return BLOCK_CODE;
  }
  if (strncmp(line, "- ", 2) == 0) {
    if (open != BLOCK_ITEM)
      close_block(out, open);
    g_string_append(out, open == BLOCK_ITEM ? "</li>\n<li>" : "<ul>\n<li>");
    la_html_text(out, line + 2);
    return BLOCK_ITEM;
  }
  if (key > 0) {
    close_block(out, open);
    g_string_append(out, "<p><b>");
    g_string_append_len(out, line, (gssize)key);
    g_string_append(out, "</b> ");
    la_html_text(out, line + key + 2);
    return BLOCK_KEY;
  }
  if (open == BLOCK_NONE || open == BLOCK_CODE) {
    close_block(out, open);
    g_string_append(out, "<p>");
    open = BLOCK_PARAGRAPH;
  } else {
    g_string_append_c(out, ' ');
  }
  la_html_text(out, line + strspn(line, " "));
  return open;
}

void la_html_explain(const LaHtmlReport *report, GString *out, const char *code)
{
  const LaReportOptions *options = report->text.base.options;
  const char *body = options->help != NULL ? g_hash_table_lookup(options->help, code) : NULL;
  if (body == NULL)
    return;
  g_string_append_printf(out, "<details><summary>What %s means and what to do</summary>\n<div class=\"manual\">\n", code);
  g_auto(GStrv) lines = g_strsplit(body, "\n", -1);
  Block open = BLOCK_NONE;
  for (unsigned i = 0; lines[i] != NULL; i++) {
    const char *line = lines[i];
    if (line[strspn(line, " ")] == '\0' || line[0] == '#') {
      close_block(out, open);
      open = BLOCK_NONE;
    }
    if (strncmp(line, "## ", 3) == 0) {
      g_string_append(out, "<h4>");
      la_html_text(out, line + 3);
      g_string_append(out, "</h4>\n");
    } else if (line[strspn(line, " ")] != '\0' && line[0] != '#') { /* the first heading is the code itself */
      open = append_line(out, line, open);
    }
  }
  close_block(out, open);
  g_string_append(out, "</div></details>\n");
}
