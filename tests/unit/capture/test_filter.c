/* BPF filters: what passes, on which link types, and what is told when it cannot be. */
#include <pcap/pcap.h>

#include "capture/filter.h"
#include "unit/capture/captures.h"

/* An IPv4 TCP SYN from port 40001 to 8888, without its link header. */
static const uint8_t ip_packet[40] = {0x45, 0,    0,    40,   0, 1, 0x40, 0, 64, 6, 0, 0, 192,  0, 2,    10,   198, 51, 100, 7,
                                      0x9c, 0x41, 0x22, 0xb8, 0, 0, 0,    1, 0,  0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0,   0,  0,   0};

typedef struct {
  uint16_t link_type;
  size_t len;
  uint8_t header[80];
} LinkHeader;

static const LinkHeader headers[] = {
    {1, 14, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0}},
    {113, 16, {[14] = 8, [15] = 0}},
    {276, 20, {8, 0}},
    {0, 4, {2, 0, 0, 0}},
    {108, 4, {0, 0, 0, 2}},
    {12, 0, {0}},
    {14, 0, {0}},
    {101, 0, {0}},
    {228, 0, {0}},
    {9, 4, {0xff, 3, 0, 0x21}},
    {50, 4, {0xff, 3, 0, 0x21}},
    {104, 4, {0x0f, 0, 8, 0}},
    {10, 21, {[13] = 0xaa, [14] = 0xaa, [15] = 3, [19] = 8}},
    {105, 32, {8, [24] = 0xaa, [25] = 0xaa, [26] = 3, [30] = 8}},
    {0, 4, {0, 0, 0, 2}}, /* of a big-endian machine */
};

static LaPacketView packet_of(const LinkHeader *header, uint8_t *buffer)
{
  memcpy(buffer, header->header, header->len);
  memcpy(buffer + header->len, ip_packet, sizeof ip_packet);
  uint32_t len = (uint32_t)(header->len + sizeof ip_packet);
  return (LaPacketView){.data = buffer, .captured_len = len, .wire_len = len, .link_type = header->link_type, .frame = 1};
}

static LaFilter *filter_of(const char *expression)
{
  GError *error = NULL;
  LaFilter *filter = la_filter_new(expression, &error);
  if (filter == NULL)
    fail_msg("%s", error->message);
  return filter;
}

static bool passes(LaFilter *filter, const LaPacketView *packet)
{
  bool match = false;
  GError *error = NULL;
  if (!la_filter_match(filter, packet, &match, &error))
    fail_msg("%s", error->message);
  return match;
}

static void test_on_each_link_type(void **state)
{
  (void)state;
  LaFilter *hit = filter_of("tcp dst port 8888 and src host 192.0.2.10");
  LaFilter *miss = filter_of("tcp dst port 8889");
  for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
    uint8_t buffer[128];
    LaPacketView packet = packet_of(&headers[i], buffer);
    if (!passes(hit, &packet))
      fail_msg("link type %u: no match", headers[i].link_type);
    assert_false(passes(miss, &packet));
  }
  la_filter_free(hit);
  la_filter_free(miss);
}

/* One filter over packets of several link types in turn. */
static void test_link_types_in_turn(void **state)
{
  (void)state;
  LaFilter *filter = filter_of("port 8888");
  uint8_t first[128];
  uint8_t second[128];
  LaPacketView ethernet = packet_of(&headers[0], first);
  LaPacketView cooked = packet_of(&headers[1], second);
  for (unsigned n = 0; n < 10; n++) {
    assert_true(passes(filter, &ethernet));
    assert_true(passes(filter, &cooked));
  }
  la_filter_free(filter);
}

static void test_snaplen_does_not_matter(void **state)
{
  (void)state;
  LaFilter *filter = filter_of("tcp dst port 8888");
  uint8_t buffer[128];
  LaPacketView packet = packet_of(&headers[0], buffer);
  packet.captured_len = 38; /* up to the ports */
  packet.wire_len = 100000;
  assert_true(passes(filter, &packet));
  packet.captured_len = 37;
  assert_false(passes(filter, &packet));
  packet.captured_len = 0;
  assert_false(passes(filter, &packet));
  la_filter_free(filter);
}

static void test_lengths_on_the_wire(void **state)
{
  (void)state;
  LaFilter *filter = filter_of("greater 1000");
  uint8_t buffer[128];
  LaPacketView packet = packet_of(&headers[0], buffer);
  assert_false(passes(filter, &packet));
  packet.wire_len = 1000;
  assert_true(passes(filter, &packet));
  la_filter_free(filter);
}

