/* The options of `lastack live`, beside those it shares with other commands. Their rows stand in the one table of options.c. */
#ifndef LA_CLI_OPTIONS_LIVE_H
#define LA_CLI_OPTIONS_LIVE_H

#include <glib.h>
#include <stdbool.h>

#include "base/time.h"
#include "capture/live.h"

#define LA_OPTION_LIVE_FIRST 1000

typedef enum {
  LA_OPTION_INTERFACE = LA_OPTION_LIVE_FIRST,
  LA_OPTION_NETNS,
  LA_OPTION_WRITE,
  LA_OPTION_RING,
  LA_OPTION_AUTOSTOP,
  LA_OPTION_SNAPLEN,
  LA_OPTION_BUFFER,
  LA_OPTION_PROMISCUOUS,
  LA_OPTION_NOT_PROMISCUOUS,
  LA_OPTION_WATCH,
  LA_OPTION_SAVE,
  LA_OPTION_SAVE_LIMIT,
  LA_OPTION_USER,
  LA_OPTION_REALARM,
  LA_OPTION_MAX_CONNECTIONS,
  LA_OPTION_MAX_MEMORY,
  LA_OPTION_OWNER,
  LA_OPTION_METRICS,
} LaLiveOption;

typedef struct {
  GPtrArray *interfaces; /* of char * (owned) */
  char *netns;           /* NULL: our own (owned) */
  char *write;           /* -w, or NULL (owned) */
  unsigned ring_files;   /* -b files:N; 0: all are kept */
  uint64_t ring_size;    /* bytes; 0: no limit */
  LaTime ring_duration;  /* 0: no limit */
  LaTime duration;       /* -a; 0: no limit */
  uint32_t snaplen;
  uint32_t buffer;
  LaLiveHears hears;
  char *save;          /* --save-on-finding, or NULL (owned) */
  uint64_t save_limit; /* bytes */
  bool watch;          /* --watch */
  char *user;          /* -Z, or NULL (owned) */
  LaTime realarm;      /* the same finding of the same service is told again after this */
  uint32_t max_connections;
  uint64_t max_memory; /* bytes for connections; 0: no limit of its own */
  char *metrics;       /* --metrics, or NULL (owned) */
  bool owner;          /* processes are named beside sockets */
} LaLiveChoices;

void la_live_choices_init(LaLiveChoices *choices); /* the defaults */
void la_live_choices_clear(LaLiveChoices *choices);

/* Takes one option. False and LA_ERROR_USAGE with one line. */
bool la_options_take_live(LaLiveChoices *choices, LaLiveOption option, const char *value, GError **error);

/* Whether the choices fit together; else false and LA_ERROR_USAGE. */
bool la_live_choices_check(const LaLiveChoices *choices, GError **error);

#endif
