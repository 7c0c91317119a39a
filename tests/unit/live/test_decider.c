/* Findings about connections that go on: when they are told, and what is told afterwards. Time is the segments' own. */
#include <glib.h>

#include "live/alarms.h"
#include "live/decider.h"
#include "unit/track/support.h"

typedef struct {
  Talk talk;
  LaThresholds thresholds;
  LaContext context;
  LaDecider *decider;
  GString *told; /* "raised close-wait-leak; ended ..." with tenths of seconds since the beginning */
} Scene;

static void scene_start(Scene *s)
{
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.idle_timeout = 7200 * LA_SEC;
  talk_start_with(&s->talk, &options);
  la_thresholds_init(&s->thresholds);
  s->context = (LaContext){.thresholds = &s->thresholds, .services = la_tracker_services(s->talk.tracker)};
  s->decider = la_decider_new(s->talk.tracker, &s->context);
  s->told = g_string_new(NULL);
}

static void scene_end(Scene *s)
{
  la_decider_free(s->decider);
  talk_end(&s->talk);
  g_string_free(s->told, TRUE);
}

static void take_events(Scene *s)
{
  const LaDecided *event;
  while ((event = la_decider_next(s->decider)) != NULL) {
    assert_true(strlen(event->sentence) > 10);
    g_string_append_printf(s->told, "%s%.1f %s %s", s->told->len > 0 ? "; " : "", (double)(event->record.at - BEGINNING) / 1e9,
                           la_event_name(event->record.kind), event->record.finding.rule->code);
  }
}

static void finished(Scene *s)
{
  LaFindings findings;
  LaConnection *conn;
  while ((conn = la_tracker_next(s->talk.tracker)) != NULL) {
    la_diagnose(conn, &s->context, &findings);
    la_decider_finished(s->decider, conn, &findings);
    la_tracker_recycle(s->talk.tracker, conn);
  }
}

/* Silence until `seconds` after the beginning, in steps of 100 ms as the program makes them. */
static void wait_until(Scene *s, double seconds)
{
  LaTime end = BEGINNING + (LaTime)(seconds * 1e9);
  for (; s->talk.time < end; s->talk.time += 100 * LA_MSEC) {
    la_tracker_advance(s->talk.tracker, s->talk.time);
    finished(s);
    la_decider_look(s->decider, s->talk.time);
    take_events(s);
  }
}

static void scene_play(Scene *s, const char *lines)
{
  g_auto(GStrv) all = g_strsplit(lines, ";", -1);
  for (unsigned i = 0; all[i] != NULL; i++) {
    play(&s->talk, all[i]);
    finished(s);
    la_decider_look(s->decider, s->talk.time);
    take_events(s);
  }
}

#define assert_told(s, text) assert_string_equal((s)->told->str, (text))

static void a_leak_is_told_at_its_threshold_once_and_when_it_ends(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102");
  wait_until(&s, 59.9);
  assert_told(&s, "");
  wait_until(&s, 200);
  assert_told(&s, "60.2 raised close-wait-leak");
  scene_play(&s, "1 S FA 201 102; 10 C A 102 202");
  wait_until(&s, 400);
  assert_true(g_str_has_prefix(s.told->str, "60.2 raised close-wait-leak; 200"));
  assert_true(g_str_has_suffix(s.told->str, " ended close-wait-leak"));
  assert_int_equal(la_decider_watched(s.decider), 0);
  scene_end(&s);
}

static void the_threshold_of_the_user_is_the_deadline(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  assert_true(la_thresholds_set(&s.thresholds, "close-wait-leak=2s", NULL));
  scene_play(&s, HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102");
  wait_until(&s, 2.0);
  assert_told(&s, "");
  wait_until(&s, 3.0);
  assert_told(&s, "2.2 raised close-wait-leak");
  scene_end(&s);
}

static void an_ordinary_connection_is_told_nothing_of_and_is_let_go(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, HANDSHAKE REQUEST);
  wait_until(&s, 20);
  assert_int_equal(la_decider_watched(s.decider), 0);
  scene_play(&s, CLOSE_BY_CLIENT);
  wait_until(&s, 100);
  assert_told(&s, "");
  assert_int_equal(la_decider_watched(s.decider), 0);
  scene_end(&s);
}

static void an_answer_under_way_withdraws_nothing(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, "0 C S 0; 1000 C S 0; 20 S SA 0 1; 10 C A 1 1;" REQUEST); /* tried twice, then answered */
  wait_until(&s, 5);
  assert_told(&s, "1.4 raised syn-retransmitted");
  scene_end(&s);
}

