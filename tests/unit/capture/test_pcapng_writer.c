/* What the writer writes is what the reader and libpcap read. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "capture/pcapng_writer.h"
#include "unit/capture/captures.h"

static LaPcapngWriter *writer_on(int fd)
{
  GError *error = NULL;
  LaPcapngWriter *writer = la_pcapng_writer_open_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0), "out.pcapng", "lastack", &error);
  if (writer == NULL)
    fail_msg("%s", error->message);
  return writer;
}

static uint32_t add_interface(LaPcapngWriter *writer, const LaPcapngInterface *interface)
{
  uint32_t number = UINT32_MAX;
  assert_true(la_pcapng_writer_add_interface(writer, interface, &number, NULL));
  return number;
}

static LaPacketView packet(LaTime time, const uint8_t *data, uint32_t captured_len, uint32_t wire_len)
{
  return (LaPacketView){.data = data, .captured_len = captured_len, .wire_len = wire_len, .time = time};
}

static const LaPcapngInterface ethernet = {.link_type = 1, .snaplen = 96, .fcs_len = -1};
static const uint8_t payload[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static void test_round_trip(void **state)
{
  (void)state;
  int fd = file_of("", 0);
  LaPcapngWriter *writer = writer_on(fd);
  LaPcapngInterface second = {.link_type = 113, .fcs_len = 4, .name = "any", .description = "all of them", .filter = "tcp"};
  assert_int_equal(add_interface(writer, &ethernet), 0);
  assert_int_equal(add_interface(writer, &second), 1);
  for (uint32_t n = 0; n < 8; n++) { /* every padding */
    LaPacketView view = packet(INT64_C(1700000000123456789) + n, payload, n, 1500);
    assert_true(la_pcapng_writer_packet(writer, n % 2, &view, n % 3 == 0 ? "evidence: ACK of the FIN" : NULL, NULL));
  }
  LaPcapngStatistics statistics = {
      .end_time = INT64_C(1700000100000000001), .received = 100, .kernel_drops = 7, .interface_drops = 8};
  assert_true(la_pcapng_writer_statistics(writer, 1, &statistics, NULL));
  assert_true(la_pcapng_writer_close(writer, NULL));
  la_pcapng_writer_free(writer);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  LaSource *source = la_source_open_fd(fd, "out.pcapng", NULL);
  for (uint32_t n = 0; n < 8; n++) {
    LaPacketView view = next_packet(source);
    assert_int_equal(view.time, INT64_C(1700000000123456789) + n);
    assert_int_equal(view.interface, n % 2);
    assert_int_equal(view.link_type, n % 2 == 0 ? 1 : 113);
    assert_int_equal(view.fcs_len, n % 2 == 0 ? -1 : 4);
    assert_int_equal(view.captured_len, n);
    assert_int_equal(view.wire_len, 1500);
    assert_memory_equal(view.data, payload, n);
  }
  assert_end(source);
  unsigned count = 0;
  const LaInterface *interfaces = la_source_interfaces(source, &count);
  assert_int_equal(count, 2);
  assert_int_equal(interfaces[0].snaplen, 96);
  assert_null(interfaces[0].name);
  assert_string_equal(interfaces[1].name, "any");
  assert_string_equal(interfaces[1].description, "all of them");
  assert_string_equal(interfaces[1].filter, "tcp");
  assert_int_equal(interfaces[1].kernel_drops, 7);
  assert_int_equal(interfaces[1].interface_drops, 8);
  assert_int_equal(la_source_stated_end(source), INT64_C(1700000100000000001));
  la_source_free(source);
}

