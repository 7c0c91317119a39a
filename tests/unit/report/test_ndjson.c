/* The records against their text: field names and meanings are public. */
#include "unit/report/story.h"

#include "base/community_id.h"
#include "report/ndjson.h"

static char *connection_text(const Story *story)
{
  GString *out = g_string_new(NULL);
  LaJson json;
  la_json_init(&json, out);
  la_json_connection(&json, &story->record);
  return g_string_free(out, FALSE);
}

static void test_whole_record(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", story->conn.last_time);
  g_autofree char *text = connection_text(story);
  assert_string_equal(
      text,
      "{\"type\":\"connection\",\"schema\":\"lastack/"
      "1\",\"id\":1,\"file\":1,\"community_id\":\"1:I5Dq1fSkltk35UHnOYtYpZt0XBs=\","
      "\"client\":{\"ip\":\"10.9.0.1\",\"port\":55308},\"server\":{\"ip\":\"10.9.0.2\",\"port\":8888},\"roles_from\":\"syn\","
      "\"encapsulation\":[\"vlan:10\"],\"first_packet\":1,\"last_packet\":7,\"start\":\"2026-11-21T02:00:00.000000000Z\","
      "\"duration_s\":1.043451000,"
      "\"to_server\":{\"packets\":4,\"payload_bytes\":10,\"syn\":1,\"fin\":1,\"rst\":0,\"retransmitted\":0,\"keepalive\":0,"
      "\"duplicate\":0},"
      "\"to_client\":{\"packets\":3,\"payload_bytes\":0,\"syn\":1,\"fin\":0,\"rst\":0,\"retransmitted\":0,\"keepalive\":0,"
      "\"duplicate\":0},"
      "\"handshake\":{\"result\":\"complete\",\"packets\":{\"syn\":1,\"syn_ack\":2,\"ack\":3},\"syn_sent\":1,\"syn_ack_sent\":"
      "1,"
      "\"syn_to_syn_ack_s\":0.000409000,\"syn_ack_to_ack_s\":0.000031000,"
      "\"client_options\":{\"mss\":1460,\"window_scale\":7,\"sack\":true,\"timestamps\":true,\"fast_open\":null},"
      "\"server_options\":{\"mss\":1400}},"
      "\"teardown\":{\"result\":\"half-closed\",\"first\":\"client\",\"packets\":{\"client_fin\":6,\"client_fin_acked\":7},"
      "\"fin_to_ack_s\":{\"client_fin\":0.041193000},\"close_wait_s\":{\"server\":312.041193000}},"
      "\"app_error\":{\"client\":null,\"server\":null},"
      "\"final\":{\"client\":{\"state\":\"FIN_WAIT_2\",\"certain\":false},\"server\":{\"state\":\"CLOSE_WAIT\",\"certain\":"
      "true}},"
      "\"path\":{\"client\":[{\"state\":\"SYN_SENT\",\"packet\":1,\"at_s\":0.000000000},"
      "{\"state\":\"ESTABLISHED\",\"packet\":2,\"at_s\":0.000409000,\"proved_by\":3},"
      "{\"state\":\"FIN_WAIT_1\",\"packet\":6,\"at_s\":1.002258000},{\"state\":\"FIN_WAIT_2\",\"packet\":7,\"at_s\":1."
      "043451000}],"
      "\"server\":[{\"state\":\"SYN_RECEIVED\",\"packet\":2,\"at_s\":0.000409000},"
      "{\"state\":\"ESTABLISHED\",\"packet\":3,\"at_s\":0.000440000,\"proved_by\":5},"
      "{\"state\":\"CLOSE_WAIT\",\"packet\":6,\"at_s\":1.002258000,\"proved_by\":7}]},"
      "\"ended_by\":\"capture-end\","
      "\"findings\":[{\"code\":\"close-wait-leak\",\"severity\":\"error\",\"blame\":\"server-application\",\"confidence\":"
      "\"likely\","
      "\"packets\":[6,7],\"at\":\"2026-11-21T02:00:01.043451000Z\",\"summary\":\"10.9.0.2:8888 got the FIN of 10.9.0.1:55308 "
      "in packet 6, "
      "acknowledged it in packet 7 and had not closed 312 s later when the capture ended: the server application does not "
      "close its "
      "socket.\",\"facts\":{\"held_s\":312.000000000}}]}");
}

