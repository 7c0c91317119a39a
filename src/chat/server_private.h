/* What the files of the server and the I/O models share. For the files of src/chat alone. */
#ifndef LA_CHAT_SERVER_PRIVATE_H
#define LA_CHAT_SERVER_PRIVATE_H

#include "chat/conn.h"
#include "chat/server.h"

/* So many clients at a time are told in good order that there is no room; more are only sent the message and closed. */
#define LA_CHAT_REFUSALS_MAX 32

/* A listening socket. */
typedef struct {
  LaChatSource source;
  LaChatServer *server;
  LaChatAddress address;
  bool attached;
  bool waiting; /* a connection waits, and a fault lets it wait until the source's deadline */
} LaChatListener;

struct LaChatServer {
  LaChatServerConfig config; /* `listen` and `faults` are not kept there */
  LaChatListener *listeners;
  size_t listener_count;
  LaChatFault *faults;
  LaChatPlan plan; /* the server's own faults */
  GRand *dice;
  LaChatHub *hub;
  void *io; /* the model's state, during a run */
  LaChatConnShared shared;
  GPtrArray *conns;   /* LaChatConn *, those held in this process, each at its index */
  GPtrArray *touched; /* LaChatConn *, to be looked after at the end of the turn */
  GPtrArray *looking; /* the same, while they are being looked after */
  LaChatSource stop;
  bool stop_attached;
  unsigned peers;    /* connections, wherever they are held */
  unsigned refusals; /* among them, those that are only told to go away */
  unsigned peak;
  uint64_t accepted, refused;
  LaTime began;
  LaTime next_deadline; /* of the connections, at the latest */
  LaTime next_status;
  LaTime accept_again; /* when accepting goes on after the system had no room; LA_TIME_MAX: it goes on */
  LaTime drain_until;  /* LA_TIME_MAX: nobody asked to stop */
  uint64_t cut;        /* connections that had to be cut off while draining */
  bool stop_now;
};

LaTime la_chat_server_now(const LaChatServer *server);

/* Says something through the log, printf-like. */
void la_chat_server_log(LaChatServer *server, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Tells the model when what a source wants has changed. */
void la_chat_server_arm(LaChatServer *server, LaChatSource *source);

/* Whether `fd` can be read or has a connection waiting at this moment. */
bool la_chat_server_is_readable(int fd);

/* server_accept.c */

/* Lets the model watch the listeners, unless a fault forbids it. */
bool la_chat_server_listen(LaChatServer *server, GError **error);

/* Closes the listeners; connections that wait in their queues are reset by the kernel. */
void la_chat_server_unlisten(LaChatServer *server);

/* Does what is due at the listeners; returns when to call again at the latest. */
LaTime la_chat_server_tick_listeners(LaChatServer *server, LaTime now);

/* The frame that tells a refused client why. (transfer full) */
GBytes *la_chat_server_refusal(void);

/* server_run.c: for the models */

/* Takes a connection into this process: makes it, opens its session or, when it is refused, tells it so. The model attaches
 * the source. */
LaChatConn *la_chat_server_adopt(LaChatServer *server, const LaChatArrival *arrival);

/* `admit` of the models that watch their connections in one thread: adopt and attach. */
bool la_chat_server_admit(LaChatServer *server, const LaChatArrival *arrival, GError **error);

/* Forgets a connection and frees it. The model has detached its source. */
void la_chat_server_drop(LaChatServer *server, LaChatConn *conn);

/* A connection's deadline may have changed: sees to it that a step follows. */
void la_chat_server_note_deadline(LaChatServer *server, const LaChatConn *conn);

/* Counts a connection in and out, wherever it is held. */
void la_chat_server_count_in(LaChatServer *server, LaChatAdmission admission);
void la_chat_server_count_out(LaChatServer *server, LaChatAdmission admission);

/* Opens the session of a peer with these faults. */
LaChatSession *la_chat_server_open_session(LaChatServer *server, const LaChatTransport *transport, void *peer,
                                           const LaChatPlan *plan);

#endif
