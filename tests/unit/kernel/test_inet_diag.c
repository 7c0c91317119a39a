/* The kernel's socket diagnostics: its messages, whatever their bytes, and a real connection through its states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/inet_diag.h"
#include "kernel/netns.h"
#include "kernel/sock_diag_message.h"

/* A message of a socket on 192.0.2.1:80 with the attributes of a full socket. */
static size_t build_message(uint8_t state, uint8_t timer, bool full, uint8_t *out)
{
  struct inet_diag_msg message = {.idiag_family = AF_INET,
                                  .idiag_state = state,
                                  .idiag_timer = timer,
                                  .idiag_retrans = 2,
                                  .idiag_expires = 1500,
                                  .idiag_rqueue = 7,
                                  .idiag_wqueue = 9,
                                  .idiag_uid = 1000,
                                  .idiag_inode = 4242};
  message.id.idiag_sport = htons(80);
  message.id.idiag_dport = htons(40000);
  message.id.idiag_src[0] = htonl(0xc0000201);
  message.id.idiag_dst[0] = htonl(0xc6336407);
  message.id.idiag_cookie[0] = 5;
  message.id.idiag_cookie[1] = 1;
  memcpy(out, &message, sizeof message);
  size_t len = sizeof message;
  if (full) {
    struct {
      uint16_t len, type;
      uint8_t value, pad[3];
    } shut = {.len = 5, .type = INET_DIAG_SHUTDOWN};
    memcpy(out + len, &shut, sizeof shut);
    len += sizeof shut;
    struct {
      uint16_t len, type;
      uint32_t low, high;
    } cgroup = {.len = 12, .type = 21, .low = 77};
    memcpy(out + len, &cgroup, sizeof cgroup);
    len += sizeof cgroup;
  }
  return len;
}

static void a_message_is_read(void **state)
{
  (void)state;
  uint8_t bytes[256];
  LaSocket socket;
  assert_true(la_sock_diag_message_read(bytes, build_message(1, 1, true, bytes), &socket));
  assert_int_equal(socket.state, LA_SOCKET_ESTABLISHED);
  assert_int_equal(socket.kind, LA_SOCKET_FULL);
  assert_int_equal(socket.timer, LA_SOCKET_TIMER_RETRANSMIT);
  assert_int_equal(socket.retries, 2);
  assert_true(socket.timer_left == 1500 * LA_MSEC);
  assert_int_equal(socket.receive_queue, 7);
  assert_int_equal(socket.send_queue, 9);
  assert_int_equal(socket.uid, 1000);
  assert_int_equal(socket.inode, 4242);
  assert_true(socket.cookie == (UINT64_C(1) << 32 | 5));
  assert_true(socket.has_cgroup && socket.cgroup == 77);
  assert_false(socket.has_info);
  char text[LA_HOST_PORT_TEXT_MAX];
  assert_string_equal(la_host_port_format(&socket.local, text), "192.0.2.1:80");
  assert_string_equal(la_host_port_format(&socket.remote, text), "198.51.100.7:40000");
}

static void kinds(void **state)
{
  (void)state;
  uint8_t bytes[256];
  LaSocket socket;
  assert_true(la_sock_diag_message_read(bytes, build_message(3, 1, false, bytes), &socket));
  assert_int_equal(socket.kind, LA_SOCKET_REQUEST);
  assert_true(la_sock_diag_message_read(bytes, build_message(3, 1, true, bytes), &socket));
  assert_int_equal(socket.kind, LA_SOCKET_FULL);
  assert_true(la_sock_diag_message_read(bytes, build_message(5, 3, false, bytes), &socket));
  assert_int_equal(socket.kind, LA_SOCKET_TIMEWAIT);
  assert_int_equal(socket.state, LA_SOCKET_FIN_WAIT_2);
  assert_true(la_sock_diag_message_read(bytes, build_message(5, 0, true, bytes), &socket));
  assert_int_equal(socket.kind, LA_SOCKET_FULL);
  assert_true(socket.timer_left == 0);
}

