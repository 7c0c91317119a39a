/* The paths of both ends: what a segment proves about its sender, what it makes its receiver do if it arrives, and how later segments
 * prove or take back what was assumed. `?` is not proved yet, `~` assumed over a gap in the capture. */
#include <glib.h>

#include "unit/track/support.h"

typedef struct {
  const char *lines;
  const char *client, *server;
} PathCase;

static void check_paths(const PathCase *cases, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    Talk t;
    talk_start(&t);
    play(&t, cases[i].lines);
    const LaConnection *conn = only(&t);
    check_path(conn, LA_OPENER, cases[i].client, cases[i].lines);
    check_path(conn, LA_ACCEPTOR, cases[i].server, cases[i].lines);
    for (int side = 0; side < LA_SIDE_N; side++) {
      const LaEndpoint *end = &conn->end[side];
      assert_int_equal(end->state, end->steps != 0 ? end->path[end->steps - 1].state : LA_TCP_CLOSED);
    }
    talk_end(&t);
  }
}

#define OPEN_C "SYN_SENT ESTABLISHED"
#define OPEN_S "SYN_RECEIVED ESTABLISHED"

static void opening(void **state)
{
  (void)state;
  static const PathCase cases[] = {
      {"0 C S 0", "SYN_SENT", ""},
      {"0 C S 0; 1000 C S 0", "SYN_SENT", ""},
      {"0 C S 0; 10 S SA 0 1", "SYN_SENT ESTABLISHED?", "SYN_RECEIVED"},
      {HANDSHAKE, OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      {HANDSHAKE "5 S PA 1 1 10", OPEN_C, OPEN_S},
      {HANDSHAKE "5 S A 1 1", OPEN_C, "SYN_RECEIVED ESTABLISHED?"}, /* a request socket answers like that, too */
      {HANDSHAKE "1 C PA 1 1 10; 10 S A 1 11", OPEN_C, OPEN_S},
      {HANDSHAKE "1 C PA 1 1 10; 10 S A 1 1 sack=0", OPEN_C, OPEN_S}, /* it has data */
      {HANDSHAKE "7000 S A 0 1", OPEN_C, OPEN_S},                     /* a keep-alive */
      {HANDSHAKE "5 S FA 1 1", OPEN_C " CLOSE_WAIT?", OPEN_S " FIN_WAIT_1"},
      /* the SYN-ACK again, long after the ACK: it had not arrived */
      {HANDSHAKE "1000 S SA 0 1", OPEN_C, "SYN_RECEIVED"},
      {HANDSHAKE "1000 S SA 0 1; 10 C A 1 1", OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      /* ... at once: they crossed */
      {HANDSHAKE "30 S SA 0 1", OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      /* the SYN again after the SYN-ACK: that one had not arrived */
      {"0 C S 0; 10 S SA 0 1; 1000 C S 0", "SYN_SENT", "SYN_RECEIVED"},
      {"0 C S 0; 10 S SA 0 1; 1000 C S 0; 10 S SA 0 1; 10 C A 1 1", OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      {"0 C S 0; 10 S SA 0 1; 1000 S SA 0 1", "SYN_SENT", "SYN_RECEIVED"},
      {"0 C S 0; 10 S SA 0 1; 1000 S SA 0 1; 10 C A 1 1", OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      /* payload that comes for the third time says that nobody takes it */
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10", OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10; 600 C PA 1 1 10", OPEN_C, "SYN_RECEIVED"},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10; 600 C PA 1 1 10; 10 S A 1 11", OPEN_C, OPEN_S},
      /* a SYN-ACK that acknowledges something else is refused */
      {"0 C S 0; 10 S SA 0 77", "SYN_SENT", "SYN_RECEIVED"},
      {"0 C S 0; 10 S SA 0 77; 10 C R 77", "SYN_SENT", "SYN_RECEIVED"},
      /* the SYN-ACK is missing from the capture */
      {"0 C S 0; 20 C A 1 1", "SYN_SENT ESTABLISHED~", ""},
      {"0 C S 0; 20 C A 1 1; 5 S PA 1 1 10", "SYN_SENT ESTABLISHED~", "ESTABLISHED~"},
      {"0 C S 0; 20 C FA 1 1", "SYN_SENT ESTABLISHED~ FIN_WAIT_1", ""},
      /* the SYN is */
      {"0 S SA 0 1", "", "SYN_RECEIVED"},
      {"0 S SA 0 1; 10 C A 1 1", "ESTABLISHED~", "SYN_RECEIVED ESTABLISHED?"},
      /* the ACK is */
      {"0 C S 0; 10 S SA 0 1; 20 S PA 1 1 10", "SYN_SENT ESTABLISHED?", "SYN_RECEIVED ESTABLISHED~"},
      {"0 C S 0; 10 S SA 0 1; 20 S FA 1 1", "SYN_SENT ESTABLISHED? CLOSE_WAIT?", "SYN_RECEIVED FIN_WAIT_1"},
      {"0 C S 0; 10 S SA 0 1; 10 C A 1 0", "SYN_SENT ESTABLISHED?", "SYN_RECEIVED"}, /* acknowledges nothing */
      {HANDSHAKE "5 S A 1 1 sack=-200", OPEN_C, OPEN_S}, /* it has had data, even if only once too often */
      /* a round trip and its margin decide whether a SYN-ACK crossed the ACK */
      {HANDSHAKE "40 S SA 0 1", OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      {HANDSHAKE "41 S SA 0 1", OPEN_C, "SYN_RECEIVED"},
      /* the ACK comes again, and counts again unless payload was sent in vain twice */
      {HANDSHAKE "1 C PA 1 1 10; 300 C PA 1 1 10; 700 S SA 0 1; 10 C A 11 1", OPEN_C, "SYN_RECEIVED ESTABLISHED?"},
      {HANDSHAKE "1 C PA 1 1 10; 300 C PA 1 1 10; 300 C PA 1 1 10; 400 S SA 0 1; 10 C A 11 1", OPEN_C, "SYN_RECEIVED"},
      /* both at once, and the split handshake */
      {"0 C S 0; 1 S S 0; 1000 C S 0", "SYN_SENT SYN_RECEIVED?", "SYN_SENT SYN_RECEIVED?"},
      {"0 C S 0; 1 S S 0", "SYN_SENT SYN_RECEIVED?", "SYN_SENT SYN_RECEIVED?"},
      {"0 C S 0; 1 S S 0; 10 C SA 0 1; 1 S SA 0 1; 10 C PA 1 1 9; 10 S A 1 10", "SYN_SENT SYN_RECEIVED ESTABLISHED",
       "SYN_SENT SYN_RECEIVED ESTABLISHED"},
      {"0 C S 0; 10 S A 0 1; 1 S S 0; 10 C SA 0 1; 10 S PA 1 1 4; 10 C A 1 5", "SYN_SENT SYN_RECEIVED ESTABLISHED",
       "SYN_SENT SYN_RECEIVED ESTABLISHED"},
      /* fast open */
      {"0 C S 0 0 10; 10 S SA 0 11; 1 S PA 1 11 20; 10 C A 11 21", OPEN_C, "SYN_RECEIVED ESTABLISHED~"},
  };
  check_paths(cases, G_N_ELEMENTS(cases));
}

static void closing(void **state)
{
  (void)state;
  static const PathCase cases[] = {
      {HANDSHAKE REQUEST "5 C FA 101 201", OPEN_C " FIN_WAIT_1", OPEN_S " CLOSE_WAIT?"},
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102", OPEN_C " FIN_WAIT_1 FIN_WAIT_2?", OPEN_S " CLOSE_WAIT"},
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102; 1 S FA 201 102", OPEN_C " FIN_WAIT_1 FIN_WAIT_2? TIME_WAIT?",
       OPEN_S " CLOSE_WAIT LAST_ACK"},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT, OPEN_C " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT", OPEN_S " CLOSE_WAIT LAST_ACK CLOSED?"},
      {HANDSHAKE REQUEST "5 S FA 201 101; 10 C FA 101 202; 10 S A 202 102", OPEN_C " CLOSE_WAIT LAST_ACK CLOSED?",
       OPEN_S " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"},
      /* both at once */
      {HANDSHAKE REQUEST "5 C FA 101 201; 0 S FA 201 101", OPEN_C " FIN_WAIT_1 CLOSING?", OPEN_S " FIN_WAIT_1 CLOSING?"},
      {HANDSHAKE REQUEST "5 C FA 101 201; 0 S FA 201 101; 10 C A 102 202; 0 S A 202 102",
       OPEN_C " FIN_WAIT_1 CLOSING TIME_WAIT?", OPEN_S " FIN_WAIT_1 CLOSING TIME_WAIT?"},
      /* half-close with data */
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102; 5 S PA 201 102 9; 10 C A 102 210", OPEN_C " FIN_WAIT_1 FIN_WAIT_2",
       OPEN_S " CLOSE_WAIT"},
      /* a FIN that comes again has not arrived */
      {HANDSHAKE REQUEST "5 C FA 101 201; 300 C FA 101 201", OPEN_C " FIN_WAIT_1", OPEN_S},
      {HANDSHAKE REQUEST "5 C FA 101 201; 300 C FA 101 201; 10 S A 201 102", OPEN_C " FIN_WAIT_1 FIN_WAIT_2?",
       OPEN_S " CLOSE_WAIT"},
      /* its acknowledgment has not: the FIN had been taken */
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102; 300 C FA 101 201", OPEN_C " FIN_WAIT_1", OPEN_S " CLOSE_WAIT"},
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102; 300 C FA 101 201; 10 S A 201 102", OPEN_C " FIN_WAIT_1 FIN_WAIT_2?",
       OPEN_S " CLOSE_WAIT"},
      /* the last ACK has not */
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "300 S FA 201 102", OPEN_C " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
       OPEN_S " CLOSE_WAIT LAST_ACK"},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "300 S FA 201 102; 10 C A 102 202", OPEN_C " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
       OPEN_S " CLOSE_WAIT LAST_ACK CLOSED?"},
      /* an end that goes on without acknowledging the FIN has not got it */
      {HANDSHAKE REQUEST "5 C FA 101 201; 100 S PA 201 101 9", OPEN_C " FIN_WAIT_1", OPEN_S},
      {HANDSHAKE REQUEST "5 C FA 101 201; 5 S PA 201 101 9", OPEN_C " FIN_WAIT_1",
       OPEN_S " CLOSE_WAIT?"}, /* it was under way */
      {HANDSHAKE REQUEST "5 C PA 101 201 9; 1 C FA 110 201; 5 S A 201 101", OPEN_C " FIN_WAIT_1", OPEN_S " CLOSE_WAIT?"},
      {HANDSHAKE REQUEST "5 C PA 101 201 9; 1 C FA 110 201; 5 S A 201 101 sack=9", OPEN_C " FIN_WAIT_1",
       OPEN_S}, /* it lacks data */
      {HANDSHAKE REQUEST "5 C PA 101 201 9; 1 C FA 110 201; 5 S A 201 101 sack=-100", OPEN_C " FIN_WAIT_1",
       OPEN_S " CLOSE_WAIT?"},
      /* a FIN behind a hole waits */
      {HANDSHAKE REQUEST "5 C FA 111 201", OPEN_C " FIN_WAIT_1", OPEN_S},
      {HANDSHAKE REQUEST "5 C FA 111 201; 1 C PA 101 201 10", OPEN_C " FIN_WAIT_1", OPEN_S},
      {HANDSHAKE REQUEST "5 C FA 111 201; 1 C PA 101 201 10; 10 S A 201 112", OPEN_C " FIN_WAIT_1 FIN_WAIT_2?",
       OPEN_S " CLOSE_WAIT"},
      /* ... or data in front of it comes again */
      {HANDSHAKE REQUEST "5 C PA 101 201 10; 1 C FA 111 201; 300 C PA 101 201 10", OPEN_C " FIN_WAIT_1", OPEN_S},
      {HANDSHAKE REQUEST "5 C FA 111 201; 1 C PA 101 201 10; 5 S PA 201 101 9", OPEN_C " FIN_WAIT_1", OPEN_S},
      /* data in front of a FIN that was acknowledged says nothing about either */
      {HANDSHAKE REQUEST "5 C PA 101 201 10; 1 C FA 111 201; 10 S A 201 112; 300 C PA 101 201 10",
       OPEN_C " FIN_WAIT_1 FIN_WAIT_2?", OPEN_S " CLOSE_WAIT"},
      /* both FINs come again */
      {HANDSHAKE REQUEST "5 C FA 101 201; 0 S FA 201 101; 10 C A 102 202; 0 S A 202 102; 300 C FA 101 202",
       OPEN_C " FIN_WAIT_1 CLOSING", OPEN_S " FIN_WAIT_1 CLOSING TIME_WAIT?"},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "30 S FA 201 102", OPEN_C " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
       OPEN_S " CLOSE_WAIT LAST_ACK"},
      /* an old number says nothing about what its sender had received */
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S PA 101 102 100; 5 C A 102 201", OPEN_C " FIN_WAIT_1 FIN_WAIT_2?",
       OPEN_S " CLOSE_WAIT"},
      /* outside the window it is none */
      {HANDSHAKE REQUEST "5 C FA 900101 201", OPEN_C, OPEN_S},
      {HANDSHAKE "5 C FA 1 1; 10 S FA 1 2; 10 C A 2 2", OPEN_C " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
       "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED?"},
  };
  check_paths(cases, G_N_ELEMENTS(cases));
}

