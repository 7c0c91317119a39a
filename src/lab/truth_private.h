/* What the parts of the kernel's account share: truth.c gathers rows, truth_write.c writes them. */
#ifndef LA_LAB_TRUTH_PRIVATE_H
#define LA_LAB_TRUTH_PRIVATE_H

#include "lab/truth.h"

typedef enum {
  LA_LAB_FROM_TRACE,
  LA_LAB_FROM_DIAG,
  LA_LAB_FROM_LAB, /* the laboratory did it itself: a reboot */
} LaLabSource;

typedef struct {
  LaHostPort at[LA_LAB_END_N];
} LaLabKey;

typedef struct {
  LaTime time;
  LaLabEnd end;
  const char *old_state, *new_state; /* static */
  LaLabSource source;
} LaLabStateRow;

typedef struct {
  LaTime time;
  LaLabEnd end;
  LaTraceKind kind;
  const char *state; /* static, or NULL */
  char reason[40];
} LaLabEventRow;

typedef struct {
  LaTime time;
  LaLabEnd end;
  const char *state; /* static */
  uint64_t cookie;
  LaTime expires;
  uint32_t receive_queue, send_queue;
  uint8_t timer, retries;
  bool owned;
} LaLabSampleRow;

typedef struct {
  LaTime time;
  LaLabEnd end;
  uint16_t port;
  uint32_t waiting, backlog;
} LaLabQueueRow;

typedef struct {
  LaLabEnd end;
  LaLabReport report;
} LaLabAppRow;

typedef struct {
  LaTime time;
  const char *action, *where; /* static */
  LaLabEnd from;
  LaHostPort src, dst;
  uint32_t seq, ack;
  uint16_t payload_len;
  uint8_t flags;
} LaLabNetworkRow;

/* A four-tuple. `key` is first: the table's keys are these structures. */
typedef struct {
  LaLabKey key;
  unsigned id;
  GArray *states, *events, *samples;
  const char *last[LA_LAB_END_N];    /* the newest row's state */
  const char *watched[LA_LAB_END_N]; /* in the last dump; NULL: not there */
  uint64_t watched_cookie[LA_LAB_END_N];
  LaLabSampleRow sampled[LA_LAB_END_N];
  unsigned seen[LA_LAB_END_N]; /* the round of the last dump it was in */
  unsigned max_retries[LA_LAB_END_N];
} LaLabConn;

struct LaLabTruth {
  LaLabTruthSetup setup;
  GHashTable *by_key; /* of LaLabConn, borrowed from conns */
  GPtrArray *conns;   /* of LaLabConn (owned) */
  GArray *apps, *network, *queues;
  unsigned round;
  LaTime rebooted[LA_LAB_END_N];
};

#endif
