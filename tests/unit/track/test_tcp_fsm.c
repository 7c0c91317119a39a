/* The table of the machine, held by three kinds of tests: one for each arrow of RFC 9293's figure 5, one for each cell that assumes
 * something over a gap or tells a new connection, and one that every other cell moves nowhere. */
#include <glib.h>

#include "track/path.h"
#include "unit/track/support.h"

#define S(name) LA_TCP_##name
#define E(name) LA_EVENT_##name

typedef struct {
  const char *name;
  LaTcpState from;
  LaTcpEvent event;
  LaTcpState to;
} Arrow;

/* The figure's arrows. CLOSE has no packet but the FIN that follows it; LISTEN is never seen, so a passive open is its SYN,ACK. */
static const Arrow arrows[] = {
    {"active OPEN: CLOSED > SYN_SENT", S(CLOSED), E(SND_SYN), S(SYN_SENT)},
    {"passive open: CLOSED > SYN_RECEIVED", S(CLOSED), E(SND_SYN_ACK), S(SYN_RECEIVED)},
    {"LISTEN: rcv SYN > SYN_RECEIVED", S(LISTEN), E(RCV_SYN), S(SYN_RECEIVED)},
    {"LISTEN: snd SYN,ACK > SYN_RECEIVED", S(LISTEN), E(SND_SYN_ACK), S(SYN_RECEIVED)},
    {"LISTEN: SEND, snd SYN > SYN_SENT", S(LISTEN), E(SND_SYN), S(SYN_SENT)},
    {"SYN_SENT: rcv SYN > SYN_RECEIVED", S(SYN_SENT), E(RCV_SYN), S(SYN_RECEIVED)},
    {"SYN_SENT: snd SYN,ACK > SYN_RECEIVED", S(SYN_SENT), E(SND_SYN_ACK), S(SYN_RECEIVED)},
    {"SYN_SENT: rcv SYN,ACK > ESTABLISHED", S(SYN_SENT), E(RCV_SYN_ACK), S(ESTABLISHED)},
    {"SYN_RECEIVED: rcv ACK of SYN > ESTABLISHED", S(SYN_RECEIVED), E(RCV_ACK), S(ESTABLISHED)},
    {"SYN_RECEIVED: rcv SYN,ACK > ESTABLISHED (both opened at once)", S(SYN_RECEIVED), E(RCV_SYN_ACK), S(ESTABLISHED)},
    {"SYN_RECEIVED: CLOSE, snd FIN > FIN_WAIT_1", S(SYN_RECEIVED), E(SND_FIN), S(FIN_WAIT_1)},
    {"ESTABLISHED: CLOSE, snd FIN > FIN_WAIT_1", S(ESTABLISHED), E(SND_FIN), S(FIN_WAIT_1)},
    {"ESTABLISHED: rcv FIN > CLOSE_WAIT", S(ESTABLISHED), E(RCV_FIN), S(CLOSE_WAIT)},
    {"FIN_WAIT_1: rcv ACK of FIN > FIN_WAIT_2", S(FIN_WAIT_1), E(RCV_FIN_ACK), S(FIN_WAIT_2)},
    {"FIN_WAIT_1: rcv FIN > CLOSING", S(FIN_WAIT_1), E(RCV_FIN), S(CLOSING)},
    {"FIN_WAIT_2: rcv FIN > TIME_WAIT", S(FIN_WAIT_2), E(RCV_FIN), S(TIME_WAIT)},
    {"CLOSE_WAIT: CLOSE, snd FIN > LAST_ACK", S(CLOSE_WAIT), E(SND_FIN), S(LAST_ACK)},
    {"CLOSING: rcv ACK of FIN > TIME_WAIT", S(CLOSING), E(RCV_FIN_ACK), S(TIME_WAIT)},
    {"LAST_ACK: rcv ACK of FIN > CLOSED", S(LAST_ACK), E(RCV_FIN_ACK), S(CLOSED)},
    {"TIME_WAIT: 2 MSL > CLOSED", S(TIME_WAIT), E(2MSL), S(CLOSED)},
    /* A RST that counts, from every synchronized state and both of the handshake; sent or received. */
    {"SYN_SENT: rcv RST > CLOSED", S(SYN_SENT), E(RCV_RST), S(CLOSED)},
    {"SYN_RECEIVED: rcv RST > CLOSED", S(SYN_RECEIVED), E(RCV_RST), S(CLOSED)},
    {"ESTABLISHED: rcv RST > CLOSED", S(ESTABLISHED), E(RCV_RST), S(CLOSED)},
    {"FIN_WAIT_1: rcv RST > CLOSED", S(FIN_WAIT_1), E(RCV_RST), S(CLOSED)},
    {"FIN_WAIT_2: rcv RST > CLOSED", S(FIN_WAIT_2), E(RCV_RST), S(CLOSED)},
    {"CLOSE_WAIT: rcv RST > CLOSED", S(CLOSE_WAIT), E(RCV_RST), S(CLOSED)},
    {"CLOSING: rcv RST > CLOSED", S(CLOSING), E(RCV_RST), S(CLOSED)},
    {"LAST_ACK: rcv RST > CLOSED", S(LAST_ACK), E(RCV_RST), S(CLOSED)},
    {"TIME_WAIT: rcv RST > CLOSED (RFC 1337)", S(TIME_WAIT), E(RCV_RST), S(CLOSED)},
    {"SYN_SENT: snd RST > CLOSED", S(SYN_SENT), E(SND_RST), S(CLOSED)},
    {"SYN_RECEIVED: snd RST > CLOSED", S(SYN_RECEIVED), E(SND_RST), S(CLOSED)},
    {"ESTABLISHED: ABORT, snd RST > CLOSED", S(ESTABLISHED), E(SND_RST), S(CLOSED)},
    {"FIN_WAIT_1: ABORT, snd RST > CLOSED", S(FIN_WAIT_1), E(SND_RST), S(CLOSED)},
    {"FIN_WAIT_2: ABORT, snd RST > CLOSED", S(FIN_WAIT_2), E(SND_RST), S(CLOSED)},
    {"CLOSE_WAIT: ABORT, snd RST > CLOSED", S(CLOSE_WAIT), E(SND_RST), S(CLOSED)},
    {"CLOSING: snd RST > CLOSED", S(CLOSING), E(SND_RST), S(CLOSED)},
    {"LAST_ACK: snd RST > CLOSED", S(LAST_ACK), E(SND_RST), S(CLOSED)},
    {"TIME_WAIT: snd RST > CLOSED", S(TIME_WAIT), E(SND_RST), S(CLOSED)},
};

