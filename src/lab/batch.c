/* Theory of operation.
 *
 * What an experiment makes belongs to processes and vanishes with them: namespaces and interfaces have no names, applications ask to be
 * killed with their parent, and so do the processes that run experiments. One thing does not: a tracefs instance is a directory that
 * somebody has to remove. Every instance therefore carries the number of the process that runs the batch in its name, and that process
 * has a caretaker: a child in a session of its own that does nothing but wait until the last of the batch's processes has closed a
 * pipe (which the kernel does, however they ended), removes what is left, and ends. Whatever even that could not remove, because all of
 * them were killed at once, is removed by the next run.
 *
 * Addresses must differ between experiments that run at the same time on one machine, because the tracepoints tell events of all
 * namespaces. A slot is reserved by binding a name of the abstract namespace of UNIX sockets, which is given up with the process. Such
 * names belong to a network namespace, so a slot that a tracefs instance shows to be in use is passed over, too: its run was started in
 * another namespace. */
#include "lab/batch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "kernel/netns.h"
#include "kernel/trace.h"

#define TRACE_PREFIX "lastack-"
#define TRACE_INSTANCES "/sys/kernel/tracing/instances"

enum {
  CARETAKER_ATTEMPTS = 100, /* of 100 ms */
  MESSAGE_MAX = 400,
  LOOK_MS = 200,
  END_MS = 3000,
};

/* What a run's process tells through its pipe: all of it, or it was killed. */
typedef struct {
  LaLabRunResult result;
  int32_t code; /* LaErrorCode when !done */
  bool done;
  char message[MESSAGE_MAX];
} Answer;

typedef struct {
  const LaLabJob *job; /* NULL: the lane is free */
  pid_t pid;
  int pipe;
  int reservation; /* the socket that holds the slot; -1: none */
  unsigned slot;
} Lane;

typedef struct {
  const LaLabBatch *batch;
  const char *no_trace;
  Lane *lanes;
  size_t next, finished;
  unsigned slot; /* where to look for the next free one */
  int life[2];   /* every process of the batch holds the writing end */
  pid_t caretaker;
  char prefix[48];
} Work;

void la_lab_job_clear(LaLabJob *job)
{
  g_clear_pointer(&job->capture, g_free);
}

bool la_lab_batch_prepare(const char **ret_no_trace, GError **error)
{
  const char *no_trace = NULL;
  g_autoptr(GError) wrong = NULL;
  int probe = la_netns_new(NULL);
  if (probe >= 0) {
    close(probe);
    if (!la_trace_prepare(&wrong))
      no_trace = g_intern_string(wrong->message);
  } else if (la_netns_become_root(&wrong)) {
    no_trace = "tracepoints need root";
  } else {
    g_set_error(
        error, LA_ERROR, LA_ERROR_PERMISSION,
        "experiments need network namespaces: run as root, or where user namespaces are allowed (%s); 'lastack lab show' "
        "shows recordings that ship with the program",
        wrong->message);
    return false;
  }
  *ret_no_trace = no_trace;
  return true;
}

/* Instances of batches whose process is no more. */
static void sweep(void)
{
  DIR *all = opendir(TRACE_INSTANCES);
  if (all == NULL)
    return;
  for (struct dirent *entry = readdir(all); entry != NULL; entry = readdir(all)) {
    if (!g_str_has_prefix(entry->d_name, TRACE_PREFIX))
      continue;
    long pid = strtol(entry->d_name + strlen(TRACE_PREFIX), NULL, 10);
    if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
      la_trace_remove(entry->d_name);
  }
  closedir(all);
}

/* In the caretaker. */
static void take_care(const Work *work)
{
  setsid();
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
  for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
    sigaction(signals[i], &ignore, NULL);
  for (int fd = 0; fd < 3; fd++) /* who waits for the end of our output does not wait for this process */
    close(fd);
  close(work->life[1]);
  char byte;
  while (read(work->life[0], &byte, 1) > 0 || errno == EINTR)
    errno = 0;
  for (int i = 0; i < CARETAKER_ATTEMPTS && la_trace_remove(work->prefix) > 0; i++)
    g_usleep(100000);
  _exit(0); /* lint-allow calls: this is a process of its own */
}

