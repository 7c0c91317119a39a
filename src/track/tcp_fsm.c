/* RFC 9293 figure 5, redrawn with what is seen on the wire. `<` is received, `>` is sent; CLOSE has no packet of its own but
 * the FIN that follows it, OPEN none but the SYN.
 *
 *                             +--------+   > SYN
 *              ,------------- | CLOSED | ----------------.
 *      (LISTEN)               +--------+                 v
 *      < SYN > SYN,ACK                              +----------+
 *              v        < SYN  > SYN,ACK            | SYN_SENT |
 *      +--------------+ <-------------------------- +----------+
 *      | SYN_RECEIVED |                                  |
 *      +--------------+ -----.   < ACK of SYN            | < SYN,ACK  > ACK
 *          | > FIN           v                           v
 *          |              +-------------+ <--------------'
 *          |              | ESTABLISHED | -----------------.  < FIN  > ACK
 *          v      > FIN   +-------------+                  v
 *     +------------+ <-------'                       +------------+
 *     | FIN_WAIT_1 | --------------.  < FIN  > ACK   | CLOSE_WAIT |
 *     +------------+               v                 +------------+
 *          | < ACK of FIN     +---------+                  | > FIN
 *          v                  | CLOSING |                  v
 *     +------------+          +---------+            +----------+
 *     | FIN_WAIT_2 |               | < ACK of FIN    | LAST_ACK |
 *     +------------+               v                 +----------+
 *          |  < FIN  > ACK    +-----------+                | < ACK of FIN
 *          `----------------> | TIME_WAIT | --2 MSL--.     v
 *                             +-----------+          `-> CLOSED
 *
 * A RST that counts leads from everywhere to CLOSED. An end begins in CLOSED here also when it listens: a capture does not
 * show listening, so CLOSED means "nothing known yet" until its first own segment.
 *
 * The unusual cells:
 *   CLOSED, > data      the capture began in the middle: ESTABLISHED is assumed (it may be CLOSE_WAIT)            gap
 *   CLOSED, > FIN       the same: FIN_WAIT_1 is assumed (it may be LAST_ACK)                                      gap
 *   SYN_SENT, > data    the SYN,ACK is missing from the capture                                                   gap
 *   SYN_SENT, > FIN     the same                                                                                  gap
 *   SYN_RECEIVED, > data  the ACK of its SYN is missing, or fast open (RFC 7413 sends data before it)             gap
 *   SYN_RECEIVED, < FIN   a FIN whose ACK was not taken for an acknowledgment of the SYN: its ACK is missing      gap
 *   SYN_SENT, < ACK     a bare ACK of the SYN: first half of a split handshake, or unacceptable; no change        stay
 *   SYN_RECEIVED, < SYN,ACK  both opened at once (section 3.5, figure 7): the SYN,ACK is the ACK of its SYN       next
 *   SYN_RECEIVED, < RST the RFC returns a passive opener to LISTEN; this connection is over either way            next
 *   ESTABLISHED and later, > SYN or > SYN,ACK   nobody does that on a living connection                           new
 *   ESTABLISHED and later, < SYN   a challenge ACK answers it (RFC 5961 section 4), nothing changes               stay
 *   TIME_WAIT, < RST    RFC 1337's assassination, which most kernels allow                                        next
 *   CLOSED, < anything  an end that never spoke is not known                                                      stay */
#include "track/tcp_fsm.h"

/* clang-format off */
#define NEXT(state) {LA_CELL_NEXT, LA_TCP_##state}
#define GAP(state) {LA_CELL_GAP, LA_TCP_##state}
#define STAY {LA_CELL_STAY, 0}
#define BAD {LA_CELL_BAD, 0}
#define NEW {LA_CELL_NEW, 0}

static const LaCell table[LA_TCP_STATE_N][LA_EVENT_N] = {
  /*                  >SYN            >SYN,ACK            >data             >FIN              >RST          <SYN                <SYN,ACK           <ACK of SYN        <FIN             <ACK of FIN       <RST          2MSL */
  [LA_TCP_CLOSED] =       {NEXT(SYN_SENT), NEXT(SYN_RECEIVED), GAP(ESTABLISHED), GAP(FIN_WAIT_1),  STAY,         STAY,               STAY,              STAY,              STAY,            STAY,             STAY,         STAY},
  [LA_TCP_LISTEN] =       {NEXT(SYN_SENT), NEXT(SYN_RECEIVED), GAP(ESTABLISHED), GAP(FIN_WAIT_1),  STAY,         NEXT(SYN_RECEIVED), BAD,               BAD,               BAD,             BAD,              STAY,         STAY},
  [LA_TCP_SYN_SENT] =     {STAY,           NEXT(SYN_RECEIVED), GAP(ESTABLISHED), GAP(FIN_WAIT_1),  NEXT(CLOSED), NEXT(SYN_RECEIVED), NEXT(ESTABLISHED), STAY,              BAD,             BAD,              NEXT(CLOSED), STAY},
  [LA_TCP_SYN_RECEIVED] = {STAY,           STAY,               GAP(ESTABLISHED), NEXT(FIN_WAIT_1), NEXT(CLOSED), STAY,               NEXT(ESTABLISHED), NEXT(ESTABLISHED), GAP(CLOSE_WAIT), BAD,              NEXT(CLOSED), STAY},
  [LA_TCP_ESTABLISHED] =  {NEW,            NEW,                STAY,             NEXT(FIN_WAIT_1), NEXT(CLOSED), STAY,               STAY,              STAY,              NEXT(CLOSE_WAIT), BAD,             NEXT(CLOSED), STAY},
  [LA_TCP_FIN_WAIT_1] =   {NEW,            NEW,                STAY,             STAY,             NEXT(CLOSED), STAY,               STAY,              STAY,              NEXT(CLOSING),   NEXT(FIN_WAIT_2), NEXT(CLOSED), STAY},
  [LA_TCP_FIN_WAIT_2] =   {NEW,            NEW,                STAY,             STAY,             NEXT(CLOSED), STAY,               STAY,              STAY,              NEXT(TIME_WAIT), STAY,             NEXT(CLOSED), STAY},
  [LA_TCP_CLOSE_WAIT] =   {NEW,            NEW,                STAY,             NEXT(LAST_ACK),   NEXT(CLOSED), STAY,               STAY,              STAY,              STAY,            BAD,              NEXT(CLOSED), STAY},
  [LA_TCP_CLOSING] =      {NEW,            NEW,                STAY,             STAY,             NEXT(CLOSED), STAY,               STAY,              STAY,              STAY,            NEXT(TIME_WAIT),  NEXT(CLOSED), STAY},
  [LA_TCP_LAST_ACK] =     {NEW,            NEW,                STAY,             STAY,             NEXT(CLOSED), STAY,               STAY,              STAY,              STAY,            NEXT(CLOSED),     NEXT(CLOSED), STAY},
  [LA_TCP_TIME_WAIT] =    {NEW,            NEW,                STAY,             STAY,             NEXT(CLOSED), STAY,               STAY,              STAY,              STAY,            STAY,             NEXT(CLOSED), NEXT(CLOSED)},
};

/* clang-format on */

LaCell la_tcp_fsm(LaTcpState state, LaTcpEvent event)
{
  LaCell cell = table[state][event];
  if (cell.kind != LA_CELL_NEXT && cell.kind != LA_CELL_GAP)
    cell.next = state;
  return cell;
}
