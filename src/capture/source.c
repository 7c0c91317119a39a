/* A capture from its first byte to its last.
 *
 * Opening reads the first block and tells from it what the file is. A compressed file's stream then decompresses, and what
 * comes out is looked at again; the window, the format readers and everything after do not know the difference. From there
 * on the reader of the format takes packets from the window in batches.
 *
 * A source ends once: cleanly, broken (with one line that says how), or interrupted. Packets taken before are given out
 * first, and after that the same end is told again and again. */
#include "capture/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "capture/file_kind.h"
#include "capture/source_private.h"

static const char *shown_name(const char *name)
{
  return strcmp(name, "-") == 0 ? "standard input" : name;
}

void la_source_fail(LaSource *source, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_free(source->error);
  source->error = g_strdup_vprintf(format, args);
  va_end(args);
  source->end = LA_READ_BROKEN;
}

void la_source_fail_fill(LaSource *source, LaFill result, const char *what)
{
  if (result == LA_FILL_INTERRUPTED)
    source->end = LA_READ_END;
  else if (result == LA_FILL_END)
    la_source_fail(source, "cut off in the middle of %s", what);
  else
    la_source_fail(source, "%s, in the middle of %s", la_stream_error(source->stream), what);
}

bool la_source_need(LaSource *source, size_t n, const char *what, uint64_t number)
{
  LaFill result = la_window_need(&source->window, n);
  if (result == LA_FILL_READY)
    return true;
  char where[160];
  size_t left = la_window_left(&source->window);
  if (number == 0)
    g_snprintf(where, sizeof where, "%s (%zu of %zu bytes are there)", what, left, n);
  else
    g_snprintf(where, sizeof where, "%s %" PRIu64 " (%zu of %zu bytes are there)", what, number, left, n);
  la_source_fail_fill(source, result, where);
  return false;
}

uint32_t la_source_add_interface(LaSource *source, const LaInterface *interface, const LaInterfaceExtra *extra)
{
  g_array_append_vals(source->interfaces, interface, 1);
  g_array_append_vals(source->extras, extra, 1);
  la_source_interface(source, source->interfaces->len - 1)->fcs_len = extra->fcs_len;
  return source->interfaces->len - 1;
}

static void clear_interface(gpointer data)
{
  LaInterface *interface = data;
  g_free((char *)(uintptr_t)interface->name); /* const only for those who look */
  g_free((char *)(uintptr_t)interface->description);
  g_free((char *)(uintptr_t)interface->filter);
}

static LaSource *source_new(int fd, const char *name)
{
  LaSource *source = g_new0(LaSource, 1);
  source->fd = fd;
  source->name = g_strdup(name);
  source->stated_end = LA_TIME_NONE;
  source->interfaces = g_array_new(FALSE, TRUE, sizeof(LaInterface));
  g_array_set_clear_func(source->interfaces, clear_interface);
  source->extras = g_array_new(FALSE, TRUE, sizeof(LaInterfaceExtra));
  source->stream = la_stream_new(fd, NULL);
  la_window_init(&source->window, source->stream);
  return source;
}

/* What the first bytes must not be, as a sentence without the name; NULL when `kind` is read. */
static char *refusal(LaFileKind kind, const char *format, const uint8_t *head, size_t len)
{
  switch (kind) {
  case LA_FILE_PCAP:
  case LA_FILE_PCAPNG:
  case LA_FILE_GZIP:
  case LA_FILE_ZSTD:
  case LA_FILE_LZ4: return NULL;
  case LA_FILE_COMPRESSED:
    return g_strdup_printf("compressed with %s, which is not read; unpack it first (gzip, zstd and lz4 are read)", format);
  case LA_FILE_FOREIGN:
    return g_strdup_printf("a capture in another format (%s), which is not read; convert it first: editcap -F pcapng IN OUT",
                           format);
  case LA_FILE_TEXT: return g_strdup("text, not a capture (pcap or pcapng)");
  case LA_FILE_UNKNOWN: break;
  }
  if (len < 4)
    return g_strdup_printf("not a capture (pcap or pcapng): it has only %zu bytes", len);
  return g_strdup_printf("not a capture (pcap or pcapng): it begins with %02x %02x %02x %02x", head[0], head[1], head[2],
                         head[3]);
}

