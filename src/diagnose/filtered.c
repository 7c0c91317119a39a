/* Loss has no pattern, so one hole is none. SYN, FIN and RST alone: both ends opened and closed, a FIN's number lies behind
 * data, and not one other segment is there. No payload: both the numbers and the acknowledgments advance, and no connection of
 * that host showed any. Payload alone: so many segments in a row that an acknowledgment was due long before (RFC 9293 section
 * 3.8.6.3: every second full segment).
 *
 * SYNs alone, or SYNs and SYN-ACKs: the whole capture has shown nothing else so far, and none of this connection's came again. A kernel
 * that had no answer would have sent it again after a second (RFC 6298 section 2), so there was one. Scanners and SYN cookies repeat
 * nothing either, and then the capture is whole. */
#include "diagnose/filtered.h"

#include "base/seq.h"
#include "diagnose/evidence.h"

#define PAYLOAD_ONLY_MIN 20
#define NO_PAYLOAD_MIN 3

/* By then a kernel has sent its SYN or SYN-ACK again, on slow stacks. */
#define REPEATED_BY (3 * LA_SEC)

/* Nothing but an opening, which nobody repeated, in a capture of nothing else. */
static bool is_opening_alone(const LaConnection *conn, const LaContext *context)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if (context->services == NULL || (conn->flags & (LA_CONN_RST | LA_CONN_ICMP)) != 0 || opener->syn_sent != 1 ||
      acceptor->syn_ack_sent > 1)
    return false;
  if (opener->packets + acceptor->packets != (uint64_t)opener->syn + acceptor->syn || la_silence(conn) < REPEATED_BY)
    return false;
  LaKinds seen = la_services_kinds(context->services);
  if ((seen & LA_KIND_OTHER) != 0)
    return false;
  /* A single SYN that nobody answered is no pattern. */
  return acceptor->syn_ack_sent != 0 || seen == (LA_KIND_SYN | LA_KIND_SYNS);
}

static bool advanced(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  return (end->flags & LA_END_ISN) != 0 && la_seq_gt(end->snd_nxt, end->isn + 1 + ((end->flags & LA_END_FIN) != 0));
}

LaFiltered la_filtered(const LaConnection *conn, const LaContext *context)
{
  const LaEndpoint *a = &conn->end[LA_OPENER];
  const LaEndpoint *b = &conn->end[LA_ACCEPTOR];
  uint64_t packets = a->packets + b->packets;
  uint64_t payload = (uint64_t)a->payload_segments + b->payload_segments;
  uint64_t control = (uint64_t)a->syn + a->fin + a->rst + b->syn + b->fin + b->rst;
  if ((conn->flags & LA_CONN_STRAY) != 0)
    return LA_FILTERED_NOT;
  if (is_opening_alone(conn, context))
    return LA_FILTERED_OPENING;
  bool opened = (a->flags & LA_END_SYN) != 0 && (b->flags & LA_END_SYN_ACK) != 0;
  bool data_passed = advanced(conn, LA_OPENER) || advanced(conn, LA_ACCEPTOR);
  if (opened && data_passed && payload == 0) {
    bool closed = ((a->flags | b->flags) & LA_END_FIN) != 0 || (conn->flags & LA_CONN_RST) != 0;
    if (control == packets)
      return closed ? LA_FILTERED_CONTROL : LA_FILTERED_NOT;
    bool others = context->host != NULL && context->host->with_payload != 0;
    return !others && packets - control >= NO_PAYLOAD_MIN ? LA_FILTERED_NO_PAYLOAD : LA_FILTERED_NOT;
  }
  if ((conn->flags & LA_CONN_MIDSTREAM) != 0 && control == 0 && payload == packets && payload >= PAYLOAD_ONLY_MIN)
    return LA_FILTERED_PAYLOAD_ONLY;
  return LA_FILTERED_NOT;
}
