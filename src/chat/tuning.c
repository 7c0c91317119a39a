#include "chat/tuning.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/error.h"

bool la_chat_keep_alive_parse(const char *text, LaChatTuning *tuning, GError **error)
{
  if (strcmp(text, "off") == 0) {
    tuning->keep_alive = LA_CHAT_OFF;
    return true;
  }
  g_auto(GStrv) parts = g_strsplit(text, ":", 4);
  guint64 values[3];
  bool ok = g_strv_length(parts) == 3;
  for (int i = 0; ok && i < 3; i++)
    ok = g_ascii_string_to_unsigned(parts[i], 10, 1, i == 2 ? 127 : 32767, &values[i], NULL);
  if (!ok) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%s': keep-alive is IDLE:INTERVAL:COUNT such as 60:10:3, or off", text);
    return false;
  }
  tuning->keep_alive = LA_CHAT_ON;
  tuning->keep_idle_s = (unsigned)values[0];
  tuning->keep_interval_s = (unsigned)values[1];
  tuning->keep_count = (unsigned)values[2];
  return true;
}

/* An option that cannot be set leaves a connection that works all the same, so nothing is made of it. */
static void set_int(int fd, int level, int option, int value)
{
  (void)setsockopt(fd, level, option, &value, sizeof value);
}

void la_chat_tune_buffers(int fd, const LaChatTuning *tuning)
{
  if (tuning->send_buffer != 0)
    set_int(fd, SOL_SOCKET, SO_SNDBUF, (int)tuning->send_buffer);
  if (tuning->receive_buffer != 0)
    set_int(fd, SOL_SOCKET, SO_RCVBUF, (int)tuning->receive_buffer);
}

void la_chat_tune(int fd, const LaChatTuning *tuning)
{
  set_int(fd, IPPROTO_TCP, TCP_NODELAY, tuning->no_delay == LA_CHAT_ON);
  if (tuning->keep_alive == LA_CHAT_OFF)
    return;
  set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)tuning->keep_idle_s);
  set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)tuning->keep_interval_s);
  set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)tuning->keep_count);
  set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

bool la_chat_limit_raise(unsigned long needed, const char *what, GError **error)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
    return true;
  if (limit.rlim_max < needed) {
    g_set_error(
        error, LA_ERROR, LA_ERROR_PERMISSION,
        "%s need %lu descriptors, but this process may have %lu at the most; raise the limit (ulimit -Hn) or ask for fewer",
        what, needed, (unsigned long)limit.rlim_max);
    return false;
  }
  limit.rlim_cur = needed;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "%s need %lu descriptors, and the limit cannot be raised", what, needed);
    return false;
  }
  return true;
}

LaChatDescriptors la_chat_descriptors(void)
{
  LaChatDescriptors descriptors = {0};
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    descriptors.limit = (unsigned long)limit.rlim_cur;
  GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
  if (dir == NULL)
    return descriptors;
  while (g_dir_read_name(dir) != NULL)
    descriptors.used++;
  g_dir_close(dir);
  descriptors.used--; /* the directory itself */
  return descriptors;
}
