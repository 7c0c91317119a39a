/* What the rules say of connections that were there before the capture: nothing that rests on packets while there are none, and a leak
 * that the kernel tells of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

#include "diagnose/aggregate.h"
#include "diagnose/evidence.h"
#include "track/adopt.h"
#include "unit/track/support.h"

typedef struct {
  Talk talk;
  LaThresholds thresholds;
  LaContext context;
  LaFindings findings;
} World;

static void start(World *w)
{
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.idle_timeout = 7200 * LA_SEC;
  talk_start_with(&w->talk, &options);
  la_thresholds_init(&w->thresholds);
  w->context = (LaContext){.thresholds = &w->thresholds, .services = la_tracker_services(w->talk.tracker)};
}

static LaConnection *adopt(World *w, LaTcpState local, LaTcpState peer)
{
  Talk *t = &w->talk;
  LaAdopted socket = {.local = {.addr = t->addr[LA_ACCEPTOR], .port = t->port[LA_ACCEPTOR], .family = t->family},
                      .peer = {.addr = t->addr[LA_OPENER], .port = t->port[LA_OPENER], .family = t->family},
                      .state = {(uint8_t)local, (uint8_t)peer},
                      .listener = LA_LISTENER_LOCAL,
                      .time = BEGINNING - LA_SEC};
  assert_int_equal(la_tracker_adopt(t->tracker, &socket), LA_ADOPT_TAKEN);
  uint32_t at = 0;
  LaConnection *conn;
  LaConnection *last = NULL;
  while ((conn = la_tracker_next_adopted(t->tracker, &at)) != NULL)
    last = conn;
  return last;
}

/* The codes of what is said as if observation ended then. */
static char *codes_at(World *w, LaConnection *conn, LaTime at)
{
  la_tracker_suppose_end(w->talk.tracker, conn, at);
  assert_true(la_diagnose(conn, &w->context, &w->findings));
  la_tracker_resume(conn);
  GString *codes = g_string_new(NULL);
  for (unsigned i = 0; i < w->findings.count; i++)
    g_string_append_printf(codes, "%s%s", i > 0 ? " " : "", w->findings.items[i].rule->code);
  return g_string_free(codes, FALSE);
}

static void check_at(World *w, LaConnection *conn, LaTime at, const char *expected)
{
  g_autofree char *codes = codes_at(w, conn, at);
  assert_string_equal(codes, expected);
  for (unsigned i = 0; i < w->findings.count; i++) {
    g_autoptr(GString) sentence = g_string_new(NULL);
    la_finding_summary(&w->findings.items[i], conn, sentence);
    assert_null(strstr(sentence->str, "packet 0"));
    assert_true(sentence->len > 20 && sentence->str[sentence->len - 1] == '.');
  }
}

static void every_kernel_state_is_still_open_and_nothing_else(void **state)
{
  (void)state;
  for (unsigned kernel = 0; kernel < LA_TCP_STATE_N; kernel++) {
    World w;
    start(&w);
    LaAdopted probe = {.state = {(uint8_t)kernel, LA_TCP_CLOSED}};
    bool followed = kernel >= LA_TCP_ESTABLISHED && kernel != LA_TCP_TIME_WAIT;
    if (!followed) {
      assert_int_equal(la_tracker_adopt(w.talk.tracker, &probe), LA_ADOPT_PASSED);
    } else {
      LaConnection *conn = adopt(&w, (LaTcpState)kernel, LA_TCP_CLOSED);
      check_at(&w, conn, BEGINNING, "still-open");
      check_at(&w, conn, BEGINNING + 58 * LA_SEC, "still-open");
      bool leaks = kernel == LA_TCP_CLOSE_WAIT || kernel == LA_TCP_FIN_WAIT_2;
      check_at(&w, conn, BEGINNING + 3600 * LA_SEC, leaks ? "close-wait-leak" : "still-open");
      w.context.ask = LA_ASK_EVERYTHING;
      check_at(&w, conn, BEGINNING, "still-open");
    }
    talk_end(&w.talk);
  }
}

static void the_leak_is_certain_where_the_kernel_holds_it(void **state)
{
  (void)state;
  World w;
  start(&w);
  LaConnection *conn = adopt(&w, LA_TCP_CLOSE_WAIT, LA_TCP_CLOSED);
  check_at(&w, conn, BEGINNING + 59 * LA_SEC, "close-wait-leak"); /* read a second before the beginning */
  const LaFinding *leak = &w.findings.items[0];
  assert_int_equal(leak->confidence, LA_CONFIDENCE_CERTAIN);
  assert_int_equal(leak->blame, LA_BLAME_SERVER_APPLICATION);
  assert_int_equal(leak->packet_count, 0);
  assert_int_equal(la_fact_span(leak, "held_s"), 60 * LA_SEC);
  g_autoptr(GString) sentence = g_string_new(NULL);
  la_finding_summary(leak, conn, sentence);
  assert_string_equal(sentence->str,
                      "198.51.100.7:8888 was in CLOSE_WAIT towards 192.0.2.10:40001 when the capture began, and is so "
                      "still after 60 s at least: the server application does not close its socket.");
  talk_end(&w.talk);

  start(&w);
  conn = adopt(&w, LA_TCP_FIN_WAIT_2, LA_TCP_CLOSED); /* that the peer holds its socket still is only likely */
  check_at(&w, conn, BEGINNING + 100 * LA_SEC, "close-wait-leak");
  assert_int_equal(w.findings.items[0].confidence, LA_CONFIDENCE_LIKELY);
  assert_int_equal(w.findings.items[0].blame, LA_BLAME_CLIENT_APPLICATION);
  talk_end(&w.talk);
}

