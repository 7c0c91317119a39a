/* What the files of the client share. For the files of src/chat alone. */
#ifndef LA_CHAT_CLIENT_PRIVATE_H
#define LA_CHAT_CLIENT_PRIVATE_H

#include <json-glib/json-glib.h>

#include "chat/client.h"
#include "chat/client_command.h"
#include "chat/protocol.h"
#include "chat/stream.h"

/* What a script waits for before it goes on. */
typedef enum {
  LA_CHAT_AWAIT_NOTHING,
  LA_CHAT_AWAIT_ID,    /* an answer with this id */
  LA_CHAT_AWAIT_PONG,  /* a pong with this sequence number */
  LA_CHAT_AWAIT_TYPE,  /* a message of this type */
  LA_CHAT_AWAIT_EOF,   /* the server's FIN */
  LA_CHAT_AWAIT_RESET, /* the server's RST */
  LA_CHAT_AWAIT_TIME,  /* the deadline */
} LaChatAwaitKind;

typedef struct {
  LaChatAwaitKind kind;
  int64_t number; /* id or sequence number */
  char *type;     /* owned */
  LaTime deadline;
} LaChatAwait;

typedef enum {
  LA_CHAT_LINK_NONE,  /* no connection */
  LA_CHAT_LINK_LOGIN, /* the login is not answered yet */
  LA_CHAT_LINK_READY,
} LaChatLinkState;

typedef struct {
  const LaChatClientConfig *config;
  LaChatLinkState link;
  LaChatStream stream;
  bool peer_closed;  /* the server's FIN was read */
  bool said_bye;     /* the server said that it closes */
  bool stop_reading; /* as asked */
  bool sent_fin;     /* as asked */
  GString *input;    /* lines not yet carried out */
  bool input_ended;
  GPtrArray *rooms; /* char *, to be joined again after a reconnect */
  char *current_room;
  int64_t next_id, login_id;
  LaChatAwait await;
  int64_t ping_seq;                /* of the last ping */
  int64_t asked_seq;               /* of the last ping that was asked for, not the heartbeat's */
  LaTime next_ping, pong_deadline; /* LA_TIME_MAX: none */
  uint64_t sent, received, reconnects;
  bool over;
  LaChatClientEnding ending;
} LaChatClient;

/* client.c */

/* Prints a line, printf-like; what comes from outside must have been escaped. */
void la_chat_client_print(LaChatClient *client, LaChatLineKind kind, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Queues a frame (transfer full; NULL: it did not fit, which is told). */
bool la_chat_client_send(LaChatClient *client, GBytes *frame);

/* Sends a ping with the counters. */
void la_chat_client_ping(LaChatClient *client);

/* Connects anew, and logs in. */
bool la_chat_client_connect(LaChatClient *client, GError **error);

/* Ends the connection. */
void la_chat_client_close(LaChatClient *client, LaChatCloseHow how);

/* Ends the run. */
void la_chat_client_end(LaChatClient *client, LaChatClientEnding ending);

/* client_act.c */

/* Carries out one line. */
void la_chat_client_act(LaChatClient *client, const char *line);

/* Takes a message of the server: prints it, ends what waited for it. */
void la_chat_client_take(LaChatClient *client, JsonObject *object);

/* Something that may be waited for happened: an end of the connection, or the deadline. */
void la_chat_client_notice(LaChatClient *client, LaChatAwaitKind what);

/* client_render.c */

/* A message of the server as text for a terminal. (transfer full) */
char *la_chat_client_render(JsonObject *object, LaChatLines lines, int64_t now_us);

#endif
