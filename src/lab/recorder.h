/* The capture in the router: a pcapng file, taken as the experiment says. */
#ifndef LA_LAB_RECORDER_H
#define LA_LAB_RECORDER_H

#include <glib.h>
#include <stdbool.h>

#include "base/time.h"
#include "lab/experiment.h"
#include "lab/packet.h"

typedef struct LaLabRecorder LaLabRecorder;

/* Creates or empties the file `path`. What goes there is also sent on the socket `mirror` (la_lab_mirror_open; borrowed) when it
 * is written, whole; -1: nowhere. LA_ERROR_OUTPUT. (transfer full) */
LaLabRecorder *la_lab_recorder_open(const char *path, LaLabRecord mode, int mirror, GError **error);

/* A packet that came from `from` passes the point of capture at `time` (since the epoch). What cannot be written is told by
 * la_lab_recorder_close. */
void la_lab_recorder_take(LaLabRecorder *recorder, LaTime time, LaLabEnd from, const LaPacket *packet);

/* Phase `mark` has begun. */
void la_lab_recorder_mark(LaLabRecorder *recorder, unsigned mark);

uint64_t la_lab_recorder_packets(const LaLabRecorder *recorder);

/* How many of them the mirror did not take, and the first one's errno in `ret_code` (untouched when there is none). */
uint64_t la_lab_recorder_unmirrored(const LaLabRecorder *recorder, int *ret_code);

/* Writes when the observation ended, and closes. False when anything could not be written. */
bool la_lab_recorder_close(LaLabRecorder *recorder, LaTime ended, GError **error);

void la_lab_recorder_free(LaLabRecorder *recorder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaLabRecorder, la_lab_recorder_free)

#endif
