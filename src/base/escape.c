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

/* The next character of [text, end) in `*ret_char`; 0 when it is a byte or control that has to be spelt out. Returns its length. */
static gsize take_char(const char *text, const char *end, gunichar *ret_char)
{
  unsigned char byte = (unsigned char)*text;
  if (byte < 0x80) {
    *ret_char = byte < 0x20 || byte == 0x7f ? 0 : byte;
    return 1;
  }
  gunichar c = g_utf8_get_char_validated(text, end - text);
  if (c == (gunichar)-1 || c == (gunichar)-2) {
    *ret_char = 0;
    return 1;
  }
  *ret_char = g_unichar_isprint(c) && !is_treacherous(c) ? c : 0;
  return (gsize)g_utf8_skip[byte];
}

/* Spells out what take_char gave 0 for. */
static void spell(GString *out, const char *text, gsize len)
{
  if (len == 1)
    g_string_append_printf(out, "\\x%02x", (unsigned char)*text);
  else
    g_string_append_printf(out, "\\u{%x}", g_utf8_get_char(text));
}

void la_escape_xml(GString *out, const char *text, gssize len, LaXmlPlace place)
{
  const char *end = text + (len < 0 ? strlen(text) : (size_t)len);
  while (text < end) {
    gunichar c;
    gsize taken = take_char(text, end, &c);
    if (c == 0 && *text == '\n')
      g_string_append(out, place == LA_XML_TEXT ? "\n" : "&#10;");
    else if (c == 0 && *text == '\t')
      g_string_append(out, place == LA_XML_TEXT ? "\t" : "&#9;");
    else if (c == 0)
      spell(out, text, taken);
    else if (c == '<')
      g_string_append(out, "&lt;");
    else if (c == '>') /* ]]> may not stand in text */
      g_string_append(out, "&gt;");
    else if (c == '&')
      g_string_append(out, "&amp;");
    else if (c == '"')
      g_string_append(out, "&quot;");
    else
      g_string_append_unichar(out, c);
    text += taken;
  }
}

void la_escape_markdown(GString *out, const char *text, gssize len)
{
  const char *end = text + (len < 0 ? strlen(text) : (size_t)len);
  while (text < end) {
    gunichar c;
    gsize taken = take_char(text, end, &c);
    if (c == 0) {
      g_string_append_c(out, '\\'); /* the backslash of the spelling is a character here */
      spell(out, text, taken);
    } else if (c == '<') {
      g_string_append(out, "&lt;");
    } else if (c == '>') {
      g_string_append(out, "&gt;");
    } else if (c == '&') {
      g_string_append(out, "&amp;");
    } else if (c == '@') { /* mentions somebody */
      g_string_append(out, "&#64;");
    } else if (c == ':' && text + 1 < end && text[1] == '/') { /* the site makes a link of it */
      g_string_append(out, "&#58;");
    } else {
      if (c < 0x80 && strchr("\\`*_{}[]()#+!|~$", (int)c) != NULL)
        g_string_append_c(out, '\\');
      g_string_append_unichar(out, c);
    }
    text += taken;
  }
}

void la_escape_github(GString *out, const char *text, gssize len, LaGithubPlace place)
{
  const char *end = text + (len < 0 ? strlen(text) : (size_t)len);
  while (text < end) {
    gunichar c;
    gsize taken = take_char(text, end, &c);
    if (c == 0 && *text == '\n')
      g_string_append(out, "%0A");
    else if (c == 0)
      spell(out, text, taken);
    else if (c == '%')
      g_string_append(out, "%25");
    else if (place == LA_GITHUB_PROPERTY && (c == ':' || c == ','))
      g_string_append(out, c == ':' ? "%3A" : "%2C");
    else
      g_string_append_unichar(out, c);
    text += taken;
  }
}

void la_escape_tap(GString *out, const char *text, gssize len)
{
  g_autoptr(GString) plain = g_string_new(NULL);
  la_escape_terminal(plain, text, len);
  for (const char *c = plain->str; *c != '\0'; c++) {
    if (*c == '#')
      g_string_append_c(out, '\\');
    g_string_append_c(out, *c);
  }
}