static void resetting(void **state)
{
  (void)state;
  static const PathCase cases[] = {
      {"0 C S 0; 10 S RA 0 1", "SYN_SENT CLOSED?", ""},
      {"0 C S 0; 10 S SA 0 1; 10 C R 1", "SYN_SENT CLOSED",
       "SYN_RECEIVED CLOSED?"}, /* a bare RST: there is no socket any more */
      {HANDSHAKE REQUEST "5 C RA 101 201", OPEN_C " CLOSED", OPEN_S " CLOSED?"},
      {HANDSHAKE REQUEST "5 C PA 101 201 50; 1 C R 120", OPEN_C " CLOSED", OPEN_S " CLOSED?"}, /* counts */
      {HANDSHAKE REQUEST "5 S A 201 120; 5 C R 120", OPEN_C " CLOSED", OPEN_S " CLOSED?"},
      {HANDSHAKE REQUEST "5 C R 99", OPEN_C, OPEN_S},                    /* does not count, and is not its own */
      {HANDSHAKE REQUEST "5 C R 101 ttl=33", OPEN_C, OPEN_S " CLOSED?"}, /* somebody else's */
      {HANDSHAKE REQUEST "5 C FRA 101 201", OPEN_C " CLOSED", OPEN_S " CLOSED?"},
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S RA 201 102", OPEN_C " FIN_WAIT_1 CLOSED?", OPEN_S " CLOSE_WAIT CLOSED"},
      {HANDSHAKE REQUEST "5 C FA 101 201; 10 S R 201", OPEN_C " FIN_WAIT_1 CLOSED?",
       OPEN_S " CLOSED"}, /* it never took the FIN */
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "5 S R 202", OPEN_C " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT CLOSED?",
       OPEN_S " CLOSE_WAIT LAST_ACK CLOSED?"},
      /* the receiver goes on long after: it never came */
      {HANDSHAKE REQUEST "5 C R 101 ttl=33; 500 S PA 201 101 10", OPEN_C, OPEN_S},
      {HANDSHAKE REQUEST "5 C R 101 ttl=33; 30 S PA 201 101 10", OPEN_C, OPEN_S " CLOSED?"}, /* it was under way */
      /* its sender goes on: it was somebody else's */
      {HANDSHAKE REQUEST "5 C RA 101 201; 10 C PA 101 201 5", OPEN_C, OPEN_S " CLOSED?"},
      {HANDSHAKE REQUEST "5 C RA 101 201; 3 C PA 101 201 5", OPEN_C " CLOSED", OPEN_S " CLOSED?"}, /* out of order */
  };
  check_paths(cases, G_N_ELEMENTS(cases));
}