static LaCompression compression_of(LaFileKind kind)
{
  return kind == LA_FILE_GZIP   ? LA_COMPRESSION_GZIP
         : kind == LA_FILE_ZSTD ? LA_COMPRESSION_ZSTD
         : kind == LA_FILE_LZ4  ? LA_COMPRESSION_LZ4
                                : LA_COMPRESSION_NONE;
}

/* Reads the first bytes and tells the kind of the file (or of what it decompresses to). False when the source has ended. */
static bool tell_kind(LaSource *source, LaFileKind *ret_kind)
{
  LaWindow *window = &source->window;
  LaFill result = la_window_need(window, 4);
  bool compressed = la_window_left(window) == 0 && la_stream_done(source->stream) != 0;
  if (result != LA_FILL_READY && (result != LA_FILL_END || la_window_left(window) == 0)) {
    if (result == LA_FILL_END)
      la_source_fail(source,
                     compressed ? "empty (0 bytes when decompressed), not a capture" : "empty (0 bytes), not a capture");
    else if (result == LA_FILL_BROKEN)
      la_source_fail(source, "%s", la_stream_error(source->stream));
    else
      source->end = LA_READ_END;
    return false;
  }
  /* Four bytes may have come alone through a pipe; a file without a known magic number needs more for a good description. */
  const char *format = NULL;
  LaFileKind kind = la_file_kind_tell(la_window_at(window), la_window_left(window), &format);
  if (kind == LA_FILE_UNKNOWN || kind == LA_FILE_TEXT) {
    (void)la_window_need(window, LA_FILE_HEAD_MAX);
    kind = la_file_kind_tell(la_window_at(window), la_window_left(window), &format);
  }
  char *why = refusal(kind, format, la_window_at(window), la_window_left(window));
  if (why != NULL) {
    la_source_fail(source, "%s", why);
    g_free(why);
    return false;
  }
  *ret_kind = kind;
  return true;
}

/* From the first byte to the first packet. False when the source has ended. */
static bool begin(LaSource *source)
{
  LaFileKind kind = LA_FILE_UNKNOWN;
  if (!tell_kind(source, &kind))
    return false;
  if (compression_of(kind) != LA_COMPRESSION_NONE) {
    LaWindow *window = &source->window;
    la_stream_decompress(source->stream, compression_of(kind), la_window_at(window), la_window_left(window));
    la_window_reset(window);
    if (!tell_kind(source, &kind))
      return false;
    if (compression_of(kind) != LA_COMPRESSION_NONE) {
      la_source_fail(source, "compressed twice; unpack it once first");
      return false;
    }
  }
  return kind == LA_FILE_PCAP ? la_pcap_begin(source) : la_pcapng_begin(source);
}

/* Looks at what the descriptor is. False and `error` for what cannot be a capture. */
static bool examine_fd(LaSource *source, GError **error)
{
  struct stat st;
  if (fstat(source->fd, &st) != 0) {
    la_error_set(error, LA_ERROR_OPEN, "%s: %s", shown_name(source->name), g_strerror(errno));
    return false;
  }
  if (S_ISDIR(st.st_mode)) {
    la_error_set(error, LA_ERROR_OPEN, "%s: a directory, not a capture", shown_name(source->name));
    return false;
  }
  if (S_ISCHR(st.st_mode) && isatty(source->fd)) {
    la_error_set(error, LA_ERROR_OPEN, "%s: a terminal, not a capture", shown_name(source->name));
    return false;
  }
  if (S_ISREG(st.st_mode)) {
    off_t at = lseek(source->fd, 0, SEEK_CUR);
    source->size = st.st_size > at && at >= 0 ? (uint64_t)(st.st_size - at) : 0;
    (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint: its failure does not matter */
  }
  return true;
}

/* Takes `source` through its first bytes; frees it when that fails. */
static LaSource *start(LaSource *source, GError **error)
{
  if (!examine_fd(source, error)) {
    la_source_free(source);
    return NULL;
  }
  if (!begin(source)) {
    la_error_set(error, LA_ERROR_OPEN, "%s: %s", shown_name(source->name),
                 source->error != NULL ? source->error : "interrupted");
    la_source_free(source);
    return NULL;
  }
  return source;
}

LaSource *la_source_open(const char *path, GError **error)
{
  return la_source_open_interruptible(path, NULL, error);
}

LaSource *la_source_open_interruptible(const char *path, const volatile sig_atomic_t *interrupt, GError **error)
{
  bool standard_input = strcmp(path, "-") == 0;
  int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OPEN, "%s: %s", path, g_strerror(errno));
    return NULL;
  }
  LaSource *source = source_new(fd, path);
  source->owns_fd = !standard_input;
  la_stream_set_interrupt(source->stream, interrupt);
  return start(source, error);
}

