/* The bar on standard error during long work: only on a terminal, and only once the work has taken a moment. */
#ifndef LA_CLI_PROGRESS_H
#define LA_CLI_PROGRESS_H

#include <glib.h>
#include <stdint.h>

#include "capture/source.h"

typedef struct LaProgress LaProgress;

/* A progress display, or NULL when standard error is no terminal: all functions take NULL. (transfer full) */
LaProgress *la_progress_new(void);
void la_progress_free(LaProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaProgress, la_progress_free)

/* Tells how far the source is, after `packets` more packets. Cheap: it looks at the clock once in some thousand packets. */
void la_progress_update(LaProgress *progress, const LaSource *source, unsigned packets);

/* Takes the bar away, so that something else can be written. */
void la_progress_clear(LaProgress *progress);

#endif