static void beginning_in_the_middle(void **state)
{
  (void)state;
  static const PathCase cases[] = {
      {"0 C A 1 1", "ESTABLISHED~", ""},
      {"0 C PA 1 1 10; 10 S A 1 11", "ESTABLISHED~", "ESTABLISHED~"},
      {"0 C FA 1 1", "FIN_WAIT_1~", ""},
      {"0 C FA 1 1; 10 S A 1 2", "FIN_WAIT_1~ FIN_WAIT_2?", "ESTABLISHED~ CLOSE_WAIT"},
      {"0 C FA 1 1; 10 S FA 1 2; 10 C A 2 2", "FIN_WAIT_1~ FIN_WAIT_2 TIME_WAIT", "ESTABLISHED~ CLOSE_WAIT LAST_ACK CLOSED?"},
      {"0 C PA 1 1 10; 10 S A 1 11; 5 S FA 1 11; 10 C FA 11 2; 10 S A 2 12", "ESTABLISHED~ CLOSE_WAIT LAST_ACK CLOSED?",
       "ESTABLISHED~ FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"},
      {"0 C PA 1 1 10; 10 S R 1", "ESTABLISHED~ CLOSED?", ""},
      {"0 C R 1", "", ""},
  };
  check_paths(cases, G_N_ELEMENTS(cases));
}

