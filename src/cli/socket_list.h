/* This machine's sockets, grouped by the service they belong to: what `lastack sockets` tells. */
#ifndef LA_CLI_SOCKET_LIST_H
#define LA_CLI_SOCKET_LIST_H

#include <glib.h>
#include <stdbool.h>

#include "base/time.h"
#include "kernel/cgroup.h"
#include "kernel/owner.h"
#include "kernel/socket.h"

/* A socket that has waited in CLOSE_WAIT for so long is one that its application forgot, not one that it is about to close. */
#define LA_SOCKET_FORGOTTEN (5 * LA_SEC)

/* A FIN that was sent again so often in a row is one that nobody answers: once is a lost packet. */
#define LA_SOCKET_UNANSWERED 2

typedef enum {
  LA_SOCKET_ROLE_LISTENER,
  LA_SOCKET_ROLE_SERVER, /* it was accepted here */
  LA_SOCKET_ROLE_CLIENT, /* it was opened from here */
} LaSocketRole;

typedef struct {
  LaSocket socket;
  LaOwner owner;    /* pid 0: not looked for, or not found */
  uint32_t service; /* index into services */
  LaSocketRole role;
} LaSocketEntry;

/* The sockets of one listening address and port, or those that go out to one. */
typedef struct {
  LaHostPort end;   /* what is listened on (or was), or whom it connects to */
  bool outgoing;    /* connections from here to `end` */
  bool listening;   /* there is a listener */
  uint32_t waiting; /* connections in the accept queues */
  uint32_t backlog; /* how many have room there */
  bool full;        /* an accept queue is */
  uint32_t count;   /* sockets, listeners included */
  uint32_t by_state[LA_SOCKET_STATE_N];
  uint32_t forgotten;    /* in CLOSE_WAIT for longer than LA_SOCKET_FORGOTTEN */
  LaTime longest;        /* of those in CLOSE_WAIT: nothing came from the peer for so long */
  uint32_t unread;       /* sockets in CLOSE_WAIT with unread bytes */
  uint64_t unread_bytes; /* in all of these */
  uint32_t unanswered;   /* sockets whose FIN was sent again, LA_SOCKET_UNANSWERED times or more */
  uint8_t retries;       /* the most of them */
} LaSocketService;

/* Which sockets are wanted. */
typedef struct {
  GArray *ends;    /* of LaHostPort: port 0: any, family LA_FAMILY_NONE: any address; empty: all (owned) */
  uint32_t states; /* bit LaSocketState; 0: all */
} LaSocketChoice;

typedef struct {
  GArray *entries;  /* of LaSocketEntry: worst state first, then by service and addresses (owned) */
  GArray *services; /* of LaSocketService: the worst first (owned) */
  uint32_t by_state[LA_SOCKET_STATE_N];
  uint32_t ports; /* how many ephemeral ports there are */
} LaSocketList;

void la_socket_choice_init(LaSocketChoice *choice);
void la_socket_choice_clear(LaSocketChoice *choice);

/* Takes a word: a state (CLOSE_WAIT, close-wait), a port (8888, :8888), an address, or both (10.0.0.1:80). False when it is none
 * of these. */
bool la_socket_choice_add(LaSocketChoice *choice, const char *word);

/* Builds the list of the chosen sockets. Listeners of all `sockets` (GArray of LaSocket) say which are accepted ones. The ephemeral ports
 * are those of the calling thread's network namespace. */
void la_socket_list_init(LaSocketList *list, const GArray *sockets, const LaSocketChoice *choice);
void la_socket_list_clear(LaSocketList *list);

#endif
