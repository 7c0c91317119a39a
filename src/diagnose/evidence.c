#include "diagnose/evidence.h"

void la_blame_silence(const LaContext *context, LaSide side, LaFinding *ret)
{
  LaVantage at_it = side == LA_OPENER ? LA_VANTAGE_CLIENT : LA_VANTAGE_SERVER;
  bool arrived = context->vantage == at_it;
  ret->blame = (uint8_t)(arrived ? la_blame_host(side) : LA_BLAME_NETWORK);
  ret->blame_also = (uint8_t)(1u << (arrived ? LA_BLAME_NETWORK : la_blame_host(side)));
}

const LaMoment *la_moment_find(const LaConnection *conn, unsigned from, LaSide side, uint64_t all)
{
  for (unsigned i = from; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & all) == all && (side == LA_SIDE_N || m->side == side) &&
        ((m->marks & LA_MARK_DUPLICATE) == 0 || (all & LA_MARK_DUPLICATE) != 0))
      return m;
  }
  return NULL;
}

const LaMoment *la_moment_last(const LaConnection *conn, LaSide side, uint64_t all)
{
  for (unsigned i = conn->moments_used; i-- > 0;) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & all) == all && (side == LA_SIDE_N || m->side == side) &&
        ((m->marks & LA_MARK_DUPLICATE) == 0 || (all & LA_MARK_DUPLICATE) != 0))
      return m;
  }
  return NULL;
}

const LaMoment *la_moment_of_frame(const LaConnection *conn, uint64_t frame)
{
  for (unsigned i = 0; i < conn->moments_used; i++)
    if (la_connection_moment(conn, i)->frame == frame)
      return la_connection_moment(conn, i);
  return NULL;
}

unsigned la_moment_index(const LaConnection *conn, const LaMoment *moment)
{
  for (unsigned i = 0; i < conn->moments_used; i++)
    if (la_connection_moment(conn, i) == moment)
      return i;
  return conn->moments_used;
}

const LaMoment *la_challenge_answered(const LaConnection *conn, const LaMoment *rst)
{
  const LaTime answer = 500 * LA_MSEC; /* besides nothing but the round trip */
  for (unsigned i = rst != NULL ? la_moment_index(conn, rst) : 0; i-- > 0;) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != rst->side)
      return (m->marks & LA_MARK_CHALLENGE_ACK) != 0 && m->ack == rst->seq && m->time + answer > rst->time ? m : NULL;
    if ((m->marks & LA_MARK_RST) == 0)
      break;
  }
  return NULL;
}

unsigned la_add_moments(const LaConnection *conn, LaSide side, uint64_t all, LaFinding *finding)
{
  unsigned count = 0;
  for (const LaMoment *m = la_moment_find(conn, 0, side, all); m != NULL;
       m = la_moment_find(conn, la_moment_index(conn, m) + 1, side, all)) {
    la_finding_add_packet(finding, m->frame);
    count++;
  }
  return count;
}

bool la_was_established(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  for (unsigned i = 0; i < end->steps; i++)
    if (end->path[i].state >= LA_TCP_ESTABLISHED)
      return true;
  return false;
}

uint64_t la_payload(const LaConnection *conn)
{
  return conn->end[LA_OPENER].payload_bytes + conn->end[LA_ACCEPTOR].payload_bytes;
}

LaTime la_silence(const LaConnection *conn)
{
  return conn->end_time - conn->last_time;
}

LaTime la_answer_due(const LaConnection *conn, LaTime sent)
{
  const LaTime answer = 3 * LA_SEC; /* a slow path and a delayed acknowledgment included */
  return MIN(sent + answer, conn->end_time);
}

void la_say_end(GString *out, const LaConnection *conn, LaSide side)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  LaHostPort end = {.addr = conn->addr[side], .port = conn->port[side], .family = conn->family};
  g_string_append(out, la_host_port_format(&end, text));
}

void la_say_addr(GString *out, const LaAddr *addr, uint8_t family)
{
  char text[LA_ADDR_TEXT_MAX];
  g_string_append(out, la_addr_format(addr, (LaFamily)family, text));
}

void la_say_pair(GString *out, const LaConnection *conn)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " -> ");
  la_say_end(out, conn, LA_ACCEPTOR);
}

void la_say_fin_place(GString *out, const LaConnection *conn, LaSide side)
{
  if (conn->end[side].fin_frame != 0)
    g_string_append_printf(out, "in packet %" G_GUINT64_FORMAT, conn->end[side].fin_frame);
  else
    g_string_append(out, "before the capture");
}

void la_say_span(GString *out, LaTime span)
{
  char text[LA_TIME_TEXT_MAX];
  g_string_append(out, span != LA_TIME_NONE ? la_span_format(span, text) : "an unknown time");
}

void la_say_count(GString *out, int64_t count, const char *one, const char *many)
{
  g_string_append_printf(out, "%" G_GINT64_FORMAT " %s", count, count == 1 ? one : many);
}

int64_t la_fact_count(const LaFinding *finding, const char *name)
{
  const LaFact *fact = la_finding_fact(finding, name);
  return fact != NULL ? fact->value.count : 0;
}

LaTime la_fact_span(const LaFinding *finding, const char *name)
{
  const LaFact *fact = la_finding_fact(finding, name);
  return fact != NULL ? fact->value.span : 0;
}

const char *la_fact_word(const LaFinding *finding, const char *name)
{
  const LaFact *fact = la_finding_fact(finding, name);
  return fact != NULL ? fact->value.word : "";
}
