/* Questions that several rules ask of a connection, and the words several summaries share. */
#ifndef LA_DIAGNOSE_EVIDENCE_H
#define LA_DIAGNOSE_EVIDENCE_H

#include <glib.h>

#include "diagnose/diagnose.h"

/* Blame of one end. */
static inline LaBlame la_blame_application(LaSide side)
{
  return side == LA_OPENER ? LA_BLAME_CLIENT_APPLICATION : LA_BLAME_SERVER_APPLICATION;
}

static inline LaBlame la_blame_host(LaSide side)
{
  return side == LA_OPENER ? LA_BLAME_CLIENT_HOST : LA_BLAME_SERVER_HOST;
}

/* Who is silent when `side` does not answer: at its own end of the path the packets are known to have come there, elsewhere the network
 * is as likely. Sets blame and what else fits. */
void la_blame_silence(const LaContext *context, LaSide side, LaFinding *ret);

/* The first moment from index `from` on that has all of `all` and, unless `side` is LA_SIDE_N, comes from it; NULL: none. Duplicates
 * are passed over unless asked for. `ret_index` may be NULL. */
const LaMoment *la_moment_find(const LaConnection *conn, unsigned from, LaSide side, uint64_t all);
const LaMoment *la_moment_last(const LaConnection *conn, LaSide side, uint64_t all);
const LaMoment *la_moment_of_frame(const LaConnection *conn, uint64_t frame);
unsigned la_moment_index(const LaConnection *conn, const LaMoment *moment);

/* The challenge ACK that `rst` answers (RFC 5961 section 4, RFC 9293 section 3.10.7.3), or NULL. */
const LaMoment *la_challenge_answered(const LaConnection *conn, const LaMoment *rst);

/* Adds the frames of all moments of `side` that have all of `all`; returns how many. */
unsigned la_add_moments(const LaConnection *conn, LaSide side, uint64_t all, LaFinding *finding);

/* Gates (FINDINGS section 1). */
static inline bool la_both_directions(const LaConnection *conn)
{
  return conn->end[LA_OPENER].packets != 0 && conn->end[LA_ACCEPTOR].packets != 0;
}

/* Whether packets of `side` are missing from the capture, as far as acknowledgments tell. */
static inline bool la_missed(const LaConnection *conn, LaSide side)
{
  return conn->end[side].missed != 0;
}

/* Whether `side` ever reached a state from ESTABLISHED on, as far as the capture tells. */
bool la_was_established(const LaConnection *conn, LaSide side);

/* Payload of both directions. */
uint64_t la_payload(const LaConnection *conn);

/* Until when an answer to what was sent at `sent` would have come, or until when was listened. */
LaTime la_answer_due(const LaConnection *conn, LaTime sent);

/* How long nothing was heard of the connection at the end of its observation. */
LaTime la_silence(const LaConnection *conn);

/* ---- words ---- */

/* "10.9.0.2:8888", "[2001:db8::1]:80". */
void la_say_end(GString *out, const LaConnection *conn, LaSide side);

/* "203.0.113.9". `family` is an LaFamily. */
void la_say_addr(GString *out, const LaAddr *addr, uint8_t family);

/* "10.9.0.1:55308 -> 10.9.0.2:8888". */
void la_say_pair(GString *out, const LaConnection *conn);

/* "in packet 12", or "before the capture" when only the kernel knows of it: where the FIN of `side` is. */
void la_say_fin_place(GString *out, const LaConnection *conn, LaSide side);

/* "312 s", "40 ms"; "an unknown time" for LA_TIME_NONE. */
void la_say_span(GString *out, LaTime span);

/* "1 SYN", "3 SYNs". */
void la_say_count(GString *out, int64_t count, const char *one, const char *many);

/* A fact's value; 0 when the finding has none of that name. */
int64_t la_fact_count(const LaFinding *finding, const char *name);
LaTime la_fact_span(const LaFinding *finding, const char *name);
const char *la_fact_word(const LaFinding *finding, const char *name);

#endif
