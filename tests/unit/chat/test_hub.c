/* Who gets which message: the hub with peers that only write down what they are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chat/framing.h"
#include "chat/hub.h"
#include "chat/room.h"

/* One peer: what it was given since it was last asked, and whether it was closed. */
typedef struct {
  GString *got;
  bool closed;
  LaChatSession *session;
} Peer;

static void peer_deliver(void *data, GBytes *frame)
{
  Peer *peer = data;
  gsize size;
  const char *bytes = g_bytes_get_data(frame, &size);
  assert_false(peer->closed);
  g_string_append_len(peer->got, bytes + LA_CHAT_FRAME_HEADER, (gssize)size - LA_CHAT_FRAME_HEADER);
  g_string_append_c(peer->got, '\n');
}

static void peer_close(void *data)
{
  Peer *peer = data;
  assert_false(peer->closed);
  peer->closed = true;
}

static const LaChatTransport transport = {.deliver = peer_deliver, .close = peer_close};

/* A clock that stands until it is moved. */
static LaTime clock_now;

static LaTime read_now(void *ctx G_GNUC_UNUSED)
{
  return clock_now;
}

static const LaChatClock test_clock = {.monotonic = read_now, .wall = read_now};

static LaChatHub *new_hub(void)
{
  clock_now = 1000 * LA_SEC;
  const LaChatHubConfig config = {.idle_timeout = 300 * LA_SEC, .grace = 5 * LA_SEC, .max_errors = 3};
  return la_chat_hub_new(&config, &test_clock);
}

static void say(LaChatHub *hub, Peer *peer, const char *text)
{
  la_chat_hub_frame(hub, peer->session, (const uint8_t *)text, strlen(text));
}

/* A peer that is there, under `name` unless it is NULL. */
static Peer *arrive(LaChatHub *hub, const char *name)
{
  Peer *peer = g_new(Peer, 1);
  *peer = (Peer){.got = g_string_new(NULL)};
  peer->session = la_chat_hub_open(hub, &transport, peer, LA_CHAT_PINGS_ANSWERED);
  if (name != NULL) {
    g_autofree char *login = g_strdup_printf("{\"type\":\"login\",\"name\":\"%s\"}", name);
    say(hub, peer, login);
    assert_non_null(strstr(peer->got->str, "\"welcome\""));
    g_string_truncate(peer->got, 0);
  }
  return peer;
}

static void leave(LaChatHub *hub, Peer *peer)
{
  la_chat_hub_gone(hub, peer->session);
  g_string_free(peer->got, TRUE);
  g_free(peer);
}

/* What the peer got must be exactly this; then it is forgotten. */
static void expect_got(Peer *peer, const char *text)
{
  assert_string_equal(peer->got->str, text);
  g_string_truncate(peer->got, 0);
}

static void expect_has(Peer *peer, const char *text)
{
  if (strstr(peer->got->str, text) == NULL)
    fail_msg("no %s in: %s", text, peer->got->str);
  g_string_truncate(peer->got, 0);
}

