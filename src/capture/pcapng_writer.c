/* Blocks are put together in one buffer and collected in another, in this machine's byte order, which the section header states. Only
 * whole blocks are handed to the system, so that a file whose writer is killed can be read; and where the disk is full in the
 * middle of a block, the file is cut back to the block's start.
 *
 * Every interface has nanoseconds (if_tsresol 9), whatever the packets came from: times are carried as nanoseconds
 * everywhere. */
#include "capture/pcapng_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "capture/pcapng_options.h"

#define FILE_BUFFER ((guint)256 << 10)
#define OPTION_MAX 65535
#define KEPT_MAX ((size_t)512 << 10) /* bytes of a packet's own options */

struct LaPcapngWriter {
  int fd; /* -1 when closed */
  char *name;
  GByteArray *block; /* the block being put together */
  GByteArray *ready; /* whole blocks that the system has not got yet */
  GArray *snaplens;  /* of uint32_t: by interface */
  uint64_t total;    /* bytes of all blocks so far */
  int failed;        /* errno of the first failure, 0: none */
};

static void put_u32(GByteArray *block, uint32_t value)
{
  g_byte_array_append(block, (const guint8 *)&value, sizeof value);
}

static void put_u16(GByteArray *block, uint16_t value)
{
  g_byte_array_append(block, (const guint8 *)&value, sizeof value);
}

/* Bytes, and zeros up to a multiple of 4. */
static void put_padded(GByteArray *block, const void *bytes, size_t len)
{
  static const guint8 zeros[4] = {0};
  if (len != 0)
    g_byte_array_append(block, bytes, (guint)len);
  g_byte_array_append(block, zeros, (guint)(-len & 3));
}

static void put_option(GByteArray *block, uint16_t code, const void *value, size_t len)
{
  put_u16(block, code);
  put_u16(block, (uint16_t)len);
  put_padded(block, value, len);
}

/* A text option, cut at a character's start when it is too long; nothing for NULL. */
static void put_text(GByteArray *block, uint16_t code, const char *text)
{
  if (text == NULL)
    return;
  size_t len = strlen(text);
  if (len > OPTION_MAX) {
    len = OPTION_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
      len--;
  }
  put_option(block, code, text, len);
}

static void put_u64_option(GByteArray *block, uint16_t code, uint64_t value)
{
  put_option(block, code, &value, sizeof value);
}

static uint64_t ticks_of(LaTime time)
{
  return time > 0 ? (uint64_t)time : 0;
}

/* High half first, in whatever byte order. */
static void put_ticks(GByteArray *block, LaTime time)
{
  put_u32(block, (uint32_t)(ticks_of(time) >> 32));
  put_u32(block, (uint32_t)ticks_of(time));
}

static void begin_block(LaPcapngWriter *writer, uint32_t type)
{
  g_byte_array_set_size(writer->block, 0);
  put_u32(writer->block, type);
  put_u32(writer->block, 0); /* the length, when it is known */
}

static bool tell_failure(LaPcapngWriter *writer, GError **error)
{
  if (writer->failed == 0)
    return true;
  g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "%s: %s", writer->name, g_strerror(writer->failed));
  return false;
}

/* After a failure `written` bytes of the ready blocks are in the file: takes the last one away when it is not whole. */
static void cut_back(const LaPcapngWriter *writer, size_t written)
{
  size_t whole = 0;
  while (whole < written) {
    uint32_t len;
    memcpy(&len, writer->ready->data + whole + 4, sizeof len);
    if (len > written - whole)
      break;
    whole += len;
  }
  off_t at = lseek(writer->fd, 0, SEEK_CUR);
  struct stat status;
  if (whole < written && at >= 0 && fstat(writer->fd, &status) == 0 && S_ISREG(status.st_mode) &&
      ftruncate(writer->fd, at - (off_t)(written - whole)) != 0)
    return; /* it stays cut off in the middle of a packet, which readers understand, too */
}

static void write_ready(LaPcapngWriter *writer)
{
  size_t written = 0;
  while (written < writer->ready->len && writer->failed == 0) {
    ssize_t n = write(writer->fd, writer->ready->data + written, writer->ready->len - written);
    if (n >= 0)
      written += (size_t)n;
    else if (errno != EINTR)
      writer->failed = errno;
  }
  if (writer->failed != 0)
    cut_back(writer, written);
  g_byte_array_set_size(writer->ready, 0);
}