static void test_the_empty_filter_passes_all(void **state)
{
  (void)state;
  LaFilter *filter = filter_of("");
  uint8_t buffer[128];
  LaPacketView packet = packet_of(&headers[0], buffer);
  assert_true(passes(filter, &packet));
  packet.link_type = 242;
  assert_true(passes(filter, &packet));
  la_filter_free(filter);
}

/* On links without tags `vlan` is false, and the rest of the filter holds. */
static void test_vlan_where_there_are_none(void **state)
{
  (void)state;
  static const struct {
    const char *expression;
    bool match;
  } cases[] = {
      {"tcp port 8888 or (vlan and tcp port 8888)", true},
      {"tcp port 8888 or (vlan and tcp port 8888) or (vlan and vlan and tcp port 8888)", true},
      {"vlan", false},
      {"vlan 10", false},
      {"vlan 10 and tcp", false},
      {"vlan 10 or tcp port 8888", true},
      {"not vlan and tcp", true},
      {"not (vlan 0x10)", true},
      {"vlan&&tcp", false},
      {"(mpls 5 and tcp) or port 8888", true},
      {"mpls", false},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    LaFilter *filter = filter_of(cases[i].expression);
    static const size_t untagged[] = {3, 4, 7, 8, 9, 10, 11}; /* NULL, LOOP, RAW, IPV4, PPP, PPP_SERIAL, C_HDLC */
    for (size_t k = 0; k < G_N_ELEMENTS(untagged); k++) {
      uint8_t buffer[128];
      LaPacketView packet = packet_of(&headers[untagged[k]], buffer);
      if (strstr(cases[i].expression, "mpls") != NULL && untagged[k] > 8)
        continue; /* PPP and C_HDLC carry MPLS */
      if (passes(filter, &packet) != cases[i].match)
        fail_msg("\"%s\" on link type %u", cases[i].expression, packet.link_type);
    }
    la_filter_free(filter);
  }
}

static void test_vlan_on_ethernet(void **state)
{
  (void)state;
  uint8_t buffer[128];
  LaPacketView packet = packet_of(&headers[0], buffer);
  memmove(buffer + 16, buffer + 12, packet.captured_len - 12);
  memcpy(buffer + 12, "\x81\x00\x00\x0a", 4);
  packet.captured_len += 4;
  packet.wire_len += 4;
  LaFilter *tagged = filter_of("vlan 10 and tcp port 8888");
  LaFilter *other = filter_of("vlan 11 and tcp port 8888");
  LaFilter *plain = filter_of("tcp port 8888");
  assert_true(passes(tagged, &packet));
  assert_false(passes(other, &packet));
  assert_false(passes(plain, &packet));
  la_filter_free(tagged);
  la_filter_free(other);
  la_filter_free(plain);
}

/* An address family that a link cannot carry does not match there; it is no error. */
static void test_what_can_never_match_on_a_link(void **state)
{
  (void)state;
  LaFilter *filter = filter_of("ip6");
  uint8_t buffer[128];
  LaPacketView packet = packet_of(&headers[8], buffer);
  assert_int_equal(packet.link_type, 228);
  assert_false(passes(filter, &packet));
  la_filter_free(filter);
}

