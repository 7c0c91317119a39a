/* The short ways of ordinary segments (lane.h, brief.h) must leave everything just as the general way does. All are run on the same
 * segments, one by one and in batches, and every field, step, hole and moment of every finished connection is compared, and their order.
 * What is handed out in brief must say the same as the whole.
 *
 * `track_test_lane FIRST COUNT` runs COUNT other random streams from seed FIRST on. */
#include <glib.h>

#include "capture/source.h"
#include "decode/decoder.h"
#include "track/lane.h"
#include "unit/track/fields.h"
#include "unit/track/generator.h"

#define CAPTURES LA_SOURCE_DIR "/../shared/captures"
#define TRUTH LA_SOURCE_DIR "/../shared/truth"
#define STREAM_CONNECTIONS 300

/* ---- one run ---- */

typedef enum {
  ONE_BY_ONE,
  IN_BATCHES,
} Feeding;

/* What came out of one run. */
typedef struct {
  GArray *kept;     /* of Kept */
  GArray *notes;    /* of LaSegmentNote, for segments that were fed one by one */
  GArray *services; /* of LaService */
  LaVantage vantage;
  uint32_t peak;
  unsigned briefs; /* how many were handed out in brief */
} Outcome;

static void clear_kept(gpointer data)
{
  g_free(((Kept *)data)->moments);
}

static Outcome outcome_new(void)
{
  Outcome o = {.kept = g_array_new(FALSE, FALSE, sizeof(Kept)),
               .notes = g_array_new(FALSE, FALSE, sizeof(LaSegmentNote)),
               .services = g_array_new(FALSE, FALSE, sizeof(LaService))};
  g_array_set_clear_func(o.kept, clear_kept);
  return o;
}

static void outcome_free(Outcome *o)
{
  g_array_free(o->kept, TRUE);
  g_array_free(o->notes, TRUE);
  g_array_free(o->services, TRUE);
}

