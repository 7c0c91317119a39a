/* A connection's record. The rule throughout: what is not known is left out. */
#include "base/community_id.h"
#include "decode/decoder.h"
#include "report/ndjson.h"
#include "track/measures.h"

static void write_end(LaJson *json, const char *key, const LaConnection *conn, LaSide side)
{
  char text[LA_ADDR_TEXT_MAX];
  la_json_key(json, key);
  la_json_begin_object(json);
  la_json_key(json, "ip");
  la_json_string(json, la_addr_format(&conn->addr[side], (LaFamily)conn->family, text));
  la_json_key(json, "port");
  la_json_uint(json, conn->port[side]);
  la_json_end_object(json);
}

static void write_count(LaJson *json, const char *key, uint64_t value)
{
  la_json_key(json, key);
  la_json_uint(json, value);
}

static void write_frame(LaJson *json, const char *key, uint64_t frame)
{
  if (frame != 0)
    write_count(json, key, frame);
}

static void write_span(LaJson *json, const char *key, LaTime span)
{
  if (span == LA_TIME_NONE)
    return;
  la_json_key(json, key);
  la_json_span(json, span);
}

static void write_direction(LaJson *json, const char *key, const LaEndpoint *sender)
{
  la_json_key(json, key);
  la_json_begin_object(json);
  write_count(json, "packets", sender->packets);
  write_count(json, "payload_bytes", sender->payload_bytes);
  write_count(json, "syn", sender->syn);
  write_count(json, "fin", sender->fin);
  write_count(json, "rst", sender->rst);
  write_count(json, "retransmitted", sender->retransmitted);
  write_count(json, "keepalive", sender->keepalive);
  write_count(json, "duplicate", sender->duplicate);
  la_json_end_object(json);
}

/* The options of a side's SYN or SYN-ACK: null is "it had none", absent "the capture does not have all of it". */
static void write_options(LaJson *json, const char *key, const LaEndpoint *end)
{
  if (end->syn_frame == 0)
    return;
  unsigned options = end->syn_options;
  bool cut = (options & LA_OPT_CUT) != 0;
  la_json_key(json, key);
  la_json_begin_object(json);
  if (!cut || (options & LA_OPT_MSS) != 0) {
    la_json_key(json, "mss");
    if ((options & LA_OPT_MSS) != 0)
      la_json_uint(json, end->mss);
    else
      la_json_null(json);
  }
  if (!cut || (options & LA_OPT_WSCALE) != 0) {
    la_json_key(json, "window_scale");
    if ((options & LA_OPT_WSCALE) != 0)
      la_json_uint(json, end->syn_wscale);
    else
      la_json_null(json);
  }
  if (!cut || (options & LA_OPT_SACK_PERMITTED) != 0) {
    la_json_key(json, "sack");
    la_json_bool(json, (options & LA_OPT_SACK_PERMITTED) != 0);
  }
  if (!cut || (options & LA_OPT_TIMESTAMPS) != 0) {
    la_json_key(json, "timestamps");
    la_json_bool(json, (options & LA_OPT_TIMESTAMPS) != 0);
  }
  if (!cut || (options & LA_OPT_FAST_OPEN) != 0) {
    la_json_key(json, "fast_open");
    if ((options & LA_OPT_FAST_OPEN) != 0)
      la_json_string(json, end->cookie_len > 0 ? "cookie" : "request");
    else
      la_json_null(json);
  }
  la_json_end_object(json);
}

