/* One thread for each connection, and one lock around the hub and all connections: a thread holds it whenever it does not
 * wait. The server's own thread does the same, so that the rest of the server need not know of threads.
 *
 * A thread waits for its socket, for its connection's deadline, and for an eventfd by which others wake it when they have
 * queued something for its connection. It frees the connection itself; the server's thread joins it. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/poll_set.h"
#include "chat/server_private.h"

typedef struct {
  LaChatPollSet set; /* what the server's own thread waits for; first: la_chat_poll_io_attach */
  LaChatServer *server;
  pthread_mutex_t lock; /* of pthreads, not GLib: the thread sanitizer knows these */
  LaChatSource wake;    /* an eventfd in it */
  GPtrArray *workers;
  GPtrArray *ended; /* to be joined */
  pthread_cond_t one_ended;
  bool closing;
} Threads;
static_assert(offsetof(Threads, set) == 0, "its set is what the poll functions are given");

typedef struct {
  Threads *all;
  LaChatConn *conn;
  pthread_t thread;
  int wake;      /* an eventfd */
  bool stepping; /* awake: needs no waking */
} Worker;

static void signal_eventfd(int fd)
{
  uint64_t one = 1;
  (void)!write(fd, &one, sizeof one);
}

static void clear_eventfd(int fd)
{
  uint64_t count;
  (void)!read(fd, &count, sizeof count);
}

/* The server looks around after every turn; that is all that is needed. */
static void main_woken(LaChatSource *source, unsigned events G_GNUC_UNUSED)
{
  clear_eventfd(source->fd);
}

static void *threads_open(LaChatServer *server, GError **error)
{
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot make an eventfd: %s", g_strerror(errno));
    return NULL;
  }
  Threads *all = g_new0(Threads, 1);
  all->server = server;
  pthread_mutex_init(&all->lock, NULL);
  pthread_cond_init(&all->one_ended, NULL);
  all->workers = g_ptr_array_new();
  all->ended = g_ptr_array_new();
  la_chat_poll_set_init(&all->set);
  all->wake = (LaChatSource){.fd = fd, .want = LA_CHAT_READ, .deadline = LA_TIME_MAX, .ready = main_woken};
  la_chat_poll_set_add(&all->set, &all->wake);
  pthread_mutex_lock(&all->lock);
  return all;
}

/* A thread ends right after it stood itself into the list, so that joining it does not take long, even under the lock. */
static void join_ended(Threads *all)
{
  for (guint i = 0; i < all->ended->len; i++) {
    Worker *worker = g_ptr_array_index(all->ended, i);
    pthread_join(worker->thread, NULL);
    g_free(worker);
  }
  g_ptr_array_set_size(all->ended, 0);
}

static void threads_free(void *io)
{
  Threads *all = io;
  all->closing = true;
  for (guint i = 0; i < all->workers->len; i++)
    signal_eventfd(((Worker *)g_ptr_array_index(all->workers, i))->wake);
  while (all->workers->len > 0)
    pthread_cond_wait(&all->one_ended, &all->lock);
  join_ended(all);
  pthread_mutex_unlock(&all->lock);
  pthread_mutex_destroy(&all->lock);
  pthread_cond_destroy(&all->one_ended);
  g_ptr_array_unref(all->workers);
  g_ptr_array_unref(all->ended);
  la_chat_poll_set_clear(&all->set);
  close(all->wake.fd);
  g_free(all);
}

