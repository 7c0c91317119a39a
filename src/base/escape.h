/* Text from outside (captures, file and interface names, policies) on its way out: one function for each kind of output. */
#ifndef LA_BASE_ESCAPE_H
#define LA_BASE_ESCAPE_H

#include <glib.h>

/* Appends `len` bytes of `text` to `out` for a terminal: valid printable UTF-8 stays; control characters (C0, DEL, C1), invalid
 * bytes, bidirectional controls and line or paragraph separators become \xHH, \u{HHHH} or \n, \t, \r; a backslash is doubled. */
void la_escape_terminal(GString *out, const char *text, gssize len);

/* Appends `text` as the inside of a JSON string (RFC 8259, no quotes added): always valid UTF-8; invalid bytes become U+FFFD,
 * controls and what turns text about \\uXXXX. */
void la_escape_json(GString *out, const char *text, gssize len);

/* Appends `text` quoted for a POSIX shell when it has to be (to print commands a person can paste); control characters are
 * written as in $'...'. */
void la_escape_shell(GString *out, const char *text, gssize len);

#endif
