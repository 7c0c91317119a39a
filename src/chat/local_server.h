/* A server in a process of its own, on this machine, for as long as it is needed: what the load generator compares. */
#ifndef LA_CHAT_LOCAL_SERVER_H
#define LA_CHAT_LOCAL_SERVER_H

#include <glib.h>

#include "chat/server.h"

typedef struct LaChatLocalServer LaChatLocalServer;

/* Starts a server as configured, without its events and its stop_fd. It ends with this process at the latest.
 * (transfer full) */
LaChatLocalServer *la_chat_local_server_start(const LaChatServerConfig *config, GError **error);

/* The address of its first listener. */
LaChatAddress la_chat_local_server_address(const LaChatLocalServer *server);

/* Asks it to stop, waits until it has drained, and frees. A server that does not end is killed. */
void la_chat_local_server_stop(LaChatLocalServer *server);

#endif