static void test_link_types_that_cannot_be_filtered_are_named(void **state)
{
  (void)state;
  static const struct {
    uint16_t link_type;
    const char *name;
  } cases[] = {{239, "link type NFLOG (239)"},
               {242, "link type IPOIB (242)"},
               {178, "link type JUNIPER_ETHER (178)"},
               {274, "link type ETHERNET_MPACKET (274)"},
               {189, "link type USB_LINUX (189)"},
               {65000, "link type without a name (65000)"},
               {3, "link type AX25 (3)"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    LaFilter *filter = filter_of("tcp port 8888");
    uint8_t buffer[128];
    LaPacketView packet = packet_of(&headers[0], buffer);
    packet.link_type = cases[i].link_type;
    bool match = true;
    GError *error = NULL;
    assert_false(la_filter_match(filter, &packet, &match, &error));
    assert_true(match); /* untouched */
    assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
    assert_contains(error->message, cases[i].name);
    assert_null(strchr(error->message, '\n'));
    g_error_free(error);
    la_filter_free(filter);
  }
}

static void test_mistakes(void **state)
{
  (void)state;
  static const char *const expressions[] = {"tcp prot 80", "port 80 and", "(tcp", "port 99999", "tcp and udp and"};
  for (size_t i = 0; i < G_N_ELEMENTS(expressions); i++) {
    GError *error = NULL;
    assert_null(la_filter_new(expressions[i], &error));
    assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
    assert_contains(error->message, expressions[i]);
    assert_null(strchr(error->message, '\n'));
    g_error_free(error);
  }
}

static void test_a_contradiction_is_a_mistake(void **state)
{
  (void)state;
  GError *error = NULL;
  assert_null(la_filter_new("tcp and udp", &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
  assert_contains(error->message, "rejects all packets");
  g_error_free(error);
}

static void test_words_of_another_link_type(void **state)
{
  (void)state;
  la_filter_free(filter_of("wlan type mgt"));
}

static char *write_filter(const char *text, size_t len)
{
  char *path = NULL;
  int fd = g_file_open_tmp("filter-XXXXXX", &path, NULL);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, len), len);
  close(fd);
  return path;
}

static void test_from_a_file(void **state)
{
  (void)state;
  static const char text[] = "# ports of the chat, a comment (with a parenthesis\n#another\ntcp\n  and port 8888\n# the end";
  g_autofree char *path = write_filter(text, strlen(text));
  GError *error = NULL;
  LaFilter *filter = la_filter_new_from_file(path, &error);
  if (filter == NULL)
    fail_msg("%s", error->message);
  uint8_t buffer[128];
  LaPacketView packet = packet_of(&headers[0], buffer);
  assert_true(passes(filter, &packet));
  buffer[14 + 23] = 1;
  assert_false(passes(filter, &packet));
  la_filter_free(filter);
  unlink(path);
}

static void assert_file_fails(const char *path, const char *part)
{
  GError *error = NULL;
  assert_null(la_filter_new_from_file(path, &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
  assert_contains(error->message, path);
  assert_contains(error->message, part);
  g_error_free(error);
}

static void test_bad_files(void **state)
{
  (void)state;
  assert_file_fails("/nowhere/at/all.bpf", "No such file");
  assert_file_fails("/", "directory");
  assert_file_fails("/dev/zero", "longer than 1 MiB");
  g_autofree char *nul = write_filter("tcp\0udp", 7);
  assert_file_fails(nul, "not a text");
  unlink(nul);
  g_autofree char *wrong = write_filter("tcp prot 80\n", 12);
  assert_file_fails(wrong, "syntax error");
  unlink(wrong);
}

static void test_names_are_those_of_libpcap(void **state)
{
  (void)state;
  for (unsigned link_type = 0; link_type < 400; link_type++) {
    const char *theirs = pcap_datalink_val_to_name(la_link_type_dlt((uint16_t)link_type));
    const char *ours = la_link_type_name((uint16_t)link_type);
    if (theirs != NULL && ours != NULL)
      assert_string_equal(ours, theirs);
  }
  assert_string_equal(la_link_type_name(1), "EN10MB");
  assert_string_equal(la_link_type_name(101), "RAW");
  assert_string_equal(la_link_type_name(276), "LINUX_SLL2");
  assert_null(la_link_type_name(65535));
}

/* libpcap's own reading of a file's header gives the same number. */
static void test_numbers_are_those_of_libpcap(void **state)
{
  (void)state;
  for (uint32_t link_type = 0; link_type < 400; link_type++) {
    if (link_type == 14)
      continue; /* OpenBSD's raw IP, which libpcap knows only there */
    Bytes bytes = bytes_new(LITTLE);
    put_pcap_header(&bytes, MAGIC_MICRO, link_type);
    FILE *file = fmemopen(bytes.data->data, bytes.data->len, "r");
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_fopen_offline(file, why);
    assert_non_null(pcap);
    if (pcap_datalink(pcap) != la_link_type_dlt((uint16_t)link_type))
      fail_msg("link type %u: %d", link_type, pcap_datalink(pcap));
    pcap_close(pcap);
    bytes_free(&bytes);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_on_each_link_type),
      cmocka_unit_test(test_link_types_in_turn),
      cmocka_unit_test(test_snaplen_does_not_matter),
      cmocka_unit_test(test_lengths_on_the_wire),
      cmocka_unit_test(test_the_empty_filter_passes_all),
      cmocka_unit_test(test_vlan_where_there_are_none),
      cmocka_unit_test(test_vlan_on_ethernet),
      cmocka_unit_test(test_what_can_never_match_on_a_link),
      cmocka_unit_test(test_link_types_that_cannot_be_filtered_are_named),
      cmocka_unit_test(test_mistakes),
      cmocka_unit_test(test_a_contradiction_is_a_mistake),
      cmocka_unit_test(test_words_of_another_link_type),
      cmocka_unit_test(test_from_a_file),
      cmocka_unit_test(test_bad_files),
      cmocka_unit_test(test_names_are_those_of_libpcap),
      cmocka_unit_test(test_numbers_are_those_of_libpcap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
