/* One four-tuple, several connections: what a SYN on a four-tuple begins that another connection has or had. */
#include <glib.h>

#include "unit/track/support.h"

static void a_syn_after_a_close_is_a_new_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT); /* frames 1-11 */
  LaTime closed = t.time;
  play(&t, "2000 C S 0 isn=9000000; 10 S SA 0 1 isn=8000000; 10 C A 1 1; 5 C PA 1 1 20");
  assert_int_equal(t.note.id, 2);
  la_tracker_finish(t.tracker, t.time);
  /* The first ends when the second takes its four-tuple. */
  LaConnection *first = next_is(&t, 1, 1);
  assert_words(first, "complete", "fin");
  assert_int_equal(first->ended_by, LA_ENDED_CLOSED);
  assert_true(first->end_time == closed + 2010 * LA_MSEC);
  assert_int_equal(first->end[LA_OPENER].syn, 1);
  LaConnection *second = next_is(&t, 2, 12);
  assert_words(second, "complete", "open");
  assert_true((second->flags & LA_CONN_REUSED) != 0);
  assert_true((second->flags & LA_CONN_TENTATIVE) == 0);
  assert_int_equal(second->end[LA_OPENER].payload_bytes, 20);
  const LaEarlier *e = &second->earlier;
  assert_int_equal(e->id, 1);
  assert_int_equal(e->same_roles, 1);
  assert_int_equal(e->state[LA_OPENER], LA_TCP_TIME_WAIT);
  assert_int_equal(e->state[LA_ACCEPTOR], LA_TCP_CLOSED);
  assert_int_equal(e->teardown, LA_TEARDOWN_FIN);
  assert_int_equal(e->snd_nxt[LA_OPENER], 1000000 + 102);
  assert_int_equal(e->snd_nxt[LA_ACCEPTOR], 5000000 + 202);
  assert_int_equal(e->rcv_nxt[LA_OPENER], 5000000 + 202);
  assert_int_equal(e->last_frame, 11);
  assert_true(e->last_time == closed && e->closed_time == closed);
  talk_end(&t);
}

/* The roles may be the other way round. */
static void the_earlier_connection_is_told_by_the_later_one_s_sides(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT "2000 S S 0 isn=9000000; 10 C SA 0 1 isn=8000000; 10 S A 1 1");
  la_tracker_finish(t.tracker, t.time);
  next_is(&t, 1, 1);
  LaConnection *second = next_is(&t, 2, 12);
  assert_int_equal(second->port[LA_OPENER], 8888);
  assert_int_equal(second->earlier.same_roles, 0);
  assert_int_equal(second->earlier.state[LA_OPENER], LA_TCP_CLOSED);
  assert_int_equal(second->earlier.state[LA_ACCEPTOR], LA_TCP_TIME_WAIT);
  assert_int_equal(second->earlier.snd_nxt[LA_OPENER], 5000000 + 202);
  assert_int_equal(second->earlier.rcv_nxt[LA_ACCEPTOR], 5000000 + 202);
  talk_end(&t);
}

static void a_syn_after_a_rst_is_a_new_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "5 C RA 101 201");
  LaTime reset = t.time;
  play(&t, "500 C S 0 isn=9000000; 10 S SA 0 1 isn=8000000; 10 C A 1 1");
  la_tracker_finish(t.tracker, t.time);
  LaConnection *first = next_is(&t, 1, 1);
  assert_int_equal(first->ended_by, LA_ENDED_RESET);
  assert_words(first, "complete", "rst");
  LaConnection *second = next_is(&t, 2, 9);
  assert_words(second, "complete", "open");
  assert_true(second->earlier.closed_time == reset);
  assert_int_equal(second->earlier.teardown, LA_TEARDOWN_RST);
  talk_end(&t);
}

/* The client came back with another number while the server's end was still open, and the server took it: BSD does, in TIME_WAIT. */
static void a_syn_that_is_answered_is_a_new_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000");
  assert_int_equal(t.note.id, 2);
  play(&t, "10 S SA 0 1 isn=8000000");
  assert_int_equal(t.note.id, 2);
  play(&t, "10 C A 1 1; 1 C PA 1 1 10");
  la_tracker_finish(t.tracker, t.time);
  LaConnection *first = next_is(&t, 1, 1);
  assert_words(first, "complete", "open");
  assert_int_equal(first->ended_by, LA_ENDED_IDLE);
  assert_int_equal(first->end[LA_OPENER].payload_bytes, 100);
  LaConnection *second = next_is(&t, 2, 8);
  assert_words(second, "complete", "open");
  assert_true(second->earlier.closed_time == LA_TIME_NONE);
  assert_int_equal(second->end[LA_OPENER].payload_bytes, 10);
  talk_end(&t);
}