static void a_room_and_its_messages(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna"), *bert = arrive(hub, "bert"), *carl = arrive(hub, "carl");
  say(hub, anna, "{\"type\":\"join\",\"room\":\"r\",\"id\":1}");
  expect_got(anna, "{\"type\":\"ok\",\"id\":1,\"delivered\":1}\n");
  say(hub, bert, "{\"type\":\"join\",\"room\":\"r\"}");
  expect_got(anna, "{\"type\":\"joined\",\"room\":\"r\",\"name\":\"bert\"}\n");
  expect_got(bert, "{\"type\":\"ok\",\"delivered\":2}\n");
  say(hub, bert, "{\"type\":\"say\",\"room\":\"r\",\"text\":\"hi\",\"id\":2}");
  expect_got(anna, "{\"type\":\"message\",\"room\":\"r\",\"from\":\"bert\",\"text\":\"hi\",\"time\":1000000000}\n");
  expect_got(bert, "{\"type\":\"ok\",\"id\":2,\"delivered\":1}\n");
  expect_got(carl, "");
  say(hub, carl, "{\"type\":\"say\",\"room\":\"r\",\"text\":\"hi\"}");
  expect_has(carl, "\"not-in-room\"");
  say(hub, carl, "{\"type\":\"who\",\"room\":\"r\"}");
  expect_got(carl, "{\"type\":\"who\",\"room\":\"r\",\"names\":[\"anna\",\"bert\"],\"total\":2}\n");
  say(hub, carl, "{\"type\":\"rooms\"}");
  expect_got(carl, "{\"type\":\"rooms\",\"rooms\":[{\"room\":\"r\",\"members\":2}],\"total\":1}\n");
  leave(hub, anna);
  expect_got(bert, "{\"type\":\"left\",\"room\":\"r\",\"name\":\"anna\"}\n");
  say(hub, bert, "{\"type\":\"leave\",\"room\":\"r\"}");
  expect_got(bert, "{\"type\":\"ok\"}\n");
  assert_int_equal(la_chat_hub_stats(hub).rooms, 0);
  leave(hub, bert);
  leave(hub, carl);
  la_chat_hub_free(hub);
}

static void joining_twice_is_no_second_membership(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna"), *bert = arrive(hub, "bert");
  say(hub, anna, "{\"type\":\"join\",\"room\":\"r\"}");
  say(hub, bert, "{\"type\":\"join\",\"room\":\"r\"}");
  say(hub, bert, "{\"type\":\"join\",\"room\":\"r\"}");
  g_string_truncate(anna->got, 0);
  say(hub, bert, "{\"type\":\"say\",\"room\":\"r\",\"text\":\"once\"}");
  expect_got(anna, "{\"type\":\"message\",\"room\":\"r\",\"from\":\"bert\",\"text\":\"once\",\"time\":1000000000}\n");
  leave(hub, bert);
  leave(hub, anna);
  la_chat_hub_free(hub);
}

static void a_message_to_one_person(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna"), *bert = arrive(hub, "bert");
  say(hub, anna, "{\"type\":\"tell\",\"to\":\"bert\",\"text\":\"psst\",\"id\":9}");
  expect_got(bert, "{\"type\":\"private\",\"from\":\"anna\",\"to\":\"bert\",\"text\":\"psst\",\"time\":1000000000}\n");
  expect_got(anna, "{\"type\":\"ok\",\"id\":9,\"delivered\":1}\n");
  say(hub, anna, "{\"type\":\"tell\",\"to\":\"nobody\",\"text\":\"psst\"}");
  expect_has(anna, "\"no-such-user\"");
  leave(hub, bert);
  say(hub, anna, "{\"type\":\"tell\",\"to\":\"bert\",\"text\":\"psst\"}");
  expect_has(anna, "\"no-such-user\"");
  leave(hub, anna);
  la_chat_hub_free(hub);
}

static void names_are_unique_and_given_back(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna"), *other = arrive(hub, NULL);
  say(hub, other, "{\"type\":\"login\",\"name\":\"anna\"}");
  expect_has(other, "\"name-taken\"");
  say(hub, other, "{\"type\":\"login\",\"name\":\"a b\"}");
  expect_has(other, "\"bad-name\"");
  say(hub, anna, "{\"type\":\"login\",\"name\":\"anna2\"}");
  expect_has(anna, "\"already-logged-in\"");
  leave(hub, anna);
  say(hub, other, "{\"type\":\"login\",\"name\":\"anna\"}");
  expect_has(other, "\"welcome\"");
  leave(hub, other);
  la_chat_hub_free(hub);
}

