/* Data sent again with growing gaps, and no answer to the end. */
#include "diagnose/vanished.h"
#include "diagnose/evidence.h"

enum {
  UNKNOWN,
  HOST_IS_THERE,
  TOOK_NOTHING,
  TOOK_NOTHING_OF_THIS, /* and spoke to others */
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (context->opening.kind == LA_OPENING_QUEUE_FULL)
    return false; /* it never took the connection: accept-queue-overflow says so */
  LaVanished gone = la_vanished(conn);
  if (gone.sender == LA_SIDE_N || gone.stage != LA_VANISHED_DATA || gone.idle >= LA_THRESHOLD(context, idle_state_lost, 0))
    return false;
  if (gone.sendings < LA_THRESHOLD(context, peer_vanished, 0))
    return false;
  const LaEndpoint *end = &conn->end[gone.sender];
  la_vanished_fill(conn, context, &gone, ret);
  la_finding_add_packet(ret, end->unanswered_frame);
  la_finding_add_packet(ret, end->last_frame);
  la_finding_add_count(ret, "unanswered", gone.sendings);
  la_finding_add_span(ret, "waited_s", gone.waited);
  la_finding_add_count(ret, "unacked_bytes", (int64_t)gone.unacked);
  /* A server that speaks on its other connections is there. */
  LaTime since = end->unanswered_since;
  LaTime spoke = conn->others_spoke;
  if (context->service != NULL)
    spoke = MAX(spoke, MAX(context->service->last_spoke, context->service->last_heard));
  bool there = gone.sender == LA_OPENER && spoke > since; /* LA_TIME_NONE is before all */
  if (gone.took_nothing)
    ret->variant = there ? TOOK_NOTHING_OF_THIS : TOOK_NOTHING;
  else
    ret->variant = there ? HOST_IS_THERE : UNKNOWN;
  la_finding_add_word(ret, "stage", (end->flags & LA_END_FIN) != 0 ? "fin" : "data");
  return true;
}

static const char *const causes[] = {
    [UNKNOWN] = "the way is broken or the host is gone",
    [HOST_IS_THERE] =
        "the host spoke to others meanwhile, so the way of this connection is broken, or something on it forgot the "
        "connection",
    [TOOK_NOTHING] = "it took nothing after the handshake, so the host does not take part, or the way is broken",
    [TOOK_NOTHING_OF_THIS] =
        "it took nothing after the handshake, though it spoke to others: the host, or what answers in front of "
        "it, does not take part in this connection",
};

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append(out, " stopped answering: ");
  la_say_end(out, conn, side);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "unanswered"), "time", "times");
  g_string_append_printf(out, " from packet %" G_GUINT64_FORMAT " on, over ", conn->end[side].unanswered_frame);
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append(out, (conn->flags & LA_CONN_RST) != 0 ? ", without any answer, and gave up with a RST ("
                       : conn->ended_by == LA_ENDED_N   ? ", without any answer so far ("
                                                        : ", without any answer to the end (");
  la_say_count(out, la_fact_count(f, "unacked_bytes"), "byte", "bytes");
  g_string_append_printf(out, " never acknowledged): %s.", causes[f->variant]);
}

const LaRule la_rule_peer_vanished = {
    .code = "peer-vanished",
    .title = "peer stopped answering",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_RETRANSMISSION,
    .thresholds = {{"peer-vanished.sends", LA_UNIT_COUNT, 3, "how often the segment must have been sent"}},
    .decide = decide,
    .summarize = summarize,
};
