/* A streaming JSON writer into a GString: no tree is built. Commas are placed by the writer; a key must be followed by a
 * value. Numbers are never NaN or infinite (a null is written instead). Depth is at most 32. */
#ifndef LA_BASE_JSON_H
#define LA_BASE_JSON_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

typedef struct {
  GString *out;     /* borrowed */
  uint32_t started; /* bit n: a value was written at depth n */
  unsigned depth;
  bool after_key;
} LaJson;

/* A writer that appends to `out` (borrowed for the writer's life). */
void la_json_init(LaJson *json, GString *out);

void la_json_begin_object(LaJson *json);
void la_json_end_object(LaJson *json);
void la_json_begin_array(LaJson *json);
void la_json_end_array(LaJson *json);

/* The key of the next value; `key` is a literal that needs no escaping. */
void la_json_key(LaJson *json, const char *key);

/* A key that comes from outside and is escaped. */
void la_json_key_text(LaJson *json, const char *key);

void la_json_string(LaJson *json, const char *text); /* NULL writes null */
void la_json_int(LaJson *json, int64_t value);
void la_json_uint(LaJson *json, uint64_t value);
void la_json_bool(LaJson *json, bool value);
void la_json_null(LaJson *json);
void la_json_double(LaJson *json, double value); /* the shortest text that reads back the same */
void la_json_time(LaJson *json, LaTime time);    /* an RFC 3339 string */
void la_json_span(LaJson *json, LaTime span);    /* seconds with exactly nine decimals, as a number: 1.200708000 */

#endif
