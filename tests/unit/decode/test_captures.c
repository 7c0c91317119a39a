/* The captures with known counts: segments, SYN, FIN and RST flags and payload bytes of each file, against the sums of
 * expected.ndjson (from tshark). They lie beside the project; where they are missing, the test is skipped and says so. */
#include <inttypes.h>

#include <glib.h>

#include "capture/source.h"
#include "unit/decode/packet_builder.h"

#define CAPTURES LA_SOURCE_DIR "/../shared/captures"
#define TRUTH LA_SOURCE_DIR "/../shared/truth"

typedef struct {
  uint64_t packets, results[LA_DECODED_CUT_SHORT + 1];
  uint64_t payload, syn, fin, rst, checksum_bad;
} Counts;

static bool count_file(const char *path, Counts *ret_counts)
{
  g_autoptr(LaSource) source = la_source_open(path, NULL);
  if (source == NULL)
    return false;
  Counts counts = {0};
  LaPacketView packet;
  LaReadResult read;
  while ((read = la_source_next(source, &packet)) == LA_READ_PACKET) {
    LaDecodeOptions options = {.verify_checksums = true};
    LaSegment segment;
    LaIcmpError icmp;
    LaDecodeResult result = la_decode(&packet, &options, &segment, &icmp);
    counts.packets++;
    counts.results[result]++;
    if (result != LA_DECODED_SEGMENT)
      continue;
    counts.payload += segment.payload_len;
    counts.syn += (segment.flags & LA_TCP_SYN) != 0;
    counts.fin += (segment.flags & LA_TCP_FIN) != 0;
    counts.rst += (segment.flags & LA_TCP_RST) != 0;
    counts.checksum_bad += segment.checksum_bad;
  }
  *ret_counts = counts;
  return read == LA_READ_END;
}

/* The sum of all numbers that follow `key` in `line`. */
static uint64_t sum_of(const char *line, const char *key)
{
  uint64_t sum = 0;
  for (const char *at = line; (at = strstr(at, key)) != NULL;) {
    at += strlen(key);
    sum += strtoull(at, NULL, 10);
  }
  return sum;
}

static void skip_aloud(const char *what)
{
  print_message("SKIPPED: %s is not there\n", what);
  skip();
}

static void check_line(const char *line)
{
  char name[256], path[512];
  assert_int_equal(sscanf(line, "{\"file\": \"%255[^\"]\"", name), 1);
  snprintf(path, sizeof path, "%s/%s", CAPTURES, name);
  Counts counts;
  if (!count_file(path, &counts))
    fail_msg("%s cannot be read", path);
  const char *connections = strstr(line, "\"connections\"");
  assert_non_null(connections);
  uint64_t expected = sum_of(connections, "\"packets\": ");
  uint64_t payload = sum_of(connections, "\"payload_bytes\": ");
  uint64_t syn = sum_of(connections, "\"syn\": "), fin = sum_of(connections, "\"fin\": "),
           rst = sum_of(connections, "\"rst\": ");
  if (counts.packets != strtoull(strstr(line, "\"packets\": ") + 11, NULL, 10) ||
      counts.results[LA_DECODED_SEGMENT] != expected || counts.payload != payload || counts.syn != syn || counts.fin != fin ||
      counts.rst != rst)
    fail_msg("%s: segments %" PRIu64 " of %" PRIu64 ", payload %" PRIu64 " of %" PRIu64 ", SYN %" PRIu64 " of %" PRIu64
             ", FIN %" PRIu64 " of %" PRIu64 ", RST %" PRIu64 " of %" PRIu64,
             name, counts.results[LA_DECODED_SEGMENT], expected, counts.payload, payload, counts.syn, syn, counts.fin, fin,
             counts.rst, rst);
}

static void segments_and_flags_are_those_of_the_captures(void **state)
{
  (void)state;
  FILE *file = fopen(CAPTURES "/expected.ndjson", "r");
  if (file == NULL)
    skip_aloud(CAPTURES);
  unsigned files = 0;
  for (char line[8192]; fgets(line, sizeof line, file) != NULL; files++)
    check_line(line);
  fclose(file);
  assert_true(files > 0);
}

