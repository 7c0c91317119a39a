/* What `-o pcapng` writes beside the packets: which packet is evidence of which finding. Collected as records come, asked for packet by
 * packet when the captures are read again. */
#ifndef LA_REPORT_REMARKS_H
#define LA_REPORT_REMARKS_H

#include <glib.h>

#include "report/format.h"

typedef struct LaRemarks LaRemarks;

/* The most remarks (packets times findings) that are kept, some 60 MB of them; notes take no more than half of that, so that a capture full
 * of them does not hide its errors. */
#define LA_REMARKS_MAX 250000

/* Those that the report of a format that `rereads` has collected. (borrowed from the report) */
LaRemarks *la_report_remarks(LaReport *report);

/* How many found no room. */
uint64_t la_remarks_left_out(const LaRemarks *remarks);

typedef enum {
  LA_FRAMES_BY_FILE, /* each capture's numbers begin with 1 */
  LA_FRAMES_GO_ON,   /* one capture in pieces: the numbers go on */
} LaFrames;

/* Puts them in order, before the first question. After this nothing may be collected. */
void la_remarks_sort(LaRemarks *remarks, LaFrames frames);

/* A packet that is written. */
typedef struct {
  unsigned file;   /* its capture, from 1 */
  uint64_t frame;  /* its number there, as findings name it */
  uint64_t number; /* its number in the file that is written */
} LaRemarked;

/* The comments of a packet, of char *, or NULL without any. Packets are asked for in the order of their captures and numbers. A finding's
 * first packet gets the whole sentence, the others the number under which that one was written. (borrowed until the next call) */
const GPtrArray *la_remarks_of(LaRemarks *remarks, const LaRemarked *packet);

/* Until when capture `file` was observed; LA_TIME_NONE when it was not read. */
LaTime la_remarks_observed(const LaRemarks *remarks, unsigned file);

#endif
