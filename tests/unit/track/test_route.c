/* Two connections on one four-tuple while nothing has settled which one lives: where each segment goes when the numbers of both are close,
 * and what is left when the newer one is folded back. */
#include <glib.h>

#include "unit/track/support.h"

/* After REQUEST the client has sent up to 101, the server up to 201; frames 1-7. */
#define LIVE HANDSHAKE REQUEST

static void note_is(const Talk *t, uint32_t id, const char *what)
{
  if (t->note.id != id)
    fail_msg("%s: connection %u, not %u", what, t->note.id, id);
}

/* ---- which of the two ---- */

/* The SYN-ACK is missing from the capture: the client goes on with the new numbers, and that settles it. */
static void a_client_that_goes_on_with_new_numbers_is_new(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, LIVE "9000 C S 0 isn=9000000");
  t.isn[LA_ACCEPTOR] = 8000000;
  play(&t, "20 C A 1 1");
  note_is(&t, 2, "ACK");
  play(&t, "1 C PA 1 1 10; 10 S A 1 11");
  note_is(&t, 2, "data");
  la_tracker_finish(t.tracker, t.time);
  assert_int_equal(next(&t)->id, 1);
  const LaConnection *second = next(&t);
  assert_int_equal(second->end[LA_OPENER].payload_bytes, 10);
  assert_true((second->flags & LA_CONN_TENTATIVE) == 0);
  talk_end(&t);
}

/* The ACK of the new SYN is missing as well: the first the capture has is the data behind it. */
static void a_number_one_past_the_next_is_new(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, LIVE "9000 C S 0 isn=9000000; 20 C PA 2 1 10");
  note_is(&t, 2, "one past");
  talk_end(&t);
  talk_start(&t);
  play(&t, LIVE "9000 C S 0 isn=9000000; 20 C PA 3 1 10");
  note_is(&t, 1, "two past");
  talk_end(&t);
}

/* The new initial number is one before the old connection's next, so that acknowledgments fit both. */
static void close_numbers_are_told_by_the_old_connection_s_own(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, LIVE "9000 C S 100"); /* the next was 101 */
  note_is(&t, 2, "SYN");
  play(&t, "10 S A 201 101"); /* right where the server stood: its challenge */
  note_is(&t, 1, "challenge");
  play(&t, "10 C PA 101 201 10"); /* and the client goes on where it stood */
  note_is(&t, 1, "data");
  const LaConnection *conn = only(&t);
  assert_true((conn->flags & LA_CONN_STALE_SYN) != 0);
  assert_int_equal(conn->end[LA_OPENER].payload_bytes, 110);
  talk_end(&t);

  talk_start(&t);
  play(&t, LIVE "9000 C S 100; 10 S A 777 101"); /* not where it stood */
  note_is(&t, 2, "another number");
  talk_end(&t);

  talk_start(&t);
  play(&t, LIVE "9000 C S 100; 10 S RA 201 101"); /* a RST that acknowledges the SYN */
  note_is(&t, 2, "RST");
  talk_end(&t);

  talk_start(&t);
  play(&t, LIVE "9000 C S 100; 10 S SA 0 101 isn=8000000");
  note_is(&t, 2, "SYN-ACK");
  t.isn[LA_OPENER] += 100;
  play(&t, "10 C A 1 1"); /* the old connection's next number, but the SYN-ACK was there */
  note_is(&t, 2, "ACK");
  talk_end(&t);
}

static void what_acknowledges_nothing_of_the_new_one_is_the_old_one_s(void **state)
{
  (void)state;
  static const char *const old[] = {
      "10 S RA 0 0", /* acknowledges the initial number only */
      "10 S RA 0 2", /* more than was sent */
      "10 S R 201",  /* nothing */
      "10 S PA 201 -7999899 10",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(old); i++) {
    Talk t;
    talk_start(&t);
    play(&t, LIVE "9000 C S 0 isn=9000000");
    play(&t, old[i]);
    note_is(&t, 1, old[i]);
    talk_end(&t);
  }
  Talk t;
  talk_start(&t);
  play(&t, LIVE "9000 C S 0 isn=9000000; 10 S RA 0 1");
  note_is(&t, 2, "RST of the SYN");
  talk_end(&t);
}

