/* How text is set for a person: width, colours, characters, time zone. */
#ifndef LA_REPORT_STYLE_H
#define LA_REPORT_STYLE_H

#include <glib.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

typedef enum {
  LA_COLOUR_OFF,
  LA_COLOUR_ON,
} LaColour;

typedef enum {
  LA_CHARSET_ASCII,
  LA_CHARSET_UTF8,
} LaCharset;

typedef struct {
  LaColour colour;
  LaCharset charset;
  LaClockZone zone;
  unsigned width; /* columns, 40 .. */
} LaStyle;

typedef enum {
  LA_PAINT_PLAIN,
  LA_PAINT_BOLD,
  LA_PAINT_DIM,
  LA_PAINT_ERROR,
  LA_PAINT_WARNING,
  LA_PAINT_NOTE,
  LA_PAINT_GOOD,
  LA_PAINT_CODE, /* commands and filters to paste */
  LA_PAINT_N,
} LaPaint;

/* Appends `text` (already escaped when it comes from outside) in a colour, or plain when colours are off. */
void la_style_paint(const LaStyle *style, GString *out, LaPaint paint, const char *text);

/* How many columns `len` bytes of text take: escape sequences of la_style_paint take none, wide characters two. */
unsigned la_style_columns(const char *text, gssize len);

/* Appends spaces up to `columns` beyond the `used` ones; at least one when `used` is that many already. */
void la_style_pad(GString *out, unsigned used, unsigned columns);

typedef struct {
  unsigned width;  /* of the line */
  unsigned used;   /* columns of the first line that are taken already */
  unsigned indent; /* of the lines that follow */
} LaWrap;

/* Appends `text` broken at spaces so that lines stay within the width. Words longer than a line are not cut (they are there to
 * be copied). No newline is added at the end. */
void la_wrap(GString *out, const char *text, const LaWrap *wrap);

/* Replaces every character outside ASCII by '?' or an equivalent, from byte `from` of `out` on, unless the charset is UTF-8. */
void la_style_reduce(const LaStyle *style, GString *out, gsize from);

/* Appends a whole number with commas between thousands. */
void la_text_number(GString *out, uint64_t value);

/* Appends "1 packet", "2 packets": `many` is used for all but 1. */
void la_text_count(GString *out, uint64_t count, const char *one, const char *many);

/* Appends a number of bytes as "52 kB". */
void la_text_bytes(GString *out, uint64_t bytes);

/* Appends the time: the date when it is not the day of `reference` (LA_TIME_NONE: always), hours to seconds, and milliseconds
 * when `span` (of what is told) is shorter than two minutes. */
void la_text_time(const LaStyle *style, GString *out, LaTime time, LaTime reference, LaTime span);

/* Appends the abbreviation of the zone in force at `time`: "UTC", "CET". */
void la_text_zone(const LaStyle *style, GString *out, LaTime time);

/* Appends `address:port`. */
void la_text_end(GString *out, const LaHostPort *end);

#endif