static void test_libpcap_reads_it(void **state)
{
  (void)state;
  int fd = file_of("", 0);
  LaPcapngWriter *writer = writer_on(fd);
  add_interface(writer, &ethernet);
  for (uint32_t n = 0; n < 3; n++) {
    LaPacketView view = packet(INT64_C(1700000000000000000) + n, payload, 20 + n, 60);
    assert_true(la_pcapng_writer_packet(writer, 0, &view, "a comment", NULL));
  }
  assert_true(la_pcapng_writer_close(writer, NULL));
  la_pcapng_writer_free(writer);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  char why[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(fdopen(fd, "rb"), PCAP_TSTAMP_PRECISION_NANO, why);
  assert_non_null(pcap);
  assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
  assert_int_equal(pcap_snapshot(pcap), 96);
  struct pcap_pkthdr *header;
  const u_char *data;
  for (uint32_t n = 0; n < 3; n++) {
    assert_int_equal(pcap_next_ex(pcap, &header, &data), 1);
    assert_int_equal(header->ts.tv_sec, 1700000000);
    assert_int_equal(header->ts.tv_usec, n);
    assert_int_equal(header->caplen, 20 + n);
    assert_int_equal(header->len, 60);
    assert_memory_equal(data, payload, 20 + n);
  }
  assert_int_equal(pcap_next_ex(pcap, &header, &data), PCAP_ERROR_BREAK);
  pcap_close(pcap);
}

/* The bytes of a file, to be freed. */
static GByteArray *bytes_of(int fd)
{
  GByteArray *all = g_byte_array_new();
  uint8_t block[4096];
  ssize_t got;
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  while ((got = read(fd, block, sizeof block)) > 0)
    g_byte_array_append(all, block, (guint)got);
  return all;
}

static bool contains(const GByteArray *all, const char *text)
{
  return memmem(all->data, all->len, text, strlen(text)) != NULL;
}

static void test_texts_are_in_the_file(void **state)
{
  (void)state;
  int fd = file_of("", 0);
  LaPcapngWriter *writer = writer_on(fd);
  add_interface(writer, &ethernet);
  LaPacketView view = packet(1, payload, 10, 10);
  assert_true(la_pcapng_writer_packet(writer, 0, &view, "close-wait-leak: \xc3\xa4", NULL));
  assert_true(la_pcapng_writer_close(writer, NULL));
  la_pcapng_writer_free(writer);
  GByteArray *all = bytes_of(fd);
  assert_true(contains(all, "lastack"));
  assert_true(contains(all, "close-wait-leak: \xc3\xa4"));
  g_byte_array_free(all, TRUE);
  close(fd);
}

static void test_the_same_calls_give_the_same_bytes(void **state)
{
  (void)state;
  GByteArray *files[2];
  for (unsigned i = 0; i < 2; i++) {
    int fd = file_of("", 0);
    LaPcapngWriter *writer = writer_on(fd);
    add_interface(writer, &ethernet);
    LaPacketView view = packet(1, payload, 10, 10);
    assert_true(la_pcapng_writer_packet(writer, 0, &view, "x", NULL));
    assert_true(la_pcapng_writer_close(writer, NULL));
    la_pcapng_writer_free(writer);
    files[i] = bytes_of(fd);
    close(fd);
  }
  assert_int_equal(files[0]->len, files[1]->len);
  assert_memory_equal(files[0]->data, files[1]->data, files[0]->len);
  g_byte_array_free(files[0], TRUE);
  g_byte_array_free(files[1], TRUE);
}

/* A comment longer than an option can be is cut at the start of a character, and the file stays whole. */
static void test_a_long_comment(void **state)
{
  (void)state;
  GString *comment = g_string_new("x");
  while (comment->len < 70000)
    g_string_append(comment, "\xe2\x82\xac");
  int fd = file_of("", 0);
  LaPcapngWriter *writer = writer_on(fd);
  add_interface(writer, &ethernet);
  LaPacketView view = packet(1, payload, 10, 10);
  assert_true(la_pcapng_writer_packet(writer, 0, &view, comment->str, NULL));
  assert_true(la_pcapng_writer_packet(writer, 0, &view, NULL, NULL));
  assert_true(la_pcapng_writer_close(writer, NULL));
  la_pcapng_writer_free(writer);
  GByteArray *all = bytes_of(fd);
  const uint8_t *at = memmem(all->data, all->len, "x\xe2\x82\xac", 4);
  assert_non_null(at);
  uint16_t len;
  memcpy(&len, at - 2, 2);
  assert_int_equal(len, 65533); /* 1 + 3 * 21844 */
  assert_true(g_utf8_validate_len((const char *)at, len, NULL));
  g_byte_array_free(all, TRUE);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  LaSource *source = la_source_open_fd(fd, "out", NULL);
  next_packet(source);
  next_packet(source);
  assert_end(source);
  la_source_free(source);
  g_string_free(comment, TRUE);
}

static void test_packets_without_a_time(void **state)
{
  (void)state;
  int fd = file_of("", 0);
  LaPcapngWriter *writer = writer_on(fd);
  add_interface(writer, &ethernet);
  LaPcapngInterface other = {.link_type = 113, .fcs_len = -1};
  add_interface(writer, &other);
  LaPacketView view = packet(LA_TIME_NONE, payload, 30, 30);
  assert_true(la_pcapng_writer_packet(writer, 0, &view, NULL, NULL));
  assert_true(la_pcapng_writer_packet(writer, 1, &view, NULL, NULL));
  assert_true(la_pcapng_writer_packet(writer, 0, &view, "comment", NULL));
  view.wire_len = 1500;
  assert_true(la_pcapng_writer_packet(writer, 0, &view, NULL, NULL));
  view.time = -5 * LA_SEC;
  assert_true(la_pcapng_writer_packet(writer, 0, &view, NULL, NULL));
  assert_true(la_pcapng_writer_close(writer, NULL));
  la_pcapng_writer_free(writer);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  LaSource *source = la_source_open_fd(fd, "out", NULL);
  static const LaTime want[] = {LA_TIME_NONE, 0, 0, 0, 0};
  for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
    LaPacketView got = next_packet(source);
    assert_int_equal(got.time, want[i]);
    assert_int_equal(got.captured_len, 30);
    assert_int_equal(got.wire_len, i < 3 ? 30 : 1500);
  }
  assert_end(source);
  la_source_free(source);
}

