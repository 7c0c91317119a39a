#include "diagnose/reset_words.h"

#include "diagnose/evidence.h"

const char *la_reset_stage(const LaConnection *conn, const LaResetVerdict *v)
{
  const LaEndpoint *own = &conn->end[v->sender];
  const LaEndpoint *peer = &conn->end[LA_OTHER(v->sender)];
  bool own_fin = (own->flags & LA_END_FIN) != 0 && own->fin_frame < conn->rst_frame;
  bool peer_fin = (peer->flags & LA_END_FIN) != 0 && peer->fin_frame < conn->rst_frame;
  if (own_fin)
    return peer_fin ? "after-both-fins" : "after-own-fin";
  return peer_fin ? "after-peer-fin" : "established";
}

void la_reset_fill(const LaConnection *conn, const LaResetVerdict *v, LaFinding *ret)
{
  ret->at = conn->rst_time;
  ret->side = (uint8_t)v->sender;
  la_finding_add_packet(ret, v->trigger_frame);
  la_finding_add_packet(ret, conn->rst_frame);
}

void la_say_reset(GString *out, const LaFinding *f, const LaConnection *conn)
{
  la_say_end(out, conn, (LaSide)f->side);
  g_string_append(out, " reset the connection with ");
  la_say_end(out, conn, LA_OTHER(f->side));
  g_string_append_printf(out, " in packet %" G_GUINT64_FORMAT, conn->rst_frame);
}
