/* SYNs, and nothing comes back: no SYN-ACK, no RST, no ICMP error. Where the same service serves nobody new at that moment
 * while its other connections live, the silence is its full queue: accept-queue-overflow says so. */
#include "diagnose/evidence.h"
#include "diagnose/reuse.h"

enum {
  NOBODY,
  OTHERS_ANSWERED,
  NOT_TRIED_AGAIN,
  SIGNED
};

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  if (context->opening.kind != LA_OPENING_SYN_UNANSWERED)
    return false;
  /* Silence to a port that comes back too early has a name of its own. */
  if (la_reuse(conn, context) != LA_REUSE_NONE)
    return false;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  ret->at = opener->syn_time;
  bool is_signed = (opener->syn_options & (LA_OPT_MD5 | LA_OPT_AO)) != 0;
  ret->variant = is_signed                  ? SIGNED
                 : conn->others_served != 0 ? OTHERS_ANSWERED
                 : opener->syn_sent == 1    ? NOT_TRIED_AGAIN
                                            : NOBODY;
  la_blame_silence(context, LA_ACCEPTOR, ret);
  /* A kernel sends it again after a second. Who does not had another way or only probed, and one lost packet explains it all; where
   * nothing else was captured, the answer may not have been either. */
  bool syns_alone = context->services != NULL && la_services_kinds(context->services) == LA_KIND_SYN;
  if (ret->variant == NOT_TRIED_AGAIN || (opener->syn_sent == 1 && syns_alone))
    ret->confidence = LA_CONFIDENCE_POSSIBLE;
  la_finding_rests_on_silence(ret, opener->syn_time, la_answer_due(conn, opener->syn_last_time));
  la_add_moments(conn, LA_OPENER, LA_MARK_SYN, ret);
  la_finding_add_count(ret, "unanswered", opener->syn_sent);
  la_finding_add_count(ret, "retries", opener->syn_sent - 1);
  la_finding_add_span(ret, "waited_s",
                      opener->syn_sent > 1 ? opener->syn_last_time - opener->syn_time : conn->end_time - opener->syn_time);
  la_finding_add_count(ret, "answered_others", conn->others_served);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " sent ");
  la_say_count(out, la_fact_count(f, "unanswered"), "SYN", "SYNs");
  g_string_append(out, " to ");
  la_say_end(out, conn, LA_ACCEPTOR);
  g_string_append(out, " in ");
  la_say_span(out, la_fact_span(f, "waited_s"));
  g_string_append_printf(out, " (first in packet %" G_GUINT64_FORMAT ") and nothing came back, not even an error",
                         f->packets[0]);
  if (f->variant == OTHERS_ANSWERED) {
    g_string_append(out, ", while the service answered ");
    la_say_count(out, la_fact_count(f, "answered_others"), "other connection", "other connections");
    g_string_append(out, ": its queue is full at times and drops the SYN, or a filter drops this client's.");
    return;
  }
  if (f->variant == SIGNED) {
    g_string_append(
        out, ": its SYN is signed (TCP-MD5, TCP-AO), and a host says nothing when the key is not the one that it expects; or a "
             "filter drops the SYN or its answer, or the host is not there.");
    return;
  }
  g_string_append(
      out, f->variant == NOT_TRIED_AGAIN
               ? ": the client did not try again, so one lost packet would do; or a filter drops the SYN or its answer, or "
                 "the host is not there."
               : ": a filter drops the SYN or its answer, or the host is not there.");
}

const LaRule la_rule_syn_unanswered = {
    .code = "syn-unanswered",
    .title = "SYN unanswered",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_ERROR,
    .settles = LA_SETTLES_IN_SILENCE,
    .any_marks = LA_MARK_SYN,
    .thresholds = {{"syn-unanswered", LA_UNIT_SECONDS, 3 * LA_SEC, "silence after a single SYN that is enough"},
                   {"syn-unanswered.syns", LA_UNIT_COUNT, 2, "SYNs without an answer that are enough"}},
    .waits = true,
    .decide = decide,
    .summarize = summarize,
};
