#include "diagnose/syn_data.h"

#include "diagnose/evidence.h"

LaSynData la_syn_data(const LaConnection *conn)
{
  LaSynData data = {.syn = NULL, .answer = NULL, .again = NULL, .taken = false};
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_DUPLICATE | LA_MARK_STALE_SYN | LA_MARK_ICMP | LA_MARK_INVALID_FLAGS)) != 0)
      continue;
    if (m->side == LA_OPENER) {
      if ((m->marks & LA_MARK_FAST_OPEN) != 0 && data.syn == NULL)
        data.syn = m;
      else if (data.syn != NULL && data.again == NULL && (m->marks & LA_MARK_SYN) == 0 && m->payload_len != 0 &&
               m->seq == data.syn->seq + 1)
        data.again = m;
      continue;
    }
    if (data.syn == NULL || data.answer != NULL || (m->marks & LA_MARK_SYN_ACK) == 0)
      continue;
    uint32_t beyond = m->ack - (data.syn->seq + 1);
    if (beyond > data.syn->payload_len)
      continue; /* bad-syn-ack */
    data.answer = m;
    data.taken = beyond != 0;
  }
  return data;
}