static void test_both_fins_and_crossing(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaEndpoint *server = &story->conn.end[LA_ACCEPTOR];
  server->flags |= LA_END_FIN | LA_END_FIN_ACKED;
  server->fin_frame = 8;
  server->fin_time = story->conn.last_time + LA_SEC;
  server->fin_acked_frame = 9;
  server->fin_acked_time = story->conn.last_time + 2 * LA_SEC;
  story_step(server, LA_TCP_LAST_ACK, (LaStep){.time = server->fin_time, .frame = 8, .proved_by = 8});
  g_autofree char *in_turn = connection_text(story);
  assert_has(in_turn, "\"first\":\"client\"");
  assert_has(in_turn, "\"server_fin\":8,\"server_fin_acked\":9}");
  assert_has(in_turn, "\"fin_to_ack_s\":{\"client_fin\":0.041193000,\"server_fin\":1.000000000}");
  assert_has(in_turn, "\"close_wait_s\":{\"server\":1.041193000},\"duration_s\":2.041193000}");

  server->path[2].state = LA_TCP_FIN_WAIT_1;
  server->path[3].state = LA_TCP_CLOSING;
  g_autofree char *crossing = connection_text(story);
  assert_has(crossing, "\"first\":\"both\"");
  assert_lacks(crossing, "close_wait_s");
}

static void test_reset(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story->conn.flags |= LA_CONN_RST;
  story->conn.rst_frame = 12;
  story->conn.rst_side = LA_ACCEPTOR;
  story->conn.rst_time = story->conn.end[LA_OPENER].fin_time + 5 * LA_MSEC;
  g_autofree char *text = connection_text(story);
  assert_has(text, "\"rst\":{\"packet\":12,\"from\":\"server\"}");
  assert_has(text, "\"duration_s\":0.005000000}");
}

static void test_what_is_not_known_is_absent(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaConnection *conn = &story->conn;
  conn->end[LA_ACCEPTOR].flags = 0; /* never spoke */
  conn->end[LA_ACCEPTOR].steps = 0;
  conn->end[LA_ACCEPTOR].syn_frame = 0;
  conn->handshake_ack_frame = 0;
  conn->first_fin = LA_SIDE_N;
  conn->end[LA_OPENER].flags &= ~(uint32_t)(LA_END_FIN | LA_END_FIN_ACKED);
  g_autofree char *text = connection_text(story);
  assert_has(text, "\"packets\":{\"syn\":1}");
  assert_has(text, "\"first\":\"none\",\"packets\":{},\"fin_to_ack_s\":{}}");
  assert_has(text, "\"server\":[]}");
  assert_lacks(text, "server_options");
  assert_lacks(text, "syn_to_syn_ack_s");
  assert_lacks(text, "\"server\":{\"state\"");
}

static void test_times_that_ran_back_are_absent(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story->conn.end[LA_ACCEPTOR].syn_time = STORY_START - 1;
  story->conn.last_time = STORY_START - LA_SEC;
  g_autofree char *text = connection_text(story);
  assert_lacks(text, "syn_to_syn_ack_s");
  assert_has(text, "\"duration_s\":0.000000000");
}

static void test_deduced_step_stands_at_the_next_packet(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story->conn.end[LA_OPENER].path[1].frame = 0;
  story->conn.end[LA_OPENER].path[1].proved_by = 0;
  story->conn.end[LA_OPENER].path[1].gap = 1;
  story->conn.end[LA_OPENER].corrected = 1;
  g_autofree char *text = connection_text(story);
  assert_has(text, "{\"state\":\"ESTABLISHED\",\"packet\":6,\"at_s\":0.000409000,\"gap\":true}");
  assert_has(text, "\"path_corrected\":true");
}

static void test_long_finding(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", story->conn.last_time);
  LaFinding *finding = &story->findings.items[0];
  for (unsigned i = 0; i < 100; i++)
    la_finding_add_packet(finding, 10 + i);
  finding->blame_also = 1u << LA_BLAME_NETWORK | 1u << LA_BLAME_SERVER_HOST;
  la_finding_add_ratio(finding, "share", 0.25);
  la_finding_add_word(finding, "stage", "quo\"te");
  la_finding_add_addr(finding, "from", &story->conn.addr[LA_OPENER], LA_FAMILY_IPV4);
  g_autofree char *text = connection_text(story);
  assert_has(text, "\"blame_also\":[\"server-host\",\"network\"]");
  assert_has(text, ",39],\"packets_total\":102,");
  assert_has(text, "\"share\":0.25,\"stage\":\"quo\\\"te\",\"from\":\"10.9.0.1\"}");
}

