/* The path: what it lets pass and when, what it drops where, what it makes itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lab/relay.h"
#include "lab/steps.h"

typedef struct {
  GArray *sent, *recorded; /* of LaPacket */
  GString *notes;
  LaLabEnd last_to;
} Seen;

static void on_send(void *ctx, LaLabEnd to, LaPacket *packet)
{
  Seen *seen = ctx;
  seen->last_to = to;
  g_array_append_vals(seen->sent, packet, 1);
}

static void on_record(void *ctx, LaTime now, LaLabEnd from, const LaPacket *packet)
{
  (void)now;
  (void)from;
  g_array_append_vals(((Seen *)ctx)->recorded, packet, 1);
}

static void on_note(void *ctx, const LaLabNote *note)
{
  g_string_append_printf(((Seen *)ctx)->notes, "%s:%s ", note->action, note->where);
}

static LaHostPort at(const char *text, uint16_t port)
{
  LaHostPort end = {.port = port};
  end.family = (uint8_t)la_addr_parse(text, &end.addr);
  return end;
}

typedef struct {
  LaLabRelay *relay;
  Seen seen;
} Path;

static void open_path(Path *path, const LaLabExperiment *experiment)
{
  path->seen = (Seen){.sent = g_array_new(FALSE, FALSE, sizeof(LaPacket)),
                      .recorded = g_array_new(FALSE, FALSE, sizeof(LaPacket)),
                      .notes = g_string_new(NULL)};
  LaLabWire wire = LA_LAB_WIRE_DEFAULT;
  LaLabRelayHooks hooks = {.send = on_send, .record = on_record, .note = on_note, .ctx = &path->seen};
  path->relay = la_lab_relay_new(experiment, &wire, &hooks);
}

static void close_path(Path *path)
{
  la_lab_relay_free(path->relay);
  g_array_unref(path->seen.sent);
  g_array_unref(path->seen.recorded);
  g_string_free(path->seen.notes, TRUE);
}

/* One segment of the client (seq from 1000) or the server (from 5000). */
static void give(Path *path, LaTime now, LaLabEnd from, LaPacketPlan plan)
{
  LaHostPort client = at("10.21.0.1", 40021), server = at("10.22.0.1", 80);
  plan.src = from == LA_LAB_CLIENT ? client : server;
  plan.dst = from == LA_LAB_CLIENT ? server : client;
  LaPacket packet;
  la_packet_make(&plan, &packet);
  la_lab_relay_take(path->relay, now, from, packet.bytes, packet.len);
}

static const LaPacketPlan syn = {.seq = 1000, .flags = LA_PACKET_SYN, .window = 100};
static const LaPacketPlan syn_ack = {.seq = 5000, .ack = 1001, .flags = LA_PACKET_SYN | LA_PACKET_ACK, .window = 200};
static const LaPacketPlan ack = {.seq = 1001, .ack = 5001, .flags = LA_PACKET_ACK, .window = 100};

static void settle(Path *path)
{
  for (LaTime next = la_lab_relay_next(path->relay); next != LA_TIME_MAX; next = la_lab_relay_next(path->relay))
    la_lab_relay_advance(path->relay, next);
}

static LaPacket *packet_of(GArray *packets, guint i)
{
  assert_true(i < packets->len);
  return &g_array_index(packets, LaPacket, i);
}

static void a_packet_takes_its_time(void **state)
{
  (void)state;
  static const LaLabExperiment plain = {.name = "plain"};
  Path path;
  open_path(&path, &plain);
  give(&path, 0, LA_LAB_CLIENT, syn);
  assert_true(la_lab_relay_next(path.relay) == 2 * LA_MSEC);
  la_lab_relay_advance(path.relay, LA_MSEC);
  assert_int_equal(path.seen.recorded->len, 0);
  la_lab_relay_advance(path.relay, 2 * LA_MSEC);
  assert_int_equal(path.seen.recorded->len, 1);
  assert_int_equal(packet_of(path.seen.recorded, 0)->ttl, LA_PACKET_TTL - 2);
  assert_int_equal(path.seen.sent->len, 0);
  assert_true(la_lab_relay_next(path.relay) == 5 * LA_MSEC);
  la_lab_relay_advance(path.relay, 5 * LA_MSEC);
  assert_int_equal(path.seen.sent->len, 1);
  assert_int_equal(path.seen.last_to, LA_LAB_SERVER);
  LaPacket again;
  assert_true(la_packet_read(packet_of(path.seen.sent, 0)->bytes, packet_of(path.seen.sent, 0)->len, &again));
  assert_int_equal(again.ttl, LA_PACKET_TTL - 5);
  assert_int_equal(again.seq, 1000);
  assert_true(la_lab_relay_next(path.relay) == LA_TIME_MAX);
  close_path(&path);
}