/* A segment in front is missing from the capture: what is assumed then. */
static const Arrow gaps[] = {
    {"gap: CLOSED, snd data: ESTABLISHED", S(CLOSED), E(SND_DATA), S(ESTABLISHED)},
    {"gap: CLOSED, snd FIN: FIN_WAIT_1", S(CLOSED), E(SND_FIN), S(FIN_WAIT_1)},
    {"gap: LISTEN, snd data: ESTABLISHED", S(LISTEN), E(SND_DATA), S(ESTABLISHED)},
    {"gap: LISTEN, snd FIN: FIN_WAIT_1", S(LISTEN), E(SND_FIN), S(FIN_WAIT_1)},
    {"gap: SYN_SENT, snd data: ESTABLISHED", S(SYN_SENT), E(SND_DATA), S(ESTABLISHED)},
    {"gap: SYN_SENT, snd FIN: FIN_WAIT_1", S(SYN_SENT), E(SND_FIN), S(FIN_WAIT_1)},
    {"gap: SYN_RECEIVED, snd data: ESTABLISHED", S(SYN_RECEIVED), E(SND_DATA), S(ESTABLISHED)},
    {"gap: SYN_RECEIVED, rcv FIN: CLOSE_WAIT", S(SYN_RECEIVED), E(RCV_FIN), S(CLOSE_WAIT)},
};

