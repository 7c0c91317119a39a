#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"

#define BLOCK (128 * 1024)

struct LaOutput {
  int fd;
  int failed_with; /* errno of the first write that failed, 0: none */
  char *name;      /* for messages, already escaped */
  char *path;      /* NULL: standard output */
  bool by_record;
  bool terminal;
  unsigned opened; /* how often */
  GString *buffer;
};

LaOutput *la_output_open(const char *path, GError **error)
{
  bool standard = path == NULL || strcmp(path, "-") == 0;
  g_autoptr(GString) name = g_string_new(NULL);
  if (standard)
    g_string_assign(name, "standard output");
  else
    la_escape_terminal(name, path, -1);
  int fd = standard ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "cannot write %s: %s", name->str, g_strerror(errno));
    return NULL;
  }
  LaOutput *out = g_new0(LaOutput, 1);
  out->fd = fd;
  out->opened = 1;
  out->terminal = isatty(fd) == 1;
  out->name = g_strdup(name->str);
  out->path = standard ? NULL : g_strdup(path);
  out->buffer = g_string_sized_new(BLOCK + BLOCK / 4);
  return out;
}

bool la_output_reopen(LaOutput *out, GError **error)
{
  la_output_flush(out);
  if (out->path == NULL)
    return true;
  int fd = open(out->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "cannot open %s anew: %s", out->name, g_strerror(errno));
    return false;
  }
  close(out->fd);
  out->fd = fd;
  out->opened++;
  out->failed_with = 0;
  return true;
}

unsigned la_output_times_opened(const LaOutput *out)
{
  return out->opened;
}

void la_output_by_record(LaOutput *out)
{
  out->by_record = true;
}

GString *la_output_buffer(LaOutput *out)
{
  return out->buffer;
}

void la_output_flush(LaOutput *out)
{
  const char *at = out->buffer->str;
  size_t left = out->buffer->len;
  while (left > 0 && out->failed_with == 0) {
    ssize_t n = write(out->fd, at, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      out->failed_with = errno;
      break;
    }
    at += n;
    left -= (size_t)n;
  }
  g_string_truncate(out->buffer, 0);
}

void la_output_settle(LaOutput *out)
{
  if (out->by_record || out->buffer->len >= BLOCK)
    la_output_flush(out);
}

bool la_output_is_standard(const LaOutput *out)
{
  return out->path == NULL;
}

bool la_output_is_terminal(const LaOutput *out)
{
  return isatty(out->fd) != 0;
}

/* A terminal that was closed stays open as a descriptor, and every write fails. */
static bool is_hung_up(const LaOutput *out)
{
  struct pollfd terminal = {.fd = out->fd};
  return out->failed_with == EIO || (poll(&terminal, 1, 0) == 1 && (terminal.revents & (POLLHUP | POLLERR)) != 0);
}

bool la_output_is_unread(const LaOutput *out)
{
  return out->failed_with == EPIPE || (out->terminal && is_hung_up(out));
}

bool la_output_close(LaOutput *out, GError **error)
{
  la_output_flush(out);
  /* close tells of a full disk or quota on some file systems only now */
  if (out->fd >= 0 && close(out->fd) != 0 && out->failed_with == 0 && errno != EINTR)
    out->failed_with = errno;
  out->fd = -1;
  if (out->failed_with == 0 || out->failed_with == EPIPE)
    return true;
  g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "cannot write %s: %s", out->name, g_strerror(out->failed_with));
  return false;
}

void la_output_free(LaOutput *out)
{
  if (out == NULL)
    return;
  if (out->fd > STDERR_FILENO)
    close(out->fd);
  g_free(out->name);
  g_free(out->path);
  g_string_free(out->buffer, TRUE);
  g_free(out);
}
