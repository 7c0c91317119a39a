/* Packets of connections, kept for a while, and written to a file of their own when a finding tells that they are worth it. */
#ifndef LA_LIVE_SAVER_H
#define LA_LIVE_SAVER_H

#include <glib.h>
#include <stdbool.h>

#include "capture/live.h"
#include "decode/segment.h"
#include "report/event.h"
#include "track/connection.h"

typedef struct LaSaver LaSaver;

/* How much of a packet is kept, and how many packets of a connection: the first ones, and the last ones. */
#define LA_SAVER_BYTES 160u
#define LA_SAVER_FIRST 24u
#define LA_SAVER_LAST 24u

typedef struct {
  const char *folder;
  uint64_t limit;          /* of the folder's files, in bytes: the oldest go first */
  uint64_t memory;         /* of the packets that are kept, in bytes */
  const char *application; /* what the section headers say wrote them */
} LaSaverOptions;

/* Opens the folder, which must exist. Files of an earlier run in it count for the limit. NULL and LA_ERROR_OUTPUT. `live` is borrowed.
 * (transfer full) */
LaSaver *la_saver_new(const LaSaverOptions *options, const LaLive *live, GError **error);
void la_saver_free(LaSaver *saver);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaSaver, la_saver_free)

/* Whether this process, as it is now, can make files there. False and LA_ERROR_OUTPUT. */
bool la_saver_check(const LaSaver *saver, GError **error);

/* Keeps a packet. Bytes are copied. */
void la_saver_packet(LaSaver *saver, const LaPacketView *packet, const LaSegment *segment);

/* Keeps an ICMP error beside the packets of the connection that it quotes; one that quotes no connection that is kept is passed over. */
void la_saver_icmp(LaSaver *saver, const LaPacketView *packet, const LaIcmpError *icmp);

/* Forgets what is kept of a connection that has finished. */
void la_saver_forget(LaSaver *saver, const LaConnection *conn);

/* Writes what is kept of the event's connection to FOLDER/TIME-CODE-CLIENT-SERVER.pcapng; the packets that show the finding carry its
 * sentence as a comment. Nothing happens when nothing is kept. False and LA_ERROR_OUTPUT. */
bool la_saver_save(LaSaver *saver, const LaEventRecord *event, GError **error);

#endif
