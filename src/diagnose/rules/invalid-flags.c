/* Flags that mean nothing together: packets made by hand, or damaged. No end takes part in them. */
#include "diagnose/evidence.h"
#include "diagnose/flag_words.h"

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaMoment *first = NULL;
  int64_t segments = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    /* What is known to be damaged was not sent like that. */
    if ((m->marks & LA_MARK_INVALID_FLAGS) == 0 || (m->marks & (LA_MARK_DUPLICATE | LA_MARK_BAD_CHECKSUM)) != 0)
      continue;
    if (first == NULL)
      first = m;
    segments++;
    la_finding_add_packet(ret, m->frame);
  }
  if (first == NULL)
    return false;
  ret->at = first->time;
  ret->side = first->side;
  ret->blame = (uint8_t)la_blame_host((LaSide)first->side);
  la_finding_add_word(ret, "flags", la_flag_words(first->flags));
  la_finding_add_count(ret, "segments", segments);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  LaSide side = (LaSide)f->side;
  la_say_end(out, conn, side);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "segments"), "segment", "segments");
  g_string_append(out, " to ");
  la_say_end(out, conn, LA_OTHER(side));
  const char *flags = la_fact_word(f, "flags");
  g_string_append_printf(out,
                         " with %s%s (packet %" G_GUINT64_FORMAT
                         "): no working TCP does, so a scanner, an attack tool or broken equipment made it.",
                         flags[0] == 'n' ? "no flags at all" : "flags that do not go together, ", flags[0] == 'n' ? "" : flags,
                         f->packets[0]);
}

const LaRule la_rule_invalid_flags = {
    .code = "invalid-flags",
    .title = "impossible flags",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_INVALID_FLAGS,
    .decide = decide,
    .summarize = summarize,
};
