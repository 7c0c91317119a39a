/* Attempts are spaced by an exponential pause (0.5 s, 1 s, 2 s ... by default, at most BACKOFF_MAX), so that a server that
 * comes back is not met by all its clients at once and again. The pause and the wait for an answer both end early when the
 * caller is asked to stop. */
#include "chat/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/io.h"

#define BACKOFF_MAX (30 * LA_SEC)

int la_chat_connect_start(const LaChatAddress *address, const LaChatAddress *bind_to, const LaChatTuning *tuning)
{
  int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  la_chat_tune_buffers(fd, tuning);
  la_chat_tune(fd, tuning);
  int one = 1;
  bool ok = bind_to == NULL || (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                                bind(fd, (const struct sockaddr *)&bind_to->storage, bind_to->len) == 0);
  if (ok && (connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0 || errno == EINPROGRESS))
    return fd;
  int code = errno;
  close(fd);
  errno = code;
  return -1;
}

int la_chat_connect_outcome(int fd)
{
  int code = 0;
  socklen_t len = sizeof code;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 ? code : errno;
}

GArray *la_chat_connect_resolve(const LaChatConnectOptions *options, GError **error)
{
  GArray *addresses = la_chat_resolve(options->host, options->port, error);
  if (addresses == NULL || options->reach == LA_CHAT_ALLOW_REMOTE)
    return addresses;
  for (guint i = addresses->len; i > 0; i--) {
    if (!la_chat_address_is_loopback(&g_array_index(addresses, LaChatAddress, i - 1)))
      g_array_remove_index(addresses, i - 1);
  }
  if (addresses->len > 0)
    return addresses;
  g_array_unref(addresses);
  g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%s' is no loopback address: only loopback, unless --allow-remote is given",
              options->host);
  return NULL;
}

/* Waits for `fd` (-1: nothing) to be writable, or the stop, until `deadline`. Returns 1, 0 at the deadline, -1 at the stop. */
static int wait_until(const LaChatConnectOptions *options, int fd, LaTime deadline)
{
  for (;;) {
    LaTime left = deadline - la_chat_clock_now(options->clock);
    struct pollfd items[2] = {{.fd = fd, .events = POLLOUT}, {.fd = options->stop_fd, .events = POLLIN}};
    int count = poll(items, 2, la_chat_io_timeout_ms(left));
    if (count > 0 && items[1].revents != 0)
      return -1;
    if (count > 0)
      return 1;
    if (left <= 0)
      return 0;
  }
}

/* One address, once. CONNECTED and `ret_fd`, STOPPED, or FAILED and the errno in `ret_code`. */
static LaChatConnectResult try_address(const LaChatConnectOptions *options, const LaChatAddress *address, int *ret_fd,
                                       int *ret_code)
{
  int fd = la_chat_connect_start(address, options->bind, &options->tuning);
  if (fd < 0) {
    *ret_code = errno;
    return LA_CHAT_CONNECT_FAILED;
  }
  int waited = wait_until(options, fd, la_time_add(la_chat_clock_now(options->clock), options->timeout));
  int code = waited > 0 ? la_chat_connect_outcome(fd) : ETIMEDOUT;
  if (waited > 0 && code == 0) {
    *ret_fd = fd;
    return LA_CHAT_CONNECTED;
  }
  close(fd);
  *ret_code = code;
  return waited < 0 ? LA_CHAT_CONNECT_STOPPED : LA_CHAT_CONNECT_FAILED;
}

static LaChatConnectResult try_all(const LaChatConnectOptions *options, const GArray *addresses, int *ret_fd, int *ret_code)
{
  LaChatConnectResult result = LA_CHAT_CONNECT_FAILED;
  for (guint i = 0; i < addresses->len && result == LA_CHAT_CONNECT_FAILED; i++)
    result = try_address(options, &g_array_index(addresses, LaChatAddress, i), ret_fd, ret_code);
  return result;
}

static void log_failure(const LaChatConnectOptions *options, unsigned attempt, int code, LaTime pause)
{
  char span[LA_TIME_TEXT_MAX];
  if (options->log == NULL)
    return;
  g_autofree char *text = g_strdup_printf("attempt %u of %u failed (%s), the next one in %s", attempt, options->attempts,
                                          g_strerror(code), la_span_format(pause, span));
  options->log(options->log_ctx, text);
}

LaChatConnectResult la_chat_connect(const LaChatConnectOptions *options, int *ret_fd, GError **error)
{
  g_autoptr(GArray) addresses = la_chat_connect_resolve(options, error);
  if (addresses == NULL)
    return LA_CHAT_CONNECT_FAILED;
  LaTime pause = options->backoff;
  for (unsigned attempt = 1;; attempt++) {
    int code = 0;
    LaChatConnectResult result = try_all(options, addresses, ret_fd, &code);
    if (result != LA_CHAT_CONNECT_FAILED)
      return result;
    if (attempt >= options->attempts) {
      g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot connect to %s, port %u: %s (%u attempt%s)", options->host,
                  (unsigned)options->port, g_strerror(code), attempt, attempt == 1 ? "" : "s");
      return LA_CHAT_CONNECT_FAILED;
    }
    log_failure(options, attempt, code, pause);
    if (wait_until(options, -1, la_time_add(la_chat_clock_now(options->clock), pause)) < 0)
      return LA_CHAT_CONNECT_STOPPED;
    pause = MIN(pause * 2, BACKOFF_MAX);
  }
}

void la_chat_abort(int fd)
{
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}
