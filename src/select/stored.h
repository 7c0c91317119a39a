/* Results that were kept: the NDJSON of an earlier run (`-o ndjson`), read record by record. A record can be asked by an expression
 * as a connection can. */
#ifndef LA_SELECT_STORED_H
#define LA_SELECT_STORED_H

#include <glib.h>
#include <stdbool.h>

#include "base/addr.h"
#include "select/candidate.h"
#include "select/expression.h"
#include "select/value.h"

typedef enum {
  LA_STORED_CONNECTION,
  LA_STORED_HOST,
  LA_STORED_CAPTURE,
  LA_STORED_SUMMARY,
  LA_STORED_OTHER, /* what live writes beside them */
} LaStoredType;

/* A finding of a record. (borrowed until the next record) */
typedef struct {
  const char *code;        /* as it is written: a later version may know more */
  const LaRule *rule;      /* NULL: this version does not know it */
  const char *summary;     /* "" when there is none */
  LaSeverity severity;     /* note when the record says nothing that is known; so the next two */
  LaConfidence confidence; /* possible */
  LaBlame blame;           /* none */
  LaTime at;               /* LA_TIME_NONE: not known */
} LaStoredFinding;

/* Whether the file at `path` holds JSON and no capture: its first byte that is no space is a brace. A file that cannot be read does
 * not. */
bool la_stored_is(const char *path);

typedef struct LaStoredReader LaStoredReader;

/* Opens results; "-" is standard input. NULL and LA_ERROR_OPEN. (transfer full) */
LaStoredReader *la_stored_open(const char *path, GError **error);

/* The same on an open descriptor, which the reader then owns; `name` is for messages. (transfer full) */
LaStoredReader *la_stored_open_fd(int fd, const char *name, GError **error);

/* The next record (borrowed until the next call); NULL at the end, and with LA_ERROR_OPEN when a line is no record of schema
 * lastack/1, or LA_ERROR_BROKEN when the last line has no end: the file was cut off. */
LaStored *la_stored_next(LaStoredReader *reader, GError **error);

void la_stored_reader_free(LaStoredReader *reader); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaStoredReader, la_stored_reader_free)

LaStoredType la_stored_type(const LaStored *stored);

/* The kind of expression it can be asked: connections, and findings of hosts and captures one by one (la_stored_focus).
 * LA_EXPRESSION_KIND_N: none. */
LaExpressionKind la_stored_kind(const LaStored *stored);

/* Its findings; `*ret_count` of them. */
const LaStoredFinding *la_stored_findings(const LaStored *stored, unsigned *ret_count);

/* From now on expressions see only finding `n` of a host or capture record (each of them is a candidate). */
void la_stored_focus(LaStored *stored, unsigned n);

/* A field that is a number, bytes, a span, a time, a port or true (1) and false (0). False when the record does not have it. */
bool la_stored_number(const LaStored *stored, const char *field, int64_t *ret_value);

/* One end of a connection, or of a host's subject. False when the record does not have it; a source's port is 0. */
bool la_stored_end(const LaStored *stored, LaSide side, LaHostPort *ret_end);

/* A capture's record: whether the capture broke off. */
bool la_stored_truncated(const LaStored *stored);

/* ---- for expressions ---- */

/* Value `at` of the field in row `row` of the table of fields. Internal to expressions. */
bool la_stored_value(const LaStored *stored, unsigned row, unsigned at, LaValue *ret);

#endif
