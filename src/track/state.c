#include "track/state.h"

#include <assert.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const state_names[] = {"CLOSED",     "LISTEN",     "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
                                          "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK",     "TIME_WAIT"};
static_assert(COUNT(state_names) == LA_TCP_STATE_N, "a name for each state");

static const char *const roles_names[] = {"syn", "syn-ack", "port", "first-packet", "kernel"};
static_assert(COUNT(roles_names) == LA_ROLES_N, "a name for each source of roles");

static const char *const handshake_names[] = {"complete",  "unanswered",        "refused",      "unreachable", "syn-received",
                                              "abandoned", "final-ack-dropped", "simultaneous", "unseen",      "undetermined"};
static_assert(COUNT(handshake_names) == LA_HANDSHAKE_N, "a name for each result");

static const char *const teardown_names[] = {"fin", "fin-unconfirmed", "half-closed", "fin-rst",
                                             "rst", "vanished",        "open",        "none"};
static_assert(COUNT(teardown_names) == LA_TEARDOWN_N, "a name for each result");

static const char *const ended_names[] = {"closed", "reset", "failed", "idle", "capture-end", "evicted", "gone"};
static_assert(COUNT(ended_names) == LA_ENDED_N, "a name for each end");

static const char *const app_names[] = {NULL, "ECONNRESET", "ECONNREFUSED", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH"};
static_assert(COUNT(app_names) == LA_APP_N, "a name for each error");

static const char *const side_names[] = {"client", "server"};
static_assert(COUNT(side_names) == LA_SIDE_N, "a name for each side");

const char *la_tcp_state_name(LaTcpState state)
{
  return state_names[state];
}

const char *la_roles_from_name(LaRolesFrom roles)
{
  return roles_names[roles];
}

const char *la_handshake_result_name(LaHandshakeResult value)
{
  return handshake_names[value];
}

const char *la_teardown_result_name(LaTeardownResult value)
{
  return teardown_names[value];
}

const char *la_ended_by_name(LaEndedBy value)
{
  return ended_names[value];
}

const char *la_app_error_name(LaAppError value)
{
  return app_names[value];
}

const char *la_side_name(LaSide side)
{
  return side_names[side];
}
