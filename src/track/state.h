/* The states of RFC 9293 section 3.3.2 and the other small vocabularies of a connection, each with its names. */
#ifndef LA_TRACK_STATE_H
#define LA_TRACK_STATE_H

typedef enum {
  LA_TCP_CLOSED,
  LA_TCP_LISTEN,
  LA_TCP_SYN_SENT,
  LA_TCP_SYN_RECEIVED,
  LA_TCP_ESTABLISHED,
  LA_TCP_FIN_WAIT_1,
  LA_TCP_FIN_WAIT_2,
  LA_TCP_CLOSE_WAIT,
  LA_TCP_CLOSING,
  LA_TCP_LAST_ACK,
  LA_TCP_TIME_WAIT,
  LA_TCP_STATE_N,
} LaTcpState;

/* The two ends: the opener sent (or would have sent) the SYN and is called client in reports, the acceptor is the server. */
typedef enum {
  LA_OPENER,
  LA_ACCEPTOR,
  LA_SIDE_N,
} LaSide;

#define LA_OTHER(side) ((LaSide)((side) ^ 1))

/* What told the roles. */
typedef enum {
  LA_ROLES_SYN,
  LA_ROLES_SYN_ACK,
  LA_ROLES_PORT,
  LA_ROLES_FIRST_PACKET,
  LA_ROLES_KERNEL, /* the socket was there before the capture: see adopt.h */
  LA_ROLES_N,
} LaRolesFrom;

typedef enum {
  LA_HANDSHAKE_COMPLETE,
  LA_HANDSHAKE_UNANSWERED,
  LA_HANDSHAKE_REFUSED,
  LA_HANDSHAKE_UNREACHABLE,
  LA_HANDSHAKE_SYN_RECEIVED,
  LA_HANDSHAKE_ABANDONED,
  LA_HANDSHAKE_FINAL_ACK_DROPPED,
  LA_HANDSHAKE_SIMULTANEOUS,
  LA_HANDSHAKE_UNSEEN,
  LA_HANDSHAKE_UNDETERMINED,
  LA_HANDSHAKE_N,
} LaHandshakeResult;

typedef enum {
  LA_TEARDOWN_FIN,
  LA_TEARDOWN_FIN_UNCONFIRMED,
  LA_TEARDOWN_HALF_CLOSED,
  LA_TEARDOWN_FIN_RST,
  LA_TEARDOWN_RST,
  LA_TEARDOWN_VANISHED,
  LA_TEARDOWN_OPEN,
  LA_TEARDOWN_NONE,
  LA_TEARDOWN_N,
} LaTeardownResult;

/* Why a connection's record was closed. */
typedef enum {
  LA_ENDED_CLOSED,
  LA_ENDED_RESET,
  LA_ENDED_FAILED,
  LA_ENDED_IDLE,
  LA_ENDED_CAPTURE_END,
  LA_ENDED_EVICTED,
  LA_ENDED_GONE, /* the kernel holds its socket no more, and no packet told why */
  LA_ENDED_N,
} LaEndedBy;

/* What an application saw as errno. */
typedef enum {
  LA_APP_NONE,
  LA_APP_ECONNRESET,
  LA_APP_ECONNREFUSED,
  LA_APP_EPIPE,
  LA_APP_ETIMEDOUT,
  LA_APP_EHOSTUNREACH,
  LA_APP_N,
} LaAppError;

/* The public words of CONTRACT, static strings; never NULL for a value below its _N. */
const char *la_tcp_state_name(LaTcpState state);               /* "TIME_WAIT" */
const char *la_roles_from_name(LaRolesFrom roles);             /* "syn-ack" */
const char *la_handshake_result_name(LaHandshakeResult value); /* "final-ack-dropped" */
const char *la_teardown_result_name(LaTeardownResult value);   /* "fin-rst" */
const char *la_ended_by_name(LaEndedBy value);                 /* "capture-end" */
const char *la_app_error_name(LaAppError value);               /* "ECONNRESET"; NULL for LA_APP_NONE */
const char *la_side_name(LaSide side);                         /* "client", "server" */

#endif