/* Waits, with the lock given away, until the connection has something to do; returns what its socket is ready for. */
static unsigned wait_for(Worker *worker)
{
  const LaChatConn *conn = worker->conn;
  struct pollfd items[2] = {{.fd = conn->source.fd}, {.fd = worker->wake, .events = POLLIN}};
  if ((conn->source.want & LA_CHAT_READ) != 0)
    items[0].events |= POLLIN;
  if ((conn->source.want & LA_CHAT_WRITE) != 0)
    items[0].events |= POLLOUT;
  int timeout = -1;
  if (conn->more)
    timeout = 0;
  else if (conn->source.deadline != LA_TIME_MAX)
    timeout = la_chat_io_timeout_ms(conn->source.deadline - la_chat_server_now(worker->all->server));
  worker->stepping = false;
  pthread_mutex_unlock(&worker->all->lock);
  int count = poll(items, 2, timeout);
  pthread_mutex_lock(&worker->all->lock);
  worker->stepping = true;
  if (count <= 0)
    return 0;
  if (items[1].revents != 0)
    clear_eventfd(worker->wake);
  unsigned seen = (items[0].revents & POLLIN) != 0 ? LA_CHAT_READ : 0;
  if ((items[0].revents & POLLOUT) != 0)
    seen |= LA_CHAT_WRITE;
  if ((items[0].revents & (POLLERR | POLLHUP)) != 0)
    seen |= LA_CHAT_BROKEN;
  return seen;
}

static void *worker_main(void *data)
{
  Worker *worker = data;
  Threads *all = worker->all;
  LaChatServer *server = all->server;
  pthread_mutex_lock(&all->lock);
  la_chat_conn_step(worker->conn, 0);
  while (worker->conn->state != LA_CHAT_CONN_DONE && !all->closing) {
    unsigned seen = wait_for(worker);
    la_chat_conn_step(worker->conn, seen);
    if (la_chat_plan_has(&server->plan, LA_CHAT_FAULT_EXIT))
      signal_eventfd(all->wake.fd); /* the server counts who is logged in */
  }
  worker->conn->source.io_data = NULL;
  la_chat_server_drop(server, worker->conn);
  close(worker->wake);
  g_ptr_array_remove_fast(all->workers, worker);
  g_ptr_array_add(all->ended, worker);
  pthread_cond_signal(&all->one_ended);
  signal_eventfd(all->wake.fd);
  pthread_mutex_unlock(&all->lock);
  return NULL;
}

static bool admit(LaChatServer *server, const LaChatArrival *arrival, GError **error)
{
  Threads *all = server->io;
  int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot make an eventfd: %s", g_strerror(errno));
    close(arrival->fd);
    return false;
  }
  Worker *worker = g_new(Worker, 1);
  *worker = (Worker){.all = all, .wake = wake, .stepping = true};
  worker->conn = la_chat_server_adopt(all->server, arrival);
  int code = pthread_create(&worker->thread, NULL, worker_main, worker);
  if (code != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot start a thread: %s", g_strerror(code));
    la_chat_server_drop(all->server, worker->conn);
    close(wake);
    g_free(worker);
    return false;
  }
  worker->conn->source.io_data = worker;
  g_ptr_array_add(all->workers, worker);
  return true;
}

static void touch(void *io G_GNUC_UNUSED, LaChatSource *source)
{
  Worker *worker = source->io_data;
  if (worker != NULL && !worker->stepping)
    signal_eventfd(worker->wake);
}

static void step(LaChatSource *source, unsigned events)
{
  source->ready(source, events);
}

static bool turn(void *io, LaTime timeout, GError **error)
{
  Threads *all = io;
  pthread_mutex_unlock(&all->lock);
  bool ok = la_chat_poll_set_wait(&all->set, timeout, error);
  pthread_mutex_lock(&all->lock);
  if (ok)
    la_chat_poll_set_dispatch(&all->set, step);
  join_ended(all);
  return ok;
}

const LaChatIo la_chat_io_threads = {.name = "threads",
                                     .summary = "a thread for each connection, a lock around what they share",
                                     .descriptors_each = 2,
                                     .open = threads_open,
                                     .free = threads_free,
                                     .attach = la_chat_poll_io_attach,
                                     .update = la_chat_poll_io_update,
                                     .detach = la_chat_poll_io_detach,
                                     .admit = admit,
                                     .touch = touch,
                                     .turn = turn};
