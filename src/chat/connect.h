/* Reaching a server: resolving, connecting with a timeout, trying again. */
#ifndef LA_CHAT_CONNECT_H
#define LA_CHAT_CONNECT_H

#include <glib.h>
#include <stdbool.h>

#include "chat/address.h"
#include "chat/clock.h"
#include "chat/server.h"
#include "chat/tuning.h"

typedef struct {
  const char *host;
  uint16_t port;
  const LaChatAddress *bind; /* the own address and port; NULL: the kernel's choice */
  LaChatReach reach;
  LaTime timeout;    /* of one attempt at one address */
  unsigned attempts; /* at least 1 */
  LaTime backoff;    /* before the second attempt; doubled before each further one */
  LaChatTuning tuning;
  const LaChatClock *clock;
  int stop_fd;                              /* readable: give up; -1: none. It is not read from. */
  void (*log)(void *ctx, const char *text); /* each attempt that failed; may be NULL */
  void *log_ctx;
} LaChatConnectOptions;

typedef enum {
  LA_CHAT_CONNECTED,
  LA_CHAT_CONNECT_FAILED,  /* the error says why */
  LA_CHAT_CONNECT_STOPPED, /* stop_fd became readable */
} LaChatConnectResult;

/* Begins to connect: a non-blocking socket that becomes writable when it is decided, or -1 with errno. */
int la_chat_connect_start(const LaChatAddress *address, const LaChatAddress *bind, const LaChatTuning *tuning);

/* What became of it once it is writable: 0, or the errno. */
int la_chat_connect_outcome(int fd);

/* All addresses of the host, those that `reach` forbids taken out (transfer full). LA_ERROR_USAGE when the name does not
 * resolve or nothing is left. */
GArray *la_chat_connect_resolve(const LaChatConnectOptions *options, GError **error);

/* Connects, trying all addresses of the host in order, then again after a pause. A name that does not resolve is not tried
 * again. CONNECTED: `ret_fd` is a non-blocking socket (transfer full). FAILED: LA_ERROR_USAGE (name, reach) or
 * LA_ERROR_PERMISSION (nobody answered). */
LaChatConnectResult la_chat_connect(const LaChatConnectOptions *options, int *ret_fd, GError **error);

/* Closes at once with a RST (SO_LINGER 0). */
void la_chat_abort(int fd);

#endif
