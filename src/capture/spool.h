/* Input that has to be read twice but can be read only once: a pipe, kept in a temporary file without a name. */
#ifndef LA_CAPTURE_SPOOL_H
#define LA_CAPTURE_SPOOL_H

#include <glib.h>
#include <stdint.h>

/* Copies what is left in `fd` to an unlinked temporary file (in TMPDIR, else /tmp) and returns a descriptor at its
 * beginning, to be closed by the caller. `fd` stays open. A second reading needs lseek(result, 0, SEEK_SET) on a dup(2) of
 * it, which shares the offset. -1 when it fails: LA_ERROR_OPEN when reading fails or there are more than `limit` bytes,
 * LA_ERROR_OUTPUT when the temporary file cannot be written. */
int la_spool_fd(int fd, uint64_t limit, GError **error);

#endif
