/* Decompression of gzip, zstd and lz4 frames, one after another when a file holds several. */
#ifndef LA_CAPTURE_DECOMPRESS_H
#define LA_CAPTURE_DECOMPRESS_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* What one step of a codec did. */
typedef enum {
  LA_CODEC_MORE,   /* went on: it took input or gave output, or needs more input */
  LA_CODEC_MEMBER, /* a whole member (frame) ended; another may follow */
  LA_CODEC_BROKEN, /* the data are damaged; the error text says how */
} LaCodecStep;

/* Compressed bytes in and plain bytes out; a step moves both positions on. */
typedef struct {
  const uint8_t *in;
  size_t in_len;
  uint8_t *out;
  size_t out_len;
} LaCodecIo;

/* A compression format. The state is the library's own; `error` is one line for a message, at least `error_len` bytes. */
typedef struct {
  const char *name;
  void *(*state_new)(void);
  void (*state_free)(void *state);
  LaCodecStep (*step)(void *state, LaCodecIo *io, char *error, size_t error_len);
} LaCodec;

extern const LaCodec la_codec_gzip;
extern const LaCodec la_codec_zstd;
extern const LaCodec la_codec_lz4;

#endif
