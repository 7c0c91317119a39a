/* The generator has a schedule (so many messages a second, evenly) or answers itself (each client sends its next batch when
 * the last one was answered). With a schedule the latency counts from when a message was due, not from when it could be
 * sent: a server that stalls must not make its own figures better by holding up the clients that measure it.
 *
 * First the connections are made, at most CONNECTING_MAX at a time, so that a full accept queue does not turn into SYN
 * retries; then the clock of the run starts; when the time is over, the answers still due are waited for, and all
 * connections are closed in good order. */
#include "chat/load.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "chat/load_private.h"

#define CONNECTING_MAX 64
/* So many batches may wait for answers; what is due beyond them is dropped and counted. */
#define OUTSTANDING_MAX 65536
#define TICK (50 * LA_MSEC)
#define PROGRESS_INTERVAL (100 * LA_MSEC)
#define CLOSE_PATIENCE (3 * LA_SEC)
/* A lane that failed so often before the run is not waited for. */
#define FAILURES_MAX 3

bool la_chat_load_mode_parse(const char *text, LaChatLoadMode *ret_mode, GError **error)
{
  guint64 size = 0;
  if (strcmp(text, "short") == 0) {
    *ret_mode = (LaChatLoadMode){.kind = LA_CHAT_LOAD_SHORT};
  } else if (strcmp(text, "long") == 0) {
    *ret_mode = (LaChatLoadMode){.kind = LA_CHAT_LOAD_LONG};
  } else if (strcmp(text, "shared") == 0) {
    *ret_mode = (LaChatLoadMode){.kind = LA_CHAT_LOAD_SHARED};
  } else if (g_str_has_prefix(text, "pool:") && g_ascii_string_to_unsigned(text + 5, 10, 1, 10000, &size, NULL)) {
    *ret_mode = (LaChatLoadMode){.kind = LA_CHAT_LOAD_POOL, .size = (unsigned)size};
  } else {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%s' is no mode: write short, long, shared or pool:N", text);
    return false;
  }
  return true;
}

char *la_chat_load_mode_format(LaChatLoadMode mode)
{
  switch (mode.kind) {
  case LA_CHAT_LOAD_SHORT: return g_strdup("short");
  case LA_CHAT_LOAD_LONG: return g_strdup("long");
  case LA_CHAT_LOAD_SHARED: return g_strdup("shared");
  case LA_CHAT_LOAD_POOL: break;
  }
  return g_strdup_printf("pool:%u", mode.size);
}

LaChatLoadConfig la_chat_load_config_default(void)
{
  return (LaChatLoadConfig){.connect = {.port = LA_CHAT_DEFAULT_PORT,
                                        .reach = LA_CHAT_LOOPBACK_ONLY,
                                        .timeout = 5 * LA_SEC,
                                        .attempts = 1,
                                        .tuning = LA_CHAT_TUNING_DEFAULT,
                                        .stop_fd = -1},
                            .clients = 50,
                            .rate = 500,
                            .duration = 10 * LA_SEC,
                            .mode = {.kind = LA_CHAT_LOAD_LONG},
                            .batch = 1,
                            .room_size = 2,
                            .text_size = 32,
                            .reply_timeout = 5 * LA_SEC};
}

static LaTime now_of(const LaChatLoad *load)
{
  return la_chat_clock_now(load->config->connect.clock);
}

static unsigned lane_count_of(const LaChatLoadConfig *config)
{
  switch (config->mode.kind) {
  case LA_CHAT_LOAD_SHORT:
  case LA_CHAT_LOAD_LONG: return config->clients;
  case LA_CHAT_LOAD_SHARED: return 1;
  case LA_CHAT_LOAD_POOL: break;
  }
  return config->mode.size;
}

/* Puts a batch of `client` where the mode wants it. */
static void add_batch(LaChatLoad *load, unsigned client, LaTime due)
{
  if (load->outstanding >= OUTSTANDING_MAX) {
    load->result.dropped += load->config->batch;
    return;
  }
  LaChatBatch *batch = g_new(LaChatBatch, 1);
  *batch = (LaChatBatch){.due = due, .client = client, .left = load->config->batch};
  load->outstanding++;
  if (load->config->mode.kind == LA_CHAT_LOAD_POOL)
    g_queue_push_tail(&load->waiting, batch);
  else
    g_queue_push_tail(&load->lanes[client % load->lane_count].waiting, batch);
}

void la_chat_load_batch_done(LaChatLoad *load, LaChatBatch *batch)
{
  unsigned client = batch->client;
  g_free(batch);
  load->outstanding--;
  if (load->generating && load->config->rate <= 0)
    add_batch(load, client, now_of(load));
}