/* Sets the block's lengths and writes it. */
static bool end_block(LaPcapngWriter *writer, GError **error)
{
  uint32_t len = writer->block->len + 4;
  put_u32(writer->block, len);
  memcpy(writer->block->data + 4, &len, sizeof len);
  if (writer->failed == 0 && writer->fd < 0)
    writer->failed = EBADF; /* closed before */
  if (writer->failed == 0 && writer->ready->len + len > FILE_BUFFER)
    write_ready(writer);
  if (writer->failed == 0)
    g_byte_array_append(writer->ready, writer->block->data, len);
  writer->total += len;
  return tell_failure(writer, error);
}

/* The end of a block's options, when it has any. */
static void end_options(GByteArray *block, guint options_at)
{
  if (block->len != options_at)
    put_option(block, LA_OPTION_END, NULL, 0);
}

LaPcapngWriter *la_pcapng_writer_open(const char *path, const char *application, GError **error)
{
  if (strcmp(path, "-") == 0) {
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
      g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "standard output: %s", g_strerror(errno));
      return NULL;
    }
    return la_pcapng_writer_open_fd(fd, "standard output", application, error);
  }
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
  if (fd < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "%s: %s", path, g_strerror(errno));
    return NULL;
  }
  return la_pcapng_writer_open_fd(fd, path, application, error);
}

LaPcapngWriter *la_pcapng_writer_open_fd(int fd, const char *name, const char *application, GError **error)
{
  LaPcapngWriter *writer = g_new0(LaPcapngWriter, 1);
  writer->fd = fd;
  writer->name = g_strdup(name);
  writer->block = g_byte_array_new();
  writer->ready = g_byte_array_sized_new(FILE_BUFFER);
  writer->snaplens = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  begin_block(writer, 0x0A0D0D0A);
  put_u32(writer->block, 0x1A2B3C4D);
  put_u16(writer->block, 1); /* version 1.0 */
  put_u16(writer->block, 0);
  put_u32(writer->block, UINT32_MAX); /* the section's length: not said */
  put_u32(writer->block, UINT32_MAX);
  guint options_at = writer->block->len;
  put_text(writer->block, LA_OPTION_SHB_APPLICATION, application);
  end_options(writer->block, options_at);
  if (!end_block(writer, error)) {
    la_pcapng_writer_free(writer);
    return NULL;
  }
  return writer;
}

bool la_pcapng_writer_add_interface(LaPcapngWriter *writer, const LaPcapngInterface *interface, uint32_t *ret_interface,
                                    GError **error)
{
  static const uint8_t nanoseconds = 9;
  GByteArray *block = writer->block;
  begin_block(writer, 1);
  put_u16(block, interface->link_type);
  put_u16(block, 0);
  put_u32(block, interface->snaplen);
  put_text(block, LA_OPTION_IF_NAME, interface->name);
  put_text(block, LA_OPTION_IF_DESCRIPTION, interface->description);
  put_option(block, LA_OPTION_IF_TSRESOL, &nanoseconds, 1);
  if (interface->filter != NULL) { /* a byte 0 in front: a filter as text */
    size_t len = MIN(strlen(interface->filter), OPTION_MAX - 1);
    char *value = g_malloc0(len + 1);
    memcpy(value + 1, interface->filter, len);
    put_option(block, LA_OPTION_IF_FILTER, value, len + 1);
    g_free(value);
  }
  if (interface->fcs_len >= 0)
    put_option(block, LA_OPTION_IF_FCSLEN, &interface->fcs_len, 1);
  put_option(block, LA_OPTION_END, NULL, 0);
  if (!end_block(writer, error))
    return false;
  *ret_interface = writer->snaplens->len;
  g_array_append_val(writer->snaplens, interface->snaplen);
  return true;
}

/* Whether a simple packet block says as much of `packet`: it has no captured length of its own. */
static bool is_simple(const LaPcapngWriter *writer, uint32_t interface, const LaPacketView *packet)
{
  if (packet->time != LA_TIME_NONE || interface != 0)
    return false;
  uint32_t snaplen = g_array_index(writer->snaplens, uint32_t, 0);
  return packet->captured_len == (snaplen != 0 ? MIN(packet->wire_len, snaplen) : packet->wire_len);
}

/* One option of a packet's own in this machine's byte order. One of an unknown kind holds who knows what: it stays as it is, and is left
 * out where it would have to be turned round. */
static void put_kept(GByteArray *block, const LaOption *option, LaByteOrder order)
{
  bool word = option->code == LA_OPTION_EPB_FLAGS || option->code == LA_OPTION_EPB_QUEUE;
  bool count = option->code == LA_OPTION_EPB_DROPCOUNT || option->code == LA_OPTION_EPB_PACKETID;
  bool bytes = option->code == LA_OPTION_COMMENT || option->code == LA_OPTION_EPB_HASH || option->code == LA_OPTION_EPB_VERDICT;
  if (order == LA_ORDER_NATIVE || bytes) {
    put_option(block, option->code, option->value, option->len);
  } else if (word && option->len == 4) {
    uint32_t value = la_load_u32(option->value, order);
    put_option(block, option->code, &value, sizeof value);
  } else if (count && option->len == 8) {
    put_u64_option(block, option->code, la_load_u64(option->value, order));
  }
}

