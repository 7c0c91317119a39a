/* One connection of the server over a loopback socket pair, step by step, with a clock that stands until it is moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat/conn.h"

static LaTime clock_now;

static LaTime read_now(void *ctx G_GNUC_UNUSED)
{
  return clock_now;
}

static const LaChatClock test_clock = {.monotonic = read_now, .wall = read_now};

typedef struct {
  LaChatConn *conn;
  LaChatConnShared shared;
  int peer; /* the client's socket, blocking */
  GString *frames;
  int gone, broken;
  LaChatErrorCode code;
} Fixture;

static Fixture *fixture_of(LaChatConn *conn)
{
  return conn->shared->owner_data;
}

static void on_frame(LaChatConn *conn, const uint8_t *data, size_t len)
{
  Fixture *fixture = fixture_of(conn);
  g_string_append_len(fixture->frames, (const char *)data, (gssize)len);
  g_string_append_c(fixture->frames, '|');
}

static void deliver(Fixture *fixture, const char *text, size_t len)
{
  g_autoptr(GBytes) frame = la_chat_frame_wrap(text, len);
  la_chat_conn_deliver(fixture->conn, frame);
}

static void on_broken(LaChatConn *conn, LaChatErrorCode code)
{
  Fixture *fixture = fixture_of(conn);
  fixture->broken++;
  fixture->code = code;
  deliver(fixture, "error", 5);
  la_chat_conn_close(conn);
}

static void on_gone(LaChatConn *conn)
{
  fixture_of(conn)->gone++;
}

static void on_touched(LaChatConn *conn G_GNUC_UNUSED)
{
}

static const LaChatConnOwner owner = {.frame = on_frame, .broken = on_broken, .gone = on_gone, .touched = on_touched};

/* A connection with one fault, or none (LA_CHAT_FAULT_COUNT). */
static Fixture *fixture_new(LaChatFaultKind fault, int64_t param)
{
  Fixture *fixture = g_new0(Fixture, 1);
  clock_now = 1000 * LA_SEC;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_return_code(bind(listener, (struct sockaddr *)&address, len), errno);
  assert_return_code(listen(listener, 1), errno);
  assert_return_code(getsockname(listener, (struct sockaddr *)&address, &len), errno);
  fixture->peer = socket(AF_INET, SOCK_STREAM, 0);
  assert_return_code(connect(fixture->peer, (struct sockaddr *)&address, len), errno);
  struct timeval limit = {.tv_sec = 5};
  setsockopt(fixture->peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  assert_true(fd >= 0);
  close(listener);
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fixture->shared = (LaChatConnShared){
      .owner = &owner, .owner_data = fixture, .clock = &test_clock, .grace = 5 * LA_SEC, .send_queue = 4 << 20};
  LaChatPlan plan = {0};
  if (fault != LA_CHAT_FAULT_COUNT) {
    plan.set = UINT32_C(1) << fault;
    plan.param[fault] = param;
  }
  fixture->conn = la_chat_conn_new(fd, &plan, &fixture->shared);
  fixture->frames = g_string_new(NULL);
  return fixture;
}

static void fixture_free(Fixture *fixture)
{
  la_chat_conn_free(fixture->conn);
  assert_int_equal(fixture->gone, 1);
  if (fixture->peer >= 0)
    close(fixture->peer);
  g_string_free(fixture->frames, TRUE);
  g_free(fixture);
}

/* Waits until the connection's socket can be read (data, FIN or RST has arrived), and steps. */
static void step_when_readable(Fixture *fixture)
{
  struct pollfd item = {.fd = fixture->conn->source.fd, .events = POLLIN};
  assert_int_equal(poll(&item, 1, 5000), 1);
  la_chat_conn_step(fixture->conn, LA_CHAT_READ);
}

static void step(Fixture *fixture)
{
  la_chat_conn_step(fixture->conn, 0);
}

static void client_sends(Fixture *fixture, const char *bytes, size_t len)
{
  assert_int_equal(send(fixture->peer, bytes, len, MSG_NOSIGNAL), len);
}

/* What the client reads next: -1 with errno, 0 at the end. */
static ssize_t client_reads(Fixture *fixture, char *buffer, size_t size)
{
  return recv(fixture->peer, buffer, size, 0);
}

static void frames_come_and_go(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  client_sends(fixture, "\0\0\0\2ab\0\0\0\1c\0\0", 13);
  step_when_readable(fixture);
  assert_string_equal(fixture->frames->str, "ab|c|");
  client_sends(fixture, "\0\1d", 3);
  step_when_readable(fixture);
  assert_string_equal(fixture->frames->str, "ab|c|d|");
  deliver(fixture, "xyz", 3);
  step(fixture);
  char buffer[64];
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 7);
  assert_memory_equal(buffer, "\0\0\0\3xyz", 7);
  fixture_free(fixture);
}

