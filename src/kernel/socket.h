/* A TCP socket of this machine as the kernel reports it. */
#ifndef LA_KERNEL_SOCKET_H
#define LA_KERNEL_SOCKET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

/* The states of RFC 9293 section 3.3.2. */
typedef enum {
  LA_SOCKET_CLOSED,
  LA_SOCKET_LISTEN,
  LA_SOCKET_SYN_SENT,
  LA_SOCKET_SYN_RECEIVED,
  LA_SOCKET_ESTABLISHED,
  LA_SOCKET_FIN_WAIT_1,
  LA_SOCKET_FIN_WAIT_2,
  LA_SOCKET_CLOSE_WAIT,
  LA_SOCKET_CLOSING,
  LA_SOCKET_LAST_ACK,
  LA_SOCKET_TIME_WAIT,
  LA_SOCKET_STATE_N,
} LaSocketState;

/* What the kernel keeps of a connection. Only a full socket has queues, an owner and LaSocketInfo. */
typedef enum {
  LA_SOCKET_FULL,
  LA_SOCKET_REQUEST,  /* a handshake that is not finished; always SYN_RECEIVED */
  LA_SOCKET_TIMEWAIT, /* what is left after the application has closed; TIME_WAIT or FIN_WAIT_2 */
  LA_SOCKET_KIND_N,
} LaSocketKind;

/* What a socket's timer is running for. */
typedef enum {
  LA_SOCKET_TIMER_NONE,
  LA_SOCKET_TIMER_RETRANSMIT, /* also the loss probe and the SYN-ACK of a request */
  LA_SOCKET_TIMER_KEEPALIVE,  /* also the end of FIN_WAIT_2 */
  LA_SOCKET_TIMER_TIMEWAIT,
  LA_SOCKET_TIMER_PROBE, /* the peer's window is closed */
  LA_SOCKET_TIMER_N,
} LaSocketTimer;

/* From the kernel's tcp_info; times are spans up to the moment of the dump. */
typedef struct {
  LaTime rtt;                 /* smoothed; 0: not measured */
  LaTime since_data_sent;     /* since the last segment with data went out */
  LaTime since_data_received; /* since the last segment with data came in */
  LaTime since_ack_received;
  uint64_t bytes_acked;    /* of what was sent, since the connection began */
  uint64_t bytes_received; /* in order, since the connection began */
  uint32_t unacked;        /* segments on their way */
  uint32_t retransmits;    /* segments sent again, since the connection began */
} LaSocketInfo;

typedef struct {
  LaHostPort local;  /* a wildcard address is all zero bytes */
  LaHostPort remote; /* port 0 in LISTEN */
  uint8_t state;     /* LaSocketState */
  uint8_t kind;      /* LaSocketKind */
  uint8_t timer;     /* LaSocketTimer */
  uint8_t retries;   /* of that timer, in a row */
  bool has_info;     /* `info` holds something */
  bool has_cgroup;
  uint32_t uid;           /* who created it; 0 in requests and timewaits */
  uint32_t inode;         /* as in /proc/PID/fd; 0: no process holds it */
  uint32_t interface;     /* bound to; 0: any */
  uint32_t receive_queue; /* bytes unread; in LISTEN: connections that wait for accept() */
  uint32_t send_queue;    /* bytes not acknowledged; in LISTEN: the backlog, one more fits */
  LaTime timer_left;      /* until the timer fires; 0 when it has none */
  uint64_t cookie;        /* the kernel's number of this socket, never used again */
  uint64_t cgroup;        /* id of its cgroup (v2), when has_cgroup */
  LaSocketInfo info;
} LaSocket;

/* The public word, `TIME_WAIT`; a static string, never NULL for a value below LA_SOCKET_STATE_N. */
const char *la_socket_state_name(LaSocketState state);

/* The state behind the kernel's number (1 = ESTABLISHED ... 12 = NEW_SYN_RECV). False, and `ret_state` untouched, for others. */
bool la_socket_state_from_kernel(unsigned number, LaSocketState *ret_state);

/* Of `listeners`, a set of LaHostPort (la_host_port_hash, la_host_port_equal), the one behind which a socket at `local` may have been
 * accepted: on its own address, or on every address, IPv6 ones speaking IPv4 too. NULL: there is none. (borrowed from the set) */
const LaHostPort *la_socket_listener(GHashTable *listeners, const LaHostPort *local);

#endif