/* An end that never spoke is not known, whatever is sent to it. */
static void one_direction_only(void **state)
{
  (void)state;
  static const PathCase cases[] = {
      {"0 C S 0; 20 C A 1 1; 1 C PA 1 1 10; 20 C A 11 101; 5 C FA 11 101; 20 C A 12 102", "SYN_SENT ESTABLISHED~ FIN_WAIT_1",
       ""},
      {"0 S SA 0 1; 20 S PA 1 11 10; 5 S FA 11 11; 10 S A 12 12", "", "SYN_RECEIVED ESTABLISHED~ FIN_WAIT_1"},
  };
  check_paths(cases, G_N_ELEMENTS(cases));
}

/* A copy of a packet, and impossible flags, tell nothing. */
static void what_tells_nothing(void **state)
{
  (void)state;
  static const PathCase cases[] = {
      {HANDSHAKE REQUEST "5 C FA 101 201 id=5; 1 C FA 101 201 id=5", OPEN_C " FIN_WAIT_1", OPEN_S " CLOSE_WAIT?"},
      {HANDSHAKE REQUEST "5 C FPU 101", OPEN_C, OPEN_S},
      {HANDSHAKE REQUEST "5 C SF 101", OPEN_C, OPEN_S},
  };
  check_paths(cases, G_N_ELEMENTS(cases));
}

