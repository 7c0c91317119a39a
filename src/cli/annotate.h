/* `-o pcapng` of analyze: the captures' packets again, with a comment on each that is evidence, written in a second pass. */
#ifndef LA_CLI_ANNOTATE_H
#define LA_CLI_ANNOTATE_H

#include <glib.h>
#include <stdbool.h>

#include "cli/reread.h"
#include "report/remarks.h"

/* Whether `path` (NULL: standard output) can take packets, before the first pass. False and LA_ERROR_USAGE. */
bool la_annotate_check(const LaOptions *options, const char *path, GError **error);

/* Opens it, so that a file that cannot be written is told before the captures are read. (transfer full) */
LaPcapngWriter *la_annotate_open(const char *path, GError **error);

/* Reads the captures again and writes all packets that the first pass analysed, unchanged and in order, with their interfaces, what these
 * dropped and until when they were observed. Captures that could not be opened are passed over. A reader of standard output that goes away
 * is no error. False and the error of what failed. */
bool la_annotate_write(LaRemarks *remarks, LaPcapngWriter *writer, const LaRereading *pass, GError **error);

#endif
