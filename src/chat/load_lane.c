/* One connection of the load generator. It connects, logs in under a name of its own and enters a room; then it carries
 * batches. The server answers in order, so that the answers of a connection belong to the batches in the order in which
 * they were sent; the ids prove it.
 *
 * A batch waits while its connection is busy with earlier ones. That time is measured for itself: from when the batch was
 * due to when the connection was free for it (not counting the time to connect, or until the generator woke up). On a shared connection it is what a client waits behind the others, in a pool
 * the wait for a free connection, with a connection of one's own the wait behind one's own earlier messages. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat/load_private.h"
#include "chat/protocol.h"

#define READ_BUDGET ((size_t)256 << 10)
#define RETRY_PAUSE (200 * LA_MSEC)
#define CLOSE_PATIENCE (2 * LA_SEC)

static LaTime now_of(const LaChatLane *lane)
{
  return la_chat_clock_now(lane->load->config->connect.clock);
}

static LaChatLoadModeKind mode_of(const LaChatLane *lane)
{
  return lane->load->config->mode.kind;
}

static bool is_starting(const LaChatLane *lane)
{
  return lane->state == LA_CHAT_LANE_CONNECTING || lane->state == LA_CHAT_LANE_LOGIN;
}

static void set_state(LaChatLane *lane, LaChatLaneState state, LaTime patience)
{
  lane->load->connecting -= is_starting(lane);
  lane->state = state;
  lane->load->connecting += is_starting(lane);
  lane->deadline = patience == LA_TIME_MAX ? LA_TIME_MAX : la_time_add(now_of(lane), patience);
}

static void lane_ready(LaChatSource *source, unsigned events);

void la_chat_lane_init(LaChatLane *lane, LaChatLoad *load, unsigned index)
{
  *lane = (LaChatLane){.load = load, .index = index, .waiting = G_QUEUE_INIT, .outstanding = G_QUEUE_INIT};
  lane->source = (LaChatSource){.fd = -1, .deadline = LA_TIME_MAX, .ready = lane_ready, .owner = lane};
}

/* Closes the descriptor and forgets what was on the way. */
static void disconnect(LaChatLane *lane)
{
  if (lane->source.fd < 0)
    return;
  la_chat_poll_set_remove(&lane->load->set, &lane->source);
  close(lane->source.fd);
  lane->source.fd = -1;
  la_chat_stream_clear(&lane->stream);
}

/* Gives up the batches of a queue, counting their messages. What their clients send instead is queued anew and stays. */
static void give_up(LaChatLane *lane, GQueue *queue, uint64_t *counter)
{
  for (guint left = queue->length; left > 0; left--) {
    LaChatBatch *batch = g_queue_pop_head(queue);
    *counter += batch->left;
    la_chat_load_batch_done(lane->load, batch);
  }
}

void la_chat_lane_clear(LaChatLane *lane)
{
  disconnect(lane);
  g_queue_clear_full(&lane->waiting, g_free);
  g_queue_clear_full(&lane->outstanding, g_free);
}

/* The connection failed: what it carried is counted as `counter` says; what still waits has to fail too where no other
 * connection will carry it. */
static void fail(LaChatLane *lane, uint64_t *counter)
{
  if (is_starting(lane)) {
    lane->load->result.connect_errors++;
    lane->failures++;
  }
  disconnect(lane);
  set_state(lane, LA_CHAT_LANE_CLOSED, RETRY_PAUSE);
  give_up(lane, &lane->outstanding, counter);
  if (mode_of(lane) == LA_CHAT_LOAD_SHORT)
    give_up(lane, &lane->waiting, counter);
}

static void want(LaChatLane *lane, unsigned events)
{
  if (lane->source.want == events)
    return;
  lane->source.want = events;
  la_chat_poll_set_update(&lane->load->set, &lane->source);
}

/* Sends what waits; false when the connection broke. */
static bool flush(LaChatLane *lane)
{
  if (!la_chat_stream_flush(&lane->stream)) {
    fail(lane, &lane->load->result.lost);
    return false;
  }
  want(lane, LA_CHAT_READ | (lane->stream.out_bytes > 0 ? (unsigned)LA_CHAT_WRITE : 0));
  return true;
}

