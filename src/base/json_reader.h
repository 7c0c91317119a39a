/* Reading JSON (RFC 8259) from a buffer, token by token, without a tree. Strings are unescaped in place, so the buffer is changed. */
#ifndef LA_BASE_JSON_READER_H
#define LA_BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  LA_JSON_BEGIN_OBJECT,
  LA_JSON_END_OBJECT,
  LA_JSON_BEGIN_ARRAY,
  LA_JSON_END_ARRAY,
  LA_JSON_KEY,    /* `text`: of the value that comes next */
  LA_JSON_STRING, /* `text` */
  LA_JSON_NUMBER, /* `text`, `len`: as it is written, not closed by a zero */
  LA_JSON_TRUE,
  LA_JSON_FALSE,
  LA_JSON_NULL,
  LA_JSON_END, /* one whole value was read, and nothing stands behind it */
  LA_JSON_BAD, /* this is no JSON, or it is nested too deep; the reader stays here */
} LaJsonToken;

#define LA_JSON_DEPTH_MAX 32u

typedef struct {
  char *at, *end;
  char *text;       /* of the latest key, string or number (borrowed from the buffer) */
  size_t len;       /* its bytes; a string with a zero in it ends there for who does not look at this */
  uint32_t objects; /* bit n: depth n is an object, not an array */
  unsigned depth;
  uint8_t state;
} LaJsonReader;

/* Reads the `len` bytes at `text` (borrowed and changed). */
void la_json_reader_init(LaJsonReader *reader, char *text, size_t len);

/* The next token. */
LaJsonToken la_json_reader_next(LaJsonReader *reader);

#endif