static void test_statistics_that_say_nothing(void **state)
{
  (void)state;
  int fd = file_of("", 0);
  LaPcapngWriter *writer = writer_on(fd);
  add_interface(writer, &ethernet);
  LaPcapngStatistics statistics = {.end_time = LA_TIME_NONE, .received = -1, .kernel_drops = -1, .interface_drops = -1};
  assert_true(la_pcapng_writer_statistics(writer, 0, &statistics, NULL));
  assert_true(la_pcapng_writer_close(writer, NULL));
  la_pcapng_writer_free(writer);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  LaSource *source = la_source_open_fd(fd, "out", NULL);
  assert_end(source);
  unsigned count = 0;
  assert_int_equal(la_source_interfaces(source, &count)->kernel_drops, -1);
  assert_int_equal(la_source_stated_end(source), LA_TIME_NONE);
  la_source_free(source);
}

static void assert_output_error(GError *error, const char *part)
{
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OUTPUT));
  assert_contains(error->message, part);
  assert_null(strchr(error->message, '\n'));
  g_error_free(error);
}

static void test_a_full_disk(void **state)
{
  (void)state;
  GError *error = NULL;
  LaPcapngWriter *writer = la_pcapng_writer_open("/dev/full", "lastack", &error);
  assert_non_null(writer); /* the header is still in the buffer */
  add_interface(writer, &ethernet);
  uint8_t *data = g_malloc0(100000);
  LaPacketView view = packet(1, data, 100000, 100000);
  bool good = true;
  for (unsigned n = 0; n < 10 && good; n++)
    good = la_pcapng_writer_packet(writer, 0, &view, NULL, &error);
  assert_false(good);
  assert_output_error(error, g_strerror(ENOSPC));
  error = NULL;
  assert_false(la_pcapng_writer_packet(writer, 0, &view, NULL, &error)); /* the same again */
  assert_output_error(error, "/dev/full");
  error = NULL;
  assert_false(la_pcapng_writer_close(writer, &error));
  assert_output_error(error, g_strerror(ENOSPC));
  la_pcapng_writer_free(writer);
  g_free(data);
}

static void test_a_full_disk_found_at_the_end(void **state)
{
  (void)state;
  GError *error = NULL;
  LaPcapngWriter *writer = la_pcapng_writer_open("/dev/full", "lastack", &error);
  add_interface(writer, &ethernet);
  assert_false(la_pcapng_writer_close(writer, &error));
  assert_output_error(error, "/dev/full: ");
  la_pcapng_writer_free(writer);
}

static void test_a_place_that_is_none(void **state)
{
  (void)state;
  GError *error = NULL;
  assert_null(la_pcapng_writer_open("/nowhere/out.pcapng", "lastack", &error));
  assert_output_error(error, "/nowhere/out.pcapng: ");
}

static void test_flush(void **state)
{
  (void)state;
  int fd = file_of("", 0);
  LaPcapngWriter *writer = writer_on(fd);
  add_interface(writer, &ethernet);
  LaPacketView view = packet(1, payload, 10, 10);
  assert_true(la_pcapng_writer_packet(writer, 0, &view, NULL, NULL));
  assert_true(la_pcapng_writer_flush(writer, NULL));
  GByteArray *all = bytes_of(fd);
  LaSource *source = open_data(all->data, all->len, NULL);
  next_packet(source);
  assert_end(source);
  la_source_free(source);
  g_byte_array_free(all, TRUE);
  assert_true(lseek(fd, 0, SEEK_END) > 0); /* the offset is shared with the writer */
  la_pcapng_writer_free(writer);
  close(fd);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_libpcap_reads_it),
      cmocka_unit_test(test_texts_are_in_the_file),
      cmocka_unit_test(test_the_same_calls_give_the_same_bytes),
      cmocka_unit_test(test_a_long_comment),
      cmocka_unit_test(test_packets_without_a_time),
      cmocka_unit_test(test_statistics_that_say_nothing),
      cmocka_unit_test(test_a_full_disk),
      cmocka_unit_test(test_a_full_disk_found_at_the_end),
      cmocka_unit_test(test_a_place_that_is_none),
      cmocka_unit_test(test_flush),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
