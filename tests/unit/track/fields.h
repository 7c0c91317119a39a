/* Every field of a connection by name, for comparing two records and saying what differs. What the tracker keeps for itself
 * (handles, the lane, pointers into pools, the seeded hash) is not part of a record. A test holds the lists complete. */
#ifndef LA_TESTS_TRACK_FIELDS_H
#define LA_TESTS_TRACK_FIELDS_H

#include "unit/track/support.h"

#include <stdalign.h>

typedef enum {
  FIELD_COMPARED,
  FIELD_INTERNAL, /* the tracker's own: may differ */
  FIELD_NESTED,   /* compared by its own list */
} FieldKind;

typedef struct {
  const char *name;
  uint16_t offset, size, align;
  FieldKind kind;
} Field;

#define MEMBER(type, member) (((type *)0)->member)
#define LISTED(type, member, is)                                                                                               \
  {                                                                                                                            \
#member, offsetof(type, member), sizeof MEMBER(type, member), alignof(__typeof__(MEMBER(type, member))), is                \
  }
#define STEP(m) LISTED(LaStep, m, FIELD_COMPARED)
#define HOLE(m) LISTED(LaHole, m, FIELD_COMPARED)
#define MOMENT(m) LISTED(LaMoment, m, FIELD_COMPARED)
#define END(m) LISTED(LaEndpoint, m, FIELD_COMPARED)
#define CONN(m) LISTED(LaConnection, m, FIELD_COMPARED)
#define OWN(m) LISTED(LaConnection, m, FIELD_INTERNAL)
#define EARLIER(m) LISTED(LaEarlier, m, FIELD_COMPARED)
#define ENCAP(m) LISTED(LaEncap, m, FIELD_COMPARED)
#define SERVICE(m) LISTED(LaService, m, FIELD_COMPARED)

