/* The message is made for a terminal of 80 columns: of a long text only the neighbourhood is shown. What is shown of the text is
 * escaped, so the caret stands where the escaped text puts it. */
#include "select/fault.h"

#include <string.h>

#include "base/error.h"
#include "base/escape.h"

#define BEFORE 50u /* characters shown left of the place */
#define AFTER 26u  /* and from there on */
#define DOTS "..."

/* Columns of UTF-8 text that is safe to print. */
static unsigned columns(const char *text)
{
  unsigned count = 0;
  for (; *text != '\0'; text += g_utf8_skip[(guchar)*text]) {
    gunichar c = g_utf8_get_char(text);
    count += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
  }
  return count;
}

/* The beginning of the character that byte `at` is in. */
static size_t character_start(const char *text, size_t at)
{
  while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
    at--;
  return at;
}

void la_fault_set(GError **error, const char *text, size_t at, const char *what)
{
  at = character_start(text, MIN(at, strlen(text)));
  /* A file's expression may have several lines: the one with the fault is shown. */
  size_t line = at;
  while (line > 0 && text[line - 1] != '\n')
    line--;
  size_t line_end = at + strcspn(text + at, "\n");
  size_t from = at - line > BEFORE ? character_start(text, at - BEFORE) : line;
  size_t to = line_end - at > AFTER ? character_start(text, at + AFTER) : line_end;

  g_autoptr(GString) message = g_string_new(NULL);
  la_escape_terminal(message, what, -1);
  glong column = 1;
  for (size_t i = line; i < at; i++)
    column += ((unsigned char)text[i] & 0xc0) != 0x80;
  g_string_append_printf(message, " (column %ld)\n  ", column);
  g_autoptr(GString) left = g_string_new(from > line ? DOTS : "");
  la_escape_terminal(left, text + from, (gssize)(at - from));
  g_string_append(message, left->str);
  la_escape_terminal(message, text + at, (gssize)(to - at));
  g_string_append_printf(message, "%s\n  %*s^", to < line_end ? DOTS : "", (int)columns(left->str), "");
  g_set_error_literal(error, LA_ERROR, LA_ERROR_USAGE, message->str);
}