/* Refused: the RST acknowledges the new number, so it is the new connection's. */
static void a_rst_that_acknowledges_the_syn_is_the_new_connection_s(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000; 10 S RA 0 1");
  assert_int_equal(t.note.id, 2);
  la_tracker_finish(t.tracker, t.time);
  assert_words(next_is(&t, 1, 1), "complete", "open");
  assert_words(next_is(&t, 2, 8), "refused", "none");
  talk_end(&t);
}

/* RFC 5961 section 4: a challenge ACK answers the SYN, and the connection goes on. The SYN was stale or forged. */
static void a_stale_syn_is_folded_back(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000");
  assert_int_equal(t.note.id, 2);
  t.isn[LA_OPENER] = 1000000;
  assert_marks(play(&t, "10 S A 201 101"), LA_MARK_CHALLENGE_ACK, 0);
  assert_int_equal(t.note.id, 1);
  play(&t, "100 C PA 101 201 30; 10 S A 201 131; 1 C FA 131 201; 10 S FA 201 132; 10 C A 132 202");
  assert_int_equal(t.note.id, 1);
  const LaConnection *conn = only(&t);
  assert_words(conn, "complete", "fin");
  assert_true((conn->flags & LA_CONN_STALE_SYN) != 0);
  assert_true((conn->marks & LA_MARK_STALE_SYN) != 0);
  assert_int_equal(conn->end[LA_OPENER].syn, 2);
  assert_int_equal(conn->end[LA_OPENER].packets, 8);
  assert_int_equal(conn->end[LA_OPENER].payload_bytes, 130);
  assert_path(conn, LA_OPENER, "SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
  /* It stands in the timeline where it came. */
  unsigned found = 0;
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if (i > 0)
      assert_true(la_connection_moment(conn, i - 1)->frame < m->frame);
    if ((m->marks & LA_MARK_STALE_SYN) != 0) {
      found++;
      assert_int_equal(m->frame, 8);
      assert_int_equal(m->side, LA_OPENER);
    }
  }
  assert_int_equal(found, 1);
  assert_int_equal(la_tracker_peak(t.tracker), 2);
  la_tracker_recycle(t.tracker, la_tracker_next(t.tracker) == NULL ? (LaConnection *)(uintptr_t)conn : NULL);
  assert_int_equal(la_tracker_open(t.tracker), 0);
  talk_end(&t);
}

/* A stale SYN from the server's address: the fold turns its sides. */
static void a_stale_syn_of_the_server_is_folded_back_to_its_side(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 S S 0 isn=9000000");
  assert_int_equal(t.note.id, 2);
  t.isn[LA_ACCEPTOR] = 5000000;
  play(&t, "10 C A 101 201; 10 S PA 201 101 5; 10 C A 101 206");
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->end[LA_ACCEPTOR].syn, 2);
  assert_int_equal(conn->end[LA_OPENER].syn, 1);
  for (unsigned i = 0; i < conn->moments_used; i++)
    if ((la_connection_moment(conn, i)->marks & LA_MARK_STALE_SYN) != 0)
      assert_int_equal(la_connection_moment(conn, i)->side, LA_ACCEPTOR);
  talk_end(&t);
}

/* The client really is new: it answers the challenge with a RST, and sends its SYN again. Both SYNs are the new connection's. */
static void a_challenged_client_resets_and_tries_again(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST); /* frames 1-7 */
  play(&t, "9000 C S 0 isn=9000000");
  LaTime challenged = t.time + 10 * LA_MSEC;
  t.isn[LA_OPENER] = 1000000;
  play(&t, "10 S A 201 101"); /* 9: the challenge */
  assert_int_equal(t.note.id, 1);
  play(&t, "10 C R 101"); /* 10: RFC 9293 section 3.10.7.3: <SEQ=SEG.ACK><CTL=RST> */
  assert_int_equal(t.note.id, 1);
  t.isn[LA_OPENER] = 9000000;
  assert_marks(play(&t, "1000 C S 0"), LA_MARK_SYN | LA_MARK_RETRANSMISSION, 0); /* 11 */
  assert_int_equal(t.note.id, 2);
  assert_int_equal(t.note.repeats_frame, 8);
  play(&t, "10 S SA 0 1 isn=8000000; 10 C A 1 1; 1 C PA 1 1 10; 10 S A 1 11");
  assert_int_equal(t.note.id, 2);
  la_tracker_finish(t.tracker, t.time);
  LaConnection *first = next_is(&t, 1, 1);
  assert_words(first, "complete", "rst");
  assert_int_equal(first->rst_frame, 10);
  assert_int_equal(first->end[LA_OPENER].syn, 1);
  LaConnection *second = next_is(&t, 2, 8);
  assert_words(second, "complete", "open");
  assert_int_equal(second->end[LA_OPENER].syn, 2);
  assert_int_equal(second->end[LA_OPENER].retransmitted, 1);
  assert_int_equal(second->earlier.id, 1);
  assert_int_equal(second->earlier.challenges, 1);
  assert_int_equal(second->earlier.challenge_frame, 9);
  assert_int_equal(second->earlier.challenge_rst_frame, 10);
  assert_true(second->earlier.challenge_time == challenged);
  assert_int_equal(second->earlier.state[LA_ACCEPTOR], LA_TCP_ESTABLISHED); /* as it stood when the SYN came */
  assert_int_equal(second->earlier.last_frame, 7);
  talk_end(&t);
}

