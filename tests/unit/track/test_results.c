/* The words for a finished connection: how it opened and closed, what its applications saw, how sure its final states are. */
#include <glib.h>

#include "unit/track/support.h"

/* The connection of `lines` alone, `after` ms after the last of them; checks both words. */
typedef struct {
  const char *lines;
  int64_t after;
  const char *handshake, *teardown;
} Case;

static void check_cases(const Case *cases, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    Talk t;
    talk_start(&t);
    play(&t, cases[i].lines);
    LaConnection *conn = finish_after(&t, cases[i].after);
    check_words(conn, cases[i].handshake, cases[i].teardown, cases[i].lines);
    talk_end(&t);
  }
}

static void handshakes_have_their_word(void **state)
{
  (void)state;
  static const Case cases[] = {
      {HANDSHAKE, 0, "complete", "open"},
      {"0 C S 0; 10 S SA 0 1; 10 C A 1 1; 1 S PA 1 1 10", 0, "complete", "open"},
      {"0 C S 0; 10 S RA 0 1", 0, "refused", "none"},
      {"0 C S 0", 0, "undetermined", "none"},
      {"0 C S 0", 2999, "undetermined", "none"},
      {"0 C S 0", 3000, "unanswered", "none"},
      {"0 C S 0; 1000 C S 0", 499, "undetermined", "none"},
      {"0 C S 0; 1000 C S 0", 500, "unanswered", "none"},
      {"0 C S 0; 1000 C S 0; 1000 C S 0", 0, "unanswered", "none"},
      {"0 C S 0", 200000, "unanswered", "none"},
      {"0 C S 0; 10 S SA 0 1", 0, "syn-received", "none"},
      {"0 C S 0; 10 S SA 0 1; 1000 S SA 0 1; 2000 S SA 0 1", 0, "syn-received", "none"},
      {"0 C S 0; 10 S SA 0 1; 10 C R 1", 0, "abandoned", "none"},
      /* the server sends its SYN-ACK again after the ACK: it did not get or want it */
      {"0 C S 0; 10 S SA 0 1; 10 C A 1 1; 1000 S SA 0 1; 10 C A 1 1; 2000 S SA 0 1", 0, "final-ack-dropped", "open"},
      {"0 C S 0; 1 S S 0; 10 C SA 0 1; 1 S SA 0 1", 0, "simultaneous", "open"},
      {"0 C PA 1 1 10; 10 S A 1 11", 0, "unseen", "open"},
      {"0 C A 1 1", 0, "unseen", "open"},
      {"0 S SA 0 1; 10 C A 1 1", 0, "complete", "open"},
      {"0 S SA 0 1", 0, "syn-received", "none"},
      /* a bare ACK is no answer to a SYN */
      {"0 C S 0; 10 S A 77 -5", 0, "undetermined", "none"},
      {"0 C S 0; 20 C A 1 1; 1 C PA 1 1 100", 0, "complete", "open"}, /* the server's packets are not in the capture */
  };
  check_cases(cases, G_N_ELEMENTS(cases));
}