static void what_is_no_socket(void **state)
{
  (void)state;
  uint8_t bytes[256];
  LaSocket socket = {.inode = 1};
  size_t len = build_message(1, 1, true, bytes);
  for (size_t i = 0; i < sizeof(struct inet_diag_msg); i++)
    assert_false(la_sock_diag_message_read(bytes, i, &socket));
  static const uint8_t states[] = {0, 13, 255};
  for (size_t i = 0; i < sizeof states; i++) {
    bytes[1] = states[i];
    assert_false(la_sock_diag_message_read(bytes, len, &socket));
  }
  bytes[1] = 1;
  bytes[0] = AF_UNIX;
  assert_false(la_sock_diag_message_read(bytes, len, &socket));
  assert_int_equal(socket.inode, 1);
}

/* Wherever the bytes end, and whatever an attribute says about its length, nothing beyond them is touched (the sanitizers look). */
static void attributes_are_not_believed(void **state)
{
  (void)state;
  uint8_t bytes[256];
  size_t len = build_message(1, 1, true, bytes);
  for (size_t cut = sizeof(struct inet_diag_msg); cut <= len; cut++) {
    uint8_t *exact = g_malloc(cut);
    memcpy(exact, bytes, cut);
    LaSocket socket;
    assert_true(la_sock_diag_message_read(exact, cut, &socket));
    assert_int_equal(socket.has_cgroup, cut == len);
    g_free(exact);
  }
  static const uint16_t lengths[] = {0, 1, 3, 4, 9, 20, 0xffff};
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    memcpy(bytes + sizeof(struct inet_diag_msg), &lengths[i], sizeof lengths[i]);
    LaSocket socket;
    assert_true(la_sock_diag_message_read(bytes, len, &socket));
  }
}

static const LaSocket *find(const GArray *sockets, uint16_t local, uint16_t remote)
{
  for (guint i = 0; i < sockets->len; i++) {
    const LaSocket *socket = &g_array_index(sockets, LaSocket, i);
    if (socket->local.port == local && socket->remote.port == remote)
      return socket;
  }
  return NULL;
}

static uint16_t port_of(int fd)
{
  struct sockaddr_in6 name;
  socklen_t len = sizeof name;
  assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
  return ntohs(name.sin6_port); /* at the same place in sockaddr_in */
}

/* A listener of `family` on its loopback address, and its address in `ret_name`. */
static int listen_at(int family, struct sockaddr_storage *ret_name)
{
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(ret_name, 0, sizeof *ret_name);
  ret_name->ss_family = (sa_family_t)family;
  if (family == AF_INET)
    ((struct sockaddr_in *)ret_name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    ((struct sockaddr_in6 *)ret_name)->sin6_addr = in6addr_loopback;
  socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (fd < 0 || bind(fd, (struct sockaddr *)ret_name, len) != 0 || listen(fd, 5) != 0 ||
      getsockname(fd, (struct sockaddr *)ret_name, &len) != 0) {
    if (fd >= 0)
      close(fd);
    return -1;
  }
  return fd;
}

static void through_a_life(int family)
{
  struct sockaddr_storage name;
  int listener = listen_at(family, &name);
  if (listener < 0) /* no IPv6 here */
    return;
  g_autoptr(LaInetDiag) diag = la_inet_diag_open(NULL);
  assert_non_null(diag);
  g_autoptr(GArray) sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket));
  int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  assert_int_equal(connect(client, (struct sockaddr *)&name, len), 0);
  uint16_t here = port_of(client), there = port_of(listener);

  assert_true(la_inet_diag_dump(diag, LA_INET_DIAG_PLAIN, sockets, NULL));
  const LaSocket *waiting = find(sockets, there, 0);
  assert_non_null(waiting);
  assert_int_equal(waiting->state, LA_SOCKET_LISTEN);
  assert_int_equal(waiting->receive_queue, 1);
  assert_int_equal(waiting->send_queue, 5);
  assert_int_equal(waiting->local.family, family == AF_INET ? LA_FAMILY_IPV4 : LA_FAMILY_IPV6);
  const LaSocket *mine = find(sockets, here, there);
  assert_non_null(mine);
  assert_int_equal(mine->state, LA_SOCKET_ESTABLISHED);
  assert_true(mine->inode != 0);
  assert_int_equal(mine->uid, geteuid());
  assert_false(mine->has_info);

  int server = accept(listener, NULL, NULL);
  assert_int_equal(send(client, "hello", 5, 0), 5);
  shutdown(client, SHUT_WR);
  for (unsigned i = 0; i < 100; i++) { /* the FIN's acknowledgment may take its time */
    g_array_set_size(sockets, 0);
    assert_true(la_inet_diag_dump(diag, LA_INET_DIAG_INFO, sockets, NULL));
    if (find(sockets, here, there)->state == LA_SOCKET_FIN_WAIT_2)
      break;
    g_usleep(10000);
  }
  assert_int_equal(find(sockets, here, there)->state, LA_SOCKET_FIN_WAIT_2);
  assert_int_equal(find(sockets, there, here)->state, LA_SOCKET_CLOSE_WAIT);
  assert_int_equal(find(sockets, there, here)->receive_queue, 6); /* the FIN is counted */
  assert_true(find(sockets, there, here)->has_info);
  assert_int_equal(find(sockets, there, here)->info.bytes_received, 6);

  close(client);
  close(server); /* with unread data: a RST ends both */
  client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(client, (struct sockaddr *)&name, len), 0);
  here = port_of(client);
  server = accept(listener, NULL, NULL);
  close(client);
  close(server);
  g_array_set_size(sockets, 0);
  assert_true(la_inet_diag_dump(diag, LA_INET_DIAG_PLAIN, sockets, NULL));
  const LaSocket *rest = find(sockets, here, there);
  assert_non_null(rest);
  assert_int_equal(rest->state, LA_SOCKET_TIME_WAIT);
  assert_int_equal(rest->kind, LA_SOCKET_TIMEWAIT);
  assert_int_equal(rest->timer, LA_SOCKET_TIMER_TIMEWAIT);
  assert_true(rest->timer_left > 30 * LA_SEC && rest->timer_left <= 60 * LA_SEC);
  assert_null(find(sockets, there, here));
  close(listener);
}

