/* The parent makes the server, so that it knows the address and can say what failed; the child runs it. A pipe between them
 * says when to stop: the parent closes its end. */
#include "chat/local_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* Steps of the wait for the child's end, after which it is killed. */
#define WAIT_STEP_MS 10

struct LaChatLocalServer {
  LaChatAddress address;
  pid_t pid;
  int stop_fd; /* closing it asks the child to stop */
  LaTime patience;
};

/* The child's whole life. */
static void serve(const LaChatServerConfig *config, LaChatServer *server)
{
  LaChatEnding ending;
  g_autoptr(GError) error = NULL;
  if (la_chat_server_run(server, &ending, &error) && ending != LA_CHAT_ENDED_BY_FAULT)
    la_chat_server_free(server);
  close(config->stop_fd);
}

LaChatLocalServer *la_chat_local_server_start(const LaChatServerConfig *config, GError **error)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot make a pipe: %s", g_strerror(errno));
    return NULL;
  }
  LaChatServerConfig own = *config;
  own.events = (LaChatServerEvents){0};
  own.stop_fd = ends[0];
  LaChatServer *server = la_chat_server_new(&own, error);
  if (server == NULL) {
    close(ends[0]);
    close(ends[1]);
    return NULL;
  }
  LaChatLocalServer *local = g_new(LaChatLocalServer, 1);
  *local = (LaChatLocalServer){
      .address = la_chat_server_address(server, 0), .stop_fd = ends[1], .patience = la_time_add(config->grace, 2 * LA_SEC)};
  pid_t parent = getpid();
  local->pid = fork();
  if (local->pid == 0) {
    close(ends[1]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
      serve(&own, server);
    /* lint-allow calls: the child process has nobody to return to; _exit leaves the parent's buffers alone */
    _exit(0);
  }
  int code = errno;
  close(ends[0]);
  la_chat_server_free(server);
  if (local->pid > 0)
    return local;
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot start a process: %s", g_strerror(code));
  close(local->stop_fd);
  g_free(local);
  return NULL;
}

LaChatAddress la_chat_local_server_address(const LaChatLocalServer *server)
{
  return server->address;
}

void la_chat_local_server_stop(LaChatLocalServer *server)
{
  if (server == NULL)
    return;
  close(server->stop_fd);
  LaTime waited = 0;
  while (waitpid(server->pid, NULL, WNOHANG) == 0) {
    if (waited > server->patience) {
      kill(server->pid, SIGKILL);
      waitpid(server->pid, NULL, 0);
      break;
    }
    poll(NULL, 0, WAIT_STEP_MS);
    waited += WAIT_STEP_MS * LA_MSEC;
  }
  g_free(server);
}