/* The first connection was still opening, and its server repeats its answer. */
static void the_old_syn_ack_again_is_the_old_one_s(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 10 S SA 0 1; 500 C S 0 isn=9000000");
  note_is(&t, 2, "SYN");
  t.isn[LA_OPENER] = 1000000;
  assert_marks(play(&t, "500 S SA 0 1"), LA_MARK_SYN_ACK | LA_MARK_RETRANSMISSION, LA_MARK_BAD_ACK);
  note_is(&t, 1, "SYN-ACK of the first");
  t.isn[LA_OPENER] = 9000000;
  play(&t, "10 S SA 0 1 isn=8000000");
  note_is(&t, 2, "SYN-ACK of the second");
  la_tracker_finish(t.tracker, t.time);
  const LaConnection *first = next(&t);
  assert_int_equal(first->end[LA_ACCEPTOR].syn_ack_sent, 2);
  talk_end(&t);
}

/* ---- what is tentative ---- */

static void check_tentative(const char *lines, bool expected)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  la_tracker_finish(t.tracker, t.time);
  const LaConnection *newest = NULL;
  for (const LaConnection *conn; (conn = la_tracker_next(t.tracker)) != NULL;)
    if (newest == NULL || conn->id > newest->id)
      newest = conn;
  if (newest->id != 2 || ((newest->flags & LA_CONN_TENTATIVE) != 0) != expected)
    fail_msg("%s: connection %u, flags 0x%x", lines, newest->id, newest->flags);
  talk_end(&t);
}

static void only_a_living_connection_makes_a_syn_tentative(void **state)
{
  (void)state;
  check_tentative(LIVE "9000 C S 0 isn=9000000", true);
  check_tentative(LIVE "5 C FA 101 201; 5 S A 201 102; 9000 C S 0 isn=9000000", true);
  check_tentative(LIVE CLOSE_BY_CLIENT "2000 C S 0 isn=9000000", false);
  check_tentative(LIVE "5 C RA 101 201; 2000 C S 0 isn=9000000", false);
  check_tentative("0 C S 0; 10 S SA 0 1; 2000 C S 0 isn=9000000", false);
  check_tentative("0 C S 0; 10 S RA 0 1; 2000 C S 0 isn=9000000", false);
  check_tentative(LIVE "9000 C S 0 isn=9000000; 10 S SA 0 1 isn=8000000", false);
  check_tentative(LIVE "9000 C S 0 isn=9000000; 10 S RA 0 1", false);
}

/* What rules ask of the earlier connection is how it stood when the SYN came; only its numbers go on. */
static void the_earlier_connection_is_remembered_as_the_syn_found_it(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, LIVE);
  LaTime last = t.time;
  play(&t, "9000 C S 0 isn=9000000");
  t.isn[LA_OPENER] = 1000000;
  play(&t, "1 S FA 201 101 40");
  note_is(&t, 1, "FIN of the old one");
  t.isn[LA_OPENER] = 9000000;
  play(&t, "10 S SA 0 1 isn=8000000; 10 C A 1 1");
  la_tracker_finish(t.tracker, t.time);
  assert_int_equal(next(&t)->id, 1);
  const LaEarlier *e = &next(&t)->earlier;
  assert_int_equal(e->state[LA_ACCEPTOR], LA_TCP_ESTABLISHED);
  assert_int_equal(e->teardown, LA_TEARDOWN_OPEN);
  assert_true(e->last_time == last && e->last_frame == 7 && e->closed_time == LA_TIME_NONE);
  assert_int_equal(e->snd_nxt[LA_ACCEPTOR], 5000242);
  talk_end(&t);
}

/* Closed first by the server: the later of both acknowledgments counts. */
static void a_connection_was_closed_when_its_second_fin_was_acknowledged(void **state)
{
  (void)state;
  static const char *const closes[] = {CLOSE_BY_CLIENT, "5 S FA 201 101; 10 C A 101 202; 1 C FA 101 202; 10 S A 202 102;"};
  for (size_t i = 0; i < G_N_ELEMENTS(closes); i++) {
    Talk t;
    talk_start(&t);
    play(&t, LIVE);
    play(&t, closes[i]);
    LaTime closed = t.time;
    play(&t, "5000 C S 0 isn=9000000");
    la_tracker_finish(t.tracker, t.time);
    assert_int_equal(next(&t)->id, 1);
    assert_true(next(&t)->earlier.closed_time == closed);
    talk_end(&t);
  }
}

/* ---- folding back ---- */

