/* One of the two hosts of an experiment: a network namespace with one interface towards the router. */
#ifndef LA_LAB_HOST_H
#define LA_LAB_HOST_H

#include <glib.h>
#include <stdbool.h>

#include "kernel/inet_diag.h"
#include "kernel/link.h"
#include "lab/experiment.h"

typedef struct {
  int netns;        /* -1: there is none */
  int packets;      /* the router's end of the wire: a packet socket; -1 */
  LaInetDiag *diag; /* its sockets */
  uint8_t mac[LA_LINK_MAC_LEN], router_mac[LA_LINK_MAC_LEN];
} LaLabHost;

#define LA_LAB_HOST_NONE ((LaLabHost){.netns = -1, .packets = -1})

typedef struct {
  const LaLabExperiment *experiment;
  LaLabEnd end;
  LaAddr first; /* its addresses count up from here */
  LaFamily family;
  int router;          /* the router's namespace, in which the calling thread is */
  unsigned generation; /* how often this end has been set up */
} LaLabHostSetup;

/* Sets a host up; the calling thread stays in the router's namespace. LA_ERROR_PERMISSION. Clear `ret_host` in any case. */
bool la_lab_host_start(const LaLabHostSetup *setup, LaLabHost *ret_host, GError **error);

/* Cuts the wire at the host's end, so that nothing it does is seen any more. */
void la_lab_host_unplug(const LaLabHost *host, int router);

/* Its processes must be gone. Nothing of it is left afterwards. */
void la_lab_host_clear(LaLabHost *host);

#endif
