/* Theory of operation.
 *
 * All scripts of a process run side by side in one loop. Each is a list of steps and a place in it; a step is tried without waiting and
 * either is done or says what it waits for: a time, or a socket that can be read or written. The loop sleeps until the first of them.
 * So fifty clients are one process, and the same steps serve one connection or three hundred.
 *
 * Every call that is done is reported through a pipe, before the next one begins. What the laboratory must know before the packets of
 * the next call arrive (marks) is therefore in the pipe by then.
 *
 * The process knows nothing of experiments' ends: it lives until it is killed or its parent dies. */
#include "lab/actor.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

typedef enum {
  NEXT,    /* the step is done */
  READING, /* until its socket can be read */
  WRITING,
  SLEEPING,
  FAILED,
} Outcome;

typedef struct {
  const LaLabStep *steps;
  unsigned at;   /* the step */
  unsigned left; /* steps that may still be run: the end of the array */
  int fds[LA_LAB_SOCKETS];
  uint16_t remote_index[LA_LAB_SOCKETS], local_index[LA_LAB_SOCKETS];
  uint16_t bound[LA_LAB_SOCKETS];
  unsigned number;
  LaTime wake;     /* when it sleeps; of the step that runs */
  int64_t done;    /* bytes of the step that runs */
  unsigned rounds; /* of LA_LAB_AGAIN */
  bool next_port;  /* LA_LAB_NEXT_PORT */
  bool begun;      /* the step that runs has been tried before */
  bool over;
  Outcome waits;
} Script;

typedef struct {
  const LaLabActorSetup *setup;
  GPtrArray *scripts; /* of Script (owned) */
  struct pollfd *polls;
  unsigned polls_max;
  LaTime exit_at; /* LA_TIME_MAX: never */
  int exit_code;  /* -1: go on */
} Actor;

LaAddr la_lab_address(const LaAddr *first, LaFamily family, unsigned index)
{
  LaAddr addr = *first;
  uint8_t *last = &addr.bytes[family == LA_FAMILY_IPV6 ? 15 : 3];
  *last = (uint8_t)(*last + index);
  return addr;
}

const char *la_lab_op_name(LaLabOp op)
{
  static const char *const names[] = {
      [LA_LAB_END_OF_STEPS] = "end",
      [LA_LAB_LISTEN] = "listen",
      [LA_LAB_SERVE] = "accept",
      [LA_LAB_ACCEPT] = "accept",
      [LA_LAB_BIND] = "bind",
      [LA_LAB_SET] = "setsockopt",
      [LA_LAB_CONNECT] = "connect",
      [LA_LAB_CONNECT_BEGIN] = "connect-begin",
      [LA_LAB_CONNECT_SEND] = "connect-send",
      [LA_LAB_SEND] = "send",
      [LA_LAB_SEND_BEGIN] = "send",
      [LA_LAB_RECV] = "recv",
      [LA_LAB_RECV_ALL] = "recv",
      [LA_LAB_SHUT] = "shutdown",
      [LA_LAB_CLOSE] = "close",
      [LA_LAB_ABORT] = "close-linger0",
      [LA_LAB_SLEEP] = "sleep",
      [LA_LAB_AT] = "sleep",
      [LA_LAB_MARK] = "mark",
      [LA_LAB_AGAIN] = "again",
      [LA_LAB_EXIT] = "exit",
      [LA_LAB_EXIT_LATER] = "exit-later",
      [LA_LAB_KILL] = "kill",
  };
  static_assert(G_N_ELEMENTS(names) == LA_LAB_STEP_N, "a word for each step");
  return names[op];
}

unsigned la_lab_actor_ports(const LaLabActor *actor)
{
  unsigned rounds = 1;
  for (unsigned i = 0; i < LA_LAB_STEPS; i++) {
    if (actor->steps[i].op == LA_LAB_AGAIN)
      rounds = (unsigned)actor->steps[i].n;
  }
  return rounds * MAX(actor->times, 1u);
}

static socklen_t to_sockaddr(const LaHostPort *end, struct sockaddr_storage *ret_name)
{
  memset(ret_name, 0, sizeof *ret_name);
  if (end->family == LA_FAMILY_IPV6) {
    struct sockaddr_in6 *name = (struct sockaddr_in6 *)ret_name;
    name->sin6_family = AF_INET6;
    name->sin6_port = htons(end->port);
    memcpy(&name->sin6_addr, end->addr.bytes, 16);
    return sizeof *name;
  }
  struct sockaddr_in *name = (struct sockaddr_in *)ret_name;
  name->sin_family = AF_INET;
  name->sin_port = htons(end->port);
  memcpy(&name->sin_addr, end->addr.bytes, 4);
  return sizeof *name;
}

