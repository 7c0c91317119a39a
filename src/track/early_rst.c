/* Cards with several queues, and captures merged from two of them, hand packets over in another order than they passed. A RST right behind
 * the last data may so stand in front of it: beyond everything that its sender is known to have sent, where its receiver would have to
 * doubt it (RFC 5961 section 3). When the data follows at once and ends where the RST stands, the RST was in order.
 *
 * Such a RST is kept in mind until somebody shows that the connection goes on. What the capture never shows of the data in front of it leaves
 * it open whether the RST was obeyed: then no state is certain. */
#include "track/early_rst.h"

#include "base/seq.h"
#include "track/follow.h"

/* Captures that change the order do so by less. */
#define CAPTURE_ORDER_MAX LA_MSEC

static bool has_open_hole(const LaEndpoint *end)
{
  for (unsigned i = 0; i < end->holes_used; i++)
    if (end->holes[i].acked_frame == 0)
      return true;
  return false;
}

static bool is_early(const LaConnection *conn, LaSide side, const LaSegment *s, uint64_t marks)
{
  const LaEndpoint *me = &conn->end[side];
  const LaEndpoint *peer = &conn->end[LA_OTHER(side)];
  return (marks & LA_MARK_RST_IGNORED) != 0 && (marks & LA_MARK_FOREIGN_TTL) == 0 && (me->flags & LA_END_SPOKE) != 0 &&
         la_seq_gt(s->seq, me->snd_nxt) && ((peer->flags & LA_END_ACKED) == 0 || la_seq_le(s->seq, peer->rcv_edge));
}

uint64_t la_early_rst(LaConnection *conn, LaSide side, const LaSegment *s, uint64_t marks)
{
  if ((marks & LA_MARK_DUPLICATE) != 0 || (conn->flags & (LA_CONN_RST | LA_CONN_CLOSED)) != 0)
    return 0;
  if ((marks & LA_MARK_RST) != 0) {
    if (conn->early_rst_frame == 0 && is_early(conn, side, s, marks)) {
      conn->early_rst_frame = s->frame;
      conn->early_rst_time = s->time;
      conn->early_rst_seq = s->seq;
      conn->early_rst_side = (uint8_t)side;
    }
    return 0;
  }
  if (conn->early_rst_frame == 0)
    return 0;
  LaTime apart = s->time - conn->early_rst_time;
  if (apart > CAPTURE_ORDER_MAX) {
    conn->early_rst_frame = 0; /* somebody goes on */
    return 0;
  }
  const LaEndpoint *me = &conn->end[conn->early_rst_side];
  if (side != conn->early_rst_side || me->snd_nxt != conn->early_rst_seq || has_open_hole(me) || apart < -CAPTURE_ORDER_MAX)
    return 0;
  uint64_t frame = conn->early_rst_frame;
  la_follow_early_rst(conn);
  return frame;
}
