/* Frames are reference-counted bytes, so that one message to a room of a thousand is held once, however slow some readers
 * are. A flush hands the kernel up to IOV_COUNT frames at a time. */
#include "chat/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define IOV_COUNT 32
#define READ_SIZE 16384

void la_chat_stream_init(LaChatStream *stream, int fd, size_t max_frame)
{
  *stream = (LaChatStream){.fd = fd, .out = G_QUEUE_INIT};
  la_chat_framer_init(&stream->framer, max_frame);
}

void la_chat_stream_clear(LaChatStream *stream)
{
  la_chat_framer_clear(&stream->framer);
  g_queue_clear_full(&stream->out, (GDestroyNotify)g_bytes_unref);
  stream->out_at = stream->out_bytes = 0;
}

LaChatReadResult la_chat_stream_read(LaChatStream *stream, LaChatInput input, size_t budget)
{
  uint8_t buffer[READ_SIZE];
  for (size_t taken = 0; taken < budget;) {
    ssize_t n = recv(stream->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n == 0)
      return LA_CHAT_READ_EOF;
    if (n < 0) {
      if (errno == EINTR)
        continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        return LA_CHAT_READ_AGAIN;
      stream->error = errno;
      return LA_CHAT_READ_ERROR;
    }
    taken += (size_t)n;
    stream->bytes_in += (uint64_t)n;
    if (input == LA_CHAT_INPUT_KEEP)
      la_chat_framer_push(&stream->framer, buffer, (size_t)n);
  }
  return LA_CHAT_READ_MORE;
}

void la_chat_stream_push(LaChatStream *stream, GBytes *frame)
{
  stream->out_bytes += g_bytes_get_size(frame);
  g_queue_push_tail(&stream->out, frame);
}

/* Takes `sent` bytes off the queue. */
static void take_sent(LaChatStream *stream, size_t sent)
{
  stream->out_bytes -= sent;
  stream->bytes_out += sent;
  while (sent > 0) {
    GBytes *first = g_queue_peek_head(&stream->out);
    size_t left = g_bytes_get_size(first) - stream->out_at;
    if (sent < left) {
      stream->out_at += sent;
      return;
    }
    sent -= left;
    stream->out_at = 0;
    g_bytes_unref(g_queue_pop_head(&stream->out));
  }
}

gboolean la_chat_stream_flush(LaChatStream *stream)
{
  while (stream->out_bytes > 0) {
    struct iovec parts[IOV_COUNT];
    size_t count = 0;
    for (GList *at = stream->out.head; at != NULL && count < IOV_COUNT; at = at->next, count++) {
      gsize size;
      const char *data = g_bytes_get_data(at->data, &size);
      size_t skip = count == 0 ? stream->out_at : 0;
      parts[count] = (struct iovec){.iov_base = (void *)(uintptr_t)(data + skip), .iov_len = size - skip};
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t n = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      take_sent(stream, (size_t)n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return TRUE;
    } else if (errno != EINTR) {
      stream->error = errno;
      return FALSE;
    }
  }
  return TRUE;
}