static void a_connection_in_its_states(void **state)
{
  (void)state;
  through_a_life(AF_INET);
}

static void the_same_over_ipv6(void **state)
{
  (void)state;
  through_a_life(AF_INET6);
}

static void mapped_addresses_are_ipv4(void **state)
{
  (void)state;
  int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in6 name = {.sin6_family = AF_INET6};
  static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  memcpy(&name.sin6_addr, mapped, sizeof mapped);
  int off = 0;
  if (listener < 0 || setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0 ||
      bind(listener, (struct sockaddr *)&name, sizeof name) != 0 || listen(listener, 5) != 0) {
    if (listener >= 0)
      close(listener);
    return; /* no IPv6 here */
  }
  g_autoptr(LaInetDiag) diag = la_inet_diag_open(NULL);
  g_autoptr(GArray) sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket));
  assert_true(la_inet_diag_dump(diag, LA_INET_DIAG_PLAIN, sockets, NULL));
  const LaSocket *found = find(sockets, port_of(listener), 0);
  assert_non_null(found);
  char text[LA_HOST_PORT_TEXT_MAX];
  assert_true(g_str_has_prefix(la_host_port_format(&found->local, text), "127.0.0.1:"));
  close(listener);
}

/* A diag opened in another namespace stays there, and the thread comes back. */
static void another_namespace(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  int home = la_netns_open_current(NULL), other = la_netns_new(&error);
  if (other < 0) {
    print_message("SKIPPED: %s\n", error->message);
    close(home);
    skip();
  }
  struct sockaddr_storage name;
  int listener = listen_at(AF_INET, &name);
  g_autoptr(LaInetDiag) diag = la_inet_diag_open_netns(other, NULL);
  assert_non_null(diag);
  int now = la_netns_open_current(NULL);
  assert_true(la_netns_id(now) == la_netns_id(home));
  g_autoptr(GArray) sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket));
  assert_true(la_inet_diag_dump(diag, LA_INET_DIAG_PLAIN, sockets, NULL));
  assert_int_equal(sockets->len, 0);
  close(listener);
  close(now);
  close(other);
  close(home);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_message_is_read),          cmocka_unit_test(kinds),
      cmocka_unit_test(what_is_no_socket),          cmocka_unit_test(attributes_are_not_believed),
      cmocka_unit_test(a_connection_in_its_states), cmocka_unit_test(the_same_over_ipv6),
      cmocka_unit_test(mapped_addresses_are_ipv4),  cmocka_unit_test(another_namespace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