/* Adds what is due by the schedule. */
static void generate(LaChatLoad *load, LaTime now)
{
  if (!load->generating || load->config->rate <= 0)
    return;
  while (load->next_due <= now && load->next_due < load->end) {
    add_batch(load, load->next_client, load->next_due);
    load->next_client = (load->next_client + 1) % load->config->clients;
    load->next_due += load->interval;
  }
}

static void stop_ready(LaChatSource *source, unsigned events G_GNUC_UNUSED)
{
  LaChatLoad *load = source->owner;
  /* It stays readable, for it is not ours to read. */
  la_chat_poll_set_remove(&load->set, source);
  load->stopped = true;
}

/* Whether this lane should be connected now. */
static bool should_start(const LaChatLoad *load, const LaChatLane *lane, LaTime now)
{
  if (lane->state != LA_CHAT_LANE_CLOSED || lane->deadline > now || load->connecting >= CONNECTING_MAX)
    return false;
  if (load->config->mode.kind == LA_CHAT_LOAD_SHORT)
    return lane->waiting.length > 0;
  return load->begin == LA_TIME_NONE || load->generating || load->outstanding > 0;
}

static void step(LaChatSource *source, unsigned events)
{
  source->ready(source, events);
}

/* Lets every lane do what it can, then waits once, until `until` at the latest. */
static bool turn(LaChatLoad *load, LaTime until, GError **error)
{
  LaTime now = now_of(load);
  generate(load, now);
  for (unsigned i = 0; i < load->lane_count; i++) {
    LaChatLane *lane = &load->lanes[i];
    la_chat_lane_tick(lane, now);
    if (should_start(load, lane, now))
      la_chat_lane_start(lane);
    la_chat_lane_pump(lane);
  }
  if (load->generating && load->config->rate > 0)
    until = MIN(until, load->next_due);
  if (!la_chat_poll_set_wait(&load->set, MIN(until - now_of(load), TICK), error))
    return false;
  la_chat_poll_set_dispatch(&load->set, step);
  return true;
}

static unsigned count_ready(const LaChatLoad *load)
{
  unsigned count = 0;
  for (unsigned i = 0; i < load->lane_count; i++)
    count += load->lanes[i].ever_ready;
  return count;
}

static bool all_decided(const LaChatLoad *load)
{
  for (unsigned i = 0; i < load->lane_count; i++) {
    if (!load->lanes[i].ever_ready && load->lanes[i].failures < FAILURES_MAX)
      return false;
  }
  return true;
}

/* Makes the connections that stay. Some may fail; with none at all there is nothing to measure. */
static bool connect_all(LaChatLoad *load, GError **error)
{
  const LaChatConnectOptions *options = &load->config->connect;
  if (load->config->mode.kind == LA_CHAT_LOAD_SHORT)
    return true;
  LaTime patience = la_time_add(now_of(load), la_time_add(options->timeout, load->config->reply_timeout));
  while (!load->stopped && !all_decided(load) && now_of(load) < patience) {
    if (!turn(load, patience, error))
      return false;
  }
  if (count_ready(load) > 0 || load->stopped)
    return true;
  const char *why = load->first_error != 0 ? g_strerror(load->first_error) : "the login was refused or not answered";
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot connect to %s, port %u: %s", options->host, (unsigned)options->port,
              why);
  return false;
}

/* False with an error when there was nobody to measure. */
static bool check_reached(const LaChatLoad *load, GError **error)
{
  const LaChatConnectOptions *options = &load->config->connect;
  if (load->stopped || load->result.connections > 0)
    return true;
  const char *why = load->first_error != 0 ? g_strerror(load->first_error) : "no answer";
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot connect to %s, port %u: %s", options->host, (unsigned)options->port,
              why);
  return false;
}

static void tell_progress(LaChatLoad *load, LaTime now, LaTime *next)
{
  if (load->config->progress == NULL || now < *next)
    return;
  double share = (double)(now - load->begin) / (double)load->config->duration;
  load->config->progress(load->config->ctx, MIN(share, 1.0), load->result.answered);
  *next = now + PROGRESS_INTERVAL;
}

/* The run itself: until the time is over, and then until the last answer. */
static bool measure(LaChatLoad *load, GError **error)
{
  const LaChatLoadConfig *config = load->config;
  load->begin = load->last_answer = load->next_due = now_of(load);
  load->end = la_time_add(load->begin, config->duration);
  if (config->rate > 0)
    load->interval = (LaTime)MAX(1.0, llround((double)config->batch * 1e9 / config->rate));
  load->generating = true;
  for (unsigned i = 0; config->rate <= 0 && i < config->clients; i++)
    add_batch(load, i, load->begin);
  LaTime next_progress = load->begin;
  LaTime now = load->begin;
  while (!load->stopped && now < load->end) {
    if (!turn(load, load->end, error))
      return false;
    now = now_of(load);
    tell_progress(load, now, &next_progress);
  }
  if (!load->stopped)
    generate(load, load->end);
  load->generating = false;
  load->end = MIN(now, load->end);
  LaTime patience = la_time_add(now, config->reply_timeout);
  while (!load->stopped && load->outstanding > 0 && now_of(load) < patience) {
    if (!turn(load, patience, error))
      return false;
  }
  return true;
}

