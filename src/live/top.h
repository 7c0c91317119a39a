/* What the screen of `lastack live --watch` shows: the services with what became of their connections, and the latest findings. Plain
 * figures in bounded tables; the screen itself is watch.h. */
#ifndef LA_LIVE_TOP_H
#define LA_LIVE_TOP_H

#include <glib.h>

#include "report/event.h"
#include "track/tracker.h"

#define LA_TOP_SERVICES_MAX 1024u
#define LA_TOP_EVENTS_MAX 200u

typedef struct {
  LaHostPort server;         /* first: it is the key */
  uint64_t open, close_wait; /* now */
  uint64_t ended, reset;     /* since the beginning, as the next two */
  uint64_t errors, warnings;
} LaTopService;

typedef struct {
  LaEventRecord record; /* key is empty, sentence is the one below */
  char *sentence;
} LaTopEvent;

typedef enum {
  LA_TOP_BY_ERRORS,
  LA_TOP_BY_CLOSE_WAIT,
  LA_TOP_BY_OPEN,
  LA_TOP_BY_RESETS,
  LA_TOP_BY_N,
} LaTopOrder;

const char *la_top_order_name(LaTopOrder order); /* "errors" */

typedef struct LaTop LaTop;

LaTop *la_top_new(void); /* (transfer full) */
void la_top_free(LaTop *top);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaTop, la_top_free)

/* Counts a finished connection with its findings. */
void la_top_connection(LaTop *top, const LaConnectionRecord *record);

/* Counts a finding for its service when it is raised; to be called with every event, also those that are held back. */
void la_top_count(LaTop *top, const LaEventRecord *event);

/* Keeps a finding that was told. */
void la_top_event(LaTop *top, const LaEventRecord *event);

/* Counts the connections that are open now. */
void la_top_count_open(LaTop *top, LaTracker *tracker);

/* The services whose text contains `filter` (NULL: all), in that order. (transfer container, of LaTopService borrowed from `top`) */
GPtrArray *la_top_services(LaTop *top, LaTopOrder order, const char *filter);

/* The findings whose text contains `filter`, the latest first. (transfer container, of LaTopEvent borrowed from `top`) */
GPtrArray *la_top_events(LaTop *top, const char *filter);

#endif
