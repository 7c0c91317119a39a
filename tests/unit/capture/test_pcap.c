/* Classic pcap: every form of the file header and of the record header. */
#include "unit/capture/captures.h"

static void test_each_magic_in_each_order(void **state)
{
  (void)state;
  static const struct {
    uint32_t magic;
    LaTime unit;
    unsigned extra; /* bytes of a record header beyond 16 */
  } forms[] = {{MAGIC_MICRO, 1000, 0}, {MAGIC_NANO, 1, 0}, {MAGIC_MODIFIED, 1000, 8}};
  for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
    for (Endian endian = LITTLE; endian <= BIG; endian++) {
      Bytes bytes = bytes_new(endian);
      put_pcap_header(&bytes, forms[i].magic, 1);
      for (uint32_t n = 1; n <= 3; n++) {
        put_record_header(&bytes, 1700000000 + n, 123456, 60, 1500);
        put_payload(&bytes, forms[i].extra, 0);
        put_payload(&bytes, 60, n);
      }
      LaSource *source = open_bytes(&bytes);
      for (uint32_t n = 1; n <= 3; n++) {
        LaPacketView packet = next_packet(source);
        assert_int_equal(packet.frame, n);
        assert_int_equal(packet.time, (INT64_C(1700000000) + n) * LA_SEC + 123456 * forms[i].unit);
        assert_int_equal(packet.wire_len, 1500);
        assert_int_equal(packet.link_type, 1);
        assert_int_equal(packet.fcs_len, -1);
        assert_int_equal(packet.interface, 0);
        assert_payload(&packet, 60, n);
      }
      assert_end(source);
      la_source_free(source);
      bytes_free(&bytes);
    }
  }
}

