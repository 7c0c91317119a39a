/* What the ladder's own files share, and the HTML page's ladders with them. */
#ifndef LA_REPORT_LADDER_PRIVATE_H
#define LA_REPORT_LADDER_PRIVATE_H

#include "report/ladder.h"

#define LA_LADDER_RECALL 1024    /* data segments a side that a retransmission is looked for among */
#define LA_LADDER_RECALL_ACKS 32 /* other segments a side that a copy is looked for among */

typedef struct {
  uint32_t start, end; /* sequence numbers */
  uint64_t frame;
} LaSent;

/* What the ladder remembers of the packets it was shown, to name them in later lines. */
typedef struct {
  LaSent sent[LA_LADDER_RECALL];      /* a ring of new data */
  unsigned sent_count;                /* ever */
  LaSent acks[LA_LADDER_RECALL_ACKS]; /* a ring of segments without data: seq, ack */
  unsigned ack_count;
  uint64_t syn_frame, fin_frame, keepalive_frame, rst_frame;
  uint32_t base; /* the number that is shown as 0 */
  uint8_t has_base;
} LaLadderSide;

/* Appends what the segment was, in words ("retransmission of 5, acknowledges the FIN of 6"); nothing for ordinary ones. `side`
 * is its sender, `memory` both sides as of before it. */
void la_ladder_words(GString *out, const LaSegment *segment, const LaSegmentNote *note, LaSide side,
                     const LaLadderSide *memory);

/* Appends the names of TCP flags: "SYN,ACK"; "none". */
void la_ladder_flags(GString *out, unsigned flags);

/* Books the segment for later words. */
void la_ladder_remember(LaLadderSide *memory, const LaSegment *segment, const LaSegmentNote *note, LaSide side);

#define LA_LADDER_ARROW_LABEL 13 /* columns of flags on an arrow */

/* Appends every header field and option (--verbose), as lines of a label, a tab and the rest, the last without a newline. `peer` is
 * the receiver, `wscale` the sender's effective shift. */
void la_ladder_fields(GString *out, const LaSegment *segment, const LaHeaderFields *fields, const LaLadderSide *peer,
                      unsigned wscale);

/* The same for an ICMP error that quotes a segment of `quoted`. */
void la_ladder_icmp_fields(GString *out, const LaIcmpError *icmp, const LaLadderSide *quoted);

#endif