static const LaTcpEvent new_connection_events[] = {E(SND_SYN), E(SND_SYN_ACK)};

/* What no endpoint that keeps to the RFC shows. */
static const Arrow impossible[] = {
    {"", S(LISTEN), E(RCV_SYN_ACK), S(LISTEN)},
    {"", S(LISTEN), E(RCV_ACK), S(LISTEN)},
    {"", S(LISTEN), E(RCV_FIN), S(LISTEN)},
    {"", S(LISTEN), E(RCV_FIN_ACK), S(LISTEN)},
    {"", S(SYN_SENT), E(RCV_FIN), S(SYN_SENT)},
    {"", S(SYN_SENT), E(RCV_FIN_ACK), S(SYN_SENT)},
    {"", S(SYN_RECEIVED), E(RCV_FIN_ACK), S(SYN_RECEIVED)},
    {"", S(ESTABLISHED), E(RCV_FIN_ACK), S(ESTABLISHED)},
    {"", S(CLOSE_WAIT), E(RCV_FIN_ACK), S(CLOSE_WAIT)},
};

static const Arrow *find(const Arrow *list, size_t count, LaTcpState state, LaTcpEvent event)
{
  for (size_t i = 0; i < count; i++)
    if (list[i].from == state && list[i].event == event)
      return &list[i];
  return NULL;
}

/* An endpoint in `state`; CLOSED is one that was never heard of. */
static LaEndpoint endpoint_in(LaTcpState state)
{
  LaEndpoint end = {.state = (uint8_t)state};
  if (state != LA_TCP_CLOSED) {
    end.steps = 1;
    end.path[0] = (LaStep){.time = 1, .frame = 1, .proved_by = 1, .state = (uint8_t)state};
  }
  return end;
}

/* An arrow moves to its state, and the step is proved by what proves its cause. */
static void follows_arrow(void **state)
{
  const Arrow *arrow = *state;
  LaCell cell = la_tcp_fsm(arrow->from, arrow->event);
  assert_int_equal(cell.kind, LA_CELL_NEXT);
  assert_int_equal(cell.next, arrow->to);

  for (uint64_t proof = 0; proof <= 9; proof += 9) {
    LaEndpoint end = endpoint_in(arrow->from);
    unsigned before = end.steps;
    assert_true(la_path_apply(&end, arrow->event, (LaCause){.frame = 7, .time = 70, .proved_by = proof}));
    assert_int_equal(end.state, arrow->to);
    assert_int_equal(end.steps, before + 1);
    const LaStep *step = la_path_last(&end);
    assert_int_equal(step->state, arrow->to);
    assert_int_equal(step->frame, 7);
    assert_int_equal(step->time, 70);
    assert_int_equal(step->proved_by, proof);
    assert_int_equal(step->gap, 0);
  }
}

/* A gap assumes its state, and no packet proves it: not the one that shows it, and none that proves what follows. */
static void assumes_over_gap(void **state)
{
  const Arrow *gap = *state;
  LaCell cell = la_tcp_fsm(gap->from, gap->event);
  assert_int_equal(cell.kind, LA_CELL_GAP);
  assert_int_equal(cell.next, gap->to);

  LaEndpoint end = endpoint_in(gap->from);
  assert_true(la_path_apply(&end, gap->event, (LaCause){.frame = 7, .time = 70, .proved_by = 7}));
  assert_int_equal(end.state, gap->to);
  assert_int_equal(la_path_last(&end)->proved_by, 0);
  assert_int_equal(la_path_last(&end)->gap, 1);
}

static LaTcpState some_state(unsigned i)
{
  return (LaTcpState)i;
}