void la_chat_lane_start(LaChatLane *lane)
{
  const LaChatConnectOptions *options = &lane->load->config->connect;
  int fd = la_chat_connect_start(&lane->load->address, options->bind, &options->tuning);
  if (fd < 0) {
    if (lane->load->first_error == 0)
      lane->load->first_error = errno;
    lane->load->result.connect_errors++;
    lane->failures++;
    set_state(lane, LA_CHAT_LANE_CLOSED, RETRY_PAUSE);
    if (mode_of(lane) == LA_CHAT_LOAD_SHORT)
      give_up(lane, &lane->waiting, &lane->load->result.lost);
    return;
  }
  lane->source.fd = fd;
  lane->source.want = LA_CHAT_WRITE;
  la_chat_poll_set_add(&lane->load->set, &lane->source);
  la_chat_stream_init(&lane->stream, fd, LA_CHAT_FRAME_MAX);
  set_state(lane, LA_CHAT_LANE_CONNECTING, options->timeout);
}

static char *room_of(const LaChatLane *lane)
{
  return g_strdup_printf("load-%u", lane->index / lane->load->config->room_size);
}

/* The connection stands: logs in and enters a room, in one go. */
static void begin_login(LaChatLane *lane)
{
  int code = la_chat_connect_outcome(lane->source.fd);
  if (code != 0) {
    if (lane->load->first_error == 0)
      lane->load->first_error = code;
    fail(lane, &lane->load->result.lost);
    return;
  }
  g_autofree char *name = g_strdup_printf("l%d-%u-%u", (int)getpid(), lane->index, lane->serial++);
  g_autofree char *room = room_of(lane);
  lane->load->result.connections++;
  lane->logins = 2;
  lane->next_id = lane->answer_id = 1;
  la_chat_stream_push(&lane->stream, la_chat_frame_login(name, 0));
  la_chat_stream_push(&lane->stream, la_chat_frame_room_request(LA_CHAT_REQUEST_JOIN, room, 0));
  set_state(lane, LA_CHAT_LANE_LOGIN, lane->load->config->reply_timeout);
  flush(lane);
}

static void send_batch(LaChatLane *lane, LaChatBatch *batch)
{
  LaTime now = now_of(lane);
  g_autofree char *room = room_of(lane);
  if (lane->outstanding.length == 0) {
    la_chat_histogram_add(lane->load->waited, lane->free_since - batch->due);
    lane->progress = now;
  }
  for (unsigned i = 0; i < batch->left; i++)
    la_chat_stream_push(&lane->stream, la_chat_frame_say(room, lane->load->text, lane->next_id++));
  lane->load->result.sent += batch->left;
  g_queue_push_tail(&lane->outstanding, batch);
}

void la_chat_lane_pump(LaChatLane *lane)
{
  if (lane->state != LA_CHAT_LANE_READY)
    return;
  LaChatLoadModeKind mode = mode_of(lane);
  GQueue *queue = mode == LA_CHAT_LOAD_POOL ? &lane->load->waiting : &lane->waiting;
  if (queue->length == 0 && lane->stream.out_bytes == 0)
    return;
  bool one_at_a_time = mode == LA_CHAT_LOAD_POOL || mode == LA_CHAT_LOAD_SHORT;
  while (queue->length > 0 && !(one_at_a_time && lane->outstanding.length > 0))
    send_batch(lane, g_queue_pop_head(queue));
  flush(lane);
}

/* The batch at the head was answered. */
static void finish_batch(LaChatLane *lane, LaTime now)
{
  lane->free_since = now;
  la_chat_load_batch_done(lane->load, g_queue_pop_head(&lane->outstanding));
  const LaChatBatch *next = g_queue_peek_head(&lane->outstanding);
  if (next != NULL)
    la_chat_histogram_add(lane->load->waited, now - next->due);
  if (mode_of(lane) == LA_CHAT_LOAD_SHORT)
    la_chat_lane_close(lane);
}

/* An answer to a message; `refused` when it was an error. False when it cannot be one. */
static bool take_answer(LaChatLane *lane, JsonObject *object, const char *type)
{
  LaChatBatch *batch = g_queue_peek_head(&lane->outstanding);
  LaTime now = now_of(lane);
  if (batch == NULL || la_chat_object_int(object, "id", LA_CHAT_NO_ID) != lane->answer_id)
    return false;
  lane->answer_id++;
  if (strcmp(type, "ok") == 0) {
    lane->load->result.answered++;
    la_chat_histogram_add(lane->load->latency, now - batch->due);
  } else {
    lane->load->result.refused++;
  }
  lane->load->last_answer = lane->progress = now;
  if (--batch->left == 0)
    finish_batch(lane, now);
  return true;
}