static void put_behind(GByteArray *block, const LaPcapngBehind *behind)
{
  const uint8_t *at = behind->kept.at;
  size_t len = MIN(behind->kept.len, KEPT_MAX);
  LaByteOrder order = behind->kept.swapped ? LA_ORDER_SWAPPED : LA_ORDER_NATIVE;
  LaOption option;
  while (at != NULL && la_option_next(&at, &len, order, &option)) {
    if (option.code != LA_OPTION_EPB_DROPCOUNT || behind->drops == LA_DROP_COUNTS_KEPT)
      put_kept(block, &option, order);
  }
  for (unsigned i = 0; i < behind->comment_count; i++)
    put_text(block, LA_OPTION_COMMENT, behind->comments[i]);
}

bool la_pcapng_writer_packet(LaPcapngWriter *writer, uint32_t interface, const LaPacketView *packet, const char *comment,
                             GError **error)
{
  LaPcapngBehind behind = {.comments = &comment, .comment_count = comment != NULL ? 1 : 0};
  return la_pcapng_writer_packet_with(writer, interface, packet, &behind, error);
}

bool la_pcapng_writer_packet_with(LaPcapngWriter *writer, uint32_t interface, const LaPacketView *packet,
                                  const LaPcapngBehind *behind, GError **error)
{
  g_return_val_if_fail(interface < writer->snaplens->len, false);
  GByteArray *block = writer->block;
  if (behind->kept.at == NULL && behind->comment_count == 0 && is_simple(writer, interface, packet)) {
    begin_block(writer, 3);
    put_u32(block, packet->wire_len);
    put_padded(block, packet->data, packet->captured_len);
    return end_block(writer, error);
  }
  begin_block(writer, 6);
  put_u32(block, interface);
  put_ticks(block, packet->time);
  put_u32(block, packet->captured_len);
  put_u32(block, packet->wire_len);
  put_padded(block, packet->data, packet->captured_len);
  guint options_at = block->len;
  put_behind(block, behind);
  end_options(block, options_at);
  return end_block(writer, error);
}

bool la_pcapng_writer_statistics(LaPcapngWriter *writer, uint32_t interface, const LaPcapngStatistics *statistics,
                                 GError **error)
{
  g_return_val_if_fail(interface < writer->snaplens->len, false);
  GByteArray *block = writer->block;
  begin_block(writer, 5);
  put_u32(block, interface);
  put_ticks(block, statistics->end_time);
  guint options_at = block->len;
  if (statistics->end_time != LA_TIME_NONE) {
    put_u16(block, LA_OPTION_ISB_ENDTIME);
    put_u16(block, 8);
    put_ticks(block, statistics->end_time);
  }
  if (statistics->received >= 0)
    put_u64_option(block, LA_OPTION_ISB_IFRECV, (uint64_t)statistics->received);
  if (statistics->interface_drops >= 0)
    put_u64_option(block, LA_OPTION_ISB_IFDROP, (uint64_t)statistics->interface_drops);
  if (statistics->kernel_drops >= 0)
    put_u64_option(block, LA_OPTION_ISB_OSDROP, (uint64_t)statistics->kernel_drops);
  end_options(block, options_at);
  return end_block(writer, error);
}

int la_pcapng_writer_failure(const LaPcapngWriter *writer)
{
  return writer->failed;
}

uint64_t la_pcapng_writer_size(const LaPcapngWriter *writer)
{
  return writer->total;
}

bool la_pcapng_writer_flush(LaPcapngWriter *writer, GError **error)
{
  if (writer->failed == 0 && writer->fd >= 0)
    write_ready(writer);
  return tell_failure(writer, error);
}

bool la_pcapng_writer_close(LaPcapngWriter *writer, GError **error)
{
  if (writer->fd >= 0) {
    (void)la_pcapng_writer_flush(writer, NULL); /* keeps its failure */
    if (close(writer->fd) != 0 && writer->failed == 0)
      writer->failed = errno;
    writer->fd = -1;
  }
  return tell_failure(writer, error);
}

void la_pcapng_writer_free(LaPcapngWriter *writer)
{
  if (writer == NULL)
    return;
  (void)la_pcapng_writer_close(writer, NULL);
  g_byte_array_free(writer->block, TRUE);
  g_byte_array_free(writer->ready, TRUE);
  g_array_free(writer->snaplens, TRUE);
  g_free(writer->name);
  g_free(writer);
}