/* RFC 7323 section 4.3: an acknowledgment echoes the segment that it answers. One older than the latest copy of the FIN tells that an
 * earlier copy was taken, and so that both ends closed at once. */
static void an_echo_tells_which_copy_of_a_fin_was_taken(void **state)
{
  (void)state;
#define CROSSED HANDSHAKE REQUEST "5 S FA 201 101 ts=900; 1 C FA 101 201 ts=10; 300 C FA 101 202 ts=310;"
  static const PathCase cases[] = {
      {CROSSED "10 S A 202 102 ts=920 ecr=10", OPEN_C " FIN_WAIT_1 CLOSING TIME_WAIT?", OPEN_S " FIN_WAIT_1 CLOSING TIME_WAIT"},
      {CROSSED "10 S A 202 102 ts=920 ecr=309", OPEN_C " FIN_WAIT_1 CLOSING TIME_WAIT?",
       OPEN_S " FIN_WAIT_1 CLOSING TIME_WAIT"},
      {CROSSED "10 S A 202 102 ts=920 ecr=310", OPEN_C " FIN_WAIT_1 CLOSING TIME_WAIT?",
       OPEN_S " FIN_WAIT_1 FIN_WAIT_2? TIME_WAIT"},
      {CROSSED "10 S A 202 102", OPEN_C " FIN_WAIT_1 CLOSING TIME_WAIT?", OPEN_S " FIN_WAIT_1 FIN_WAIT_2? TIME_WAIT"},
      /* the first copy came after the acknowledgment: then the client closed second */
      {HANDSHAKE REQUEST
       "5 S FA 201 101; 1 C A 101 202; 1 C FA 101 202 ts=10; 300 C FA 101 202 ts=310; 10 S A 202 102 ts=920 ecr=10",
       OPEN_C " CLOSE_WAIT LAST_ACK CLOSED?", OPEN_S " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"},
  };
  check_paths(cases, G_N_ELEMENTS(cases));
}

