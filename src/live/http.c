/* Theory of operation.
 *
 * libmicrohttpd speaks HTTP; it has no thread of its own here, but an epoll descriptor that the capture's loop waits for beside its
 * packets, so that a process that has given up its rights needs no second thread, and the counters no locks. Who asks for /metrics is
 * suspended until the loop has made the text, once for all who ask at that moment.
 *
 * Whoever can reach the port can ask, so all is bounded: connections, memory of each, and the time that one may take. */
#include "live/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/error.h"

enum {
  CONNECTIONS_MAX = 16,
  REQUEST_BYTES = 16 * 1024,
  SECONDS_MAX = 10,
  BACKLOG = 16,
};

struct LaHttp {
  struct MHD_Daemon *daemon; /* (owned) */
  int fd;
  char address[LA_HOST_PORT_TEXT_MAX];
  struct MHD_Connection *asking[CONNECTIONS_MAX]; /* suspended (borrowed) */
  unsigned asking_count;
  GString *text; /* what they are given; NULL: not made yet (owned) */
  const char *type;
};

/* ---- addresses ---- */

static bool read_port(const char *text, uint16_t *ret_port)
{
  guint64 port;
  if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &port, NULL))
    return false;
  *ret_port = (uint16_t)port;
  return true;
}

static bool read_address(const char *text, LaHostPort *ret_end)
{
  static const LaAddr loopback = {.bytes = {127, 0, 0, 1}};
  LaHostPort end = {.addr = loopback, .family = LA_FAMILY_IPV4};
  const char *colon = strrchr(text, ':');
  if (!read_port(colon != NULL ? colon + 1 : text, &end.port))
    return false;
  if (colon != NULL && colon != text) {
    bool brackets = text[0] == '[' && colon[-1] == ']';
    g_autofree char *host = brackets ? g_strndup(text + 1, (gsize)(colon - text - 2)) : g_strndup(text, (gsize)(colon - text));
    if (strcmp(host, "localhost") != 0)
      end.family = (uint8_t)la_addr_parse(host, &end.addr);
    if (end.family == LA_FAMILY_NONE || (end.family == LA_FAMILY_IPV6 && !brackets))
      return false;
  }
  *ret_end = end;
  return true;
}

/* A listening socket, and where it really listens. */
static int listen_at(LaHostPort *end)
{
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(end->port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(end->port)};
  memcpy(&six.sin6_addr, end->addr.bytes, sizeof six.sin6_addr);
  memcpy(&four.sin_addr, end->addr.bytes, sizeof four.sin_addr);
  bool is_six = end->family == LA_FAMILY_IPV6;
  struct sockaddr *address = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
  socklen_t len = is_six ? sizeof six : sizeof four;
  int on = 1;
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(fd, address, len) != 0 ||
      listen(fd, BACKLOG) != 0 || getsockname(fd, address, &len) != 0) {
    int code = errno;
    close(fd);
    errno = code;
    return -1;
  }
  end->port = ntohs(is_six ? six.sin6_port : four.sin_port);
  return fd;
}

/* ---- requests ---- */

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned code, const GString *text, const char *type)
{
  struct MHD_Response *response = MHD_create_response_from_buffer(text->len, text->str, MHD_RESPMEM_MUST_COPY);
  if (response == NULL)
    return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  enum MHD_Result result = MHD_queue_response(connection, code, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result reply_line(struct MHD_Connection *connection, unsigned code, const char *line)
{
  g_autoptr(GString) text = g_string_new(line);
  return reply(connection, code, text, "text/plain; charset=utf-8");
}

static enum MHD_Result ask_for_metrics(LaHttp *http, struct MHD_Connection *connection)
{
  if (http->text != NULL)
    return reply(connection, MHD_HTTP_OK, http->text, http->type);
  if (http->asking_count == CONNECTIONS_MAX)
    return reply_line(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many ask\n");
  http->asking[http->asking_count++] = connection;
  MHD_suspend_connection(connection);
  return MHD_YES;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
  (void)version;
  (void)upload;
  static const char seen = 0;
  if (*state == NULL) { /* the headers; whatever body there is comes next, and is thrown away */
    *state = (void *)(guintptr)&seen;
    return MHD_YES;
  }
  if (*upload_size != 0) {
    *upload_size = 0;
    return MHD_YES;
  }
  if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
    return reply_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
  if (strcmp(path, "/metrics") == 0)
    return ask_for_metrics(data, connection);
  if (strcmp(path, "/healthz") == 0)
    return reply_line(connection, MHD_HTTP_OK, "ok\n");
  return reply_line(connection, MHD_HTTP_NOT_FOUND, "there are /metrics and /healthz\n");
}

/* ---- the server ---- */

LaHttp *la_http_open(const char *address, GError **error)
{
  LaHostPort end;
  if (!read_address(address, &end)) {
    la_error_set(error, LA_ERROR_USAGE, "--metrics wants ADDR:PORT such as 127.0.0.1:9150 or [::1]:9150, or PORT, not '%s'",
                 address);
    return NULL;
  }
  int fd = listen_at(&end);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OUTPUT, "--metrics: cannot listen at '%s': %s", address, g_strerror(errno));
    return NULL;
  }
  LaHttp *http = g_new0(LaHttp, 1);
  la_host_port_format(&end, http->address);
  http->daemon =
      MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET, fd,
                       MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                       (size_t)REQUEST_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS_MAX, MHD_OPTION_END);
  const union MHD_DaemonInfo *info = http->daemon != NULL ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
  if (info == NULL) {
    g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "--metrics: the HTTP server cannot be started");
    if (http->daemon == NULL)
      close(fd);
    la_http_free(http);
    return NULL;
  }
  http->fd = info->epoll_fd;
  return http;
}

void la_http_free(LaHttp *http)
{
  if (http == NULL)
    return;
  /* Suspended ones may not be there when the server ends. */
  for (unsigned i = 0; i < http->asking_count; i++)
    MHD_resume_connection(http->asking[i]);
  if (http->daemon != NULL)
    MHD_stop_daemon(http->daemon);
  g_free(http);
}

const char *la_http_address(const LaHttp *http)
{
  return http->address;
}

int la_http_fd(const LaHttp *http)
{
  return http->fd;
}

bool la_http_serve(LaHttp *http)
{
  MHD_run(http->daemon);
  return http->asking_count > 0;
}

void la_http_answer(LaHttp *http, const GString *text, const char *type)
{
  http->text = g_string_new_len(text->str, (gssize)text->len);
  http->type = type;
  for (unsigned i = 0; i < http->asking_count; i++)
    MHD_resume_connection(http->asking[i]);
  http->asking_count = 0;
  /* Their handlers are called once more, and find it. */
  MHD_run(http->daemon);
  g_string_free(http->text, TRUE);
  http->text = NULL;
}
