/* The chat itself: who is there, which rooms there are, who gets which message. It knows no sockets and no clock; a transport
 * brings it frames and takes frames away. It is not thread-safe: callers see to it that one thread at a time is inside. */
#ifndef LA_CHAT_HUB_H
#define LA_CHAT_HUB_H

#include <glib.h>
#include <stdint.h>

#include "base/time.h"
#include "chat/clock.h"
#include "chat/protocol.h"

typedef struct LaChatHub LaChatHub;
typedef struct LaChatSession LaChatSession;

/* How the hub reaches a peer. Neither function may call back into the hub. */
typedef struct {
  void (*deliver)(void *peer, GBytes *frame); /* (borrowed) sends a frame */
  void (*close)(void *peer);                  /* ends the connection after what was delivered */
} LaChatTransport;

typedef enum {
  LA_CHAT_PINGS_ANSWERED,
  LA_CHAT_PINGS_IGNORED,
} LaChatPings;

typedef struct {
  LaTime idle_timeout; /* without a whole frame from the client; LA_TIME_MAX: never */
  LaTime grace;        /* told in `bye` */
  unsigned max_errors; /* so many errors that are not fatal end a connection */
} LaChatHubConfig;

typedef struct {
  uint64_t frames_in, frames_out; /* requests taken, frames delivered */
  uint64_t messages;              /* say and tell, as sent */
  uint64_t errors;                /* error answers */
  unsigned sessions, users, rooms;
} LaChatHubStats;

/* A hub without anybody. `clock` is borrowed for the hub's life. (transfer full) */
LaChatHub *la_chat_hub_new(const LaChatHubConfig *config, const LaChatClock *clock);
void la_chat_hub_free(LaChatHub *hub);

/* A peer came. The session lives until la_chat_hub_gone; `transport` is static, `peer` is what it is called with. */
LaChatSession *la_chat_hub_open(LaChatHub *hub, const LaChatTransport *transport, void *peer, LaChatPings pings);

/* A frame's body came from the peer. */
void la_chat_hub_frame(LaChatHub *hub, LaChatSession *session, const uint8_t *data, size_t len);

/* The peer's stream cannot be read any further. */
void la_chat_hub_broken(LaChatHub *hub, LaChatSession *session, LaChatErrorCode code);

/* The peer is gone, or sends no more: frees the session. */
void la_chat_hub_gone(LaChatHub *hub, LaChatSession *session);

/* Sends those away that were silent for too long. Returns when to call again at the latest (LA_TIME_MAX: no need). */
LaTime la_chat_hub_tick(LaChatHub *hub);

/* Tells everybody that the server stops, and closes every session. */
void la_chat_hub_shutdown(LaChatHub *hub);

LaChatHubStats la_chat_hub_stats(const LaChatHub *hub);

#endif
