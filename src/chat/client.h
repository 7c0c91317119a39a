/* The chat client: lines in (from a person or a script), lines out. */
#ifndef LA_CHAT_CLIENT_H
#define LA_CHAT_CLIENT_H

#include <glib.h>
#include <stdbool.h>

#include "chat/connect.h"

typedef enum {
  LA_CHAT_CLIENT_INTERACTIVE, /* commands are carried out as they come */
  LA_CHAT_CLIENT_SCRIPT,      /* each command waits for its answer; the first that fails ends the script */
} LaChatClientMode;

typedef enum {
  LA_CHAT_LOGIN,
  LA_CHAT_NO_LOGIN, /* only connect */
} LaChatLogin;

typedef enum {
  LA_CHAT_CLOSE_GRACEFUL, /* shut down, read to the end, close */
  LA_CHAT_CLOSE_ABORT,    /* SO_LINGER 0 */
} LaChatCloseHow;

typedef enum {
  LA_CHAT_INFO_OFF,
  LA_CHAT_INFO_ON, /* what the kernel says, after connecting and before closing */
} LaChatInfo;

typedef enum {
  LA_CHAT_LINES_TEXT,
  LA_CHAT_LINES_JSON, /* messages as they came, one a line */
} LaChatLines;

typedef enum {
  LA_CHAT_LINE_MESSAGE, /* something the server sent */
  LA_CHAT_LINE_NOTE,    /* something about the connection */
  LA_CHAT_LINE_ERROR,
} LaChatLineKind;

typedef struct {
  LaChatConnectOptions connect;
  const char *name;
  const char *const *rooms; /* joined after login; NULL-terminated, may be NULL */
  LaChatLogin login;
  LaChatClientMode mode;
  int input_fd;             /* lines are read from it; -1: none, the client only listens */
  LaTime heartbeat;         /* LA_TIME_MAX: none */
  LaTime heartbeat_timeout; /* without a pong for so long the connection counts as lost */
  LaTime reply_timeout;     /* how long a script waits for an answer */
  LaTime drain;             /* how long a graceful close waits for the server's FIN */
  unsigned reconnects;      /* how often a lost connection is made anew */
  LaChatCloseHow close_how;
  LaChatInfo info;
  LaChatLines lines;
  /* One line of output, valid UTF-8 without a newline, fit for a terminal unless lines are JSON. */
  void (*line)(void *ctx, LaChatLineKind kind, const char *text);
  void *ctx;
} LaChatClientConfig;

typedef enum {
  LA_CHAT_CLIENT_DONE,    /* closed as asked, or the server said good-bye */
  LA_CHAT_CLIENT_FAILED,  /* a command of the script failed, or the login was refused */
  LA_CHAT_CLIENT_LOST,    /* the connection was lost, and not made anew */
  LA_CHAT_CLIENT_STOPPED, /* connect.stop_fd became readable */
} LaChatClientEnding;

/* The defaults of lastack-chat(1); host, port, clock, name, input and output are still to be set. */
LaChatClientConfig la_chat_client_config_default(void);

/* Connects and runs to the end. False when the first connection could not be made; the error says why. */
bool la_chat_client_run(const LaChatClientConfig *config, LaChatClientEnding *ret_ending, GError **error);

#endif