static void lost_where(uint8_t act, unsigned recorded, const char *note)
{
  LaLabExperiment plan = {.name = "lost", .rules = {{.match = LA_LAB_SYN, .act = act, .skip = 1, .count = 1}}};
  Path path;
  open_path(&path, &plan);
  for (unsigned i = 0; i < 3; i++)
    give(&path, 0, LA_LAB_CLIENT, syn);
  settle(&path);
  assert_int_equal(path.seen.sent->len, 2);
  assert_int_equal(path.seen.recorded->len, recorded);
  assert_string_equal(path.seen.notes->str, note);
  close_path(&path);
}

static void packets_are_lost_before_or_behind_the_capture(void **state)
{
  (void)state;
  lost_where(LA_LAB_DROP_BEFORE, 2, "drop:before_capture_point ");
  lost_where(LA_LAB_DROP_AFTER, 3, "drop:after_capture_point ");
}

static void what_a_packet_is(void **state)
{
  (void)state;
  LaLabExperiment plan = {.name = "kinds",
                          .rules = {{.way = LA_LAB_TO_SERVER, .match = LA_LAB_HANDSHAKE_ACK, .act = LA_LAB_DROP_BEFORE},
                                    {.way = LA_LAB_TO_SERVER, .match = LA_LAB_FIN_ACK, .act = LA_LAB_DROP_BEFORE}}};
  Path path;
  open_path(&path, &plan);
  give(&path, 0, LA_LAB_CLIENT, syn);
  give(&path, 1, LA_LAB_SERVER, syn_ack);
  give(&path, 2, LA_LAB_CLIENT, ack); /* dropped */
  give(&path, 3, LA_LAB_CLIENT, (LaPacketPlan){.seq = 1001, .ack = 5001, .flags = LA_PACKET_ACK, .payload_len = 10}); /* data */
  give(&path, 4, LA_LAB_SERVER, (LaPacketPlan){.seq = 5001, .ack = 1011, .flags = LA_PACKET_ACK | LA_PACKET_FIN});
  give(&path, 5, LA_LAB_CLIENT, (LaPacketPlan){.seq = 1011, .ack = 5001, .flags = LA_PACKET_ACK}); /* not of the FIN */
  give(&path, 6, LA_LAB_CLIENT, (LaPacketPlan){.seq = 1011, .ack = 5002, .flags = LA_PACKET_ACK}); /* dropped */
  settle(&path);
  assert_int_equal(path.seen.sent->len, 5);
  assert_string_equal(path.seen.notes->str, "drop:before_capture_point drop:before_capture_point ");
  close_path(&path);
}

static void phases(void **state)
{
  (void)state;
  LaLabExperiment plan = {.name = "phases",
                          .rules = {{.match = LA_LAB_ANY, .act = LA_LAB_DROP_BEFORE, .mark = 1, .before = 2}}};
  Path path;
  open_path(&path, &plan);
  give(&path, 0, LA_LAB_CLIENT, syn);
  la_lab_relay_mark(path.relay, 1, 1);
  give(&path, 1, LA_LAB_CLIENT, syn);
  la_lab_relay_mark(path.relay, 2, 2);
  give(&path, 2, LA_LAB_CLIENT, syn);
  settle(&path);
  assert_int_equal(path.seen.sent->len, 2);
  close_path(&path);
}

static void delays_reorder_and_duplicates_follow(void **state)
{
  (void)state;
  LaLabExperiment plan = {.name = "late",
                          .rules = {{.match = LA_LAB_SYN, .act = LA_LAB_DELAY_BEFORE, .n = 50, .count = 1},
                                    {.match = LA_LAB_ACK, .act = LA_LAB_DUPLICATE, .n = 7, .count = 1}}};
  Path path;
  open_path(&path, &plan);
  give(&path, 0, LA_LAB_CLIENT, syn);
  give(&path, 0, LA_LAB_CLIENT, ack);
  settle(&path);
  assert_int_equal(path.seen.recorded->len, 3);
  assert_int_equal(packet_of(path.seen.recorded, 0)->flags, LA_PACKET_ACK);
  assert_int_equal(packet_of(path.seen.recorded, 1)->flags, LA_PACKET_ACK);
  assert_int_equal(packet_of(path.seen.recorded, 2)->flags, LA_PACKET_SYN);
  close_path(&path);
}

