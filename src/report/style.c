/* Everything that depends on the reader's terminal is kept here, so that the reports themselves speak only of content. */
#include "report/style.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const paints[] = {"",           "\033[1m",  "\033[2m",    "\033[1;31m",
                                     "\033[1;33m", "\033[36m", "\033[1;32m", "\033[36m"};
static_assert(sizeof paints / sizeof *paints == LA_PAINT_N, "a sequence for each paint");

void la_style_paint(const LaStyle *style, GString *out, LaPaint paint, const char *text)
{
  if (style->colour == LA_COLOUR_OFF || paint == LA_PAINT_PLAIN) {
    g_string_append(out, text);
    return;
  }
  g_string_append(out, paints[paint]);
  g_string_append(out, text);
  g_string_append(out, "\033[0m");
}

unsigned la_style_columns(const char *text, gssize len)
{
  const char *end = text + (len < 0 ? strlen(text) : (size_t)len);
  unsigned columns = 0;
  while (text < end) {
    if (*text == '\033') {
      while (text < end && *text != 'm')
        text++;
      text += text < end ? 1 : 0;
      continue;
    }
    gunichar c = g_utf8_get_char_validated(text, end - text);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
      columns++;
      text++;
      continue;
    }
    columns += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    text += g_utf8_skip[(unsigned char)*text];
  }
  return columns;
}

void la_style_pad(GString *out, unsigned used, unsigned columns)
{
  do
    g_string_append_c(out, ' ');
  while (++used < columns);
}

void la_wrap(GString *out, const char *text, const LaWrap *wrap)
{
  unsigned used = wrap->used;
  unsigned line_start = used;
  while (*text != '\0') {
    text += strspn(text, " \n");
    size_t len = strcspn(text, " \n");
    if (len == 0)
      break;
    unsigned columns = la_style_columns(text, (gssize)len);
    unsigned space = used > line_start ? 1 : 0;
    if (used + space + columns > wrap->width && used > line_start) {
      g_string_append_printf(out, "\n%*s", (int)wrap->indent, "");
      used = line_start = wrap->indent;
      space = 0;
    }
    if (space != 0)
      g_string_append_c(out, ' ');
    g_string_append_len(out, text, (gssize)len);
    used += space + columns;
    text += len;
  }
}

/* What is lost when a terminal knows only ASCII, with the nearest it has. */
static const char *ascii_of(gunichar c)
{
  switch (c) {
  case 0x2026: return "...";
  case 0x2013: return "-";
  case 0x2014: return "--";
  case 0x2018:
  case 0x2019: return "'";
  case 0x201c:
  case 0x201d: return "\"";
  case 0x00b5:
  case 0x03bc: return "u";
  case 0x00b7:
  case 0x2022: return "*";
  case 0x00d7: return "x";
  case 0x2192: return "->";
  case 0x2190: return "<-";
  case 0x2264: return "<=";
  case 0x2265: return ">=";
  default: return "?";
  }
}

void la_style_reduce(const LaStyle *style, GString *out, gsize from)
{
  if (style->charset == LA_CHARSET_UTF8)
    return;
  gsize at = from;
  while (at < out->len && (unsigned char)out->str[at] < 0x80)
    at++;
  if (at == out->len)
    return;
  g_autoptr(GString) rest = g_string_new_len(out->str + at, (gssize)(out->len - at));
  g_string_truncate(out, at);
  const char *text = rest->str;
  const char *end = rest->str + rest->len;
  while (text < end) {
    unsigned char byte = (unsigned char)*text;
    gunichar c = byte < 0x80 ? byte : g_utf8_get_char_validated(text, end - text);
    if (byte < 0x80)
      g_string_append_c(out, (char)byte);
    else
      g_string_append(out, ascii_of(c));
    text += c == (gunichar)-1 || c == (gunichar)-2 ? 1 : g_utf8_skip[byte];
  }
}

void la_text_number(GString *out, uint64_t value)
{
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%" G_GUINT64_FORMAT, value);
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0)
      g_string_append_c(out, ',');
    g_string_append_c(out, digits[i]);
  }
}

void la_text_count(GString *out, uint64_t count, const char *one, const char *many)
{
  la_text_number(out, count);
  g_string_append_c(out, ' ');
  g_string_append(out, count == 1 ? one : many);
}

void la_text_bytes(GString *out, uint64_t bytes)
{
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  double value = (double)bytes;
  unsigned unit = 0;
  while (value >= 999.5 && unit + 1 < G_N_ELEMENTS(units)) {
    value /= 1000;
    unit++;
  }
  if (bytes == 1)
    g_string_append(out, "1 byte");
  else
    g_string_append_printf(out, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void day_of(LaTime time, LaClockZone zone, char *ret_text)
{
  la_time_format_date(time, zone, ret_text);
  ret_text[strcspn(ret_text, " ")] = '\0';
}

void la_text_time(const LaStyle *style, GString *out, LaTime time, LaTime reference, LaTime span)
{
  char day[LA_TIME_TEXT_MAX];
  char reference_day[LA_TIME_TEXT_MAX] = "";
  day_of(time, style->zone, day);
  if (reference != LA_TIME_NONE)
    day_of(reference, style->zone, reference_day);
  if (strcmp(day, reference_day) != 0)
    g_string_append_printf(out, "%s ", day);
  char clock[LA_TIME_TEXT_MAX];
  la_time_format_clock(time, style->zone, clock);
  char *point = strchr(clock, '.');
  if (point != NULL && strlen(point) >= 4)
    point[span >= 0 && span < 120 * LA_SEC ? 4 : 0] = '\0';
  g_string_append(out, clock);
}

void la_text_zone(const LaStyle *style, GString *out, LaTime time)
{
  if (style->zone == LA_CLOCK_UTC) {
    g_string_append(out, "UTC");
    return;
  }
  time_t seconds = (time_t)(time / LA_SEC);
  struct tm tm;
  char text[32];
  if (localtime_r(&seconds, &tm) != NULL && strftime(text, sizeof text, "%Z", &tm) > 0)
    g_string_append(out, text);
  else
    g_string_append(out, "local time");
}

void la_text_end(GString *out, const LaHostPort *end)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  g_string_append(out, la_host_port_format(end, text));
}