static void strangers_may_only_ping(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *peer = arrive(hub, NULL);
  say(hub, peer, "{\"type\":\"ping\",\"seq\":4,\"time\":77}");
  expect_got(peer, "{\"type\":\"pong\",\"seq\":4,\"time\":77,\"server_time\":1000000000,\"received\":1,\"sent\":0}\n");
  say(hub, peer, "{\"type\":\"join\",\"room\":\"r\"}");
  expect_has(peer, "\"not-logged-in\"");
  say(hub, peer, "{\"type\":\"rooms\"}");
  expect_has(peer, "\"not-logged-in\"");
  assert_false(peer->closed);
  leave(hub, peer);
  la_chat_hub_free(hub);
}

static void too_many_errors_end_it(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna"), *bert = arrive(hub, "bert");
  say(hub, bert, "{\"type\":\"join\",\"room\":\"r\"}");
  say(hub, anna, "{\"type\":\"join\",\"room\":\"r\"}");
  g_string_truncate(bert->got, 0);
  say(hub, anna, "{\"type\":\"x\"}");
  say(hub, anna, "{\"type\":\"x\"}");
  assert_false(anna->closed);
  say(hub, anna, "{\"type\":\"x\"}");
  assert_true(anna->closed);
  expect_has(anna, "\"too-many-errors\"");
  /* It has left at once, and what it still says is ignored. */
  expect_got(bert, "{\"type\":\"left\",\"room\":\"r\",\"name\":\"anna\"}\n");
  say(hub, anna, "{\"type\":\"say\",\"room\":\"r\",\"text\":\"ghost\"}");
  expect_got(bert, "");
  leave(hub, anna);
  expect_got(bert, "");
  leave(hub, bert);
  la_chat_hub_free(hub);
}

static void a_broken_stream_ends_it(void **state)
{
  (void)state;
  const char *fatal[] = {"not json", "\xff", "[]"};
  for (size_t i = 0; i < G_N_ELEMENTS(fatal); i++) {
    LaChatHub *hub = new_hub();
    Peer *peer = arrive(hub, "anna");
    say(hub, peer, fatal[i]);
    assert_true(peer->closed);
    expect_has(peer, "\"fatal\":true");
    assert_int_equal(la_chat_hub_stats(hub).users, 0);
    leave(hub, peer);
    la_chat_hub_free(hub);
  }
  LaChatHub *hub = new_hub();
  Peer *peer = arrive(hub, "anna");
  la_chat_hub_broken(hub, peer->session, LA_CHAT_ERROR_BAD_LENGTH);
  la_chat_hub_broken(hub, peer->session, LA_CHAT_ERROR_BAD_LENGTH);
  assert_true(peer->closed);
  expect_has(peer, "\"bad-length\"");
  leave(hub, peer);
  la_chat_hub_free(hub);
}

static void the_idle_are_sent_away(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  assert_true(la_chat_hub_tick(hub) == LA_TIME_MAX);
  Peer *anna = arrive(hub, "anna");
  clock_now += 100 * LA_SEC;
  Peer *bert = arrive(hub, "bert");
  assert_true(la_chat_hub_tick(hub) == clock_now + 200 * LA_SEC);
  clock_now += 200 * LA_SEC - 1;
  la_chat_hub_tick(hub);
  assert_false(anna->closed);
  clock_now += 1;
  assert_true(la_chat_hub_tick(hub) == clock_now + 100 * LA_SEC);
  assert_true(anna->closed);
  expect_has(anna, "\"reason\":\"idle\"");
  assert_false(bert->closed);
  /* A frame is a sign of life. */
  clock_now += 99 * LA_SEC;
  say(hub, bert, "{\"type\":\"ping\",\"seq\":1}");
  clock_now += 99 * LA_SEC;
  la_chat_hub_tick(hub);
  assert_false(bert->closed);
  leave(hub, anna);
  leave(hub, bert);
  la_chat_hub_free(hub);
}

