/* Captures from elsewhere, packet by packet against libpcap. They lie in LASTACK_SHARED, or in `shared` beside the source folder;
 * when there are none, that is said aloud. */
#include <pcap/pcap.h>
#include <stdio.h>

#include "capture/link_type.h"
#include "unit/capture/captures.h"

/* The folders with captures. (transfer full) */
static char *shared_folder(const char *name)
{
  const char *shared = g_getenv("LASTACK_SHARED");
  return shared != NULL ? g_build_filename(shared, name, NULL) : g_build_filename(LA_SOURCE_DIR, "..", "shared", name, NULL);
}

static bool is_capture(const char *name)
{
  return g_str_has_suffix(name, ".pcap") || g_str_has_suffix(name, ".pcapng");
}

/* Adds the captures in `folder` and below to `paths`. */
static void find_captures(const char *folder, GPtrArray *paths)
{
  GDir *dir = g_dir_open(folder, 0, NULL);
  if (dir == NULL)
    return;
  const char *name;
  while ((name = g_dir_read_name(dir)) != NULL) {
    char *path = g_build_filename(folder, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
      find_captures(path, paths);
    if (is_capture(name))
      g_ptr_array_add(paths, path);
    else
      g_free(path);
  }
  g_dir_close(dir);
}

/* Reads one capture with both; false when libpcap refuses it. libpcap gives up where a second interface has another link type or
 * snaplen than the first: the packets up to there are compared. */
static bool compare(const char *path, uint64_t *ret_packets)
{
  char why[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
  if (pcap == NULL)
    return false;
  GError *error = NULL;
  LaSource *source = la_source_open(path, &error);
  if (source == NULL)
    fail_msg("%s", error->message);
  struct pcap_pkthdr *header;
  const u_char *data;
  int theirs;
  uint64_t packets = 0;
  while ((theirs = pcap_next_ex(pcap, &header, &data)) == 1) {
    LaPacketView packet;
    if (la_source_next(source, &packet) != LA_READ_PACKET)
      fail_msg("%s: ends at packet %" PRIu64 ", libpcap goes on", path, packets);
    packets++;
    assert_int_equal(packet.frame, packets);
    assert_int_equal(la_link_type_dlt(packet.link_type), pcap_datalink(pcap));
    assert_int_equal(packet.time, header->ts.tv_sec * LA_SEC + header->ts.tv_usec);
    assert_int_equal(packet.wire_len, header->len);
    assert_int_equal(packet.captured_len, header->caplen);
    assert_memory_equal(packet.data, data, header->caplen);
  }
  LaPacketView packet;
  LaReadResult ours = la_source_next(source, &packet);
  if (theirs == PCAP_ERROR && strstr(pcap_geterr(pcap), "of the first interface") != NULL)
    print_message("%s: libpcap gives up after packet %" PRIu64 ": %s\n", path, packets, pcap_geterr(pcap));
  else
    assert_int_equal(ours, theirs == PCAP_ERROR_BREAK ? LA_READ_END : LA_READ_BROKEN);
  la_source_free(source);
  pcap_close(pcap);
  *ret_packets = packets;
  return true;
}

/* Compares all captures of a folder; says so when there are none. */
static void compare_folder(const char *name)
{
  g_autofree char *folder = shared_folder(name);
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  find_captures(folder, paths);
  uint64_t total = 0;
  unsigned compared = 0;
  for (guint i = 0; i < paths->len; i++) {
    uint64_t packets = 0;
    if (compare(g_ptr_array_index(paths, i), &packets)) {
      compared++;
      total += packets;
    } else {
      print_message("libpcap does not read %s\n", (const char *)g_ptr_array_index(paths, i));
    }
  }
  if (paths->len == 0)
    print_message("NO CAPTURES in %s: nothing was compared with libpcap\n", folder);
  else
    print_message("%u captures and %" PRIu64 " packets of %s are as libpcap reads them\n", compared, total, folder);
  g_ptr_array_free(paths, TRUE);
}

static void test_captures(void **state)
{
  (void)state;
  compare_folder("captures");
}

static void test_truth(void **state)
{
  (void)state;
  compare_folder("truth");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_captures),
      cmocka_unit_test(test_truth),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
