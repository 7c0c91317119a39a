#include "unit/report/story.h"

#include "report/ladder_private.h"

static const LaLadderOptions narrow = {.style = {.charset = LA_CHARSET_ASCII, .zone = LA_CLOCK_UTC, .width = 120}};

static LaSegment segment(const Story *story, LaSide side, uint64_t frame)
{
  LaSide to = LA_OTHER(side);
  return (LaSegment){.time = STORY_START + (LaTime)frame * LA_MSEC,
                     .frame = frame,
                     .src = story->conn.addr[side],
                     .dst = story->conn.addr[to],
                     .src_port = story->conn.port[side],
                     .dst_port = story->conn.port[to],
                     .family = LA_FAMILY_IPV4,
                     .flags = LA_TCP_ACK,
                     .seq = story->conn.end[side].isn + 1,
                     .ack = story->conn.end[to].isn + 1,
                     .window = 500,
                     .ttl = 64,
                     .header_len = 20};
}

static void test_rows_have_states_of_that_moment(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &narrow, out);
  assert_has(out->str, "leak.pcapng, connection 1, 2026-11-21 02:00:00.000 UTC, 1.04 s\n");
  assert_has(out->str, "client  10.9.0.1:55308: 4 packets, 10 bytes; SYN_SENT -> ESTABLISHED -> FIN_WAIT_1 -> FIN_WAIT_2?\n");

  LaSegment syn = segment(story, LA_OPENER, 1);
  syn.flags = LA_TCP_SYN;
  syn.seq = 1000;
  syn.time = STORY_START;
  LaSegmentNote note = {.id = 1, .marks = LA_MARK_SYN};
  la_ladder_segment(ladder, &syn, &note, NULL);
  assert_has(out->str, "\n1 0.000000  SYN_SENT     --SYN----------->              seq 0 win 500\n");

  LaSegment answer = segment(story, LA_ACCEPTOR, 2);
  answer.flags = LA_TCP_SYN | LA_TCP_ACK;
  answer.seq = 5000;
  note.marks = LA_MARK_SYN_ACK;
  la_ladder_segment(ladder, &answer, &note, NULL);
  assert_has(out->str, "\n2 0.002000  ESTABLISHED  <-------SYN,ACK-- SYN_RECEIVED seq 0 ack 1 win 500  answers the SYN of 1\n");

  LaSegment fin = segment(story, LA_OPENER, 6);
  fin.flags = LA_TCP_FIN | LA_TCP_ACK;
  fin.seq = 1011;
  note.marks = LA_MARK_FIN;
  la_ladder_segment(ladder, &fin, &note, NULL);
  LaSegment ack = segment(story, LA_ACCEPTOR, 7);
  ack.ack = 1012;
  note.marks = LA_MARK_ACKS_FIN;
  la_ladder_segment(ladder, &ack, &note, NULL);
  assert_has(out->str, "FIN_WAIT_2?  <-----------ACK-- CLOSE_WAIT   seq 1 ack 12 win 500  acknowledges the FIN of 6\n");
  la_ladder_end(ladder);
  assert_has(out->str, "\nNo findings.\n");
}

static void test_retransmitted_data_names_the_first(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &narrow, out);
  LaSegmentNote note = {.id = 1, .marks = LA_MARK_DATA | LA_MARK_FIRST_DATA};
  LaSegment first = segment(story, LA_OPENER, 4);
  first.payload_len = 10;
  la_ladder_segment(ladder, &first, &note, NULL);
  LaSegment again = first;
  again.frame = 5;
  again.seq += 4; /* the end of it only */
  again.payload_len = 6;
  note.marks = LA_MARK_DATA | LA_MARK_RETRANSMISSION;
  la_ladder_segment(ladder, &again, &note, NULL);
  assert_has(out->str, "seq 5 ack 1 len 6 win 500  retransmission of 4\n");
  again.frame = 6;
  note.marks = LA_MARK_DATA | LA_MARK_DUPLICATE;
  la_ladder_segment(ladder, &again, &note, NULL);
  assert_has(out->str, "captured again: copy of 4\n");
}