static bool start_caretaker(Work *work, GError **error)
{
  g_snprintf(work->prefix, sizeof work->prefix, TRACE_PREFIX "%ld-", (long)getpid());
  if (pipe2(work->life, O_CLOEXEC) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "cannot make a pipe: %s", g_strerror(errno));
    return false;
  }
  if (work->no_trace != NULL)
    return true;
  sweep();
  work->caretaker = fork();
  if (work->caretaker == 0)
    take_care(work);
  if (work->caretaker < 0)
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "cannot start a process: %s", g_strerror(errno));
  return work->caretaker > 0;
}

/* Whether a run of another batch has a tracefs instance for `slot`. */
static bool is_in_use(const Work *work, unsigned slot)
{
  DIR *all = opendir(TRACE_INSTANCES);
  if (all == NULL)
    return false;
  g_autofree char *end = g_strdup_printf("-%u", slot);
  bool found = false;
  for (struct dirent *entry = readdir(all); entry != NULL && !found; entry = readdir(all))
    found = g_str_has_prefix(entry->d_name, TRACE_PREFIX) && g_str_has_suffix(entry->d_name, end) &&
            !g_str_has_prefix(entry->d_name, work->prefix);
  closedir(all);
  return found;
}

/* Reserves a slot that nobody on this machine has, for one run. They are taken in turn: what a kernel still says of a run that is just
 * over is not taken for the next one's. */
static bool reserve(Work *work, Lane *lane, GError **error)
{
  for (unsigned i = 0; i < LA_LAB_SLOTS; i++) {
    unsigned slot = (work->slot + i) % LA_LAB_SLOTS;
    if (is_in_use(work, slot))
      continue;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int len = g_snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "lastack-lab-%u", slot);
    if (fd >= 0 &&
        bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0) {
      lane->reservation = fd;
      lane->slot = slot;
      work->slot = slot + 1;
      return true;
    }
    if (fd >= 0)
      close(fd);
  }
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "%d experiments run on this machine already", LA_LAB_SLOTS);
  return false;
}

/* A run's process is asked to end: by the batch, or because the batch's process is gone. */
static volatile sig_atomic_t asked_to_end;

static void on_end(int number)
{
  asked_to_end = number;
}

/* In the process of a run. */
static void perform(const Work *work, const Lane *lane, int answer_fd, pid_t parent)
{
  struct sigaction end = {.sa_handler = on_end};
  sigaction(SIGTERM, &end, NULL);
  signal(SIGINT, SIG_IGN); /* the batch ends its runs */
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent)
    raise(SIGTERM);
  g_autoptr(GError) wrong = NULL;
  char trace[64];
  g_snprintf(trace, sizeof trace, "%s%u", work->prefix, lane->slot);
  LaLabRunSetup setup = {.experiment = lane->job->experiment,
                         .capture = lane->job->capture,
                         .slot = lane->slot,
                         .trace = work->no_trace == NULL ? trace : NULL,
                         .no_trace = work->no_trace,
                         .mirror = work->batch->mirror,
                         .stop = &asked_to_end};
  Answer answer = {.done = la_lab_run(&setup, &answer.result, &wrong)};
  if (!answer.done) {
    answer.code = wrong->domain == LA_ERROR ? wrong->code : LA_ERROR_INTERNAL;
    g_strlcpy(answer.message, wrong->message, sizeof answer.message);
  }
  bool told = write(answer_fd, &answer, sizeof answer) == (ssize_t)sizeof answer;
  _exit(told ? 0 : 1); /* lint-allow calls: this is a process of its own */
}

static bool start_run(Work *work, Lane *lane, const LaLabJob *job, GError **error)
{
  int pipes[2];
  if (!reserve(work, lane, error))
    return false;
  if (pipe2(pipes, O_CLOEXEC) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "cannot make a pipe: %s", g_strerror(errno));
    return false;
  }
  lane->job = job;
  lane->pipe = pipes[0];
  pid_t parent = getpid();
  lane->pid = fork();
  if (lane->pid == 0)
    perform(work, lane, pipes[1], parent);
  close(pipes[1]);
  if (lane->pid > 0)
    return true;
  g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "cannot start a process: %s", g_strerror(errno));
  close(pipes[0]);
  lane->job = NULL;
  return false;
}

static void end_process(pid_t pid)
{
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
}

