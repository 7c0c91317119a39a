/* Capture time: nanoseconds since the Unix epoch (UTC, no leap seconds), carried in the data. Nothing here reads a clock. */
#ifndef LA_BASE_TIME_H
#define LA_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t LaTime; /* nanoseconds since the epoch, or a span in nanoseconds */

#define LA_TIME_NONE INT64_MIN
#define LA_TIME_MAX INT64_MAX
/* No packet is later (April 2116, after the last time of a pcap file), none earlier than its negative: so the difference of any two
 * times is within LaTime. */
#define LA_TIME_OF_PACKET_MAX (INT64_MAX / 2)
#define LA_USEC INT64_C(1000)
#define LA_MSEC INT64_C(1000000)
#define LA_SEC INT64_C(1000000000)

typedef enum {
  LA_CLOCK_UTC,
  LA_CLOCK_LOCAL, /* the time zone of the environment (TZ) */
} LaClockZone;

/* Room for every text below, with the closing zero. */
#define LA_TIME_TEXT_MAX 48

/* Writes RFC 3339 with nanoseconds, `2026-11-21T02:11:46.050708000Z`, into `ret_text` (LA_TIME_TEXT_MAX bytes); returns it. */
char *la_time_format_rfc3339(LaTime time, char *ret_text);

/* Writes the time of day `02:11:46.050708` in `zone` (microseconds) into `ret_text`; returns it. */
char *la_time_format_clock(LaTime time, LaClockZone zone, char *ret_text);

/* Writes `2026-11-21 02:11:46` in `zone` (whole seconds) into `ret_text`; returns it. */
char *la_time_format_date(LaTime time, LaClockZone zone, char *ret_text);

/* Writes a span for a person (`312 s`, `1.5 s`, `40 ms`, `16 us`, `5 min 12 s`, `2 h 3 min`) into `ret_text`; returns it. */
char *la_span_format(LaTime span, char *ret_text);

/* Writes a span for a program: seconds with exactly nine decimals (`1.200708000`), into `ret_text`; returns it. */
char *la_span_format_seconds(LaTime span, char *ret_text);

/* Writes a span (not negative) as la_span_parse reads it, exactly and in the largest unit that it is a whole number of (`20s`, `1500ms`), into
 * `ret_text`; returns it. */
char *la_span_format_option(LaTime span, char *ret_text);

/* Reads RFC 3339 (date, `T` or a space, time with optional fraction, zone `Z` or `+hh:mm`; no zone: UTC) or seconds since the
 * epoch with an optional fraction. False, and `ret_time` untouched, when `text` is neither or out of range. */
bool la_time_parse(const char *text, LaTime *ret_time);

/* Reads a span with its unit: `5s`, `200ms`, `1.5s`, `10us`, `3ns`, `2min`, `1h`; a bare number is seconds. Never negative.
 * False, and `ret_span` untouched, when `text` is none. */
bool la_span_parse(const char *text, LaTime *ret_span);

static inline double la_time_seconds(LaTime span)
{
  return (double)span / 1e9;
}

/* a + b, held at LA_TIME_MAX instead of overflowing (b not negative). */
static inline LaTime la_time_add(LaTime a, LaTime b)
{
  return a > LA_TIME_MAX - b ? LA_TIME_MAX : a + b;
}

#endif
