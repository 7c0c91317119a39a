#include "base/json.h"
#include "cli/socket_report.h"
#include "report/ndjson.h"

static const char *const roles[] = {
    [LA_SOCKET_ROLE_LISTENER] = "listener", [LA_SOCKET_ROLE_SERVER] = "server", [LA_SOCKET_ROLE_CLIENT] = "client"};

static const char *const timers[LA_SOCKET_TIMER_N] = {[LA_SOCKET_TIMER_RETRANSMIT] = "retransmit",
                                                      [LA_SOCKET_TIMER_KEEPALIVE] = "keepalive",
                                                      [LA_SOCKET_TIMER_TIMEWAIT] = "time-wait",
                                                      [LA_SOCKET_TIMER_PROBE] = "window-probe"};

static void put_end(LaJson *json, const char *key, const LaHostPort *end)
{
  char text[LA_ADDR_TEXT_MAX];
  la_json_key(json, key);
  la_json_begin_object(json);
  la_json_key(json, "ip");
  la_json_string(json, la_addr_format(&end->addr, (LaFamily)end->family, text));
  la_json_key(json, "port");
  la_json_uint(json, end->port);
  la_json_end_object(json);
}

static void put_uint(LaJson *json, const char *key, uint64_t value)
{
  la_json_key(json, key);
  la_json_uint(json, value);
}

static void put_span(LaJson *json, const char *key, LaTime span)
{
  la_json_key(json, key);
  la_json_span(json, span);
}

static void put_head(LaJson *json, const LaSocketReport *report, const char *type)
{
  la_json_key(json, "type");
  la_json_string(json, type);
  la_json_key(json, "schema");
  la_json_string(json, LA_SCHEMA);
  la_json_key(json, "host");
  la_json_string(json, report->host);
  la_json_key(json, "at");
  la_json_time(json, report->at);
}

/* What only a full socket has. */
static void put_queues(LaJson *json, const LaSocket *socket)
{
  bool listens = socket->state == LA_SOCKET_LISTEN;
  put_uint(json, listens ? "accept_queue" : "unread_bytes", socket->receive_queue);
  put_uint(json, listens ? "backlog" : "unacked_bytes", socket->send_queue);
  put_uint(json, "uid", socket->uid);
  if (socket->inode != 0)
    put_uint(json, "inode", socket->inode);
}

static void put_timer(LaJson *json, const LaSocket *socket)
{
  if (socket->timer == LA_SOCKET_TIMER_NONE)
    return;
  la_json_key(json, "timer");
  la_json_begin_object(json);
  la_json_key(json, "for");
  la_json_string(json, timers[socket->timer]);
  put_span(json, "left_s", socket->timer_left);
  put_uint(json, "retries", socket->retries);
  la_json_end_object(json);
}

static void put_info(LaJson *json, const LaSocket *socket)
{
  const LaSocketInfo *info = &socket->info;
  if (!socket->has_info || socket->state == LA_SOCKET_LISTEN)
    return;
  if (info->rtt > 0)
    put_span(json, "rtt_s", info->rtt);
  put_span(json, "since_data_sent_s", info->since_data_sent);
  put_span(json, "since_data_received_s", info->since_data_received);
  put_span(json, "since_ack_received_s", info->since_ack_received);
  put_uint(json, "bytes_acked", info->bytes_acked);
  put_uint(json, "bytes_received", info->bytes_received);
  put_uint(json, "retransmitted", info->retransmits);
}

static void put_cgroup(LaJson *json, const LaSocketReport *report, const LaSocket *socket)
{
  if (!socket->has_cgroup)
    return;
  const char *path = la_cgroups_path(report->groups, socket->cgroup);
  la_json_key(json, "cgroup");
  la_json_begin_object(json);
  put_uint(json, "id", socket->cgroup);
  if (path != NULL) {
    la_json_key(json, "path");
    la_json_string(json, path);
  }
  la_json_end_object(json);
}

static void put_owner(LaJson *json, const LaOwner *owner)
{
  if (owner->pid == 0)
    return;
  la_json_key(json, "owner");
  la_json_begin_object(json);
  put_uint(json, "pid", owner->pid);
  la_json_key(json, "command");
  la_json_string(json, owner->command);
  put_uint(json, "other_processes", owner->others);
  put_uint(json, "descriptors", owner->descriptors);
  if (owner->descriptor_limit != 0 && owner->descriptor_limit != LA_OWNER_NO_LIMIT)
    put_uint(json, "descriptor_limit", owner->descriptor_limit);
  la_json_end_object(json);
}

static void put_socket(LaJson *json, const LaSocketReport *report, const LaSocketEntry *entry)
{
  const LaSocket *socket = &entry->socket;
  la_json_begin_object(json);
  put_head(json, report, "socket");
  la_json_key(json, "state");
  la_json_string(json, la_socket_state_name((LaSocketState)socket->state));
  la_json_key(json, "role");
  la_json_string(json, roles[entry->role]);
  put_end(json, "local", &socket->local);
  if (socket->state != LA_SOCKET_LISTEN)
    put_end(json, "remote", &socket->remote);
  put_end(json, "service", &g_array_index(report->list->services, LaSocketService, entry->service).end);
  if (socket->kind == LA_SOCKET_FULL)
    put_queues(json, socket);
  put_timer(json, socket);
  put_info(json, socket);
  put_cgroup(json, report, socket);
  put_owner(json, &entry->owner);
  la_json_end_object(json);
}

static void put_summary(LaJson *json, const LaSocketReport *report)
{
  const LaSocketList *list = report->list;
  uint64_t forgotten = 0;
  for (guint i = 0; i < list->services->len; i++)
    forgotten += g_array_index(list->services, LaSocketService, i).forgotten;
  la_json_begin_object(json);
  put_head(json, report, "sockets");
  put_uint(json, "sockets", list->entries->len);
  la_json_key(json, "by_state");
  la_json_begin_object(json);
  for (unsigned i = LA_SOCKET_LISTEN; i < LA_SOCKET_STATE_N; i++)
    put_uint(json, la_socket_state_name((LaSocketState)i), list->by_state[i]);
  la_json_end_object(json);
  put_uint(json, "close_wait_over_5s", forgotten);
  put_uint(json, "services", list->services->len);
  put_uint(json, "ephemeral_ports", list->ports);
  if (report->scan != NULL) {
    put_uint(json, "processes_read", report->scan->processes);
    put_uint(json, "processes_hidden", report->scan->hidden);
    la_json_key(json, "processes_cut");
    la_json_bool(json, report->scan->cut);
  }
  la_json_end_object(json);
}

void la_socket_report_ndjson(const LaSocketReport *report, LaOutput *out)
{
  GString *text = la_output_buffer(out);
  const GArray *entries = report->list->entries;
  for (guint i = 0; i <= entries->len; i++) {
    LaJson json;
    la_json_init(&json, text);
    if (i < entries->len)
      put_socket(&json, report, &g_array_index(entries, LaSocketEntry, i));
    else
      put_summary(&json, report);
    g_string_append_c(text, '\n');
    la_output_settle(out);
  }
}
