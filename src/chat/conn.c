/* A connection is a small state machine, driven by steps:
 *
 *   OPEN --close()--> FLUSHING --all sent: FIN--> DRAINING --peer's FIN--> DONE
 *     |                   \--all sent, peer's FIN already there-----------> DONE
 *     \--peer's FIN--> PEER_CLOSED --all sent (or as a fault wants)-------> DONE
 *
 * Closing in this order (send the rest, shut down writing, read until the peer closes too) keeps the kernel from answering
 * late data with a RST that would destroy what was sent last. Patience ends after the grace time, from each state.
 *
 * A step reads a bounded amount, so that one busy peer does not starve the others; `more` asks for the next step. Reading
 * stops while many answers wait to be sent: a peer that asks and does not read slows itself down. What others send to it
 * still comes, until the send queue's limit, where it is cut off with a RST. A connection that must be cut off while the hub
 * is handing out a message is only marked here; its owner hears of it when it is freed, so that the hub is never called back.
 *
 * Faults change single points of this: what happens after the peer's FIN, whether reading goes on, how the end is made. */
#include "chat/conn.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BUDGET ((size_t)256 << 10)
/* Answers waiting, in bytes, from which no more requests are taken. */
#define HIGH_WATER ((size_t)256 << 10)
/* How often a half-closed connection goes on sending. */
#define NOTICE_INTERVAL (200 * LA_MSEC)

typedef struct {
  LaTime due;
  GBytes *frame;
} Delayed;

static bool has(const LaChatConn *conn, LaChatFaultKind kind)
{
  return la_chat_plan_has(&conn->plan, kind);
}

static LaTime now_of(const LaChatConn *conn)
{
  return la_chat_clock_now(conn->shared->clock);
}

static void source_ready(LaChatSource *source, unsigned events)
{
  la_chat_conn_step(source->conn, events);
  source->conn->shared->owner->touched(source->conn);
}

LaChatConn *la_chat_conn_new(int fd, const LaChatPlan *plan, LaChatConnShared *shared)
{
  LaChatConn *conn = g_new0(LaChatConn, 1);
  conn->source = (LaChatSource){.fd = fd, .want = LA_CHAT_READ, .deadline = LA_TIME_MAX, .ready = source_ready, .conn = conn};
  la_chat_stream_init(&conn->stream, fd, LA_CHAT_FRAME_MAX);
  conn->shared = shared;
  conn->plan = *plan;
  conn->close_at = conn->act_at = LA_TIME_MAX;
  g_queue_init(&conn->delayed);
  return conn;
}

static void tell_gone(LaChatConn *conn)
{
  if (!conn->told_gone) {
    conn->told_gone = true;
    conn->shared->owner->gone(conn);
  }
}

static void delayed_free(void *data)
{
  Delayed *delayed = data;
  g_bytes_unref(delayed->frame);
  g_free(delayed);
}

void la_chat_conn_free(LaChatConn *conn)
{
  if (conn == NULL)
    return;
  tell_gone(conn);
  if (conn->reset) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->source.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  }
  close(conn->source.fd);
  la_chat_stream_clear(&conn->stream);
  g_queue_clear_full(&conn->delayed, delayed_free);
  g_free(conn);
}

static bool all_sent(const LaChatConn *conn)
{
  return conn->stream.out_bytes == 0 && conn->delayed_bytes == 0;
}

/* The end, by the server's will. */
static void finish(LaChatConn *conn)
{
  conn->state = LA_CHAT_CONN_DONE;
  if (has(conn, LA_CHAT_FAULT_LINGER0))
    conn->reset = true;
}

/* The end, because the connection broke. */
static void finish_broken(LaChatConn *conn)
{
  if (conn->state != LA_CHAT_CONN_DONE)
    conn->shared->resets++;
  conn->state = LA_CHAT_CONN_DONE;
}

void la_chat_conn_deliver(LaChatConn *conn, GBytes *frame)
{
  if (conn->state == LA_CHAT_CONN_DONE || conn->state == LA_CHAT_CONN_DRAINING)
    return;
  size_t size = g_bytes_get_size(frame);
  if (conn->stream.out_bytes + conn->delayed_bytes + size > conn->shared->send_queue) {
    conn->shared->slow_readers++;
    conn->state = LA_CHAT_CONN_DONE;
    conn->reset = true;
  } else if (has(conn, LA_CHAT_FAULT_DELAY_REPLIES)) {
    Delayed *delayed = g_new(Delayed, 1);
    *delayed =
        (Delayed){.due = la_time_add(now_of(conn), conn->plan.param[LA_CHAT_FAULT_DELAY_REPLIES]), .frame = g_bytes_ref(frame)};
    g_queue_push_tail(&conn->delayed, delayed);
    conn->delayed_bytes += size;
  } else {
    la_chat_stream_push(&conn->stream, g_bytes_ref(frame));
  }
  conn->shared->owner->touched(conn);
}

