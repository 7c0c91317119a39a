/* A lone RST, ACK or SYN-ACK that belongs to no connection of the capture and leads to nothing: backscatter of floods with
 * forged addresses, probes, tails of old connections. */
#include "diagnose/evidence.h"
#include "diagnose/flag_words.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaMoment *first = NULL;
  int64_t segments = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & (LA_MARK_ICMP | LA_MARK_INVALID_FLAGS)) != 0)
      continue;
    if (first == NULL)
      first = m;
    la_finding_add_packet(ret, m->frame);
    if (m->side == first->side)
      segments++;
  }
  /* Impossible flags have a name of their own. */
  if (first == NULL || (conn->marks & LA_MARK_INVALID_FLAGS) != 0)
    return false;
  ret->at = first->time;
  ret->side = first->side;
  la_finding_rests_on_silence(ret, first->time, la_answer_due(conn, conn->last_time));
  ret->confidence = LA_CONFIDENCE_LIKELY;
  la_finding_add_word(ret, "flags", la_flag_words(first->flags));
  la_finding_add_count(ret, "segments", segments);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append_printf(out, " sent %s (packet %" G_GUINT64_FORMAT ") to ", la_fact_word(f, "flags"), f->packets[0]);
  la_say_end(out, conn, LA_OTHER(side));
  g_string_append(out, " that belongs to no connection in the capture and leads to none: backscatter, a probe, or the tail of "
                       "an old connection.");
}

const LaRule la_rule_stray_segment = {
    .code = "stray-segment",
    .title = "segment without a connection",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_NOTE,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_flags = LA_CONN_STRAY,
    .decide = decide,
    .summarize = summarize,
};
