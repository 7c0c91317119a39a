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

/* What this machine's kernel knows of the socket that a finding speaks of. */
typedef struct {
  uint8_t known; /* 0: the end is not on this machine, or its socket is gone */
  uint8_t side;  /* LaSide */
  const char *state;
  uint32_t uid;
  uint32_t inode;         /* 0: no process holds it */
  uint32_t receive_queue; /* bytes */
  uint64_t cgroup;        /* 0: not told */
  uint32_t pid;           /* 0: not known */
  uint32_t descriptors;
  uint64_t descriptor_limit; /* 0: not known */
  char command[64];          /* "": not known; any bytes */
} LaEventSocket;

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
  LaEventSocket socket; /* at the end that the finding speaks of */
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
  uint64_t bytes;       /* of memory for connections */
  uint64_t sockets;     /* of this machine, as its kernel counts them */
  uint64_t unseen;      /* of these, with a peer, that no connection is about */
  uint64_t contradicts; /* that the kernel still holds although packets have ended them */
  uint8_t asked_kernel; /* 0: the three before are not known */
} LaStatsRecord;

#endif
