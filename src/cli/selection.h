/* `-w` of analyze: the packets of the connections that were reported, written in a second pass over the captures. */
#ifndef LA_CLI_SELECTION_H
#define LA_CLI_SELECTION_H

#include <glib.h>
#include <stdbool.h>

#include "cli/reread.h"

/* Which connections of which captures were reported: two bits for each connection. */
typedef struct LaSelection LaSelection;

LaSelection *la_selection_new(void); /* (transfer full) */
void la_selection_free(LaSelection *selection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaSelection, la_selection_free)

typedef enum {
  LA_NOT_REPORTED,
  LA_REPORTED,
} LaReported;

/* Notes a finished connection of capture `file` (from 1; always 1 under --sequence). */
void la_selection_note(LaSelection *selection, unsigned file, uint32_t id, LaReported reported);

/* Until when capture `file` was observed. */
void la_selection_observed(LaSelection *selection, unsigned file, LaTime until);

/* Reads the captures again and writes options->write_path: the frames of the connections that were reported and the ICMP errors that
 * quote them, as they were captured, and for each interface until when it was observed. Captures that could not be opened are passed over.
 * False and the error of what failed. */
bool la_selection_write(const LaSelection *selection, const LaRereading *pass, GError **error);

#endif
