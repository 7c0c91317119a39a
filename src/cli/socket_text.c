/* The first screen says how many sockets are in which state and what is wrong with them, the worst first; then come the services, and
 * on demand every socket. */
#include <string.h>

#include "base/escape.h"
#include "cli/socket_report.h"

#define SERVICES_SHOWN 20
#define END_COLUMNS 24
#define PORTS_SHARE 2 /* a half of the ephemeral ports in TIME_WAIT is worth a line */

typedef struct {
  const LaSocketReport *report;
  const LaReportOptions *options;
  GString *out;
  const LaSocketEntry **holders; /* of each service: a socket of the process that holds most of it; NULL: none (owned) */
} Text;

/* ---- who holds a service ---- */

/* A forgotten socket says more about who has to act than any number of others. */
static guint64 weight_of(const LaSocketEntry *entry)
{
  return entry->socket.state == LA_SOCKET_CLOSE_WAIT ? 1u << 20 : 1;
}

static void find_holders(Text *text)
{
  const LaSocketList *list = text->report->list;
  text->holders = g_new0(const LaSocketEntry *, list->services->len + 1);
  g_autofree guint64 *best = g_new0(guint64, list->services->len + 1);
  g_autoptr(GHashTable) weights = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  for (guint i = 0; i < list->entries->len; i++) {
    const LaSocketEntry *entry = &g_array_index(list->entries, LaSocketEntry, i);
    if (entry->owner.pid == 0 && entry->socket.inode == 0)
      continue;
    guint64 key = (guint64)entry->service << 32 | entry->owner.pid;
    guint64 *weight = g_hash_table_lookup(weights, &key);
    if (weight == NULL) {
      weight = g_new0(guint64, 1);
      g_hash_table_insert(weights, g_memdup2(&key, sizeof key), weight);
    }
    *weight += weight_of(entry);
    if (*weight > best[entry->service]) {
      best[entry->service] = *weight;
      text->holders[entry->service] = entry;
    }
  }
}

/* "pid 4121 (chatd), 812 of 1,024 descriptors used"; nothing when it is not known. */
static void append_owner(const LaOwner *owner, GString *out)
{
  if (owner->pid == 0)
    return;
  g_string_append_printf(out, "pid %u (", owner->pid);
  la_escape_terminal(out, owner->command, -1);
  g_string_append_c(out, ')');
  if (owner->others > 0) {
    g_string_append(out, " and ");
    la_text_count(out, owner->others, "other process", "other processes");
  }
  if (owner->descriptors == 0)
    return;
  g_string_append(out, ", ");
  la_text_number(out, owner->descriptors);
  if (owner->descriptor_limit != 0 && owner->descriptor_limit != LA_OWNER_NO_LIMIT) {
    g_string_append(out, " of ");
    la_text_number(out, owner->descriptor_limit);
  }
  g_string_append(out, " descriptors used");
}

/* The process, or at least the user, and the control group. */
static void append_holder(const Text *text, const LaSocketEntry *entry, GString *out)
{
  if (entry->owner.pid != 0)
    append_owner(&entry->owner, out);
  else
    g_string_append_printf(out, "uid %u", entry->socket.uid);
  const char *path = entry->socket.has_cgroup ? la_cgroups_path(text->report->groups, entry->socket.cgroup) : NULL;
  if (path != NULL && strcmp(path, "/") != 0) {
    g_string_append(out, ", ");
    la_escape_terminal(out, path, -1);
  }
}

static void holder_line(const Text *text, uint32_t service, unsigned indent)
{
  const LaSocketEntry *entry = text->holders[service];
  if (entry == NULL)
    return;
  g_autoptr(GString) line = g_string_new(NULL);
  append_holder(text, entry, line);
  g_string_append_printf(text->out, "%*s", (int)indent, "");
  la_wrap(text->out, line->str, &(LaWrap){.width = text->options->style.width, .used = indent, .indent = indent});
  g_string_append_c(text->out, '\n');
}

/* ---- words ---- */

static void end_of(const LaSocketService *service, GString *out)
{
  if (service->outgoing)
    g_string_append(out, "to ");
  la_text_end(out, &service->end);
}