static const Field step_fields[] = {STEP(time), STEP(frame), STEP(proved_by), STEP(state), STEP(gap)};
static const Field hole_fields[] = {HOLE(start), HOLE(end), HOLE(since), HOLE(acked_frame)};
static const Field encap_fields[] = {ENCAP(id), ENCAP(kind), ENCAP(has_id)};
static const Field moment_fields[] = {
    MOMENT(time),   MOMENT(frame),     MOMENT(marks),          MOMENT(since_last),
    MOMENT(seq),    MOMENT(ack),       MOMENT(payload_len),    MOMENT(ts_val),
    MOMENT(ts_ecr), MOMENT(in_flight), MOMENT(peer_in_flight), MOMENT(flags),
    MOMENT(window), MOMENT(options),   MOMENT(ip_id),          MOMENT(ttl),
    MOMENT(side),   MOMENT(state),     MOMENT(peer_state),
};
static const Field earlier_fields[] = {
    EARLIER(id),
    EARLIER(state),
    EARLIER(teardown),
    EARLIER(same_roles),
    EARLIER(missed),
    EARLIER(last_time),
    EARLIER(last_frame),
    EARLIER(closed_time),
    EARLIER(snd_nxt),
    EARLIER(rcv_nxt),
    EARLIER(ts_val),
    EARLIER(challenges),
    EARLIER(challenge_frame),
    EARLIER(challenge_rst_frame),
    EARLIER(challenge_time),
};
static const Field end_fields[] = {
    END(flags),
    END(isn),
    END(snd_nxt),
    END(snd_una),
    END(rcv_nxt),
    END(rcv_edge),
    END(ts_val),
    END(unanswered),
    END(last_time),
    END(last_frame),
    END(packets),
    END(payload_bytes),
    END(repeats),
    END(payload_segments),
    END(window),
    END(ip_id),
    END(state),
    END(steps),
    END(wscale),
    END(ttl_min),
    END(ttl_max),
    END(corrected),
    END(holes_used),
    END(recent_next),
    END(progress_time),
    END(data_last_frame),
    END(data_last_time),
    END(new_data_frame),
    END(new_data_time),
    END(new_data_idle),
    END(recent_hash),
    END(recent_time),
    END(unanswered_frame),
    END(unanswered_since),
    END(data_first_frame),
    END(data_first_time),
    END(fin_end),
    END(syn),
    END(fin),
    END(rst),
    END(retransmitted),
    END(keepalive),
    END(duplicate),
    END(cut),
    END(bad_checksums),
    END(recorded_late),
    END(recorded_late_most),
    END(probes),
    END(out_of_order),
    END(missed),
    END(syn_sent),
    END(syn_ack_sent),
    END(fin_sent),
    END(syn_options),
    END(mss),
    END(syn_wscale),
    END(cookie_len),
    END(syn_frame),
    END(syn_last_frame),
    END(syn_time),
    END(syn_last_time),
    END(fin_frame),
    END(fin_last_frame),
    END(fin_time),
    END(fin_last_time),
    END(fin_acked_frame),
    END(fin_acked_time),
    END(fin_ack),
    END(fin_ts),
    END(una_first),
    END(fin_acked_seq),
    END(ahead),
    END(data_after_fin_bytes),
    END(new_data_ack),
    END(zero_window_since),
    END(zero_window_longest),
    LISTED(LaEndpoint, holes, FIELD_NESTED),
    LISTED(LaEndpoint, path, FIELD_NESTED),
};
static const Field conn_fields[] = {
    CONN(addr),
    CONN(port),
    CONN(family),
    CONN(roles_from),
    OWN(lane),
    CONN(moments_used),
    CONN(tunnel_hash),
    OWN(hash),
    CONN(flags),
    CONN(id),
    CONN(marks),
    CONN(last_time),
    CONN(last_frame),
    CONN(moments_total),
    OWN(moment_chunk),
    CONN(deadline),
    CONN(first_time),
    CONN(first_frame),
    OWN(older),
    OWN(newer),
    OWN(handle),
    CONN(file),
    CONN(ended_by),
    CONN(encap_count),
    CONN(end_time),
    LISTED(LaConnection, end, FIELD_NESTED),
    CONN(handshake_ack_frame),
    CONN(handshake_ack_time),
    CONN(rst_frame),
    CONN(rst_time),
    CONN(before_rst),
    CONN(rst_side),
    CONN(rst_foreign),
    CONN(early_rst_side),
    CONN(early_rst_frame),
    CONN(early_rst_time),
    CONN(early_rst_seq),
    CONN(icmp_type),
    CONN(icmp_code),
    CONN(icmp_reporter),
    CONN(icmp_frame),
    CONN(icmp_time),
    CONN(result_handshake),
    CONN(result_teardown),
    OWN(watch),
    CONN(first_fin),
    CONN(others_spoke),
    CONN(others_taken),
    CONN(others_live),
    CONN(others_before),
    CONN(others_served),
    CONN(interface),
    CONN(service),
    CONN(host),
    CONN(other_family),
    CONN(exit_run),
    CONN(exit_run_id),
    CONN(exit_runs),
    CONN(exit_run_span),
    CONN(exit_idle),
    CONN(exit_side),
    CONN(exit_timed),
    LISTED(LaConnection, earlier, FIELD_NESTED),
    LISTED(LaConnection, encap, FIELD_NESTED),
};
static const Field service_fields[] = {
    SERVICE(addr),          SERVICE(port),         SERVICE(family),
    SERVICE(ttl_min),       SERVICE(ttl_max),      SERVICE(attempts),
    SERVICE(established),   SERVICE(live),         SERVICE(midstream),
    SERVICE(refused),       SERVICE(first_seen),   SERVICE(first_established),
    SERVICE(last_spoke),    SERVICE(last_taken),   SERVICE(last_heard),
    SERVICE(first_refused), SERVICE(one_way),      SERVICE(with_payload),
    SERVICE(queue_clients), SERVICE(late_answers), SERVICE(queue_client_hash),
    SERVICE(syn_ack_spans), SERVICE(ack_spans),
};

/* Fields follow one another with no more between them than alignment asks for: a field that was added is missed. */
static inline void check_fields(const Field *fields, size_t count, size_t size, size_t align)
{
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    size_t expected = (at + fields[i].align - 1) / fields[i].align * fields[i].align;
    if (expected != fields[i].offset)
      fail_msg("in front of %s there is a field that the list does not have", fields[i].name);
    at = (size_t)fields[i].offset + fields[i].size;
  }
  assert_int_equal((at + align - 1) / align * align, size);
}