static void silence_is_told_when_it_has_lasted(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, "0 C S 0; 1000 C S 0; 2000 C S 0");
  wait_until(&s, 10);
  assert_true(strstr(s.told->str, "raised syn-unanswered") != NULL);
  assert_true(strstr(s.told->str, "withdrawn") == NULL);
  scene_play(&s, "0 S SA 0 1; 10 C A 1 1;" REQUEST); /* an answer after all */
  wait_until(&s, 15);
  assert_true(strstr(s.told->str, "withdrawn syn-unanswered") != NULL);
  scene_end(&s);
}

/* The rule says how often is enough. What is added to that is no more than the time in which an answer to the last try would be here. */
static void silence_is_told_within_a_second_of_the_try_that_is_enough(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, "0 C S 0; 1000 C S 0");
  wait_until(&s, 1.5);
  assert_told(&s, "");
  wait_until(&s, 5);
  assert_told(&s, "1.5 raised syn-unanswered");
  scene_end(&s);
}

/* Six sendings of the same data, each half a second after the other: the third one is enough, and the others do not begin the wait anew. */
static void silence_is_told_while_the_sender_goes_on(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, HANDSHAKE REQUEST "5 C PA 101 201 50");
  for (unsigned i = 0; i < 6; i++) {
    wait_until(&s, (double)(s.talk.time - BEGINNING) / 1e9 + 0.5);
    scene_play(&s, "0 C PA 101 201 50");
  }
  wait_until(&s, 10);
  assert_true(g_str_has_prefix(s.told->str, "1.5 raised peer-vanished"));
  assert_null(strstr(s.told->str, "withdrawn"));
  scene_end(&s);
}

/* A try shortly before the half second is over: whoever tries on has not been answered. */
static void silence_is_told_although_the_sender_has_just_tried_again(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, "0 C S 0; 1000 C S 0");
  wait_until(&s, 1.45);
  scene_play(&s, "0 C S 0");
  wait_until(&s, 1.65);
  assert_told(&s, "1.5 raised syn-unanswered");
  scene_end(&s);
}

/* A SYN-ACK that comes again makes it too early for the verdict once more; that contradicts nothing. */
static void what_is_only_open_again_is_not_withdrawn(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, "0 C S 0; 5 S SA 0 1; 1000 C S 0; 5 S SA 0 1; 1000 C S 0; 5 S SA 0 1");
  wait_until(&s, 5);
  assert_told(&s, "2.0 raised syn-ack-not-received");
  scene_play(&s, "0 S SA 0 1");
  wait_until(&s, 10);
  assert_told(&s, "2.0 raised syn-ack-not-received");
  scene_end(&s);
}

/* That the service answers another connection shows that its queue is full: the one that waits has no packet of its own then. */
static void a_connection_that_waits_learns_from_others(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, HANDSHAKE REQUEST);
  wait_until(&s, 2);
  s.talk.port[LA_OPENER] = 40002;
  scene_play(&s, "0 C S 0; 1000 C S 0");
  wait_until(&s, 4);
  assert_told(&s, "3.5 raised syn-unanswered");
  s.talk.port[LA_OPENER] = 40001;
  scene_play(&s, "0 S PA 101 101 50");
  wait_until(&s, 5);
  assert_told(&s, "3.5 raised syn-unanswered; 4.0 withdrawn syn-unanswered; 4.0 raised accept-queue-overflow");
  scene_end(&s);
}

/* The other one was heard shortly before and shortly after the SYN: which of the two tells the service must not matter. */
static void a_connection_that_waits_learns_from_others_at_once(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, HANDSHAKE REQUEST);
  s.talk.time = (((s.talk.time + LA_SEC) >> LA_SPOKE_SHIFT) << LA_SPOKE_SHIFT) + LA_MSEC;
  scene_play(&s, "0 S PA 201 101 50");
  s.talk.port[LA_OPENER] = 40002;
  scene_play(&s, "1 C S 0");
  s.talk.port[LA_OPENER] = 40001;
  scene_play(&s, "1 S PA 251 101 50");
  s.talk.port[LA_OPENER] = 40002;
  scene_play(&s, "1000 C S 0");
  wait_until(&s, 5);
  assert_non_null(strstr(s.told->str, "raised accept-queue-overflow"));
  assert_null(strstr(s.told->str, "syn-unanswered"));
  scene_end(&s);
}

static void what_goes_on_ends_with_its_connection(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  assert_true(la_thresholds_set(&s.thresholds, "close-wait-leak=2s", NULL));
  scene_play(&s, HANDSHAKE REQUEST "5 C FA 101 201; 10 S A 201 102");
  wait_until(&s, 4);
  la_tracker_finish(s.talk.tracker, s.talk.time);
  finished(&s);
  take_events(&s);
  assert_told(&s, "2.2 raised close-wait-leak; 4.1 ended close-wait-leak");
  assert_int_equal(la_decider_watched(s.decider), 0);
  scene_end(&s);
}

