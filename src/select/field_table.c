/* THE TABLE of fields: each leaf of the connection record (report/lastack-1.schema.json; tests/lint/check_fields.py holds one against
 * the other) in the record's order, and short names for those that are asked for most. Facts of findings come from facts.def.
 *
 * A short name that stands for a field of both ends is a list: `port == 443` asks for any, `port != 443` for none. */
#include <stddef.h>
#include <string.h>

#include "select/field.h"
#include "select/stored.h"
#include "track/measures.h"

static LaTime span_duration(const LaConnection *conn, LaSide side)
{
  (void)side;
  return la_connection_duration(conn);
}

static LaTime span_syn_ack(const LaConnection *conn, LaSide side)
{
  (void)side;
  return la_connection_syn_to_syn_ack(conn);
}

static LaTime span_ack(const LaConnection *conn, LaSide side)
{
  (void)side;
  return la_connection_syn_ack_to_ack(conn);
}

static LaTime span_close(const LaConnection *conn, LaSide side)
{
  (void)side;
  return la_connection_close_duration(conn);
}

static int pick_roles(const LaConnection *conn, LaSide side)
{
  (void)side;
  return conn->roles_from;
}

static int pick_handshake(const LaConnection *conn, LaSide side)
{
  (void)side;
  return (int)la_connection_handshake(conn);
}

static int pick_teardown(const LaConnection *conn, LaSide side)
{
  (void)side;
  return (int)la_connection_teardown(conn);
}

static int pick_first(const LaConnection *conn, LaSide side)
{
  (void)side;
  return (int)la_connection_first_to_close(conn);
}

static int pick_rst_side(const LaConnection *conn, LaSide side)
{
  (void)side;
  bool counted = (conn->flags & LA_CONN_RST) != 0 && conn->rst_frame != 0 && conn->rst_side < LA_SIDE_N;
  return counted ? conn->rst_side : -1;
}

static int pick_error(const LaConnection *conn, LaSide side)
{
  LaAppError error = la_connection_app_error(conn, side);
  return error != LA_APP_NONE ? (int)error : -1;
}

static bool has_state(const LaConnection *conn, LaSide side)
{
  return la_connection_knows(conn, side) && conn->end[side].steps != 0;
}

static int pick_state(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  return has_state(conn, side) ? end->path[MIN(end->steps, LA_STEPS_MAX) - 1].state : -1;
}

static int pick_certain(const LaConnection *conn, LaSide side)
{
  return has_state(conn, side) ? (int)la_connection_final_certain(conn, side) : -1;
}

/* The record has it only where it is so. */
static int pick_corrected(const LaConnection *conn, LaSide side)
{
  (void)side;
  return conn->end[LA_OPENER].corrected != 0 || conn->end[LA_ACCEPTOR].corrected != 0 ? 1 : -1;
}

static int pick_ended_by(const LaConnection *conn, LaSide side)
{
  (void)side;
  return conn->ended_by;
}

/* An option that a SYN did not have is null in the record; one that was cut off is left out. */
static bool has_option(const LaEndpoint *end, unsigned option)
{
  return end->syn_frame != 0 && (end->syn_options & option) != 0;
}

static int pick_mss(const LaConnection *conn, LaSide side)
{
  return has_option(&conn->end[side], LA_OPT_MSS) ? conn->end[side].mss : -1;
}

static int pick_window_scale(const LaConnection *conn, LaSide side)
{
  return has_option(&conn->end[side], LA_OPT_WSCALE) ? conn->end[side].syn_wscale : -1;
}

static int offered(const LaEndpoint *end, unsigned option)
{
  if (has_option(end, option))
    return 1;
  return end->syn_frame == 0 || (end->syn_options & LA_OPT_CUT) != 0 ? -1 : 0;
}

static int pick_sack(const LaConnection *conn, LaSide side)
{
  return offered(&conn->end[side], LA_OPT_SACK_PERMITTED);
}

static int pick_timestamps(const LaConnection *conn, LaSide side)
{
  return offered(&conn->end[side], LA_OPT_TIMESTAMPS);
}

static int pick_fast_open(const LaConnection *conn, LaSide side)
{
  const LaEndpoint *end = &conn->end[side];
  return has_option(end, LA_OPT_FAST_OPEN) ? end->cookie_len > 0 : -1;
}

