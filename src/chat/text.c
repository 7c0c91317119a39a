/* json-glib builds a tree by recursion and takes more than RFC 8259 allows (comments, assignments), so a hostile frame could
 * exhaust the stack or mean one thing here and another elsewhere. The check below is strict, walks the text once without
 * recursion, and keeps one bit a level; only what passes reaches json-glib. */
#include "chat/text.h"

#include <glib.h>
#include <string.h>

bool la_chat_utf8_valid(const uint8_t *data, size_t len)
{
  /* g_utf8_validate stops at a zero byte, which is well-formed UTF-8 all the same. */
  const char *at = (const char *)data, *end = at + len;
  while (at < end) {
    const char *stop;
    if (g_utf8_validate(at, end - at, &stop))
      return true;
    if (*stop != '\0')
      return false;
    at = stop + 1;
  }
  return true;
}

typedef struct {
  const uint8_t *at, *end;
} Scan;

static void skip_space(Scan *s)
{
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
    s->at++;
}

static bool take(Scan *s, char c)
{
  if (s->at == s->end || *s->at != (uint8_t)c)
    return false;
  s->at++;
  return true;
}

/* The four hexadecimal digits after \u; -1 when they are none. */
static int take_hex4(Scan *s)
{
  int value = 0;
  for (int i = 0; i < 4; i++, s->at++) {
    int digit = s->at < s->end ? g_ascii_xdigit_value((char)*s->at) : -1;
    if (digit < 0)
      return -1;
    value = value << 4 | digit;
  }
  return value;
}

/* After a backslash. */
static bool take_escape(Scan *s)
{
  if (s->at == s->end)
    return false;
  uint8_t c = *s->at++;
  if (c != 'u')
    return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
  int unit = take_hex4(s);
  if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
    return false;
  if (unit < 0xd800 || unit > 0xdbff)
    return true;
  if (!take(s, '\\') || !take(s, 'u'))
    return false;
  int low = take_hex4(s);
  return low >= 0xdc00 && low <= 0xdfff;
}

/* After the opening quote, to the closing one. */
static bool take_string(Scan *s)
{
  while (s->at < s->end) {
    uint8_t c = *s->at++;
    if (c == '"')
      return true;
    if (c < 0x20 || (c == '\\' && !take_escape(s)))
      return false;
  }
  return false;
}

static bool take_digits(Scan *s)
{
  const uint8_t *from = s->at;
  while (s->at < s->end && g_ascii_isdigit((char)*s->at))
    s->at++;
  return s->at > from;
}

static bool take_number(Scan *s)
{
  take(s, '-');
  if (!take(s, '0') && !take_digits(s))
    return false;
  if (take(s, '.') && !take_digits(s))
    return false;
  if (take(s, 'e') || take(s, 'E')) {
    if (!take(s, '+'))
      take(s, '-');
    return take_digits(s);
  }
  return true;
}

static bool take_word(Scan *s, const char *word)
{
  size_t len = strlen(word);
  if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
    return false;
  s->at += len;
  return true;
}

/* A value that holds no others. */
static bool take_scalar(Scan *s)
{
  if (s->at == s->end)
    return false;
  switch (*s->at) {
  case '"': s->at++; return take_string(s);
  case 't': return take_word(s, "true");
  case 'f': return take_word(s, "false");
  case 'n': return take_word(s, "null");
  default: return take_number(s);
  }
}

/* A key and its colon. */
static bool take_key(Scan *s)
{
  skip_space(s);
  if (!take(s, '"') || !take_string(s))
    return false;
  skip_space(s);
  return take(s, ':');
}

/* The object whose opening brace is next, with all it holds. `open` has one bit for each open level: set for an object. */
static LaChatTextResult take_object(Scan *s)
{
  uint32_t open = 0;
  unsigned depth = 0;
  bool value_due = true;
  do {
    skip_space(s);
    if (value_due && s->at < s->end && (*s->at == '{' || *s->at == '[')) {
      bool is_object = *s->at++ == '{';
      if (depth == LA_CHAT_JSON_DEPTH)
        return LA_CHAT_TEXT_TOO_DEEP;
      open = open << 1 | is_object;
      depth++;
      skip_space(s);
      bool empty = s->at < s->end && *s->at == (is_object ? '}' : ']');
      if (!empty && is_object && !take_key(s))
        return LA_CHAT_TEXT_BAD_JSON;
      value_due = !empty;
    } else if (value_due) {
      if (!take_scalar(s))
        return LA_CHAT_TEXT_BAD_JSON;
      value_due = false;
    } else if (take(s, ',')) {
      if ((open & 1) != 0 && !take_key(s))
        return LA_CHAT_TEXT_BAD_JSON;
      value_due = true;
    } else if (take(s, (open & 1) != 0 ? '}' : ']')) {
      open >>= 1;
      depth--;
    } else {
      return LA_CHAT_TEXT_BAD_JSON;
    }
  } while (depth > 0);
  return LA_CHAT_TEXT_OK;
}

LaChatTextResult la_chat_text_check(const uint8_t *data, size_t len)
{
  if (!la_chat_utf8_valid(data, len))
    return LA_CHAT_TEXT_BAD_UTF8;
  Scan s = {.at = data, .end = data + len};
  skip_space(&s);
  if (s.at == s.end || *s.at != '{')
    return LA_CHAT_TEXT_BAD_JSON;
  LaChatTextResult result = take_object(&s);
  if (result != LA_CHAT_TEXT_OK)
    return result;
  skip_space(&s);
  return s.at == s.end ? LA_CHAT_TEXT_OK : LA_CHAT_TEXT_BAD_JSON;
}

bool la_chat_name_valid(const char *text, size_t max)
{
  size_t count = 0;
  for (const char *at = text; *at != '\0'; at += g_utf8_skip[(guchar)*at]) {
    gunichar c = g_utf8_get_char(at);
    GUnicodeType type = g_unichar_type(c);
    if (!g_unichar_isgraph(c) || type == G_UNICODE_FORMAT || type == G_UNICODE_PRIVATE_USE || ++count > max)
      return false;
  }
  return count > 0;
}