#define SAME(field)                                                                                                            \
  if (memcmp(&brief->field, &whole->field, sizeof brief->field) != 0)                                                          \
  fail_msg("connection %u in brief has another " #field, whole->id)

/* What a connection in brief says of itself. */
static void check_brief(const LaConnection *brief, const LaConnection *whole)
{
  assert_int_equal(brief->flags, whole->flags | LA_CONN_BRIEF);
  assert_int_equal(brief->marks & ~LA_MARK_ACKS_DATA, whole->marks & ~LA_MARK_ACKS_DATA);
  SAME(addr);
  SAME(port);
  SAME(family);
  SAME(roles_from);
  SAME(id);
  SAME(file);
  SAME(first_time);
  SAME(first_frame);
  SAME(last_time);
  SAME(last_frame);
  SAME(interface);
  SAME(ended_by);
  SAME(end_time);
  SAME(handshake_ack_frame);
  SAME(handshake_ack_time);
  SAME(rst_frame);
  SAME(result_handshake);
  SAME(result_teardown);
  SAME(first_fin);
  SAME(others_spoke);
  SAME(others_taken);
  SAME(others_live);
  SAME(others_before);
  SAME(others_served);
  SAME(service);
  SAME(host);
  SAME(other_family);
  SAME(exit_run);
  SAME(exit_runs);
  SAME(exit_run_span);
  SAME(exit_idle);
  SAME(exit_timed);
  SAME(exit_side);
  for (int side = 0; side < LA_SIDE_N; side++) {
    uint32_t flags = whole->end[side].flags;
    assert_int_equal(brief->end[side].flags, flags);
    SAME(end[side].isn);
    SAME(end[side].state);
    SAME(end[side].packets);
    SAME(end[side].payload_bytes);
    SAME(end[side].payload_segments);
    SAME(end[side].last_time);
    SAME(end[side].last_frame);
    SAME(end[side].ttl_min);
    SAME(end[side].ttl_max);
    SAME(end[side].syn);
    SAME(end[side].fin);
    SAME(end[side].rst);
    SAME(end[side].retransmitted);
    SAME(end[side].duplicate);
    SAME(end[side].missed);
    SAME(end[side].cut);
    SAME(end[side].bad_checksums);
    SAME(end[side].recorded_late);
    SAME(end[side].syn_sent);
    SAME(end[side].syn_ack_sent);
    SAME(end[side].fin_sent);
    SAME(end[side].syn_frame);
    SAME(end[side].syn_time);
    SAME(end[side].syn_last_time);
    SAME(end[side].fin_frame);
    SAME(end[side].fin_time);
    SAME(end[side].fin_end);
    SAME(end[side].fin_ack);
    SAME(end[side].fin_acked_frame);
    SAME(end[side].fin_acked_time);
    SAME(end[side].data_after_fin_bytes);
    SAME(end[side].holes_used);
  }
}

static void take_all(LaTracker *tracker, Outcome *outcome)
{
  for (LaConnection *conn; (conn = la_tracker_next(tracker)) != NULL;) {
    if ((conn->flags & LA_CONN_BRIEF) != 0) {
      LaConnection brief = *conn;
      conn = la_tracker_whole(tracker, conn);
      check_brief(&brief, conn);
      outcome->briefs++;
    }
    Kept kept = keep(conn);
    g_array_append_val(outcome->kept, kept);
    la_tracker_recycle(tracker, conn);
  }
}

static void feed_one_by_one(LaTracker *tracker, const GArray *events, Outcome *outcome)
{
  for (guint i = 0; i < events->len; i++) {
    const Event *event = &g_array_index(events, Event, i);
    LaSegmentNote note = {0};
    if (event->is_icmp)
      la_tracker_icmp(tracker, &event->icmp, &note);
    else
      note = la_tracker_segment(tracker, &event->segment);
    g_array_append_val(outcome->notes, note);
    take_all(tracker, outcome);
  }
}

static void feed_in_batches(LaTracker *tracker, const GArray *events, Outcome *outcome)
{
  static LaSegment batch[LA_TRACKER_BATCH];
  Dice dice = dice_of(events->len);
  for (guint i = 0; i < events->len;) {
    unsigned wanted = chance(&dice, 300) ? LA_TRACKER_BATCH : 1 + roll(&dice, LA_TRACKER_BATCH);
    unsigned count = 0;
    for (; count < wanted && i < events->len && !g_array_index(events, Event, i).is_icmp; i++)
      batch[count++] = g_array_index(events, Event, i).segment;
    la_tracker_segments(tracker, batch, count);
    if (i < events->len && g_array_index(events, Event, i).is_icmp)
      la_tracker_icmp(tracker, &g_array_index(events, Event, i++).icmp, NULL);
    if (chance(&dice, 700))
      take_all(tracker, outcome);
  }
}

static Outcome run(const GArray *events, LaTrackOptions options, Feeding feeding)
{
  Outcome outcome = outcome_new();
  g_autoptr(LaTracker) tracker = la_tracker_new(&options);
  la_tracker_begin_file(tracker, 1);
  if (feeding == ONE_BY_ONE)
    feed_one_by_one(tracker, events, &outcome);
  else
    feed_in_batches(tracker, events, &outcome);
  const Event *last = &g_array_index(events, Event, events->len - 1);
  la_tracker_finish(tracker, last->time);
  take_all(tracker, &outcome);
  assert_int_equal(la_tracker_open(tracker), 0);
  LaServices *services = la_tracker_services(tracker);
  for (uint32_t i = 0; i < la_services_count(services); i++)
    g_array_append_val(outcome.services, *la_services_get(services, i));
  outcome.vantage = la_tracker_vantage(tracker);
  outcome.peak = la_tracker_peak(tracker);
  return outcome;
}

/* ---- comparing ---- */

static void compare_notes(const Outcome *a, const Outcome *b, const char *what)
{
  for (guint i = 0; i < a->notes->len && i < b->notes->len; i++) {
    const LaSegmentNote *x = &g_array_index(a->notes, LaSegmentNote, i);
    const LaSegmentNote *y = &g_array_index(b->notes, LaSegmentNote, i);
    if (x->id != y->id || x->side != y->side || x->marks != y->marks || x->repeats_frame != y->repeats_frame)
      fail_msg("%s: note of event %u: connection %u side %u marks 0x%" PRIx64 " repeats %" PRIu64 ", not %u %u 0x%" PRIx64
               " %" PRIu64,
               what, i + 1, y->id, y->side, y->marks, y->repeats_frame, x->id, x->side, x->marks, x->repeats_frame);
  }
}

/* `a` is the reference: the general way. */
static void compare(const Outcome *a, const Outcome *b, const char *what)
{
  Difference d = {""};
  for (guint i = 0; i < a->kept->len && i < b->kept->len; i++) {
    const Kept *x = &g_array_index(a->kept, Kept, i);
    const Kept *y = &g_array_index(b->kept, Kept, i);
    if (kept_differ(x, y, &d))
      fail_msg("%s: connection %u (at place %u, frames %" PRIu64 "-%" PRIu64 ", ports %u %u): %s", what, x->conn.id, i,
               x->conn.first_frame, x->conn.last_frame, x->conn.port[0], x->conn.port[1], d.text);
  }
  if (a->kept->len != b->kept->len)
    fail_msg("%s: %u connections, not %u", what, b->kept->len, a->kept->len);
  compare_notes(a, b, what);
  assert_int_equal(a->services->len, b->services->len);
  for (guint i = 0; i < a->services->len; i++)
    if (DIFFER("", service_fields, &g_array_index(a->services, LaService, i), &g_array_index(b->services, LaService, i), &d))
      fail_msg("%s: service %u: %s", what, i, d.text);
  assert_int_equal(a->vantage, b->vantage);
}

static void assert_all_ways_agree(const GArray *events, LaTrackOptions options, const char *what)
{
  static const struct {
    const char *name;
    uint8_t general_only;
    Feeding feeding;
    LaRecords records;
  } ways[] = {{"short way, one by one", 0, ONE_BY_ONE, LA_RECORDS_WHOLE},
              {"general way, in batches", 1, IN_BATCHES, LA_RECORDS_WHOLE},
              {"short way, in batches", 0, IN_BATCHES, LA_RECORDS_WHOLE},
              {"in brief", 0, IN_BATCHES, LA_RECORDS_BRIEF}};
  options.general_only = 1;
  Outcome reference = run(events, options, ONE_BY_ONE);
  for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
    options.general_only = ways[i].general_only;
    options.records = (uint8_t)ways[i].records;
    Outcome other = run(events, options, ways[i].feeding);
    g_autofree char *where = g_strdup_printf("%s, %s", what, ways[i].name);
    compare(&reference, &other, where);
    outcome_free(&other);
  }
  outcome_free(&reference);
}

