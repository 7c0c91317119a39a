/* What second passes over the captures share: whether there can be one, the loop, and copying packets with their interfaces. */
#ifndef LA_CLI_REREAD_H
#define LA_CLI_REREAD_H

#include <glib.h>
#include <signal.h>

#include "capture/filter.h"
#include "capture/pcapng_writer.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/reader.h"

/* What a second pass needs. */
typedef struct {
  const LaOptions *options; /* words are the captures */
  LaFilter *filter;         /* NULL: all packets */
  const volatile sig_atomic_t *interrupt;
  LaProgress *progress; /* NULL: none */
  int spooled;          /* stands for standard input, or LA_NOT_SPOOLED */
} LaRereading;

/* Whether the captures can be read twice and `path` be written meanwhile, asked before the first pass: no capture is a pipe other than
 * standard input, none is the file to write. `option` is for the message. False and LA_ERROR_USAGE. */
bool la_reread_check(const LaOptions *options, const char *option, const char *path, GError **error);

/* A capture while it is read again. */
typedef struct {
  unsigned word;       /* which of those given, from 1 */
  unsigned file;       /* what its packets and connections go under: as `word`, or 1 under --sequence */
  LaSource *source;    /* (borrowed until `end` has returned) */
  uint64_t frame_base; /* added to the source's own numbers of packets */
} LaReread;

/* What a second pass does; NULL: nothing then. */
typedef struct {
  LaBatches batches;
  bool (*wants)(const void *ctx, unsigned file); /* whether to read the captures of `file`; NULL: all */
  bool (*enough)(const void *ctx);               /* whether to stop early, asked before each batch; NULL: read on */
  void (*begin)(void *ctx, const LaReread *at);  /* a capture was opened */
  bool (*batch)(void *ctx, const LaBatch *batch, GError **error);
  bool (*end)(void *ctx, const LaReread *at, GError **error); /* and was read to its end, or to where the first pass was */
} LaRereadHooks;

/* Reads the captures again, the batches the same as in the first pass but for `hooks->batches`, and calls the hooks with `ctx`. A capture
 * that cannot be opened is passed over: the first pass has told why. False and the error of the filter or of a hook, which ends it. */
bool la_reread(const LaRereading *pass, const LaRereadHooks *hooks, void *ctx, GError **error);

/* What is copied. */
typedef enum {
  LA_COPY_SOME, /* some packets, and the interfaces of these in their order. What was dropped says nothing among packets that are a choice:
                 * the caller writes the statistics */
  LA_COPY_ALL, /* all packets, interfaces and statistics, in the capture's order */
} LaCopied;

/* Copies packets of one capture after the other. */
typedef struct {
  LaPcapngWriter *writer; /* (borrowed) */
  LaCopied which;
  LaSource *source;    /* (borrowed) */
  uint64_t frame_base; /* what the reader adds to the source's numbers */
  GArray *numbers;     /* of uint32_t: 1 + the written number of each interface of the source; 0: not described yet (owned) */
  GArray *told;        /* of LaToldStatistics: read and not written yet (owned) */
  guint told_next;     /* the first of them */
  GArray *counted;     /* of uint8_t: 1 when a statistics block of that interface was written (owned) */
  LaTime stated;       /* the latest end that a written statistics block of the source tells */
} LaCopier;

void la_copier_init(LaCopier *copier, LaPcapngWriter *writer, LaCopied which);
void la_copier_clear(LaCopier *copier);

/* The packets that follow are of `source`, with numbers that are `frame_base` higher. */
void la_copier_begin(LaCopier *copier, LaSource *source, uint64_t frame_base);

/* Writes a packet of the source's latest batch as it was captured, with its own options and with `comments` (of char *, NULL: none); with
 * LA_COPY_ALL the statistics that stand in front of it go before. */
bool la_copier_packet(LaCopier *copier, const LaPacketView *packet, const GPtrArray *comments, GError **error);

/* At the end of the source, with LA_COPY_ALL: the statistics that are left, and of each described interface what is not said yet: that it was observed until
 * `until`, and what packets told of drops. */
bool la_copier_end(LaCopier *copier, LaTime until, GError **error);

#endif