static void the_peer_closes_first(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  client_sends(fixture, "\0\0\0\1a", 5);
  shutdown(fixture->peer, SHUT_WR);
  while (fixture->conn->state != LA_CHAT_CONN_DONE)
    step_when_readable(fixture);
  assert_string_equal(fixture->frames->str, "a|");
  assert_int_equal(fixture->gone, 1);
  assert_false(fixture->conn->reset);
  fixture_free(fixture);
}

static void the_server_closes_first(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  char buffer[64];
  deliver(fixture, "last", 4);
  la_chat_conn_close(fixture->conn);
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DRAINING);
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 8);
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 0);
  /* What still comes is thrown away, and no RST destroys anything. */
  client_sends(fixture, "\0\0\0\1a", 5);
  step_when_readable(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DRAINING);
  shutdown(fixture->peer, SHUT_WR);
  step_when_readable(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  assert_string_equal(fixture->frames->str, "");
  fixture_free(fixture);
}

static void patience_ends(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  la_chat_conn_close(fixture->conn);
  step(fixture);
  assert_true(fixture->conn->source.deadline == clock_now + 5 * LA_SEC);
  clock_now += 5 * LA_SEC - 1;
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DRAINING);
  clock_now += 1;
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  assert_int_equal(fixture->shared.overdue, 1);
  fixture_free(fixture);
}

static void a_bad_length_is_answered_and_closed(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  char buffer[64];
  client_sends(fixture, "\0\0\0\1a\0\0\0\0zz", 11);
  step_when_readable(fixture);
  assert_string_equal(fixture->frames->str, "a|");
  assert_int_equal(fixture->broken, 1);
  assert_int_equal(fixture->code, LA_CHAT_ERROR_BAD_LENGTH);
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 9);
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 0);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DRAINING);
  fixture_free(fixture);
}

static void a_cut_frame_is_told(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  char buffer[64];
  client_sends(fixture, "\0\0\0\5ab", 6);
  shutdown(fixture->peer, SHUT_WR);
  while (fixture->conn->state != LA_CHAT_CONN_DONE)
    step_when_readable(fixture);
  assert_int_equal(fixture->code, LA_CHAT_ERROR_TRUNCATED);
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 9);
  fixture_free(fixture);
}

static void a_reset_is_the_end(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  struct linger linger = {.l_onoff = 1};
  setsockopt(fixture->peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fixture->peer);
  fixture->peer = -1;
  step_when_readable(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  assert_int_equal(fixture->shared.resets, 1);
  fixture_free(fixture);
}

static void a_slow_reader_is_cut_off(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  g_autofree char *body = g_strnfill(100000, 'x');
  for (int i = 0; i < 200 && fixture->conn->state != LA_CHAT_CONN_DONE; i++) {
    deliver(fixture, body, 100000);
    step(fixture);
  }
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  assert_int_equal(fixture->shared.slow_readers, 1);
  assert_true(fixture->conn->reset);
  /* The owner is not called back while it hands out messages. */
  assert_int_equal(fixture->gone, 0);
  fixture_free(fixture);
}

/* A peer that asks and does not read is not read from; its requests go on when it does. */
static void answers_hold_back_requests(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  int small = 4096;
  setsockopt(fixture->conn->source.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  g_autofree char *body = g_strnfill(1 << 20, 'x');
  for (int i = 0; i < 3; i++)
    deliver(fixture, body, 1 << 20);
  step(fixture);
  client_sends(fixture, "\0\0\0\1a", 5);
  step_when_readable(fixture);
  assert_string_equal(fixture->frames->str, "");
  assert_true(fixture->conn->held);
  assert_int_equal(fixture->conn->source.want, LA_CHAT_WRITE);
  g_autofree char *sink = g_malloc(1 << 16);
  size_t left = 3 * ((1 << 20) + 4);
  while (left > 0) {
    struct pollfd items[2] = {{.fd = fixture->peer, .events = POLLIN}, {.fd = fixture->conn->source.fd, .events = POLLOUT}};
    assert_true(poll(items, 2, 5000) > 0);
    if ((items[1].revents & POLLOUT) != 0)
      la_chat_conn_step(fixture->conn, LA_CHAT_WRITE);
    if ((items[0].revents & POLLIN) == 0)
      continue;
    ssize_t n = client_reads(fixture, sink, 1 << 16);
    assert_true(n > 0);
    left -= (size_t)n;
  }
  step(fixture);
  assert_string_equal(fixture->frames->str, "a|");
  assert_int_equal(fixture->conn->source.want, LA_CHAT_READ);
  fixture_free(fixture);
}

static void fault_no_close(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_NO_CLOSE, 0);
  shutdown(fixture->peer, SHUT_WR);
  step_when_readable(fixture);
  clock_now += 100000 * LA_SEC;
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_PEER_CLOSED);
  assert_int_equal(fixture->gone, 1);
  assert_int_equal(fixture->conn->source.want, 0);
  la_chat_conn_close(fixture->conn);
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  fixture_free(fixture);
}

