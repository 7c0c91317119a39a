/* Theory of operation.
 *
 * A process is forked into the namespace in which the caller stands, asks to be killed when its parent dies, and runs its scripts. All
 * write to one pipe; what they write is small enough to arrive whole. Listeners are started first and reported, so that no client finds
 * a port closed only because a machine is busy. */
#include "lab/cast.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

typedef struct {
  pid_t pid; /* 0: not started */
  unsigned scripts_ended;
  bool started, over; /* over: it has left or was killed */
  bool listening;
} Member;

struct LaLabCast {
  LaLabCastSetup setup;
  int pipe[2];
  Member *members;
};

static bool exists(const LaLabActor *actor)
{
  return actor->steps[0].op != LA_LAB_END_OF_STEPS;
}

/* Whether it listens before anything else; what it waits for is not waited for. */
static bool begins_listening(const LaLabActor *actor)
{
  for (unsigned i = 0; i < LA_LAB_STEPS; i++) {
    if (actor->steps[i].op == LA_LAB_LISTEN)
      return actor->start_ms == 0;
    if (actor->steps[i].op != LA_LAB_SET)
      return false;
  }
  return false;
}

LaLabCast *la_lab_cast_new(const LaLabCastSetup *setup, GError **error)
{
  LaLabCast *cast = g_new0(LaLabCast, 1);
  cast->setup = *setup;
  if (pipe2(cast->pipe, O_CLOEXEC) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "cannot make a pipe: %s", g_strerror(errno));
    g_free(cast);
    return NULL;
  }
  fcntl(cast->pipe[0], F_SETFL, O_NONBLOCK);
  fcntl(cast->pipe[1], F_SETPIPE_SZ, 1024 * 1024);
  cast->members = g_new0(Member, LA_LAB_ACTORS);
  return cast;
}

static unsigned first_port_of(const LaLabExperiment *experiment, unsigned number)
{
  unsigned port = LA_LAB_FIRST_PORT;
  for (unsigned i = 0; i < number; i++) {
    if (exists(&experiment->actors[i]) && experiment->actors[i].end == LA_LAB_CLIENT)
      port += la_lab_actor_ports(&experiment->actors[i]);
  }
  return port;
}

/* In the child. */
static void play(const LaLabCast *cast, unsigned number, pid_t parent)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    raise(SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, SIG_IGN); /* who started it ends it */
  signal(SIGTERM, SIG_DFL);
  close(cast->pipe[0]);
  LaLabActorSetup setup = {.actor = &cast->setup.experiment->actors[number],
                           .number = number,
                           .first_port = first_port_of(cast->setup.experiment, number),
                           .family = cast->setup.family,
                           .report_fd = cast->pipe[1],
                           .began = cast->setup.began};
  for (int end = 0; end < LA_LAB_END_N; end++)
    setup.address[end] = cast->setup.first[end];
  int code = la_lab_actor_run(&setup);
  _exit(code); /* lint-allow calls: this is a process of its own, and its end is part of the experiment */
}

bool la_lab_cast_start(LaLabCast *cast, LaLabCastPart part, LaLabEnd end, GError **error)
{
  const LaLabExperiment *experiment = cast->setup.experiment;
  for (unsigned i = 0; i < LA_LAB_ACTORS; i++) {
    const LaLabActor *actor = &experiment->actors[i];
    Member *member = &cast->members[i];
    LaLabCastPart mine = actor->after_reboot       ? LA_LAB_CAST_AFTER_REBOOT
                         : begins_listening(actor) ? LA_LAB_CAST_LISTENERS
                                                   : LA_LAB_CAST_OTHERS;
    if (!exists(actor) || actor->end != end || mine != part)
      continue;
    pid_t parent = getpid(), child = fork();
    if (child == 0)
      play(cast, i, parent);
    if (child < 0) {
      g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "cannot start a process: %s", g_strerror(errno));
      return false;
    }
    member->pid = child;
    member->started = true;
  }
  return true;
}

int la_lab_cast_fd(const LaLabCast *cast)
{
  return cast->pipe[0];
}

bool la_lab_cast_next(LaLabCast *cast, LaLabReport *ret_report, LaLabEnd *ret_end)
{
  LaLabReport report;
  if (read(cast->pipe[0], &report, sizeof report) != (ssize_t)sizeof report || report.actor >= LA_LAB_ACTORS ||
      report.op >= LA_LAB_STEP_N)
    return false;
  Member *member = &cast->members[report.actor];
  if (report.finished)
    member->scripts_ended++;
  if (report.op == LA_LAB_EXIT || report.op == LA_LAB_KILL)
    member->over = true;
  if (report.op == LA_LAB_LISTEN)
    member->listening = true;
  *ret_report = report;
  *ret_end = (LaLabEnd)cast->setup.experiment->actors[report.actor].end;
  return true;
}

bool la_lab_cast_is_listening(const LaLabCast *cast)
{
  for (unsigned i = 0; i < LA_LAB_ACTORS; i++) {
    const Member *member = &cast->members[i];
    if (member->started && begins_listening(&cast->setup.experiment->actors[i]) && !member->listening)
      return false;
  }
  return true;
}

bool la_lab_cast_is_done(const LaLabCast *cast)
{
  for (unsigned i = 0; i < LA_LAB_ACTORS; i++) {
    const LaLabActor *actor = &cast->setup.experiment->actors[i];
    const Member *member = &cast->members[i];
    if (!exists(actor) || actor->end != LA_LAB_CLIENT || member->over)
      continue;
    if (!member->started || member->scripts_ended < MAX(actor->times, 1u))
      return false;
  }
  return true;
}

void la_lab_cast_kill(LaLabCast *cast, LaLabEnd end)
{
  for (unsigned i = 0; i < LA_LAB_ACTORS; i++) {
    Member *member = &cast->members[i];
    if (member->pid == 0 || (end != LA_LAB_END_N && cast->setup.experiment->actors[i].end != end))
      continue;
    kill(member->pid, SIGKILL);
    while (waitpid(member->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    member->pid = 0;
    member->over = true;
  }
}

void la_lab_cast_free(LaLabCast *cast)
{
  if (cast == NULL)
    return;
  la_lab_cast_kill(cast, LA_LAB_END_N);
  close(cast->pipe[0]);
  close(cast->pipe[1]);
  g_free(cast->members);
  g_free(cast);
}