static void test_hostile_path_in_capture_record(void **state)
{
  (void)state;
  g_autoptr(LaCaptureRecord) record = la_capture_record_new("a\"b\n\033[31m\xff.pcap", 3);
  record->packets = 9;
  record->broken_by = g_strdup("cut off");
  record->skipped[LA_SKIPPED_NOT_SELECTED] = 2;
  la_capture_record_add_link_type(record, 1);
  la_capture_record_add_link_type(record, 1);
  la_capture_record_add_link_type(record, 65000);
  GString *out = g_string_new(NULL);
  LaJson json;
  la_json_init(&json, out);
  la_json_capture(&json, record);
  g_autofree char *text = g_string_free(out, FALSE);
  assert_has(text, "\"path\":\"a\\\"b\\u000a\\u001b[31m\xef\xbf\xbd.pcap\"");
  assert_has(text, "\"link_types\":[\"EN10MB\",\"65000\"]");
  assert_has(text, "\"truncated\":true");
  assert_has(text, "\"not_selected\":2}");
  assert_has(text, "\"kernel_drops\":null");
  assert_lacks(text, "\"start\"");
  assert_lacks(text, "\"snaplen\"");
}

static void test_findings_about_the_capture_are_folded(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaCaptureRecord) record = la_capture_record_new("x", 1);
  story_add_finding(story, "midstream", STORY_START);
  story_add_finding(story, "close-wait-leak", STORY_START);
  for (unsigned i = 0; i < 3; i++)
    la_capture_record_add_connection(record, &story->record);
  record->connections = 5;
  la_capture_record_conclude(record);
  assert_int_equal(record->findings->len, 1);
  const LaCaptureFinding *folded = g_ptr_array_index(record->findings, 0);
  assert_string_equal(folded->finding.rule->code, "midstream");
  assert_int_equal(la_finding_fact(&folded->finding, "connections")->value.count, 3);
  assert_true(g_str_has_prefix(folded->sentence, "3 of 5 connections; the first: "));
}

static void test_summary_counts(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaCounts counts = {.connections_total = 4};
  la_counts_add_connection(&counts, &story->record);
  assert_int_equal(counts.with_problems, 0);
  story_add_finding(story, "close-wait-leak", STORY_START);
  la_counts_add_connection(&counts, &story->record);
  assert_int_equal(counts.with_problems, 1);
  GString *out = g_string_new(NULL);
  LaJson json;
  la_json_init(&json, out);
  la_json_summary(&json, &counts);
  g_autofree char *text = g_string_free(out, FALSE);
  assert_has(text, "\"connections\":2,\"connections_total\":4,\"by_handshake\":{\"complete\":2,\"unanswered\":0,");
  assert_has(text, "\"half-closed\":2,");
  assert_has(text, "\"by_finding\":{\"close-wait-leak\":1}}");
}

static void test_host_record(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  LaHostRecord record = {.subject = {.kind = LA_SUBJECT_PAIR,
                                     .client = la_connection_end(&story->conn, LA_OPENER),
                                     .server = la_connection_end(&story->conn, LA_ACCEPTOR)}};
  GString *out = g_string_new(NULL);
  LaJson json;
  la_json_init(&json, out);
  la_json_host(&json, &record);
  g_autofree char *text = g_string_free(out, FALSE);
  assert_has(text,
             "\"subject\":{\"kind\":\"pair\",\"client\":{\"ip\":\"10.9.0.1\"},\"server\":{\"ip\":\"10.9.0.2\",\"port\":8888}}");
}

static void test_community_id(void **state)
{
  (void)state;
  /* The example of the specification. */
  LaHostPort one = {.port = 34855, .family = LA_FAMILY_IPV4};
  LaHostPort other = {.port = 80, .family = LA_FAMILY_IPV4};
  la_addr_parse("128.232.110.120", &one.addr);
  la_addr_parse("66.35.250.204", &other.addr);
  char text[LA_COMMUNITY_ID_MAX];
  assert_string_equal(la_community_id(&one, &other, text), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
  assert_string_equal(la_community_id(&other, &one, text), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole_record),
      cmocka_unit_test(test_both_fins_and_crossing),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_what_is_not_known_is_absent),
      cmocka_unit_test(test_times_that_ran_back_are_absent),
      cmocka_unit_test(test_deduced_step_stands_at_the_next_packet),
      cmocka_unit_test(test_long_finding),
      cmocka_unit_test(test_hostile_path_in_capture_record),
      cmocka_unit_test(test_findings_about_the_capture_are_folded),
      cmocka_unit_test(test_summary_counts),
      cmocka_unit_test(test_host_record),
      cmocka_unit_test(test_community_id),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