static void a_reset_is_told_soon(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  scene_play(&s, HANDSHAKE REQUEST "5 C RA 101 201");
  wait_until(&s, 1);
  assert_told(&s, "0.3 raised rst-abort");
  wait_until(&s, 100);
  assert_null(strstr(s.told->str, "; "));
  scene_end(&s);
}

/* A capture that begins in the middle of everything says so once. */
static void what_is_said_of_the_capture_is_told_once(void **state)
{
  (void)state;
  Scene s;
  scene_start(&s);
  for (uint16_t port = 40001; port < 40010; port++) {
    s.talk.port[LA_OPENER] = port;
    scene_play(&s, "100 C PA 1 1 100; 10 S PA 1 101 200; 10 C A 101 201");
  }
  wait_until(&s, 5);
  assert_told(&s, "0.5 raised midstream");
  assert_int_equal(la_decider_watched(s.decider), 0);
  scene_end(&s);
}

/* ---- alarms ---- */

static LaEventRecord event_of(LaEventKind kind, const char *key, LaTime at)
{
  return (LaEventRecord){.kind = kind,
                         .key = key,
                         .at = at,
                         .connection = 1,
                         .server = {.addr = ipv4(10, 0, 0, 1), .port = 80, .family = LA_FAMILY_IPV4},
                         .sentence = "it is so.",
                         .finding = {.rule = la_rule_find("rst-abort"), .severity = LA_SEVERITY_WARNING}};
}

static void repetitions_are_held_back_and_counted(void **state)
{
  (void)state;
  g_autoptr(LaAlarms) alarms = la_alarms_new(10 * LA_SEC);
  uint64_t held;
  LaEventRecord event = event_of(LA_EVENT_RAISED, "1:rst-abort:client", 0);
  assert_true(la_alarms_pass(alarms, &event, &held));
  for (unsigned i = 0; i < 7; i++) {
    event = event_of(LA_EVENT_RAISED, "2:rst-abort:client", i * LA_SEC);
    assert_false(la_alarms_pass(alarms, &event, &held));
  }
  event = event_of(LA_EVENT_WITHDRAWN, "2:rst-abort:client", 8 * LA_SEC); /* what was not told is not taken back */
  assert_false(la_alarms_pass(alarms, &event, &held));
  event = event_of(LA_EVENT_WITHDRAWN, "1:rst-abort:client", 8 * LA_SEC);
  assert_true(la_alarms_pass(alarms, &event, &held));
  assert_null(la_alarms_over(alarms, 9 * LA_SEC));
  const LaEventRecord *over = la_alarms_over(alarms, 10 * LA_SEC);
  assert_non_null(over);
  assert_int_equal(over->held_back, 7);
  assert_int_equal(over->kind, LA_EVENT_UPDATED);
  assert_string_equal(over->sentence, "it is so.");
  assert_null(la_alarms_over(alarms, 10 * LA_SEC));
  event = event_of(LA_EVENT_RAISED, "3:rst-abort:client", 12 * LA_SEC); /* the span began anew */
  assert_false(la_alarms_pass(alarms, &event, &held));
  event = event_of(LA_EVENT_RAISED, "4:rst-abort:client", 20 * LA_SEC);
  assert_true(la_alarms_pass(alarms, &event, &held));
  assert_int_equal(held, 1);
  event.server.port = 81; /* another service */
  event.at = 21 * LA_SEC;
  assert_true(la_alarms_pass(alarms, &event, &held));
  assert_int_equal(held, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_leak_is_told_at_its_threshold_once_and_when_it_ends),
      cmocka_unit_test(the_threshold_of_the_user_is_the_deadline),
      cmocka_unit_test(an_ordinary_connection_is_told_nothing_of_and_is_let_go),
      cmocka_unit_test(an_answer_under_way_withdraws_nothing),
      cmocka_unit_test(silence_is_told_when_it_has_lasted),
      cmocka_unit_test(silence_is_told_within_a_second_of_the_try_that_is_enough),
      cmocka_unit_test(silence_is_told_while_the_sender_goes_on),
      cmocka_unit_test(silence_is_told_although_the_sender_has_just_tried_again),
      cmocka_unit_test(what_is_only_open_again_is_not_withdrawn),
      cmocka_unit_test(a_connection_that_waits_learns_from_others),
      cmocka_unit_test(a_connection_that_waits_learns_from_others_at_once),
      cmocka_unit_test(what_goes_on_ends_with_its_connection),
      cmocka_unit_test(a_reset_is_told_soon),
      cmocka_unit_test(what_is_said_of_the_capture_is_told_once),
      cmocka_unit_test(repetitions_are_held_back_and_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
