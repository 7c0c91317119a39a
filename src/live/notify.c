#include "live/notify.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or `@` and the name of an abstract socket. */
static bool read_address(const char *text, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = strlen(text);
  if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof address.sun_path)
    return false;
  memcpy(address.sun_path, text, len);
  if (text[0] == '@')
    address.sun_path[0] = '\0';
  *ret_address = address;
  *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (text[0] == '/' ? 1 : 0));
  return true;
}

/* Half of what the watchdog waits, when it waits for this process. */
static LaTime read_interval(void)
{
  const char *span = g_getenv("WATCHDOG_USEC");
  const char *pid = g_getenv("WATCHDOG_PID");
  guint64 number;
  if (pid != NULL && (!g_ascii_string_to_unsigned(pid, 10, 1, INT32_MAX, &number, NULL) || (pid_t)number != getpid()))
    return 0;
  if (span == NULL || !g_ascii_string_to_unsigned(span, 10, 1, INT64_MAX / LA_USEC, &number, NULL))
    return 0;
  return MAX((LaTime)number * LA_USEC / 2, 1);
}

void la_notify_open(LaNotify *notify)
{
  *notify = (LaNotify){0};
  const char *text = g_getenv("NOTIFY_SOCKET");
  struct sockaddr_un address;
  socklen_t len;
  if (text == NULL || !read_address(text, &address, &len))
    return;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return;
  if (fd == 0 || connect(fd, (struct sockaddr *)&address, len) != 0) {
    close(fd);
    return;
  }
  notify->fd = fd;
  notify->interval = read_interval();
}

void la_notify_clear(LaNotify *notify)
{
  if (notify->fd != 0)
    close(notify->fd);
  *notify = (LaNotify){0};
}

/* A manager that does not listen is no reason to wait, or to fail. */
static void say(const LaNotify *notify, const char *text)
{
  if (notify->fd == 0)
    return;
  ssize_t sent;
  do {
    sent = send(notify->fd, text, strlen(text), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
}

void la_notify_ready(LaNotify *notify, const char *status)
{
  g_autofree char *text = g_strdup_printf("READY=1\nSTATUS=%s", status);
  say(notify, text);
}

void la_notify_stopping(LaNotify *notify)
{
  say(notify, "STOPPING=1");
}

void la_notify_alive(LaNotify *notify, LaTime mono)
{
  if (notify->interval == 0 || mono < notify->due)
    return;
  say(notify, "WATCHDOG=1");
  notify->due = mono + notify->interval;
}