/* ---- random conversations ---- */

static LaTrackOptions some_options(uint64_t seed)
{
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.by_tunnel = seed % 4 == 1;
  if (seed % 5 == 2)
    options.idle_timeout = 20 * LA_SEC;
  if (seed % 7 == 3)
    options.time_wait = 2 * LA_SEC;
  return options;
}

static void run_streams(uint64_t first, uint64_t count)
{
  for (uint64_t seed = first; seed < first + count; seed++) {
    GArray *events = generate(seed, STREAM_CONNECTIONS, (seed % 3 == 0 ? 30 : 900) * LA_SEC);
    g_autofree char *what = g_strdup_printf("seed %" PRIu64, seed);
    assert_all_ways_agree(events, some_options(seed), what);
    g_array_free(events, TRUE);
  }
}

static void random_conversations_are_the_same_both_ways(void **state)
{
  (void)state;
  run_streams(1, 24);
}

/* The streams are worth something only if they hold what they are meant to. */
static void random_conversations_hold_everything(void **state)
{
  (void)state;
  uint64_t marks = 0;
  uint32_t flags = 0;
  unsigned handshakes = 0;
  unsigned teardowns = 0;
  unsigned endings = 0;
  for (uint64_t seed = 1; seed <= 12; seed++) {
    GArray *events = generate(seed, STREAM_CONNECTIONS, (seed % 3 == 0 ? 30 : 900) * LA_SEC);
    Outcome outcome = run(events, some_options(seed), ONE_BY_ONE);
    for (guint i = 0; i < outcome.kept->len; i++) {
      const LaConnection *conn = &g_array_index(outcome.kept, Kept, i).conn;
      marks |= conn->marks;
      flags |= conn->flags;
      handshakes |= 1u << la_connection_handshake(conn);
      teardowns |= 1u << la_connection_teardown(conn);
      endings |= 1u << conn->ended_by;
    }
    outcome_free(&outcome);
    g_array_free(events, TRUE);
  }
  assert_int_equal(~marks & (LA_MARK(LA_MARK_N) - 1), 0);
  static const uint32_t wanted = LA_CONN_MIDSTREAM | LA_CONN_SIMULTANEOUS | LA_CONN_REUSED | LA_CONN_TENTATIVE | LA_CONN_RST |
                                 LA_CONN_REFUSED | LA_CONN_ICMP | LA_CONN_ICMP_SYN | LA_CONN_CLOSED | LA_CONN_TIMELINE_CUT |
                                 LA_CONN_TIME_WENT_BACK | LA_CONN_MISSED | LA_CONN_ABANDONED | LA_CONN_FAST_OPEN |
                                 LA_CONN_FRAGMENTS | LA_CONN_OVER | LA_CONN_ESTABLISHED | LA_CONN_STALE_SYN |
                                 LA_CONN_SYN_TWICE | LA_CONN_STRAY;
  assert_int_equal(~flags & wanted, 0);
  assert_int_equal(handshakes, (1u << LA_HANDSHAKE_N) - 1);
  assert_int_equal(teardowns, (1u << LA_TEARDOWN_N) - 1);
  assert_int_equal(endings, (1u << LA_ENDED_EVICTED) - 1);
}

