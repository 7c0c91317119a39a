#include "base/time.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Splits into whole seconds (rounded down) and the nanoseconds of the second. */
static time_t split(LaTime time, long *ret_nanos)
{
  LaTime seconds = time / LA_SEC;
  LaTime nanos = time % LA_SEC;
  if (nanos < 0) {
    nanos += LA_SEC;
    seconds--;
  }
  *ret_nanos = (long)nanos;
  return (time_t)seconds;
}

static time_t broken_down(LaTime time, LaClockZone zone, struct tm *ret_tm, long *ret_nanos)
{
  time_t seconds = split(time, ret_nanos);
  struct tm *ok = zone == LA_CLOCK_LOCAL ? localtime_r(&seconds, ret_tm) : gmtime_r(&seconds, ret_tm);
  if (ok == NULL)
    memset(ret_tm, 0, sizeof *ret_tm);
  return seconds;
}

char *la_time_format_rfc3339(LaTime time, char *ret_text)
{
  struct tm tm;
  long nanos;
  broken_down(time, LA_CLOCK_UTC, &tm, &nanos);
  size_t n = strftime(ret_text, LA_TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(ret_text + n, LA_TIME_TEXT_MAX - n, ".%09ldZ", nanos);
  return ret_text;
}

char *la_time_format_clock(LaTime time, LaClockZone zone, char *ret_text)
{
  struct tm tm;
  long nanos;
  broken_down(time, zone, &tm, &nanos);
  size_t n = strftime(ret_text, LA_TIME_TEXT_MAX, "%H:%M:%S", &tm);
  snprintf(ret_text + n, LA_TIME_TEXT_MAX - n, ".%06ld", nanos / 1000);
  return ret_text;
}

char *la_time_format_date(LaTime time, LaClockZone zone, char *ret_text)
{
  struct tm tm;
  long nanos;
  broken_down(time, zone, &tm, &nanos);
  strftime(ret_text, LA_TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
  return ret_text;
}

/* Three significant digits, without zeros that say nothing. */
static void scaled(char *text, double value, const char *unit)
{
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  int n = snprintf(text, LA_TIME_TEXT_MAX, "%.*f", decimals, value);
  if (decimals > 0) {
    while (n > 0 && text[n - 1] == '0')
      n--;
    if (n > 0 && text[n - 1] == '.')
      n--;
  }
  snprintf(text + n, LA_TIME_TEXT_MAX - (size_t)n, " %s", unit);
}

char *la_span_format(LaTime span, char *ret_text)
{
  if (span < 0) {
    ret_text[0] = '-';
    char rest[LA_TIME_TEXT_MAX];
    la_span_format(span == INT64_MIN ? INT64_MAX : -span, rest);
    snprintf(ret_text, LA_TIME_TEXT_MAX, "-%.*s", LA_TIME_TEXT_MAX - 2, rest);
    return ret_text;
  }
  long seconds = (long)(span / LA_SEC);
  if (span == 0)
    snprintf(ret_text, LA_TIME_TEXT_MAX, "0 s");
  else if (span < LA_USEC)
    snprintf(ret_text, LA_TIME_TEXT_MAX, "%ld ns", (long)span);
  else if (span < LA_MSEC - LA_USEC / 2) /* from there on rounding makes a thousand of it */
    scaled(ret_text, (double)span / 1e3, "us");
  else if (span < LA_SEC - LA_MSEC / 2)
    scaled(ret_text, (double)span / 1e6, "ms");
  else if (seconds < 600)
    scaled(ret_text, (double)span / 1e9, "s");
  else if (seconds < 2 * 3600)
    snprintf(ret_text, LA_TIME_TEXT_MAX, "%ld min %ld s", seconds / 60, seconds % 60);
  else if (seconds < 48L * 3600)
    snprintf(ret_text, LA_TIME_TEXT_MAX, "%ld h %ld min", seconds / 3600, seconds / 60 % 60);
  else
    snprintf(ret_text, LA_TIME_TEXT_MAX, "%ld d %ld h", seconds / 86400, seconds / 3600 % 24);
  return ret_text;
}

char *la_span_format_seconds(LaTime span, char *ret_text)
{
  uint64_t nanos = span < 0 ? (uint64_t)0 - (uint64_t)span : (uint64_t)span;
  uint64_t seconds = nanos / LA_SEC;
  uint64_t fraction = nanos % LA_SEC;
  char digits[24];
  char *at = digits + sizeof digits;
  *--at = '\0';
  for (unsigned i = 0; i < 9; i++, fraction /= 10)
    *--at = (char)('0' + fraction % 10);
  *--at = '.';
  do
    *--at = (char)('0' + seconds % 10);
  while ((seconds /= 10) != 0);
  if (span < 0)
    *--at = '-';
  return memcpy(ret_text, at, (size_t)(digits + sizeof digits - at));
}

char *la_span_format_option(LaTime span, char *ret_text)
{
  static const struct {
    const char *name;
    LaTime nanos;
  } units[] = {{"s", LA_SEC}, {"ms", LA_MSEC}, {"us", LA_USEC}, {"ns", 1}};
  size_t i = 0;
  while (span % units[i].nanos != 0)
    i++;
  snprintf(ret_text, LA_TIME_TEXT_MAX, "%" PRId64 "%s", span / units[i].nanos, units[i].name);
  return ret_text;
}

/* Reads a fraction's digits (at most nine count) as nanoseconds; `at` points behind the point. */
static const char *read_fraction(const char *at, LaTime *ret_nanos)
{
  LaTime nanos = 0;
  LaTime unit = LA_SEC / 10;
  while (isdigit((unsigned char)*at)) {
    nanos += (*at - '0') * unit;
    unit /= 10;
    at++;
  }
  *ret_nanos = nanos;
  return at;
}

/* Reads exactly `width` digits. */
static const char *read_digits(const char *at, int width, int *ret_value)
{
  int value = 0;
  for (int i = 0; i < width; i++, at++) {
    if (!isdigit((unsigned char)*at))
      return NULL;
    value = value * 10 + (*at - '0');
  }
  *ret_value = value;
  return at;
}

static const char *read_mark(const char *at, char mark)
{
  return at != NULL && *at == mark ? at + 1 : NULL;
}

static const char *read_number(const char *at, int width, int *ret_value)
{
  return at != NULL ? read_digits(at, width, ret_value) : NULL;
}

static bool parse_rfc3339(const char *text, LaTime *ret_time)
{
  int year, month, day, hour, minute, second;
  const char *at = read_mark(read_number(text, 4, &year), '-');
  at = read_mark(read_number(at, 2, &month), '-');
  at = read_number(at, 2, &day);
  if (at == NULL || (*at != 'T' && *at != 't' && *at != ' '))
    return false;
  at = read_mark(read_number(at + 1, 2, &hour), ':');
  at = read_mark(read_number(at, 2, &minute), ':');
  at = read_number(at, 2, &second);
  if (at == NULL || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
    return false;
  LaTime nanos = 0;
  if (*at == '.')
    at = read_fraction(at + 1, &nanos);
  int offset = 0;
  if (*at == '+' || *at == '-') {
    int sign = *at == '+' ? 1 : -1;
    int off_hour, off_minute;
    at = read_number(read_mark(read_number(at + 1, 2, &off_hour), ':'), 2, &off_minute);
    if (at == NULL || off_hour > 23 || off_minute > 59)
      return false;
    offset = sign * (off_hour * 3600 + off_minute * 60);
  } else if (*at == 'Z' || *at == 'z') {
    at++;
  }
  if (*at != '\0')
    return false;
  struct tm tm = {
      .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_sec = second};
  LaTime seconds = (LaTime)timegm(&tm) - offset;
  if (tm.tm_mday != day || seconds > INT64_MAX / LA_SEC - 1 || seconds < INT64_MIN / LA_SEC + 1)
    return false;
  *ret_time = seconds * LA_SEC + nanos;
  return true;
}

bool la_time_parse(const char *text, LaTime *ret_time)
{
  if (parse_rfc3339(text, ret_time))
    return true;
  if (!isdigit((unsigned char)text[0]))
    return false;
  LaTime seconds = 0;
  const char *at = text;
  for (; isdigit((unsigned char)*at); at++) {
    seconds = seconds * 10 + (*at - '0');
    if (seconds > INT64_MAX / LA_SEC - 1)
      return false;
  }
  LaTime nanos = 0;
  if (*at == '.')
    at = read_fraction(at + 1, &nanos);
  if (*at != '\0')
    return false;
  *ret_time = seconds * LA_SEC + nanos;
  return true;
}

bool la_span_parse(const char *text, LaTime *ret_span)
{
  static const struct {
    const char *name;
    double nanos;
  } units[] = {{"", 1e9}, {"s", 1e9},  {"sec", 1e9},  {"ms", 1e6},   {"us", 1e3},
               {"ns", 1}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
  if (!isdigit((unsigned char)text[0]) && text[0] != '.')
    return false;
  /* Only plain decimals: strtod alone would also take exponents and hexadecimal. */
  size_t digits = strspn(text, "0123456789.");
  if (digits > 24)
    return false;
  char number[32];
  memcpy(number, text, digits);
  number[digits] = '\0';
  char *end;
  double value = strtod(number, &end);
  if (*end != '\0' || end == number)
    return false;
  const char *unit = text + digits;
  while (*unit == ' ')
    unit++;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(unit, units[i].name) != 0)
      continue;
    double nanos = value * units[i].nanos;
    if (nanos >= 9.2e18)
      return false;
    *ret_span = (LaTime)(nanos + 0.5);
    return true;
  }
  return false;
}
