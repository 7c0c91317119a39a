/* The chat server: listeners, the hub, and one of the I/O models that carries them. */
#ifndef LA_CHAT_SERVER_H
#define LA_CHAT_SERVER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "chat/address.h"
#include "chat/clock.h"
#include "chat/fault.h"
#include "chat/hub.h"
#include "chat/io.h"
#include "chat/tuning.h"

typedef enum {
  LA_CHAT_LOOPBACK_ONLY,
  LA_CHAT_ALLOW_REMOTE,
} LaChatReach;

/* Figures of a server since it began. */
typedef struct {
  LaTime uptime;
  unsigned connections, peak; /* now, and at most at one time; those turned away are not among them */
  uint64_t accepted, refused, resets, slow_readers;
  uint64_t bytes_in, bytes_out;
  LaChatHubStats hub;
  LaChatDescriptors descriptors;
} LaChatServerStats;

/* How the server tells what happens. Any may be NULL. Called on the thread that runs the server. */
typedef struct {
  void (*status)(void *ctx, const LaChatServerStats *stats); /* every status_interval */
  void (*log)(void *ctx, const char *text);                  /* one sentence, without a newline */
  void *ctx;
} LaChatServerEvents;

typedef struct {
  const LaChatIo *io;
  const LaChatAddress *listen; /* at least one (borrowed during la_chat_server_new) */
  size_t listen_count;
  LaChatReach reach;
  unsigned backlog;
  unsigned max_connections;
  unsigned max_errors;
  LaTime idle_timeout, grace; /* idle_timeout LA_TIME_MAX: never */
  size_t send_queue;
  LaChatSwitch reuse_address;
  unsigned defer_accept_s; /* TCP_DEFER_ACCEPT; 0: off */
  unsigned fast_open;      /* length of the queue of TCP_FASTOPEN; 0: off */
  LaChatTuning tuning;
  const LaChatFault *faults; /* (borrowed during la_chat_server_new) */
  size_t fault_count;
  uint32_t seed;
  LaTime status_interval; /* LA_TIME_MAX: no status */
  LaChatClock clock;
  LaChatServerEvents events;
  int stop_fd; /* (borrowed) readable once: drain; readable again: stop at once. -1: none. It is read from. */
} LaChatServerConfig;

/* The defaults of lastack-chat(1); `listen`, `clock`, `events` and `stop_fd` are still to be set. */
LaChatServerConfig la_chat_server_config_default(void);

typedef enum {
  LA_CHAT_ENDED_DRAINED,  /* asked to stop, and every connection was closed in time */
  LA_CHAT_ENDED_CUT,      /* asked to stop, and some connections had to be cut off */
  LA_CHAT_ENDED_BY_FAULT, /* the fault `exit`: the caller must end the process at once, without la_chat_server_free */
} LaChatEnding;

/* A server that listens. LA_ERROR_USAGE for what cannot be meant, LA_ERROR_PERMISSION when the system says no.
 * (transfer full) */
LaChatServer *la_chat_server_new(const LaChatServerConfig *config, GError **error);
void la_chat_server_free(LaChatServer *server);

/* The address of listener `index`, with the port that the kernel chose when it was asked for port 0. */
LaChatAddress la_chat_server_address(const LaChatServer *server, size_t index);

/* Serves until it is asked to stop. The calling thread waits here; the models `threads` and `fork` start more. */
bool la_chat_server_run(LaChatServer *server, LaChatEnding *ret_ending, GError **error);

LaChatServerStats la_chat_server_stats(const LaChatServer *server);

#endif
