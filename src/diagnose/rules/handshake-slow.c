/* One step of the handshake took long although nothing had to be sent twice; what a timer sent again in vain, since the path takes longer,
 * counts as that. Kernels answer these segments, not applications:
 * the path is slow, or a host. */
#include "diagnose/evidence.h"

enum {
  SYN_ACK,
  ACK
};

/* How many handshakes make a median. */
#define MEDIAN_OF 5
/* Below this a step that is slow for its service delays nobody. */
#define UNFELT (100 * LA_MSEC)
/* Timers of SYN and SYN-ACK begin at a second. */
#define RETRY_MIN (950 * LA_MSEC)

/* A median of buckets a quarter of an octave wide: two digits are all that it has. */
static LaTime rounded(LaTime span)
{
  LaTime unit = 1;
  while (span / unit >= 100)
    unit *= 10;
  return (span + unit / 2) / unit * unit;
}

static bool is_slow(LaTime span, LaTime usual, const LaContext *context)
{
  if (span > LA_THRESHOLD(context, handshake_slow, 0))
    return true;
  return usual != LA_TIME_NONE && span > LA_THRESHOLD(context, handshake_slow, 2) &&
         span > usual * LA_THRESHOLD(context, handshake_slow, 1);
}

/* Whatever was sent again was sent by a timer that is shorter than the path. */
static bool all_needless(const LaOpening *o)
{
  bool syn = o->syn.kind == LA_SENT_AGAIN_NEEDLESS;
  bool syn_ack = o->syn_ack.kind == LA_SENT_AGAIN_NEEDLESS;
  return o->kind == LA_OPENING_FINE && (syn || syn_ack) && (syn || o->syns_before <= 1) && (syn_ack || o->syn_acks <= 1);
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  unsigned again = opener->syn_sent + acceptor->syn_ack_sent - 2;
  if ((again != 0 && !all_needless(&context->opening)) || conn->handshake_ack_frame == 0 ||
      acceptor->syn_frame < opener->syn_frame ||
      (conn->flags & (LA_CONN_SIMULTANEOUS | LA_CONN_SPLIT | LA_CONN_TIME_WENT_BACK)) != 0 || conn->earlier.challenges != 0)
    return false;
  const LaService *service = context->service;
  LaTime syn_ack = acceptor->syn_time - opener->syn_time;
  LaTime ack = conn->handshake_ack_time - acceptor->syn_time;
  /* Most are as quick as that, and need no median. */
  LaTime least = MIN(LA_THRESHOLD(context, handshake_slow, 0), LA_THRESHOLD(context, handshake_slow, 2));
  if (syn_ack <= least && ack <= least)
    return false;
  LaTime usual_syn_ack = service != NULL ? la_span_median(service->syn_ack_spans, MEDIAN_OF) : LA_TIME_NONE;
  LaTime usual_ack = service != NULL ? la_span_median(service->ack_spans, MEDIAN_OF) : LA_TIME_NONE;
  bool slow_syn_ack = is_slow(syn_ack, usual_syn_ack, context);
  /* The first segment in the capture that acknowledges the SYN-ACK is the handshake's ACK only when it does nothing else. */
  const LaMoment *m = la_moment_of_frame(conn, conn->handshake_ack_frame);
  bool bare = m != NULL && m->payload_len == 0 && (m->flags & (LA_TCP_FIN | LA_TCP_RST)) == 0 && m->ack == acceptor->isn + 1;
  bool slow_ack = bare && (conn->flags & LA_CONN_MISSED) == 0 && is_slow(ack, usual_ack, context);
  if (!slow_syn_ack && !slow_ack)
    return false;
  ret->variant = slow_syn_ack && (!slow_ack || syn_ack >= ack) ? SYN_ACK : ACK;
  LaTime slow = ret->variant == SYN_ACK ? syn_ack : ack;
  if (slow <= UNFELT && slow <= LA_THRESHOLD(context, handshake_slow, 0))
    ret->severity = LA_SEVERITY_NOTE;
  ret->at = ret->variant == SYN_ACK ? opener->syn_time : acceptor->syn_time;
  ret->side = ret->variant == SYN_ACK ? LA_ACCEPTOR : LA_OPENER;
  ret->blame = LA_BLAME_NETWORK;
  ret->confidence = (conn->flags & LA_CONN_MISSED) != 0 ? LA_CONFIDENCE_POSSIBLE : LA_CONFIDENCE_LIKELY;
  la_finding_add_packet(ret, opener->syn_frame);
  la_finding_add_packet(ret, acceptor->syn_frame);
  la_finding_add_packet(ret, conn->handshake_ack_frame);
  la_finding_add_word(ret, "stage", ret->variant == SYN_ACK ? "syn-ack" : "ack");
  la_finding_add_span(ret, "syn_to_syn_ack_s", syn_ack);
  la_finding_add_span(ret, "syn_ack_to_ack_s", ack);
  LaTime usual = ret->variant == SYN_ACK ? usual_syn_ack : usual_ack;
  la_finding_add_count(ret, "retries", again);
  la_finding_add_span(ret, "usual_s", usual != LA_TIME_NONE ? rounded(usual) : LA_TIME_NONE);
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  bool by_server = f->variant == SYN_ACK;
  LaTime took = la_fact_span(f, by_server ? "syn_to_syn_ack_s" : "syn_ack_to_ack_s");
  LaTime usual = la_finding_fact(f, "usual_s") != NULL ? la_fact_span(f, "usual_s") : LA_TIME_NONE;
  /* Within a bucket and a half of the median, nothing is unusual. */
  bool as_usual = usual != LA_TIME_NONE && took < usual + usual / 3;
  la_say_end(out, conn, by_server ? LA_ACCEPTOR : LA_OPENER);
  g_string_append(out, by_server ? " answered the SYN of " : " answered the SYN-ACK of ");
  la_say_end(out, conn, by_server ? LA_OPENER : LA_ACCEPTOR);
  g_string_append_printf(out, " (packet %" G_GUINT64_FORMAT ") %safter ", f->packets[by_server ? 0 : 1],
                         as_usual ? "" : "only ");
  la_say_span(out, took);
  if (as_usual) {
    g_string_append(out, ", about as usual for this service");
  } else if (usual != LA_TIME_NONE) {
    g_string_append(out, ", where about ");
    la_say_span(out, usual);
    g_string_append(out, " is usual for this service");
  }
  const char *end = by_server ? "server" : "client";
  if (la_fact_count(f, "retries") != 0) {
    g_string_append_printf(out, ", longer than a kernel waits before it sends again: the ");
    la_say_count(out, la_fact_count(f, "retries"), "repetition", "repetitions");
    g_string_append_printf(
        out, " in the handshake %s needless, nothing was lost, and the path on the %s's side of the capture point is slow.",
        la_fact_count(f, "retries") == 1 ? "was" : "were", end);
    return;
  }
  if (took >= RETRY_MIN) {
    g_string_append(out, ", without a retry in the capture: as long as a retry takes, so the first was probably lost before "
                         "the point of capture.");
    return;
  }
  g_string_append_printf(out, ", without a retry: the path on the %s's side of the capture point is slow, or that host is.",
                         end);
}

const LaRule la_rule_handshake_slow = {
    .code = "handshake-slow",
    .title = "slow handshake",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_HANDSHAKE_ACK,
    .thresholds = {{"handshake-slow", LA_UNIT_SECONDS, 300 * LA_MSEC, "slow whatever is usual"},
                   {"handshake-slow.factor", LA_UNIT_COUNT, 3, "slow as a multiple of the service's median"},
                   {"handshake-slow.floor", LA_UNIT_SECONDS, 50 * LA_MSEC, "below this the multiple does not count"}},
    .decide = decide,
    .summarize = summarize,
};
