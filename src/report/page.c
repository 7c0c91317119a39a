/* The texts use a small part of Markdown, line by line: what a line begins with says what it is, and a line that continues a
 * paragraph, an item or a key is joined to it before it is wrapped. */
#include "report/page.h"

#include <stdbool.h>
#include <string.h>

typedef enum {
  LINE_BLANK,
  LINE_HEADING,
  LINE_CODE,
  LINE_ITEM,
  LINE_KEY,
  LINE_PLAIN,
} LineKind;

typedef struct {
  const LaStyle *style;
  GString *out;
  LineKind kind;      /* of the block that is being collected */
  LineKind last;      /* of the block before it */
  GString *collected; /* its text so far */
  GString *key;
  const char *skip_key;
} Page;

/* `key: value` at the beginning of a line; `*ret_len` is the key's length. */
static bool is_key(const char *line, size_t *ret_len)
{
  size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz");
  if (len == 0 || len > 16 || strncmp(line + len, ": ", 2) != 0)
    return false;
  *ret_len = len;
  return true;
}

static LineKind kind_of(const char *line, LineKind before)
{
  size_t len;
  if (line[strspn(line, " ")] == '\0')
    return LINE_BLANK;
  if (line[0] == '#')
    return LINE_HEADING;
  if (strncmp(line, "    ", 4) == 0)
    return LINE_CODE;
  if (strncmp(line, "- ", 2) == 0)
    return LINE_ITEM;
  /* A sentence in the middle of a paragraph may begin like a key. */
  if (is_key(line, &len) && (before == LINE_BLANK || before == LINE_KEY || before == LINE_HEADING))
    return LINE_KEY;
  return LINE_PLAIN;
}

/* An empty line before a block, but not below a heading nor between items or keys. */
static void gap(Page *page)
{
  bool together = page->last == page->kind && (page->kind == LINE_ITEM || page->kind == LINE_KEY);
  if (page->out->len > 0 && !together && page->last != LINE_HEADING)
    g_string_append_c(page->out, '\n');
}

static void finish_key(Page *page)
{
  if (page->skip_key != NULL && strcmp(page->key->str, page->skip_key) == 0)
    return;
  gap(page);
  g_autofree char *label = g_strdup_printf("%s:", page->key->str);
  la_style_paint(page->style, page->out, LA_PAINT_DIM, label);
  la_style_pad(page->out, (unsigned)strlen(label), 11);
  la_wrap(page->out, page->collected->str, &(LaWrap){.width = page->style->width, .used = 11, .indent = 11});
  g_string_append_c(page->out, '\n');
  page->last = LINE_KEY;
}

/* Sets the block that was collected. */
static void finish(Page *page)
{
  if (page->collected->len == 0)
    return;
  switch (page->kind) {
  case LINE_KEY: finish_key(page); break;
  case LINE_ITEM:
    gap(page);
    g_string_append(page->out, "  - ");
    la_wrap(page->out, page->collected->str, &(LaWrap){.width = page->style->width, .used = 4, .indent = 4});
    g_string_append_c(page->out, '\n');
    break;
  default:
    gap(page);
    la_wrap(page->out, page->collected->str, &(LaWrap){.width = page->style->width});
    g_string_append_c(page->out, '\n');
    break;
  }
  if (page->kind != LINE_KEY)
    page->last = page->kind;
  g_string_truncate(page->collected, 0);
}

static void take_line(Page *page, const char *line, LineKind before)
{
  LineKind kind = kind_of(line, before);
  bool continues = (kind == LINE_PLAIN || (kind == LINE_CODE && page->kind == LINE_ITEM)) && page->collected->len > 0;
  if (continues) {
    g_string_append_c(page->collected, ' ');
    g_string_append(page->collected, line + strspn(line, " "));
    return;
  }
  finish(page);
  page->kind = kind;
  if (kind == LINE_HEADING) {
    gap(page);
    la_style_paint(page->style, page->out, LA_PAINT_BOLD, line + strspn(line, "# "));
    g_string_append_c(page->out, '\n');
    page->last = LINE_HEADING;
  } else if (kind == LINE_CODE) {
    if (page->last != LINE_CODE)
      gap(page);
    la_style_paint(page->style, page->out, LA_PAINT_CODE, line);
    g_string_append_c(page->out, '\n');
    page->last = LINE_CODE;
  } else if (kind == LINE_ITEM) {
    g_string_assign(page->collected, line + 2);
  } else if (kind == LINE_KEY) {
    size_t len = strcspn(line, ":");
    g_string_truncate(page->key, 0);
    g_string_append_len(page->key, line, (gssize)len);
    g_string_assign(page->collected, line + len + 2);
  } else if (kind == LINE_PLAIN) {
    g_string_assign(page->collected, line + strspn(line, " "));
  }
}

void la_page_append(const LaStyle *style, GString *out, const char *text, const char *skip_key)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autoptr(GString) collected = g_string_new(NULL);
  g_autoptr(GString) key = g_string_new(NULL);
  gsize from = out->len;
  Page page = {.style = style,
               .out = out,
               .kind = LINE_BLANK,
               .last = LINE_BLANK,
               .collected = collected,
               .key = key,
               .skip_key = skip_key};
  LineKind before = LINE_BLANK;
  for (unsigned i = 0; lines[i] != NULL; i++) {
    take_line(&page, lines[i], before);
    LineKind kind = kind_of(lines[i], before);
    /* What continues a key leaves the next line free to be a key. */
    before = kind == LINE_PLAIN && page.kind == LINE_KEY ? LINE_KEY : kind;
  }
  finish(&page);
  la_style_reduce(style, out, from);
}
