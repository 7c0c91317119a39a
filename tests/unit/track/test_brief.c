/* What keeps a connection in brief and what does not: every segment that is not just what is expected is refused and leaves no trace. */
#include <string.h>

#include "track/brief.h"
#include "unit/track/support.h"

#define CLIENT_ISN 1000u
#define SERVER_ISN 9000u

typedef struct {
  LaBrief brief;
  LaTime time;
  uint64_t frame;
  uint32_t nxt[LA_SIDE_N];
} Life;

static LaSegment segment(const Life *life, LaSide side, uint16_t flags, uint32_t len)
{
  LaSegment s;
  memset(&s, 0, sizeof s);
  s.time = life->time + LA_MSEC;
  s.frame = life->frame + 1;
  s.family = LA_FAMILY_IPV4;
  s.seq = life->nxt[side];
  s.ack = (flags & LA_TCP_ACK) != 0 ? life->nxt[LA_OTHER(side)] : 0;
  s.flags = flags;
  s.payload_len = len;
  s.window = 500;
  s.ttl = side == LA_OPENER ? 64 : 57;
  s.options = (flags & LA_TCP_SYN) != 0 ? LA_OPT_WSCALE : 0;
  s.wscale = 7;
  return s;
}

static void went_by(Life *life, LaSide side, const LaSegment *s)
{
  life->time = s->time;
  life->frame = s->frame;
  life->nxt[side] = s->seq + s->payload_len + ((s->flags & (LA_TCP_SYN | LA_TCP_FIN)) != 0);
}

static void begin(Life *life)
{
  memset(life, 0, sizeof *life);
  life->time = BEGINNING;
  life->nxt[LA_OPENER] = CLIENT_ISN;
  life->nxt[LA_ACCEPTOR] = SERVER_ISN;
  LaSegment syn = segment(life, LA_OPENER, LA_TCP_SYN, 0);
  assert_true(la_brief_may_begin(&syn));
  la_brief_begin(&life->brief, &syn);
  went_by(life, LA_OPENER, &syn);
}

static void say(Life *life, LaSide side, uint16_t flags, uint32_t len)
{
  LaSegment s = segment(life, side, flags, len);
  if (!la_brief_take(&life->brief, side, &s))
    fail_msg("segment %u in phase %u is refused", life->brief.count + 1u, life->brief.phase);
  went_by(life, side, &s);
}

/* Lives up to `phase` in the usual way. */
static void live_until(Life *life, LaBriefPhase phase)
{
  begin(life);
  if (phase >= LA_BRIEF_SYN_ACK)
    say(life, LA_ACCEPTOR, LA_TCP_SYN | LA_TCP_ACK, 0);
  if (phase >= LA_BRIEF_ACKED)
    say(life, LA_OPENER, LA_TCP_ACK, 0);
  if (phase >= LA_BRIEF_ESTABLISHED) {
    say(life, LA_OPENER, LA_TCP_ACK | LA_TCP_PSH, 100);
    say(life, LA_ACCEPTOR, LA_TCP_ACK | LA_TCP_PSH, 200);
    say(life, LA_OPENER, LA_TCP_ACK, 0);
  }
  if (phase >= LA_BRIEF_FIN)
    say(life, LA_OPENER, LA_TCP_FIN | LA_TCP_ACK, 0);
  if (phase >= LA_BRIEF_FIN_ACKED)
    say(life, LA_ACCEPTOR, LA_TCP_ACK, 0);
  if (phase >= LA_BRIEF_BOTH_FINS)
    say(life, LA_ACCEPTOR, LA_TCP_FIN | LA_TCP_ACK, 0);
  if (phase >= LA_BRIEF_CLOSED)
    say(life, LA_OPENER, LA_TCP_ACK, 0);
  assert_int_equal(life->brief.phase, phase);
}

static void refuse(const Life *life, LaSide side, const LaSegment *s, const char *what)
{
  LaBrief brief = life->brief;
  if (la_brief_take(&brief, side, s))
    fail_msg("%s is taken in phase %u", what, life->brief.phase);
  assert_memory_equal(&brief, &life->brief, sizeof brief);
}

