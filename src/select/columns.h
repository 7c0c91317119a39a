/* The fields of connections as the columns of a table, for formats with one row a connection: their names are those that expressions
 * use. */
#ifndef LA_SELECT_COLUMNS_H
#define LA_SELECT_COLUMNS_H

#include <glib.h>

#include "select/candidate.h"

typedef struct LaColumns LaColumns;

LaColumns *la_columns_new(void); /* (transfer full) */
void la_columns_free(LaColumns *columns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaColumns, la_columns_free)

unsigned la_columns_count(const LaColumns *columns);

/* Column `n`'s name, n below the count: "handshake.syn_to_syn_ack_s". Static. */
const char *la_columns_name(const LaColumns *columns, unsigned n);

/* Appends what the connection, a whole record, has in column `n`: nothing when it is not known; spans in seconds with nine decimals, times
 * as RFC 3339. A list (of states, of findings) has its items one space apart, none of which has a space in it. */
void la_columns_append(const LaColumns *columns, unsigned n, const LaCandidate *connection, GString *out);

#endif
