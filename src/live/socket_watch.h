/* This machine's own sockets beside the packets: whose they are, and whether kernel and packets agree. */
#ifndef LA_LIVE_SOCKET_WATCH_H
#define LA_LIVE_SOCKET_WATCH_H

#include <glib.h>
#include <stdbool.h>

#include "kernel/inet_diag.h"
#include "kernel/owner_helper.h"
#include "report/event.h"
#include "track/adopt.h"
#include "track/tracker.h"

typedef struct LaSocketWatch LaSocketWatch;

typedef enum {
  LA_OWNERS_UNASKED,
  LA_OWNERS_ASKED, /* a helper answers which process holds a socket: started by la_socket_watch_new, with the rights there are */
} LaSocketOwners;

/* `netns`: as in LaLiveOptions; NULL: this process's own. To be called before rights are given up. NULL, and LA_ERROR_PERMISSION,
 * when the kernel does not tell (or the helper cannot be started). (transfer full) */
LaSocketWatch *la_socket_watch_new(const char *netns, LaSocketOwners owners, GError **error);
void la_socket_watch_free(LaSocketWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaSocketWatch, la_socket_watch_free)

/* Reads all sockets. False when the kernel does not tell: then it is as if there were none. */
bool la_socket_watch_refresh(LaSocketWatch *watch);

/* Goes through the sockets with a peer that were read: begin with 0 in `*at`; false at the end. Of a connection of which this machine
 * holds both ends, each comes with the other's state. `time` is left to the caller. */
bool la_socket_watch_each(const LaSocketWatch *watch, unsigned *at, LaAdopted *ret);

/* How many sockets there were then in each state, and how many of those with a peer no connection of `tracker` is about: they pass
 * elsewhere, or found no room. */
typedef struct {
  uint64_t states[LA_SOCKET_STATE_N];
  uint64_t unseen;
} LaSocketCounts;

LaSocketCounts la_socket_watch_counts(const LaSocketWatch *watch, LaTracker *tracker);

/* Where kernel and packets contradict each other, one line each: a connection that packets have ended `settled` ago at the latest, while
 * the kernel still holds its socket open. At most `max` lines are appended; returns how many there are. */
unsigned la_socket_watch_contradictions(const LaSocketWatch *watch, LaTracker *tracker, LaTime settled, GPtrArray *lines,
                                        unsigned max);

/* Tells the tracker which of its adopted connections the kernel still holds, and in which states, and ends those that it does not hold: at
 * `time`, after a second look. Where packets had been seen that did not end the connection, and none since `settled`, kernel and
 * packets contradict each other: one line each, as above. */
unsigned la_socket_watch_reconcile(LaSocketWatch *watch, LaTracker *tracker, LaTime time, LaTime settled, GPtrArray *lines);

/* Fills in what the kernel knows of the event's connection at the end the finding speaks of (either, if it speaks of none). Looks
 * again if the last reading is older than a second by `mono`. */
void la_socket_watch_describe(LaSocketWatch *watch, LaTime mono, const LaEventRecord *event, LaEventSocket *ret);

#endif
