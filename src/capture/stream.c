/* Reading bytes with read(2), and through a decompressor when there is one.
 *
 * A plain stream adds nothing between the caller's buffer and the kernel. A compressed one keeps a block of raw bytes and
 * steps its codec over it until at least one plain byte has come out. The end of the raw bytes is the end of the stream only
 * between two members; anywhere else the data were cut off. Zero bytes after a gzip member are padding (tapes), as gzip has
 * it. */
#include "capture/stream.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/decompress.h"

#define RAW_BLOCK ((size_t)256 << 10)

struct LaStream {
  int fd;
  const volatile sig_atomic_t *interrupt; /* or NULL */
  uint64_t done;
  const LaCodec *codec; /* NULL: plain */
  void *codec_state;
  uint8_t *raw; /* RAW_BLOCK bytes, only with a codec */
  size_t raw_at;
  size_t raw_end;
  bool inside;    /* a member has begun and not ended */
  bool first;     /* no member has ended yet */
  bool raw_ended; /* the descriptor is at its end */
  bool broken;    /* and it stays so */
  char error[256];
};

LaStream *la_stream_new(int fd, const volatile sig_atomic_t *interrupt)
{
  LaStream *stream = g_new0(LaStream, 1);
  stream->fd = fd;
  stream->interrupt = interrupt;
  return stream;
}

void la_stream_free(LaStream *stream)
{
  if (stream == NULL)
    return;
  if (stream->codec_state != NULL)
    stream->codec->state_free(stream->codec_state);
  g_free(stream->raw);
  g_free(stream);
}

void la_stream_set_interrupt(LaStream *stream, const volatile sig_atomic_t *interrupt)
{
  stream->interrupt = interrupt;
}

void la_stream_decompress(LaStream *stream, LaCompression kind, const uint8_t *head, size_t len)
{
  static const LaCodec *const codecs[] = {
      [LA_COMPRESSION_GZIP] = &la_codec_gzip,
      [LA_COMPRESSION_ZSTD] = &la_codec_zstd,
      [LA_COMPRESSION_LZ4] = &la_codec_lz4,
  };
  stream->codec = codecs[kind];
  stream->codec_state = stream->codec->state_new();
  stream->raw = g_malloc(MAX(len, RAW_BLOCK));
  memcpy(stream->raw, head, len);
  stream->raw_at = 0;
  stream->raw_end = len;
  stream->inside = false;
  stream->first = true;
}

static bool interrupted(const LaStream *stream)
{
  return stream->interrupt != NULL && *stream->interrupt != 0;
}

/* Reads from the descriptor itself, past any decompressor; the results of la_stream_read. */
static ssize_t read_raw(LaStream *stream, uint8_t *to, size_t len)
{
  for (;;) {
    if (interrupted(stream))
      return LA_STREAM_INTERRUPTED;
    ssize_t got = read(stream->fd, to, len);
    if (got >= 0) {
      stream->done += (uint64_t)got;
      return got;
    }
    if (errno == EAGAIN) { /* a descriptor that somebody else set to non-blocking */
      struct pollfd waiting = {.fd = stream->fd, .events = POLLIN};
      (void)poll(&waiting, 1, -1); /* when it fails, the next read says why */
    } else if (errno != EINTR) {
      snprintf(stream->error, sizeof stream->error, "reading failed after %" PRIu64 " bytes: %s", stream->done,
               g_strerror(errno));
      return LA_STREAM_BROKEN;
    }
  }
}

/* Makes at least one raw byte ready for the codec: 1, 0 at the end, or below 0. */
static ssize_t refill(LaStream *stream)
{
  if (stream->raw_at < stream->raw_end)
    return 1;
  if (stream->raw_ended)
    return 0;
  ssize_t got = read_raw(stream, stream->raw, RAW_BLOCK);
  if (got == 0)
    stream->raw_ended = true;
  if (got > 0) {
    stream->raw_at = 0;
    stream->raw_end = (size_t)got;
  }
  return got < 0 ? got : got > 0;
}

static ssize_t fail(LaStream *stream, const char *what)
{
  snprintf(stream->error, sizeof stream->error, "the %s data %s", stream->codec->name, what);
  return LA_STREAM_BROKEN;
}

/* Skips zeros between gzip members. */
static void skip_padding(LaStream *stream)
{
  if (stream->codec != &la_codec_gzip || stream->first)
    return;
  while (stream->raw_at < stream->raw_end && stream->raw[stream->raw_at] == 0)
    stream->raw_at++;
}

static ssize_t read_decompressed(LaStream *stream, uint8_t *to, size_t len)
{
  if (stream->codec_state == NULL)
    return fail(stream, "cannot be decompressed: out of memory");
  size_t given = 0;
  while (given == 0) {
    ssize_t ready = refill(stream);
    if (ready < 0)
      return ready;
    if (!stream->inside) {
      skip_padding(stream);
      if (ready > 0 && stream->raw_at == stream->raw_end)
        continue;
    }
    /* At the end of the raw bytes the codec may still hold plain ones; it is asked once more when it is inside a member. */
    if (ready == 0 && !stream->inside)
      return 0;
    LaCodecIo io = {.in = stream->raw + stream->raw_at, .in_len = stream->raw_end - stream->raw_at, .out = to, .out_len = len};
    char why[160] = "";
    LaCodecStep step = stream->codec->step(stream->codec_state, &io, why, sizeof why);
    size_t taken = stream->raw_end - stream->raw_at - io.in_len;
    stream->raw_at += taken;
    given = len - io.out_len;
    if (step == LA_CODEC_BROKEN) { /* what came out before is given out before that is told */
      snprintf(stream->error, sizeof stream->error, "the %s data are damaged (%s)", stream->codec->name, why);
      stream->broken = true;
      return given != 0 ? (ssize_t)given : LA_STREAM_BROKEN;
    }
    stream->inside = step != LA_CODEC_MEMBER;
    stream->first = stream->first && stream->inside;
    if (given == 0 && taken == 0 && stream->inside)
      return ready == 0 ? fail(stream, "are cut off") : fail(stream, "are damaged (no progress)");
  }
  return (ssize_t)given;
}

ssize_t la_stream_read(LaStream *stream, uint8_t *to, size_t len)
{
  if (stream->broken)
    return LA_STREAM_BROKEN;
  ssize_t got = stream->codec == NULL ? read_raw(stream, to, len) : read_decompressed(stream, to, len);
  stream->broken = stream->broken || got == LA_STREAM_BROKEN;
  return got;
}

const char *la_stream_error(const LaStream *stream)
{
  return stream->error;
}

uint64_t la_stream_done(const LaStream *stream)
{
  return stream->done;
}