/* ---- frames and flags ---- */

static void steps_know_their_packets(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST CLOSE_BY_CLIENT); /* frames 1-11 */
  const LaConnection *conn = only(&t);
  static const struct {
    LaSide side;
    unsigned step;
    uint64_t frame, proved_by;
  } expected[] = {
      {LA_OPENER, 0, 1, 1},   {LA_OPENER, 1, 2, 3},   {LA_OPENER, 2, 8, 8},   {LA_OPENER, 3, 9, 11},    {LA_OPENER, 4, 10, 11},
      {LA_ACCEPTOR, 0, 2, 2}, {LA_ACCEPTOR, 1, 3, 5}, {LA_ACCEPTOR, 2, 8, 9}, {LA_ACCEPTOR, 3, 10, 10}, {LA_ACCEPTOR, 4, 11, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
    const LaStep *step = &conn->end[expected[i].side].path[expected[i].step];
    assert_int_equal(step->frame, expected[i].frame);
    assert_int_equal(step->proved_by, expected[i].proved_by);
  }
  assert_true(conn->end[LA_OPENER].path[1].time == BEGINNING + 10 * LA_MSEC);
  assert_int_equal(conn->end[LA_OPENER].corrected, 0);
  talk_end(&t);
}

/* The same on the general way: the short one is compared with it elsewhere. */
static void corrections_are_told(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  assert_marks(play(&t, HANDSHAKE REQUEST "5 C FA 101 201; 300 C FA 101 201"), LA_MARK_CORRECTED, 0);
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->end[LA_ACCEPTOR].corrected, 1);
  assert_int_equal(conn->end[LA_OPENER].corrected, 0);
  assert_true((conn->marks & LA_MARK_CORRECTED) != 0);
  talk_end(&t);
}

/* What let a FIN in: itself, or what filled the hole in front of it. */
static void a_fin_behind_a_hole_is_let_in_by_what_fills_it(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "5 C FA 111 201; 1 C PA 101 201 10; 10 S A 201 112"); /* frames 8, 9, 10 */
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->end[LA_ACCEPTOR].path[2].state, LA_TCP_CLOSE_WAIT);
  assert_int_equal(conn->end[LA_ACCEPTOR].path[2].frame, 9);
  assert_int_equal(conn->end[LA_ACCEPTOR].path[2].proved_by, 10);
  talk_end(&t);
  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "5 C PA 101 201 10; 1 C FA 111 201; 10 S A 201 112");
  assert_int_equal(only(&t)->end[LA_ACCEPTOR].path[2].frame, 9);
  talk_end(&t);
}

static void what_a_reset_leaves(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  assert_marks(play(&t, HANDSHAKE REQUEST "5 C RA 101 201"), LA_MARK_RST_COUNTS, LA_MARK_CORRECTED);
  LaTime reset = t.time;
  assert_marks(play(&t, "10 C PA 101 201 5"), LA_MARK_CORRECTED | LA_MARK_AFTER_RST, 0);
  const LaConnection *conn = only(&t);
  assert_true((conn->end[LA_OPENER].flags & (LA_END_RST | LA_END_WENT_ON)) == (LA_END_RST | LA_END_WENT_ON));
  assert_true((conn->end[LA_ACCEPTOR].flags & (LA_END_RST | LA_END_WENT_ON)) == 0);
  assert_true(conn->rst_time == reset);
  talk_end(&t);

  talk_start(&t);
  play(&t, HANDSHAKE REQUEST "5 C R 101 ttl=33; 500 S PA 201 101 10"); /* survived */
  conn = only(&t);
  assert_true(conn->rst_time == LA_TIME_NONE);
  assert_int_equal(conn->rst_frame, 0);
  talk_end(&t);
}

