/* Each function walks its text once: what is plain goes out as it is, what could act on the reader's side is spelt out. */
#include "base/escape.h"

#include <stdint.h>
#include <string.h>

/* Characters that are printable by Unicode and yet move text about: bidirectional controls and separators, zero-width marks. */
static gboolean is_treacherous(gunichar c)
{
  return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         c == 0x061c;
}

void la_escape_terminal(GString *out, const char *text, gssize len)
{
  const char *end = text + (len < 0 ? strlen(text) : (size_t)len);
  while (text < end) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '\\') {
      g_string_append(out, "\\\\");
      text++;
    } else if (byte == '\n' || byte == '\t' || byte == '\r') {
      g_string_append(out, byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : "\\r");
      text++;
    } else if (byte < 0x20 || byte == 0x7f) {
      g_string_append_printf(out, "\\x%02x", byte);
      text++;
    } else if (byte < 0x80) {
      g_string_append_c(out, (char)byte);
      text++;
    } else {
      gunichar c = g_utf8_get_char_validated(text, end - text);
      if (c == (gunichar)-1 || c == (gunichar)-2) {
        g_string_append_printf(out, "\\x%02x", byte);
        text++;
        continue;
      }
      if (!g_unichar_isprint(c) || is_treacherous(c))
        g_string_append_printf(out, "\\u{%x}", c);
      else
        g_string_append_unichar(out, c);
      text += g_utf8_skip[byte];
    }
  }
}

void la_escape_json(GString *out, const char *text, gssize len)
{
  const char *end = text + (len < 0 ? strlen(text) : (size_t)len);
  while (text < end) {
    const char *plain = text;
    while (text < end && (unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f && *text != '"' && *text != '\\')
      text++;
    if (text > plain)
      g_string_append_len(out, plain, text - plain);
    if (text >= end)
      return;
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\') {
      g_string_append_c(out, '\\');
      g_string_append_c(out, (char)byte);
      text++;
    } else if (byte < 0x20 || byte == 0x7f) {
      g_string_append_printf(out, "\\u%04x", byte);
      text++;
    } else {
      gunichar c = g_utf8_get_char_validated(text, end - text);
      if (c == (gunichar)-1 || c == (gunichar)-2) {
        g_string_append(out, "\xef\xbf\xbd");
        text++;
        continue;
      }
      /* Valid in JSON as it is, but a record is also looked at on a terminal. */
      if (c < 0xa0 || is_treacherous(c))
        g_string_append_printf(out, "\\u%04x", c);
      else
        g_string_append_unichar(out, c);
      text += g_utf8_skip[byte];
    }
  }
}

void la_escape_shell(GString *out, const char *text, gssize len)
{
  size_t n = len < 0 ? strlen(text) : (size_t)len;
  gboolean plain = n > 0;
  gboolean control = FALSE;
  for (size_t i = 0; i < n; i++) {
    unsigned char byte = (unsigned char)text[i];
    if (byte < 0x20 || byte >= 0x7f)
      control = TRUE;
    if (!g_ascii_isalnum(byte) && strchr("_-./:,+=@%", byte) == NULL)
      plain = FALSE;
  }
  if (plain && !control) {
    g_string_append_len(out, text, (gssize)n);
    return;
  }
  g_string_append(out, control ? "$'" : "'");
  for (size_t i = 0; i < n; i++) {
    unsigned char byte = (unsigned char)text[i];
    if (!control && byte == '\'')
      g_string_append(out, "'\\''");
    else if (control && (byte == '\'' || byte == '\\'))
      g_string_append_printf(out, "\\%c", byte);
    else if (control && (byte < 0x20 || byte >= 0x7f))
      g_string_append_printf(out, "\\x%02x", byte);
    else
      g_string_append_c(out, (char)byte);
  }
  g_string_append_c(out, '\'');
}