/* And hold ordinary ones, which are handed out in brief. */
static void random_conversations_are_often_brief(void **state)
{
  (void)state;
  GArray *events = generate(1, STREAM_CONNECTIONS, 900 * LA_SEC);
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.records = LA_RECORDS_BRIEF;
  Outcome outcome = run(events, options, IN_BATCHES);
  print_message("%u of %u connections in brief\n", outcome.briefs, outcome.kept->len);
  assert_true(outcome.briefs >= 10);
  outcome_free(&outcome);
  g_array_free(events, TRUE);
}

/* ---- captures ---- */

static GArray *read_events(const char *path)
{
  g_autoptr(LaSource) source = la_source_open(path, NULL);
  if (source == NULL)
    return NULL;
  GArray *events = g_array_new(FALSE, FALSE, sizeof(Event));
  LaPacketView packet;
  while (la_source_next(source, &packet) == LA_READ_PACKET) {
    LaDecodeOptions options = {.verify_checksums = true};
    Event event = {0};
    LaDecodeResult result = la_decode(&packet, &options, &event.segment, &event.icmp);
    event.is_icmp = result == LA_DECODED_ICMP;
    event.time = packet.time;
    if (event.is_icmp || result == LA_DECODED_SEGMENT)
      g_array_append_val(events, event);
  }
  return events;
}

/* Segments of one capture, both ways, with and without tunnels; how many there were. */
static guint check_capture(const char *path)
{
  GArray *events = read_events(path);
  guint count = events != NULL ? events->len : 0;
  if (count != 0) {
    LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
    assert_all_ways_agree(events, options, path);
    options.by_tunnel = 1;
    options.idle_timeout = LA_SEC;
    assert_all_ways_agree(events, options, path);
  }
  if (events != NULL)
    g_array_free(events, TRUE);
  return count;
}

static void check_folder(const char *folder)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  if (dir == NULL) {
    print_message("SKIPPED: %s is not there\n", folder);
    skip();
  }
  unsigned segments = 0;
  unsigned files = 0;
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
      g_free(path);
      path = g_build_filename(folder, name, "capture.pcap", NULL);
    }
    if (strstr(path, ".pcap") == NULL)
      continue;
    guint count = check_capture(path);
    segments += count;
    files += count != 0;
  }
  print_message("%s: %u segments of %u captures\n", folder, segments, files);
  assert_true(segments > 0);
}