#define CHECK_FIELDS(fields, type) check_fields(fields, sizeof(fields) / sizeof *(fields), sizeof(type), alignof(type))

/* ---- differences ---- */

/* Where the first difference lies, and both values; empty: none. */
typedef struct {
  char text[512];
} Difference;

static inline void describe(Difference *d, const char *where, const Field *field, const void *a, const void *b)
{
  char x[40] = "";
  char y[40] = "";
  for (unsigned i = 0; i < field->size && i < 16; i++) {
    snprintf(x + (size_t)2 * i, 3, "%02x", ((const unsigned char *)a)[i]);
    snprintf(y + (size_t)2 * i, 3, "%02x", ((const unsigned char *)b)[i]);
  }
  if (field->size <= 8) {
    uint64_t u = 0;
    uint64_t v = 0;
    memcpy(&u, a, field->size);
    memcpy(&v, b, field->size);
    snprintf(x, sizeof x, "%" PRIu64 "/0x%" PRIx64, u, u);
    snprintf(y, sizeof y, "%" PRIu64 "/0x%" PRIx64, v, v);
  }
  snprintf(d->text, sizeof d->text, "%s%s: %s, not %s", where, field->name, y, x);
}

static inline bool differ(const char *where, const Field *fields, size_t count, const void *a, const void *b, Difference *d)
{
  for (size_t i = 0; i < count; i++) {
    const char *x = (const char *)a + fields[i].offset;
    const char *y = (const char *)b + fields[i].offset;
    if (fields[i].kind == FIELD_COMPARED && memcmp(x, y, fields[i].size) != 0) {
      describe(d, where, &fields[i], x, y);
      return true;
    }
  }
  return false;
}

#define DIFFER(where, fields, a, b, d) differ(where, fields, sizeof(fields) / sizeof *(fields), a, b, d)

static inline bool ends_differ(const LaEndpoint *a, const LaEndpoint *b, const char *side, Difference *d)
{
  char where[64];
  snprintf(where, sizeof where, "%s ", side);
  if (DIFFER(where, end_fields, a, b, d))
    return true;
  for (unsigned i = 0; i < a->steps; i++) {
    snprintf(where, sizeof where, "%s step %u ", side, i);
    if (DIFFER(where, step_fields, &a->path[i], &b->path[i], d))
      return true;
  }
  for (unsigned i = 0; i < a->holes_used; i++) {
    snprintf(where, sizeof where, "%s hole %u ", side, i);
    if (DIFFER(where, hole_fields, &a->holes[i], &b->holes[i], d))
      return true;
  }
  return false;
}

/* A finished connection, kept beyond its recycling. */
typedef struct {
  LaConnection conn;
  LaMoment *moments; /* (owned) */
} Kept;

static inline Kept keep(const LaConnection *conn)
{
  Kept kept = {.moments = g_new0(LaMoment, conn->moments_used + 1u)};
  memcpy(&kept.conn, conn, sizeof *conn);
  for (unsigned i = 0; i < conn->moments_used; i++)
    memcpy(&kept.moments[i], la_connection_moment(conn, i), sizeof(LaMoment));
  return kept;
}

/* `a` is the reference. */
static inline bool kept_differ(const Kept *a, const Kept *b, Difference *d)
{
  if (DIFFER("", conn_fields, &a->conn, &b->conn, d) ||
      DIFFER("earlier ", earlier_fields, &a->conn.earlier, &b->conn.earlier, d))
    return true;
  for (int side = 0; side < LA_SIDE_N; side++)
    if (ends_differ(&a->conn.end[side], &b->conn.end[side], la_side_name((LaSide)side), d))
      return true;
  for (unsigned i = 0; i < a->conn.encap_count; i++)
    if (DIFFER("encap ", encap_fields, &a->conn.encap[i], &b->conn.encap[i], d))
      return true;
  for (unsigned i = 0; i < a->conn.moments_used; i++) {
    char where[32];
    snprintf(where, sizeof where, "moment %u ", i);
    if (DIFFER(where, moment_fields, &a->moments[i], &b->moments[i], d))
      return true;
  }
  return false;
}

#endif