static void a_reject_comes_from_the_router(void **state)
{
  (void)state;
  LaLabExperiment plan = {.name = "reject", .rules = {{.match = LA_LAB_SYN, .act = LA_LAB_REJECT_RST}}};
  Path path;
  open_path(&path, &plan);
  give(&path, 0, LA_LAB_CLIENT, syn);
  settle(&path);
  assert_int_equal(path.seen.sent->len, 1);
  assert_int_equal(path.seen.last_to, LA_LAB_CLIENT);
  const LaPacket *answer = packet_of(path.seen.recorded, 1);
  assert_int_equal(answer->flags, LA_PACKET_RST | LA_PACKET_ACK);
  assert_int_equal(answer->ack, 1001);
  assert_int_equal(answer->ttl, LA_PACKET_TTL);
  close_path(&path);
}

static void forged_segments_fit(void **state)
{
  (void)state;
  LaLabExperiment plan = {.name = "forged",
                          .forgeries = {{.what = LA_LAB_FORGE_RST, .way = LA_LAB_TO_CLIENT, .mark = 1, .n = 3},
                                        {.what = LA_LAB_FORGE_SYNS, .mark = 2, .port = 80, .count = 40, .every_ms = 1}}};
  Path path;
  open_path(&path, &plan);
  la_lab_relay_mark(path.relay, 0, 1); /* nothing to forge into yet */
  give(&path, 0, LA_LAB_CLIENT, syn);
  give(&path, 0, LA_LAB_SERVER, syn_ack);
  give(&path, 0, LA_LAB_CLIENT, ack);
  settle(&path);
  la_lab_relay_mark(path.relay, LA_SEC, 1);
  settle(&path);
  const LaPacket *rst = packet_of(path.seen.sent, 3);
  assert_int_equal(rst->flags, LA_PACKET_RST);
  assert_int_equal(rst->seq, 5001 + 3);
  assert_int_equal(path.seen.last_to, LA_LAB_CLIENT);
  la_lab_relay_mark(path.relay, LA_SEC, 2);
  settle(&path);
  assert_int_equal(path.seen.sent->len, 4 + 40);
  assert_false(la_addr_equal(&packet_of(path.seen.sent, 4)->src.addr, &packet_of(path.seen.sent, 5)->src.addr));
  close_path(&path);
}

static void what_is_no_tcp_goes_no_further(void **state)
{
  (void)state;
  static const LaLabExperiment plain = {.name = "plain"};
  Path path;
  open_path(&path, &plain);
  LaPacket packet;
  LaPacketPlan plan = syn;
  plan.src = at("fd00::1", 1);
  plan.dst = at("fd00::2", 2);
  plan.payload_len = 20;
  la_packet_make(&plan, &packet);
  for (size_t len = 0; len < packet.len; len++) {
    uint8_t *exact = g_memdup2(packet.bytes, len);
    LaPacket read;
    assert_false(la_packet_read(exact, len, &read));
    la_lab_relay_take(path.relay, 0, LA_LAB_CLIENT, exact, len);
    g_free(exact);
  }
  assert_true(la_lab_relay_next(path.relay) == LA_TIME_MAX);
  uint8_t large[LA_PACKET_MAX + 1] = {0};
  la_lab_relay_take(path.relay, 0, LA_LAB_CLIENT, large, sizeof large);
  assert_true(la_lab_relay_next(path.relay) == LA_TIME_MAX);
  la_lab_relay_take(path.relay, 0, LA_LAB_CLIENT, packet.bytes, packet.len);
  assert_true(la_lab_relay_next(path.relay) != LA_TIME_MAX);
  close_path(&path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_packet_takes_its_time),
      cmocka_unit_test(packets_are_lost_before_or_behind_the_capture),
      cmocka_unit_test(what_a_packet_is),
      cmocka_unit_test(phases),
      cmocka_unit_test(delays_reorder_and_duplicates_follow),
      cmocka_unit_test(a_reject_comes_from_the_router),
      cmocka_unit_test(forged_segments_fit),
      cmocka_unit_test(what_is_no_tcp_goes_no_further),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
