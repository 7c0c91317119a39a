/* Captures built byte by byte, opened in every way a source can be, and told as text for comparison. Included by each test of
 * this folder; what a test does not use costs nothing. */
#ifndef LA_TESTS_CAPTURES_H
#define LA_TESTS_CAPTURES_H

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "capture/source.h"

typedef enum {
  LITTLE,
  BIG,
} Endian;

/* A file being put together. */
typedef struct {
  GByteArray *data;
  Endian endian;
} Bytes;

static inline Bytes bytes_new(Endian endian)
{
  return (Bytes){.data = g_byte_array_new(), .endian = endian};
}

static inline void bytes_free(Bytes *bytes)
{
  g_byte_array_free(bytes->data, TRUE);
}

static inline void put_number(Bytes *bytes, uint64_t value, unsigned size)
{
  for (unsigned i = 0; i < size; i++) {
    uint8_t byte = (uint8_t)(value >> 8 * (bytes->endian == LITTLE ? i : size - 1 - i));
    g_byte_array_append(bytes->data, &byte, 1);
  }
}

static inline void put16(Bytes *bytes, uint16_t value)
{
  put_number(bytes, value, 2);
}

static inline void put32(Bytes *bytes, uint32_t value)
{
  put_number(bytes, value, 4);
}

static inline void put64(Bytes *bytes, uint64_t value)
{
  put_number(bytes, value, 8);
}

static inline void put_bytes(Bytes *bytes, const void *data, size_t len)
{
  g_byte_array_append(bytes->data, data, (guint)len);
}

/* `len` bytes that differ from packet to packet: `seed`, seed + 1 ... */
static inline void put_payload(Bytes *bytes, size_t len, unsigned seed)
{
  for (size_t i = 0; i < len; i++) {
    uint8_t byte = (uint8_t)(seed + i);
    g_byte_array_append(bytes->data, &byte, 1);
  }
}

/* pcap */

#define MAGIC_MICRO UINT32_C(0xa1b2c3d4)
#define MAGIC_NANO UINT32_C(0xa1b23c4d)
#define MAGIC_MODIFIED UINT32_C(0xa1b2cd34)

static inline void put_pcap_version(Bytes *bytes, uint32_t magic, uint16_t major, uint16_t minor, uint32_t network)
{
  put32(bytes, magic);
  put16(bytes, major);
  put16(bytes, minor);
  put32(bytes, 0);
  put32(bytes, 0);
  put32(bytes, 65535);
  put32(bytes, network);
}

static inline void put_pcap_header(Bytes *bytes, uint32_t magic, uint32_t network)
{
  put_pcap_version(bytes, magic, 2, 4, network);
}

/* The 16 bytes every record header begins with. */
static inline void put_record_header(Bytes *bytes, uint32_t seconds, uint32_t fraction, uint32_t captured, uint32_t wire)
{
  put32(bytes, seconds);
  put32(bytes, fraction);
  put32(bytes, captured);
  put32(bytes, wire);
}

static inline void put_record(Bytes *bytes, uint32_t seconds, uint32_t fraction, uint32_t len)
{
  put_record_header(bytes, seconds, fraction, len, len);
  put_payload(bytes, len, seconds);
}

/* pcapng */

/* Begins a block and returns where; end_block sets its lengths. */
static inline guint begin_block(Bytes *bytes, uint32_t type)
{
  guint at = bytes->data->len;
  put32(bytes, type);
  put32(bytes, 0);
  return at;
}

static inline void pad4(Bytes *bytes, guint from)
{
  while ((bytes->data->len - from) % 4 != 0)
    put_number(bytes, 0, 1);
}

static inline void set32(Bytes *bytes, guint at, uint32_t value)
{
  Bytes field = bytes_new(bytes->endian);
  put32(&field, value);
  memcpy(bytes->data->data + at, field.data->data, 4);
  bytes_free(&field);
}

static inline void end_block(Bytes *bytes, guint at)
{
  pad4(bytes, at);
  uint32_t len = bytes->data->len - at + 4;
  put32(bytes, len);
  set32(bytes, at + 4, len);
}

static inline void put_option(Bytes *bytes, uint16_t code, const void *value, uint16_t len)
{
  put16(bytes, code);
  put16(bytes, len);
  guint from = bytes->data->len;
  put_bytes(bytes, value, len);
  pad4(bytes, from);
}

static inline void put_option64(Bytes *bytes, uint16_t code, uint64_t value)
{
  put16(bytes, code);
  put16(bytes, 8);
  put64(bytes, value);
}

static inline void put_section(Bytes *bytes)
{
  guint at = begin_block(bytes, 0x0A0D0D0A);
  put32(bytes, 0x1A2B3C4D);
  put16(bytes, 1);
  put16(bytes, 0);
  put64(bytes, UINT64_MAX);
  end_block(bytes, at);
}

static inline guint begin_interface(Bytes *bytes, uint16_t link_type, uint32_t snaplen)
{
  guint at = begin_block(bytes, 1);
  put16(bytes, link_type);
  put16(bytes, 0);
  put32(bytes, snaplen);
  return at;
}

static inline void put_interface(Bytes *bytes, uint16_t link_type)
{
  end_block(bytes, begin_interface(bytes, link_type, 65535));
}

