/* The bare ACK between the SYNs settles it. Where it is not in the capture the end of the story does: after crossing SYNs each
 * end sends a SYN-ACK (RFC 9293 section 3.5, figure 8); a server that splits its answer never sends one, and acknowledges the
 * client's. */
#include "diagnose/two_syns.h"

#include "diagnose/evidence.h"

LaTwoSyns la_two_syns(const LaConnection *conn)
{
  LaTwoSyns two = {.kind = LA_TWO_SYNS_NONE, .first = NULL, .second = NULL, .ack = NULL};
  if ((conn->flags & LA_CONN_SIMULTANEOUS) == 0)
    return two;
  bool acceptor_syn_ack = false;
  bool opener_syn_ack = false;
  bool acknowledged = false;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_STALE_SYN | LA_MARK_ICMP | LA_MARK_INVALID_FLAGS)) != 0)
      continue;
    bool own_syn = (m->marks & LA_MARK_SYN) != 0;
    if (m->side == LA_OPENER) {
      if (own_syn && two.first == NULL)
        two.first = m;
      opener_syn_ack |= (m->marks & LA_MARK_SYN_ACK) != 0;
    } else if (own_syn) {
      if (two.second == NULL)
        two.second = m;
    } else if ((m->marks & LA_MARK_SYN_ACK) != 0) {
      acceptor_syn_ack = true;
    } else if ((m->flags & (LA_TCP_ACK | LA_TCP_RST)) == LA_TCP_ACK) {
      if (two.second == NULL && two.first != NULL && m->ack == two.first->seq + 1)
        two.ack = m;
      acknowledged |= two.second != NULL;
    }
  }
  if (two.first == NULL || two.second == NULL)
    return two;
  bool answered = opener_syn_ack && acknowledged && !acceptor_syn_ack && !la_missed(conn, LA_ACCEPTOR);
  two.kind = two.ack != NULL || answered ? LA_TWO_SYNS_SPLIT : LA_TWO_SYNS_CROSSED;
  return two;
}
