/* Values: what fields hold and what is compared with them. Internal to expressions. */
#ifndef LA_SELECT_VALUE_H
#define LA_SELECT_VALUE_H

#include <glib.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/time.h"
#include "diagnose/rule.h"

typedef enum {
  LA_TYPE_NUMBER, /* a count, a frame number */
  LA_TYPE_BYTES,
  LA_TYPE_SPAN, /* ns */
  LA_TYPE_TIME, /* ns since the epoch */
  LA_TYPE_RATIO,
  LA_TYPE_PORT,
  LA_TYPE_ADDRESS,
  LA_TYPE_TEXT,
  LA_TYPE_BOOLEAN,
  LA_TYPE_WORD, /* one of a vocabulary; the value is its index */
  LA_TYPE_N,
} LaType;

/* A closed list of words. */
typedef struct {
  const char *what;              /* "state" */
  unsigned count;                /* words 0 .. count-1 */
  const char *(*word)(unsigned); /* static; NULL: no word has this value */
  enum {
    LA_WORDS_PLAIN,
    LA_WORDS_ORDERED, /* a later word is more than an earlier one */
  } order;
} LaVocabulary;

/* One value; which member holds it is said by the field's type. */
typedef struct {
  int64_t number; /* NUMBER, BYTES, SPAN, TIME, PORT, BOOLEAN, WORD */
  double ratio;
  LaAddr addr;
  uint8_t family;
  const char *text; /* TEXT: `room`, `owned`, or borrowed from the candidate */
  char room[48];
  char *owned; /* NULL unless the reader had to make it; la_value_clear frees it */
} LaValue;

static inline void la_value_clear(LaValue *value)
{
  g_clear_pointer(&value->owned, g_free);
}

/* What stands right of an operator: one value, or all from `low` to `high` (both within). */
typedef struct {
  int64_t low, high;
  double ratio;
  LaAddr addr;
  uint8_t family, bits; /* ADDRESS: a prefix */
  uint8_t of_day;       /* TIME: low and high are ns of the day in `zone` */
  uint8_t zone;         /* LaClockZone */
  uint8_t is_range;     /* written as LOW..HIGH */
  char *text;           /* TEXT: the text; TIME: as it was written (owned) */
} LaLiteral;

/* What a literal is read for. */
typedef struct {
  LaType type;
  const LaVocabulary *words; /* LA_TYPE_WORD */
  LaClockZone zone;
  enum {
    LA_SINGLE,
    LA_RANGE_TOO, /* LOW..HIGH and prefixes are sets of values */
  } how;
} LaLiteralWanted;

/* Reads a literal. NULL on success; else why not, as a phrase for a message ("a port is a number from 0 to 65535"). `ret` is
 * untouched then. (transfer full) */
char *la_literal_read(const char *text, const LaLiteralWanted *wanted, LaLiteral *ret);

/* Appends the literal's text; la_literal_read of it gives the same. */
void la_literal_print(const LaLiteral *literal, const LaLiteralWanted *wanted, GString *out);

bool la_literal_equal(const LaLiteral *a, const LaLiteral *b, LaType type);

/* Where `value` is: below the literal (-1), within (0), above (1; also when there is no order and they differ). */
int la_literal_compare(const LaLiteral *literal, LaType type, const LaValue *value);

/* Appends a value as text, as regular expressions see it. */
void la_value_text(const LaValue *value, LaType type, const LaVocabulary *words, GString *out);

/* Reads `digits[.digits]`, all of `len` bytes, as a multiple of 1/`scale`: exactly, or false (also when it is too large). */
bool la_decimal_read(const char *text, size_t len, int64_t scale, int64_t *ret_value);

/* A time as an expression writes it: a day, a minute, a second ..., and so a stretch of time. False when `text` is none. */
bool la_time_literal_read(const char *text, LaClockZone zone, LaLiteral *ret);

/* Nanoseconds since midnight in `zone`. */
int64_t la_time_of_day(LaTime time, LaClockZone zone);

#endif