/* "812 CLOSE_WAIT, 300 ESTABLISHED", the states in the order of the figure but the worst first. */
static void append_states(const uint32_t *by_state, GString *out)
{
  static const uint8_t order[] = {
      LA_SOCKET_CLOSE_WAIT,   LA_SOCKET_LAST_ACK,   LA_SOCKET_CLOSING,     LA_SOCKET_FIN_WAIT_1, LA_SOCKET_SYN_SENT,
      LA_SOCKET_SYN_RECEIVED, LA_SOCKET_FIN_WAIT_2, LA_SOCKET_ESTABLISHED, LA_SOCKET_TIME_WAIT,  LA_SOCKET_LISTEN,
  };
  const char *separator = "";
  for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
    if (by_state[order[i]] == 0)
      continue;
    g_string_append(out, separator);
    la_text_number(out, by_state[order[i]]);
    g_string_append_printf(out, " %s", la_socket_state_name((LaSocketState)order[i]));
    separator = ", ";
  }
}

static void line(const Text *text, const char *words, unsigned indent)
{
  g_string_append_printf(text->out, "%*s", (int)indent, "");
  la_wrap(text->out, words, &(LaWrap){.width = text->options->style.width, .used = indent, .indent = indent});
  g_string_append_c(text->out, '\n');
}

static void heading(const Text *text, LaPaint paint, const char *word, const char *rest)
{
  g_string_append_c(text->out, '\n');
  la_style_paint(&text->options->style, text->out, paint, word);
  g_string_append_printf(text->out, "%s\n", rest);
}

/* ---- what is wrong ---- */

static bool is_forgotten(const LaSocketService *service, const LaSocketList *list)
{
  (void)list;
  return service->forgotten > 0;
}

static void tell_forgotten(const LaSocketService *service, const LaSocketList *list, GString *out)
{
  (void)list;
  char span[LA_TIME_TEXT_MAX];
  la_text_number(out, service->forgotten);
  g_string_append(out, " of ");
  la_text_count(out, service->by_state[LA_SOCKET_CLOSE_WAIT], "socket", "sockets");
  g_string_append_printf(out, " for more than 5 s, the longest for %s or more", la_span_format(service->longest, span));
  if (service->unread > 0) {
    g_string_append(out, "; ");
    la_text_bytes(out, service->unread_bytes);
    g_string_append(out, " unread in ");
    la_text_number(out, service->unread);
  }
}

static bool is_full(const LaSocketService *service, const LaSocketList *list)
{
  (void)list;
  return service->full;
}

static void tell_full(const LaSocketService *service, const LaSocketList *list, GString *out)
{
  (void)list;
  la_text_count(out, service->waiting, "connection waits", "connections wait");
  g_string_append(out, ", the backlog is ");
  la_text_number(out, service->backlog);
}

static bool is_unanswered(const LaSocketService *service, const LaSocketList *list)
{
  (void)list;
  return service->unanswered > 0;
}

static void tell_unanswered(const LaSocketService *service, const LaSocketList *list, GString *out)
{
  (void)list;
  la_text_count(out, service->unanswered, "socket", "sockets");
  g_string_append_printf(out, ", the FIN sent again up to %u times in a row", service->retries);
}

static bool uses_ports_up(const LaSocketService *service, const LaSocketList *list)
{
  return service->outgoing && service->by_state[LA_SOCKET_TIME_WAIT] >= list->ports / PORTS_SHARE;
}

static void tell_ports(const LaSocketService *service, const LaSocketList *list, GString *out)
{
  la_text_number(out, service->by_state[LA_SOCKET_TIME_WAIT]);
  g_string_append(out, " of ");
  la_text_count(out, list->ports, "ephemeral port", "ephemeral ports");
  g_string_append(out, " in TIME_WAIT: a pool of connections would need none");
}