static void closing_late_is_told_with_at_least(void **state)
{
  (void)state;
  World w;
  start(&w);
  LaConnection *conn = adopt(&w, LA_TCP_CLOSE_WAIT, LA_TCP_CLOSED);
  play(&w.talk, "9000 S FA 230 111; 1 C A 111 231");
  check_at(&w, conn, BEGINNING + 20 * LA_SEC, "close-wait-slow midstream");
  g_autoptr(GString) sentence = g_string_new(NULL);
  la_finding_summary(&w.findings.items[0], conn, sentence);
  assert_string_equal(sentence->str,
                      "198.51.100.7:8888 took at least 10 s to close after the FIN of 192.0.2.10:40001 before the capture: "
                      "the server application is slow to notice the end of the stream.");
  talk_end(&w.talk);
}

static void ordinary_packets_make_no_finding_but_midstream(void **state)
{
  (void)state;
  static const struct {
    LaTcpState kernel;
    const char *talk;
    const char *codes;
  } cases[] = {
      {LA_TCP_ESTABLISHED,
       "0 C PA 100 200 10; 1 S A 200 110; 1 S PA 200 110 30; 1 C A 110 230;"
       "10 C FA 110 230; 1 S A 230 111; 1 S FA 230 111; 1 C A 111 231",
       "midstream"},
      {LA_TCP_ESTABLISHED, "0 C PA 100 200 10; 1 S A 200 110", "still-open midstream"},
      {LA_TCP_FIN_WAIT_2, "0 C FA 111 231; 1 S A 231 112", "midstream"},
      {LA_TCP_CLOSE_WAIT, "0 S PA 230 111 50; 1 C A 111 280; 1 S PA 280 111 20; 1 C A 111 300; 1 S FA 300 111; 1 C A 111 301",
       "half-close midstream"},
      {LA_TCP_LAST_ACK, "0 S FA 230 111; 1 C A 111 231", "midstream"},
      {LA_TCP_FIN_WAIT_1, "0 S FA 230 111; 1 C A 111 231; 1 C FA 111 231; 1 S A 231 112", "midstream"},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
    World w;
    start(&w);
    LaConnection *conn = adopt(&w, cases[i].kernel, LA_TCP_CLOSED);
    play(&w.talk, cases[i].talk);
    check_at(&w, conn, w.talk.time + 2 * LA_SEC, cases[i].codes);
    talk_end(&w.talk);
  }
}

static void a_pile_that_was_there_before_is_told(void **state)
{
  (void)state;
  World w;
  start(&w);
  for (unsigned i = 0; i < 200; i++) {
    w.talk.port[LA_OPENER] = (uint16_t)(40000 + i);
    adopt(&w, LA_TCP_CLOSE_WAIT, LA_TCP_CLOSED);
  }
  LaAggregateOptions options = la_aggregate_options(&w.thresholds, 60 * LA_SEC, 28232);
  g_autoptr(LaAggregate) all = la_aggregate_new(&options);
  uint32_t at = 0;
  LaConnection *conn;
  while ((conn = la_tracker_next_adopted(w.talk.tracker, &at)) != NULL) {
    la_tracker_suppose_end(w.talk.tracker, conn, BEGINNING + 10 * LA_SEC);
    la_diagnose(conn, &w.context, &w.findings);
    la_aggregate_connection(all, conn, &w.findings);
    la_tracker_resume(conn);
  }
  la_aggregate_observed(all, BEGINNING, BEGINNING + 10 * LA_SEC);
  uint64_t left;
  g_autoptr(GArray) found = la_aggregate_findings(all, &w.context, &left);
  assert_int_equal(found->len, 1);
  const LaHostFinding *pile = &g_array_index(found, LaHostFinding, 0);
  assert_string_equal(pile->finding.rule->code, "close-wait-pileup");
  assert_int_equal(la_fact_count(&pile->finding, "peak"), 200);
  assert_int_equal(pile->finding.packet_count, 0);
  assert_int_equal(pile->finding.blame, LA_BLAME_SERVER_APPLICATION);
  g_autoptr(GString) sentence = g_string_new(NULL);
  la_host_finding_summary(&pile->finding, &pile->subject, sentence);
  assert_non_null(strstr(sentence->str, "200 sockets of 198.51.100.7:8888"));
  LaFigures figures;
  la_aggregate_figures(all, &figures);
  assert_int_equal(figures.close_wait_peak, 200);
  assert_int_equal(figures.opened, 0);
  talk_end(&w.talk);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kernel_state_is_still_open_and_nothing_else),
      cmocka_unit_test(the_leak_is_certain_where_the_kernel_holds_it),
      cmocka_unit_test(closing_late_is_told_with_at_least),
      cmocka_unit_test(ordinary_packets_make_no_finding_but_midstream),
      cmocka_unit_test(a_pile_that_was_there_before_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