static void test_copy_of_an_ack_names_it(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &narrow, out);
  LaSegmentNote note = {.id = 1, .marks = LA_MARK_HANDSHAKE_ACK};
  LaSegment ack = segment(story, LA_OPENER, 3);
  la_ladder_segment(ladder, &ack, &note, NULL);
  ack.frame = 4;
  note.marks = LA_MARK_DUPLICATE | LA_MARK_KEEPALIVE;
  la_ladder_segment(ladder, &ack, &note, NULL);
  assert_has(out->str, "captured again: copy of 3\n");
}

static void run_of_data(LaLadder *ladder, const Story *story, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    LaSegment data = segment(story, LA_OPENER, 100 + i);
    data.seq += i * 100;
    data.payload_len = 100;
    LaSegmentNote note = {.id = 1, .marks = LA_MARK_DATA};
    la_ladder_segment(ladder, &data, &note, NULL);
  }
}

static void test_long_runs_are_folded(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &narrow, out);
  run_of_data(ladder, story, 37);
  LaSegment again = segment(story, LA_OPENER, 200);
  again.payload_len = 100;
  again.seq += 300;
  LaSegmentNote note = {.id = 1, .marks = LA_MARK_DATA | LA_MARK_RETRANSMISSION};
  la_ladder_segment(ladder, &again, &note, NULL);
  assert_has(out->str, "... 37 data segments (3.7 kB to the server), packets 100 to 136 ...\n");
  assert_lacks(out->str, "\n100 ");
  assert_has(out->str, "retransmission of 103\n"); /* folded ones are remembered */
}

static void test_short_runs_are_not(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &narrow, out);
  run_of_data(ladder, story, 6);
  la_ladder_end(ladder);
  assert_has(out->str, "\n100 ");
  assert_has(out->str, "\n105 ");
  assert_lacks(out->str, "data segments");
}

static void test_verbose_folds_nothing_and_shows_fields(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  LaLadderOptions options = narrow;
  options.detail = LA_LADDER_VERBOSE;
  options.numbers = LA_SEQUENCE_ABSOLUTE;
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &options, out);
  run_of_data(ladder, story, 20);
  LaSegment last = segment(story, LA_OPENER, 300);
  last.encap_count = 1;
  last.encap[0] = (LaEncap){.kind = LA_ENCAP_VLAN, .id = 10, .has_id = 1};
  LaSegmentNote note = {.id = 1};
  LaHeaderFields fields = {.captured_len = 66,
                           .wire_len = 70,
                           .family = LA_FAMILY_IPV4,
                           .dscp = 46,
                           .ecn = 2,
                           .ttl = 64,
                           .len = 52,
                           .ip_id = 7,
                           .dont_fragment = true,
                           .ip_header_len = 20,
                           .ip_checksum = 0xabcd,
                           .ip_checksum_is = LA_CHECKSUM_RIGHT,
                           .data_offset = 8,
                           .checksum = 0x1234,
                           .checksum_is = LA_CHECKSUM_CUT};
  la_ladder_segment(ladder, &last, &note, &fields);
  assert_has(out->str, "\n100 02:00:00.100000 "); /* the width of 7, the last packet of the story */
  assert_has(out->str, "seq 1001 ack 5001 len 100\n");
  assert_has(out->str, " link vlan:10, 66 of 70 bytes captured\n");
  assert_has(out->str, " IPv4 tos 0xba (DSCP 46 EF, ECT(0)), ttl 64, id 7, DF, length 52, header 20, cksum 0xabcd right\n");
  assert_has(out->str, " TCP  flags 0x010, window 500, header 32, cksum 0x1234 not verified (cut short)\n");
  assert_lacks(out->str, "opts");
  assert_lacks(out->str, "urgent");
}