static void write_handshake(LaJson *json, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  const LaEndpoint *client = &conn->end[LA_OPENER];
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  bool syn_ack = (server->flags & LA_END_SYN_ACK) != 0;
  la_json_key(json, "handshake");
  la_json_begin_object(json);
  la_json_key(json, "result");
  la_json_string(json, la_handshake_result_name(record->handshake));
  la_json_key(json, "packets");
  la_json_begin_object(json);
  write_frame(json, "syn", client->syn_frame);
  write_frame(json, "syn_ack", syn_ack ? server->syn_frame : 0);
  write_frame(json, "ack", conn->handshake_ack_frame);
  la_json_end_object(json);
  write_count(json, "syn_sent", client->syn_sent);
  write_count(json, "syn_ack_sent", server->syn_ack_sent);
  write_span(json, "syn_to_syn_ack_s", la_connection_syn_to_syn_ack(conn));
  write_span(json, "syn_ack_to_ack_s", la_connection_syn_ack_to_ack(conn));
  write_options(json, "client_options", client);
  write_options(json, "server_options", server);
  la_json_end_object(json);
}

static void write_close_wait(LaJson *json, const LaConnection *conn)
{
  bool opened = false;
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    LaTime held = la_connection_close_wait(conn, (LaSide)side);
    if (held == LA_TIME_NONE)
      continue;
    if (!opened) {
      la_json_key(json, "close_wait_s");
      la_json_begin_object(json);
      opened = true;
    }
    write_span(json, la_side_name((LaSide)side), held);
  }
  if (opened)
    la_json_end_object(json);
}

static void write_teardown(LaJson *json, const LaConnectionRecord *record)
{
  static const char *const fin_keys[] = {"client_fin", "server_fin"};
  static const char *const acked_keys[] = {"client_fin_acked", "server_fin_acked"};
  const LaConnection *conn = record->conn;
  la_json_key(json, "teardown");
  la_json_begin_object(json);
  la_json_key(json, "result");
  la_json_string(json, la_teardown_result_name(record->teardown));
  la_json_key(json, "first");
  la_json_string(json, la_first_to_close_name(la_connection_first_to_close(conn)));
  la_json_key(json, "packets");
  la_json_begin_object(json);
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    const LaEndpoint *end = &conn->end[side];
    if ((end->flags & LA_END_FIN) != 0)
      write_frame(json, fin_keys[side], end->fin_frame);
    if ((end->flags & LA_END_FIN_ACKED) != 0)
      write_frame(json, acked_keys[side], end->fin_acked_frame);
  }
  la_json_end_object(json);
  if ((conn->flags & LA_CONN_RST) != 0 && conn->rst_frame != 0 && conn->rst_side < LA_SIDE_N) {
    la_json_key(json, "rst");
    la_json_begin_object(json);
    write_frame(json, "packet", conn->rst_frame);
    la_json_key(json, "from");
    la_json_string(json, la_side_name((LaSide)conn->rst_side));
    la_json_end_object(json);
  }
  la_json_key(json, "fin_to_ack_s");
  la_json_begin_object(json);
  for (unsigned side = 0; side < LA_SIDE_N; side++)
    write_span(json, fin_keys[side], la_connection_fin_to_ack(conn, (LaSide)side));
  la_json_end_object(json);
  write_close_wait(json, conn);
  write_span(json, "duration_s", la_connection_close_duration(conn));
  la_json_end_object(json);
}

static void write_final(LaJson *json, const LaConnection *conn)
{
  la_json_key(json, "final");
  la_json_begin_object(json);
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    const LaEndpoint *end = &conn->end[side];
    if (!la_connection_knows(conn, (LaSide)side) || end->steps == 0)
      continue;
    la_json_key(json, la_side_name((LaSide)side));
    la_json_begin_object(json);
    la_json_key(json, "state");
    la_json_string(json, la_tcp_state_name((LaTcpState)end->path[MIN(end->steps, LA_STEPS_MAX) - 1].state));
    la_json_key(json, "certain");
    la_json_bool(json, la_connection_final_certain(conn, (LaSide)side));
    la_json_end_object(json);
  }
  la_json_end_object(json);
}

