#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/escape.h"

void la_json_init(LaJson *json, GString *out)
{
  *json = (LaJson){.out = out};
}

/* Appends to the text. GLib's own functions cost a call and several checks each, and a record is made of hundreds of pieces. */
static inline void put(LaJson *json, const char *text, size_t len)
{
  GString *out = json->out;
  if (len >= out->allocated_len - out->len) {
    g_string_append_len(out, text, (gssize)len);
    return;
  }
  memcpy(out->str + out->len, text, len);
  out->len += len;
  out->str[out->len] = '\0';
}

static inline void put_char(LaJson *json, char c)
{
  put(json, &c, 1);
}

/* A comma where one is due, before a key or a value. */
static void separate(LaJson *json)
{
  if (json->after_key) {
    json->after_key = false;
    return;
  }
  uint32_t bit = UINT32_C(1) << (json->depth & 31);
  if (json->depth > 0 && (json->started & bit) != 0)
    put_char(json, ',');
  json->started |= bit;
}

static void begin(LaJson *json, char mark)
{
  separate(json);
  put_char(json, mark);
  json->depth++;
  g_assert(json->depth < 32);
  json->started &= ~(UINT32_C(1) << json->depth);
}

static void end(LaJson *json, char mark)
{
  g_assert(json->depth > 0);
  json->depth--;
  put_char(json, mark);
}

void la_json_begin_object(LaJson *json)
{
  begin(json, '{');
}

void la_json_end_object(LaJson *json)
{
  end(json, '}');
}

void la_json_begin_array(LaJson *json)
{
  begin(json, '[');
}

void la_json_end_array(LaJson *json)
{
  end(json, ']');
}

void la_json_key(LaJson *json, const char *key)
{
  separate(json);
  put_char(json, '"');
  put(json, key, strlen(key));
  put(json, "\":", 2);
  json->after_key = true;
}

void la_json_key_text(LaJson *json, const char *key)
{
  separate(json);
  put_char(json, '"');
  la_escape_json(json->out, key, -1);
  put(json, "\":", 2);
  json->after_key = true;
}

void la_json_string(LaJson *json, const char *text)
{
  if (text == NULL) {
    la_json_null(json);
    return;
  }
  separate(json);
  put_char(json, '"');
  la_escape_json(json->out, text, -1);
  put_char(json, '"');
}

/* Decimal digits of `value` into the end of `buffer` (20 bytes); returns where they begin. */
static char *digits(uint64_t value, char *buffer_end)
{
  do {
    *--buffer_end = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return buffer_end;
}

void la_json_uint(LaJson *json, uint64_t value)
{
  char buffer[20];
  char *at = digits(value, buffer + sizeof buffer);
  separate(json);
  put(json, at, (size_t)(buffer + sizeof buffer - at));
}

void la_json_int(LaJson *json, int64_t value)
{
  char buffer[21];
  char *end_at = buffer + sizeof buffer;
  char *at = digits(value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value, end_at);
  if (value < 0)
    *--at = '-';
  separate(json);
  put(json, at, (size_t)(end_at - at));
}

void la_json_bool(LaJson *json, bool value)
{
  separate(json);
  put(json, value ? "true" : "false", value ? 4 : 5);
}

void la_json_null(LaJson *json)
{
  separate(json);
  put(json, "null", 4);
}

void la_json_double(LaJson *json, double value)
{
  if (!isfinite(value)) {
    la_json_null(json);
    return;
  }
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  for (int precision = 6; precision <= 17; precision++) {
    char format[8];
    g_snprintf(format, sizeof format, "%%.%dg", precision);
    g_ascii_formatd(text, sizeof text, format, value);
    if (g_ascii_strtod(text, NULL) == value)
      break;
  }
  separate(json);
  put(json, text, strlen(text));
}

void la_json_time(LaJson *json, LaTime time)
{
  char text[LA_TIME_TEXT_MAX];
  la_time_format_rfc3339(time, text);
  separate(json);
  put_char(json, '"');
  put(json, text, strlen(text));
  put_char(json, '"');
}

void la_json_span(LaJson *json, LaTime span)
{
  char text[LA_TIME_TEXT_MAX];
  la_span_format_seconds(span, text);
  separate(json);
  put(json, text, strlen(text));
}
