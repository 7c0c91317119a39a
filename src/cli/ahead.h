/* The reader in a thread of its own, a few batches ahead of who takes them (-j). */
#ifndef LA_CLI_AHEAD_H
#define LA_CLI_AHEAD_H

#include "cli/reader.h"

typedef struct LaAhead LaAhead;

/* Starts to read. From now on until la_ahead_stop the reader, with its source and its filter, belongs to the thread; they are borrowed.
 * NULL when the system has no thread to give. (transfer full) */
LaAhead *la_ahead_start(LaReader *reader);

typedef struct {
  const LaBatch *batch; /* with LA_READ_PACKET; NULL: somebody interrupts, and there is no more */
  LaReadResult result;
} LaTaken;

/* The next batch and its result, the same as la_reader_next would give in its place, borrowed until the next call. When `interrupt` (or
 * NULL) becomes other than 0, what has been read is still given out, and nothing more is read. False and LA_ERROR_USAGE as la_reader_next. */
bool la_ahead_next(LaAhead *ahead, const volatile sig_atomic_t *interrupt, LaTaken *ret, GError **error);

/* Ends the thread, also while it waits for a pipe, and frees `ahead`; NULL: nothing. What was read ahead and not taken is lost. */
void la_ahead_stop(LaAhead *ahead);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaAhead, la_ahead_stop)

#endif
