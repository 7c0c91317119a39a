#include "diagnose/close_wait.h"

static bool was_in_close_wait(const LaEndpoint *end)
{
  for (unsigned i = 0; i < end->steps; i++)
    if (end->path[i].state == LA_TCP_CLOSE_WAIT)
      return true;
  return false;
}

LaCloseWait la_close_wait(const LaConnection *conn)
{
  LaCloseWait none = {.holder = LA_SIDE_N, .held = 0, .closed_frame = 0};
  if (conn->first_fin == LA_SIDE_N)
    return none;
  LaSide holder = LA_OTHER(conn->first_fin);
  const LaEndpoint *closer = &conn->end[conn->first_fin];
  const LaEndpoint *end = &conn->end[holder];
  if ((closer->flags & LA_END_FIN_ACKED) == 0)
    return none;
  bool told = (conn->flags & LA_CONN_ADOPTED) != 0 && closer->fin_frame == 0;
  if (told && !was_in_close_wait(end))
    return none; /* it had sent its own FIN before the capture */
  /* An end that only ever acknowledged may have closed before the capture began. */
  if ((conn->flags & LA_CONN_MIDSTREAM) != 0 && !told && (end->flags & (LA_END_DATA | LA_END_FIN)) == 0)
    return none;
  /* Its last number was acknowledged but is not in the capture: that may be its FIN. */
  for (unsigned i = 0; i < end->holes_used; i++)
    if (end->holes[i].acked_frame != 0 && end->holes[i].end == end->snd_nxt && (end->flags & LA_END_FIN) == 0)
      return none;
  /* The FIN that carries the acknowledgment is no waiting at all. */
  if ((end->flags & LA_END_FIN) != 0 && end->fin_frame <= closer->fin_acked_frame)
    return none;
  LaTime since = closer->fin_acked_time;
  if (end->data_after_fin_bytes != 0 && end->new_data_time > since)
    since = end->new_data_time;
  LaCloseWait wait = {.holder = holder, .held = conn->end_time - since, .closed_frame = 0, .told = told};
  LaTime until = conn->end_time;
  if ((end->flags & LA_END_FIN) != 0) {
    until = end->fin_time;
    wait.closed_frame = end->fin_frame;
  }
  if ((conn->flags & LA_CONN_RST) != 0 && conn->rst_time < until) {
    until = conn->rst_time;
    wait.closed_frame = conn->rst_frame;
  }
  if (since > until)
    since = closer->fin_acked_time;
  wait.held = until > since ? until - since : 0;
  wait.since = since;
  return wait;
}