static LaHeaderFields with_options(const char *hex)
{
  LaHeaderFields fields = {.family = LA_FAMILY_IPV6};
  for (; *hex != '\0'; hex += 2)
    fields.option_bytes[fields.option_bytes_len++] =
        (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
  return fields;
}

/* The options stand in the order of the header, with their values, and what is wrong with one is said. */
static void test_options_in_order(void **state)
{
  (void)state;
  LaSegment plain = {.flags = LA_TCP_SYN};
  LaLadderSide peer = {.base = 100};
  g_autoptr(GString) out = g_string_new(NULL);
  LaHeaderFields fields = with_options("010303070402050a000000650000006e4d04beef1e0305");
  LaHeaderOption options[] = {
      {.kind = 1, .len = 1, .value = 1},
      {.kind = 3, .len = 3, .value = 3, .value_len = 1},
      {.kind = 4, .len = 2, .value = 6},
      {.kind = 5, .len = 10, .value = 8, .value_len = 8},
      {.kind = 77, .len = 4, .value = 18, .value_len = 2},
      {.kind = 30, .len = 3, .value = 22, .value_len = 1, .fault = LA_OPTION_BAD_SIZE},
  };
  memcpy(fields.options, options, sizeof options);
  fields.option_count = G_N_ELEMENTS(options);
  fields.options_missing = 4;
  la_ladder_fields(out, &plain, &fields, &peer, 0);
  assert_has(out->str,
             "\nopts\tnop, wscale 7, sackOK, sack 1-10, kind 77 length 4: be ef, kind 30 (MPTCP) length 3, malformed: "
             "its kind has another length: 05, 4 bytes of options not captured");
  assert_has(out->str, "IPv6\ttraffic class 0x00, flow label 0x00000, hop limit 0, payload length 0 ");
}

/* What should be zero is told when it is not. */
static void test_odd_fields_are_told(void **state)
{
  (void)state;
  LaSegment odd = {.flags = LA_TCP_RST, .ack = 9};
  LaLadderSide peer = {0};
  g_autoptr(GString) out = g_string_new(NULL);
  LaHeaderFields fields = {.family = LA_FAMILY_IPV4,
                           .reserved_ip = true,
                           .more_fragments = true,
                           .ip_checksum_is = LA_CHECKSUM_WRONG,
                           .reserved = 5,
                           .urgent = 3,
                           .checksum = 1,
                           .checksum_right = 0x2b,
                           .checksum_is = LA_CHECKSUM_WRONG};
  la_ladder_fields(out, &odd, &fields, &peer, 0);
  assert_has(out->str, "no DF, MF: a first fragment, the reserved bit, ");
  assert_has(out->str, "length 0 (offloaded), header 0, cksum 0x0000 WRONG\n");
  assert_has(out->str, "TCP\tflags 0x004, window 0, header 0, reserved bits 0x5, cksum 0x0001 WRONG (0x002b would be right), "
                       "urgent pointer 3 without URG, ack field 9 without ACK");
  odd.flags = LA_TCP_SYN | LA_TCP_FIN | LA_TCP_ACK | LA_TCP_URG;
  g_string_truncate(out, 0);
  la_ladder_fields(out, &odd, &fields, &peer, 0);
  assert_has(out->str, "flags 0x033 (SYN,FIN,ACK,URG), window"); /* the arrow is too short for them */
  assert_has(out->str, "urgent pointer 3");
}

static void test_icmp(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &narrow, out);
  LaIcmpError error = {.time = STORY_START,
                       .frame = 5,
                       .quoted_src = story->conn.addr[LA_OPENER],
                       .quoted_src_port = 55308,
                       .reporter = story->conn.addr[LA_ACCEPTOR],
                       .family = LA_FAMILY_IPV4,
                       .type = 3,
                       .code = 4,
                       .mtu = 1400};
  la_ladder_icmp(ladder, &error);
  assert_has(out->str, "<----------ICMP-- ");
  assert_has(out->str, "type 3 code 4  error from 10.9.0.2, MTU 1400\n");
}

static void test_footer(void **state)
{
  (void)state;
  g_autofree Story *story = story_new();
  story_add_finding(story, "close-wait-leak", STORY_START);
  g_autoptr(LaStory) kept = la_story_new(&story->record);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(LaLadder) ladder = la_ladder_new(kept, &narrow, out);
  memset(&story->conn, 0, sizeof story->conn); /* the story has a copy */
  la_ladder_end(ladder);
  assert_has(out->str, "error   close-wait-leak, blame server-application (likely): 10.9.0.2:8888 got the FIN");
  assert_has(out->str, "Packets 6, 7.\n");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_have_states_of_that_moment),
      cmocka_unit_test(test_retransmitted_data_names_the_first),
      cmocka_unit_test(test_copy_of_an_ack_names_it),
      cmocka_unit_test(test_long_runs_are_folded),
      cmocka_unit_test(test_short_runs_are_not),
      cmocka_unit_test(test_verbose_folds_nothing_and_shows_fields),
      cmocka_unit_test(test_options_in_order),
      cmocka_unit_test(test_odd_fields_are_told),
      cmocka_unit_test(test_icmp),
      cmocka_unit_test(test_footer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