static void teardowns_have_their_word(void **state)
{
  (void)state;
  static const Case cases[] = {
      {HANDSHAKE "5 C FA 1 1; 10 S FA 1 2; 10 C A 2 2", 0, "complete", "fin"},
      {HANDSHAKE "5 S FA 1 1; 10 C A 1 2; 1 C FA 1 2; 10 S A 2 2", 0, "complete", "fin"},
      {HANDSHAKE "5 C FA 1 1; 0 S FA 1 1; 10 C A 2 2; 0 S A 2 2", 0, "complete", "fin"},
      {HANDSHAKE "5 C FA 1 1; 10 S FA 1 2", 0, "complete", "fin-unconfirmed"},
      {HANDSHAKE "5 C FA 1 1; 10 S FA 1 1", 0, "complete", "fin-unconfirmed"},
      {HANDSHAKE "5 C FA 1 1; 10 S A 1 2", 0, "complete", "half-closed"},
      {HANDSHAKE "5 C FA 1 1", 0, "complete", "half-closed"},
      {HANDSHAKE "5 S FA 1 1; 10 C A 1 2", 0, "complete", "half-closed"},
      {HANDSHAKE "5 C RA 1 1", 0, "complete", "rst"},
      {HANDSHAKE REQUEST "5 S R 201", 0, "complete", "rst"},
      /* a bare RST comes from where there is no socket: nothing showed that the server had taken the ACK */
      {HANDSHAKE "5 S R 1", 0, "final-ack-dropped", "rst"},
      {HANDSHAKE "5 C FA 1 1; 10 S RA 1 2", 0, "complete", "fin-rst"},
      {HANDSHAKE "5 S FA 1 1; 10 S RA 2 1", 0, "complete", "fin-rst"},
      {HANDSHAKE "5 C FRA 1 1", 0, "complete", "rst"},
      /* a RST after everything was closed changes nothing */
      {HANDSHAKE "5 C FA 1 1; 10 S FA 1 2; 10 C A 2 2; 1 S R 2", 0, "complete", "fin"},
      /* sent three times into silence */
      {HANDSHAKE REQUEST "5 C PA 101 201 10; 300 C PA 101 201 10; 600 C PA 101 201 10", 499, "complete", "open"},
      {HANDSHAKE REQUEST "5 C PA 101 201 10; 300 C PA 101 201 10; 600 C PA 101 201 10", 500, "complete", "vanished"},
      {HANDSHAKE REQUEST "5 C PA 101 201 10; 300 C PA 101 201 10", 0, "complete", "open"},
      /* and nothing showed that the server had taken the ACK */
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10; 600 C PA 1 1 10; 1200 C PA 1 1 10", 0, "final-ack-dropped", "vanished"},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10", 0, "complete", "open"},
      {HANDSHAKE "5 S PA 1 1 10; 300 S PA 1 1 10; 600 S PA 1 1 10", 500, "complete", "vanished"},
      /* three keep-alives into silence */
      {HANDSHAKE "5 C A 0 1; 1000 C A 0 1 0; 1000 C A 0 1 0", 500, "complete", "vanished"},
      /* answered at last */
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10; 600 C PA 1 1 10; 10 S A 1 11", 0, "complete", "open"},
      /* both FINs are there: more is known than that the other end was silent */
      {HANDSHAKE "5 S FA 1 1; 5 C FA 1 1; 300 C FA 1 1; 600 C FA 1 1; 900 C FA 1 1", 0, "complete", "fin-unconfirmed"},
      {"0 C PA 1 1 10; 10 S A 1 11; 1 C FA 11 1; 10 S FA 1 12; 10 C A 12 2", 0, "unseen", "fin"},
  };
  check_cases(cases, G_N_ELEMENTS(cases));
}

/* ---- ICMP ---- */

static LaConnection *syn_with_error(Talk *t, unsigned type_code, uint32_t seq)
{
  talk_start(t);
  play(t, "0 C S 0");
  t->time += 5 * LA_MSEC;
  assert_true(play_icmp(t, LA_OPENER, type_code, seq));
  return finish_after(t, 3000);
}

static void an_error_about_the_syn_makes_it_unreachable(void **state)
{
  (void)state;
  static const struct {
    unsigned type_code;
    const char *handshake;
    LaAppError error;
  } cases[] = {
      {0x0300, "unreachable", LA_APP_NONE}, /* ENETUNREACH */
      {0x0301, "unreachable", LA_APP_EHOSTUNREACH}, {0x0303, "unreachable", LA_APP_ECONNREFUSED},
      {0x0304, "unanswered", LA_APP_NONE}, /* fragmentation needed */
      {0x0307, "unreachable", LA_APP_NONE},         {0x030a, "unreachable", LA_APP_EHOSTUNREACH},
      {0x030d, "unreachable", LA_APP_EHOSTUNREACH}, {0x0400, "unanswered", LA_APP_NONE}, /* source quench */
      {0x0500, "unanswered", LA_APP_NONE},          {0x0b00, "unreachable", LA_APP_EHOSTUNREACH},
      {0x0c00, "unreachable", LA_APP_NONE},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    LaConnection *conn = syn_with_error(&t, cases[i].type_code, 0);
    assert_words(conn, cases[i].handshake, "none");
    assert_int_equal(la_connection_app_error(conn, LA_OPENER), cases[i].error);
    assert_int_equal(la_connection_app_error(conn, LA_ACCEPTOR), LA_APP_NONE);
    talk_end(&t);
  }
}

static void an_error_about_another_number_does_not(void **state)
{
  (void)state;
  Talk t;
  LaConnection *conn = syn_with_error(&t, 0x0301, 4711);
  assert_words(conn, "unanswered", "none");
  assert_true((conn->flags & LA_CONN_ICMP) != 0);
  assert_int_equal(conn->icmp_frame, 2); /* kept all the same */
  talk_end(&t);
}

