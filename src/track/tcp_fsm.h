/* The state machine of one endpoint: RFC 9293 figure 5 as one total table over what a capture can show. */
#ifndef LA_TRACK_TCP_FSM_H
#define LA_TRACK_TCP_FSM_H

#include "track/state.h"

/* What an endpoint did (its own segment) or is taken to have received (the other end's segment, seen on the way or
 * acknowledged). A segment gives several: RST, SYN, ACK, FIN in the order of RFC 9293 section 3.10.7. */
typedef enum {
  LA_EVENT_SND_SYN,
  LA_EVENT_SND_SYN_ACK,
  LA_EVENT_SND_DATA, /* anything that only a synchronized end sends: payload, or an acknowledgment of some */
  LA_EVENT_SND_FIN,
  LA_EVENT_SND_RST,
  LA_EVENT_RCV_SYN,
  LA_EVENT_RCV_SYN_ACK,
  LA_EVENT_RCV_ACK,     /* acknowledges its SYN */
  LA_EVENT_RCV_FIN,     /* in order and inside the window */
  LA_EVENT_RCV_FIN_ACK, /* acknowledges its FIN */
  LA_EVENT_RCV_RST,     /* one that counts */
  LA_EVENT_2MSL,        /* the TIME-WAIT timer ran out */
  LA_EVENT_N,
} LaTcpEvent;

typedef enum {
  LA_CELL_NEXT, /* go to the next state */
  LA_CELL_STAY, /* nothing changes: a repetition, or nothing to learn */
  LA_CELL_BAD,  /* no endpoint that keeps to the RFC shows this: nothing changes */
  LA_CELL_GAP,  /* a segment in front of it is missing from the capture: assume the next state */
  LA_CELL_NEW,  /* belongs to a new connection on the four-tuple */
} LaCellKind;

typedef struct {
  LaCellKind kind;
  LaTcpState next; /* with NEXT and GAP; the same state otherwise */
} LaCell;

/* The table's cell. Total: defined for every state and event below their _N. */
LaCell la_tcp_fsm(LaTcpState state, LaTcpEvent event);

#endif
