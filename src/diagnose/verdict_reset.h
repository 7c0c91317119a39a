/* Who reset a connection, and why: one verdict for the RST that ended it. The codes of RSTs exclude one another, so each rule
 * file only maps one value. */
#ifndef LA_DIAGNOSE_VERDICT_RESET_H
#define LA_DIAGNOSE_VERDICT_RESET_H

#include "track/connection.h"

typedef enum {
  LA_RESET_NONE,             /* no RST that counted */
  LA_RESET_REFUSED,          /* answers a SYN */
  LA_RESET_ABANDONED,        /* the opener's answer to a SYN-ACK */
  LA_RESET_QUEUE_ABORT,      /* a full accept queue with tcp_abort_on_overflow, or behind a SYN cookie */
  LA_RESET_LISTENER_CLOSED,  /* the listener went away before it accepted */
  LA_RESET_INJECTED,         /* not sent by the end it names */
  LA_RESET_STATE_LOST,       /* a middlebox that forgot the connection */
  LA_RESET_NO_CONNECTION,    /* a host that forgot the connection */
  LA_RESET_KEEPALIVE,        /* a keep-alive gave up */
  LA_RESET_GAVE_UP,          /* retransmissions that nobody answered, and then this: the silence is the finding (vanished.h) */
  LA_RESET_KEEPALIVE_RACE,   /* closed for idleness while a request was under way */
  LA_RESET_DATA_AFTER_CLOSE, /* data met an end that had closed completely */
  LA_RESET_LATE_FIN,         /* a FIN met an end whose FIN_WAIT_2 was over */
  LA_RESET_UNREAD_DATA,      /* a socket closed with unread data */
  LA_RESET_ABORT,            /* SO_LINGER 0, kill, and whatever sends RST in place of FIN */
} LaResetKind;

typedef struct {
  LaResetKind kind;
  LaSide sender;           /* the end whose address it carries */
  const LaMoment *moment;  /* the RST (borrowed with the connection); NULL: not in the timeline */
  const LaMoment *trigger; /* the packet it answers, when it answers one and that is in the timeline */
  uint64_t trigger_frame;  /* its frame, also when it is not; 0: none */
  unsigned signs;          /* of injection */
  LaTime idle;             /* how long nothing had passed before what led to it */
  LaTime crossing;         /* with KEEPALIVE_RACE: between the closing segment and the request */
} LaResetVerdict;

struct LaContext;

/* The verdict on `conn`'s first RST that counted. */
LaResetVerdict la_verdict_reset(const LaConnection *conn, const struct LaContext *context);

/* How a RST looks (RFC 9293 section 3.10.7.1, and what kernels do). */
static inline bool la_rst_is_bare(const LaMoment *rst)
{
  return (rst->flags & LA_TCP_ACK) == 0;
}

#endif
