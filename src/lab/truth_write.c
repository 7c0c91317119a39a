/* Theory of operation.
 *
 * The form of a truth file is described in man/lastack-lab.1. Times are seconds since the epoch on the capture's clock, rounded to a
 * microsecond: everything was dated by the monotonic clock, and one offset for the whole run makes them comparable. Rows of two
 * sources are merged by time; of equal times the tracepoint's row comes first. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/truth_private.h"

static const char *const end_names[] = {[LA_LAB_CLIENT] = "client", [LA_LAB_SERVER] = "server"};

enum {
  BUCKET_PERIODS = 4,
};

static void write_seconds(LaJson *json, const LaLabTruth *truth, const char *key, LaTime time)
{
  LaTime wall = (time + truth->setup.wall_offset) / LA_USEC;
  la_json_key(json, key);
  la_json_double(json, (double)wall / 1e6);
}

static void write_span(LaJson *json, const char *key, LaTime span)
{
  la_json_key(json, key);
  la_json_double(json, la_time_seconds(span));
}

static void write_text(LaJson *json, const char *key, const char *text)
{
  la_json_key(json, key);
  la_json_string(json, text);
}

static void write_int(LaJson *json, const char *key, int64_t value)
{
  la_json_key(json, key);
  la_json_int(json, value);
}

static void write_bool(LaJson *json, const char *key, bool value)
{
  la_json_key(json, key);
  la_json_bool(json, value);
}

static void write_addr(LaJson *json, const char *key, const LaAddr *addr, LaFamily family)
{
  char text[LA_ADDR_TEXT_MAX];
  write_text(json, key, la_addr_format(addr, family, text));
}

static void write_host_port(LaJson *json, const char *key, const LaHostPort *at, LaFamily family)
{
  char text[LA_ADDR_TEXT_MAX];
  la_json_key(json, key);
  la_json_begin_array(json);
  la_json_string(json, la_addr_format(&at->addr, family, text));
  la_json_int(json, at->port);
  la_json_end_array(json);
}

/* Objects of one array stand on a line of their own: a person reads these files too. */
static void begin_row(LaJson *json)
{
  la_json_begin_object(json);
  g_string_insert_c(json->out, (gssize)json->out->len - 1, '\n');
}

static int by_time(gconstpointer a, gconstpointer b)
{
  const LaLabStateRow *x = a, *y = b;
  if (x->time != y->time)
    return x->time < y->time ? -1 : 1;
  return (int)x->source - (int)y->source;
}

/* What a dump saw in place of the socket that the row says was closed; NULL. */
static const char *bucket_of(const LaLabTruth *truth, const GArray *states, guint at)
{
  const LaLabStateRow *row = &g_array_index(states, LaLabStateRow, at);
  if (row->source != LA_LAB_FROM_TRACE || strcmp(row->new_state, "CLOSE") != 0)
    return NULL;
  for (guint i = at + 1; i < states->len; i++) {
    const LaLabStateRow *next = &g_array_index(states, LaLabStateRow, i);
    if (next->end != row->end)
      continue;
    bool near = next->time - row->time < BUCKET_PERIODS * truth->setup.period + 50 * LA_MSEC;
    return near && g_str_has_prefix(next->new_state, "tw:") ? next->new_state : NULL;
  }
  return NULL;
}