static void a_syn_on_a_living_connection_is_a_new_one_and_moves_nothing(void **state)
{
  (void)state;
  for (unsigned s = LA_TCP_ESTABLISHED; s < LA_TCP_STATE_N; s++)
    for (size_t e = 0; e < G_N_ELEMENTS(new_connection_events); e++) {
      LaCell cell = la_tcp_fsm(some_state(s), new_connection_events[e]);
      assert_int_equal(cell.kind, LA_CELL_NEW);
      assert_int_equal(cell.next, s);
      LaEndpoint end = endpoint_in(some_state(s));
      assert_false(la_path_apply(&end, new_connection_events[e], (LaCause){.frame = 7, .time = 70, .proved_by = 7}));
      assert_int_equal(end.state, s);
      assert_int_equal(end.steps, 1);
    }
}

static void every_other_cell_moves_nowhere(void **state)
{
  (void)state;
  unsigned quiet = 0;
  unsigned moving = 0;
  for (unsigned s = 0; s < LA_TCP_STATE_N; s++)
    for (unsigned e = 0; e < LA_EVENT_N; e++) {
      LaTcpEvent event = (LaTcpEvent)e;
      bool is_new = s >= LA_TCP_ESTABLISHED && (event == LA_EVENT_SND_SYN || event == LA_EVENT_SND_SYN_ACK);
      if (find(arrows, G_N_ELEMENTS(arrows), some_state(s), event) != NULL ||
          find(gaps, G_N_ELEMENTS(gaps), some_state(s), event) != NULL || is_new) {
        moving++;
        continue;
      }
      LaCell cell = la_tcp_fsm(some_state(s), event);
      bool bad = find(impossible, G_N_ELEMENTS(impossible), some_state(s), event) != NULL;
      assert_int_equal(cell.kind, bad ? LA_CELL_BAD : LA_CELL_STAY);
      assert_int_equal(cell.next, s);
      LaEndpoint end = endpoint_in(some_state(s));
      unsigned before = end.steps;
      assert_false(la_path_apply(&end, event, (LaCause){.frame = 7, .time = 70, .proved_by = 7}));
      assert_int_equal(end.state, s);
      assert_int_equal(end.steps, before);
      quiet++;
    }
  assert_int_equal(moving, G_N_ELEMENTS(arrows) + G_N_ELEMENTS(gaps) + 2 * (LA_TCP_STATE_N - LA_TCP_ESTABLISHED));
  assert_int_equal(moving + quiet, LA_TCP_STATE_N * LA_EVENT_N);
}

/* ---- paths ---- */

static bool apply(LaEndpoint *end, LaTcpEvent event, uint64_t frame, uint64_t proof)
{
  return la_path_apply(end, event, (LaCause){.frame = frame, .time = (LaTime)frame, .proved_by = proof});
}

static void an_end_that_is_over_does_not_open_again(void **state)
{
  (void)state;
  LaEndpoint end = {0};
  assert_true(apply(&end, LA_EVENT_SND_SYN, 1, 1));
  assert_true(apply(&end, LA_EVENT_RCV_RST, 2, 0));
  assert_int_equal(end.state, LA_TCP_CLOSED);
  assert_false(apply(&end, LA_EVENT_SND_SYN, 3, 3));
  assert_false(apply(&end, LA_EVENT_SND_DATA, 3, 3));
  assert_int_equal(end.steps, 2);
}

static void what_is_taken_back_returns_to_the_state_before(void **state)
{
  (void)state;
  LaEndpoint end = {0};
  assert_null(la_path_last(&end));
  assert_false(la_path_assumed(&end));
  apply(&end, LA_EVENT_SND_SYN, 1, 1);
  apply(&end, LA_EVENT_RCV_SYN_ACK, 2, 0);
  assert_int_equal(end.corrected, 0);
  la_path_take_back(&end);
  assert_int_equal(end.state, LA_TCP_SYN_SENT);
  assert_int_equal(end.steps, 1);
  assert_int_equal(end.corrected, 1);
  la_path_take_back(&end);
  assert_int_equal(end.state, LA_TCP_CLOSED);
  assert_int_equal(end.steps, 0);
}

