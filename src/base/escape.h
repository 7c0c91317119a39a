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

typedef enum {
  LA_XML_TEXT,      /* between tags: ends of lines stay */
  LA_XML_ATTRIBUTE, /* between double quotes */
} LaXmlPlace;

/* Appends `text` for an XML 1.0 document in UTF-8: markup becomes entities; what XML cannot hold or a reader cannot see (controls,
 * invalid bytes, what turns text about) is spelt \xHH or \u{HHHH}. */
void la_escape_xml(GString *out, const char *text, gssize len, LaXmlPlace place);

/* Appends `text` as plain words of a line of Markdown (CommonMark, GitHub): nothing of it is markup, a link, a mention or a cell's
 * border. */
void la_escape_markdown(GString *out, const char *text, gssize len);

typedef enum {
  LA_GITHUB_MESSAGE,  /* behind the :: of a workflow command */
  LA_GITHUB_PROPERTY, /* a value before it, as in file=... */
} LaGithubPlace;

/* Appends `text` for a workflow command of GitHub Actions: ends of lines, % and, in properties, what ends one are percent-encoded;
 * other controls as for a terminal. */
void la_escape_github(GString *out, const char *text, gssize len, LaGithubPlace place);

/* Appends `text` as the description of a line of TAP (version 13): as for a terminal, and a # begins no directive. */
void la_escape_tap(GString *out, const char *text, gssize len);

#endif
