/* Theory of operation.
 *
 * A netlink socket belongs to the namespace in which it was made and asks that one for ever, so a thread can watch many namespaces
 * without moving between them. A dump is one question for each address family and as many answers as there are sockets, in datagrams
 * of up to 32 KiB, ended by NLMSG_DONE. IPv6 sockets that speak IPv4 come with mapped addresses, in the answer to the IPv6 question;
 * they are given as what they are on the wire, IPv4.
 *
 * The mask of states has a bit for requests (12), which are not among the states of the user interface, and none for 13: sockets that
 * are bound and do nothing. */
#include "kernel/inet_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "kernel/netns.h"
#include "kernel/sock_diag_message.h"

/* linux/sock_diag.h of older systems ends before it. */
#ifndef SOCK_DESTROY
#define SOCK_DESTROY 21
#endif

enum {
  BUFFER = 64 * 1024, /* more than the kernel puts into one datagram */
  ATTEMPTS = 3,
  STATES_ALL = 0x1fff & ~(1 << TCP_CLOSE),
  ANSWER_SECONDS = 10,
};

struct LaInetDiag {
  int fd;
  uint32_t sequence;
  uint8_t *buffer;
};

typedef struct {
  uint8_t family;
  LaInetDiagDetail detail;
} Question;

typedef enum {
  MORE,
  DONE,
  AGAIN, /* the table changed under the kernel's hands */
  FAILED,
} Progress;

static bool fail(GError **error, const char *what, int code)
{
  g_set_error(error, LA_ERROR, code == EPERM || code == EACCES || code == ENOENT ? LA_ERROR_PERMISSION : LA_ERROR_INTERNAL,
              "socket diagnostics: %s: %s", what, g_strerror(code));
  return false;
}

LaInetDiag *la_inet_diag_open(GError **error)
{
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "this kernel has no socket diagnostics: %s", g_strerror(errno));
    return NULL;
  }
  /* A kernel that does not answer must not hold anybody for ever. */
  struct timeval limit = {.tv_sec = ANSWER_SECONDS};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  LaInetDiag *diag = g_new0(LaInetDiag, 1);
  diag->fd = fd;
  diag->buffer = g_malloc(BUFFER);
  return diag;
}

LaInetDiag *la_inet_diag_open_netns(int netns, GError **error)
{
  int home = la_netns_open_current(error);
  if (home < 0)
    return NULL;
  LaInetDiag *diag = NULL;
  if (la_netns_enter(netns, error)) {
    diag = la_inet_diag_open(error);
    if (!la_netns_enter(home, diag != NULL ? error : NULL)) {
      la_inet_diag_free(diag);
      diag = NULL;
    }
  }
  close(home);
  return diag;
}

void la_inet_diag_free(LaInetDiag *diag)
{
  if (diag == NULL)
    return;
  close(diag->fd);
  g_free(diag->buffer);
  g_free(diag);
}

static bool ask(LaInetDiag *diag, const Question *question, GError **error)
{
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
  } request = {.head = {.nlmsg_len = sizeof request,
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                        .nlmsg_seq = ++diag->sequence},
               .body = {.sdiag_family = question->family,
                        .sdiag_protocol = IPPROTO_TCP,
                        .idiag_ext = question->detail == LA_INET_DIAG_INFO ? 1 << (INET_DIAG_INFO - 1) : 0,
                        .idiag_states = STATES_ALL}};
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do {
    sent = sendto(diag->fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  return sent == (ssize_t)sizeof request || fail(error, "cannot ask", sent < 0 ? errno : EIO);
}

/* ::ffff:a.b.c.d is the IPv4 address a.b.c.d. */
static void unmap(LaHostPort *end)
{
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  if (end->family != LA_FAMILY_IPV6 || memcmp(end->addr.bytes, mapped, sizeof mapped) != 0)
    return;
  LaHostPort plain = {.port = end->port, .family = LA_FAMILY_IPV4};
  memcpy(plain.addr.bytes, end->addr.bytes + 12, 4);
  *end = plain;
}

static void add_socket(const uint8_t *data, size_t len, GArray *sockets)
{
  LaSocket socket;
  if (!la_sock_diag_message_read(data, len, &socket))
    return;
  unmap(&socket.local);
  unmap(&socket.remote);
  g_array_append_val(sockets, socket);
}

/* One datagram of the kernel's answer. */
static Progress take_datagram(LaInetDiag *diag, size_t len, GArray *sockets, GError **error)
{
  size_t at = 0;
  while (len - at >= sizeof(struct nlmsghdr)) {
    struct nlmsghdr head;
    memcpy(&head, diag->buffer + at, sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > len - at)
      break;
    const uint8_t *payload = diag->buffer + at + sizeof head;
    size_t size = head.nlmsg_len - sizeof head;
    if (head.nlmsg_seq == diag->sequence) { /* others answer a question that was given up */
      if (head.nlmsg_flags & NLM_F_DUMP_INTR)
        return AGAIN;
      if (head.nlmsg_type == NLMSG_DONE)
        return DONE;
      if (head.nlmsg_type == NLMSG_ERROR) {
        int code = EIO;
        if (size >= sizeof code)
          memcpy(&code, payload, sizeof code);
        fail(error, "the kernel refuses", code < 0 ? -code : EIO);
        return FAILED;
      }
      add_socket(payload, size, sockets);
    }
    size_t step = NLMSG_ALIGN((size_t)head.nlmsg_len);
    if (step >= len - at)
      break;
    at += step;
  }
  return MORE;
}

static Progress take_answers(LaInetDiag *diag, GArray *sockets, GError **error)
{
  for (;;) {
    struct sockaddr_nl from = {0};
    socklen_t from_len = sizeof from;
    ssize_t got = recvfrom(diag->fd, diag->buffer, BUFFER, MSG_TRUNC, (struct sockaddr *)&from, &from_len);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || got > BUFFER) {
      fail(error, "no answer", got < 0 ? errno : EMSGSIZE);
      return FAILED;
    }
    if (from.nl_pid != 0) /* only the kernel is believed */
      continue;
    Progress progress = take_datagram(diag, (size_t)got, sockets, error);
    if (progress != MORE)
      return progress;
  }
}