/* How many steps may follow `from`, which is left behind for good. */
static unsigned longest_from(LaTcpState from, unsigned depth)
{
  assert_true(depth <= LA_TCP_STATE_N); /* else there is a cycle */
  unsigned longest = 0;
  for (unsigned event = 0; event < LA_EVENT_N; event++) {
    LaCell cell = la_tcp_fsm(from, (LaTcpEvent)event);
    if (cell.kind != LA_CELL_NEXT && cell.kind != LA_CELL_GAP)
      continue;
    unsigned behind = cell.next != LA_TCP_CLOSED ? longest_from((LaTcpState)cell.next, depth + 1) : 0;
    longest = 1 + behind > longest ? 1 + behind : longest;
  }
  return longest;
}

static void no_path_is_longer_than_its_room(void **state)
{
  (void)state;
  assert_int_equal(longest_from(LA_TCP_CLOSED, 0), 7);
  assert_in_range(longest_from(LA_TCP_LISTEN, 0) + 1, 1, LA_STEPS_MAX);
}

/* Should one ever be longer than the room for it, it must not write beyond. */
static void a_path_that_is_full_takes_nothing_more(void **state)
{
  (void)state;
  LaEndpoint end = {.state = LA_TCP_SYN_SENT, .steps = LA_STEPS_MAX};
  assert_false(apply(&end, LA_EVENT_RCV_SYN_ACK, 1, 1));
  assert_int_equal(end.state, LA_TCP_SYN_SENT);
  end.steps = LA_STEPS_MAX - 1;
  assert_true(apply(&end, LA_EVENT_RCV_SYN_ACK, 1, 1));
  assert_int_equal(end.steps, LA_STEPS_MAX);
}

/* ---- names ---- */

static void names_are_the_rfc_s(void **state)
{
  (void)state;
  static const char *const names[] = {"CLOSED",     "LISTEN",     "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
                                      "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK",     "TIME_WAIT"};
  for (unsigned i = 0; i < LA_TCP_STATE_N; i++)
    assert_string_equal(la_tcp_state_name(some_state(i)), names[i]);
  assert_string_equal(la_side_name(LA_OPENER), "client");
  assert_string_equal(la_side_name(LA_ACCEPTOR), "server");
  assert_string_equal(la_roles_from_name(LA_ROLES_SYN_ACK), "syn-ack");
  assert_string_equal(la_ended_by_name(LA_ENDED_CAPTURE_END), "capture-end");
  assert_string_equal(la_app_error_name(LA_APP_ETIMEDOUT), "ETIMEDOUT");
  assert_null(la_app_error_name(LA_APP_NONE));
}

static const struct CMUnitTest others[] = {
    cmocka_unit_test(a_syn_on_a_living_connection_is_a_new_one_and_moves_nothing),
    cmocka_unit_test(every_other_cell_moves_nowhere),
    cmocka_unit_test(an_end_that_is_over_does_not_open_again),
    cmocka_unit_test(what_is_taken_back_returns_to_the_state_before),
    cmocka_unit_test(no_path_is_longer_than_its_room),
    cmocka_unit_test(a_path_that_is_full_takes_nothing_more),
    cmocka_unit_test(names_are_the_rfc_s),
};

int main(void)
{
  struct CMUnitTest tests[G_N_ELEMENTS(arrows) + G_N_ELEMENTS(gaps) + G_N_ELEMENTS(others)] = {0};
  size_t n = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(arrows); i++)
    tests[n++] =
        (struct CMUnitTest){.name = arrows[i].name, .test_func = follows_arrow, .initial_state = (void *)(uintptr_t)&arrows[i]};
  for (size_t i = 0; i < G_N_ELEMENTS(gaps); i++)
    tests[n++] =
        (struct CMUnitTest){.name = gaps[i].name, .test_func = assumes_over_gap, .initial_state = (void *)(uintptr_t)&gaps[i]};
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
    tests[n++] = others[i];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
