/* Where the files are that come with the program. */
#ifndef LA_CLI_SHIPPED_H
#define LA_CLI_SHIPPED_H

#include <glib.h>

/* The folders in which the files of `kind` ("filters", "samples") may lie, the nearest to this very program first: of the source tree when
 * it runs from its build tree, beside its installation, and where it was configured to be installed. (transfer full) */
GPtrArray *la_shipped_folders(const char *kind);

#endif