static void test_header_only_is_an_empty_capture(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 113);
  LaSource *source = open_bytes(&bytes);
  unsigned count = 0;
  const LaInterface *interface = la_source_interfaces(source, &count);
  assert_int_equal(count, 1);
  assert_int_equal(interface->link_type, 113);
  assert_int_equal(interface->snaplen, 65535);
  assert_int_equal(interface->kernel_drops, -1);
  assert_int_equal(interface->last_time, LA_TIME_NONE);
  assert_int_equal(la_source_snaplen(source), 65535);
  assert_int_equal(la_source_stated_end(source), LA_TIME_NONE);
  assert_end(source);
  assert_end(source);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_upper_bits_of_the_link_type(void **state)
{
  (void)state;
  static const struct {
    uint32_t network;
    uint16_t link_type;
    int fcs_len;
  } cases[] = {
      {0x24000001, 1, 4},  /* length given: 2 units of 16 bits */
      {0x20000001, 1, -1}, /* not given */
      {0x04000001, 1, 0},  /* given: none */
      {0xf4000001, 1, 30}, /* the most there is */
      {0x03ff0071, 113, -1}, {0x00000114, 276, -1},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_pcap_header(&bytes, MAGIC_MICRO, cases[i].network);
    put_record(&bytes, 1, 0, 20);
    LaSource *source = open_bytes(&bytes);
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.link_type, cases[i].link_type);
    assert_int_equal(packet.fcs_len, cases[i].fcs_len);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_lengths_before_version_2_3_are_the_other_way_round(void **state)
{
  (void)state;
  static const uint16_t versions[][2] = {{2, 0}, {2, 1}, {2, 2}, {543, 0}};
  for (size_t i = 0; i < G_N_ELEMENTS(versions); i++) {
    Bytes bytes = bytes_new(BIG);
    put_pcap_version(&bytes, MAGIC_MICRO, versions[i][0], versions[i][1], 1);
    for (unsigned n = 0; n < 2; n++) {
      put_record_header(&bytes, 5, 6, 1500, 40);
      put_payload(&bytes, 40, n);
    }
    LaSource *source = open_bytes(&bytes);
    for (unsigned n = 0; n < 2; n++) {
      LaPacketView packet = next_packet(source);
      assert_int_equal(packet.wire_len, 1500);
      assert_payload(&packet, 40, n);
    }
    assert_end(source);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_version_2_3_is_read_both_ways(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_version(&bytes, MAGIC_MICRO, 2, 3, 1);
  put_record_header(&bytes, 5, 6, 1500, 40);
  put_payload(&bytes, 40, 1);
  put_record_header(&bytes, 5, 6, 40, 1500);
  put_payload(&bytes, 40, 2);
  LaSource *source = open_bytes(&bytes);
  for (unsigned n = 1; n <= 2; n++) {
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.wire_len, 1500);
    assert_payload(&packet, 40, n);
  }
  assert_end(source);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_other_versions_are_refused(void **state)
{
  (void)state;
  static const uint16_t versions[][2] = {{1, 9}, {2, 5}, {3, 0}, {543, 1}, {0, 0}};
  for (size_t i = 0; i < G_N_ELEMENTS(versions); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_pcap_version(&bytes, MAGIC_MICRO, versions[i][0], versions[i][1], 1);
    g_autofree char *part = g_strdup_printf("pcap version %u.%u is not supported", versions[i][0], versions[i][1]);
    assert_open_fails(&bytes, part);
    bytes_free(&bytes);
  }
}

/* Longer record headers under a magic number that promises shorter ones. */
static void test_record_headers_of_patched_libpcaps(void **state)
{
  (void)state;
  static const struct {
    uint32_t magic;
    unsigned extra;
  } forms[] = {{MAGIC_MICRO, 4}, {MAGIC_MICRO, 8}, {MAGIC_MODIFIED, 12}};
  for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
    for (Endian endian = LITTLE; endian <= BIG; endian++) {
      Bytes bytes = bytes_new(endian);
      put_pcap_header(&bytes, forms[i].magic, 1);
      for (uint32_t n = 1; n <= 4; n++) {
        put_record_header(&bytes, 900000000 + n, 7, 60, 64);
        put_payload(&bytes, forms[i].extra, 0x80);
        put_payload(&bytes, 60, n);
      }
      LaSource *source = open_bytes(&bytes);
      for (uint32_t n = 1; n <= 4; n++) {
        LaPacketView packet = next_packet(source);
        assert_int_equal(packet.time, (INT64_C(900000000) + n) * LA_SEC + 7000);
        assert_payload(&packet, 60, n);
      }
      assert_end(source);
      la_source_free(source);
      bytes_free(&bytes);
    }
  }
}

/* A damaged second record does not make a standard file one of the variants. */
static void test_damage_is_no_variant(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  put_record(&bytes, 900000000, 1, 60);
  put_record_header(&bytes, 900000000, 1, UINT32_MAX, UINT32_MAX);
  for (unsigned n = 0; n < 200; n++)
    put_number(&bytes, 0, 1);
  LaSource *source = open_bytes(&bytes);
  LaPacketView packet = next_packet(source);
  assert_payload(&packet, 60, 900000000u);
  assert_broken(source, "corrupt at packet 2: it claims 4294967295 captured bytes");
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_aix(void **state)
{
  (void)state;
  static const uint8_t types[][2] = {{6, 1}, {9, 6}, {15, 10}, {24, 0}};
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
    Bytes bytes = bytes_new(BIG);
    put_pcap_version(&bytes, MAGIC_MICRO, 2, 2, types[i][0]);
    put_record_header(&bytes, 5, 999999999, 1500, 40);
    put_payload(&bytes, 40, 1);
    LaSource *source = open_bytes(&bytes);
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.link_type, types[i][1]);
    assert_int_equal(packet.time, 5 * LA_SEC + 999999999);
    assert_payload(&packet, 40, 1);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_ixia(void **state)
{
  (void)state;
  static const struct {
    uint32_t magic;
    LaTime unit;
  } forms[] = {{0x1c0001ac, 1}, {0x1c0001ab, 1000}};
  for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
    for (Endian endian = LITTLE; endian <= BIG; endian++) {
      Bytes bytes = bytes_new(endian);
      put_pcap_header(&bytes, forms[i].magic, 1);
      put32(&bytes, 76); /* the size of all records */
      put_record(&bytes, 7, 8, 60);
      LaSource *source = open_bytes(&bytes);
      LaPacketView packet = next_packet(source);
      assert_int_equal(packet.time, 7 * LA_SEC + 8 * forms[i].unit);
      assert_payload(&packet, 60, 7);
      assert_end(source);
      la_source_free(source);
      bytes_free(&bytes);
    }
  }
}

static void test_fractions_out_of_range_carry_over(void **state)
{
  (void)state;
  static const struct {
    uint32_t magic;
    uint32_t fraction;
    LaTime time;
    unsigned counted;
  } cases[] = {
      {MAGIC_MICRO, 999999, 100 * LA_SEC + 999999 * LA_USEC, 0},
      {MAGIC_MICRO, 1000000, 101 * LA_SEC, 1},
      {MAGIC_MICRO, UINT32_MAX, 100 * LA_SEC + INT64_C(4294967295) * LA_USEC, 1},
      {MAGIC_NANO, 999999999, 100 * LA_SEC + 999999999, 0},
      {MAGIC_NANO, 1000000000, 101 * LA_SEC, 1},
      {MAGIC_NANO, UINT32_MAX, 104 * LA_SEC + 294967295, 1},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_pcap_header(&bytes, cases[i].magic, 1);
    put_record(&bytes, 100, cases[i].fraction, 60);
    put_record(&bytes, 200, 0, 60);
    LaSource *source = open_bytes(&bytes);
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.time, cases[i].time);
    next_packet(source);
    unsigned count = 0;
    assert_int_equal(la_source_interfaces(source, &count)->time_out_of_range, cases[i].counted);
    assert_end(source);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_seconds_are_unsigned(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_NANO, 1);
  put_record(&bytes, UINT32_MAX, 1, 20);
  LaSource *source = open_bytes(&bytes);
  assert_int_equal(next_packet(source).time, INT64_C(4294967295) * LA_SEC + 1);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_time_that_goes_back_is_counted(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  static const uint32_t seconds[] = {10, 11, 9, 9, 8, 20};
  for (size_t i = 0; i < G_N_ELEMENTS(seconds); i++)
    put_record(&bytes, seconds[i], 0, 20);
  LaSource *source = open_bytes(&bytes);
  for (size_t i = 0; i < G_N_ELEMENTS(seconds); i++)
    next_packet(source);
  assert_end(source);
  unsigned count = 0;
  const LaInterface *interface = la_source_interfaces(source, &count);
  assert_int_equal(interface->time_went_back, 2);
  assert_int_equal(interface->last_time, 20 * LA_SEC);
  assert_int_equal(interface->packets, 6);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_captured_longer_than_the_wire(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  for (unsigned n = 1; n <= 2; n++) {
    put_record_header(&bytes, n, 0, 60, 20);
    put_payload(&bytes, 60, n);
  }
  LaSource *source = open_bytes(&bytes);
  for (unsigned n = 1; n <= 2; n++) {
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.wire_len, 20);
    assert_payload(&packet, 60, n);
  }
  assert_end(source);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_packets_of_no_bytes(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  for (unsigned n = 1; n <= 3; n++)
    put_record_header(&bytes, n, 0, 0, 0);
  LaSource *source = open_bytes(&bytes);
  for (unsigned n = 1; n <= 3; n++)
    assert_int_equal(next_packet(source).captured_len, 0);
  assert_end(source);
  la_source_free(source);
  bytes_free(&bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_magic_in_each_order),
      cmocka_unit_test(test_header_only_is_an_empty_capture),
      cmocka_unit_test(test_upper_bits_of_the_link_type),
      cmocka_unit_test(test_lengths_before_version_2_3_are_the_other_way_round),
      cmocka_unit_test(test_version_2_3_is_read_both_ways),
      cmocka_unit_test(test_other_versions_are_refused),
      cmocka_unit_test(test_record_headers_of_patched_libpcaps),
      cmocka_unit_test(test_damage_is_no_variant),
      cmocka_unit_test(test_aix),
      cmocka_unit_test(test_ixia),
      cmocka_unit_test(test_fractions_out_of_range_carry_over),
      cmocka_unit_test(test_seconds_are_unsigned),
      cmocka_unit_test(test_time_that_goes_back_is_counted),
      cmocka_unit_test(test_captured_longer_than_the_wire),
      cmocka_unit_test(test_packets_of_no_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
