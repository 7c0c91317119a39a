/* Theory of operation.
 *
 * An answer is a fixed structure and then attributes, each with its length. The structure does not say whether it speaks of a
 * socket, of a request or of a timewait: a timewait has timer 3, and only a full socket has the attribute that tells which directions
 * were shut down. The message of a destroyed socket has the same form. Structures are copied out of the bytes: the kernel aligns them
 * to 4, our compiler may want 8. */
#include "kernel/sock_diag_message.h"

#include <arpa/inet.h>
#include <glib.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* linux/inet_diag.h of older systems ends before it. */
enum {
  DIAG_CGROUP_ID = 21,
  TIMER_TIMEWAIT = 3,
};

static void read_end(const __be32 words[4], __be16 port, LaFamily family, LaHostPort *ret_end)
{
  *ret_end = (LaHostPort){.port = ntohs(port), .family = (uint8_t)family};
  memcpy(ret_end->addr.bytes, words, family == LA_FAMILY_IPV4 ? 4 : 16);
}

static LaSocketTimer read_timer(unsigned number)
{
  static const uint8_t timers[] = {LA_SOCKET_TIMER_NONE, LA_SOCKET_TIMER_RETRANSMIT, LA_SOCKET_TIMER_KEEPALIVE,
                                   LA_SOCKET_TIMER_TIMEWAIT, LA_SOCKET_TIMER_PROBE};
  return number < G_N_ELEMENTS(timers) ? timers[number] : LA_SOCKET_TIMER_NONE;
}

/* tcp_info grew with the kernel's versions: what this kernel does not give stays zero. */
static void read_info(const uint8_t *data, size_t len, LaSocket *socket)
{
  struct tcp_info info = {0};
  memcpy(&info, data, MIN(len, sizeof info));
  socket->has_info = true;
  socket->info = (LaSocketInfo){.rtt = (LaTime)info.tcpi_rtt * LA_USEC,
                                .since_data_sent = (LaTime)info.tcpi_last_data_sent * LA_MSEC,
                                .since_data_received = (LaTime)info.tcpi_last_data_recv * LA_MSEC,
                                .since_ack_received = (LaTime)info.tcpi_last_ack_recv * LA_MSEC,
                                .bytes_acked = info.tcpi_bytes_acked,
                                .bytes_received = info.tcpi_bytes_received,
                                .unacked = info.tcpi_unacked,
                                .retransmits = info.tcpi_total_retrans};
}

/* Returns whether there was the attribute that only full sockets have. */
static bool read_attributes(const uint8_t *data, size_t len, LaSocket *socket)
{
  bool full = false;
  while (len >= sizeof(struct rtattr)) {
    struct rtattr head;
    memcpy(&head, data, sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > len)
      break;
    const uint8_t *payload = data + sizeof head;
    size_t size = head.rta_len - sizeof head;
    if (head.rta_type == INET_DIAG_SHUTDOWN) {
      full = true;
    } else if (head.rta_type == INET_DIAG_INFO) {
      read_info(payload, size, socket);
    } else if (head.rta_type == DIAG_CGROUP_ID && size >= sizeof socket->cgroup) {
      memcpy(&socket->cgroup, payload, sizeof socket->cgroup);
      socket->has_cgroup = true;
    }
    size_t step = RTA_ALIGN((size_t)head.rta_len);
    if (step > len)
      break;
    data += step;
    len -= step;
  }
  return full;
}

bool la_sock_diag_message_read(const void *data, size_t len, LaSocket *ret_socket)
{
  struct inet_diag_msg message;
  LaSocketState state;
  if (len < sizeof message)
    return false;
  memcpy(&message, data, sizeof message);
  if ((message.idiag_family != AF_INET && message.idiag_family != AF_INET6) ||
      !la_socket_state_from_kernel(message.idiag_state, &state))
    return false;
  LaFamily family = message.idiag_family == AF_INET ? LA_FAMILY_IPV4 : LA_FAMILY_IPV6;
  LaSocket socket = {.state = (uint8_t)state,
                     .timer = (uint8_t)read_timer(message.idiag_timer),
                     .retries = message.idiag_retrans,
                     .uid = message.idiag_uid,
                     .inode = message.idiag_inode,
                     .interface = message.id.idiag_if,
                     .receive_queue = message.idiag_rqueue,
                     .send_queue = message.idiag_wqueue,
                     .timer_left = message.idiag_timer != 0 ? (LaTime)message.idiag_expires * LA_MSEC : 0,
                     .cookie = (uint64_t)message.id.idiag_cookie[1] << 32 | message.id.idiag_cookie[0]};
  read_end(message.id.idiag_src, message.id.idiag_sport, family, &socket.local);
  read_end(message.id.idiag_dst, message.id.idiag_dport, family, &socket.remote);
  bool full = read_attributes((const uint8_t *)data + sizeof message, len - sizeof message, &socket);
  if (message.idiag_timer == TIMER_TIMEWAIT)
    socket.kind = LA_SOCKET_TIMEWAIT;
  else if (!full && state == LA_SOCKET_SYN_RECEIVED)
    socket.kind = LA_SOCKET_REQUEST;
  else
    socket.kind = LA_SOCKET_FULL;
  *ret_socket = socket;
  return true;
}
