/* The rule throughout: frames and times of an event are only set when it was seen. 0 is a frame that does not exist, not a time. */
#include "track/measures.h"

#include <assert.h>

static const char *const first_names[] = {"client", "server", "both", "none"};
static_assert(sizeof first_names / sizeof *first_names == LA_FIRST_N, "a name for each value");

const char *la_first_to_close_name(LaFirstToClose value)
{
  return first_names[value];
}

static LaTime time_of(uint64_t frame, LaTime time)
{
  return frame != 0 ? time : LA_TIME_NONE;
}

static LaTime between(LaTime from, LaTime to)
{
  return !la_time_is_known(from) || to == LA_TIME_NONE || to < from ? LA_TIME_NONE : to - from;
}

LaTime la_connection_duration(const LaConnection *conn)
{
  if (la_connection_is_silent(conn) || !la_time_is_known(conn->first_time))
    return LA_TIME_NONE;
  return conn->last_time > conn->first_time ? conn->last_time - conn->first_time : 0;
}

static LaTime syn_ack_time(const LaConnection *conn)
{
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  return (server->flags & LA_END_SYN_ACK) != 0 ? time_of(server->syn_frame, server->syn_time) : LA_TIME_NONE;
}

LaTime la_connection_syn_to_syn_ack(const LaConnection *conn)
{
  const LaEndpoint *client = &conn->end[LA_OPENER];
  return between(time_of(client->syn_frame, client->syn_time), syn_ack_time(conn));
}

LaTime la_connection_syn_ack_to_ack(const LaConnection *conn)
{
  return between(syn_ack_time(conn), time_of(conn->handshake_ack_frame, conn->handshake_ack_time));
}

LaTime la_connection_fin_to_ack(const LaConnection *conn, LaSide sender)
{
  const LaEndpoint *end = &conn->end[sender];
  if ((end->flags & LA_END_FIN) == 0 || (end->flags & LA_END_FIN_ACKED) == 0)
    return LA_TIME_NONE;
  return between(time_of(end->fin_frame, end->fin_time), time_of(end->fin_acked_frame, end->fin_acked_time));
}

LaTime la_connection_close_wait(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  for (unsigned i = 0; i < end->steps && i < LA_STEPS_MAX; i++) {
    if (end->path[i].state != LA_TCP_CLOSE_WAIT)
      continue;
    LaTime until = i + 1u < end->steps && i + 1u < LA_STEPS_MAX ? end->path[i + 1].time : conn->end_time;
    LaTime held = between(end->path[i].time, until);
    if (held != LA_TIME_NONE)
      return held;
  }
  return LA_TIME_NONE;
}

LaTime la_connection_close_duration(const LaConnection *conn)
{
  /* A FIN that only the kernel knows of passed nobody knows when. */
  if (conn->first_fin >= LA_SIDE_N || conn->end[conn->first_fin].fin_frame == 0)
    return LA_TIME_NONE;
  const LaEndpoint *ends = conn->end;
  LaTime from = ends[conn->first_fin].fin_time;
  if ((ends[0].flags & LA_END_FIN_ACKED) != 0 && (ends[1].flags & LA_END_FIN_ACKED) != 0) {
    LaTime a = ends[0].fin_acked_time;
    LaTime b = ends[1].fin_acked_time;
    return between(from, a > b ? a : b);
  }
  return (conn->flags & LA_CONN_RST) != 0 ? between(from, conn->rst_time) : LA_TIME_NONE;
}

static bool passed_through(const LaEndpoint *end, LaTcpState state)
{
  for (unsigned i = 0; i < end->steps && i < LA_STEPS_MAX; i++) {
    if (end->path[i].state == state)
      return true;
  }
  return false;
}

LaFirstToClose la_connection_first_to_close(const LaConnection *conn)
{
  if (conn->first_fin >= LA_SIDE_N || la_connection_teardown(conn) == LA_TEARDOWN_NONE)
    return LA_FIRST_NONE;
  /* Both closed on their own account: neither was in CLOSE_WAIT when it sent its FIN. */
  if (passed_through(&conn->end[LA_OPENER], LA_TCP_FIN_WAIT_1) && passed_through(&conn->end[LA_ACCEPTOR], LA_TCP_FIN_WAIT_1))
    return LA_FIRST_BOTH;
  return conn->first_fin == LA_OPENER ? LA_FIRST_CLIENT : LA_FIRST_SERVER;
}

uint64_t la_connection_step_frame(const LaConnection *conn, LaSide side, unsigned at)
{
  const LaEndpoint *end = &conn->end[side];
  const LaStep *step = &end->path[at];
  if ((conn->flags & LA_CONN_ADOPTED) != 0 && step->frame == 0 && (step->gap != 0 || la_step_is_told(step)))
    return 0;
  for (unsigned i = at; i < end->steps && i < LA_STEPS_MAX; i++) {
    if (end->path[i].frame != 0)
      return end->path[i].frame;
  }
  return conn->last_frame;
}