/* Waits for a process that was asked to end; kills it when it does not. */
static void end_within(pid_t pid, unsigned limit_ms)
{
  for (unsigned waited = 0; waited < limit_ms; waited += 10) {
    pid_t ended = waitpid(pid, NULL, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR))
      return;
    g_usleep(10000);
  }
  kill(pid, SIGKILL);
  end_process(pid);
}

/* The run in `lane` has answered, or has died. */
static void take_answer(Work *work, Lane *lane)
{
  Answer answer = {.done = false};
  g_autoptr(GError) wrong = NULL;
  ssize_t got = read(lane->pipe, &answer, sizeof answer);
  if (got != (ssize_t)sizeof answer)
    wrong = g_error_new(LA_ERROR, LA_ERROR_INTERNAL, "its process died");
  else if (!answer.done)
    wrong = g_error_new(LA_ERROR, answer.code, "%.*s", MESSAGE_MAX - 1, answer.message);
  close(lane->pipe);
  end_process(lane->pid);
  close(lane->reservation);
  lane->reservation = -1;
  const LaLabJob *job = lane->job;
  lane->job = NULL;
  work->finished++;
  work->batch->told(work->batch->ctx, &(LaLabOutcome){.job = job,
                                                      .result = wrong == NULL ? &answer.result : NULL,
                                                      .error = wrong,
                                                      .finished = work->finished,
                                                      .jobs = work->batch->jobs_n});
}

static void drop_files(const LaLabJob *job)
{
  g_autofree char *truth = la_lab_truth_path(job->capture);
  unlink(job->capture);
  unlink(truth);
}

/* Ends what still runs. */
static void abandon(Work *work)
{
  for (unsigned i = 0; i < work->batch->side_by_side; i++) {
    Lane *lane = &work->lanes[i];
    if (lane->job == NULL)
      continue;
    kill(lane->pid, SIGTERM);
  }
  for (unsigned i = 0; i < work->batch->side_by_side; i++) {
    Lane *lane = &work->lanes[i];
    if (lane->job == NULL)
      continue;
    end_within(lane->pid, END_MS);
    close(lane->pipe);
    drop_files(lane->job);
    lane->job = NULL;
  }
}

static bool fill_lanes(Work *work, GError **error)
{
  for (unsigned i = 0; i < work->batch->side_by_side && work->next < work->batch->jobs_n; i++) {
    if (work->lanes[i].job == NULL && !start_run(work, &work->lanes[i], &work->batch->jobs[work->next++], error))
      return false;
  }
  return true;
}

static void wait_for_answers(Work *work, struct pollfd *polls)
{
  unsigned count = work->batch->side_by_side;
  for (unsigned i = 0; i < count; i++)
    polls[i] = (struct pollfd){.fd = work->lanes[i].job != NULL ? work->lanes[i].pipe : -1, .events = POLLIN};
  if (poll(polls, count, LOOK_MS) <= 0)
    return;
  for (unsigned i = 0; i < count; i++) {
    if (polls[i].fd >= 0 && polls[i].revents != 0)
      take_answer(work, &work->lanes[i]);
  }
}

static void close_work(Work *work)
{
  for (unsigned i = 0; i < work->batch->side_by_side; i++) {
    if (work->lanes[i].reservation >= 0)
      close(work->lanes[i].reservation);
  }
  close(work->life[1]);
  close(work->life[0]);
  if (work->caretaker > 0)
    end_process(work->caretaker);
  g_free(work->lanes);
}

bool la_lab_batch_run(const LaLabBatch *batch, const char *no_trace, GError **error)
{
  Work work = {.batch = batch, .no_trace = no_trace, .lanes = g_new0(Lane, batch->side_by_side), .life = {-1, -1}};
  for (unsigned i = 0; i < batch->side_by_side; i++)
    work.lanes[i].reservation = -1;
  bool fine = start_caretaker(&work, error);
  g_autofree struct pollfd *polls = g_new0(struct pollfd, batch->side_by_side);
  while (fine && work.finished < batch->jobs_n && *batch->stop == 0) {
    fine = fill_lanes(&work, error);
    if (fine)
      wait_for_answers(&work, polls);
  }
  abandon(&work);
  close_work(&work);
  return fine && work.finished == batch->jobs_n;
}
