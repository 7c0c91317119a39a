#include "diagnose/close_wait.h"

#include "base/seq.h"

static bool was_in_close_wait(const LaEndpoint *end)
{
  for (unsigned i = 0; i < end->steps; i++)
    if (end->path[i].state == LA_TCP_CLOSE_WAIT)
      return true;
  return false;
}

/* Whether the holder cannot close as far as anybody sees: what it sent is not acknowledged, so it sends it again, in the capture or not; or
 * the other end's window is shut, and it probes. Its FIN may stand behind that. */
static bool is_held_up(const LaConnection *conn, LaSide holder)
{
  const LaEndpoint *end = &conn->end[holder];
  const LaEndpoint *closer = &conn->end[LA_OTHER(holder)];
  if ((end->flags & LA_END_FIN) != 0)
    return false;
  if ((end->flags & LA_END_UNA) != 0 && la_seq_gt(end->snd_nxt, end->snd_una))
    return true;
  /* It stands beyond what the capture has of it, and its FIN may be there. */
  if (la_endpoint_is_ahead(end))
    return true;
  if ((closer->flags & LA_END_ZERO_WINDOW) == 0)
    return false;
  for (unsigned i = conn->moments_used; i-- > 0;) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == holder && m->time > closer->fin_acked_time && (m->marks & (LA_MARK_WINDOW_PROBE | LA_MARK_KEEPALIVE)) != 0)
      return true;
  }
  return false;
}

LaCloseWait la_close_wait(const LaConnection *conn)
{
  LaCloseWait none = {.holder = LA_SIDE_N};
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
  if (is_held_up(conn, holder))
    return none;
  LaTime since = closer->fin_acked_time;
  if (end->data_after_fin_bytes != 0 && end->new_data_time > since)
    since = end->new_data_time;
  LaCloseWait wait = {.holder = holder, .told = told};
  LaTime until = conn->end_time;
  if ((end->flags & LA_END_FIN) != 0) {
    until = end->fin_time;
    wait.closed_frame = end->fin_frame;
  }
  if ((conn->flags & LA_CONN_RST) != 0 && conn->rst_time <= until &&
      ((end->flags & LA_END_FIN) == 0 || conn->rst_frame < end->fin_frame)) {
    until = conn->rst_time;
    bool own = conn->rst_side == holder && conn->rst_foreign == 0;
    wait.closed_frame = own ? conn->rst_frame : 0;
    wait.cut_frame = own ? 0 : conn->rst_frame;
  }
  if (since > until)
    since = closer->fin_acked_time;
  wait.held = until > since ? until - since : 0;
  wait.until = until;
  wait.since = since;
  return wait;
}