/* Where answers come from elsewhere, the connection stays until it is told that there are no more. */
static void answers_may_come_later(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_COUNT, 0);
  char buffer[64];
  fixture->shared.answers_later = true;
  client_sends(fixture, "\0\0\0\1a", 5);
  shutdown(fixture->peer, SHUT_WR);
  while (fixture->conn->state == LA_CHAT_CONN_OPEN)
    step_when_readable(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_PEER_CLOSED);
  deliver(fixture, "x", 1);
  step(fixture);
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 5);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_PEER_CLOSED);
  la_chat_conn_answered(fixture->conn);
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  fixture_free(fixture);
}

static void fault_late_close(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_LATE_CLOSE, 7 * LA_SEC);
  shutdown(fixture->peer, SHUT_WR);
  step_when_readable(fixture);
  assert_true(fixture->conn->source.deadline == clock_now + 7 * LA_SEC);
  clock_now += 7 * LA_SEC - 1;
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_PEER_CLOSED);
  clock_now += 1;
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  fixture_free(fixture);
}

static void fault_linger0(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_LINGER0, 0);
  shutdown(fixture->peer, SHUT_WR);
  step_when_readable(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  assert_true(fixture->conn->reset);
  int peer = fixture->peer;
  fixture->peer = -1;
  fixture_free(fixture);
  char byte;
  assert_int_equal(recv(peer, &byte, 1, 0), -1);
  assert_int_equal(errno, ECONNRESET);
  close(peer);
}

static void fault_unread_close(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_UNREAD_CLOSE, LA_SEC);
  client_sends(fixture, "\0\0\0\1a", 5);
  step_when_readable(fixture);
  client_sends(fixture, "\0\0\0\1b", 5);
  step_when_readable(fixture);
  assert_string_equal(fixture->frames->str, "a|");
  int unread = 0;
  ioctl(fixture->conn->source.fd, FIONREAD, &unread);
  assert_int_equal(unread, 5);
  clock_now += LA_SEC;
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  int peer = fixture->peer;
  fixture->peer = -1;
  fixture_free(fixture);
  char byte;
  assert_int_equal(recv(peer, &byte, 1, 0), -1);
  assert_int_equal(errno, ECONNRESET);
  close(peer);
}

static void fault_half_close(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_HALF_CLOSE, LA_SEC);
  char buffer[256];
  shutdown(fixture->peer, SHUT_WR);
  step_when_readable(fixture);
  for (int i = 0; i < 5; i++) {
    step(fixture);
    assert_true(client_reads(fixture, buffer, sizeof buffer) > 4);
    clock_now += 200 * LA_MSEC;
  }
  step(fixture);
  assert_int_equal(fixture->conn->state, LA_CHAT_CONN_DONE);
  fixture_free(fixture);
}

static void fault_stop_reading(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_STOP_READING, 0);
  client_sends(fixture, "\0\0\0\1a", 5);
  step_when_readable(fixture);
  assert_int_equal(fixture->conn->source.want, 0);
  client_sends(fixture, "\0\0\0\1b", 5);
  step_when_readable(fixture);
  assert_string_equal(fixture->frames->str, "a|");
  fixture_free(fixture);
}

static void fault_delay_replies(void **state)
{
  (void)state;
  Fixture *fixture = fixture_new(LA_CHAT_FAULT_DELAY_REPLIES, 3 * LA_SEC);
  char buffer[64];
  deliver(fixture, "x", 1);
  step(fixture);
  assert_true(fixture->conn->source.deadline == clock_now + 3 * LA_SEC);
  assert_int_equal(recv(fixture->peer, buffer, sizeof buffer, MSG_DONTWAIT), -1);
  clock_now += 3 * LA_SEC;
  step(fixture);
  assert_int_equal(client_reads(fixture, buffer, sizeof buffer), 5);
  fixture_free(fixture);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frames_come_and_go),
      cmocka_unit_test(the_peer_closes_first),
      cmocka_unit_test(the_server_closes_first),
      cmocka_unit_test(patience_ends),
      cmocka_unit_test(a_bad_length_is_answered_and_closed),
      cmocka_unit_test(a_cut_frame_is_told),
      cmocka_unit_test(a_reset_is_the_end),
      cmocka_unit_test(a_slow_reader_is_cut_off),
      cmocka_unit_test(answers_hold_back_requests),
      cmocka_unit_test(fault_no_close),
      cmocka_unit_test(answers_may_come_later),
      cmocka_unit_test(fault_late_close),
      cmocka_unit_test(fault_linger0),
      cmocka_unit_test(fault_unread_close),
      cmocka_unit_test(fault_half_close),
      cmocka_unit_test(fault_stop_reading),
      cmocka_unit_test(fault_delay_replies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
