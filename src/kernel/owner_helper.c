/* Theory of operation.
 *
 * Reading whose socket it is needs rights over all processes; reading packets from strangers wants a process without any. So there are
 * two: the helper is forked before rights are dropped, sees no packet, and understands one question. It closes whatever it inherits but
 * its end of a socket pair, becomes `nobody`, keeps two capabilities, can gain none, and asks the kernel to refuse it every call
 * that does not read files or answer: no network, no new process, no file opened for writing. (Landlock would hold it to /proc, but
 * whoever is under it may not look at processes outside of it, capability or not, and so could not do its work.)
 *
 * Questions and answers are datagrams that keep their order (SOCK_SEQPACKET), in parts of at most PART sockets; the last part is
 * marked, and then the helper reads /proc once for all. Each question has a number, which its answers repeat: what comes after the
 * asker has lost patience is thrown away. The asker never blocks: it sends and takes as the socket allows, until its time is over.
 *
 * The helper ends at the end of the socket pair, whatever happened to the other side, or by the kernel's hand when its parent dies. It
 * lets SIGINT and its like pass, which a terminal sends to both. */
#include "kernel/owner_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

enum {
  PART = 512,
  SOCKETS_MAX = 4194304,
  NOBODY = 65534,
};

typedef struct {
  uint32_t number; /* of the question, from 1 */
  uint32_t count;  /* of inodes, at most PART */
  uint32_t last;   /* 1: the question is complete */
  uint32_t inodes[PART];
} Question;

typedef struct {
  uint32_t number; /* of the question */
  uint32_t first;  /* which of its sockets come first here */
  uint32_t count;
  LaOwnerScan scan;
  LaOwner owners[PART];
} Answer;

struct LaOwnerHelper {
  int fd; /* -1 once it has ended */
  pid_t pid;
  uint32_t number; /* of the last question */
  Question question;
  Answer answer;
};

/* ---- the helper ---- */

static bool drop_rights(void)
{
  enum {
    KEPT = 1u << CAP_SYS_PTRACE | 1u << CAP_DAC_READ_SEARCH
  };
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct have[2] = {0};
  if (syscall(SYS_capget, &head, have) != 0)
    return false;
  /* Another user only where that may be: without root it is nobody's secrets that it can read. */
  if ((have[0].effective & 1u << CAP_SETUID) != 0 && (have[0].effective & 1u << CAP_SETGID) != 0) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0)
      return false;
  }
  uint32_t kept = have[0].permitted & KEPT;
  struct __user_cap_data_struct want[2] = {{.effective = kept, .permitted = kept}};
  return syscall(SYS_capset, &head, want) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Only reading of files, memory for itself, and the socket. A system without such filters goes without. */
static bool filter_calls(void)
{
  static const char *const allowed[] = {
      "read",
      "pread64",
      "close",
      "fstat",
      "fstat64",
      "newfstatat",
      "fstatat64",
      "statx",
      "getdents",
      "getdents64",
      "readlink",
      "readlinkat",
      "lseek",
      "_llseek",
      "fcntl",
      "fcntl64",
      "recvfrom",
      "sendto",
      "recvmsg",
      "sendmsg",
      "recv",
      "send",
      "poll",
      "ppoll",
      "clock_gettime",
      "clock_gettime64",
      "gettimeofday",
      "time",
      "brk",
      "mmap",
      "mmap2",
      "munmap",
      "mremap",
      "madvise",
      "mprotect",
      "rt_sigprocmask",
      "rt_sigreturn",
      "sigreturn",
      "futex",
      "getpid",
      "gettid",
      "sched_yield",
      "exit",
      "exit_group",
      "restart_syscall",
  };
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == NULL)
    return false;
  bool ok = true;
  for (size_t i = 0; i < G_N_ELEMENTS(allowed) && ok; i++) {
    int number = seccomp_syscall_resolve_name(allowed[i]);
    ok = number == __NR_SCMP_ERROR || seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) == 0;
  }
  ok = ok &&
       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                        SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY)) == 0 &&
       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                        SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY)) == 0;
  int loaded = ok ? seccomp_load(filter) : -EINVAL;
  seccomp_release(filter);
  return loaded == 0 || loaded == -EINVAL || loaded == -ENOSYS;
}