/* Counts what was never answered. */
static void count_rest(LaChatLoad *load, GQueue *queue)
{
  for (GList *at = queue->head; at != NULL; at = at->next)
    load->result.timeouts += ((const LaChatBatch *)at->data)->left;
}

static bool close_all(LaChatLoad *load, GError **error)
{
  count_rest(load, &load->waiting);
  for (unsigned i = 0; i < load->lane_count; i++) {
    count_rest(load, &load->lanes[i].waiting);
    count_rest(load, &load->lanes[i].outstanding);
    g_queue_clear_full(&load->lanes[i].waiting, g_free);
    g_queue_clear_full(&load->lanes[i].outstanding, g_free);
    la_chat_lane_close(&load->lanes[i]);
  }
  g_queue_clear_full(&load->waiting, g_free);
  load->outstanding = 0;
  LaTime patience = la_time_add(now_of(load), CLOSE_PATIENCE);
  unsigned closing = 1;
  while (closing > 0 && now_of(load) < patience) {
    if (!turn(load, patience, error))
      return false;
    closing = 0;
    for (unsigned i = 0; i < load->lane_count; i++)
      closing += load->lanes[i].state == LA_CHAT_LANE_CLOSING;
  }
  return true;
}

static bool check_config(const LaChatLoadConfig *config, GError **error)
{
  if (config->clients > 0 && config->batch > 0 && config->room_size > 0 && config->duration > 0 && isfinite(config->rate) &&
      config->rate >= 0)
    return true;
  g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "a load needs at least one client, a batch of one and a duration");
  return false;
}

static void finish_result(LaChatLoad *load)
{
  LaChatLoadResult *result = &load->result;
  result->elapsed = MAX(load->last_answer, load->end) - load->begin;
  result->p50 = la_chat_histogram_percentile(load->latency, 0.50);
  result->p99 = la_chat_histogram_percentile(load->latency, 0.99);
  result->max = la_chat_histogram_percentile(load->latency, 1);
  result->wait_p50 = la_chat_histogram_percentile(load->waited, 0.50);
  result->wait_p99 = la_chat_histogram_percentile(load->waited, 0.99);
  result->wait_max = la_chat_histogram_percentile(load->waited, 1);
}

static void load_clear(LaChatLoad *load)
{
  for (unsigned i = 0; i < load->lane_count; i++)
    la_chat_lane_clear(&load->lanes[i]);
  g_queue_clear_full(&load->waiting, g_free);
  g_free(load->lanes);
  g_free(load->text);
  g_free(load->latency);
  g_free(load->waited);
  la_chat_poll_set_clear(&load->set);
}

bool la_chat_load_run(const LaChatLoadConfig *config, LaChatLoadResult *ret_result, LaChatLoadEnding *ret_ending,
                      GError **error)
{
  if (!check_config(config, error))
    return false;
  unsigned lanes = lane_count_of(config);
  g_autofree char *what = g_strdup_printf("%u connections", lanes);
  if (!la_chat_limit_raise(la_chat_descriptors().used + lanes + 16, what, error))
    return false;
  g_autoptr(GArray) addresses = la_chat_connect_resolve(&config->connect, error);
  if (addresses == NULL)
    return false;
  LaChatLoad load = {.config = config,
                     .address = g_array_index(addresses, LaChatAddress, 0),
                     .lane_count = lanes,
                     .lanes = g_new(LaChatLane, lanes),
                     .waiting = G_QUEUE_INIT,
                     .text = g_strnfill(config->text_size, 'x'),
                     .begin = LA_TIME_NONE,
                     .latency = g_new0(LaChatHistogram, 1),
                     .waited = g_new0(LaChatHistogram, 1)};
  la_chat_poll_set_init(&load.set);
  for (unsigned i = 0; i < lanes; i++)
    la_chat_lane_init(&load.lanes[i], &load, i);
  if (config->connect.stop_fd >= 0) {
    load.stop = (LaChatSource){.fd = config->connect.stop_fd, .want = LA_CHAT_READ, .ready = stop_ready, .owner = &load};
    la_chat_poll_set_add(&load.set, &load.stop);
  }
  bool ok = connect_all(&load, error) && measure(&load, error) && close_all(&load, error) && check_reached(&load, error);
  if (ok) {
    finish_result(&load);
    *ret_result = load.result;
    *ret_ending = load.stopped ? LA_CHAT_LOAD_STOPPED : LA_CHAT_LOAD_DONE;
  }
  load_clear(&load);
  return ok;
}
