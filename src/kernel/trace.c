/* Theory of operation.
 *
 * A tracefs instance is a directory that the kernel fills: its own ring buffers, its own switches for events. Removing the directory
 * removes all of it; that fails while a file in it is open. Unlike a namespace it does not vanish with the process, so whoever opens
 * one names it in a way that lets another process find and remove it (la_trace_remove).
 *
 * Events come as lines of text, times in seconds with microseconds on the monotonic clock:
 *
 *     ping-123 [001] ..s1. 8.123456: inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport=80 dport=40021 saddr=...
 *
 * The process named in front is whoever had the processor, not whoever caused the event: it is not looked at. */
#include "kernel/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"

#define ROOT "/sys/kernel/tracing"
#define INSTANCES ROOT "/instances"

enum {
  TRACEFS = 0x74726163, /* linux/magic.h */
  READ_SIZE = 64 * 1024,
  BUFFER_KIB = 2048, /* for each processor */
  LINE_MAX_BYTES = 4096,
};

struct LaTrace {
  char *path; /* of the instance */
  int pipe;
  GString *rest; /* an unfinished line */
  uint64_t lost;
};

static bool visible(void)
{
  struct statfs about;
  return statfs(ROOT, &about) == 0 && (unsigned long)about.f_type == TRACEFS;
}

bool la_trace_prepare(GError **error)
{
  if (visible() && access(INSTANCES, W_OK) == 0)
    return true;
  bool done = unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
              mount("tracefs", ROOT, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
  if (!done || access(INSTANCES, W_OK) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "tracefs: %s", g_strerror(errno));
    return false;
  }
  return true;
}

static bool write_setting(const LaTrace *trace, const char *name, const char *value, GError **error)
{
  g_autofree char *path = g_strdup_printf("%s/%s", trace->path, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  ssize_t len = (ssize_t)strlen(value);
  bool done = fd >= 0 && write(fd, value, (size_t)len) == len;
  int code = errno;
  if (fd >= 0)
    close(fd);
  if (!done)
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "%s: %s", path, g_strerror(code));
  return done;
}

LaTrace *la_trace_open(const char *name, GError **error)
{
  g_autoptr(LaTrace) trace = g_new0(LaTrace, 1);
  trace->pipe = -1;
  trace->rest = g_string_new(NULL);
  g_autofree char *path = g_strdup_printf(INSTANCES "/%s", name);
  if (mkdir(path, 0700) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "%s: %s", path, g_strerror(errno));
    return NULL;
  }
  trace->path = g_steal_pointer(&path);
  char size[16];
  g_snprintf(size, sizeof size, "%d", BUFFER_KIB);
  if (!write_setting(trace, "trace_clock", "mono", error) || !write_setting(trace, "buffer_size_kb", size, error) ||
      !write_setting(trace, "events/sock/inet_sock_set_state/filter", "protocol == 6", error) ||
      !write_setting(trace, "events/sock/inet_sock_set_state/enable", "1", error))
    return NULL;
  /* Older kernels lack some of these: then their events are missing, no more. */
  write_setting(trace, "events/tcp/tcp_send_reset/enable", "1", NULL);
  write_setting(trace, "events/tcp/tcp_receive_reset/enable", "1", NULL);
  write_setting(trace, "events/tcp/tcp_retransmit_skb/enable", "1", NULL);
  g_autofree char *pipe = g_strdup_printf("%s/trace_pipe", trace->path);
  trace->pipe = open(pipe, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (trace->pipe < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "%s: %s", pipe, g_strerror(errno));
    return NULL;
  }
  return g_steal_pointer(&trace);
}

void la_trace_free(LaTrace *trace)
{
  if (trace == NULL)
    return;
  if (trace->pipe >= 0)
    close(trace->pipe);
  if (trace->path != NULL)
    rmdir(trace->path);
  g_free(trace->path);
  g_string_free(trace->rest, TRUE);
  g_free(trace);
}

unsigned la_trace_remove(const char *prefix)
{
  unsigned left = 0;
  DIR *all = opendir(INSTANCES);
  if (all == NULL)
    return 0;
  for (struct dirent *entry = readdir(all); entry != NULL; entry = readdir(all)) {
    if (g_str_has_prefix(entry->d_name, prefix) && unlinkat(dirfd(all), entry->d_name, AT_REMOVEDIR) != 0)
      left++;
  }
  closedir(all);
  return left;
}

/* The word behind `key`, which ends at a space; "" when there is none. */
static const char *value_of(const char *fields, const char *key, char *ret_text, size_t size)
{
  ret_text[0] = '\0';
  size_t key_len = strlen(key);
  for (const char *at = fields; (at = strstr(at, key)) != NULL; at += key_len) {
    if (at != fields && at[-1] != ' ')
      continue;
    at += key_len;
    g_strlcpy(ret_text, at, MIN(size, strcspn(at, " \n") + 1));
    break;
  }
  return ret_text;
}

static const char *state_of(const char *fields, const char *key)
{
  static const char *const words[] = {"ESTABLISHED", "SYN_SENT",   "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
                                      "CLOSE",       "CLOSE_WAIT", "LAST_ACK", "LISTEN",    "CLOSING",   "NEW_SYN_RECV"};
  char text[40];
  value_of(fields, key, text, sizeof text);
  if (!g_str_has_prefix(text, "TCP_"))
    return NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    if (strcmp(text + strlen("TCP_"), words[i]) == 0)
      return words[i];
  }
  return NULL;
}

static bool read_number(const char *text, guint64 max, guint64 *ret_number)
{
  return g_ascii_string_to_unsigned(text, 10, 0, max, ret_number, NULL);
}

