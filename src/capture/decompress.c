/* Three libraries behind one step function.
 *
 * A step gets compressed bytes and room for plain ones, and moves both on. A compressed file may hold several members (gzip) or
 * frames (zstd, lz4) one after another, as `cat a.gz b.gz` makes them: the end of one is told to the caller, who knows
 * whether more input follows. The end of input is clean only there.
 *
 * zstd and lz4 say with each step how much input the next one wants. They are given no more than that: a step that finds damage
 * gives no output, so what lies before the damage has to come out in steps of its own.
 *
 * Memory is bounded by the libraries: gzip 32 KiB, lz4 blocks of 4 MiB, zstd a window of at most 2^27 bytes, which is what the
 * zstd program accepts too; a frame that wants more is refused, not obeyed. */
#include "capture/decompress.h"

#include <lz4frame.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* 2^27 bytes: the most that `zstd -22` or `zstd --long` writes, and the library's own default. */
#define ZSTD_WINDOW_LOG 27

static void *gzip_new(void)
{
  z_stream *z = g_new0(z_stream, 1);
  if (inflateInit2(z, 15 + 16) != Z_OK) { /* 15: the largest window; 16: gzip only */
    g_free(z);
    return NULL;
  }
  return z;
}

static void gzip_free(void *state)
{
  inflateEnd(state);
  g_free(state);
}

static LaCodecStep gzip_step(void *state, LaCodecIo *io, char *error, size_t error_len)
{
  z_stream *z = state;
  uInt in_len = (uInt)MIN(io->in_len, 1u << 30);
  uInt out_len = (uInt)MIN(io->out_len, 1u << 30);
  z->next_in = (z_const Bytef *)(uintptr_t)io->in; /* zlib does not write there; its header may lack the const */
  z->avail_in = in_len;
  z->next_out = io->out;
  z->avail_out = out_len;
  int result = inflate(z, Z_NO_FLUSH);
  io->in += in_len - z->avail_in;
  io->in_len -= in_len - z->avail_in;
  io->out += out_len - z->avail_out;
  io->out_len -= out_len - z->avail_out;
  switch (result) {
  case Z_OK:
  case Z_BUF_ERROR: /* no progress without more input or room */ return LA_CODEC_MORE;
  case Z_STREAM_END: inflateReset(z); return LA_CODEC_MEMBER;
  default: snprintf(error, error_len, "%s", z->msg != NULL ? z->msg : zError(result)); return LA_CODEC_BROKEN;
  }
}

const LaCodec la_codec_gzip = {.name = "gzip", .state_new = gzip_new, .state_free = gzip_free, .step = gzip_step};

/* A library's context and the input it wants next. */
typedef struct {
  void *context;
  size_t wanted;
} Hinted;

/* What a step wants at the beginning of a frame: less than any frame has. */
#define WANTED_FIRST 6

static Hinted *hinted_new(void *context)
{
  Hinted *hinted = g_new0(Hinted, 1);
  hinted->context = context;
  hinted->wanted = WANTED_FIRST;
  return hinted;
}

static void *zstd_new(void)
{
  ZSTD_DStream *context = ZSTD_createDStream();
  if (context == NULL)
    return NULL;
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
  return hinted_new(context);
}

static void zstd_free(void *state)
{
  ZSTD_freeDStream(((Hinted *)state)->context);
  g_free(state);
}

/* After a step: `wanted` is 0 at the end of a frame. */
static LaCodecStep stepped(Hinted *hinted, size_t wanted)
{
  hinted->wanted = wanted != 0 ? wanted : WANTED_FIRST;
  return wanted != 0 ? LA_CODEC_MORE : LA_CODEC_MEMBER;
}

static LaCodecStep zstd_step(void *state, LaCodecIo *io, char *error, size_t error_len)
{
  Hinted *hinted = state;
  ZSTD_inBuffer in = {.src = io->in, .size = MIN(io->in_len, hinted->wanted), .pos = 0};
  ZSTD_outBuffer out = {.dst = io->out, .size = io->out_len, .pos = 0};
  size_t result = ZSTD_decompressStream(hinted->context, &out, &in);
  io->in += in.pos;
  io->in_len -= in.pos;
  io->out += out.pos;
  io->out_len -= out.pos;
  if (ZSTD_isError(result)) {
    snprintf(error, error_len, "%s", ZSTD_getErrorName(result));
    return LA_CODEC_BROKEN;
  }
  return stepped(hinted, result);
}

const LaCodec la_codec_zstd = {.name = "zstd", .state_new = zstd_new, .state_free = zstd_free, .step = zstd_step};

static void *lz4_new(void)
{
  LZ4F_dctx *context = NULL;
  return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL : hinted_new(context);
}

static void lz4_free(void *state)
{
  LZ4F_freeDecompressionContext(((Hinted *)state)->context);
  g_free(state);
}

static LaCodecStep lz4_step(void *state, LaCodecIo *io, char *error, size_t error_len)
{
  Hinted *hinted = state;
  size_t in_len = MIN(io->in_len, hinted->wanted);
  size_t out_len = io->out_len;
  size_t result = LZ4F_decompress(hinted->context, io->out, &out_len, io->in, &in_len, NULL);
  if (LZ4F_isError(result)) { /* what the two lengths say then is not defined */
    snprintf(error, error_len, "%s", LZ4F_getErrorName(result));
    return LA_CODEC_BROKEN;
  }
  io->in += in_len;
  io->in_len -= in_len;
  io->out += out_len;
  io->out_len -= out_len;
  return stepped(hinted, result);
}

const LaCodec la_codec_lz4 = {.name = "lz4", .state_new = lz4_new, .state_free = lz4_free, .step = lz4_step};