/* Packets that were under way from the other end when the SYN came show nothing. */
static void what_the_other_end_still_sends_decides_nothing(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000");
  t.isn[LA_OPENER] = 1000000;
  play(&t, "1 S PA 201 101 40");
  assert_int_equal(t.note.id, 1);
  t.isn[LA_OPENER] = 9000000;
  play(&t, "10 S SA 0 1 isn=8000000; 10 C A 1 1");
  assert_int_equal(t.note.id, 2);
  la_tracker_finish(t.tracker, t.time);
  LaConnection *first = next_is(&t, 1, 1);
  assert_int_equal(first->end[LA_ACCEPTOR].payload_bytes, 240);
  LaConnection *second = next_is(&t, 2, 8);
  assert_words(second, "complete", "open");
  assert_int_equal(second->earlier.challenges, 0);
  talk_end(&t);
}

/* Nobody answers at all: two connections are told. */
static void a_syn_on_a_living_connection_without_an_answer_stays_tentative(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000; 1000 C S 0");
  assert_int_equal(t.note.id, 2);
  la_tracker_finish(t.tracker, t.time + LA_SEC);
  LaConnection *first = next_is(&t, 1, 1);
  assert_int_equal(first->ended_by, LA_ENDED_CAPTURE_END);
  LaConnection *second = next_is(&t, 2, 8);
  assert_true((second->flags & LA_CONN_TENTATIVE) != 0);
  assert_words(second, "unanswered", "none");
  talk_end(&t);
}

/* The tentative one gives up after its time, and the older one has its four-tuple back. */
static void a_tentative_connection_that_fails_gives_the_four_tuple_back(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000");
  t.isn[LA_OPENER] = 1000000;
  play(&t, "181500 S PA 201 101 10; 10 C A 101 211");
  assert_int_equal(t.note.id, 1);
  assert_int_equal(next_is(&t, 2, 8)->ended_by, LA_ENDED_FAILED);
  LaConnection *first = only(&t);
  assert_int_equal(first->id, 1);
  assert_int_equal(first->end[LA_ACCEPTOR].payload_bytes, 210);
  talk_end(&t);
}

/* ... even when the next segment comes before anybody asked for finished connections. */
static void a_connection_past_its_deadline_is_not_found(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT "60001 S A 202 102");
  assert_int_equal(t.note.id, 2); /* a stray */
  la_tracker_finish(t.tracker, t.time);
  next_is(&t, 1, 1);
  LaConnection *stray = next_is(&t, 2, 12);
  assert_true((stray->flags & (LA_CONN_STRAY | LA_CONN_REUSED)) == LA_CONN_STRAY);
  talk_end(&t);

  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT "60000 S A 202 102");
  assert_int_equal(t.note.id, 1); /* the last nanosecond still counts */
  talk_end(&t);
}

/* Three times: only the newest and the one before it are kept apart. */
static void a_third_syn_settles_the_second(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000; 10 S SA 0 1 isn=8000000; 10 C A 1 1; 10 C PA 1 1 10; 10 S A 1 11;"
                             "9000 C S 0 isn=7000000; 10 S SA 0 1 isn=6000000; 10 C A 1 1");
  assert_int_equal(t.note.id, 3);
  la_tracker_finish(t.tracker, t.time);
  next_is(&t, 1, 1);
  LaConnection *second = next_is(&t, 2, 8);
  assert_int_equal(second->earlier.id, 1);
  LaConnection *third = next_is(&t, 3, 13);
  assert_int_equal(third->earlier.id, 2);
  assert_words(third, "complete", "open");
  talk_end(&t);
}