static void from_sockaddr(const struct sockaddr_storage *name, LaHostPort *ret_end)
{
  *ret_end = (LaHostPort){.family = name->ss_family == AF_INET6 ? LA_FAMILY_IPV6 : LA_FAMILY_IPV4};
  if (name->ss_family == AF_INET6) {
    ret_end->port = ntohs(((const struct sockaddr_in6 *)name)->sin6_port);
    memcpy(ret_end->addr.bytes, &((const struct sockaddr_in6 *)name)->sin6_addr, 16);
  } else if (name->ss_family == AF_INET) {
    ret_end->port = ntohs(((const struct sockaddr_in *)name)->sin_port);
    memcpy(ret_end->addr.bytes, &((const struct sockaddr_in *)name)->sin_addr, 4);
  }
}

static void report(const Actor *actor, const Script *script, const LaLabStep *step, int64_t n, int code)
{
  struct sockaddr_storage name;
  socklen_t len = sizeof name;
  LaLabReport out = {.time = la_clock_monotonic(),
                     .n = n,
                     .code = code,
                     .actor = (uint16_t)actor->setup->number,
                     .script = (uint16_t)script->number,
                     .port = step->port,
                     .op = step->op};
  int fd = script->fds[step->sock];
  if (fd >= 0 && getsockname(fd, (struct sockaddr *)&name, &len) == 0)
    from_sockaddr(&name, &out.local);
  len = sizeof name;
  if (fd >= 0 && getpeername(fd, (struct sockaddr *)&name, &len) == 0)
    from_sockaddr(&name, &out.remote);
  out.end_of_stream = (step->op == LA_LAB_RECV || step->op == LA_LAB_RECV_ALL) && code == 0 && n == 0;
  if (write(actor->setup->report_fd, &out, sizeof out) < 0 && errno == EPIPE)
    raise(SIGKILL);
}

static void report_end(const Actor *actor, const Script *script)
{
  LaLabReport out = {
      .time = la_clock_monotonic(), .actor = (uint16_t)actor->setup->number, .script = (uint16_t)script->number, .finished = 1};
  if (write(actor->setup->report_fd, &out, sizeof out) < 0 && errno == EPIPE)
    raise(SIGKILL);
}

static Script *add_script(Actor *actor, const LaLabStep *steps, unsigned left, unsigned number)
{
  Script *script = g_new0(Script, 1);
  script->steps = steps;
  script->left = left;
  script->number = number;
  for (unsigned i = 0; i < LA_LAB_SOCKETS; i++)
    script->fds[i] = -1;
  g_ptr_array_add(actor->scripts, script);
  return script;
}

/* The socket of a slot, made when it is not there. */
static int need_socket(const Actor *actor, Script *script, unsigned slot)
{
  if (script->fds[slot] < 0) {
    int family = actor->setup->family == LA_FAMILY_IPV6 ? AF_INET6 : AF_INET;
    script->fds[slot] = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  }
  return script->fds[slot];
}

static void drop_socket(Script *script, unsigned slot)
{
  if (script->fds[slot] >= 0)
    close(script->fds[slot]);
  script->fds[slot] = -1;
  script->bound[slot] = 0;
}

static int bind_to(const Actor *actor, const Script *script, unsigned slot, unsigned port)
{
  LaLabEnd end = (LaLabEnd)actor->setup->actor->end;
  LaHostPort at = {.addr = la_lab_address(&actor->setup->address[end], actor->setup->family, script->local_index[slot]),
                   .port = (uint16_t)port,
                   .family = (uint8_t)actor->setup->family};
  struct sockaddr_storage name;
  socklen_t len = to_sockaddr(&at, &name);
  return bind(script->fds[slot], (struct sockaddr *)&name, len) == 0 ? 0 : errno;
}

static Outcome fail(const Actor *actor, const Script *script, const LaLabStep *step, int code)
{
  report(actor, script, step, step->n, code);
  return FAILED;
}