LaSource *la_source_open_fd(int fd, const char *name, GError **error)
{
  LaSource *source = source_new(fd, name);
  source->owns_fd = true;
  return start(source, error);
}

void la_source_set_interrupt(LaSource *source, const volatile sig_atomic_t *interrupt)
{
  la_stream_set_interrupt(source->stream, interrupt);
}

void la_source_free(LaSource *source)
{
  if (source == NULL)
    return;
  if (source->owns_fd)
    close(source->fd);
  g_clear_pointer(&source->told, g_array_unref);
  la_window_clear(&source->window);
  la_stream_free(source->stream);
  g_array_free(source->interfaces, TRUE);
  g_array_free(source->extras, TRUE);
  g_free(source->error);
  g_free(source->name);
  g_free(source);
}

unsigned la_source_next_batch(LaSource *source, LaPacketView *packets, unsigned max, LaReadResult *ret_result)
{
  unsigned n = source->end == LA_READ_PACKET ? source->read(source, packets, max) : 0;
  source->end_told = n == 0;
  *ret_result = n != 0 ? LA_READ_PACKET : source->end;
  return n;
}

LaReadResult la_source_next(LaSource *source, LaPacketView *ret_packet)
{
  LaReadResult result = LA_READ_END;
  la_source_next_batch(source, ret_packet, 1, &result);
  return result;
}

const char *la_source_error(const LaSource *source)
{
  return source->end_told && source->end == LA_READ_BROKEN ? source->error : NULL;
}

const LaInterface *la_source_interfaces(const LaSource *source, unsigned *ret_count)
{
  *ret_count = source->interfaces->len;
  return (const LaInterface *)(const void *)source->interfaces->data; /* NULL when there are none */
}

uint32_t la_source_snaplen(const LaSource *source)
{
  uint32_t largest = 0;
  for (unsigned i = 0; i < source->interfaces->len; i++) {
    uint32_t snaplen = la_source_interface(source, i)->snaplen;
    if (snaplen == 0)
      return 0;
    largest = MAX(largest, snaplen);
  }
  return largest;
}

void la_source_take_losses(LaSource *source, LaLosses *losses)
{
  if (source->losses.count == 0)
    return;
  la_losses_add_all(losses, &source->losses);
  source->losses.count = 0;
}

void la_source_keep_statistics(LaSource *source)
{
  if (source->told == NULL)
    source->told = g_array_new(FALSE, FALSE, sizeof(LaToldStatistics));
}

void la_source_take_statistics(LaSource *source, GArray *told)
{
  if (source->told == NULL || source->told->len == 0)
    return;
  g_array_append_vals(told, source->told->data, source->told->len);
  g_array_set_size(source->told, 0);
}

LaTime la_source_stated_end(const LaSource *source)
{
  return source->stated_end;
}

void la_source_progress(const LaSource *source, uint64_t *ret_done, uint64_t *ret_total)
{
  *ret_done = la_stream_done(source->stream);
  *ret_total = source->size;
}