static const struct {
  const char *word, *rest;
  LaPaint paint;
  bool (*concerns)(const LaSocketService *service, const LaSocketList *list);
  void (*tell)(const LaSocketService *service, const LaSocketList *list, GString *out);
} problems[] = {
    {"CLOSE_WAIT", ": the peer has closed, the application here has not (lastack explain close-wait-leak)", LA_PAINT_ERROR,
     is_forgotten, tell_forgotten},
    {"accept queue full", ": the application does not accept (lastack explain accept-queue-overflow)", LA_PAINT_ERROR, is_full,
     tell_full},
    {"close unanswered", ": the peer does not acknowledge our FIN (lastack explain fin-unanswered)", LA_PAINT_WARNING,
     is_unanswered, tell_unanswered},
    {"ports used up", ": a new connection finds no free port (lastack explain time-wait-pileup)", LA_PAINT_WARNING,
     uses_ports_up, tell_ports},
};

/* Whether there was any. */
static bool tell_problem(const Text *text, unsigned problem)
{
  const LaSocketList *list = text->report->list;
  unsigned shown = 0;
  unsigned left = 0;
  for (guint i = 0; i < list->services->len; i++) {
    const LaSocketService *service = &g_array_index(list->services, LaSocketService, i);
    if (!problems[problem].concerns(service, list))
      continue;
    if (shown == SERVICES_SHOWN && text->options->verbosity != LA_VERBOSITY_VERBOSE) {
      left++;
      continue;
    }
    if (shown++ == 0)
      heading(text, problems[problem].paint, problems[problem].word, problems[problem].rest);
    g_autoptr(GString) words = g_string_new(NULL);
    end_of(service, words);
    g_string_append(words, ": ");
    problems[problem].tell(service, list, words);
    line(text, words->str, 2);
    holder_line(text, i, 4);
  }
  if (left > 0) {
    g_autoptr(GString) words = g_string_new("and ");
    la_text_count(words, left, "service more (-v)", "services more (-v)");
    line(text, words->str, 2);
  }
  return shown > 0;
}

/* ---- services ---- */

static void tell_service(const Text *text, guint index)
{
  const LaSocketService *service = &g_array_index(text->report->list->services, LaSocketService, index);
  g_autoptr(GString) end = g_string_new("  ");
  end_of(service, end);
  g_string_append(text->out, end->str);
  la_style_pad(text->out, (unsigned)end->len, END_COLUMNS + 2);
  g_autoptr(GString) words = g_string_new(NULL);
  append_states(service->by_state, words);
  if (service->waiting > 0 && !service->full) {
    g_string_append(words, "; ");
    la_text_number(words, service->waiting);
    g_string_append(words, " of ");
    la_text_number(words, service->backlog);
    g_string_append(words, " wait for accept()");
  }
  unsigned used = MAX((unsigned)end->len + 1, END_COLUMNS + 2);
  la_wrap(text->out, words->str, &(LaWrap){.width = text->options->style.width, .used = used, .indent = END_COLUMNS + 2});
  g_string_append_c(text->out, '\n');
  holder_line(text, index, END_COLUMNS + 2);
}

static void tell_services(const Text *text)
{
  guint count = text->report->list->services->len;
  guint shown = text->options->verbosity == LA_VERBOSITY_VERBOSE ? count : MIN(count, SERVICES_SHOWN);
  if (count == 0)
    return;
  heading(text, LA_PAINT_BOLD, "Services", "");
  for (guint i = 0; i < shown; i++)
    tell_service(text, i);
  if (shown == count)
    return;
  g_autoptr(GString) words = g_string_new("and ");
  la_text_count(words, count - shown, "service more (-v)", "services more (-v)");
  line(text, words->str, 2);
}

/* ---- every socket ---- */

static void append_timer(const LaSocket *socket, GString *out)
{
  static const char *const names[LA_SOCKET_TIMER_N] = {
      [LA_SOCKET_TIMER_RETRANSMIT] = "retransmit",
      [LA_SOCKET_TIMER_KEEPALIVE] = "keepalive",
      [LA_SOCKET_TIMER_TIMEWAIT] = "time-wait",
      [LA_SOCKET_TIMER_PROBE] = "window probe",
  };
  char span[LA_TIME_TEXT_MAX];
  if (socket->timer == LA_SOCKET_TIMER_NONE)
    return;
  g_string_append_printf(out, ", %s in %s", names[socket->timer], la_span_format(socket->timer_left, span));
  if (socket->retries > 0) {
    g_string_append(out, " after ");
    la_text_count(out, socket->retries, "try", "tries");
  }
}