static void an_ordinary_life_is_noted_to_its_end(void **state)
{
  (void)state;
  Life life;
  live_until(&life, LA_BRIEF_CLOSED);
  assert_int_equal(life.brief.count, 10);
  assert_int_equal(life.brief.first_fin, LA_OPENER);
  static LaConnection sum;
  la_brief_sum(&life.brief, &sum);
  assert_int_equal(sum.end[LA_OPENER].packets, 6);
  assert_int_equal(sum.end[LA_OPENER].payload_bytes, 100);
  assert_int_equal(sum.end[LA_ACCEPTOR].payload_bytes, 200);
  assert_int_equal(sum.end[LA_OPENER].state, LA_TCP_TIME_WAIT);
  assert_int_equal(sum.end[LA_ACCEPTOR].state, LA_TCP_CLOSED);
  assert_int_equal(sum.end[LA_ACCEPTOR].ttl_max, 57);
  assert_true((sum.flags & LA_CONN_BRIEF) != 0);
}

static void a_fin_may_carry_the_acknowledgment_of_the_other(void **state)
{
  (void)state;
  Life life;
  live_until(&life, LA_BRIEF_FIN);
  say(&life, LA_ACCEPTOR, LA_TCP_FIN | LA_TCP_ACK, 0);
  assert_int_equal(life.brief.phase, LA_BRIEF_BOTH_FINS);
  say(&life, LA_OPENER, LA_TCP_ACK, 0);
  assert_int_equal(life.brief.phase, LA_BRIEF_CLOSED);
}

static void what_is_unusual_in_any_segment_is_refused(void **state)
{
  (void)state;
  for (LaBriefPhase phase = LA_BRIEF_SYN; phase <= LA_BRIEF_CLOSED; phase++) {
    Life life;
    live_until(&life, phase);
    for (LaSide side = LA_OPENER; side < LA_SIDE_N; side++)
      for (unsigned how = 0; how < 14; how++) {
        uint16_t flags = phase == LA_BRIEF_SYN ? LA_TCP_SYN | LA_TCP_ACK : LA_TCP_ACK;
        LaSegment s = segment(&life, side, flags, phase > LA_BRIEF_SYN_ACK && phase < LA_BRIEF_FIN ? 10 : 0);
        switch (how) {
        case 0: s.flags |= LA_TCP_RST; break;
        case 1: s.flags = LA_TCP_SYN; break;
        case 2: s.options |= LA_OPT_SACK; break;
        case 3: s.options |= LA_OPT_CUT; break;
        case 4: s.checksum_bad = 1; break;
        case 5: s.fragment = 1; break;
        case 6: s.time = life.time - 1; break;
        case 7: s.ack++; break;
        case 8: s.interface = 1; break;
        case 9: s.payload_len = UINT32_C(1) << 16; break;
        case 10: s.frame = life.brief.first_frame + (UINT64_C(1) << 32); break;
        case 11: s.flags = LA_TCP_PSH; break;
        case 12: s.flags |= LA_TCP_FIN | LA_TCP_SYN; break;
        default:
          if (phase == LA_BRIEF_SYN)
            s.flags = LA_TCP_ACK;
          else
            s.window = 0;
        }
        g_autofree char *what = g_strdup_printf("variation %u of side %d", how, side);
        refuse(&life, side, &s, what);
        if (phase == LA_BRIEF_SYN)
          continue;
        s = segment(&life, side, flags, 10);
        s.seq++;
        refuse(&life, side, &s, "a gap");
        s.seq -= 2;
        refuse(&life, side, &s, "an old number");
      }
  }
}

static void what_says_nothing_new_is_refused(void **state)
{
  (void)state;
  Life life;
  live_until(&life, LA_BRIEF_ESTABLISHED);
  LaSegment s = segment(&life, LA_OPENER, LA_TCP_ACK, 0);
  refuse(&life, LA_OPENER, &s, "an acknowledgment said before");
  live_until(&life, LA_BRIEF_ACKED);
  s = segment(&life, LA_ACCEPTOR, LA_TCP_FIN | LA_TCP_ACK, 0);
  refuse(&life, LA_ACCEPTOR, &s, "a FIN before the acceptor was heard");
  live_until(&life, LA_BRIEF_ESTABLISHED);
  s = segment(&life, LA_OPENER, LA_TCP_ACK, 1);
  s.seq = life.brief.nxt[LA_OPENER] = life.brief.edge[LA_ACCEPTOR] + 1;
  refuse(&life, LA_OPENER, &s, "payload beyond the window");
}