static void three_syns_with_three_numbers_on_a_living_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "9000 C S 0 isn=9000000; 1000 C S 0 isn=7000000; 10 S SA 0 1 isn=6000000; 10 C A 1 1");
  assert_int_equal(t.note.id, 2); /* nobody had answered: the same attempt */
  la_tracker_finish(t.tracker, t.time);
  next_is(&t, 1, 1);
  LaConnection *second = next_is(&t, 2, 8);
  assert_true((second->flags & LA_CONN_SYN_TWICE) != 0);
  assert_words(second, "complete", "open");
  talk_end(&t);
}

static void a_syn_again_with_another_number_before_any_answer_is_the_same_attempt(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  assert_marks(play(&t, "0 C S 0; 1000 C S 0 isn=9000000"), LA_MARK_ISN_CHANGED, LA_MARK_RETRANSMISSION);
  play(&t, "10 S SA 0 1; 10 C A 1 1");
  const LaConnection *conn = only(&t);
  assert_true((conn->flags & LA_CONN_SYN_TWICE) != 0);
  assert_int_equal(conn->end[LA_OPENER].isn, 9000000);
  assert_int_equal(conn->end[LA_OPENER].snd_nxt, 9000001);
  assert_words(conn, "complete", "open");
  talk_end(&t);
}

/* Once the server has spoken, another number is another connection. */
static void a_syn_with_another_number_after_the_syn_ack_is_another_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0; 10 S SA 0 1; 1000 C S 0 isn=9000000");
  assert_int_equal(t.note.id, 2);
  play(&t, "10 S SA 0 1 isn=8000000; 10 C A 1 1");
  assert_int_equal(t.note.id, 2);
  la_tracker_finish(t.tracker, t.time);
  assert_words(next_is(&t, 1, 1), "syn-received", "none");
  LaConnection *second = next_is(&t, 2, 3);
  assert_words(second, "complete", "open");
  talk_end(&t);
}

/* The SYN is missing from the capture. */
static void a_syn_ack_with_a_new_number_begins_a_connection_after_a_close(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT "2000 S SA 0 1 isn=8000000");
  assert_int_equal(t.note.id, 2);
  play(&t, "10 C A 1 1");
  la_tracker_finish(t.tracker, t.time);
  next_is(&t, 1, 1);
  LaConnection *second = next_is(&t, 2, 12);
  assert_int_equal(second->roles_from, LA_ROLES_SYN_ACK);
  assert_int_equal(second->earlier.id, 1);
  assert_words(second, "complete", "open");
  talk_end(&t);
}

static void a_syn_ack_again_stays_with_its_connection(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  assert_marks(play(&t, HANDSHAKE "1000 S SA 0 1"), LA_MARK_RETRANSMISSION, 0);
  assert_int_equal(t.note.id, 1);
  assert_int_equal(t.note.repeats_frame, 2);
  assert_marks(play(&t, "10 C A 1 1"), LA_MARK_ACKS_SYN, LA_MARK_HANDSHAKE_ACK);
  only(&t);
  talk_end(&t);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_syn_after_a_close_is_a_new_connection),
      cmocka_unit_test(the_earlier_connection_is_told_by_the_later_one_s_sides),
      cmocka_unit_test(a_syn_after_a_rst_is_a_new_connection),
      cmocka_unit_test(a_syn_that_is_answered_is_a_new_connection),
      cmocka_unit_test(a_rst_that_acknowledges_the_syn_is_the_new_connection_s),
      cmocka_unit_test(a_stale_syn_is_folded_back),
      cmocka_unit_test(a_stale_syn_of_the_server_is_folded_back_to_its_side),
      cmocka_unit_test(a_challenged_client_resets_and_tries_again),
      cmocka_unit_test(what_the_other_end_still_sends_decides_nothing),
      cmocka_unit_test(a_syn_on_a_living_connection_without_an_answer_stays_tentative),
      cmocka_unit_test(a_tentative_connection_that_fails_gives_the_four_tuple_back),
      cmocka_unit_test(a_connection_past_its_deadline_is_not_found),
      cmocka_unit_test(a_third_syn_settles_the_second),
      cmocka_unit_test(three_syns_with_three_numbers_on_a_living_connection),
      cmocka_unit_test(a_syn_again_with_another_number_before_any_answer_is_the_same_attempt),
      cmocka_unit_test(a_syn_with_another_number_after_the_syn_ack_is_another_connection),
      cmocka_unit_test(a_syn_ack_with_a_new_number_begins_a_connection_after_a_close),
      cmocka_unit_test(a_syn_ack_again_stays_with_its_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
