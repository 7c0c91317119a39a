/* A SYN-ACK that acknowledges no SYN of the client, or a second one with another number: two machines or two states answer for
 * one address. */
#include "base/seq.h"
#include "diagnose/evidence.h"

enum {
  WRONG_ACK,
  SECOND_NUMBER,
  PROXY
};

/* A request that was forgotten is made anew after so long, with a number of its own. */
#define FORGOTTEN (60 * LA_SEC)

/* Whether the SYN-ACK answers some SYN of the client: it may have changed its number meanwhile (syn-isn-changed). */
static bool answers_a_syn(const LaConnection *conn, const LaMoment *syn_ack)
{
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->frame > syn_ack->frame)
      break;
    if (m->side != LA_OPENER || (m->flags & LA_TCP_SYN) == 0 || (m->marks & (LA_MARK_INVALID_FLAGS | LA_MARK_ICMP)) != 0)
      continue;
    uint32_t off = syn_ack->ack - (m->seq + 1);
    if (off <= m->payload_len)
      return true;
  }
  return false;
}

/* Between the two the client's SYN came once more, after its own ACK: no client does that. A device that answers SYNs itself (SYN cookies
 * in a firewall) opens the connection to the server when the client has shown itself, and both sides of it are in the capture. */
static bool is_proxy(const LaConnection *conn, const LaMoment *first, const LaMoment *odd)
{
  if (conn->handshake_ack_frame <= first->frame)
    return false;
  for (unsigned i = la_moment_index(conn, first); i < la_moment_index(conn, odd); i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side == LA_OPENER && m->frame > conn->handshake_ack_frame && (m->marks & LA_MARK_SYN) != 0 &&
        m->seq + 1 == first->ack)
      return true;
  }
  return false;
}

static bool decide(const LaConnection *conn, const LaContext *context, LaFinding *ret)
{
  (void)context;
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  if ((opener->flags & LA_END_SYN) == 0 || (conn->flags & (LA_CONN_SIMULTANEOUS | LA_CONN_SPLIT)) != 0)
    return false;
  const LaMoment *first = NULL;
  const LaMoment *odd = NULL;
  int64_t isns = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (m->side != LA_ACCEPTOR || (m->marks & LA_MARK_SYN_ACK) == 0 ||
        (m->marks & (LA_MARK_DUPLICATE | LA_MARK_INVALID_FLAGS | LA_MARK_STALE_SYN)) != 0)
      continue;
    bool wrong = !answers_a_syn(conn, m);
    if (wrong && odd == NULL) {
      odd = m;
      ret->variant = WRONG_ACK;
    }
    if (first == NULL) {
      first = m;
      isns = 1;
    } else if (m->seq != first->seq && m->ack == first->ack && m->time - first->time < FORGOTTEN) {
      isns++;
      if (odd == NULL) {
        odd = m;
        ret->variant = SECOND_NUMBER;
      }
      la_finding_add_packet(ret, m->frame);
    }
  }
  /* A path that shows only part of the client's SYNs tells nothing about the answers. */
  if (odd == NULL || la_missed(conn, LA_OPENER))
    return false;
  if (ret->variant == SECOND_NUMBER && is_proxy(conn, first, odd)) {
    ret->variant = PROXY;
    ret->severity = LA_SEVERITY_NOTE;
  }
  ret->at = odd->time;
  ret->side = LA_ACCEPTOR;
  ret->blame = ret->variant == PROXY ? LA_BLAME_NONE : LA_BLAME_SERVER_HOST;
  la_finding_add_packet(ret, first->frame);
  la_finding_add_packet(ret, odd->frame);
  const LaMoment *reset = la_moment_find(conn, la_moment_index(conn, odd), LA_OPENER, LA_MARK_RST);
  if (reset != NULL)
    la_finding_add_packet(ret, reset->frame);
  int64_t off = ret->variant == WRONG_ACK ? la_seq_diff(odd->ack, opener->isn + 1) : 0;
  la_finding_add_count(ret, "ack_off_bytes", off);
  la_finding_add_count(ret, "isns", isns);
  if (odd != first) {
    la_finding_add_count(ret, "ttl_expected", first->ttl);
    la_finding_add_count(ret, "ttl_seen", odd->ttl);
  }
  return true;
}

static void summarize(const LaFinding *f, const LaConnection *conn, GString *out)
{
  la_say_end(out, conn, LA_ACCEPTOR);
  if (f->variant == WRONG_ACK) {
    g_string_append(out, " answered the SYN of ");
    la_say_end(out, conn, LA_OPENER);
    const LaMoment *odd = la_moment_find(conn, 0, LA_ACCEPTOR, LA_MARK_BAD_ACK);
    g_string_append_printf(out, " with a SYN-ACK (packet %" G_GUINT64_FORMAT ") whose acknowledgment is off by ",
                           odd != NULL ? odd->frame : f->packets[0]);
    int64_t off = la_fact_count(f, "ack_off_bytes");
    la_say_count(out, off, "byte", "bytes");
    g_string_append(out, ": another connection's answer, or another machine or device answers for the address.");
    return;
  }
  g_string_append(out, " answered ");
  la_say_end(out, conn, LA_OPENER);
  g_string_append(out, " with ");
  la_say_count(out, la_fact_count(f, "isns"), "initial sequence number", "different initial sequence numbers");
  if (la_fact_count(f, "ttl_expected") != la_fact_count(f, "ttl_seen"))
    g_string_append_printf(out, " and TTLs %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, la_fact_count(f, "ttl_expected"),
                           la_fact_count(f, "ttl_seen"));
  g_string_append_printf(out, " (packets %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT "): %s", f->packets[0], f->packets[1],
                         f->variant == PROXY
                             ? "a device on the way (SYN proxy) answered first and then opened the connection to the "
                               "server itself; the capture has both sides of it."
                             : "two machines or two states answer for one address.");
}

const LaRule la_rule_bad_syn_ack = {
    .code = "bad-syn-ack",
    .title = "SYN-ACK that does not fit",
    .scope = LA_SCOPE_CONNECTION,
    .severity = LA_SEVERITY_WARNING,
    .any_marks = LA_MARK_BAD_ACK | LA_MARK_ISN_CHANGED,
    .decide = decide,
    .summarize = summarize,
};