static void closing_goes_only_one_way(void **state)
{
  (void)state;
  Life life;
  live_until(&life, LA_BRIEF_FIN);
  LaSegment s = segment(&life, LA_ACCEPTOR, LA_TCP_ACK, 10);
  refuse(&life, LA_ACCEPTOR, &s, "payload after the other end's FIN");
  s = segment(&life, LA_ACCEPTOR, LA_TCP_ACK, 0);
  s.ack--;
  refuse(&life, LA_ACCEPTOR, &s, "an acknowledgment below the FIN");
  s = segment(&life, LA_OPENER, LA_TCP_FIN | LA_TCP_ACK, 0);
  refuse(&life, LA_OPENER, &s, "a second FIN of the same end");
  live_until(&life, LA_BRIEF_FIN_ACKED);
  s = segment(&life, LA_ACCEPTOR, LA_TCP_FIN | LA_TCP_ACK, 10);
  refuse(&life, LA_ACCEPTOR, &s, "payload in the second FIN");
  live_until(&life, LA_BRIEF_BOTH_FINS);
  s = segment(&life, LA_OPENER, LA_TCP_ACK, 0);
  s.ack--;
  refuse(&life, LA_OPENER, &s, "an acknowledgment below the second FIN");
}

static void a_full_brief_takes_no_more(void **state)
{
  (void)state;
  Life life;
  live_until(&life, LA_BRIEF_ESTABLISHED);
  while (life.brief.count < LA_BRIEF_SEGMENTS)
    say(&life, LA_OPENER, LA_TCP_ACK, 1);
  LaSegment s = segment(&life, LA_OPENER, LA_TCP_ACK, 1);
  refuse(&life, LA_OPENER, &s, "one segment too many");
}

static void segments_come_back_as_they_went_in(void **state)
{
  (void)state;
  Life life;
  live_until(&life, LA_BRIEF_SYN_ACK);
  LaSegment in = segment(&life, LA_OPENER, LA_TCP_ACK | LA_TCP_PSH, 60000);
  in.options = LA_OPT_TIMESTAMPS;
  in.ts_val = 77;
  in.ip_id = 4711;
  assert_true(la_brief_take(&life.brief, LA_OPENER, &in));
  LaSegment out;
  la_brief_segment(&life.brief, 2, &out);
  assert_int_equal(out.time, in.time);
  assert_int_equal(out.frame, in.frame);
  assert_int_equal(out.seq, in.seq);
  assert_int_equal(out.ack, in.ack);
  assert_int_equal(out.payload_len, in.payload_len);
  assert_int_equal(out.ts_val, in.ts_val);
  assert_int_equal(out.ip_id, in.ip_id);
  assert_int_equal(out.window, in.window);
  assert_int_equal(out.flags, in.flags);
  assert_int_equal(out.options, in.options);
  assert_int_equal(out.ttl, in.ttl);
  assert_int_equal(out.wscale, 7);
}

static void only_a_plain_syn_begins_one(void **state)
{
  (void)state;
  Life life = {.time = BEGINNING};
  static const uint16_t others[] = {LA_TCP_SYN | LA_TCP_ACK, LA_TCP_ACK, LA_TCP_SYN | LA_TCP_RST, LA_TCP_SYN | LA_TCP_FIN, 0};
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
    LaSegment s = segment(&life, LA_OPENER, others[i], 0);
    assert_false(la_brief_may_begin(&s));
  }
  LaSegment s = segment(&life, LA_OPENER, LA_TCP_SYN, 1);
  assert_false(la_brief_may_begin(&s));
  s = segment(&life, LA_OPENER, LA_TCP_SYN, 0);
  assert_true(la_brief_may_begin(&s));
  s.encap_count = 1;
  assert_false(la_brief_may_begin(&s));
  s.encap_count = 0;
  s.options |= LA_OPT_CUT;
  assert_false(la_brief_may_begin(&s));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_ordinary_life_is_noted_to_its_end),
      cmocka_unit_test(a_fin_may_carry_the_acknowledgment_of_the_other),
      cmocka_unit_test(what_is_unusual_in_any_segment_is_refused),
      cmocka_unit_test(what_says_nothing_new_is_refused),
      cmocka_unit_test(closing_goes_only_one_way),
      cmocka_unit_test(a_full_brief_takes_no_more),
      cmocka_unit_test(segments_come_back_as_they_went_in),
      cmocka_unit_test(only_a_plain_syn_begins_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
