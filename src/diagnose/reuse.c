/* The tracker gives the old connection's answers to a new SYN (a bare ACK with the old numbers, and the RST this draws) to the
 * old connection and counts them in `earlier`. Whether the old one was closed decides the name: reuse of a port, or a SYN into
 * a connection that its peer still holds. */
#include "diagnose/reuse.h"

#include "diagnose/evidence.h"

/* A client in SYN_SENT answers the old ACK with RST and at once a new SYN; a retry by timer comes after a second. */
#define AT_ONCE LA_SEC

LaReuse la_reuse(const LaConnection *conn, const LaContext *context)
{
  const LaEarlier *e = &conn->earlier;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if ((conn->flags & LA_CONN_REUSED) == 0 || (opener->flags & LA_END_SYN) == 0)
    return LA_REUSE_NONE;
  bool taken = (acceptor->flags & LA_END_SYN_ACK) != 0;
  if (e->closed_time == LA_TIME_NONE) {
    if (e->challenges == 0)
      return LA_REUSE_NONE;
    if (taken)
      return LA_REUSE_LIVE_CURED;
    return e->challenges > 1 ? LA_REUSE_LIVE_REPEATED : LA_REUSE_LIVE_UNKNOWN;
  }
  if (e->teardown != LA_TEARDOWN_FIN)
    return LA_REUSE_NONE;
  if (e->challenges != 0) {
    if (taken && acceptor->syn_time - opener->syn_time < AT_ONCE)
      return LA_REUSE_RECOVERED;
    return LA_REUSE_REJECTED;
  }
  if (taken)
    return la_was_established(conn, LA_ACCEPTOR) ? LA_REUSE_ACCEPTED : LA_REUSE_NONE;
  return context->opening.kind == LA_OPENING_SYN_UNANSWERED ? LA_REUSE_SILENCE : LA_REUSE_NONE;
}