#define CONNECTION LA_FIELD_CONNECTION
#define HOST LA_FIELD_HOST
#define CONN_OR_HOST (LA_FIELD_CONNECTION | LA_FIELD_HOST)
#define FINDING LA_FIELD_FINDING
#define NAME(text, kind_of_value, where) .name = (text), .type = LA_TYPE_##kind_of_value, .kinds = (where)
#define LISTED(text, kind_of_value, where) NAME(text, kind_of_value, where), .shape = LA_FIELD_LIST
#define TEXTS(an_example, a_meaning) .example = (an_example), .meaning = (a_meaning)
#define OF_CONN(member)                                                                                                        \
  .read = la_read_member, .offset = offsetof(LaConnection, member), .size = sizeof(((const LaConnection *)NULL)->member)
#define OF_END(which, member)                                                                                                  \
  .read = la_read_member, .side = (which), .size = sizeof(((const LaEndpoint *)NULL)->member),                                 \
  .offset = offsetof(LaConnection, end) + (which) * sizeof(LaEndpoint) + offsetof(LaEndpoint, member)
#define MEMBER(text, kind_of_value, member, an_example, a_meaning)                                                             \
  {                                                                                                                            \
    NAME(text, kind_of_value, CONNECTION), OF_CONN(member), TEXTS(an_example, a_meaning)                                       \
  }
#define COUNTER(text, kind_of_value, which, member, is_zero, flags, an_example, a_meaning)                                     \
  {                                                                                                                            \
    NAME(text, kind_of_value, CONNECTION), OF_END(which, member), .zero = (is_zero), .end_flags = (flags),                     \
                                                                  TEXTS(an_example, a_meaning)                                 \
  }
#define FRAME(text, which, member, flags, an_example, a_meaning)                                                               \
  COUNTER(text, NUMBER, which, member, 1, flags, an_example, a_meaning)
#define SPAN(text, function, which, an_example, a_meaning)                                                                     \
  {                                                                                                                            \
    NAME(text, SPAN, CONNECTION), .read = la_read_span, .span = (function), .side = (which), TEXTS(an_example, a_meaning)      \
  }
#define PICK(text, vocabulary, function, which, an_example, a_meaning)                                                         \
  {                                                                                                                            \
    NAME(text, WORD, CONNECTION), .words = &la_words_##vocabulary, .read = la_read_pick, .pick = (function), .side = (which),  \
                                  TEXTS(an_example, a_meaning)                                                                 \
  }
#define SHORT(text, kind_of_value, a_shape, where, one, other, an_example, a_meaning)                                          \
  {                                                                                                                            \
    NAME(text, kind_of_value, where), .shape = LA_FIELD_##a_shape, .part = {one, other}, TEXTS(an_example, a_meaning)          \
  }
#define SHORT_WORD(text, vocabulary, a_shape, one, other, an_example, a_meaning)                                               \
  {                                                                                                                            \
    NAME(text, WORD, CONNECTION), .words = &la_words_##vocabulary, .shape = LA_FIELD_##a_shape, .part = {one, other},          \
                                  TEXTS(an_example, a_meaning)                                                                 \
  }

