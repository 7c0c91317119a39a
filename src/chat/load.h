/* The load generator: many clients in one thread, over connections used in one of four ways. */
#ifndef LA_CHAT_LOAD_H
#define LA_CHAT_LOAD_H

#include <glib.h>
#include <stdbool.h>

#include "chat/connect.h"
#include "chat/io.h"

typedef enum {
  LA_CHAT_LOAD_SHORT,  /* a connection for each batch of messages */
  LA_CHAT_LOAD_LONG,   /* a connection for each client */
  LA_CHAT_LOAD_SHARED, /* one connection for all */
  LA_CHAT_LOAD_POOL,   /* `size` connections, each lent to one batch at a time */
} LaChatLoadModeKind;

typedef struct {
  LaChatLoadModeKind kind;
  unsigned size; /* of a pool */
} LaChatLoadMode;

/* Reads `short`, `long`, `shared` or `pool:N`. LA_ERROR_USAGE when it is none. */
bool la_chat_load_mode_parse(const char *text, LaChatLoadMode *ret_mode, GError **error);

/* The mode's name. (transfer full) */
char *la_chat_load_mode_format(LaChatLoadMode mode);

/* What came out. Times are LA_TIME_NONE where nothing was measured. */
typedef struct {
  LaTime elapsed;                      /* from the first message that was due to the end of sending, or the last answer */
  uint64_t sent, answered;             /* messages */
  uint64_t delivered;                  /* messages that came to members of rooms */
  uint64_t connections;                /* made */
  uint64_t connect_errors;             /* connections that could not be made, or whose login failed */
  uint64_t lost;                       /* messages unanswered because their connection ended */
  uint64_t timeouts;                   /* messages unanswered in time */
  uint64_t refused;                    /* messages answered with an error */
  uint64_t dropped;                    /* messages due that were not sent, because too many waited already */
  LaTime p50, p99, max;                /* from when a message was due to its answer */
  LaTime wait_p50, wait_p99, wait_max; /* of that, while the connection was busy with earlier messages */
} LaChatLoadResult;

typedef struct {
  LaChatConnectOptions connect; /* `attempts` and `backoff` do not count: one attempt is made */
  unsigned clients;
  double rate; /* messages a second, of all clients; 0: each client sends when it was answered */
  LaTime duration;
  LaChatLoadMode mode;
  unsigned batch;     /* messages sent at one time */
  unsigned room_size; /* connections in a room: each message is delivered to so many */
  size_t text_size;   /* bytes of a message's text */
  LaTime reply_timeout;
  /* Called about ten times a second; may be NULL. `share` is the part of the duration that is over. */
  void (*progress)(void *ctx, double share, uint64_t answered);
  void *ctx;
} LaChatLoadConfig;

/* The defaults of lastack-chat(1); host, port, clock and stop_fd are still to be set. */
LaChatLoadConfig la_chat_load_config_default(void);

typedef enum {
  LA_CHAT_LOAD_DONE,
  LA_CHAT_LOAD_STOPPED, /* connect.stop_fd became readable: the result is of the time until then */
} LaChatLoadEnding;

/* Runs to the end. LA_ERROR_USAGE for what cannot be meant, LA_ERROR_PERMISSION when not one connection could be made. */
bool la_chat_load_run(const LaChatLoadConfig *config, LaChatLoadResult *ret_result, LaChatLoadEnding *ret_ending,
                      GError **error);

#endif
