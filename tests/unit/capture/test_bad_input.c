/* Files that are no capture, that break off, or whose fields lie: one clear line each, and what was readable is read. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "capture/source_private.h"
#include "unit/capture/captures.h"

static void assert_path_fails(const char *path, const char *part)
{
  GError *error = NULL;
  assert_null(la_source_open(path, &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  assert_contains(error->message, path);
  assert_contains(error->message, part);
  assert_null(strchr(error->message, '\n'));
  g_error_free(error);
}

static void test_no_such_file(void **state)
{
  (void)state;
  assert_path_fails("nowhere/at-all.pcap", g_strerror(ENOENT));
}

static void test_a_directory(void **state)
{
  (void)state;
  assert_path_fails("/", "a directory");
}

static void test_an_empty_file(void **state)
{
  (void)state;
  assert_path_fails("/dev/null", "empty (0 bytes)");
  g_autofree char *message = open_failure("", 0);
  assert_string_equal(message, "test.pcap: empty (0 bytes), not a capture");
}

static void test_a_descriptor_that_is_none(void **state)
{
  (void)state;
  GError *error = NULL;
  assert_null(la_source_open_fd(-1, "nothing", &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  assert_contains(error->message, "nothing: ");
  g_error_free(error);
}

/* A descriptor that is open only for writing: the read fails, not the open. */
static void test_a_read_error_at_the_start(void **state)
{
  (void)state;
  int fd = open("/dev/null", O_WRONLY);
  GError *error = NULL;
  assert_null(la_source_open_fd(fd, "sink", &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  assert_contains(error->message, "sink: reading failed after 0 bytes");
  g_error_free(error);
}

static void test_text(void **state)
{
  (void)state;
  static const char *const texts[] = {"hello\n", "a", "<html>\n<body>", "10:00:00 IP 1.2.3.4.80 > 4.3.2.1.1234: Flags [S]\r\n",
                                      "caf\xc3\xa9 au lait\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *message = open_failure(texts[i], strlen(texts[i]));
    assert_string_equal(message, "test.pcap: text, not a capture (pcap or pcapng)");
  }
}

static void test_other_bytes(void **state)
{
  (void)state;
  g_autofree char *elf = open_failure("\x7f"
                                      "ELF\2\1\1\0",
                                      8);
  assert_string_equal(elf, "test.pcap: not a capture (pcap or pcapng): it begins with 7f 45 4c 46");
  g_autofree char *few = open_failure("\0\1", 2);
  assert_string_equal(few, "test.pcap: not a capture (pcap or pcapng): it has only 2 bytes");
}

static void test_compressions_that_are_not_read(void **state)
{
  (void)state;
  static const struct {
    const char *head;
    size_t len;
    const char *name;
  } cases[] = {{"\xfd"
                "7zXZ\0\0\4",
                8, "with xz,"},
               {"BZh91AY&SY", 10, "with bzip2,"},
               {"PK\3\4\24\0\0\0", 8, "with zip,"},
               {"\2\x21\x4c\x18xxxx", 8, "with legacy lz4,"},
               {"7z\xbc\xaf\x27\x1c\0\4", 8, "with 7-Zip,"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *message = open_failure(cases[i].head, cases[i].len);
    assert_contains(message, cases[i].name);
    assert_contains(message, "unpack it first");
  }
}

static void test_other_capture_formats_are_named(void **state)
{
  (void)state;
  static const struct {
    const char *head;
    size_t len;
    const char *name;
  } cases[] = {{"snoop\0\0\0\0\0\0\2\0\0\0\4", 16, "(snoop)"},
               {"GMBU\0\2\1\0", 8, "(Microsoft Network Monitor 2)"},
               {"RTSS\1\1\1\0", 8, "(Microsoft Network Monitor 1)"},
               {"XCP\0002.001", 9, "(NetXray/Sniffer (Windows))"},
               {"ObserverPktBufferVersion=10.00", 30, "(Network Instruments Observer)"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *message = open_failure(cases[i].head, cases[i].len);
    assert_contains(message, cases[i].name);
    assert_contains(message, "editcap -F pcapng");
  }
}

/* A pcap of three packets, and where each ends. */
static Bytes three_packets(guint ret_ends[3])
{
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  for (unsigned n = 0; n < 3; n++) {
    put_record(&bytes, 1000 + n, 5, 40 + n);
    ret_ends[n] = bytes.data->len;
  }
  return bytes;
}

static Bytes three_packets_ng(guint ret_ends[3])
{
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  for (unsigned n = 0; n < 3; n++) {
    put_packet(&bytes, 0, 1000 + n, 40 + n);
    ret_ends[n] = bytes.data->len;
  }
  return bytes;
}

/* Cut at every byte: the packets before the cut are read, and a cut inside a packet is told with its number. */
static void test_pcap_cut_at_every_byte(void **state)
{
  (void)state;
  guint ends[3];
  Bytes bytes = three_packets(ends);
  for (guint len = 1; len <= bytes.data->len; len++) {
    if (len < 24) {
      g_autofree char *message = open_failure(bytes.data->data, len);
      if (len >= 4) {
        g_autofree char *want =
            g_strdup_printf("test.pcap: cut off in the middle of the file header (%u of 24 bytes are there)", len);
        assert_string_equal(message, want);
      }
      continue;
    }
    LaSource *source = open_data(bytes.data->data, len, NULL);
    guint at = 24;
    unsigned n = 0;
    for (; n < 3 && ends[n] <= len; n++) {
      LaPacketView packet = next_packet(source);
      assert_payload(&packet, 40 + n, 1000 + n);
      at = ends[n];
    }
    if (at == len) {
      assert_end(source);
    } else {
      g_autofree char *where =
          len - at < 16 ? g_strdup_printf("cut off in the middle of the header of packet %u (%u of 16", n + 1, len - at)
                        : g_strdup_printf("cut off in the middle of packet %u (%u of %u", n + 1, len - at, ends[n] - at);
      assert_broken(source, where);
    }
    la_source_free(source);
  }
  bytes_free(&bytes);
}

static void test_pcapng_cut_at_every_byte(void **state)
{
  (void)state;
  guint ends[3];
  Bytes bytes = three_packets_ng(ends);
  for (guint len = 1; len <= bytes.data->len; len++) {
    if (len < 28) {
      g_autofree char *message = open_failure(bytes.data->data, len);
      if (len >= 4)
        assert_contains(message, "cut off in the middle of the file header");
      continue;
    }
    LaSource *source = open_data(bytes.data->data, len, NULL);
    unsigned n = 0;
    for (; n < 3 && ends[n] <= len; n++) {
      LaPacketView packet = next_packet(source);
      assert_payload(&packet, 40 + n, 1000 + n);
    }
    guint at = n > 0 ? ends[n - 1] : 48;
    if (len == 28 || at == len)
      assert_end(source);
    else if (len > at && len - at >= 12)
      assert_broken(source, n == 0 ? "cut off in the middle of packet 1 (" : n == 1 ? "packet 2 (" : "packet 3 (");
    else
      assert_broken(source, "cut off in the middle of ");
    la_source_free(source);
  }
  bytes_free(&bytes);
}

static void test_captured_lengths_that_lie_in_pcap(void **state)
{
  (void)state;
  static const uint32_t lengths[] = {UINT32_MAX, UINT32_C(0x80000000), INT32_MAX, LA_PACKET_MAX + 1};
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_pcap_header(&bytes, MAGIC_MICRO, 1);
    put_record(&bytes, 1, 0, 60);
    put_record(&bytes, 1, 0, 60);
    put_record_header(&bytes, 1, 0, lengths[i], lengths[i]);
    put_payload(&bytes, 600, 0);
    LaSource *source = open_bytes(&bytes);
    next_packet(source);
    next_packet(source);
    g_autofree char *why =
        g_strdup_printf("corrupt at packet 3: it claims %u captured bytes, and no packet has more than", lengths[i]);
    assert_broken(source, why);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

/* The largest length there may be is read as far as the file goes, and memory follows the file. */
static void test_a_length_beyond_the_file_takes_no_memory(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  put_record_header(&bytes, 1, 0, LA_PACKET_MAX, LA_PACKET_MAX);
  put_payload(&bytes, 600, 0);
  LaSource *source = open_bytes(&bytes);
  size_t before = source->window.capacity;
  assert_broken(source, "cut off in the middle of packet 1 (616 of 16777232 bytes are there)");
  assert_int_equal(source->window.capacity, before);
  la_source_free(source);
  bytes_free(&bytes);
}

typedef enum {
  WITH_ITS_BYTES,
  CUT_OFF,
} HugeKind;

/* A pcapng with a packet, an unknown block that claims 4 GiB - 4, and (when its bytes are there: as a hole of a sparse file) a packet. */
static int huge_block_file(HugeKind kind)
{
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  put_packet(&bytes, 0, 1, 60);
  put32(&bytes, 0x77777777);
  put32(&bytes, UINT32_C(0xFFFFFFFC));
  put32(&bytes, 0);
  int fd = file_of(bytes.data->data, bytes.data->len);
  if (kind == WITH_ITS_BYTES) {
    off_t at = (off_t)bytes.data->len - 12 + (off_t)UINT32_C(0xFFFFFFFC) - 4;
    Bytes rest = bytes_new(LITTLE);
    put32(&rest, UINT32_C(0xFFFFFFFC));
    put_packet(&rest, 0, 2, 61);
    assert_int_equal(pwrite(fd, rest.data->data, rest.data->len, at), rest.data->len);
    bytes_free(&rest);
  }
  bytes_free(&bytes);
  return fd;
}

static void test_a_block_of_4_gib_is_passed_over(void **state)
{
  (void)state;
  LaSource *source = la_source_open_fd(huge_block_file(WITH_ITS_BYTES), "huge", NULL);
  next_packet(source);
  size_t before = source->window.capacity;
  LaPacketView packet = next_packet(source);
  assert_int_equal(packet.frame, 2);
  assert_payload(&packet, 61, 2);
  assert_int_equal(source->window.capacity, before);
  assert_end(source);
  la_source_free(source);
}

static void test_a_block_of_4_gib_that_is_not_there(void **state)
{
  (void)state;
  LaSource *source = la_source_open_fd(huge_block_file(CUT_OFF), "huge", NULL);
  next_packet(source);
  assert_broken(source, "cut off in the middle of the block of 4294967292 bytes after packet 1");
  la_source_free(source);
}

/* Blocks whose content is used are not kept at any size. */
static void test_known_blocks_of_4_gib_are_corrupt(void **state)
{
  (void)state;
  static const uint32_t types[] = {1, 2, 3, 5, 6};
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_packet(&bytes, 0, 1, 60);
    put32(&bytes, types[i]);
    put32(&bytes, UINT32_C(0xFFFFFFFC));
    put_payload(&bytes, 600, 0);
    LaSource *source = open_bytes(&bytes);
    next_packet(source);
    assert_broken(source, "corrupt after packet 1: the block at byte 140 claims a length of 4294967292");
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_block_lengths_that_are_too_short(void **state)
{
  (void)state;
  static const struct {
    uint32_t type;
    uint32_t len;
  } cases[] = {{6, 0},  {6, 4},  {6, 11}, {6, 12},   {6, 28},   {2, 28},
               {3, 12}, {1, 16}, {5, 20}, {0x77, 0}, {0x77, 8}, {0x0A0D0D0A, 24}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_packet(&bytes, 0, 1, 60);
    put32(&bytes, cases[i].type);
    put32(&bytes, cases[i].len);
    if (cases[i].type == 0x0A0D0D0A) {
      put32(&bytes, 0x1A2B3C4D);
      put16(&bytes, 1);
      put16(&bytes, 0);
    }
    for (unsigned k = 0; k < 16; k++)
      put32(&bytes, cases[i].len);
    LaSource *source = open_bytes(&bytes);
    next_packet(source);
    g_autofree char *why = g_strdup_printf("the block at byte 140 claims a length of %u", cases[i].len);
    assert_broken(source, why);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_two_different_block_lengths(void **state)
{
  (void)state;
  static const uint32_t types[] = {1, 2, 3, 4, 5, 6, 0x0A0D0D0A};
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_packet(&bytes, 0, 1, 60);
    guint at = begin_block(&bytes, types[i]);
    if (types[i] == 0x0A0D0D0A)
      put32(&bytes, 0x1A2B3C4D);
    else
      put32(&bytes, 0);
    put32(&bytes, 1);
    for (unsigned k = 0; k < 6; k++)
      put32(&bytes, 0);
    end_block(&bytes, at);
    set32(&bytes, bytes.data->len - 4, 40);
    LaSource *source = open_bytes(&bytes);
    next_packet(source);
    assert_broken(source, "the block at byte 140 has two different lengths");
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_a_packet_longer_than_its_block(void **state)
{
  (void)state;
  static const uint32_t lengths[] = {61, 64, 1000, UINT32_MAX, UINT32_MAX - 31};
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_section(&bytes);
    put_interface(&bytes, 1);
    guint at = begin_packet(&bytes, 0, 1, 60);
    end_block(&bytes, at);
    set32(&bytes, at + 20, lengths[i]);
    LaSource *source = open_bytes(&bytes);
    g_autofree char *why = g_strdup_printf("corrupt at packet 1: it claims %u captured bytes in a block of 92", lengths[i]);
    assert_broken(source, why);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_a_simple_packet_longer_than_its_block(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  end_block(&bytes, begin_interface(&bytes, 1, 0));
  guint at = begin_block(&bytes, 3);
  put32(&bytes, 1500);
  put_payload(&bytes, 40, 0);
  end_block(&bytes, at);
  LaSource *source = open_bytes(&bytes);
  assert_broken(source, "corrupt at packet 1: it claims 1500 captured bytes in a block of 56");
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_interfaces_that_do_not_exist(void **state)
{
  (void)state;
  static const uint32_t interfaces[] = {1, 2, 65536, UINT32_MAX};
  for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_packet(&bytes, 0, 1, 60);
    put_packet(&bytes, interfaces[i], 1, 60);
    put_packet(&bytes, 0, 1, 60);
    LaSource *source = open_bytes(&bytes);
    next_packet(source);
    g_autofree char *why = g_strdup_printf("corrupt at packet 2: it names interface %u, but its section has 1", interfaces[i]);
    assert_broken(source, why);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

/* An interface of the section before is none of this one. */
static void test_interfaces_end_with_their_section(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  put_packet(&bytes, 0, 1, 60);
  put_section(&bytes);
  put_packet(&bytes, 0, 1, 60);
  LaSource *source = open_bytes(&bytes);
  next_packet(source);
  assert_broken(source, "corrupt at packet 2: it names interface 0, but its section has 0");
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_a_simple_packet_without_an_interface(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_simple_packet(&bytes, 20);
  LaSource *source = open_bytes(&bytes);
  assert_broken(source, "corrupt at packet 1: it names interface 0, but its section has 0");
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_too_many_interfaces(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  for (unsigned n = 0; n < 65537; n++)
    put_interface(&bytes, 1);
  LaSource *source = open_bytes(&bytes);
  assert_broken(source, "one interface more than 65536");
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_a_section_without_byte_order(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  set32(&bytes, 8, 0x11223344);
  assert_open_fails(&bytes, "is a section header without a byte order");
  bytes_free(&bytes);
}

static void test_other_pcapng_versions_are_refused(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  set32(&bytes, 12, 2);
  assert_open_fails(&bytes, "pcapng version 2.0 is not supported");
  bytes_free(&bytes);
}

static void test_garbage_behind_good_packets(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  put_packet(&bytes, 0, 1, 60);
  put_bytes(&bytes, "what is this? certainly no block", 32);
  LaSource *source = open_bytes(&bytes);
  next_packet(source);
  assert_broken(source, "after packet 1");
  la_source_free(source);
  bytes_free(&bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_such_file),
      cmocka_unit_test(test_a_directory),
      cmocka_unit_test(test_an_empty_file),
      cmocka_unit_test(test_a_descriptor_that_is_none),
      cmocka_unit_test(test_a_read_error_at_the_start),
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_other_bytes),
      cmocka_unit_test(test_compressions_that_are_not_read),
      cmocka_unit_test(test_other_capture_formats_are_named),
      cmocka_unit_test(test_pcap_cut_at_every_byte),
      cmocka_unit_test(test_pcapng_cut_at_every_byte),
      cmocka_unit_test(test_captured_lengths_that_lie_in_pcap),
      cmocka_unit_test(test_a_length_beyond_the_file_takes_no_memory),
      cmocka_unit_test(test_a_block_of_4_gib_is_passed_over),
      cmocka_unit_test(test_a_block_of_4_gib_that_is_not_there),
      cmocka_unit_test(test_known_blocks_of_4_gib_are_corrupt),
      cmocka_unit_test(test_block_lengths_that_are_too_short),
      cmocka_unit_test(test_two_different_block_lengths),
      cmocka_unit_test(test_a_packet_longer_than_its_block),
      cmocka_unit_test(test_a_simple_packet_longer_than_its_block),
      cmocka_unit_test(test_interfaces_that_do_not_exist),
      cmocka_unit_test(test_interfaces_end_with_their_section),
      cmocka_unit_test(test_a_simple_packet_without_an_interface),
      cmocka_unit_test(test_too_many_interfaces),
      cmocka_unit_test(test_a_section_without_byte_order),
      cmocka_unit_test(test_other_pcapng_versions_are_refused),
      cmocka_unit_test(test_garbage_behind_good_packets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