static const LaFieldRow rows[] = {
    MEMBER("id", NUMBER, id, "> 100", "the connection's number, given at its first packet"),
    {NAME("file", NUMBER, FINDING), .read = la_read_file, TEXTS("== 1", "number of the capture it began in, from 1")},
    {NAME("community_id", TEXT, CONNECTION), .read = la_read_community_id,
     TEXTS("== \"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"", "the id other tools give this flow")},
    {NAME("client.ip", ADDRESS, CONN_OR_HOST), .read = la_read_address, .side = LA_OPENER,
     TEXTS("in 10.0.0.0/8", "address of the end that opened, or would have")},
    {NAME("client.port", PORT, CONNECTION), .read = la_read_port, .side = LA_OPENER, TEXTS("in {32768..60999}", "its port")},
    {NAME("server.ip", ADDRESS, CONN_OR_HOST), .read = la_read_address, .side = LA_ACCEPTOR,
     TEXTS("== 10.9.0.2", "address of the other end")},
    {NAME("server.port", PORT, CONN_OR_HOST), .read = la_read_port, .side = LA_ACCEPTOR, TEXTS("== 8888", "its port")},
    SHORT("ip", ADDRESS, LIST, CONN_OR_HOST, "client.ip", "server.ip", "in 2001:db8::/32", "address of either end"),
    SHORT("port", PORT, LIST, CONN_OR_HOST, "client.port", "server.port", "in {80, 443}", "port of either end"),
    {NAME("subject.kind", WORD, HOST), .words = &la_words_subject, .read = la_read_subject_kind,
     TEXTS("== service", "whom a finding about hosts is about: service, source or pair")},
    PICK("roles_from", roles, pick_roles, 0, "== syn", "what told client from server"),
    {LISTED("encapsulation", TEXT, CONNECTION), .read = la_read_encapsulation,
     TEXTS("== \"vlan:10\"", "VLANs and tunnels around it, outermost first")},
    {NAME("first_packet", NUMBER, CONNECTION), OF_CONN(first_frame), .zero = 1,
     TEXTS("<= 1000", "frame number of its first packet")},
    {NAME("last_packet", NUMBER, CONNECTION), OF_CONN(last_frame), .zero = 1,
     TEXTS("> 1000", "frame number of its last packet")},
    MEMBER("start", TIME, first_time, ">= \"02:10\"",
           "time of its first packet; of a socket that was there before: when the kernel was asked"),
    SPAN("duration_s", span_duration, 0, "> 5s", "from its first packet to its last"),
    SHORT("duration", SPAN, SCALAR, CONNECTION, "duration_s", NULL, "> 5s", "short for duration_s"),
    COUNTER("to_server.packets", NUMBER, LA_OPENER, packets, 0, 0, "> 10", "segments the client sent"),
    COUNTER("to_server.payload_bytes", BYTES, LA_OPENER, payload_bytes, 0, 0, "> 1MiB", "payload the client sent"),
    COUNTER("to_server.syn", NUMBER, LA_OPENER, syn, 0, 0, "> 1", "its segments with SYN"),
    COUNTER("to_server.fin", NUMBER, LA_OPENER, fin, 0, 0, "> 1", "its segments with FIN"),
    COUNTER("to_server.rst", NUMBER, LA_OPENER, rst, 0, 0, "> 0", "its segments with RST"),
    COUNTER("to_server.retransmitted", NUMBER, LA_OPENER, retransmitted, 0, 0, "> 0", "segments it sent again"),
    COUNTER("to_server.keepalive", NUMBER, LA_OPENER, keepalive, 0, 0, "> 0", "its keep-alive probes"),
    COUNTER("to_server.duplicate", NUMBER, LA_OPENER, duplicate, 0, 0, "> 0", "its packets that stand in the capture twice"),
    COUNTER("to_client.packets", NUMBER, LA_ACCEPTOR, packets, 0, 0, "> 10", "segments the server sent"),
    COUNTER("to_client.payload_bytes", BYTES, LA_ACCEPTOR, payload_bytes, 0, 0, "> 1MiB", "payload the server sent"),
    COUNTER("to_client.syn", NUMBER, LA_ACCEPTOR, syn, 0, 0, "> 1", "its segments with SYN"),
    COUNTER("to_client.fin", NUMBER, LA_ACCEPTOR, fin, 0, 0, "> 1", "its segments with FIN"),
    COUNTER("to_client.rst", NUMBER, LA_ACCEPTOR, rst, 0, 0, "> 0", "its segments with RST"),
    COUNTER("to_client.retransmitted", NUMBER, LA_ACCEPTOR, retransmitted, 0, 0, "> 0", "segments it sent again"),
    COUNTER("to_client.keepalive", NUMBER, LA_ACCEPTOR, keepalive, 0, 0, "> 0", "its keep-alive probes"),
    COUNTER("to_client.duplicate", NUMBER, LA_ACCEPTOR, duplicate, 0, 0, "> 0", "its packets that stand in the capture twice"),
    PICK("handshake.result", handshake, pick_handshake, 0, "== complete", "how it opened"),
    SHORT_WORD("handshake", handshake, SCALAR, "handshake.result", NULL, "!= complete", "short for handshake.result"),
    FRAME("handshake.packets.syn", LA_OPENER, syn_frame, 0, "== 1", "frame of the first SYN"),
    FRAME("handshake.packets.syn_ack", LA_ACCEPTOR, syn_frame, LA_END_SYN_ACK, "== 2", "frame of the first SYN-ACK"),
    {NAME("handshake.packets.ack", NUMBER, CONNECTION), OF_CONN(handshake_ack_frame), .zero = 1,
     TEXTS("== 3", "frame of the first ACK of it")},
    COUNTER("handshake.syn_sent", NUMBER, LA_OPENER, syn_sent, 0, 0, "> 1", "how often the client sent its SYN"),
    COUNTER("handshake.syn_ack_sent", NUMBER, LA_ACCEPTOR, syn_ack_sent, 0, 0, "> 1", "how often the server sent its SYN-ACK"),
    SPAN("handshake.syn_to_syn_ack_s", span_syn_ack, 0, "> 200ms", "from the first SYN to the first SYN-ACK"),
    SPAN("handshake.syn_ack_to_ack_s", span_ack, 0, "> 200ms", "from that to the first ACK of it"),
    {NAME("handshake.client_options.mss", NUMBER, CONNECTION), .read = la_read_pick, .pick = pick_mss, .side = LA_OPENER,
     TEXTS("< 1460", "largest segment the client takes")},
    {NAME("handshake.client_options.window_scale", NUMBER, CONNECTION), .read = la_read_pick, .pick = pick_window_scale,
     .side = LA_OPENER, TEXTS("== 0", "its window scale")},
    {NAME("handshake.client_options.sack", BOOLEAN, CONNECTION), .read = la_read_pick, .pick = pick_sack, .side = LA_OPENER,
     TEXTS("== false", "whether it offered selective acknowledgments")},
    {NAME("handshake.client_options.timestamps", BOOLEAN, CONNECTION), .read = la_read_pick, .pick = pick_timestamps,
     .side = LA_OPENER, TEXTS("== false", "whether it offered timestamps")},
    PICK("handshake.client_options.fast_open", fast_open, pick_fast_open, LA_OPENER, "== cookie",
         "fast open: request or cookie"),
    {NAME("handshake.server_options.mss", NUMBER, CONNECTION), .read = la_read_pick, .pick = pick_mss, .side = LA_ACCEPTOR,
     TEXTS("< 1460", "largest segment the server takes")},
    {NAME("handshake.server_options.window_scale", NUMBER, CONNECTION), .read = la_read_pick, .pick = pick_window_scale,
     .side = LA_ACCEPTOR, TEXTS("== 0", "its window scale")},
    {NAME("handshake.server_options.sack", BOOLEAN, CONNECTION), .read = la_read_pick, .pick = pick_sack, .side = LA_ACCEPTOR,
     TEXTS("== false", "whether it offered selective acknowledgments")},
    {NAME("handshake.server_options.timestamps", BOOLEAN, CONNECTION), .read = la_read_pick, .pick = pick_timestamps,
     .side = LA_ACCEPTOR, TEXTS("== false", "whether it offered timestamps")},
    PICK("handshake.server_options.fast_open", fast_open, pick_fast_open, LA_ACCEPTOR, "== cookie",
         "fast open: request or cookie"),
    PICK("teardown.result", teardown, pick_teardown, 0, "== rst", "how it closed"),
    SHORT_WORD("teardown", teardown, SCALAR, "teardown.result", NULL, "in {rst, fin-rst}", "short for teardown.result"),
    PICK("teardown.first", first, pick_first, 0, "== server", "who sent the first FIN: client, server, both, none"),
    FRAME("teardown.packets.client_fin", LA_OPENER, fin_frame, LA_END_FIN, "> 100", "frame of the client's first FIN"),
    FRAME("teardown.packets.client_fin_acked", LA_OPENER, fin_acked_frame, LA_END_FIN_ACKED, "> 100",
          "frame of the first ACK of it"),
    FRAME("teardown.packets.server_fin", LA_ACCEPTOR, fin_frame, LA_END_FIN, "> 100", "frame of the server's first FIN"),
    FRAME("teardown.packets.server_fin_acked", LA_ACCEPTOR, fin_acked_frame, LA_END_FIN_ACKED, "> 100",
          "frame of the first ACK of it"),
    {NAME("teardown.rst.packet", NUMBER, CONNECTION), OF_CONN(rst_frame), .zero = 1, .conn_flags = LA_CONN_RST,
     TEXTS("> 100", "frame of the first RST that counted")},
    PICK("teardown.rst.from", side, pick_rst_side, 0, "== server", "who sent it"),
    SPAN("teardown.fin_to_ack_s.client_fin", la_connection_fin_to_ack, LA_OPENER, "> 1s",
         "from the client's first FIN to the ACK of it"),
    SPAN("teardown.fin_to_ack_s.server_fin", la_connection_fin_to_ack, LA_ACCEPTOR, "> 1s",
         "from the server's first FIN to the ACK of it"),
    SPAN("teardown.close_wait_s.client", la_connection_close_wait, LA_OPENER, "> 60s", "how long the client was in CLOSE_WAIT"),
    SPAN("teardown.close_wait_s.server", la_connection_close_wait, LA_ACCEPTOR, "> 60s",
         "how long the server was in CLOSE_WAIT"),
    SPAN("teardown.duration_s", span_close, 0, "> 1s", "from the first FIN to the ACK of the last, or to the RST"),
    PICK("app_error.client", error, pick_error, LA_OPENER, "== ECONNRESET", "error the client's application saw"),
    PICK("app_error.server", error, pick_error, LA_ACCEPTOR, "== ECONNRESET", "error the server's application saw"),
    SHORT_WORD("app_error", error, LIST, "app_error.client", "app_error.server", "== ECONNRESET",
               "error either application saw"),
    PICK("final.client.state", state, pick_state, LA_OPENER, "== CLOSE_WAIT", "the client's state after the last packet"),
    {NAME("final.client.certain", BOOLEAN, CONNECTION), .read = la_read_pick, .pick = pick_certain, .side = LA_OPENER,
     TEXTS("== true", "whether packets prove it")},
    PICK("final.server.state", state, pick_state, LA_ACCEPTOR, "== CLOSE_WAIT", "the server's state after the last packet"),
    {NAME("final.server.certain", BOOLEAN, CONNECTION), .read = la_read_pick, .pick = pick_certain, .side = LA_ACCEPTOR,
     TEXTS("== true", "whether packets prove it")},
    SHORT_WORD("state", state, LIST, "final.client.state", "final.server.state", "== CLOSE_WAIT",
               "state of either end after the last packet"),
    {LISTED("path.client.state", WORD, CONNECTION), .words = &la_words_state, .read = la_read_path_state, .side = LA_OPENER,
     TEXTS("== FIN_WAIT_2", "states the client went through")},
    {LISTED("path.client.packet", NUMBER, CONNECTION), .read = la_read_path_packet, .side = LA_OPENER,
     TEXTS("== 5", "frames that caused these steps")},
    {LISTED("path.client.at_s", SPAN, CONNECTION), .read = la_read_path_at, .side = LA_OPENER,
     TEXTS("> 60s", "when, from the connection's start")},
    {LISTED("path.client.proved_by", NUMBER, CONNECTION), .read = la_read_path_proved, .side = LA_OPENER,
     TEXTS("> 100", "later frames that prove such a step")},
    {LISTED("path.client.gap", BOOLEAN, CONNECTION), .read = la_read_path_gap, .side = LA_OPENER,
     TEXTS("== true", "a step that was assumed: a segment is missing")},
    {LISTED("path.client.kernel", BOOLEAN, CONNECTION), .read = la_read_path_kernel, .side = LA_OPENER,
     TEXTS("== true", "a state that no packet showed: the kernel told it")},
    {LISTED("path.server.state", WORD, CONNECTION), .words = &la_words_state, .read = la_read_path_state, .side = LA_ACCEPTOR,
     TEXTS("== FIN_WAIT_2", "states the server went through")},
    {LISTED("path.server.packet", NUMBER, CONNECTION), .read = la_read_path_packet, .side = LA_ACCEPTOR,
     TEXTS("== 5", "frames that caused these steps")},
    {LISTED("path.server.at_s", SPAN, CONNECTION), .read = la_read_path_at, .side = LA_ACCEPTOR,
     TEXTS("> 60s", "when, from the connection's start")},
    {LISTED("path.server.proved_by", NUMBER, CONNECTION), .read = la_read_path_proved, .side = LA_ACCEPTOR,
     TEXTS("> 100", "later frames that prove such a step")},
    {LISTED("path.server.gap", BOOLEAN, CONNECTION), .read = la_read_path_gap, .side = LA_ACCEPTOR,
     TEXTS("== true", "a step that was assumed: a segment is missing")},
    {LISTED("path.server.kernel", BOOLEAN, CONNECTION), .read = la_read_path_kernel, .side = LA_ACCEPTOR,
     TEXTS("== true", "a state that no packet showed: the kernel told it")},
    {NAME("path_corrected", BOOLEAN, CONNECTION), .read = la_read_pick, .pick = pick_corrected,
     TEXTS("== true", "an assumed step was taken back")},
    PICK("ended_by", ended_by, pick_ended_by, 0, "== capture-end", "why its record was closed"),
    {LISTED("findings.code", WORD, FINDING), .words = &la_words_code, .read = la_read_finding_code,
     TEXTS("== close-wait-leak", "codes of its findings")},
    {LISTED("finding", WORD, FINDING), .words = &la_words_code, .part = {"findings.code"},
     TEXTS("== close-wait-leak", "short for findings.code")},
    {LISTED("findings.severity", WORD, FINDING), .words = &la_words_severity, .read = la_read_finding_severity,
     TEXTS(">= warning", "note, warning or error")},
    {LISTED("severity", WORD, FINDING), .words = &la_words_severity, .part = {"findings.severity"},
     TEXTS(">= warning", "short for findings.severity")},
    {LISTED("findings.blame", WORD, FINDING), .words = &la_words_blame, .read = la_read_finding_blame,
     TEXTS("== server-application", "the first cause")},
    {LISTED("blame", WORD, FINDING), .words = &la_words_blame, .part = {"findings.blame"},
     TEXTS("== server-application", "short for findings.blame")},
    {LISTED("findings.blame_also", WORD, FINDING), .words = &la_words_blame, .read = la_read_finding_blame_also,
     TEXTS("== network", "what else fits")},
    {LISTED("findings.confidence", WORD, FINDING), .words = &la_words_confidence, .read = la_read_finding_confidence,
     TEXTS("== certain", "possible, likely or certain")},
    {LISTED("confidence", WORD, FINDING), .words = &la_words_confidence, .part = {"findings.confidence"},
     TEXTS("== certain", "short for findings.confidence")},
    {LISTED("findings.packets", NUMBER, FINDING), .read = la_read_finding_packets,
     TEXTS("== 17", "frames that show it, at most 32")},
    {LISTED("findings.packets_total", NUMBER, FINDING), .read = la_read_finding_packets_total,
     TEXTS("> 32", "how many show it, where there are more")},
    {LISTED("findings.file", NUMBER, FINDING), .read = la_read_finding_file,
     TEXTS("== 2", "capture these frames are of, where it is not the connection's")},
    {LISTED("findings.at", TIME, FINDING), .read = la_read_finding_at, TEXTS(">= \"02:10\"", "moment of the evidence")},
    {LISTED("findings.summary", TEXT, FINDING), .read = la_read_finding_summary, TEXTS("~ \"kill -9\"", "its sentence")},

#define LA_FACT_FIELD(fact_name, kind_of_value)                                                                                \
  {LISTED("findings.facts." #fact_name, kind_of_value, FINDING), .read = la_read_fact, .fact = #fact_name},
#include "select/facts.def"
#undef LA_FACT_FIELD
};

#define FINDINGS_PREFIX "findings."

const LaFieldRow *la_field_row(unsigned n)
{
  return n < G_N_ELEMENTS(rows) ? &rows[n] : NULL;
}

unsigned la_field_number(const LaFieldRow *row)
{
  return (unsigned)(row - rows);
}

static bool is_named(const char *name, const char *word, size_t len)
{
  return strncmp(name, word, len) == 0 && name[len] == '\0';
}

const LaFieldRow *la_field_find(const char *name, size_t len)
{
  for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
    if (is_named(rows[i].name, name, len) ||
        (rows[i].fact != NULL && is_named(rows[i].name + strlen(FINDINGS_PREFIX), name, len)))
      return &rows[i];
  }
  return NULL;
}

unsigned la_field_parts(const LaFieldRow *row, const LaFieldRow *ret_parts[2])
{
  unsigned count = 0;
  for (unsigned i = 0; i < 2 && row->part[i] != NULL; i++)
    ret_parts[count++] = la_field_find(row->part[i], strlen(row->part[i]));
  if (count == 0)
    ret_parts[count++] = row;
  return count;
}

bool la_field_needs_whole(const LaFieldRow *part)
{
  static const char *const prefixes[] = {"path.", "final.", "handshake.client_options.", "handshake.server_options."};
  for (unsigned i = 0; i < G_N_ELEMENTS(prefixes); i++) {
    if (g_str_has_prefix(part->name, prefixes[i]))
      return true;
  }
  return part->pick == pick_first || part->span == la_connection_close_wait;
}

bool la_field_value(const LaCandidate *candidate, const LaFieldRow *part, unsigned at, LaValue *ret)
{
  ret->owned = NULL;
  if (candidate->stored != NULL)
    return la_stored_value(candidate->stored, la_field_number(part), at, ret);
  return part->read(candidate, part, at, ret);
}

bool la_field(unsigned n, LaField *ret_field)
{
  const LaFieldRow *row = la_field_row(n);
  if (row == NULL)
    return false;
  *ret_field = (LaField){
      .name = row->name,
      .type = la_field_type_name(row),
      .unit = la_field_unit(row),
      .example = row->example != NULL ? row->example : "",
      .meaning = row->meaning != NULL ? row->meaning : "",
      .kinds = row->kinds,
  };
  return true;
}