/* An end from separate fields. */
static bool read_end(const char *fields, const char *addr_key, const char *port_key, LaHostPort *ret_end)
{
  char addr[LA_ADDR_TEXT_MAX], port[8];
  guint64 number;
  LaHostPort end = {.port = 0};
  value_of(fields, addr_key, addr, sizeof addr);
  if (!read_number(value_of(fields, port_key, port, sizeof port), UINT16_MAX, &number))
    return false;
  end.family = (uint8_t)la_addr_parse(addr, &end.addr);
  end.port = (uint16_t)number;
  *ret_end = end;
  return end.family != LA_FAMILY_NONE;
}

/* An end as 10.0.0.1:80 or [fd00::1]:80. */
static bool read_joined_end(const char *fields, const char *key, LaHostPort *ret_end)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  value_of(fields, key, text, sizeof text);
  char *colon = strrchr(text, ':');
  guint64 number;
  if (colon == NULL || !read_number(colon + 1, UINT16_MAX, &number))
    return false;
  *colon = '\0';
  char *addr = text;
  if (addr[0] == '[' && colon > addr + 1 && colon[-1] == ']') {
    colon[-1] = '\0';
    addr++;
  }
  LaHostPort end = {.port = (uint16_t)number};
  end.family = (uint8_t)la_addr_parse(addr, &end.addr);
  *ret_end = end;
  return end.family != LA_FAMILY_NONE;
}

/* `... 8.123456: name: fields`: the event's fields, its name and its time. */
static const char *split_line(const char *line, const char *name, LaTime *ret_time)
{
  g_autofree char *mark = g_strdup_printf(": %s: ", name);
  const char *at = strstr(line, mark);
  if (at == NULL)
    return NULL;
  const char *number = at;
  while (number > line && (g_ascii_isdigit(number[-1]) || number[-1] == '.'))
    number--;
  char text[32];
  if ((size_t)(at - number) >= sizeof text)
    return NULL;
  g_strlcpy(text, number, (size_t)(at - number) + 1);
  if (!la_time_parse(text, ret_time))
    return NULL;
  return at + strlen(mark);
}

static bool read_ends(const char *fields, LaTraceKind kind, LaTraceEvent *event)
{
  char family[16];
  if (kind == LA_TRACE_SEND_RESET || kind == LA_TRACE_RECEIVE_RESET) {
    if (read_joined_end(fields, "src=", &event->local) && read_joined_end(fields, "dest=", &event->remote))
      return true;
  }
  bool six = strcmp(value_of(fields, "family=", family, sizeof family), "AF_INET6") == 0;
  return read_end(fields, six ? "saddrv6=" : "saddr=", "sport=", &event->local) &&
         read_end(fields, six ? "daddrv6=" : "daddr=", "dport=", &event->remote);
}

bool la_trace_line_read(const char *line, LaTraceEvent *ret_event)
{
  static const char *const names[] = {
      [LA_TRACE_STATE] = "inet_sock_set_state",
      [LA_TRACE_SEND_RESET] = "tcp_send_reset",
      [LA_TRACE_RECEIVE_RESET] = "tcp_receive_reset",
      [LA_TRACE_RETRANSMIT] = "tcp_retransmit_skb",
  };
  LaTraceEvent event = {.time = 0};
  for (int kind = 0; kind < LA_TRACE_N; kind++) {
    const char *fields = split_line(line, names[kind], &event.time);
    if (fields == NULL)
      continue;
    event.kind = (LaTraceKind)kind;
    if (!read_ends(fields, event.kind, &event))
      return false;
    if (event.kind == LA_TRACE_STATE) {
      event.old_state = state_of(fields, "oldstate=");
      event.new_state = state_of(fields, "newstate=");
      if (event.old_state == NULL || event.new_state == NULL)
        return false;
    } else {
      event.new_state = state_of(fields, "state=");
      value_of(fields, "reason=", event.reason, sizeof event.reason);
    }
    *ret_event = event;
    return true;
  }
  return false;
}

static void take_line(LaTrace *trace, const char *line, GArray *events)
{
  LaTraceEvent event;
  guint64 lost;
  char text[24];
  if (la_trace_line_read(line, &event))
    g_array_append_val(events, event);
  else if (strstr(line, "[LOST ") != NULL) {
    g_strlcpy(text, strstr(line, "[LOST ") + strlen("[LOST "), sizeof text);
    text[strcspn(text, " ]")] = '\0';
    trace->lost += read_number(text, G_MAXUINT64, &lost) ? lost : 1;
  }
}

/* trace_pipe merges the processors' buffers by time, but only what was in them when it looked: nearly in order. Equal times stay in
 * the order in which they came. */
static void order(GArray *events, guint from)
{
  LaTraceEvent *all = (LaTraceEvent *)(void *)events->data;
  for (guint i = from + 1; i < events->len; i++) {
    LaTraceEvent event = all[i];
    guint at = i;
    for (; at > from && all[at - 1].time > event.time; at--)
      all[at] = all[at - 1];
    all[at] = event;
  }
}

void la_trace_read(LaTrace *trace, GArray *events)
{
  guint before = events->len;
  g_autofree char *buffer = g_malloc(READ_SIZE);
  for (;;) {
    ssize_t got = read(trace->pipe, buffer, READ_SIZE);
    if (got <= 0)
      break;
    g_string_append_len(trace->rest, buffer, got);
    char *start = trace->rest->str;
    for (char *end = strchr(start, '\n'); end != NULL; end = strchr(start, '\n')) {
      *end = '\0';
      take_line(trace, start, events);
      start = end + 1;
    }
    g_string_erase(trace->rest, 0, start - trace->rest->str);
    if (trace->rest->len > LINE_MAX_BYTES)
      g_string_truncate(trace->rest, 0);
  }
  order(events, before);
}

uint64_t la_trace_lost(const LaTrace *trace)
{
  return trace->lost;
}
