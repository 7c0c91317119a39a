/* What may come next is one of a few states; which kind of bracket is open at each depth is a bit. So there is no recursion, and the
 * depth is bounded. Invalid UTF-8 inside strings is let through: whoever prints it escapes it. */
#include "base/json_reader.h"

#include <string.h>

typedef enum {
  WANT_VALUE,
  WANT_VALUE_OR_END, /* right behind [ */
  WANT_KEY_OR_END,   /* right behind { */
  WANT_KEY,          /* behind a comma in an object */
  WANT_COMMA_OR_END,
  WANT_NOTHING,
  BROKEN,
} State;

void la_json_reader_init(LaJsonReader *reader, char *text, size_t len)
{
  *reader = (LaJsonReader){.at = text, .end = text + len, .state = WANT_VALUE};
}

static LaJsonToken broken(LaJsonReader *r)
{
  r->state = BROKEN;
  return LA_JSON_BAD;
}

static void skip_space(LaJsonReader *r)
{
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
    r->at++;
}

/* A value has ended. */
static LaJsonToken done(LaJsonReader *r, LaJsonToken token)
{
  r->state = r->depth == 0 ? WANT_NOTHING : WANT_COMMA_OR_END;
  return token;
}

static LaJsonToken begin(LaJsonReader *r, LaJsonToken token)
{
  if (r->depth == LA_JSON_DEPTH_MAX)
    return broken(r);
  uint32_t bit = UINT32_C(1) << r->depth++;
  r->objects = token == LA_JSON_BEGIN_OBJECT ? r->objects | bit : r->objects & ~bit;
  r->state = token == LA_JSON_BEGIN_OBJECT ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
  r->at++;
  return token;
}

static bool in_object(const LaJsonReader *r)
{
  return r->depth > 0 && (r->objects >> (r->depth - 1) & 1) != 0;
}

static LaJsonToken close_one(LaJsonReader *r)
{
  LaJsonToken token = *r->at == '}' ? LA_JSON_END_OBJECT : LA_JSON_END_ARRAY;
  if (in_object(r) != (token == LA_JSON_END_OBJECT))
    return broken(r);
  r->at++;
  r->depth--;
  return done(r, token);
}

static int hex4(const char *at)
{
  int value = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

static char *put_utf8(char *out, uint32_t c)
{
  if (c < 0x80) {
    *out++ = (char)c;
    return out;
  }
  if (c < 0x800) {
    *out++ = (char)(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *out++ = (char)(0xe0 | c >> 12);
    } else {
      *out++ = (char)(0xf0 | c >> 18);
      *out++ = (char)(0x80 | (c >> 12 & 0x3f));
    }
    *out++ = (char)(0x80 | (c >> 6 & 0x3f));
  }
  *out++ = (char)(0x80 | (c & 0x3f));
  return out;
}

/* \uXXXX at `at`, which points at the u; half a pair of surrogates becomes U+FFFD. NULL when it is none. */
static char *read_unicode(const LaJsonReader *r, char *at, char **out)
{
  if (r->end - at < 5)
    return NULL;
  int unit = hex4(at + 1);
  at += 5;
  if (unit < 0)
    return NULL;
  uint32_t c = (uint32_t)unit;
  if (c >= 0xd800 && c < 0xdc00 && r->end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    int low = hex4(at + 2);
    if (low >= 0xdc00 && low < 0xe000) {
      c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
      at += 6;
    }
  }
  if (c >= 0xd800 && c < 0xe000)
    c = 0xfffd;
  *out = put_utf8(*out, c);
  return at;
}

/* A string at its opening quote, into r->text. What an escape stands for is never longer than the escape. */
static bool read_string(LaJsonReader *r)
{
  static const char escapes[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  char *at = r->at + 1;
  char *out = at;
  r->text = at;
  while (at < r->end && *at != '"') {
    if ((unsigned char)*at < 0x20)
      return false;
    if (*at != '\\') {
      *out++ = *at++;
      continue;
    }
    at++;
    if (at == r->end)
      return false;
    if (*at == 'u') {
      at = read_unicode(r, at, &out);
      if (at == NULL)
        return false;
      continue;
    }
    const char *escape = *at != '\0' ? strchr(escapes, *at) : NULL;
    if (escape == NULL)
      return false;
    *out++ = meanings[escape - escapes];
    at++;
  }
  if (at == r->end)
    return false;
  r->len = (size_t)(out - r->text);
  *out = '\0'; /* at the closing quote, or before it */
  r->at = at + 1;
  return true;
}

static char *skip_digits(const LaJsonReader *r, char *at)
{
  while (at < r->end && *at >= '0' && *at <= '9')
    at++;
  return at;
}

static LaJsonToken read_number(LaJsonReader *r)
{
  char *at = r->at;
  if (*at == '-')
    at++;
  char *digits = at;
  at = skip_digits(r, at);
  if (at == digits || (*digits == '0' && at - digits > 1))
    return broken(r);
  if (at < r->end && *at == '.') {
    digits = ++at;
    at = skip_digits(r, at);
    if (at == digits)
      return broken(r);
  }
  if (at < r->end && (*at == 'e' || *at == 'E')) {
    at++;
    if (at < r->end && (*at == '+' || *at == '-'))
      at++;
    digits = at;
    at = skip_digits(r, at);
    if (at == digits)
      return broken(r);
  }
  r->text = r->at;
  r->len = (size_t)(at - r->at);
  r->at = at;
  return done(r, LA_JSON_NUMBER);
}

static LaJsonToken read_literal(LaJsonReader *r, const char *word, LaJsonToken token)
{
  size_t len = strlen(word);
  if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
    return broken(r);
  r->at += len;
  return done(r, token);
}

static LaJsonToken read_value(LaJsonReader *r)
{
  switch (*r->at) {
  case '{': return begin(r, LA_JSON_BEGIN_OBJECT);
  case '[': return begin(r, LA_JSON_BEGIN_ARRAY);
  case '"': return read_string(r) ? done(r, LA_JSON_STRING) : broken(r);
  case 't': return read_literal(r, "true", LA_JSON_TRUE);
  case 'f': return read_literal(r, "false", LA_JSON_FALSE);
  case 'n': return read_literal(r, "null", LA_JSON_NULL);
  default: return read_number(r);
  }
}

static LaJsonToken read_key(LaJsonReader *r)
{
  if (*r->at != '"' || !read_string(r))
    return broken(r);
  skip_space(r);
  if (r->at == r->end || *r->at != ':')
    return broken(r);
  r->at++;
  r->state = WANT_VALUE;
  return LA_JSON_KEY;
}

LaJsonToken la_json_reader_next(LaJsonReader *reader)
{
  LaJsonReader *r = reader;
  if (r->state == BROKEN)
    return LA_JSON_BAD;
  skip_space(r);
  if (r->at == r->end)
    return r->state == WANT_NOTHING ? LA_JSON_END : broken(r);
  char c = *r->at;
  switch ((State)r->state) {
  case WANT_VALUE: return read_value(r);
  case WANT_VALUE_OR_END: return c == ']' ? close_one(r) : read_value(r);
  case WANT_KEY_OR_END: return c == '}' ? close_one(r) : read_key(r);
  case WANT_KEY: return read_key(r);
  case WANT_COMMA_OR_END:
    if (c == '}' || c == ']')
      return close_one(r);
    if (c != ',')
      return broken(r);
    r->at++;
    r->state = in_object(r) ? WANT_KEY : WANT_VALUE;
    return la_json_reader_next(r);
  default: return broken(r);
  }
}
