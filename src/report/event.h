/* What a capture that goes on tells in between: findings as they come, change and go, and how it stands once a minute. */
#ifndef LA_REPORT_EVENT_H
#define LA_REPORT_EVENT_H

#include "report/record.h"

typedef enum {
  LA_EVENT_RAISED,
  LA_EVENT_UPDATED,   /* severity, blame, confidence or sentence changed; or more of its kind were held back */
  LA_EVENT_ENDED,     /* what it speaks of went on until now */
  LA_EVENT_WITHDRAWN, /* later packets showed that it was none */
  LA_EVENT_N,
} LaEventKind;

const char *la_event_name(LaEventKind kind); /* "raised" */

#define LA_EVENT_KEY_MAX 160

/* A finding's event. Borrowed for the call it is handed to. */
typedef struct {
  LaEventKind kind;
  const char *key;     /* the same in all events of one finding */
  LaTime at;           /* when it was told, capture time */
  uint32_t connection; /* its number; 0: of a host, a service or a pair */
  LaHostPort client, server;
  LaSubject subject;    /* when connection is 0 */
  uint64_t held_back;   /* others of the same code and service that were not told since the last one that was */
  const char *sentence; /* the finding's summary */
  const char *owner;    /* who holds the socket on this machine, as a sentence; NULL: not known */
  LaFinding finding;
} LaEventRecord;

/* The states of the connections that are followed now, by the endpoint that has gone farther in closing. */
typedef struct {
  LaTime at;
  LaTime interval;
  uint64_t states[LA_TCP_STATE_N];
  uint64_t connections; /* open now */
  uint64_t packets;     /* in the interval, and so the next two */
  uint64_t kernel_drops;
  uint64_t interface_drops;
  uint64_t evicted;
  uint64_t bytes; /* of memory for connections */
} LaStatsRecord;

#endif