static void append_queues(const LaSocket *socket, GString *out)
{
  if (socket->state == LA_SOCKET_LISTEN) {
    g_string_append_printf(out, ", %u of %u wait for accept()", socket->receive_queue, socket->send_queue);
    return;
  }
  if (socket->receive_queue > 0) {
    g_string_append(out, ", ");
    la_text_bytes(out, socket->receive_queue);
    g_string_append(out, " unread");
  }
  if (socket->send_queue > 0) {
    g_string_append(out, ", ");
    la_text_bytes(out, socket->send_queue);
    g_string_append(out, " unacknowledged");
  }
}

static void tell_socket(const Text *text, const LaSocketEntry *entry)
{
  const LaSocket *socket = &entry->socket;
  char one[LA_HOST_PORT_TEXT_MAX], other[LA_HOST_PORT_TEXT_MAX], span[LA_TIME_TEXT_MAX];
  g_autoptr(GString) words = g_string_new(NULL);
  g_string_append_printf(words, "%-12s", la_socket_state_name((LaSocketState)socket->state));
  g_string_append_printf(words, " %s", la_host_port_format(&socket->local, one));
  if (socket->state != LA_SOCKET_LISTEN)
    g_string_append_printf(words, "%s%s", entry->role == LA_SOCKET_ROLE_CLIENT ? " -> " : " <- ",
                           la_host_port_format(&socket->remote, other));
  append_queues(socket, words);
  if (socket->has_info && socket->state != LA_SOCKET_LISTEN)
    g_string_append_printf(words, ", silent for %s", la_span_format(socket->info.since_ack_received, span));
  append_timer(socket, words);
  if (socket->inode != 0) {
    g_string_append_printf(words, ", inode %u, ", socket->inode);
    append_holder(text, entry, words);
  } else {
    g_string_append(words, ", no process holds it");
  }
  g_string_append(text->out, "  ");
  la_wrap(text->out, words->str, &(LaWrap){.width = text->options->style.width, .used = 2, .indent = 15});
  g_string_append_c(text->out, '\n');
}

static void tell_sockets(const Text *text)
{
  const GArray *entries = text->report->list->entries;
  if (entries->len == 0)
    return;
  heading(text, LA_PAINT_BOLD, "Sockets", "");
  for (guint i = 0; i < entries->len; i++)
    tell_socket(text, &g_array_index(entries, LaSocketEntry, i));
}

/* ---- the whole ---- */

static void tell_head(const Text *text)
{
  const LaSocketReport *report = text->report;
  g_autoptr(GString) words = g_string_new(NULL);
  la_text_count(words, report->list->entries->len, "TCP socket", "TCP sockets");
  g_string_append(words, " on ");
  la_escape_terminal(words, report->host, -1);
  g_string_append(words, ", ");
  la_text_time(&text->options->style, words, report->at, LA_TIME_NONE, LA_TIME_MAX);
  g_string_append_c(words, ' ');
  la_text_zone(&text->options->style, words, report->at);
  if (report->list->entries->len > 0) {
    g_string_append(words, ": ");
    append_states(report->list->by_state, words);
  }
  line(text, words->str, 0);
}

void la_socket_report_text(const LaSocketReport *report, const LaReportOptions *options, GString *out)
{
  Text text = {.report = report, .options = options, .out = out};
  gsize from = out->len;
  bool wrong = false;
  find_holders(&text);
  if (options->verbosity != LA_VERBOSITY_QUIET)
    tell_head(&text);
  for (unsigned i = 0; i < G_N_ELEMENTS(problems); i++)
    wrong = tell_problem(&text, i) || wrong;
  if (options->verbosity == LA_VERBOSITY_QUIET && out->len > from && out->str[from] == '\n')
    g_string_erase(out, (gssize)from, 1);
  if (options->verbosity != LA_VERBOSITY_QUIET) {
    if (!wrong && report->list->entries->len > 0)
      line(&text, "Nothing piles up: no forgotten socket, no full accept queue, no unanswered close.", 0);
    tell_services(&text);
    if (report->each)
      tell_sockets(&text);
  }
  la_style_reduce(&options->style, out, from);
  g_free(text.holders);
}