static void errors_of_ipv6_have_their_own_numbers(void **state)
{
  (void)state;
  static const struct {
    unsigned type_code;
    const char *handshake;
    LaAppError error;
  } cases[] = {
      {0x0100, "unreachable", LA_APP_NONE},         {0x0103, "unreachable", LA_APP_EHOSTUNREACH},
      {0x0104, "unreachable", LA_APP_ECONNREFUSED}, {0x0200, "unanswered", LA_APP_NONE}, /* packet too big */
      {0x0300, "unreachable", LA_APP_EHOSTUNREACH}, {0x0301, "unreachable", LA_APP_EHOSTUNREACH},
      {0x0303, "unreachable", LA_APP_EHOSTUNREACH}, {0x0400, "unreachable", LA_APP_NONE},
      {0x0b00, "unanswered", LA_APP_NONE},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    talk_start(&t);
    t.family = LA_FAMILY_IPV6;
    play(&t, "0 C S 0");
    assert_true(play_icmp(&t, LA_OPENER, cases[i].type_code, 0));
    LaConnection *conn = finish_after(&t, 3000);
    assert_words(conn, cases[i].handshake, "none");
    assert_int_equal(la_connection_app_error(conn, LA_OPENER), cases[i].error);
    talk_end(&t);
  }
}

/* ---- what applications saw ---- */

static LaAppError error_of(const char *lines, LaSide side)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  LaConnection *conn = finish_after(&t, 200000);
  LaAppError error = la_connection_app_error(conn, side);
  talk_end(&t);
  return error;
}

static void applications_see_their_errors(void **state)
{
  (void)state;
  assert_int_equal(error_of("0 C S 0; 10 S RA 0 1", LA_OPENER), LA_APP_ECONNREFUSED);
  assert_int_equal(error_of("0 C S 0; 10 S RA 0 1", LA_ACCEPTOR), LA_APP_NONE);
  assert_int_equal(error_of(HANDSHAKE "5 S RA 1 1", LA_OPENER), LA_APP_ECONNRESET);
  assert_int_equal(error_of(HANDSHAKE "5 S RA 1 1", LA_ACCEPTOR), LA_APP_NONE);
  assert_int_equal(error_of(HANDSHAKE "5 C RA 1 1", LA_ACCEPTOR), LA_APP_ECONNRESET);
  /* a RST in CLOSE_WAIT: the next write fails */
  assert_int_equal(error_of(HANDSHAKE "5 C FA 1 1; 10 S A 1 2; 1 S PA 1 2 10; 10 C R 2", LA_ACCEPTOR), LA_APP_EPIPE);
  /* ... or it reads the end of the stream and closes */
  assert_int_equal(error_of(HANDSHAKE "5 C FA 1 1; 10 S A 1 2; 1 C RA 2 1", LA_ACCEPTOR), LA_APP_NONE);
  /* in FIN_WAIT_2 nobody asks any more */
  assert_int_equal(error_of(HANDSHAKE "5 C FA 1 1; 10 S A 1 2; 5 S RA 1 2", LA_OPENER), LA_APP_NONE);
  assert_int_equal(error_of(HANDSHAKE REQUEST CLOSE_BY_CLIENT, LA_OPENER), LA_APP_NONE);
}

static void seven_syns_are_a_timeout_and_six_are_not(void **state)
{
  (void)state;
  assert_int_equal(error_of("0 C S 0; 1000 C S 0; 2000 C S 0; 4000 C S 0; 8000 C S 0; 16000 C S 0; 32000 C S 0", LA_OPENER),
                   LA_APP_ETIMEDOUT);
  assert_int_equal(error_of("0 C S 0; 1000 C S 0; 2000 C S 0; 4000 C S 0; 8000 C S 0; 16000 C S 0", LA_OPENER), LA_APP_NONE);
  assert_int_equal(error_of("0 C S 0; 1000 C S 0; 2000 C S 0; 4000 C S 0; 8000 C S 0; 16000 C S 0; 32000 C S 0", LA_ACCEPTOR),
                   LA_APP_NONE);
}

/* RFC 9293 section 3.8.4: keep-alive gives up with a RST of its own. */
static void a_rst_after_unanswered_probes_is_a_timeout(void **state)
{
  (void)state;
  assert_int_equal(error_of(HANDSHAKE "7000 C A 0 1; 1000 C A 0 1; 1000 C A 0 1; 1000 C RA 1 1", LA_OPENER), LA_APP_ETIMEDOUT);
  assert_int_equal(error_of(HANDSHAKE "7000 C A 0 1; 1000 C A 0 1; 1000 C RA 1 1", LA_OPENER), LA_APP_NONE);
}