void la_chat_conn_close(LaChatConn *conn)
{
  if (conn->state == LA_CHAT_CONN_PEER_CLOSED) {
    conn->released = true;
    conn->close_at = MIN(conn->close_at, la_time_add(now_of(conn), conn->shared->grace));
  } else if (conn->state == LA_CHAT_CONN_OPEN) {
    conn->state = LA_CHAT_CONN_FLUSHING;
    conn->close_at = la_time_add(now_of(conn), conn->shared->grace);
  }
  conn->shared->owner->touched(conn);
}

void la_chat_conn_answered(LaChatConn *conn)
{
  conn->answered = true;
  conn->shared->owner->touched(conn);
}

/* After the first frame some faults stop reading. */
static bool reading_stopped(const LaChatConn *conn)
{
  return conn->frames > 0 && (has(conn, LA_CHAT_FAULT_STOP_READING) || has(conn, LA_CHAT_FAULT_UNREAD_CLOSE));
}

/* The kernel says that the connection is over, and nothing will be read that could tell how: either it was reset, or both
 * sides have sent their FINs and ours waits for nothing more. */
static void see_broken(LaChatConn *conn)
{
  int code = 0;
  socklen_t len = sizeof code;
  if (getsockopt(conn->source.fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 && code == 0 && conn->state == LA_CHAT_CONN_DRAINING)
    finish(conn);
  else
    finish_broken(conn);
}

/* Hands over the frames that are whole. */
static void take_frames(LaChatConn *conn)
{
  const uint8_t *data;
  size_t len;
  conn->held = false;
  while (conn->state == LA_CHAT_CONN_OPEN) {
    if (conn->stream.out_bytes + conn->delayed_bytes > HIGH_WATER) {
      conn->held = true;
      return;
    }
    switch (la_chat_framer_next(&conn->stream.framer, &data, &len)) {
    case LA_CHAT_FRAME_NONE: return;
    case LA_CHAT_FRAME_BAD_LENGTH: conn->shared->owner->broken(conn, LA_CHAT_ERROR_BAD_LENGTH); return;
    case LA_CHAT_FRAME_READY:
      conn->frames++;
      conn->shared->owner->frame(conn, data, len);
      break;
    }
  }
}

/* The peer's FIN was read, and all its whole frames were taken. */
static void peer_closed(LaChatConn *conn)
{
  if (conn->state != LA_CHAT_CONN_OPEN)
    return;
  if (la_chat_framer_pending(&conn->stream.framer) > 0) {
    conn->shared->owner->broken(conn, LA_CHAT_ERROR_TRUNCATED);
    if (conn->state != LA_CHAT_CONN_OPEN)
      return;
  }
  LaTime now = now_of(conn);
  conn->state = LA_CHAT_CONN_PEER_CLOSED;
  conn->close_at = la_time_add(now, conn->shared->grace);
  if (has(conn, LA_CHAT_FAULT_NO_CLOSE)) {
    conn->close_at = LA_TIME_MAX;
  } else if (has(conn, LA_CHAT_FAULT_LATE_CLOSE)) {
    conn->close_at = la_time_add(now, conn->plan.param[LA_CHAT_FAULT_LATE_CLOSE]);
  } else if (has(conn, LA_CHAT_FAULT_HALF_CLOSE)) {
    conn->close_at = la_time_add(now, conn->plan.param[LA_CHAT_FAULT_HALF_CLOSE]);
    conn->act_at = now;
  }
  tell_gone(conn);
}

/* Reads what there is, within the budget. */
static void read_some(LaChatConn *conn)
{
  LaChatInput input = conn->state == LA_CHAT_CONN_OPEN ? LA_CHAT_INPUT_KEEP : LA_CHAT_INPUT_DISCARD;
  uint64_t before = conn->stream.bytes_in;
  LaChatReadResult result = la_chat_stream_read(&conn->stream, input, READ_BUDGET);
  conn->shared->bytes_in += conn->stream.bytes_in - before;
  conn->more = result == LA_CHAT_READ_MORE;
  if (result == LA_CHAT_READ_ERROR) {
    finish_broken(conn);
    return;
  }
  if (result == LA_CHAT_READ_EOF)
    conn->peer_closed = true;
  if (conn->state == LA_CHAT_CONN_OPEN)
    take_frames(conn);
}

/* unread-close: data came that will not be read; or it is the FIN after all, which is then taken as usual. */
static void see_unread(LaChatConn *conn)
{
  int waiting = 0;
  if (ioctl(conn->source.fd, FIONREAD, &waiting) == 0 && waiting == 0) {
    read_some(conn);
    return;
  }
  conn->unread_armed = true;
  conn->act_at = la_time_add(now_of(conn), conn->plan.param[LA_CHAT_FAULT_UNREAD_CLOSE]);
}

/* Whether there is something that may be read now. */
static bool may_read(const LaChatConn *conn)
{
  if (conn->peer_closed || conn->state == LA_CHAT_CONN_PEER_CLOSED || conn->state == LA_CHAT_CONN_DONE)
    return false;
  if (conn->state == LA_CHAT_CONN_OPEN && conn->held)
    return false;
  if (!reading_stopped(conn))
    return true;
  return has(conn, LA_CHAT_FAULT_UNREAD_CLOSE) && !has(conn, LA_CHAT_FAULT_STOP_READING) && !conn->unread_armed;
}

static void run_timers(LaChatConn *conn, LaTime now)
{
  Delayed *delayed;
  while ((delayed = g_queue_peek_head(&conn->delayed)) != NULL && delayed->due <= now) {
    conn->delayed_bytes -= g_bytes_get_size(delayed->frame);
    la_chat_stream_push(&conn->stream, g_bytes_ref(delayed->frame));
    delayed_free(g_queue_pop_head(&conn->delayed));
  }
  if (conn->act_at <= now) {
    conn->act_at = LA_TIME_MAX;
    if (conn->unread_armed) {
      finish(conn);
    } else if (conn->state == LA_CHAT_CONN_PEER_CLOSED) {
      if (conn->stream.out_bytes < HIGH_WATER)
        la_chat_stream_push(&conn->stream, la_chat_frame_notice("still sending after your FIN"));
      conn->act_at = la_time_add(now, NOTICE_INTERVAL);
    }
  }
  if (conn->close_at <= now && conn->state != LA_CHAT_CONN_DONE) {
    if (conn->state == LA_CHAT_CONN_FLUSHING || conn->state == LA_CHAT_CONN_DRAINING)
      conn->shared->overdue++;
    finish(conn);
  }
}

static void flush(LaChatConn *conn)
{
  if (conn->state == LA_CHAT_CONN_DONE || conn->stream.out_bytes == 0)
    return;
  uint64_t before = conn->stream.bytes_out;
  if (!la_chat_stream_flush(&conn->stream))
    finish_broken(conn);
  conn->shared->bytes_out += conn->stream.bytes_out - before;
}

/* What follows from everything having been sent. */
static void advance(LaChatConn *conn)
{
  if (conn->state == LA_CHAT_CONN_FLUSHING && all_sent(conn)) {
    if (conn->peer_closed || has(conn, LA_CHAT_FAULT_LINGER0)) {
      finish(conn);
    } else if (shutdown(conn->source.fd, SHUT_WR) != 0) {
      finish_broken(conn);
    } else {
      conn->state = LA_CHAT_CONN_DRAINING;
    }
  } else if (conn->state == LA_CHAT_CONN_DRAINING && conn->peer_closed) {
    finish(conn);
  } else if (conn->state == LA_CHAT_CONN_PEER_CLOSED && all_sent(conn)) {
    bool stays = has(conn, LA_CHAT_FAULT_NO_CLOSE) || has(conn, LA_CHAT_FAULT_LATE_CLOSE) ||
                 has(conn, LA_CHAT_FAULT_HALF_CLOSE) || (conn->shared->answers_later && !conn->answered);
    if (!stays || conn->released)
      finish(conn);
  }
}

/* What to wait for next. */
static void settle(LaChatConn *conn)
{
  unsigned want = may_read(conn) ? LA_CHAT_READ : 0;
  if (conn->state != LA_CHAT_CONN_DONE && conn->stream.out_bytes > 0)
    want |= LA_CHAT_WRITE;
  conn->source.want = want;
  LaTime deadline = MIN(conn->close_at, conn->act_at);
  const Delayed *delayed = g_queue_peek_head(&conn->delayed);
  if (delayed != NULL)
    deadline = MIN(deadline, delayed->due);
  conn->source.deadline = deadline;
  conn->more = conn->more && may_read(conn);
}

void la_chat_conn_step(LaChatConn *conn, unsigned events)
{
  if (conn->state == LA_CHAT_CONN_DONE)
    return;
  bool readable = (events & LA_CHAT_READ) != 0 || conn->more;
  conn->more = false;
  if (readable && may_read(conn)) {
    if (reading_stopped(conn))
      see_unread(conn);
    else
      read_some(conn);
  } else if ((events & LA_CHAT_BROKEN) != 0) {
    see_broken(conn);
  }
  if (conn->state != LA_CHAT_CONN_DONE)
    run_timers(conn, now_of(conn));
  flush(conn);
  /* Frames that were held back go on when there is room for their answers again. */
  while (conn->held && conn->state == LA_CHAT_CONN_OPEN && conn->stream.out_bytes + conn->delayed_bytes <= HIGH_WATER) {
    take_frames(conn);
    flush(conn);
  }
  if (conn->peer_closed && !conn->held)
    peer_closed(conn);
  flush(conn);
  advance(conn);
  settle(conn);
}