static bool answer_all(int fd, uint32_t number, const GArray *owners, const LaOwnerScan *scan, Answer *answer)
{
  uint32_t first = 0;
  do {
    uint32_t count = MIN(owners->len - first, PART);
    *answer = (Answer){.number = number, .first = first, .count = count, .scan = *scan};
    if (count > 0)
      memcpy(answer->owners, owners->data + (size_t)first * sizeof(LaOwner), count * sizeof(LaOwner));
    size_t size = offsetof(Answer, owners) + count * sizeof(LaOwner);
    ssize_t sent;
    do {
      sent = send(fd, answer, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
      return false;
    first += count;
  } while (first < owners->len);
  return true;
}

/* Until the other end is closed. */
static void serve(int fd)
{
  g_autofree Question *question = g_new0(Question, 1);
  g_autofree Answer *answer = g_new0(Answer, 1);
  g_autoptr(GArray) owners = g_array_new(FALSE, FALSE, sizeof(LaOwner));
  uint32_t number = 0;
  for (;;) {
    ssize_t got = recv(fd, question, sizeof *question, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < (ssize_t)offsetof(Question, inodes) || question->count > PART ||
        got < (ssize_t)(offsetof(Question, inodes) + question->count * sizeof(uint32_t)))
      return;
    if (question->number != number)
      g_array_set_size(owners, 0);
    number = question->number;
    for (uint32_t i = 0; i < question->count && owners->len < SOCKETS_MAX; i++) {
      LaOwner owner = {.inode = question->inodes[i]};
      g_array_append_val(owners, owner);
    }
    if (question->last == 0)
      continue;
    LaOwnerScan scan = la_owner_find((LaOwner *)(void *)owners->data, owners->len);
    if (!answer_all(fd, number, owners, &scan, answer))
      return;
    g_array_set_size(owners, 0);
  }
}

/* Nothing of the parent's is held: a capture file, a pipe whose reader waits for its end. Where the kernel has no close_range the
 * helper is started before anything but the standard descriptors is open. */
static int keep_only(int fd)
{
  int null = open("/dev/null", O_RDWR);
  if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
    return -1;
  if (fd != 3 && dup2(fd, 3) < 0)
    return -1;
#ifdef SYS_close_range
  syscall(SYS_close_range, 4u, ~0u, 0u);
#endif
  return 3;
}

static void ignore_signals(void)
{
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTSTP};
  for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
    signal(numbers[i], SIG_IGN);
}

static void run(int fd, pid_t parent)
{
  ignore_signals();
  prctl(PR_SET_NAME, "lastack-owner", 0, 0, 0);
  fd = keep_only(fd);
  if (fd < 0 || !drop_rights())
    return;
  /* After the change of user, which takes it away. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent || !filter_calls())
    return;
  serve(fd);
}

/* ---- the asker ---- */

LaOwnerHelper *la_owner_helper_start(GError **error)
{
  int pair[2];
  pid_t parent = getpid();
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot start the helper that finds owners: %s", g_strerror(errno));
    return NULL;
  }
  pid_t pid = fork();
  if (pid == 0) {
    close(pair[0]);
    run(pair[1], parent);
    _exit(0); /* lint-allow calls: the helper is a process of its own, and this is its end */
  }
  close(pair[1]);
  if (pid < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot start the helper that finds owners: %s", g_strerror(errno));
    close(pair[0]);
    return NULL;
  }
  LaOwnerHelper *helper = g_new0(LaOwnerHelper, 1);
  helper->fd = pair[0];
  helper->pid = pid;
  return helper;
}

static void end(LaOwnerHelper *helper)
{
  if (helper->fd < 0)
    return;
  close(helper->fd);
  helper->fd = -1;
}

void la_owner_helper_free(LaOwnerHelper *helper)
{
  if (helper == NULL)
    return;
  end(helper);
  /* It may be in the middle of a search; there is nothing in it that could be cut in half. Not ours any more (a change of user)? Then
   * it ends by itself. */
  kill(helper->pid, SIGKILL);
  while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  g_free(helper);
}

pid_t la_owner_helper_pid(const LaOwnerHelper *helper)
{
  return helper->pid;
}

/* One call of la_owner_helper_find. */
typedef struct {
  LaOwner *found; /* a copy: all or nothing */
  uint32_t count;
  uint32_t sent;
  bool asked; /* completely */
  uint32_t received;
  bool answered;
  LaOwnerScan scan;
} Exchange;

static bool failed_for_good(ssize_t result)
{
  return result == 0 || (result < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* False when the helper has ended. */
static bool send_part(LaOwnerHelper *helper, Exchange *exchange)
{
  Question *question = &helper->question;
  question->number = helper->number;
  question->count = MIN(exchange->count - exchange->sent, PART);
  question->last = exchange->sent + question->count == exchange->count;
  for (uint32_t i = 0; i < question->count; i++)
    question->inodes[i] = exchange->found[exchange->sent + i].inode;
  ssize_t sent =
      send(helper->fd, question, offsetof(Question, inodes) + question->count * sizeof(uint32_t), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) {
    exchange->sent += question->count;
    exchange->asked = question->last != 0;
  }
  return !failed_for_good(sent);
}

/* False when the helper has ended, or talks nonsense. */
static bool take_part(LaOwnerHelper *helper, Exchange *exchange)
{
  const Answer *answer = &helper->answer;
  ssize_t got = recv(helper->fd, &helper->answer, sizeof helper->answer, MSG_DONTWAIT);
  if (failed_for_good(got))
    return false;
  if (got < 0)
    return true;
  if (got < (ssize_t)offsetof(Answer, owners))
    return false;
  if (answer->number != helper->number)
    return true;
  if (answer->count > PART || got < (ssize_t)(offsetof(Answer, owners) + answer->count * sizeof(LaOwner)) ||
      answer->first != exchange->received || answer->count > exchange->count - exchange->received)
    return false;
  for (uint32_t i = 0; i < answer->count; i++) {
    LaOwner *owner = &exchange->found[answer->first + i];
    uint32_t inode = owner->inode;
    *owner = answer->owners[i];
    owner->inode = inode;
    owner->command[LA_OWNER_COMMAND_MAX - 1] = '\0';
  }
  exchange->received += answer->count;
  exchange->scan = answer->scan;
  exchange->answered = exchange->received == exchange->count;
  return true;
}

bool la_owner_helper_find(LaOwnerHelper *helper, LaOwner *owners, size_t count, int timeout_ms, LaOwnerScan *ret_scan)
{
  if (helper->fd < 0 || count > SOCKETS_MAX)
    return false;
  g_autofree LaOwner *found = g_memdup2(owners, count * sizeof *owners);
  Exchange exchange = {.found = found, .count = (uint32_t)count, .answered = count == 0};
  helper->number++;
  LaTime until = la_clock_monotonic() + timeout_ms * LA_MSEC;
  while (!exchange.answered) {
    LaTime left = until - la_clock_monotonic();
    struct pollfd ready = {.fd = helper->fd, .events = (short)(POLLIN | (exchange.asked ? 0 : POLLOUT))};
    if (left < 0)
      return false;
    int result = poll(&ready, 1, (int)(left / LA_MSEC));
    if (result < 0 && errno != EINTR)
      return false;
    if (result <= 0)
      continue;
    bool ok = true;
    if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
      ok = take_part(helper, &exchange);
    if (ok && !exchange.asked && (ready.revents & POLLOUT) != 0)
      ok = send_part(helper, &exchange);
    if (!ok) {
      end(helper);
      return false;
    }
  }
  if (count > 0)
    memcpy(owners, found, count * sizeof *owners);
  if (ret_scan != NULL)
    *ret_scan = exchange.scan;
  return true;
}
