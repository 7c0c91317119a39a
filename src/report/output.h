/* Where a report goes: standard output or a file. Text is collected in a buffer and written in large blocks.
 *
 * A failed write is remembered and told at the end; what is appended after it is thrown away, so that a report need not ask
 * after every line. */
#ifndef LA_REPORT_OUTPUT_H
#define LA_REPORT_OUTPUT_H

#include <glib.h>
#include <stdbool.h>

typedef struct LaOutput LaOutput;

/* Opens `path` for writing (an existing file is emptied); NULL or "-" is standard output. NULL and LA_ERROR_OUTPUT when it
 * cannot be opened. (transfer full) */
LaOutput *la_output_open(const char *path, GError **error);

/* Writes what is left and opens the file's name anew (logrotate: the old one was moved away); appends to one that is there.
 * Standard output stays. False and LA_ERROR_OUTPUT when it cannot be opened: the old file goes on. */
bool la_output_reopen(LaOutput *out, GError **error);

/* How often it was opened: 1, and once more for each la_output_reopen of a file. Who writes a head compares. */
unsigned la_output_times_opened(const LaOutput *out);

/* Writes every record out as soon as it is there, with one call: for files that somebody follows. */
void la_output_by_record(LaOutput *out);

/* The buffer to append to. (borrowed) */
GString *la_output_buffer(LaOutput *out);

/* Writes the buffer out when it has grown large: call it after each record. */
void la_output_settle(LaOutput *out);

/* Writes the buffer out now. */
void la_output_flush(LaOutput *out);

/* Whether it goes to standard output. */
bool la_output_is_standard(const LaOutput *out);

/* Whether somebody looks at it: it is a terminal. */
bool la_output_is_terminal(const LaOutput *out);

/* Whether nobody reads any more: no reason to go on. A closed pipe (EPIPE) is no error; a terminal that is gone is one at the end. */
bool la_output_is_unread(const LaOutput *out);

/* Writes what is left and closes. False and LA_ERROR_OUTPUT when any write failed for another reason than a closed pipe. */
bool la_output_close(LaOutput *out, GError **error);

/* Closes without asking; takes NULL. */
void la_output_free(LaOutput *out);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaOutput, la_output_free)

#endif
