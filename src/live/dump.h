/* What is captured, on its way into a file (`-w`), or into a ring of files (`-b`). */
#ifndef LA_LIVE_DUMP_H
#define LA_LIVE_DUMP_H

#include <glib.h>

#include <stdbool.h>
#include <sys/types.h>

#include "capture/live.h"

typedef struct LaDump LaDump;

/* Texts are copied. */
typedef struct {
  const char *path;        /* "-": standard output */
  const char *application; /* what the section header says wrote it */
  unsigned ring_files;     /* keep only the last so many; 0: all */
  uint64_t ring_size;      /* begin another file at so many bytes; 0: never */
  LaTime ring_duration;    /* ... and after so long; 0: never */
} LaDumpOptions;

/* Creates the first file. The files of a ring are called NAME_00001_20261121103000.EXT, as dumpcap does. Later files are opened in the
 * folder as it was found now. NULL and LA_ERROR_OUTPUT. `live` and `now` as for la_live_next_batch. (transfer full) */
LaDump *la_dump_open(const LaDumpOptions *options, LaLive *live, LaTime now, GError **error);
void la_dump_free(LaDump *dump);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaDump, la_dump_free)

/* Makes the file belong to that user, who may have to read it later; to be called with the right to do so. */
void la_dump_give(LaDump *dump, uid_t uid, gid_t gid);

/* Whether this process, as it is now, can make the files that are still to come. False and LA_ERROR_OUTPUT. */
bool la_dump_check_folder(const LaDump *dump, GError **error);

/* Writes packets; what reaches the file may wait for la_dump_tick. False and LA_ERROR_OUTPUT, and then again each time. */
bool la_dump_packets(LaDump *dump, const LaPacketView *packets, unsigned count, LaTime now, GError **error);

/* To be called about once a second: writes what la_live_read_losses has read, hands everything to the system, and begins another file when it is time. */
bool la_dump_tick(LaDump *dump, LaTime now, GError **error);

/* Closes the file and begins it anew (it was moved away). With a ring: begins the next. */
bool la_dump_reopen(LaDump *dump, LaTime now, GError **error);

/* Writes how the interfaces did until `now`, and closes. */
bool la_dump_close(LaDump *dump, LaTime now, GError **error);

/* Whether nobody reads standard output any more. */
bool la_dump_is_unread(const LaDump *dump);

/* The file that is being written. (borrowed until the next call) */
const char *la_dump_path(const LaDump *dump);

#endif
