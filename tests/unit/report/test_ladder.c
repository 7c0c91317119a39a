#include "unit/report/story.h"

#include "report/ladder.h"

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

static void assert_has(const char *text, const char *part)
{
  if (strstr(text, part) == NULL)
    fail_msg("%s\nis not in\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
  if (strstr(text, part) != NULL)
    fail_msg("%s\nis in\n%s", part, text);
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
  la_ladder_segment(ladder, &syn, &note);
  assert_has(out->str, "\n1 0.000000  SYN_SENT     --SYN----------->              seq 0 win 500\n");

  LaSegment answer = segment(story, LA_ACCEPTOR, 2);
  answer.flags = LA_TCP_SYN | LA_TCP_ACK;
  answer.seq = 5000;
  note.marks = LA_MARK_SYN_ACK;
  la_ladder_segment(ladder, &answer, &note);
  assert_has(out->str, "\n2 0.002000  ESTABLISHED  <-------SYN,ACK-- SYN_RECEIVED seq 0 ack 1 win 500  answers the SYN of 1\n");

  LaSegment fin = segment(story, LA_OPENER, 6);
  fin.flags = LA_TCP_FIN | LA_TCP_ACK;
  fin.seq = 1011;
  note.marks = LA_MARK_FIN;
  la_ladder_segment(ladder, &fin, &note);
  LaSegment ack = segment(story, LA_ACCEPTOR, 7);
  ack.ack = 1012;
  note.marks = LA_MARK_ACKS_FIN;
  la_ladder_segment(ladder, &ack, &note);
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
  la_ladder_segment(ladder, &first, &note);
  LaSegment again = first;
  again.frame = 5;
  again.seq += 4; /* the end of it only */
  again.payload_len = 6;
  note.marks = LA_MARK_DATA | LA_MARK_RETRANSMISSION;
  la_ladder_segment(ladder, &again, &note);
  assert_has(out->str, "seq 5 ack 1 len 6 win 500  retransmission of 4\n");
  again.frame = 6;
  note.marks = LA_MARK_DATA | LA_MARK_DUPLICATE;
  la_ladder_segment(ladder, &again, &note);
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
  la_ladder_segment(ladder, &ack, &note);
  ack.frame = 4;
  note.marks = LA_MARK_DUPLICATE | LA_MARK_KEEPALIVE;
  la_ladder_segment(ladder, &ack, &note);
  assert_has(out->str, "captured again: copy of 3\n");
}

static void run_of_data(LaLadder *ladder, const Story *story, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    LaSegment data = segment(story, LA_OPENER, 100 + i);
    data.seq += i * 100;
    data.payload_len = 100;
    LaSegmentNote note = {.id = 1, .marks = LA_MARK_DATA};
    la_ladder_segment(ladder, &data, &note);
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
  la_ladder_segment(ladder, &again, &note);
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
  last.options = LA_OPT_TIMESTAMPS | LA_OPT_SACK | LA_OPT_MSS;
  last.ts_val = 7;
  last.ts_ecr = 8;
  last.mss = 1460;
  last.sack_count = 1;
  last.sack[0].left = 11;
  last.sack[0].right = 12;
  last.encap_count = 1;
  last.encap[0] = (LaEncap){.kind = LA_ENCAP_VLAN, .id = 10, .has_id = 1};
  LaSegmentNote note = {.id = 1};
  la_ladder_segment(ladder, &last, &note);
  assert_has(out->str, "\n100 02:00:00.100000 "); /* the width of 7, the last packet of the story */
  assert_has(out->str, "seq 1001 ack 5001 len 100\n");
  assert_has(out->str, "ttl 64, id 0, window 500, header 20 bytes, vlan:10, options: mss 1460, TS 7 ecr 8, sack 11-12\n");
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
      cmocka_unit_test(test_icmp),
      cmocka_unit_test(test_footer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