static uint32_t flags_after(const char *lines)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  uint32_t flags = only(&t)->flags;
  talk_end(&t);
  return flags;
}

static void flags_of_the_connection(void **state)
{
  (void)state;
  static const struct {
    const char *lines;
    uint32_t must, must_not;
  } cases[] = {
      {"0 C S 0", 0, LA_CONN_ESTABLISHED},
      {"0 C S 0; 10 S SA 0 1", 0, LA_CONN_ESTABLISHED},
      {HANDSHAKE, LA_CONN_ESTABLISHED, LA_CONN_MIDSTREAM | LA_CONN_CLOSED},
      {"0 C S 0; 10 S RA 0 1", LA_CONN_REFUSED | LA_CONN_RST, LA_CONN_ABANDONED},
      {"0 C S 0; 10 S RA 0 0", 0, LA_CONN_REFUSED | LA_CONN_RST},
      {"0 C S 0; 10 S SA 0 1; 10 C R 1", LA_CONN_ABANDONED | LA_CONN_RST, LA_CONN_REFUSED},
      {HANDSHAKE "10 C R 1", LA_CONN_RST, LA_CONN_ABANDONED},
      {HANDSHAKE "10 S R 1", LA_CONN_RST, LA_CONN_REFUSED},
      {"0 C S 0 0 10", LA_CONN_FAST_OPEN, 0},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT, LA_CONN_CLOSED, LA_CONN_RST},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "1 S R 202", LA_CONN_CLOSED, LA_CONN_RST},
      {HANDSHAKE REQUEST "5 C PA 101 201 5 frag=1", LA_CONN_FRAGMENTS, 0},
      {"0 C S 0; 10 S A 0 1; 1 S S 0; 10 C SA 0 1", LA_CONN_SIMULTANEOUS, LA_CONN_SYN_TWICE},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    uint32_t flags = flags_after(cases[i].lines);
    if ((flags & cases[i].must) != cases[i].must || (flags & cases[i].must_not) != 0)
      fail_msg("%s: flags 0x%x", cases[i].lines, flags);
  }
}

/* Whose the RST was: a foreign TTL, or a sender that goes on. */
static void a_reset_of_somebody_else_is_told(void **state)
{
  (void)state;
  static const struct {
    const char *lines;
    unsigned foreign;
  } cases[] = {
      {HANDSHAKE REQUEST "5 C RA 101 201", 0},
      {HANDSHAKE REQUEST "5 C RA 101 201 ttl=33", 1},
      {HANDSHAKE REQUEST "5 C RA 101 201; 10 C PA 101 201 5", 1},
      {HANDSHAKE REQUEST "5 C RA 101 201; 2 C PA 101 201 5", 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    talk_start(&t);
    play(&t, cases[i].lines);
    const LaConnection *conn = only(&t);
    assert_int_equal(conn->rst_foreign, cases[i].foreign);
    assert_int_equal(conn->rst_frame, 8);
    talk_end(&t);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opening),
      cmocka_unit_test(closing),
      cmocka_unit_test(resetting),
      cmocka_unit_test(beginning_in_the_middle),
      cmocka_unit_test(one_direction_only),
      cmocka_unit_test(what_tells_nothing),
      cmocka_unit_test(steps_know_their_packets),
      cmocka_unit_test(corrections_are_told),
      cmocka_unit_test(an_echo_tells_which_copy_of_a_fin_was_taken),
      cmocka_unit_test(a_fin_behind_a_hole_is_let_in_by_what_fills_it),
      cmocka_unit_test(what_a_reset_leaves),
      cmocka_unit_test(flags_of_the_connection),
      cmocka_unit_test(a_reset_of_somebody_else_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
