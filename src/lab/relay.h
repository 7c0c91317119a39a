/* The path between the two hosts: a router in its middle that delays, drops, answers and forges by a plan. It knows no sockets and no
 * clock: frames and times are handed in, what comes out goes to the hooks. */
#ifndef LA_LAB_RELAY_H
#define LA_LAB_RELAY_H

#include <glib.h>

#include "base/time.h"
#include "lab/experiment.h"
#include "lab/packet.h"

typedef struct LaLabRelay LaLabRelay;

/* Something that the path did to a packet. All borrowed. */
typedef struct {
  LaTime time;
  const char *action; /* drop, delay, duplicate, reject-rst, icmp-reject, inject, rewrite */
  const char *where;  /* before_capture_point, after_capture_point, router */
  LaLabEnd from;
  const LaPacket *packet;
} LaLabNote;

typedef struct {
  void (*send)(void *ctx, LaLabEnd to, LaPacket *packet);                       /* to that end's interface */
  void (*record)(void *ctx, LaTime now, LaLabEnd from, const LaPacket *packet); /* it passes the point of capture */
  void (*note)(void *ctx, const LaLabNote *note);
  void *ctx;
} LaLabRelayHooks;

/* A path: so long from each end to the router, and so many hops. */
typedef struct {
  LaTime delay[LA_LAB_END_N];
  unsigned hops[LA_LAB_END_N];
} LaLabWire;

#define LA_LAB_WIRE_DEFAULT ((LaLabWire){.delay = {2 * LA_MSEC, 3 * LA_MSEC}, .hops = {2, 3}})

/* A path with the experiment's plan (borrowed for the relay's life). (transfer full) */
LaLabRelay *la_lab_relay_new(const LaLabExperiment *experiment, const LaLabWire *wire, const LaLabRelayHooks *hooks);
void la_lab_relay_free(LaLabRelay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaLabRelay, la_lab_relay_free)

/* A frame has come from `from`. What is no TCP segment goes no further. */
void la_lab_relay_take(LaLabRelay *relay, LaTime now, LaLabEnd from, const uint8_t *frame, size_t len);

/* Phase `mark` has begun: its rules hold from now on, its forgeries are sent. */
void la_lab_relay_mark(LaLabRelay *relay, LaTime now, unsigned mark);

/* Lets everything pass that is due by `now`. */
void la_lab_relay_advance(LaLabRelay *relay, LaTime now);

/* When something is due next; LA_TIME_MAX when nothing is on its way. */
LaTime la_lab_relay_next(const LaLabRelay *relay);

#endif
