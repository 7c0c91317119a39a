/* What went wrong while a connection opened: one verdict, since the codes about lost and repeated handshake segments exclude
 * one another. Each rule file maps one value. That the SYN had to be sent again before anything came back is kept beside it:
 * it may go with any end of the story. */
#ifndef LA_DIAGNOSE_VERDICT_HANDSHAKE_H
#define LA_DIAGNOSE_VERDICT_HANDSHAKE_H

#include "track/connection.h"
#include "track/round_trip.h"

typedef enum {
  LA_OPENING_FINE,                 /* nothing to say, or no verdict is possible */
  LA_OPENING_SYN_UNANSWERED,       /* nothing came back */
  LA_OPENING_SYN_ACK_UNANSWERED,   /* the opener said nothing more after a SYN-ACK */
  LA_OPENING_SYN_ACK_NOT_RECEIVED, /* the opener went on asking after a SYN-ACK */
  LA_OPENING_SYN_ACK_REPEATED,     /* sent again before the opener's ACK, then established */
  LA_OPENING_ACK_LOST,             /* SYN-ACK again after the opener's ACK, and its next segment settled it */
  LA_OPENING_DEFERRED,             /* one late SYN-ACK by intention */
  LA_OPENING_QUEUE_FULL,           /* the accept queue: see stage */
} LaOpeningKind;

typedef enum {
  LA_QUEUE_SYN_DROPPED, /* SYNs vanish while the service's other connections live */
  LA_QUEUE_ACK_DROPPED, /* SYN-ACK again and again after valid ACKs */
  LA_QUEUE_ABORTED,     /* a bare RST right after the ACK */
  LA_QUEUE_COOKIE,      /* behind a SYN cookie: data meets silence or a bare RST */
} LaQueueStage;

typedef struct {
  LaOpeningKind kind;
  LaQueueStage stage;                     /* with QUEUE_FULL */
  bool taken;                             /* with late SYN-ACKs: in the end the server took the connection */
  bool queue_fits;                        /* with ACK_LOST: a queue that was full for a moment explains it as well */
  bool others_heard;                      /* with QUEUE_FULL: the service's other connections were heard meanwhile */
  LaRoundTrip syn, syn_ack;               /* of each half, where it was sent again: whether that was needed */
  unsigned syns_before;                   /* sendings of the SYN before the first SYN-ACK */
  LaTime syn_last_before;                 /* the last of them */
  unsigned syns_after;                    /* sendings of the SYN that a SYN-ACK had had the time to reach */
  LaTime syn_last;                        /* the last sending of the SYN */
  unsigned syn_acks;                      /* sendings of the SYN-ACK before the opener's ACK */
  LaTime syn_ack_first, syn_ack_answered; /* the first, and the last before the ACK */
  unsigned syn_acks_crossing;             /* sendings after the opener's ACK that cross it */
  unsigned syn_acks_late;                 /* sendings after the opener's ACK that do not cross it */
  LaTime late_first, late_last;
  uint64_t cured_frame; /* the opener's segment after the last of these; 0: none */
  LaTime cured_time;
  unsigned data_in_vain;  /* the opener's sendings of payload before the first or between the late SYN-ACKs */
  LaTime data_first_time; /* LA_TIME_NONE: it sent none */
} LaOpening;

struct LaContext;

LaOpening la_verdict_handshake(const LaConnection *conn, const struct LaContext *context);

/* "syn-dropped", "ack-dropped", "aborted", "cookie". */
const char *la_queue_stage_name(LaQueueStage stage);

#endif