static bool dump_family(LaInetDiag *diag, const Question *question, GArray *sockets, GError **error)
{
  guint before = sockets->len;
  for (unsigned attempt = 0;; attempt++) {
    if (!ask(diag, question, error))
      return false;
    Progress progress = take_answers(diag, sockets, error);
    if (progress == DONE)
      return true;
    if (progress == AGAIN && attempt + 1 < ATTEMPTS) {
      g_array_set_size(sockets, before);
      continue;
    }
    if (progress == AGAIN) /* a busy machine: what came is what there is */
      return true;
    g_array_set_size(sockets, before);
    return false;
  }
}

bool la_inet_diag_dump(LaInetDiag *diag, LaInetDiagDetail detail, GArray *sockets, GError **error)
{
  guint before = sockets->len;
  Question question = {.family = AF_INET, .detail = detail};
  if (!dump_family(diag, &question, sockets, error))
    return false;
  /* A kernel without IPv6 has no handler for it. */
  g_autoptr(GError) wrong = NULL;
  question.family = AF_INET6;
  if (dump_family(diag, &question, sockets, &wrong) || g_error_matches(wrong, LA_ERROR, LA_ERROR_PERMISSION))
    return true;
  g_array_set_size(sockets, before);
  g_propagate_error(error, g_steal_pointer(&wrong));
  return false;
}

static void destroy(LaInetDiag *diag, const LaSocket *one)
{
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
  } request = {.head = {.nlmsg_len = sizeof request,
                        .nlmsg_type = SOCK_DESTROY,
                        .nlmsg_flags = NLM_F_REQUEST,
                        .nlmsg_seq = ++diag->sequence},
               .body = {.sdiag_family = one->local.family == LA_FAMILY_IPV4 ? AF_INET : AF_INET6,
                        .sdiag_protocol = IPPROTO_TCP,
                        .idiag_states = STATES_ALL}};
  struct inet_diag_sockid *id = &request.body.id;
  id->idiag_sport = htons(one->local.port);
  id->idiag_dport = htons(one->remote.port);
  id->idiag_if = one->interface;
  id->idiag_cookie[0] = (uint32_t)one->cookie;
  id->idiag_cookie[1] = (uint32_t)(one->cookie >> 32);
  memcpy(id->idiag_src, one->local.addr.bytes, sizeof id->idiag_src);
  memcpy(id->idiag_dst, one->remote.addr.bytes, sizeof id->idiag_dst);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  sendto(diag->fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel);
}

void la_inet_diag_destroy_all(LaInetDiag *diag)
{
  g_autoptr(GArray) sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket));
  if (!la_inet_diag_dump(diag, LA_INET_DIAG_PLAIN, sockets, NULL))
    return;
  for (guint i = 0; i < sockets->len; i++) {
    const LaSocket *one = &g_array_index(sockets, LaSocket, i);
    if (one->kind == LA_SOCKET_FULL && one->state != LA_SOCKET_LISTEN)
      destroy(diag, one);
  }
}