static Outcome do_listen(Actor *actor, Script *script, const LaLabStep *step)
{
  int on = 1;
  if (need_socket(actor, script, step->sock) < 0)
    return fail(actor, script, step, errno);
  setsockopt(script->fds[step->sock], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_storage name;
  LaHostPort any = {.port = step->port, .family = (uint8_t)actor->setup->family};
  socklen_t len = to_sockaddr(&any, &name);
  if (bind(script->fds[step->sock], (struct sockaddr *)&name, len) != 0 || listen(script->fds[step->sock], step->n) != 0)
    return fail(actor, script, step, errno);
  report(actor, script, step, step->n, 0);
  return NEXT;
}

/* In a random mix the client's port says what the server does; NULL elsewhere. */
static const LaLabScript *script_for_peer(const Actor *actor, int fd)
{
  struct sockaddr_storage name;
  socklen_t len = sizeof name;
  LaHostPort peer;
  const LaLabActor *plan = actor->setup->actor;
  if (plan->scripts == NULL || getpeername(fd, (struct sockaddr *)&name, &len) != 0)
    return NULL;
  from_sockaddr(&name, &peer);
  unsigned number = (unsigned)peer.port - LA_LAB_FIRST_PORT;
  return number < plan->times ? &plan->scripts[number] : NULL;
}

static Outcome do_serve(Actor *actor, Script *script, const LaLabStep *step)
{
  for (;;) {
    int fd = accept4(script->fds[step->sock], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED ? READING : fail(actor, script, step, errno);
    const LaLabStep *steps = step + 1;
    unsigned left = script->left - script->at - 1;
    const LaLabScript *own = script_for_peer(actor, fd);
    if (own != NULL) {
      steps = own->steps;
      left = LA_LAB_STEPS;
    }
    Script *child = add_script(actor, steps, left, actor->scripts->len);
    child->fds[0] = fd;
    LaLabStep accepted = {.op = LA_LAB_ACCEPT};
    report(actor, child, &accepted, 0, 0);
  }
}

static Outcome do_accept(const Actor *actor, Script *script, const LaLabStep *step)
{
  int fd = accept4(script->fds[LA_LAB_LISTENER], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0)
    return errno == EAGAIN || errno == EWOULDBLOCK ? READING : fail(actor, script, step, errno);
  script->fds[step->sock] = fd;
  report(actor, script, step, 0, 0);
  return NEXT;
}

static Outcome do_set(const Actor *actor, Script *script, const LaLabStep *step)
{
  static const struct {
    int level, name;
  } options[] = {
      [LA_LAB_KEEPALIVE] = {SOL_SOCKET, SO_KEEPALIVE}, [LA_LAB_RCVBUF] = {SOL_SOCKET, SO_RCVBUF},
      [LA_LAB_SNDBUF] = {SOL_SOCKET, SO_SNDBUF},       [LA_LAB_DEFER_ACCEPT] = {IPPROTO_TCP, TCP_DEFER_ACCEPT},
      [LA_LAB_FASTOPEN] = {IPPROTO_TCP, TCP_FASTOPEN}, [LA_LAB_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT},
      [LA_LAB_REPLACE] = {SOL_SOCKET, SO_REUSEADDR},
  };
  if (step->port == LA_LAB_NEXT_PORT) {
    script->next_port = step->n != 0;
    return NEXT;
  }
  if (step->port == LA_LAB_LOCAL || step->port == LA_LAB_REMOTE) {
    uint16_t index = (uint16_t)(step->n >= 0 ? step->n : (int32_t)script->number);
    if (step->port == LA_LAB_LOCAL)
      script->local_index[step->sock] = index;
    else
      script->remote_index[step->sock] = index;
    return NEXT;
  }
  int fd = need_socket(actor, script, step->sock), value = step->n;
  if (fd < 0 || setsockopt(fd, options[step->port].level, options[step->port].name, &value, sizeof value) != 0)
    return fail(actor, script, step, errno);
  return NEXT;
}

/* What connect() is called with; binds first. */
static int begin_connect(const Actor *actor, Script *script, const LaLabStep *step, struct sockaddr_storage *ret_name)
{
  LaLabEnd peer = LA_LAB_OTHER(actor->setup->actor->end);
  if (need_socket(actor, script, step->sock) < 0)
    return errno;
  if (script->bound[step->sock] == 0) {
    unsigned rounds = la_lab_actor_ports(actor->setup->actor) / MAX(actor->setup->actor->times, 1);
    unsigned port = actor->setup->first_port + script->number * rounds + script->rounds + step->sock * 1000u;
    int code = bind_to(actor, script, step->sock, port);
    if (code != 0)
      return code;
    script->bound[step->sock] = 1;
  }
  LaHostPort to = {.addr = la_lab_address(&actor->setup->address[peer], actor->setup->family, script->remote_index[step->sock]),
                   .port = (uint16_t)(step->port + (script->next_port ? script->rounds : 0)),
                   .family = (uint8_t)actor->setup->family};
  to_sockaddr(&to, ret_name);
  return 0;
}

static Outcome do_connect(const Actor *actor, Script *script, const LaLabStep *step)
{
  int code = 0;
  if (!script->begun) {
    struct sockaddr_storage name;
    code = begin_connect(actor, script, step, &name);
    if (code == 0) {
      LaLabStep beginning = {.op = LA_LAB_CONNECT_BEGIN, .sock = step->sock, .port = step->port};
      report(actor, script, &beginning, 0, 0);
      socklen_t len = name.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
      ssize_t done;
      if (step->op == LA_LAB_CONNECT_SEND) {
        g_autofree char *data = g_malloc0((gsize)step->n);
        done =
            sendto(script->fds[step->sock], data, (size_t)step->n, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&name, len);
        script->done = done > 0 ? done : 0;
      } else {
        done = connect(script->fds[step->sock], (struct sockaddr *)&name, len);
      }
      code = done < 0 ? errno : 0;
    }
    if (step->op == LA_LAB_CONNECT_BEGIN)
      return code == 0 || code == EINPROGRESS ? NEXT : fail(actor, script, step, code);
    if (code == EINPROGRESS || (code == 0 && step->op == LA_LAB_CONNECT_SEND))
      return WRITING;
  } else {
    socklen_t len = sizeof code;
    getsockopt(script->fds[step->sock], SOL_SOCKET, SO_ERROR, &code, &len);
  }
  if (code != 0)
    return fail(actor, script, step, code);
  report(actor, script, step, script->done, 0);
  /* Without a cookie the kernel keeps nothing of the data: it is sent now. */
  if (step->op == LA_LAB_CONNECT_SEND && script->done == 0) {
    g_autofree char *data = g_malloc0((gsize)step->n);
    if (send(script->fds[step->sock], data, (size_t)step->n, MSG_NOSIGNAL) < 0)
      return fail(actor, script, step, errno);
  }
  return NEXT;
}

static Outcome do_send(const Actor *actor, Script *script, const LaLabStep *step)
{
  static const char data[4096];
  while (script->done < step->n) {
    size_t len = (size_t)MIN((int64_t)sizeof data, step->n - script->done);
    ssize_t sent = send(script->fds[step->sock], data, len, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (step->op == LA_LAB_SEND)
        return WRITING;
      break;
    }
    if (sent < 0) {
      int code = errno;
      report(actor, script, step, script->done, code);
      return step->op == LA_LAB_SEND ? FAILED : NEXT;
    }
    script->done += sent;
  }
  report(actor, script, step, script->done, 0);
  return NEXT;
}

static Outcome do_recv(const Actor *actor, Script *script, const LaLabStep *step)
{
  char data[4096];
  int64_t want = step->op == LA_LAB_RECV_ALL ? INT64_MAX : step->n;
  while (script->done < want) {
    ssize_t got = recv(script->fds[step->sock], data, (size_t)MIN((int64_t)sizeof data, want - script->done), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return READING;
    if (got < 0) {
      int code = errno;
      return fail(actor, script, step, code);
    }
    if (got == 0) {
      if (script->done > 0)
        report(actor, script, step, script->done, 0);
      report(actor, script, step, 0, 0);
      return NEXT;
    }
    script->done += got;
  }
  report(actor, script, step, script->done, 0);
  return NEXT;
}

static Outcome do_close(const Actor *actor, Script *script, const LaLabStep *step)
{
  if (step->op == LA_LAB_ABORT) {
    struct linger none = {.l_onoff = 1};
    setsockopt(script->fds[step->sock], SOL_SOCKET, SO_LINGER, &none, sizeof none);
  }
  report(actor, script, step, 0, 0);
  if (step->op == LA_LAB_SHUT)
    shutdown(script->fds[step->sock], SHUT_WR);
  else
    drop_socket(script, step->sock);
  return NEXT;
}

static Outcome do_wait(const Actor *actor, Script *script, const LaLabStep *step)
{
  if (!script->begun)
    script->wake = step->op == LA_LAB_AT ? actor->setup->began + (LaTime)step->n * LA_MSEC
                                         : la_clock_monotonic() + (LaTime)step->n * LA_MSEC;
  return la_clock_monotonic() >= script->wake ? NEXT : SLEEPING;
}

static Outcome do_again(Script *script, const LaLabStep *step)
{
  script->rounds++;
  if (script->rounds < (unsigned)step->n) {
    for (unsigned i = 0; i < LA_LAB_SOCKETS; i++)
      script->bound[i] = 0;
    script->at = UINT_MAX; /* the next is the first */
  }
  return NEXT;
}

static Outcome do_bind(const Actor *actor, Script *script, const LaLabStep *step)
{
  if (need_socket(actor, script, step->sock) < 0)
    return fail(actor, script, step, errno);
  int code = bind_to(actor, script, step->sock, step->port);
  if (code != 0)
    return fail(actor, script, step, code);
  script->bound[step->sock] = 1;
  return NEXT;
}

static Outcome do_step(Actor *actor, Script *script, const LaLabStep *step)
{
  switch ((LaLabOp)step->op) {
  case LA_LAB_LISTEN: return do_listen(actor, script, step);
  case LA_LAB_SERVE: return do_serve(actor, script, step);
  case LA_LAB_ACCEPT: return do_accept(actor, script, step);
  case LA_LAB_BIND: return do_bind(actor, script, step);
  case LA_LAB_SET: return do_set(actor, script, step);
  case LA_LAB_CONNECT:
  case LA_LAB_CONNECT_BEGIN:
  case LA_LAB_CONNECT_SEND: return do_connect(actor, script, step);
  case LA_LAB_SEND:
  case LA_LAB_SEND_BEGIN: return do_send(actor, script, step);
  case LA_LAB_RECV:
  case LA_LAB_RECV_ALL: return do_recv(actor, script, step);
  case LA_LAB_SHUT:
  case LA_LAB_CLOSE:
  case LA_LAB_ABORT: return do_close(actor, script, step);
  case LA_LAB_SLEEP:
  case LA_LAB_AT: return do_wait(actor, script, step);
  case LA_LAB_MARK: report(actor, script, step, step->n, 0); return NEXT;
  case LA_LAB_AGAIN: return do_again(script, step);
  case LA_LAB_EXIT:
    report(actor, script, step, 0, 0);
    actor->exit_code = step->n;
    return SLEEPING;
  case LA_LAB_EXIT_LATER: actor->exit_at = actor->setup->began + (LaTime)step->n * LA_MSEC; return NEXT;
  case LA_LAB_KILL:
    report(actor, script, step, 0, 0);
    raise(SIGKILL);
    return SLEEPING;
  default: return FAILED;
  }
}

/* A script with LA_LAB_AGAIN tries again after what failed. */
static const LaLabStep *again_step(const Script *script)
{
  for (unsigned i = script->at; i < script->left; i++) {
    if (script->steps[i].op == LA_LAB_AGAIN)
      return &script->steps[i];
  }
  return NULL;
}

/* Runs a script as far as it goes. */
static void run_script(Actor *actor, Script *script)
{
  while (!script->over && actor->exit_code < 0) {
    if (script->at >= script->left || script->steps[script->at].op == LA_LAB_END_OF_STEPS) {
      script->over = true;
      report_end(actor, script);
      return;
    }
    const LaLabStep *step = &script->steps[script->at];
    Outcome outcome = do_step(actor, script, step);
    if (outcome == FAILED) {
      for (unsigned i = 0; i < LA_LAB_SOCKETS; i++)
        drop_socket(script, i);
      const LaLabStep *again = again_step(script);
      if (again == NULL) {
        script->over = true;
        report_end(actor, script);
        return;
      }
      /* What lies between may be a pause before the next attempt. */
      script->at = (unsigned)(again - script->steps);
      if (script->at > 0 && script->steps[script->at - 1].op == LA_LAB_SLEEP)
        script->at--;
      script->begun = false;
      script->done = 0;
      continue;
    }
    if (outcome != NEXT) {
      script->waits = outcome;
      script->begun = true;
      return;
    }
    script->at++;
    script->begun = false;
    script->done = 0;
  }
}

static LaTime earliest(LaTime a, LaTime b)
{
  return a < b ? a : b;
}

/* Waits until a script can go on. */
static void wait_for_any(Actor *actor, LaTime next_start)
{
  unsigned count = 0;
  LaTime wake = next_start;
  if (actor->polls_max < actor->scripts->len) {
    actor->polls_max = actor->scripts->len * 2;
    actor->polls = g_renew(struct pollfd, actor->polls, actor->polls_max);
  }
  for (guint i = 0; i < actor->scripts->len; i++) {
    const Script *script = actor->scripts->pdata[i];
    if (script->over)
      continue;
    if (script->waits == SLEEPING) {
      wake = earliest(wake, script->wake);
      continue;
    }
    const LaLabStep *step = &script->steps[script->at];
    unsigned slot = step->op == LA_LAB_ACCEPT ? LA_LAB_LISTENER : step->sock;
    actor->polls[count++] = (struct pollfd){.fd = script->fds[slot], .events = script->waits == WRITING ? POLLOUT : POLLIN};
  }
  struct timespec left = {0}, *limit = NULL;
  if (wake != LA_TIME_MAX) {
    LaTime span = wake - la_clock_monotonic();
    if (span < 0)
      span = 0;
    left = (struct timespec){.tv_sec = span / LA_SEC, .tv_nsec = span % LA_SEC};
    limit = &left;
  }
  ppoll(actor->polls, count, limit, NULL);
}

/* Whether a script that waits can be tried again. */
static bool is_ready(const Script *script)
{
  if (script->waits == SLEEPING)
    return la_clock_monotonic() >= script->wake;
  const LaLabStep *step = &script->steps[script->at];
  unsigned slot = step->op == LA_LAB_ACCEPT ? LA_LAB_LISTENER : step->sock;
  struct pollfd one = {.fd = script->fds[slot], .events = script->waits == WRITING ? POLLOUT : POLLIN};
  return poll(&one, 1, 0) > 0;
}

static void exit_now(Actor *actor)
{
  Script nobody = {.fds = {-1, -1, -1, -1}};
  LaLabStep step = {.op = LA_LAB_EXIT};
  report(actor, &nobody, &step, 0, 0);
  actor->exit_code = 0;
}

/* Whether its scripts are not all the same; those of a server are for what it accepts. */
static bool own_scripts(const LaLabActor *plan)
{
  return plan->scripts != NULL && plan->end == LA_LAB_CLIENT;
}

/* When script `number` begins. */
static LaTime start_of(const LaLabActorSetup *setup, unsigned number)
{
  const LaLabActor *plan = setup->actor;
  LaTime after = own_scripts(plan) ? (LaTime)plan->scripts[number].start_ms : plan->start_ms + (LaTime)number * plan->every_ms;
  return setup->began + after * LA_MSEC;
}

int la_lab_actor_run(const LaLabActorSetup *setup)
{
  const LaLabActor *plan = setup->actor;
  Actor actor = {.setup = setup, .scripts = g_ptr_array_new_with_free_func(g_free), .exit_at = LA_TIME_MAX, .exit_code = -1};
  unsigned times = plan->scripts == NULL || own_scripts(plan) ? MAX(plan->times, 1u) : 1, started = 0;
  while (actor.exit_code < 0) {
    while (started < times && la_clock_monotonic() >= start_of(setup, started)) {
      const LaLabStep *steps = own_scripts(plan) ? plan->scripts[started].steps : plan->steps;
      Script *script = add_script(&actor, steps, LA_LAB_STEPS, started++);
      run_script(&actor, script);
    }
    for (guint i = 0; i < actor.scripts->len && actor.exit_code < 0; i++) {
      Script *script = actor.scripts->pdata[i];
      if (!script->over && (!script->begun || is_ready(script)))
        run_script(&actor, script);
    }
    LaTime next = started < times ? start_of(setup, started) : LA_TIME_MAX;
    if (actor.exit_code < 0)
      wait_for_any(&actor, earliest(next, actor.exit_at));
    if (actor.exit_code < 0 && la_clock_monotonic() >= actor.exit_at)
      exit_now(&actor);
  }
  g_free(actor.polls);
  g_ptr_array_unref(actor.scripts);
  return actor.exit_code;
}
