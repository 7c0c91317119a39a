/* One connection of the server: reads frames, sends frames, closes as it should or, on purpose, as it should not. It never
 * blocks and never waits; a model calls la_chat_conn_step when there is something to do. */
#ifndef LA_CHAT_CONN_H
#define LA_CHAT_CONN_H

#include <glib.h>
#include <stdbool.h>

#include "chat/clock.h"
#include "chat/fault.h"
#include "chat/io.h"
#include "chat/protocol.h"
#include "chat/stream.h"

typedef enum {
  LA_CHAT_CONN_OPEN,        /* frames come and go */
  LA_CHAT_CONN_FLUSHING,    /* closing: what waits is sent, what comes is thrown away */
  LA_CHAT_CONN_DRAINING,    /* our FIN is sent; waits for the peer's */
  LA_CHAT_CONN_PEER_CLOSED, /* the peer's FIN came first; what waits is sent */
  LA_CHAT_CONN_DONE,        /* to be freed by its holder */
} LaChatConnState;

/* Who gets what a connection brings. */
typedef struct {
  void (*frame)(LaChatConn *conn, const uint8_t *data, size_t len);
  void (*broken)(LaChatConn *conn, LaChatErrorCode code); /* the stream cannot be read any further */
  void (*gone)(LaChatConn *conn);                         /* no frame will come any more; told once */
  void (*touched)(LaChatConn *conn);                      /* there is something to do: a step is due */
} LaChatConnOwner;

/* What all connections of a server share. */
typedef struct {
  const LaChatConnOwner *owner;
  void *owner_data;
  const LaChatClock *clock;
  LaTime grace;       /* how long a closing connection may take */
  size_t send_queue;  /* a reader so far behind, in bytes, is cut off */
  bool answers_later; /* answers to the last frames may come after `gone`; la_chat_conn_answered tells their end */
  uint64_t bytes_in, bytes_out;
  uint64_t resets;       /* connections that the peer reset */
  uint64_t slow_readers; /* connections cut off because they did not read */
  uint64_t overdue;      /* connections cut off because their closing took longer than the grace time */
} LaChatConnShared;

struct LaChatConn {
  LaChatSource source; /* the descriptor, what is wanted, the deadline */
  LaChatStream stream;
  LaChatConnShared *shared;
  void *user; /* the owner's */
  LaChatConnState state;
  LaChatPlan plan;
  GQueue delayed; /* of late frames; see delay-replies */
  size_t delayed_bytes;
  LaTime close_at; /* when patience ends; LA_TIME_MAX: not set */
  LaTime act_at;   /* when a fault acts; LA_TIME_MAX: not set */
  uint64_t frames;
  bool more;         /* there was more to read than one step may */
  bool held;         /* frames wait in the stream because too many answers wait to be sent */
  bool peer_closed;  /* the peer's FIN was read */
  bool reset;        /* close with a RST */
  bool told_gone;    /* the owner knows that it is gone */
  bool answered;     /* no answer will come any more */
  bool released;     /* the owner closed it after the peer's FIN: no fault keeps it */
  bool unread_armed; /* unread data came; see unread-close */
  /* The holder's. */
  LaChatAdmission admission;
  unsigned index; /* its place among all connections of this process */
  bool listed;    /* stands in the list of connections to be looked after */
};

/* A connection on `fd` (non-blocking, taken over). `shared` is borrowed for its life. (transfer full) */
LaChatConn *la_chat_conn_new(int fd, const LaChatPlan *plan, LaChatConnShared *shared);

/* Closes the descriptor, tells the owner if it does not know, and frees. */
void la_chat_conn_free(LaChatConn *conn);

/* Goes on after `events` (LA_CHAT_READ ...; 0: only what is due). Sets what the source wants next; `more` means that another
 * step is due at once. When the state is DONE afterwards, the holder frees the connection. */
void la_chat_conn_step(LaChatConn *conn, unsigned events);

/* Queues a frame (borrowed). A reader too far behind is cut off. Calls `touched`. */
void la_chat_conn_deliver(LaChatConn *conn, GBytes *frame);

/* The last answer was delivered, after `gone`; only where answers come later. */
void la_chat_conn_answered(LaChatConn *conn);

/* Closes after what was delivered: sends it, sends the FIN, waits for the peer's, closes; for `grace` at the most. */
void la_chat_conn_close(LaChatConn *conn);

#endif
