/* The bar on standard error during long work: only on a terminal, and only once the work has taken a moment. */
#ifndef LA_CLI_PROGRESS_H
#define LA_CLI_PROGRESS_H

#include <glib.h>
#include <stdint.h>

#include "cli/reader.h"

typedef struct LaProgress LaProgress;

/* A progress display, or NULL when standard error is no terminal: all functions take NULL. (transfer full) */
LaProgress *la_progress_new(void);
void la_progress_free(LaProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaProgress, la_progress_free)

/* Tells how far the reader is, after one more batch. Cheap: it looks at the clock once in some thousand packets. */
void la_progress_update(LaProgress *progress, const LaBatch *batch);

/* Takes the bar away, so that something else can be written. */
void la_progress_clear(LaProgress *progress);

#endif