static void captures_are_the_same_both_ways(void **state)
{
  (void)state;
  check_folder(CAPTURES);
}

static void kernel_captures_are_the_same_both_ways(void **state)
{
  (void)state;
  check_folder(TRUTH);
}

/* ---- the lists and the lane ---- */

static void lists_of_fields_are_complete(void **state)
{
  (void)state;
  CHECK_FIELDS(step_fields, LaStep);
  CHECK_FIELDS(hole_fields, LaHole);
  CHECK_FIELDS(encap_fields, LaEncap);
  CHECK_FIELDS(moment_fields, LaMoment);
  CHECK_FIELDS(earlier_fields, LaEarlier);
  CHECK_FIELDS(end_fields, LaEndpoint);
  CHECK_FIELDS(conn_fields, LaConnection);
  CHECK_FIELDS(service_fields, LaService);
}

/* Both ways agree easily when the short way is never taken. */
static void an_ordinary_conversation_takes_the_short_way_throughout(void **state)
{
  (void)state;
  for (LaSide closer = LA_OPENER; closer < LA_SIDE_N; closer++) {
    Dice dice = dice_of(1);
    GArray *events = g_array_new(FALSE, FALSE, sizeof(Event));
    Chat c = {.dice = &dice, .events = events, .time = BEGINNING, .rtt = 10 * LA_MSEC, .timestamps = true, .scaled = true};
    c.form[LA_OPENER] = (LaSegment){.src_port = 40000, .dst_port = 80, .window = 5000, .family = LA_FAMILY_IPV4, .ttl = 64};
    c.form[LA_ACCEPTOR] = (LaSegment){.src_port = 80, .dst_port = 40000, .window = 5000, .family = LA_FAMILY_IPV4, .ttl = 64};
    open_plainly(&c);
    say(&c, LA_OPENER, SAY_DATA, 100, ARRIVES);
    say(&c, LA_OPENER, SAY_DATA, 100, ARRIVES);
    half_trip(&c);
    say(&c, LA_ACCEPTOR, SAY_ACK, 0, ARRIVES);
    say(&c, LA_ACCEPTOR, SAY_DATA, 1000, ARRIVES);
    half_trip(&c);
    say(&c, LA_OPENER, SAY_ACK, 0, ARRIVES);
    say(&c, closer, SAY_FIN, 0, ARRIVES);
    half_trip(&c);
    say(&c, LA_OTHER(closer), SAY_ACK, 0, ARRIVES);
    half_trip(&c);
    say(&c, LA_OTHER(closer), SAY_FIN, 0, ARRIVES);
    half_trip(&c);
    say(&c, closer, SAY_ACK, 0, ARRIVES);

    LaPool pool;
    la_pool_init(&pool);
    LaConnection *conn = la_pool_take(&pool);
    conn->port[LA_OPENER] = 40000;
    conn->port[LA_ACCEPTOR] = 80;
    conn->lane = LA_LANE_NEW;
    for (guint i = 0; i < events->len; i++) {
      LaSegment *s = &g_array_index(events, Event, i).segment;
      s->time = g_array_index(events, Event, i).time;
      s->frame = i + 1;
      if (la_lane(&pool, conn, s->src_port == 80 ? LA_ACCEPTOR : LA_OPENER, s) == 0)
        fail_msg("segment %u goes the general way", i + 1);
    }
    assert_path(conn, closer,
                closer == LA_OPENER ? "SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"
                                    : "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
    la_pool_clear(&pool);
    g_array_free(events, TRUE);
  }
}

int main(int argc, char **argv)
{
  if (argc == 3) {
    run_streams(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    return 0;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lists_of_fields_are_complete),
      cmocka_unit_test(an_ordinary_conversation_takes_the_short_way_throughout),
      cmocka_unit_test(random_conversations_hold_everything),
      cmocka_unit_test(random_conversations_are_often_brief),
      cmocka_unit_test(random_conversations_are_the_same_both_ways),
      cmocka_unit_test(captures_are_the_same_both_ways),
      cmocka_unit_test(kernel_captures_are_the_same_both_ways),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
