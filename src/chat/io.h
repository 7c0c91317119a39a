/* I/O models: eight ways to wait for many descriptors, behind one small interface. The server's logic is the same over all
 * of them; a model decides who waits, where, and who then lets a connection take its next step. */
#ifndef LA_CHAT_IO_H
#define LA_CHAT_IO_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"
#include "chat/fault.h"

typedef struct LaChatServer LaChatServer;
typedef struct LaChatConn LaChatConn;

/* What a source waits for, and what it is told. BROKEN is only told: the connection was reset, or is closed on both sides. */
enum {
  LA_CHAT_READ = 1,
  LA_CHAT_WRITE = 2,
  LA_CHAT_BROKEN = 4,
};

/* A descriptor that a model watches: a listener, the request to stop, a connection, a channel to a process. */
typedef struct LaChatSource LaChatSource;
struct LaChatSource {
  int fd;
  unsigned want;   /* what it waits for now */
  unsigned armed;  /* what the model was told last */
  LaTime deadline; /* when it wants a step without any event; LA_TIME_MAX: never */
  void (*ready)(LaChatSource *source, unsigned events);
  LaChatConn *conn; /* NULL for other sources */
  void *owner;      /* of other sources: for `ready` */
  void *io_data;    /* the model's own */
  size_t slot;      /* the model's own */
};

typedef enum {
  LA_CHAT_ADMITTED,
  LA_CHAT_REFUSED, /* one too many: it is told so and sent away */
} LaChatAdmission;

/* What a model needs to know of a connection that was accepted. */
typedef struct {
  int fd; /* taken over, also when admit fails */
  LaChatPlan plan;
  LaChatAdmission admission;
} LaChatArrival;

typedef struct {
  const char *name;
  const char *summary;
  /* Descriptors of the server's process that each connection takes. */
  unsigned descriptors_each;
  /* The first descriptor that the model cannot watch; 0 when there is no limit but the process's. */
  unsigned descriptor_limit;
  /* The model's state for `server` (borrowed); NULL with an error. */
  void *(*open)(LaChatServer *server, GError **error);
  /* Lets go of everything: threads and processes end, sources are forgotten. */
  void (*free)(void *io);
  /* Watches `source` (borrowed until detach). False with an error when the model cannot. */
  bool (*attach)(void *io, LaChatSource *source, GError **error);
  /* `source` wants something else now. NULL: the model looks by itself. */
  void (*update)(void *io, LaChatSource *source);
  void (*detach)(void *io, LaChatSource *source);
  /* Takes over a connection. */
  bool (*admit)(LaChatServer *server, const LaChatArrival *arrival, GError **error);
  /* A connection has something to do that no event will tell. NULL: the server lets it take a step after this turn. */
  void (*touch)(void *io, LaChatSource *source);
  /* Tells connections that the server does not hold itself to drain; NULL where the server holds them all. */
  void (*drain)(void *io);
  /* Waits once, `timeout` at the most, and lets what is ready take a step. */
  bool (*turn)(void *io, LaTime timeout, GError **error);
} LaChatIo;

extern const LaChatIo la_chat_io_epoll;
extern const LaChatIo la_chat_io_epoll_et;
extern const LaChatIo la_chat_io_poll;
extern const LaChatIo la_chat_io_select;
extern const LaChatIo la_chat_io_nonblock;
extern const LaChatIo la_chat_io_threads;
extern const LaChatIo la_chat_io_fork;
extern const LaChatIo la_chat_io_coroutine;

/* All models, epoll first; ends with NULL. */
extern const LaChatIo *const la_chat_io_all[];

/* The model of that name, or NULL. */
const LaChatIo *la_chat_io_find(const char *name);

/* A span as milliseconds for poll and epoll_wait: rounded up, at most a minute, never negative. */
int la_chat_io_timeout_ms(LaTime timeout);

#endif
