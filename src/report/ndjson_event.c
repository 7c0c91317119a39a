/* The records that only a capture that goes on has: `finding` and `stats`. */
#include <assert.h>

#include "report/ndjson.h"

static const char *const event_names[] = {"raised", "updated", "ended", "withdrawn"};
static_assert(G_N_ELEMENTS(event_names) == LA_EVENT_N, "a name for each kind of event");

const char *la_event_name(LaEventKind kind)
{
  return event_names[kind];
}

static void write_count(LaJson *json, const char *key, uint64_t value)
{
  la_json_key(json, key);
  la_json_uint(json, value);
}

static void write_socket(LaJson *json, const LaEventSocket *socket)
{
  la_json_key(json, "socket");
  la_json_begin_object(json);
  la_json_key(json, "side");
  la_json_string(json, la_side_name((LaSide)socket->side));
  la_json_key(json, "state");
  la_json_string(json, socket->state);
  write_count(json, "uid", socket->uid);
  write_count(json, "inode", socket->inode);
  write_count(json, "unread_bytes", socket->receive_queue);
  if (socket->cgroup != 0)
    write_count(json, "cgroup", socket->cgroup);
  if (socket->pid != 0) {
    write_count(json, "pid", socket->pid);
    la_json_key(json, "command");
    la_json_string(json, socket->command);
    write_count(json, "descriptors", socket->descriptors);
    if (socket->descriptor_limit != 0)
      write_count(json, "descriptor_limit", socket->descriptor_limit);
  }
  la_json_end_object(json);
}

void la_json_event(LaJson *json, const LaEventRecord *event)
{
  la_json_begin_record(json, "finding");
  la_json_key(json, "event");
  la_json_string(json, la_event_name(event->kind));
  la_json_key(json, "key");
  la_json_string(json, event->key);
  la_json_key(json, "told_at");
  la_json_time(json, event->at);
  if (event->connection != 0) {
    la_json_key(json, "connection");
    la_json_begin_object(json);
    la_json_key(json, "id");
    la_json_uint(json, event->connection);
    la_json_host_port(json, "client", &event->client);
    la_json_host_port(json, "server", &event->server);
    la_json_end_object(json);
  } else {
    la_json_key(json, "subject");
    la_json_subject(json, &event->subject);
  }
  if (event->held_back != 0) {
    la_json_key(json, "held_back");
    la_json_uint(json, event->held_back);
  }
  if (event->socket.known != 0)
    write_socket(json, &event->socket);
  la_json_key(json, "finding");
  la_json_finding(json, &event->finding, event->sentence);
  la_json_end_object(json);
}

void la_json_stats(LaJson *json, const LaStatsRecord *stats)
{
  la_json_begin_record(json, "stats");
  la_json_key(json, "at");
  la_json_time(json, stats->at);
  la_json_key(json, "interval_s");
  la_json_span(json, stats->interval);
  la_json_key(json, "connections");
  la_json_begin_object(json);
  for (unsigned state = 0; state < LA_TCP_STATE_N; state++)
    if (stats->states[state] != 0)
      write_count(json, la_tcp_state_name((LaTcpState)state), stats->states[state]);
  la_json_end_object(json);
  write_count(json, "packets", stats->packets);
  la_json_key(json, "dropped");
  la_json_begin_object(json);
  write_count(json, "kernel", stats->kernel_drops);
  write_count(json, "interface", stats->interface_drops);
  la_json_end_object(json);
  write_count(json, "evicted", stats->evicted);
  write_count(json, "bytes", stats->bytes);
  if (stats->asked_kernel != 0) {
    write_count(json, "sockets", stats->sockets);
    write_count(json, "sockets_unseen", stats->unseen);
    write_count(json, "contradictions", stats->contradicts);
  }
  la_json_end_object(json);
}