/* ---- certainty ---- */

static void check_certain(const char *lines, bool opener, bool acceptor)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  LaConnection *conn = only(&t);
  if (la_connection_final_certain(conn, LA_OPENER) != opener || la_connection_final_certain(conn, LA_ACCEPTOR) != acceptor)
    fail_msg("%s: certain %d, %d", lines, la_connection_final_certain(conn, LA_OPENER),
             la_connection_final_certain(conn, LA_ACCEPTOR));
  talk_end(&t);
}

static void a_final_state_is_certain_when_packets_prove_it(void **state)
{
  (void)state;
  check_certain("0 C S 0", false, false);             /* nobody heard it */
  check_certain("0 C S 0; 10 S SA 0 1", false, true); /* the SYN-ACK may be lost */
  check_certain(HANDSHAKE, true, false);              /* the ACK may be */
  check_certain(HANDSHAKE REQUEST, true, true);
  check_certain(HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102", false, true);
  check_certain(HANDSHAKE REQUEST CLOSE_BY_CLIENT, true, false);
  check_certain(HANDSHAKE REQUEST "5 C RA 101 201", true, false);
  check_certain("0 C PA 1 1 10; 10 S PA 1 11 10; 10 C A 11 11", false, false); /* how it began is assumed */
  check_certain("0 C PA 1 1 10; 10 S PA 1 11 10; 1 C FA 11 11; 10 S A 11 12; 1 S PA 11 12 5; 10 C A 12 16", false, false);
  /* the whole close is in the capture */
  check_certain("0 C PA 1 1 10; 10 S PA 1 11 10; 1 C FA 11 11; 10 S A 11 12; 1 S FA 11 12; 10 C A 12 12", true, false);
}

/* Numbers that the capture does not have may hide a FIN. */
static void missing_numbers_are_doubt(void **state)
{
  (void)state;
  check_certain(HANDSHAKE REQUEST "5 S PA 201 101 10; 10 C A 101 211; 1 C PA 101 211 5; 10 S A 211 106", true, true);
  check_certain(HANDSHAKE REQUEST "5 C A 101 211; 1 C PA 101 211 5; 10 S A 211 106", false, false);
  check_certain(HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102; 5 S PA 201 102 9; 10 C A 102 210", true, true);
  check_certain(HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102; 5 S PA 201 102 9; 10 C A 102 220", false, false);
  check_certain(HANDSHAKE REQUEST "5 C A 101 211; 5 C RA 101 211", true, false); /* a RST ends it whatever is missing */
}

/* A FIN that passed towards an end which said nothing since. */
static void a_fin_under_way_is_doubt(void **state)
{
  (void)state;
  check_certain(HANDSHAKE REQUEST "5 C FA 101 201", true, false);
  check_certain(HANDSHAKE REQUEST "5 C FA 101 201; 300 C FA 101 201", true, false);
  check_certain(HANDSHAKE REQUEST "5 C FA 101 201; 300 C FA 101 201; 10 S A 201 102", false, true); /* it spoke */
  check_certain(HANDSHAKE REQUEST "5 C R 99", true, false); /* it may take this RST for one that counts */
  check_certain(HANDSHAKE REQUEST "5 C R 99; 10 S A 201 101", true, true);
}

/* ---- strays, one direction, round trips ---- */

static void check_stray(const char *lines, bool expected)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  LaConnection *conn = only(&t);
  if (((conn->flags & LA_CONN_STRAY) != 0) != expected)
    fail_msg("%s: %sa stray", lines, expected ? "not " : "");
  assert_int_equal(la_connection_is_stray(conn), expected);
  talk_end(&t);
}

static void what_belongs_to_no_connection_is_a_stray(void **state)
{
  (void)state;
  check_stray("0 C A 1 1", true);
  check_stray("0 C A 1 1; 10 S R 1", true);
  check_stray("0 C R 1", true);
  check_stray("0 S SA 0 1", true);
  check_stray("0 S SA 0 1; 10 C R 1", true);
  check_stray("0 S SA 0 1; 1000 S SA 0 1", true);
  check_stray("0 C FPU 0", true); /* impossible flags */
  check_stray("0 C - 0; 5 S RA 0 0", true);
  check_stray("0 C RA 1 1 20", true); /* a RST may carry its reason */

  check_stray("0 C S 0", false);
  check_stray("0 C S 0; 10 S RA 0 1", false);
  check_stray("0 C PA 1 1 10", false);
  check_stray("0 C FA 1 1", false);
  check_stray("0 C A 1 1; 10 S A 1 1", false);
  check_stray("0 S SA 0 1; 10 C A 1 1", false);
  check_stray("0 C A 1 1; 10 C A 1 50", false); /* it goes on */
  check_stray("0 C A 1 1; 10 S R 1; 5 C PA 1 1 10", false);
}

static void check_one_direction(const char *lines, bool expected)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  LaConnection *conn = only(&t);
  if (la_connection_one_direction(conn) != expected)
    fail_msg("%s: %sone direction", lines, expected ? "not " : "");
  talk_end(&t);
}

static void one_direction_is_an_end_that_answers_what_nobody_said(void **state)
{
  (void)state;
  check_one_direction("0 C S 0; 20 C A 1 1; 1 C PA 1 1 10; 20 C A 11 101", true);
  check_one_direction("0 S SA 0 1; 20 S PA 1 11 100; 5 S A 101 50", true);
  check_one_direction("0 C PA 1 1 10", true);
  check_one_direction("0 C S 0; 20 C A 1 1", true);
  check_one_direction("0 C S 0; 1000 C S 0; 2000 C S 0", false);
  check_one_direction("0 C A 1 1", false);
  check_one_direction("0 S SA 0 1; 1000 S SA 0 1", false);
  check_one_direction("0 C R 1", false);
  check_one_direction(HANDSHAKE, false);
  check_one_direction("0 C PA 1 1 10; 5 S A 1 11", false);
}

static LaTime rtt_of(const char *lines)
{
  Talk t;
  talk_start(&t);
  play(&t, lines);
  LaTime rtt = la_connection_rtt(only(&t));
  talk_end(&t);
  return rtt;
}

static void the_round_trip_is_both_halves_of_the_handshake(void **state)
{
  (void)state;
  assert_true(rtt_of("0 C S 0") == LA_TIME_NONE);
  assert_true(rtt_of("0 C S 0; 10 S SA 0 1") == LA_TIME_NONE);
  assert_true(rtt_of("0 C PA 1 1 10; 10 S A 1 11") == LA_TIME_NONE);
  assert_int_equal(rtt_of("0 C S 0; 7 S SA 0 1; 20 C A 1 1"), 27 * LA_MSEC);
  assert_int_equal(rtt_of("0 S SA 0 1; 20 C A 1 1"), 20 * LA_MSEC); /* the SYN is not in the capture */
  /* of what was sent again, the last counts */
  assert_int_equal(rtt_of("0 C S 0; 1000 C S 0; 7 S SA 0 1; 1000 S SA 0 1; 20 C A 1 1"), 27 * LA_MSEC);
  /* unless each is answered, and as long after: the path is slow */
  assert_int_equal(rtt_of("0 C S 0; 1000 C S 0; 400 S SA 0 1; 1 C A 1 1; 999 S SA 0 1"), 1401 * LA_MSEC);
  assert_int_equal(rtt_of("0 C S 0; 1 S SA 0 1; 1000 S SA 0 1; 399 C A 1 1; 1000 C A 1 1"), 1400 * LA_MSEC);
  /* the SYN-ACK answers the first SYN, which the second had overtaken */
  assert_int_equal(rtt_of("0 C S 0; 1000 C S 0; -1 S SA 0 1; 20 C A 1 1"), 1019 * LA_MSEC);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(handshakes_have_their_word),
      cmocka_unit_test(teardowns_have_their_word),
      cmocka_unit_test(an_error_about_the_syn_makes_it_unreachable),
      cmocka_unit_test(an_error_about_another_number_does_not),
      cmocka_unit_test(errors_of_ipv6_have_their_own_numbers),
      cmocka_unit_test(applications_see_their_errors),
      cmocka_unit_test(seven_syns_are_a_timeout_and_six_are_not),
      cmocka_unit_test(a_rst_after_unanswered_probes_is_a_timeout),
      cmocka_unit_test(a_final_state_is_certain_when_packets_prove_it),
      cmocka_unit_test(missing_numbers_are_doubt),
      cmocka_unit_test(a_fin_under_way_is_doubt),
      cmocka_unit_test(what_belongs_to_no_connection_is_a_stray),
      cmocka_unit_test(one_direction_is_an_end_that_answers_what_nobody_said),
      cmocka_unit_test(the_round_trip_is_both_halves_of_the_handshake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