/* Takes a message of the server; false when the connection is of no use any more. */
static bool take_frame(LaChatLane *lane, JsonObject *object)
{
  const char *type = la_chat_object_string(object, "type", "");
  if (strcmp(type, "message") == 0) {
    lane->load->result.delivered++;
    return true;
  }
  bool is_error = strcmp(type, "error") == 0;
  if (lane->state == LA_CHAT_LANE_LOGIN) {
    if (is_error)
      return false;
    if ((strcmp(type, "welcome") == 0 || strcmp(type, "ok") == 0) && --lane->logins == 0) {
      lane->ever_ready = true;
      set_state(lane, LA_CHAT_LANE_READY, LA_TIME_MAX);
    }
    return true;
  }
  if (strcmp(type, "ok") == 0 || is_error)
    return take_answer(lane, object, type);
  return strcmp(type, "bye") != 0;
}

static void read_frames(LaChatLane *lane)
{
  LaChatReadResult result = la_chat_stream_read(&lane->stream, LA_CHAT_INPUT_KEEP, READ_BUDGET);
  const uint8_t *data;
  size_t len;
  LaChatFrameResult frame;
  bool ok = true;
  while (ok && lane->state != LA_CHAT_LANE_CLOSING &&
         (frame = la_chat_framer_next(&lane->stream.framer, &data, &len)) != LA_CHAT_FRAME_NONE) {
    JsonObject *object = NULL;
    ok = frame == LA_CHAT_FRAME_READY && la_chat_body_parse(data, len, &object) == LA_CHAT_ERROR_NONE &&
         take_frame(lane, object);
    g_clear_pointer(&object, json_object_unref);
  }
  if (lane->state == LA_CHAT_LANE_CLOSING)
    return; /* the end of the stream will be told again */
  if (!ok || result == LA_CHAT_READ_EOF || result == LA_CHAT_READ_ERROR)
    fail(lane, &lane->load->result.lost);
}

void la_chat_lane_close(LaChatLane *lane)
{
  if (lane->state != LA_CHAT_LANE_READY)
    return;
  shutdown(lane->source.fd, SHUT_WR);
  set_state(lane, LA_CHAT_LANE_CLOSING, CLOSE_PATIENCE);
}

/* A lane that was closing is closed. */
static void finish_close(LaChatLane *lane)
{
  disconnect(lane);
  set_state(lane, LA_CHAT_LANE_CLOSED, 0);
  lane->free_since = now_of(lane);
}

static void lane_ready(LaChatSource *source, unsigned events)
{
  LaChatLane *lane = source->owner;
  if (lane->source.fd < 0)
    return;
  if (lane->state == LA_CHAT_LANE_CONNECTING) {
    begin_login(lane);
    return;
  }
  if (lane->state == LA_CHAT_LANE_CLOSING) {
    LaChatReadResult result = la_chat_stream_read(&lane->stream, LA_CHAT_INPUT_DISCARD, READ_BUDGET);
    if (result == LA_CHAT_READ_EOF || result == LA_CHAT_READ_ERROR)
      finish_close(lane);
    return;
  }
  if ((events & (LA_CHAT_READ | LA_CHAT_BROKEN)) != 0)
    read_frames(lane);
  if (lane->state == LA_CHAT_LANE_READY)
    la_chat_lane_pump(lane);
  else if (lane->state == LA_CHAT_LANE_LOGIN)
    flush(lane);
}

void la_chat_lane_tick(LaChatLane *lane, LaTime now)
{
  LaChatLoadResult *result = &lane->load->result;
  switch (lane->state) {
  case LA_CHAT_LANE_CONNECTING:
    if (lane->deadline <= now) {
      if (lane->load->first_error == 0)
        lane->load->first_error = ETIMEDOUT;
      fail(lane, &result->timeouts);
    }
    break;
  case LA_CHAT_LANE_LOGIN:
    if (lane->deadline <= now)
      fail(lane, &result->timeouts);
    break;
  case LA_CHAT_LANE_READY:
    if (lane->outstanding.length > 0 && la_time_add(lane->progress, lane->load->config->reply_timeout) <= now)
      fail(lane, &result->timeouts);
    break;
  case LA_CHAT_LANE_CLOSING:
    if (lane->deadline <= now)
      finish_close(lane);
    break;
  case LA_CHAT_LANE_CLOSED: break;
  }
}
