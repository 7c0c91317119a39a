/* The bytes of a capture, in order: a file descriptor, and a decompressor behind it when the capture is compressed. */
#ifndef LA_CAPTURE_STREAM_H
#define LA_CAPTURE_STREAM_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum {
  LA_COMPRESSION_NONE,
  LA_COMPRESSION_GZIP,
  LA_COMPRESSION_ZSTD,
  LA_COMPRESSION_LZ4,
} LaCompression;

/* Results of la_stream_read below 0. */
#define LA_STREAM_BROKEN (-1)      /* la_stream_error says why */
#define LA_STREAM_INTERRUPTED (-2) /* the interrupt flag is set */

typedef struct LaStream LaStream;

/* A stream over `fd`, which it does not close. `interrupt` (borrowed, may be NULL) ends reading once it is not 0. (transfer
 * full) */
LaStream *la_stream_new(int fd, const volatile sig_atomic_t *interrupt);
void la_stream_free(LaStream *stream);

void la_stream_set_interrupt(LaStream *stream, const volatile sig_atomic_t *interrupt);

/* From here on the stream decompresses. `head` are the `len` raw bytes that were read so far (copied). `kind` is not NONE. */
void la_stream_decompress(LaStream *stream, LaCompression kind, const uint8_t *head, size_t len);

/* Reads at least 1 and up to `len` bytes into `to`: as many as are there without waiting twice. Returns how many, 0 at the end,
 * LA_STREAM_BROKEN or LA_STREAM_INTERRUPTED. */
ssize_t la_stream_read(LaStream *stream, uint8_t *to, size_t len);

/* Why the last read was LA_STREAM_BROKEN, as part of a sentence. (borrowed) */
const char *la_stream_error(const LaStream *stream);

/* Raw bytes read from the descriptor so far. */
uint64_t la_stream_done(const LaStream *stream);

#endif
