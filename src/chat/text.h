/* What a frame's body must be before anything looks inside it: UTF-8 (RFC 3629), and one JSON object (RFC 8259) that is not
 * nested deeper than LA_CHAT_JSON_DEPTH. */
#ifndef LA_CHAT_TEXT_H
#define LA_CHAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many objects and arrays may stand inside one another, the outermost included. */
#define LA_CHAT_JSON_DEPTH 16
/* Longest names of users and rooms, in characters. */
#define LA_CHAT_NAME_MAX 32
#define LA_CHAT_ROOM_MAX 64

typedef enum {
  LA_CHAT_TEXT_OK,
  LA_CHAT_TEXT_BAD_UTF8,
  LA_CHAT_TEXT_BAD_JSON, /* not one JSON object; also \u0000 and lone surrogates, which no C string or UTF-8 can hold */
  LA_CHAT_TEXT_TOO_DEEP,
} LaChatTextResult;

/* Whether all `len` bytes are well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
bool la_chat_utf8_valid(const uint8_t *data, size_t len);

/* Judges a frame's body. */
LaChatTextResult la_chat_text_check(const uint8_t *data, size_t len);

/* Whether `text` (UTF-8) may be a name: 1 to `max` characters, all of them visible (no space, control or format characters). */
bool la_chat_name_valid(const char *text, size_t max);

#endif