static void shutdown_tells_everybody_once(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna"), *bert = arrive(hub, "bert"), *stranger = arrive(hub, NULL);
  say(hub, anna, "{\"type\":\"join\",\"room\":\"r\"}");
  say(hub, bert, "{\"type\":\"join\",\"room\":\"r\"}");
  g_string_truncate(anna->got, 0);
  g_string_truncate(bert->got, 0);
  la_chat_hub_shutdown(hub);
  expect_got(anna, "{\"type\":\"bye\",\"reason\":\"shutdown\",\"grace_s\":5}\n");
  expect_got(bert, "{\"type\":\"bye\",\"reason\":\"shutdown\",\"grace_s\":5}\n");
  expect_has(stranger, "\"bye\"");
  assert_true(anna->closed && bert->closed && stranger->closed);
  leave(hub, anna);
  expect_got(bert, "");
  leave(hub, bert);
  leave(hub, stranger);
  la_chat_hub_free(hub);
}

static void logout_closes(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna");
  say(hub, anna, "{\"type\":\"logout\"}");
  assert_true(anna->closed);
  expect_has(anna, "\"reason\":\"logout\"");
  leave(hub, anna);
  la_chat_hub_free(hub);
}

static void rooms_of_one_are_limited(void **state)
{
  (void)state;
  LaChatHub *hub = new_hub();
  Peer *anna = arrive(hub, "anna");
  for (int i = 0; i < LA_CHAT_ROOMS_OF_ONE; i++) {
    g_autofree char *join = g_strdup_printf("{\"type\":\"join\",\"room\":\"r%d\"}", i);
    say(hub, anna, join);
    expect_has(anna, "\"ok\"");
  }
  say(hub, anna, "{\"type\":\"join\",\"room\":\"one-more\"}");
  expect_has(anna, "\"too-many-rooms\"");
  say(hub, anna, "{\"type\":\"join\",\"room\":\"r0\"}");
  expect_has(anna, "\"ok\"");
  say(hub, anna, "{\"type\":\"join\",\"room\":\"\"}");
  expect_has(anna, "\"bad-room\"");
  leave(hub, anna);
  la_chat_hub_free(hub);
}

/* Members leave from the front, the middle and the end; whoever is left still hears. */
static void members_leave_in_any_order(void **state)
{
  (void)state;
  int a, b, c, d;
  void *all[] = {&a, &b, &c, &d};
  for (unsigned order = 0; order < 24; order++) {
    LaChatRooms *rooms = la_chat_rooms_new();
    g_autoptr(GPtrArray) left = g_ptr_array_new();
    for (size_t i = 0; i < 4; i++) {
      la_chat_rooms_join(rooms, "r", all[i]);
      g_ptr_array_add(left, all[i]);
    }
    unsigned rest = order;
    for (unsigned n = 4; n > 0; n--) {
      LaChatRoom *room = la_chat_rooms_find(rooms, "r");
      assert_int_equal(room->members->len, n);
      void *goes = g_ptr_array_remove_index(left, rest % n);
      rest /= n;
      la_chat_rooms_leave(rooms, room, goes);
      for (guint i = 0; i < left->len; i++)
        assert_true(g_ptr_array_find(room->members, g_ptr_array_index(left, i), NULL));
      if (left->len == 0)
        break;
    }
    assert_null(la_chat_rooms_find(rooms, "r"));
    assert_int_equal(la_chat_rooms_count(rooms), 0);
    la_chat_rooms_free(rooms);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_room_and_its_messages),       cmocka_unit_test(joining_twice_is_no_second_membership),
      cmocka_unit_test(a_message_to_one_person),       cmocka_unit_test(names_are_unique_and_given_back),
      cmocka_unit_test(strangers_may_only_ping),       cmocka_unit_test(too_many_errors_end_it),
      cmocka_unit_test(a_broken_stream_ends_it),       cmocka_unit_test(the_idle_are_sent_away),
      cmocka_unit_test(shutdown_tells_everybody_once), cmocka_unit_test(logout_closes),
      cmocka_unit_test(rooms_of_one_are_limited),      cmocka_unit_test(members_leave_in_any_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
