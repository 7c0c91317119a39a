/* Times in expressions. What is written is a stretch: 02:10 is a minute, 2026-11-21 a day, 02:10:05.3 a tenth of a second. `==` means
 * within it, `>=` from its beginning on, `>` after its end. Times without a date are compared with the time of day. */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "select/value.h"

#define DAY_SECONDS 86400

/* What was read, field by field. */
typedef struct {
  const char *at; /* NULL: it does not fit */
  int64_t width;  /* of the stretch, ns */
  int64_t nanos;
  struct tm tm;
} Reading;

static int digits(Reading *r, unsigned width, int low, int high)
{
  int value = 0;
  for (unsigned i = 0; r->at != NULL && i < width; i++) {
    if (isdigit((unsigned char)*r->at))
      value = value * 10 + (*r->at++ - '0');
    else
      r->at = NULL;
  }
  if (r->at != NULL && (value < low || value > high))
    r->at = NULL;
  return value;
}

static void mark(Reading *r, char c)
{
  if (r->at != NULL)
    r->at = *r->at == c ? r->at + 1 : NULL;
}

/* hh:mm[:ss[.fraction]] */
static void clock_part(Reading *r)
{
  r->tm.tm_hour = digits(r, 2, 0, 23);
  mark(r, ':');
  r->tm.tm_min = digits(r, 2, 0, 59);
  r->width = 60 * LA_SEC;
  if (r->at == NULL || *r->at != ':')
    return;
  r->at++;
  r->tm.tm_sec = digits(r, 2, 0, 59);
  r->width = LA_SEC;
  if (r->at == NULL || *r->at != '.')
    return;
  r->at++;
  if (!isdigit((unsigned char)*r->at))
    r->at = NULL;
  for (; r->at != NULL && isdigit((unsigned char)*r->at); r->at++) {
    if (r->width == 1) {
      r->at = NULL; /* finer than a nanosecond */
      return;
    }
    r->width /= 10;
    r->nanos += (*r->at - '0') * r->width;
  }
}

/* Z, +hh:mm, -hh:mm or nothing. Returns whether a zone is given. */
static bool zone_part(Reading *r, int *ret_offset)
{
  *ret_offset = 0;
  if (r->at == NULL || *r->at == '\0')
    return false;
  if (*r->at == 'Z' || *r->at == 'z') {
    r->at++;
    return true;
  }
  int sign = *r->at == '-' ? -1 : 1;
  if (*r->at != '+' && *r->at != '-') {
    r->at = NULL;
    return false;
  }
  r->at++;
  int hours = digits(r, 2, 0, 23);
  mark(r, ':');
  int minutes = digits(r, 2, 0, 59);
  *ret_offset = sign * (hours * 3600 + minutes * 60);
  return true;
}

static void set_stretch(LaLiteral *ret, int64_t low, int64_t width)
{
  ret->low = low;
  ret->high = low + width - 1;
}

static bool read_clock(const char *text, LaClockZone zone, LaLiteral *ret)
{
  Reading r = {.at = text};
  clock_part(&r);
  if (r.at == NULL || *r.at != '\0')
    return false;
  ret->of_day = 1;
  ret->zone = (uint8_t)zone;
  set_stretch(ret, (r.tm.tm_hour * INT64_C(3600) + r.tm.tm_min * 60 + r.tm.tm_sec) * LA_SEC + r.nanos, r.width);
  return true;
}

static bool read_date(const char *text, LaClockZone zone, LaLiteral *ret)
{
  Reading r = {.at = text, .width = DAY_SECONDS * LA_SEC};
  r.tm.tm_year = digits(&r, 4, 1900, 2115) - 1900;
  mark(&r, '-');
  r.tm.tm_mon = digits(&r, 2, 1, 12) - 1;
  mark(&r, '-');
  r.tm.tm_mday = digits(&r, 2, 1, 31);
  if (r.at == NULL)
    return false;
  int offset = 0;
  bool zoned = false;
  if (*r.at == 'T' || *r.at == 't' || *r.at == ' ') {
    r.at++;
    clock_part(&r);
    zoned = zone_part(&r, &offset);
  }
  if (r.at == NULL || *r.at != '\0')
    return false;
  struct tm tm = r.tm;
  tm.tm_isdst = -1;
  time_t seconds = zoned || zone == LA_CLOCK_UTC ? timegm(&tm) - offset : mktime(&tm);
  if (tm.tm_mday != r.tm.tm_mday || tm.tm_mon != r.tm.tm_mon)
    return false; /* the 31st of a month of 30 days */
  set_stretch(ret, (int64_t)seconds * LA_SEC + r.nanos, r.width);
  return true;
}

static bool read_epoch(const char *text, LaLiteral *ret)
{
  int64_t time;
  if (!la_decimal_read(text, strlen(text), LA_SEC, &time) || time > LA_TIME_OF_PACKET_MAX)
    return false;
  int64_t width = LA_SEC;
  const char *point = strchr(text, '.');
  for (size_t i = point != NULL ? strlen(point + 1) : 0; i > 0; i--)
    width /= 10;
  set_stretch(ret, time, width > 0 ? width : 1);
  return true;
}

bool la_time_literal_read(const char *text, LaClockZone zone, LaLiteral *ret)
{
  LaLiteral literal = {0};
  if (!read_clock(text, zone, &literal) && !read_date(text, zone, &literal) && !read_epoch(text, &literal))
    return false;
  literal.text = g_strdup(text);
  *ret = literal;
  return true;
}

int64_t la_time_of_day(LaTime time, LaClockZone zone)
{
  int64_t nanos = time % LA_SEC;
  time_t seconds = (time_t)(time / LA_SEC);
  if (nanos < 0) {
    nanos += LA_SEC;
    seconds--;
  }
  struct tm tm;
  if ((zone == LA_CLOCK_LOCAL ? localtime_r(&seconds, &tm) : gmtime_r(&seconds, &tm)) == NULL)
    return nanos;
  return (tm.tm_hour * INT64_C(3600) + tm.tm_min * 60 + tm.tm_sec) * LA_SEC + nanos;
}
