#include "kernel/socket.h"

#include <assert.h>
#include <netinet/tcp.h>

static const char *const names[] = {
    [LA_SOCKET_CLOSED] = "CLOSED",           [LA_SOCKET_LISTEN] = "LISTEN",
    [LA_SOCKET_SYN_SENT] = "SYN_SENT",       [LA_SOCKET_SYN_RECEIVED] = "SYN_RECEIVED",
    [LA_SOCKET_ESTABLISHED] = "ESTABLISHED", [LA_SOCKET_FIN_WAIT_1] = "FIN_WAIT_1",
    [LA_SOCKET_FIN_WAIT_2] = "FIN_WAIT_2",   [LA_SOCKET_CLOSE_WAIT] = "CLOSE_WAIT",
    [LA_SOCKET_CLOSING] = "CLOSING",         [LA_SOCKET_LAST_ACK] = "LAST_ACK",
    [LA_SOCKET_TIME_WAIT] = "TIME_WAIT",
};
static_assert(G_N_ELEMENTS(names) == LA_SOCKET_STATE_N, "a name for each state");

const char *la_socket_state_name(LaSocketState state)
{
  return names[state];
}

/* The kernel's numbers are of its user interface; 12 (a request, TCP_NEW_SYN_RECV) has no name there. */
bool la_socket_state_from_kernel(unsigned number, LaSocketState *ret_state)
{
  static const uint8_t states[] = {
      [TCP_ESTABLISHED] = LA_SOCKET_ESTABLISHED,
      [TCP_SYN_SENT] = LA_SOCKET_SYN_SENT,
      [TCP_SYN_RECV] = LA_SOCKET_SYN_RECEIVED,
      [TCP_FIN_WAIT1] = LA_SOCKET_FIN_WAIT_1,
      [TCP_FIN_WAIT2] = LA_SOCKET_FIN_WAIT_2,
      [TCP_TIME_WAIT] = LA_SOCKET_TIME_WAIT,
      [TCP_CLOSE] = LA_SOCKET_CLOSED,
      [TCP_CLOSE_WAIT] = LA_SOCKET_CLOSE_WAIT,
      [TCP_LAST_ACK] = LA_SOCKET_LAST_ACK,
      [TCP_LISTEN] = LA_SOCKET_LISTEN,
      [TCP_CLOSING] = LA_SOCKET_CLOSING,
      [12] = LA_SOCKET_SYN_RECEIVED,
  };
  if (number < TCP_ESTABLISHED || number >= G_N_ELEMENTS(states))
    return false;
  *ret_state = states[number];
  return true;
}

const LaHostPort *la_socket_listener(GHashTable *listeners, const LaHostPort *local)
{
  const LaHostPort candidates[] = {
      *local,
      {.port = local->port, .family = local->family},
      {.port = local->port, .family = LA_FAMILY_IPV6},
  };
  for (unsigned i = 0; i < G_N_ELEMENTS(candidates); i++) {
    const LaHostPort *found = g_hash_table_lookup(listeners, &candidates[i]);
    if (found != NULL)
      return found;
  }
  return NULL;
}
