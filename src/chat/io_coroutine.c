/* A coroutine for each connection: its code reads like a thread's (wait, take a step, until done), but all of them share one
 * thread, and waiting means going back to the scheduler. The scheduler is the turn: it waits with poll() for all of them,
 * then resumes each that has something to do. */
#include <assert.h>
#include <stddef.h>

#include "chat/coroutine.h"
#include "chat/poll_set.h"
#include "chat/server_private.h"

typedef struct {
  LaChatPollSet set; /* first: la_chat_poll_io_attach */
  LaChatServer *server;
  GPtrArray *runnable; /* Task *, to be resumed in this turn, or the next */
  GPtrArray *running;  /* the same, while they are being resumed */
} Scheduler;
static_assert(offsetof(Scheduler, set) == 0, "its set is what the poll functions are given");

typedef struct {
  Scheduler *scheduler;
  LaChatConn *conn;
  LaChatCoroutine *coroutine;
  unsigned events; /* what came since it went to wait */
  bool queued;     /* is in `runnable`, or being resumed */
} Task;

/* Inside the coroutine: waits until the connection has something to do. */
static unsigned await_events(Task *task)
{
  la_chat_coroutine_yield(task->coroutine);
  unsigned events = task->events;
  task->events = 0;
  return events;
}

static void serve(void *arg)
{
  Task *task = arg;
  la_chat_conn_step(task->conn, 0);
  while (task->conn->state != LA_CHAT_CONN_DONE)
    la_chat_conn_step(task->conn, await_events(task));
}

static void enqueue(Task *task)
{
  if (task->queued)
    return;
  task->queued = true;
  g_ptr_array_add(task->scheduler->runnable, task);
}

static void task_free(Task *task)
{
  la_chat_coroutine_free(task->coroutine);
  g_free(task);
}

static void *scheduler_open(LaChatServer *server, GError **error G_GNUC_UNUSED)
{
  Scheduler *scheduler = g_new(Scheduler, 1);
  *scheduler = (Scheduler){.server = server, .runnable = g_ptr_array_new(), .running = g_ptr_array_new()};
  la_chat_poll_set_init(&scheduler->set);
  return scheduler;
}

static void scheduler_free(void *io)
{
  Scheduler *scheduler = io;
  for (guint i = 0; i < scheduler->server->conns->len; i++) {
    LaChatConn *conn = g_ptr_array_index(scheduler->server->conns, i);
    task_free(g_steal_pointer(&conn->source.io_data));
  }
  la_chat_poll_set_clear(&scheduler->set);
  g_ptr_array_unref(scheduler->runnable);
  g_ptr_array_unref(scheduler->running);
  g_free(scheduler);
}

static bool admit(LaChatServer *server, const LaChatArrival *arrival, GError **error)
{
  Scheduler *scheduler = server->io;
  Task *task = g_new(Task, 1);
  *task = (Task){.scheduler = scheduler};
  task->conn = la_chat_server_adopt(scheduler->server, arrival);
  task->coroutine = la_chat_coroutine_new(serve, task, error);
  if (task->coroutine == NULL) {
    la_chat_server_drop(scheduler->server, task->conn);
    task_free(task);
    return false;
  }
  LaChatSource *source = &task->conn->source;
  source->io_data = task;
  source->armed = source->want;
  la_chat_poll_set_add(&scheduler->set, source);
  enqueue(task);
  return true;
}

static void touch(void *io G_GNUC_UNUSED, LaChatSource *source)
{
  if (source->io_data != NULL)
    enqueue(source->io_data);
}

static void dispatch(LaChatSource *source, unsigned events)
{
  Task *task = source->conn != NULL ? source->io_data : NULL;
  if (task == NULL) {
    source->ready(source, events);
    return;
  }
  task->events |= events;
  enqueue(task);
}

/* Resumes each task of the list once. What becomes runnable meanwhile has its turn next time. */
static void run(Scheduler *scheduler)
{
  GPtrArray *list = scheduler->runnable;
  scheduler->runnable = scheduler->running;
  scheduler->running = list;
  for (guint i = 0; i < list->len; i++) {
    Task *task = g_ptr_array_index(list, i);
    LaChatConn *conn = task->conn;
    bool goes_on = la_chat_coroutine_resume(task->coroutine);
    task->queued = false;
    if (!goes_on) {
      conn->source.io_data = NULL;
      la_chat_poll_set_remove(&scheduler->set, &conn->source);
      la_chat_server_drop(scheduler->server, conn);
      task_free(task);
      continue;
    }
    la_chat_server_arm(scheduler->server, &conn->source);
    la_chat_server_note_deadline(scheduler->server, conn);
    if (conn->more)
      enqueue(task);
  }
  g_ptr_array_set_size(list, 0);
}

static bool turn(void *io, LaTime timeout, GError **error)
{
  Scheduler *scheduler = io;
  if (!la_chat_poll_set_wait(&scheduler->set, scheduler->runnable->len > 0 ? 0 : timeout, error))
    return false;
  la_chat_poll_set_dispatch(&scheduler->set, dispatch);
  run(scheduler);
  return true;
}

const LaChatIo la_chat_io_coroutine = {.name = "coroutine",
                                       .summary = "a coroutine for each connection, in one thread",
                                       .descriptors_each = 1,
                                       .open = scheduler_open,
                                       .free = scheduler_free,
                                       .attach = la_chat_poll_io_attach,
                                       .update = la_chat_poll_io_update,
                                       .detach = la_chat_poll_io_detach,
                                       .admit = admit,
                                       .touch = touch,
                                       .turn = turn};