static void a_fold_brings_all_counts(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, LIVE "9000 C S 0 isn=9000000 id=3; 1 C S 0 id=3; 1000 C S 0 id=4; 10 S SA 0 77 isn=8000000"); /* 8-11 */
  note_is(&t, 2, "a SYN-ACK that fits neither");
  t.isn[LA_OPENER] = 1000000;
  t.isn[LA_ACCEPTOR] = 5000000;
  play(&t, "10 C PA 101 201 10");
  note_is(&t, 1, "data");
  const LaConnection *conn = only(&t);
  const LaEndpoint *c = &conn->end[LA_OPENER];
  assert_int_equal(c->syn, 4);
  assert_int_equal(c->packets, 4 + 3 + 1);
  assert_int_equal(c->duplicate, 1);
  assert_int_equal(c->retransmitted, 1);
  assert_int_equal(conn->end[LA_ACCEPTOR].syn, 2);
  assert_int_equal(conn->end[LA_ACCEPTOR].packets, 4);
  assert_true((conn->marks & LA_MARK_BAD_ACK) != 0);
  talk_end(&t);
}

/* Whatever the length of the timeline, and however much came between the SYN and the fold. */
static void folded_moments_stand_in_order(void **state)
{
  (void)state;
  for (unsigned before = 0; before <= 62; before++)
    for (unsigned between = 0; between < 3; between++) {
      Talk t;
      talk_start(&t);
      play(&t, LIVE);
      for (unsigned i = 0; i < before; i++)
        play(&t, "300 C PA 1 201 100"); /* each a moment */
      uint64_t syn = t.frame + 1;
      play(&t, "9000 C S 0 isn=9000000");
      t.isn[LA_OPENER] = 1000000;
      for (unsigned i = 0; i < between; i++)
        play(&t, "300 S PA 1 101 200");
      play(&t, "10 C PA 101 201 10");
      const LaConnection *conn = only(&t);
      bool seen = false;
      for (unsigned i = 0; i < conn->moments_used; i++) {
        const LaMoment *m = la_connection_moment(conn, i);
        seen = seen || (m->frame == syn && (m->marks & LA_MARK_STALE_SYN) != 0);
        if (conn->moments_total <= LA_MOMENTS_HEAD + LA_MOMENTS_TAIL && i > 0 &&
            la_connection_moment(conn, i - 1)->frame >= m->frame)
          fail_msg("%u before, %u between: moment %u is out of order", before, between, i);
      }
      assert_true(seen);
      talk_end(&t);
    }
}

/* ---- errors of tunnels ---- */

static void errors_find_their_connection_by_tunnel_too(void **state)
{
  (void)state;
  for (uint8_t by_tunnel = 0; by_tunnel <= 1; by_tunnel++) {
    Talk t;
    LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
    options.by_tunnel = by_tunnel;
    talk_start_with(&t, &options);
    play(&t, "0 C S 0 tunnel=10");
    LaIcmpError icmp = {.time = t.time,
                        .frame = 2,
                        .quoted_src = t.addr[LA_OPENER],
                        .quoted_dst = t.addr[LA_ACCEPTOR],
                        .quoted_src_port = t.port[LA_OPENER],
                        .quoted_dst_port = t.port[LA_ACCEPTOR],
                        .family = t.family,
                        .type = 3,
                        .code = 1};
    for (uint32_t tunnel = 0; tunnel <= 20; tunnel += 10) {
      icmp.tunnel_hash = tunnel;
      assert_int_equal(la_tracker_icmp(t.tracker, &icmp, NULL), by_tunnel == 0 || tunnel == 10);
    }
    talk_end(&t);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_client_that_goes_on_with_new_numbers_is_new),
      cmocka_unit_test(a_number_one_past_the_next_is_new),
      cmocka_unit_test(close_numbers_are_told_by_the_old_connection_s_own),
      cmocka_unit_test(what_acknowledges_nothing_of_the_new_one_is_the_old_one_s),
      cmocka_unit_test(the_old_syn_ack_again_is_the_old_one_s),
      cmocka_unit_test(only_a_living_connection_makes_a_syn_tentative),
      cmocka_unit_test(the_earlier_connection_is_remembered_as_the_syn_found_it),
      cmocka_unit_test(a_connection_was_closed_when_its_second_fin_was_acknowledged),
      cmocka_unit_test(a_fold_brings_all_counts),
      cmocka_unit_test(folded_moments_stand_in_order),
      cmocka_unit_test(errors_find_their_connection_by_tunnel_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