static void write_path(LaJson *json, const LaConnection *conn)
{
  la_json_key(json, "path");
  la_json_begin_object(json);
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    const LaEndpoint *end = &conn->end[side];
    la_json_key(json, la_side_name((LaSide)side));
    la_json_begin_array(json);
    unsigned steps = la_connection_knows(conn, (LaSide)side) ? MIN(end->steps, LA_STEPS_MAX) : 0;
    for (unsigned i = 0; i < steps; i++) {
      const LaStep *step = &end->path[i];
      la_json_begin_object(json);
      la_json_key(json, "state");
      la_json_string(json, la_tcp_state_name((LaTcpState)step->state));
      write_frame(json, "packet", la_connection_step_frame(conn, (LaSide)side, i));
      if (la_time_is_known(conn->first_time)) {
        la_json_key(json, "at_s");
        la_json_span(json, step->time != LA_TIME_NONE ? step->time - conn->first_time : 0);
      }
      if (la_step_is_told(step)) {
        la_json_key(json, "kernel");
        la_json_bool(json, true);
      } else {
        write_frame(json, "proved_by", step->proved_by != step->frame ? step->proved_by : 0);
      }
      if (step->gap != 0) {
        la_json_key(json, "gap");
        la_json_bool(json, true);
      }
      la_json_end_object(json);
    }
    la_json_end_array(json);
  }
  la_json_end_object(json);
  if (conn->end[0].corrected != 0 || conn->end[1].corrected != 0) {
    la_json_key(json, "path_corrected");
    la_json_bool(json, true);
  }
}

static void write_app_error(LaJson *json, const LaConnection *conn)
{
  la_json_key(json, "app_error");
  la_json_begin_object(json);
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    la_json_key(json, la_side_name((LaSide)side));
    la_json_string(json, la_app_error_name(la_connection_app_error(conn, (LaSide)side)));
  }
  la_json_end_object(json);
}

static void write_findings(LaJson *json, const LaConnectionRecord *record)
{
  la_json_key(json, "findings");
  la_json_begin_array(json);
  if (record->findings->count > 0) {
    g_autoptr(GString) sentence = g_string_sized_new(256);
    for (unsigned i = 0; i < record->findings->count; i++) {
      g_string_truncate(sentence, 0);
      la_finding_summary(&record->findings->items[i], record->conn, sentence);
      la_json_finding(json, &record->findings->items[i], sentence->str);
    }
  }
  la_json_end_array(json);
}

void la_json_connection(LaJson *json, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  LaHostPort client = la_connection_end(conn, LA_OPENER);
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  char text[LA_COMMUNITY_ID_MAX];
  la_json_begin_object(json);
  la_json_key(json, "type");
  la_json_string(json, "connection");
  la_json_key(json, "schema");
  la_json_string(json, LA_SCHEMA);
  write_count(json, "id", conn->id);
  write_count(json, "file", record->file);
  la_json_key(json, "community_id");
  la_json_string(json, la_community_id(&client, &server, text));
  write_end(json, "client", conn, LA_OPENER);
  write_end(json, "server", conn, LA_ACCEPTOR);
  la_json_key(json, "roles_from");
  la_json_string(json, la_roles_from_name((LaRolesFrom)conn->roles_from));
  la_json_key(json, "encapsulation");
  la_json_begin_array(json);
  for (unsigned i = 0; i < conn->encap_count && i < LA_ENCAP_MAX; i++) {
    char word[24];
    la_json_string(json, la_encap_format(&conn->encap[i], word));
  }
  la_json_end_array(json);
  write_frame(json, "first_packet", conn->first_frame);
  write_frame(json, "last_packet", conn->last_frame);
  if (la_time_is_known(conn->first_time)) {
    la_json_key(json, "start");
    la_json_time(json, conn->first_time);
  }
  write_span(json, "duration_s", la_connection_duration(conn));
  write_direction(json, "to_server", &conn->end[LA_OPENER]);
  write_direction(json, "to_client", &conn->end[LA_ACCEPTOR]);
  write_handshake(json, record);
  write_teardown(json, record);
  write_app_error(json, conn);
  write_final(json, conn);
  write_path(json, conn);
  la_json_key(json, "ended_by");
  la_json_string(json, la_ended_by_name((LaEndedBy)conn->ended_by));
  write_findings(json, record);
  la_json_end_object(json);
}
