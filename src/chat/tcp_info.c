#include "chat/tcp_info.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "chat/address.h"

/* linux/sockios.h defines it so; that header cannot stand beside netinet/tcp.h everywhere. */
#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ
#endif

/* In RFC 9293's words; the numbers are Linux's. */
static const char *state_name(unsigned state)
{
  static const char *const names[] = {"?",         "ESTABLISHED", "SYN_SENT",   "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2",
                                      "TIME_WAIT", "CLOSED",      "CLOSE_WAIT", "LAST_ACK",     "LISTEN",     "CLOSING"};
  return names[state < G_N_ELEMENTS(names) ? state : 0];
}

static int option_of(int fd, int level, int option)
{
  int value = 0;
  socklen_t len = sizeof value;
  return getsockopt(fd, level, option, &value, &len) == 0 ? value : -1;
}

static void append_tcp(GString *out, const struct tcp_info *info)
{
  g_string_append_printf(out, "state %s, round trip %u us (varies by %u us), RTO %u us\n", state_name(info->tcpi_state),
                         info->tcpi_rtt, info->tcpi_rttvar, info->tcpi_rto);
  g_string_append_printf(out, "mss %u sent, %u received, path MTU %u, congestion window %u segments\n", info->tcpi_snd_mss,
                         info->tcpi_rcv_mss, info->tcpi_pmtu, info->tcpi_snd_cwnd);
  g_string_append_printf(out, "segments not acknowledged %u, lost %u, retransmitted %u in all; timer retries %u, probes %u\n",
                         info->tcpi_unacked, info->tcpi_lost, info->tcpi_total_retrans, (unsigned)info->tcpi_retransmits,
                         (unsigned)info->tcpi_probes);
  g_string_append_printf(out, "last data sent %u ms ago, received %u ms ago, last ACK received %u ms ago\n",
                         info->tcpi_last_data_sent, info->tcpi_last_data_recv, info->tcpi_last_ack_recv);
  unsigned options = info->tcpi_options;
  g_string_append_printf(out, "options%s%s%s%s\n", (options & TCPI_OPT_TIMESTAMPS) != 0 ? " timestamps" : "",
                         (options & TCPI_OPT_SACK) != 0 ? " sack" : "", (options & TCPI_OPT_WSCALE) != 0 ? " window-scale" : "",
                         (options & TCPI_OPT_ECN) != 0 ? " ecn" : "");
}

void la_chat_tcp_info_append(GString *out, int fd)
{
  LaChatAddress local, peer;
  char text[LA_HOST_PORT_TEXT_MAX];
  g_string_append_printf(out, "local %s",
                         la_chat_address_of(fd, LA_CHAT_END_LOCAL, &local) ? la_chat_address_format(&local, text) : "unknown");
  g_string_append_printf(out, ", peer %s\n",
                         la_chat_address_of(fd, LA_CHAT_END_PEER, &peer) ? la_chat_address_format(&peer, text) : "unknown");
  int unread = 0, unsent = 0;
  if (ioctl(fd, FIONREAD, &unread) == 0 && ioctl(fd, SIOCOUTQ, &unsent) == 0)
    g_string_append_printf(out, "waiting to be read %d bytes, sent and not acknowledged or not sent %d bytes\n", unread,
                           unsent);
  g_string_append_printf(out, "buffers: receive %d, send %d bytes\n", option_of(fd, SOL_SOCKET, SO_RCVBUF),
                         option_of(fd, SOL_SOCKET, SO_SNDBUF));
  g_string_append_printf(out, "TCP_NODELAY %s, keep-alive %s (%d s, every %d s, %d times)\n",
                         option_of(fd, IPPROTO_TCP, TCP_NODELAY) > 0 ? "on" : "off",
                         option_of(fd, SOL_SOCKET, SO_KEEPALIVE) > 0 ? "on" : "off", option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE),
                         option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), option_of(fd, IPPROTO_TCP, TCP_KEEPCNT));
  struct tcp_info info = {0};
  socklen_t len = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
    append_tcp(out, &info);
}