/* Calls `check` for every capture below `folder`, down to one level of folders. Skips aloud when there is none. */
static void for_each_capture(const char *folder, void (*check)(const char *path, const char *name, const Counts *counts))
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  if (dir == NULL)
    skip_aloud(folder);
  unsigned files = 0;
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
      g_free(path);
      path = g_build_filename(folder, name, "capture.pcap", NULL);
    }
    Counts counts;
    if (strstr(path, ".pcap") == NULL || !count_file(path, &counts))
      continue;
    check(path, name, &counts);
    files++;
  }
  assert_true(files > 0);
}

static void check_sound(const char *path, const char *name, const Counts *counts)
{
  (void)name;
  uint64_t bad =
      counts->results[LA_DECODED_MALFORMED] + counts->results[LA_DECODED_CUT_SHORT] + counts->results[LA_DECODED_FRAGMENT];
  if (bad != 0)
    fail_msg("%s: malformed %" PRIu64 ", cut short %" PRIu64 ", fragments %" PRIu64, path,
             counts->results[LA_DECODED_MALFORMED], counts->results[LA_DECODED_CUT_SHORT],
             counts->results[LA_DECODED_FRAGMENT]);
}

static void no_packet_of_the_captures_is_malformed_cut_short_or_a_fragment(void **state)
{
  (void)state;
  for_each_capture(CAPTURES, check_sound);
}

static void no_packet_of_the_kernel_captures_is_malformed_cut_short_or_a_fragment(void **state)
{
  (void)state;
  for_each_capture(TRUTH, check_sound);
}

static void check_kernel_capture(const char *path, const char *name, const Counts *counts)
{
  (void)name;
  if (counts->results[LA_DECODED_SEGMENT] == 0 || counts->results[LA_DECODED_NOT_IP] * 2 > counts->packets)
    fail_msg("%s: %" PRIu64 " segments of %" PRIu64 " packets", path, counts->results[LA_DECODED_SEGMENT], counts->packets);
}

static void kernel_captures_are_of_segments(void **state)
{
  (void)state;
  for_each_capture(TRUTH, check_kernel_capture);
}

/* The captures' own description lists those with wrong checksums. */
static void check_checksums(const char *path, const char *name, const Counts *counts)
{
  static const char *const wrong[] = {"one_tcp_rst.pcap",
                                      "raw_ip.pcap",
                                      "tls.pcap",
                                      "bgp-bgpsec.pcap",
                                      "of10_7050sx_bsn.pcap",
                                      "nanosecs_big_endian.pcap",
                                      "http_asymmetric.pcapng",
                                      "custom_rules_same-ip_multiple_ports.pcapng"};
  bool expected = false;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    expected = expected || strcmp(name, wrong[i]) == 0;
  if ((counts->checksum_bad != 0) != expected)
    fail_msg("%s: %" PRIu64 " wrong checksums", path, counts->checksum_bad);
}

static void wrong_checksums_are_in_the_captures_that_have_them(void **state)
{
  (void)state;
  for_each_capture(CAPTURES, check_checksums);
}

static void icmp_errors_of_the_captures_are_found(void **state)
{
  (void)state;
  Counts counts;
  if (!count_file(CAPTURES "/IcmpPackets.pcap", &counts))
    skip_aloud(CAPTURES "/IcmpPackets.pcap");
  assert_int_equal(counts.results[LA_DECODED_ICMP], 1);
  assert_int_equal(counts.results[LA_DECODED_SEGMENT], 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(segments_and_flags_are_those_of_the_captures),
      cmocka_unit_test(no_packet_of_the_captures_is_malformed_cut_short_or_a_fragment),
      cmocka_unit_test(no_packet_of_the_kernel_captures_is_malformed_cut_short_or_a_fragment),
      cmocka_unit_test(kernel_captures_are_of_segments),
      cmocka_unit_test(wrong_checksums_are_in_the_captures_that_have_them),
      cmocka_unit_test(icmp_errors_of_the_captures_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