static void write_states(LaJson *json, const LaLabTruth *truth, const GArray *states)
{
  static const char *const sources[] = {[LA_LAB_FROM_TRACE] = "trace", [LA_LAB_FROM_DIAG] = "diag", [LA_LAB_FROM_LAB] = "lab"};
  la_json_key(json, "states");
  la_json_begin_array(json);
  for (guint i = 0; i < states->len; i++) {
    const LaLabStateRow *row = &g_array_index(states, LaLabStateRow, i);
    begin_row(json);
    write_seconds(json, truth, "t", row->time);
    write_text(json, "end", end_names[row->end]);
    write_text(json, "old", row->old_state);
    write_text(json, "new", row->new_state);
    write_text(json, "src", sources[row->source]);
    const char *bucket = bucket_of(truth, states, i);
    if (bucket != NULL)
      write_text(json, "bucket", bucket);
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

static void write_events(LaJson *json, const LaLabTruth *truth, const GArray *events)
{
  static const char *const names[] = {[LA_TRACE_STATE] = "inet_sock_set_state",
                                      [LA_TRACE_SEND_RESET] = "tcp_send_reset",
                                      [LA_TRACE_RECEIVE_RESET] = "tcp_receive_reset",
                                      [LA_TRACE_RETRANSMIT] = "tcp_retransmit_skb"};
  la_json_key(json, "events");
  la_json_begin_array(json);
  for (guint i = 0; i < events->len; i++) {
    const LaLabEventRow *row = &g_array_index(events, LaLabEventRow, i);
    begin_row(json);
    write_seconds(json, truth, "t", row->time);
    write_text(json, "end", end_names[row->end]);
    write_text(json, "ev", names[row->kind]);
    if (row->state != NULL)
      write_text(json, "state", row->state);
    if (row->reason[0] != '\0')
      write_text(json, "reason", row->reason);
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

static void write_samples(LaJson *json, const LaLabTruth *truth, const GArray *samples)
{
  la_json_key(json, "samples");
  la_json_begin_array(json);
  for (guint i = 0; i < samples->len; i++) {
    const LaLabSampleRow *row = &g_array_index(samples, LaLabSampleRow, i);
    begin_row(json);
    write_seconds(json, truth, "t", row->time);
    write_text(json, "end", end_names[row->end]);
    write_text(json, "state", row->state);
    la_json_key(json, "cookie");
    la_json_uint(json, row->cookie);
    if (strcmp(row->state, "GONE") != 0) {
      write_bool(json, "owned", row->owned);
      write_int(json, "timer", row->timer);
      write_int(json, "retrans", row->retries);
      write_int(json, "expires_ms", row->expires / LA_MSEC);
      write_int(json, "rq", row->receive_queue);
      write_int(json, "wq", row->send_queue);
    }
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

/* The states in their order, those of a dump in place of CLOSE, and the last of them in `ret_final` (NULL: none). */
static void write_path(LaJson *json, const LaLabTruth *truth, const GArray *states, LaLabEnd end, const char **ret_final)
{
  const char *last = NULL;
  la_json_key(json, end_names[end]);
  la_json_begin_array(json);
  for (guint i = 0; i < states->len; i++) {
    const LaLabStateRow *row = &g_array_index(states, LaLabStateRow, i);
    if (row->end != end)
      continue;
    const char *bucket = bucket_of(truth, states, i);
    const char *state = bucket != NULL ? bucket : row->new_state;
    if (last == NULL || strcmp(last, state) != 0)
      la_json_string(json, state);
    last = state;
  }
  la_json_end_array(json);
  *ret_final = last;
}

static bool same_conn(const LaLabConn *conn, const LaLabNetworkRow *row)
{
  const LaHostPort *from = &conn->key.at[row->from], *to = &conn->key.at[LA_LAB_OTHER(row->from)];
  return from->port == row->src.port && to->port == row->dst.port && la_addr_equal(&from->addr, &row->src.addr) &&
         la_addr_equal(&to->addr, &row->dst.addr);
}

static void write_drops(LaJson *json, const LaLabTruth *truth, const LaLabConn *conn)
{
  la_json_key(json, "drops");
  la_json_begin_array(json);
  for (guint i = 0; i < truth->network->len; i++) {
    const LaLabNetworkRow *row = &g_array_index(truth->network, LaLabNetworkRow, i);
    if (strcmp(row->action, "drop") != 0 || !same_conn(conn, row))
      continue;
    la_json_begin_object(json);
    write_text(json, "dir", row->from == LA_LAB_CLIENT ? "c2s" : "s2c");
    write_text(json, "where", row->where);
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

static void write_intent(LaJson *json, const LaLabTruth *truth, const LaLabConn *conn)
{
  const LaLabExperiment *experiment = truth->setup.experiment;
  for (size_t i = 0; i < experiment->intents_n; i++) {
    const LaLabIntent *intent = &experiment->intents[i];
    if (intent->port != conn->key.at[LA_LAB_CLIENT].port)
      continue;
    la_json_key(json, "plan");
    la_json_begin_object(json);
    write_text(json, "client", intent->client);
    write_text(json, "server", intent->server);
    write_int(json, "dport", conn->key.at[LA_LAB_SERVER].port);
    la_json_end_object(json);
    write_drops(json, truth, conn);
    return;
  }
}

/* Whether the path made up the client: then no kernel has a record of it. */
static bool is_forged(const LaLabTruth *truth, const LaLabConn *conn)
{
  size_t last = truth->setup.family == LA_FAMILY_IPV6 ? 15 : 3;
  unsigned count = MAX(truth->setup.experiment->addresses[LA_LAB_CLIENT], 1u);
  return conn->key.at[LA_LAB_CLIENT].addr.bytes[last] >= truth->setup.address[LA_LAB_CLIENT].bytes[last] + count;
}

static void write_conn(LaJson *json, const LaLabTruth *truth, const LaLabConn *conn)
{
  begin_row(json);
  write_int(json, "id", conn->id);
  for (int end = 0; end < LA_LAB_END_N; end++)
    write_host_port(json, end_names[end], &conn->key.at[end], truth->setup.family);
  if (is_forged(truth, conn))
    write_text(json, "forged", end_names[LA_LAB_CLIENT]);
  write_states(json, truth, conn->states);
  write_events(json, truth, conn->events);
  write_samples(json, truth, conn->samples);
  const char *finals[LA_LAB_END_N];
  la_json_key(json, "path");
  la_json_begin_object(json);
  for (int end = 0; end < LA_LAB_END_N; end++)
    write_path(json, truth, conn->states, (LaLabEnd)end, &finals[end]);
  la_json_end_object(json);
  la_json_key(json, "final");
  la_json_begin_object(json);
  for (int end = 0; end < LA_LAB_END_N; end++)
    write_text(json, end_names[end], finals[end]);
  la_json_end_object(json);
  la_json_key(json, "max_retrans");
  la_json_begin_object(json);
  for (int end = 0; end < LA_LAB_END_N; end++)
    write_int(json, end_names[end], conn->max_retries[end]);
  la_json_end_object(json);
  write_intent(json, truth, conn);
  la_json_end_object(json);
}

static void write_words(LaJson *json, const char *key, const char *words)
{
  g_auto(GStrv) list = g_strsplit(words, "|", -1);
  la_json_key(json, key);
  la_json_begin_array(json);
  for (size_t i = 0; list[i] != NULL; i++)
    la_json_string(json, list[i]);
  la_json_end_array(json);
}

/* The connection from that port of the client; 0: none. */
static unsigned id_of_port(const LaLabTruth *truth, uint16_t port)
{
  for (guint i = 0; i < truth->conns->len; i++) {
    const LaLabConn *conn = truth->conns->pdata[i];
    if (conn->key.at[LA_LAB_CLIENT].port == port)
      return conn->id;
  }
  return 0;
}

static void write_expected(LaJson *json, const LaLabTruth *truth)
{
  la_json_key(json, "expected");
  la_json_begin_array(json);
  for (int i = 0; i < LA_LAB_EXPECTED; i++) {
    const LaLabExpected *expected = &truth->setup.experiment->expected[i];
    if (expected->finding == NULL)
      continue;
    g_auto(GStrv) blames = g_strsplit(expected->blame, "|", -1);
    g_auto(GStrv) codes = g_strsplit(expected->finding, "|", -1);
    begin_row(json);
    write_text(json, "finding", codes[0] != NULL ? codes[0] : "clean-close");
    write_words(json, "codes", expected->finding);
    write_text(json, "blame", blames[0]);
    write_words(json, "blame_accepted", expected->blame);
    write_bool(json, "owed", expected->owed == LA_LAB_OWED);
    write_bool(json, "visible_in_capture", expected->owed != LA_LAB_INVISIBLE);
    la_json_key(json, "conn");
    unsigned id = id_of_port(truth, expected->port);
    if (expected->port == 0 || id == 0)
      la_json_null(json);
    else
      la_json_int(json, id);
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

static void write_apps(LaJson *json, const LaLabTruth *truth)
{
  la_json_key(json, "app");
  la_json_begin_array(json);
  for (guint i = 0; i < truth->apps->len; i++) {
    const LaLabAppRow *row = &g_array_index(truth->apps, LaLabAppRow, i);
    const LaLabReport *report = &row->report;
    if (report->finished)
      continue;
    begin_row(json);
    write_seconds(json, truth, "t", report->time);
    write_text(json, "end", end_names[row->end]);
    write_int(json, "process", report->actor);
    write_text(json, "action", la_lab_op_name((LaLabOp)report->op));
    if (report->local.family != LA_FAMILY_NONE)
      write_host_port(json, "local", &report->local, truth->setup.family);
    if (report->remote.family != LA_FAMILY_NONE)
      write_host_port(json, "peer", &report->remote, truth->setup.family);
    if (report->port != 0)
      write_int(json, "port", report->port);
    if (report->n != 0)
      write_int(json, "n", report->n);
    if (report->end_of_stream)
      write_bool(json, "eof", true);
    if (report->code != 0)
      write_text(json, "error", g_strerror(report->code));
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

static void write_flags(LaJson *json, unsigned flags)
{
  static const char letters[] = "FSRPAU";
  char text[sizeof letters];
  size_t len = 0;
  for (size_t i = 0; letters[i] != '\0'; i++) {
    if (flags & 1u << i)
      text[len++] = letters[i];
  }
  text[len] = '\0';
  write_text(json, "flags", text);
}

static void write_network(LaJson *json, const LaLabTruth *truth)
{
  la_json_key(json, "network");
  la_json_begin_array(json);
  for (guint i = 0; i < truth->network->len; i++) {
    const LaLabNetworkRow *row = &g_array_index(truth->network, LaLabNetworkRow, i);
    begin_row(json);
    write_seconds(json, truth, "t", row->time);
    write_text(json, "action", row->action);
    write_text(json, "dir", row->from == LA_LAB_CLIENT ? "c2s" : "s2c");
    write_text(json, "where", row->where);
    la_json_key(json, "pkt");
    la_json_begin_object(json);
    write_int(json, "sport", row->src.port);
    write_int(json, "dport", row->dst.port);
    write_flags(json, row->flags);
    la_json_key(json, "seq");
    la_json_uint(json, row->seq);
    la_json_key(json, "ack");
    la_json_uint(json, row->ack);
    write_int(json, "len", row->payload_len);
    la_json_end_object(json);
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

static void write_queues(LaJson *json, const LaLabTruth *truth)
{
  la_json_key(json, "listener_queue");
  la_json_begin_array(json);
  for (guint i = 0; i < truth->queues->len; i++) {
    const LaLabQueueRow *row = &g_array_index(truth->queues, LaLabQueueRow, i);
    begin_row(json);
    write_seconds(json, truth, "t", row->time);
    write_text(json, "end", end_names[row->end]);
    write_int(json, "port", row->port);
    write_int(json, "accept_queue", row->waiting);
    write_int(json, "backlog", row->backlog);
    la_json_end_object(json);
  }
  la_json_end_array(json);
}

static void write_sysctls(LaJson *json, const LaLabExperiment *experiment)
{
  la_json_key(json, "sysctl");
  la_json_begin_object(json);
  for (int end = 0; end < LA_LAB_END_N; end++) {
    la_json_key(json, end_names[end]);
    la_json_begin_object(json);
    for (int i = 0; i < LA_LAB_SYSCTLS; i++) {
      const LaLabSysctl *sysctl = &experiment->sysctls[i];
      if (sysctl->name != NULL && (sysctl->end == end || sysctl->end == LA_LAB_END_N)) {
        la_json_key_text(json, sysctl->name);
        la_json_string(json, sysctl->value);
      }
    }
    la_json_end_object(json);
  }
  la_json_end_object(json);
}

static void write_clock(LaJson *json, const LaLabTruth *truth, const LaLabRecording *recording)
{
  la_json_key(json, "clock");
  la_json_begin_object(json);
  write_text(json, "trace_clock", truth->setup.no_trace == NULL ? "mono" : NULL);
  if (truth->setup.no_trace != NULL)
    write_text(json, "no_trace", truth->setup.no_trace);
  write_int(json, "trace_lost", (int64_t)recording->trace_lost);
  write_span(json, "diag_period", truth->setup.period);
  la_json_end_object(json);
}

static void write_capture(LaJson *json, const LaLabTruth *truth, const LaLabRecording *recording)
{
  la_json_key(json, "captures");
  la_json_begin_array(json);
  la_json_begin_object(json);
  write_text(json, "file", truth->setup.capture);
  write_text(json, "interface", "router");
  write_seconds(json, truth, "t_start", recording->started);
  write_seconds(json, truth, "t_stop", recording->stopped);
  write_int(json, "packets", (int64_t)recording->packets);
  la_json_end_object(json);
  la_json_end_array(json);
}

static void write_head(LaJson *json, const LaLabTruth *truth, const LaLabRecording *recording)
{
  const LaLabTruthSetup *setup = &truth->setup;
  write_int(json, "schema", 1);
  write_text(json, "scenario", setup->experiment->name);
  write_text(json, "title", setup->experiment->summary);
  write_text(json, "family", la_lab_group_of(setup->experiment));
  write_bool(json, "ipv6", setup->family == LA_FAMILY_IPV6);
  write_text(json, "scripted_end", NULL);
  write_text(json, "capture_point", "in the middle: the router");
  la_json_key(json, "wire");
  la_json_begin_object(json);
  write_span(json, "delay_c", setup->wire->delay[LA_LAB_CLIENT]);
  write_span(json, "delay_s", setup->wire->delay[LA_LAB_SERVER]);
  write_int(json, "hop_c", setup->wire->hops[LA_LAB_CLIENT]);
  write_int(json, "hop_s", setup->wire->hops[LA_LAB_SERVER]);
  la_json_end_object(json);
  write_text(json, "kernel", setup->kernel);
  write_seconds(json, truth, "t_end", recording->end);
  write_capture(json, truth, recording);
  write_clock(json, truth, recording);
  la_json_key(json, "addresses");
  la_json_begin_object(json);
  for (int end = 0; end < LA_LAB_END_N; end++)
    write_addr(json, end_names[end], &setup->address[end], setup->family);
  la_json_end_object(json);
  write_sysctls(json, setup->experiment);
}

void la_lab_truth_write(LaLabTruth *truth, const LaLabRecording *recording, GString *out)
{
  LaJson json;
  la_json_init(&json, out);
  la_json_begin_object(&json);
  write_head(&json, truth, recording);
  write_expected(&json, truth);
  la_json_key(&json, "connections");
  la_json_begin_array(&json);
  for (guint i = 0; i < truth->conns->len; i++) {
    LaLabConn *conn = truth->conns->pdata[i];
    g_array_sort(conn->states, by_time); /* stable */
    write_conn(&json, truth, conn);
  }
  la_json_end_array(&json);
  write_queues(&json, truth);
  write_apps(&json, truth);
  write_network(&json, truth);
  la_json_end_object(&json);
  g_string_append_c(out, '\n');
}