static inline guint begin_packet(Bytes *bytes, uint32_t interface, uint64_t ticks, uint32_t len)
{
  guint at = begin_block(bytes, 6);
  put32(bytes, interface);
  put32(bytes, (uint32_t)(ticks >> 32));
  put32(bytes, (uint32_t)ticks);
  put32(bytes, len);
  put32(bytes, len);
  put_payload(bytes, len, (unsigned)ticks);
  pad4(bytes, at);
  return at;
}

static inline void put_packet(Bytes *bytes, uint32_t interface, uint64_t ticks, uint32_t len)
{
  end_block(bytes, begin_packet(bytes, interface, ticks, len));
}

static inline void put_simple_packet(Bytes *bytes, uint32_t len)
{
  guint at = begin_block(bytes, 3);
  put32(bytes, len);
  put_payload(bytes, len, 0x55);
  end_block(bytes, at);
}

/* Sources */

/* A descriptor at the beginning of a nameless file with these bytes. */
static inline int file_of(const void *data, size_t len)
{
  int fd = memfd_create("test", MFD_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, len), len);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  return fd;
}

static inline LaSource *open_data(const void *data, size_t len, GError **error)
{
  return la_source_open_fd(file_of(data, len), "test.pcap", error);
}

static inline LaSource *open_bytes(const Bytes *bytes)
{
  GError *error = NULL;
  LaSource *source = open_data(bytes->data->data, bytes->data->len, &error);
  if (source == NULL)
    fail_msg("%s", error->message);
  return source;
}

/* The message of opening that has to fail with LA_ERROR_OPEN. (transfer full) */
static inline char *open_failure(const void *data, size_t len)
{
  GError *error = NULL;
  LaSource *source = open_data(data, len, &error);
  assert_null(source);
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  assert_null(strchr(error->message, '\n'));
  assert_true(g_str_has_prefix(error->message, "test.pcap: "));
  char *message = g_strdup(error->message);
  g_error_free(error);
  return message;
}

static inline void assert_contains(const char *text, const char *part)
{
  if (text == NULL || strstr(text, part) == NULL)
    fail_msg("\"%s\" does not contain \"%s\"", text != NULL ? text : "(null)", part);
}

static inline void assert_open_fails(const Bytes *bytes, const char *part)
{
  char *message = open_failure(bytes->data->data, bytes->data->len);
  assert_contains(message, part);
  g_free(message);
}

/* A packet as a line. */
static inline void tell_packet(GString *out, const LaPacketView *packet)
{
  g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_MD5, packet->data, packet->captured_len);
  g_string_append_printf(out, "%" PRIu64 " t=%" PRId64 " i=%u l=%u f=%d %u/%u %s\n", packet->frame, packet->time,
                         packet->interface, packet->link_type, packet->fcs_len, packet->captured_len, packet->wire_len, hash);
}

static inline void tell_end(GString *out, const LaSource *source, LaReadResult result)
{
  const char *error = la_source_error(source);
  assert_true((error != NULL) == (result == LA_READ_BROKEN));
  g_string_append(out, error != NULL ? error : "end");
}

/* All that a source gives, packet by packet, and how it ends; frees the source. (transfer full) */
static inline char *tell(LaSource *source)
{
  GString *out = g_string_new(NULL);
  LaPacketView packet;
  LaReadResult result;
  while ((result = la_source_next(source, &packet)) == LA_READ_PACKET)
    tell_packet(out, &packet);
  tell_end(out, source, result);
  assert_int_equal(la_source_next(source, &packet), result); /* an end stays an end */
  la_source_free(source);
  return g_string_free(out, FALSE);
}

/* The same in batches of `max`; every packet of a batch is looked at only when the whole batch is there. */
static inline char *tell_batches(LaSource *source, unsigned max)
{
  GString *out = g_string_new(NULL);
  LaPacketView *packets = g_new0(LaPacketView, max);
  LaReadResult result;
  unsigned n = 0;
  while ((n = la_source_next_batch(source, packets, max, &result)) != 0) {
    assert_true(n <= max);
    assert_int_equal(result, LA_READ_PACKET);
    assert_null(la_source_error(source));
    for (unsigned i = 0; i < n; i++)
      tell_packet(out, &packets[i]);
  }
  tell_end(out, source, result);
  g_free(packets);
  la_source_free(source);
  return g_string_free(out, FALSE);
}

static inline LaPacketView next_packet(LaSource *source)
{
  LaPacketView packet;
  LaReadResult result = la_source_next(source, &packet);
  if (result != LA_READ_PACKET)
    fail_msg("no packet: %s", la_source_error(source) != NULL ? la_source_error(source) : "end");
  return packet;
}

static inline void assert_end(LaSource *source)
{
  LaPacketView packet;
  LaReadResult result = la_source_next(source, &packet);
  if (result == LA_READ_BROKEN)
    fail_msg("broken: %s", la_source_error(source));
  assert_int_equal(result, LA_READ_END);
}

static inline void assert_broken(LaSource *source, const char *part)
{
  LaPacketView packet;
  assert_int_equal(la_source_next(source, &packet), LA_READ_BROKEN);
  assert_contains(la_source_error(source), part);
  assert_null(strchr(la_source_error(source), '\n'));
}

static inline void assert_payload(const LaPacketView *packet, size_t len, unsigned seed)
{
  assert_int_equal(packet->captured_len, len);
  for (size_t i = 0; i < len; i++)
    assert_int_equal(packet->data[i], (uint8_t)(seed + i));
}

#endif
