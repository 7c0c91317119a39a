/* Lines of trace_pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib.h>

#include "kernel/trace.h"

#define STATE_LINE                                                                                                             \
  "          lastack-123     [001] ..s1.  8123.456789: inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport=80 "     \
  "dport=40021 saddr=10.22.0.1 daddr=10.21.0.1 saddrv6=::ffff:10.22.0.1 daddrv6=::ffff:10.21.0.1 oldstate=TCP_LISTEN "         \
  "newstate=TCP_SYN_RECV"

static void a_change_of_state(void **state)
{
  (void)state;
  LaTraceEvent event;
  assert_true(la_trace_line_read(STATE_LINE, &event));
  assert_int_equal(event.kind, LA_TRACE_STATE);
  assert_true(event.time == 8123 * LA_SEC + 456789 * LA_USEC);
  assert_string_equal(event.old_state, "LISTEN");
  assert_string_equal(event.new_state, "SYN_RECV");
  char text[LA_HOST_PORT_TEXT_MAX];
  assert_string_equal(la_host_port_format(&event.local, text), "10.22.0.1:80");
  assert_string_equal(la_host_port_format(&event.remote, text), "10.21.0.1:40021");
}

static void ipv6_takes_its_own_fields(void **state)
{
  (void)state;
  LaTraceEvent event;
  assert_true(
      la_trace_line_read("x-1 [000] ..... 1.000001: inet_sock_set_state: family=AF_INET6 protocol=IPPROTO_TCP sport=1 dport=2 "
                         "saddr=0.0.0.0 daddr=0.0.0.0 saddrv6=fd00::1 daddrv6=fd00::2 oldstate=TCP_CLOSE newstate=TCP_SYN_SENT",
                         &event));
  char text[LA_HOST_PORT_TEXT_MAX];
  assert_string_equal(la_host_port_format(&event.remote, text), "[fd00::2]:2");
}

static void a_reset(void **state)
{
  (void)state;
  LaTraceEvent event;
  assert_true(la_trace_line_read("x-1 [000] ..... 1.5: tcp_send_reset: skbaddr=0000000012345678 skaddr=00000000abcdef01 "
                                 "src=10.22.0.1:80 dest=10.21.0.1:40021 state=TCP_ESTABLISHED reason=TCP_ABORT_ON_CLOSE",
                                 &event));
  assert_int_equal(event.kind, LA_TRACE_SEND_RESET);
  assert_string_equal(event.new_state, "ESTABLISHED");
  assert_string_equal(event.reason, "TCP_ABORT_ON_CLOSE");
  assert_int_equal(event.local.port, 80);
  assert_true(la_trace_line_read("x-1 [000] ..... 1.5: tcp_send_reset: skbaddr=0 skaddr=0 src=[fd00::1]:80 dest=[fd00::2]:9 "
                                 "state=UNKNOWN reason=NO_SOCKET",
                                 &event));
  assert_null(event.new_state);
  assert_int_equal(event.local.family, LA_FAMILY_IPV6);
}

/* Wherever a line ends, and whatever stands in it, it is an event or none. */
static void other_lines(void **state)
{
  (void)state;
  static const char *const lines[] = {
      "",
      ": inet_sock_set_state: ",
      "1.0: inet_sock_set_state: sport=1",
      "CPU:1 [LOST 12 EVENTS]",
      "9.9: inet_sock_set_state: family=AF_INET sport=99999 dport=1 saddr=1.2.3.4 daddr=1.2.3.4",
      "9.9: tcp_send_reset: src=1.2.3.4 dest=5"};
  LaTraceEvent event = {.time = 77};
  for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
    assert_false(la_trace_line_read(lines[i], &event));
  size_t len = strlen(STATE_LINE);
  for (size_t cut = 0; cut + 1 < len; cut++) {
    g_autofree char *line = g_strndup(STATE_LINE, cut);
    assert_false(la_trace_line_read(line, &event));
  }
  assert_true(event.time == 77);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_change_of_state),
      cmocka_unit_test(ipv6_takes_its_own_fields),
      cmocka_unit_test(a_reset),
      cmocka_unit_test(other_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
