/* pcapng: sections, interfaces, packet blocks, statistics, options, and what is passed over. */
#include "unit/capture/captures.h"

static void test_enhanced_packets_in_each_order(void **state)
{
  (void)state;
  for (Endian endian = LITTLE; endian <= BIG; endian++) {
    Bytes bytes = bytes_new(endian);
    put_section(&bytes);
    put_interface(&bytes, 1);
    for (uint32_t n = 0; n < 5; n++) /* every padding */
      put_packet(&bytes, 0, UINT64_C(1700000000123456) + n, 60 + n);
    LaSource *source = open_bytes(&bytes);
    for (uint32_t n = 0; n < 5; n++) {
      LaPacketView packet = next_packet(source);
      assert_int_equal(packet.frame, n + 1);
      assert_int_equal(packet.time, (INT64_C(1700000000123456) + n) * LA_USEC);
      assert_int_equal(packet.link_type, 1);
      assert_int_equal(packet.wire_len, 60 + n);
      assert_payload(&packet, 60 + n, (unsigned)(UINT64_C(1700000000123456) + n));
    }
    assert_end(source);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_section_alone_is_an_empty_capture(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  LaSource *source = open_bytes(&bytes);
  unsigned count = 1;
  la_source_interfaces(source, &count);
  assert_int_equal(count, 0);
  assert_int_equal(la_source_snaplen(source), 0);
  assert_end(source);
  la_source_free(source);
  bytes_free(&bytes);
}

/* Frames and interfaces count on; byte order, interface numbers and clocks are the section's own. */
static void test_sections_of_both_orders(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  put_interface(&bytes, 113);
  put_packet(&bytes, 1, 7, 60);
  bytes.endian = BIG;
  put_section(&bytes);
  guint at = begin_interface(&bytes, 276, 0);
  put_option(&bytes, 9, "\x03", 1);
  end_block(&bytes, at);
  put_packet(&bytes, 0, 9, 61);
  put_packet(&bytes, 0, 10, 62);
  bytes.endian = LITTLE;
  put_section(&bytes);
  put_interface(&bytes, 101);
  put_packet(&bytes, 0, 11, 63);
  LaSource *source = open_bytes(&bytes);
  static const struct {
    uint32_t interface;
    uint16_t link_type;
    LaTime time;
  } want[] = {{1, 113, 7000}, {2, 276, 9 * LA_MSEC}, {2, 276, 10 * LA_MSEC}, {3, 101, 11000}};
  for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.frame, i + 1);
    assert_int_equal(packet.interface, want[i].interface);
    assert_int_equal(packet.link_type, want[i].link_type);
    assert_int_equal(packet.time, want[i].time);
    assert_int_equal(packet.captured_len, 60 + i);
  }
  assert_end(source);
  unsigned count = 0;
  const LaInterface *interfaces = la_source_interfaces(source, &count);
  assert_int_equal(count, 4);
  assert_int_equal(interfaces[0].packets, 0);
  assert_int_equal(interfaces[1].packets, 1);
  assert_int_equal(interfaces[2].packets, 2);
  assert_int_equal(interfaces[3].packets, 1);
  assert_int_equal(la_source_snaplen(source), 0); /* one of them has no limit */
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_a_given_section_length_changes_nothing(void **state)
{
  (void)state;
  static const uint64_t lengths[] = {0, 20, 1u << 20, UINT64_MAX - 1};
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    Bytes bytes = bytes_new(LITTLE);
    guint at = begin_block(&bytes, 0x0A0D0D0A);
    put32(&bytes, 0x1A2B3C4D);
    put16(&bytes, 1);
    put16(&bytes, 2);
    put64(&bytes, lengths[i]);
    put_option(&bytes, 4, "somebody", 8);
    end_block(&bytes, at);
    put_interface(&bytes, 1);
    put_packet(&bytes, 0, 1, 60);
    LaSource *source = open_bytes(&bytes);
    next_packet(source);
    assert_end(source);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_interface_options(void **state)
{
  (void)state;
  for (Endian endian = LITTLE; endian <= BIG; endian++) {
    Bytes bytes = bytes_new(endian);
    put_section(&bytes);
    guint at = begin_interface(&bytes, 1, 96);
    put_option(&bytes, 2, "eth0", 4);
    put_option(&bytes, 3, "the first", 9);
    put_option(&bytes, 9, "\x09", 1);
    put_option(&bytes, 11, "\0tcp port 80", 12);
    put_option(&bytes, 13, "\x04", 1);
    put_option64(&bytes, 14, (uint64_t)INT64_C(-100));
    put_option(&bytes, 0, "", 0);
    put_option(&bytes, 2, "behind the end", 14);
    end_block(&bytes, at);
    put_packet(&bytes, 0, UINT64_C(500000000007), 60);
    LaSource *source = open_bytes(&bytes);
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.time, 400 * LA_SEC + 7);
    assert_int_equal(packet.fcs_len, 4);
    unsigned count = 0;
    const LaInterface *interface = la_source_interfaces(source, &count);
    assert_string_equal(interface->name, "eth0");
    assert_string_equal(interface->description, "the first");
    assert_string_equal(interface->filter, "tcp port 80");
    assert_int_equal(interface->snaplen, 96);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_a_filter_as_byte_code_is_no_text(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  guint at = begin_interface(&bytes, 1, 96);
  put_option(&bytes, 11, "\1abcdefgh", 9);
  end_block(&bytes, at);
  put_packet(&bytes, 0, 1, 60);
  LaSource *source = open_bytes(&bytes);
  next_packet(source);
  unsigned count = 0;
  assert_null(la_source_interfaces(source, &count)->filter);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_options_that_do_not_fit_end_the_options_only(void **state)
{
  (void)state;
  static const uint16_t lengths[] = {5, 100, 65535};
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    Bytes bytes = bytes_new(LITTLE);
    put_section(&bytes);
    guint at = begin_interface(&bytes, 1, 96);
    put_option(&bytes, 2, "eth0", 4);
    put16(&bytes, 3);
    put16(&bytes, lengths[i]);
    put_bytes(&bytes, "text", 4);
    end_block(&bytes, at);
    put_packet(&bytes, 0, 1, 60);
    LaSource *source = open_bytes(&bytes);
    next_packet(source);
    assert_end(source);
    unsigned count = 0;
    const LaInterface *interface = la_source_interfaces(source, &count);
    assert_string_equal(interface->name, "eth0");
    assert_null(interface->description);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_long_texts_are_cut(void **state)
{
  (void)state;
  g_autofree char *text = g_strnfill(60000, 'x');
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  guint at = begin_interface(&bytes, 1, 96);
  put_option(&bytes, 2, text, 60000);
  end_block(&bytes, at);
  put_packet(&bytes, 0, 1, 60);
  LaSource *source = open_bytes(&bytes);
  next_packet(source);
  unsigned count = 0;
  assert_int_equal(strlen(la_source_interfaces(source, &count)->name), 255);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_simple_packets(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(BIG);
  put_section(&bytes);
  end_block(&bytes, begin_interface(&bytes, 1, 40));
  put_interface(&bytes, 113);
  put_packet(&bytes, 0, 5, 20);
  put_simple_packet(&bytes, 33);
  guint at = begin_block(&bytes, 3);
  put32(&bytes, 1500);
  put_payload(&bytes, 40, 0x55);
  end_block(&bytes, at);
  put_packet(&bytes, 0, 4, 20);
  LaSource *source = open_bytes(&bytes);
  next_packet(source);
  LaPacketView packet = next_packet(source);
  assert_int_equal(packet.frame, 2);
  assert_int_equal(packet.time, LA_TIME_NONE);
  assert_int_equal(packet.interface, 0);
  assert_int_equal(packet.wire_len, 33);
  assert_payload(&packet, 33, 0x55);
  packet = next_packet(source);
  assert_int_equal(packet.wire_len, 1500);
  assert_payload(&packet, 40, 0x55);
  next_packet(source);
  assert_end(source);
  unsigned count = 0;
  const LaInterface *interface = la_source_interfaces(source, &count);
  assert_int_equal(interface->time_went_back, 1); /* packets without a time are not in between */
  assert_int_equal(interface->packets, 4);
  la_source_free(source);
  bytes_free(&bytes);
}

static void put_obsolete_packet(Bytes *bytes, uint16_t interface, uint16_t drops, uint32_t len)
{
  guint at = begin_block(bytes, 2);
  put16(bytes, interface);
  put16(bytes, drops);
  put32(bytes, 0);
  put32(bytes, 1234);
  put32(bytes, len);
  put32(bytes, 1500);
  put_payload(bytes, len, 7);
  end_block(bytes, at);
}

static void test_obsolete_packets(void **state)
{
  (void)state;
  for (Endian endian = LITTLE; endian <= BIG; endian++) {
    Bytes bytes = bytes_new(endian);
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_interface(&bytes, 113);
    put_obsolete_packet(&bytes, 1, 3, 41);
    put_obsolete_packet(&bytes, 1, 0xffff, 42);
    put_obsolete_packet(&bytes, 1, 4, 43);
    LaSource *source = open_bytes(&bytes);
    for (unsigned n = 1; n <= 3; n++) {
      LaPacketView packet = next_packet(source);
      assert_int_equal(packet.frame, n);
      assert_int_equal(packet.time, 1234000);
      assert_int_equal(packet.interface, 1);
      assert_int_equal(packet.link_type, 113);
      assert_int_equal(packet.wire_len, 1500);
      assert_payload(&packet, 40 + n, 7);
    }
    assert_end(source);
    unsigned count = 0;
    const LaInterface *interfaces = la_source_interfaces(source, &count);
    assert_int_equal(interfaces[1].kernel_drops, 7);
    assert_int_equal(interfaces[0].kernel_drops, -1);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_packet_options(void **state)
{
  (void)state;
  for (Endian endian = LITTLE; endian <= BIG; endian++) {
    Bytes bytes = bytes_new(endian);
    put_section(&bytes);
    guint at = begin_interface(&bytes, 1, 0);
    put_option(&bytes, 13, "\x02", 1);
    end_block(&bytes, at);
    put_packet(&bytes, 0, 1, 61);
    at = begin_packet(&bytes, 0, 2, 61);
    put_option(&bytes, 1, "a comment", 9);
    put16(&bytes, 2); /* flags: 4 bytes of frame check sequence */
    put16(&bytes, 4);
    put32(&bytes, 4u << 5 | 1);
    put_option64(&bytes, 4, 5); /* lost before */
    put_option(&bytes, 0, "", 0);
    end_block(&bytes, at);
    at = begin_packet(&bytes, 0, 3, 61);
    put_option64(&bytes, 4, 6);
    end_block(&bytes, at);
    LaSource *source = open_bytes(&bytes);
    assert_int_equal(next_packet(source).fcs_len, 2);
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.fcs_len, 4);
    assert_payload(&packet, 61, 2);
    assert_int_equal(next_packet(source).fcs_len, 2);
    assert_end(source);
    unsigned count = 0;
    assert_int_equal(la_source_interfaces(source, &count)->kernel_drops, 11);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static guint begin_statistics(Bytes *bytes, uint32_t interface, uint64_t ticks)
{
  guint at = begin_block(bytes, 5);
  put32(bytes, interface);
  put32(bytes, (uint32_t)(ticks >> 32));
  put32(bytes, (uint32_t)ticks);
  return at;
}

static void put_end_time(Bytes *bytes, uint64_t ticks)
{
  put16(bytes, 3);
  put16(bytes, 8);
  put32(bytes, (uint32_t)(ticks >> 32));
  put32(bytes, (uint32_t)ticks);
}

static void test_statistics(void **state)
{
  (void)state;
  for (Endian endian = LITTLE; endian <= BIG; endian++) {
    Bytes bytes = bytes_new(endian);
    put_section(&bytes);
    put_interface(&bytes, 1);
    put_interface(&bytes, 1);
    put_interface(&bytes, 1);
    guint at = begin_statistics(&bytes, 0, 900);
    put_option64(&bytes, 4, 1000);
    put_option64(&bytes, 5, 20);
    put_option64(&bytes, 7, 30);
    put_end_time(&bytes, UINT64_C(0x1000000ff));
    end_block(&bytes, at);
    at = begin_statistics(&bytes, 1, 800);
    put_option64(&bytes, 5, 3);
    end_block(&bytes, at);
    at = begin_statistics(&bytes, 1, 900); /* counts are totals: the later block holds */
    put_option64(&bytes, 5, 4);
    end_block(&bytes, at);
    LaSource *source = open_bytes(&bytes);
    assert_end(source);
    unsigned count = 0;
    const LaInterface *interfaces = la_source_interfaces(source, &count);
    assert_int_equal(interfaces[0].kernel_drops, 30);
    assert_int_equal(interfaces[0].interface_drops, 20);
    assert_int_equal(interfaces[1].kernel_drops, 4);
    assert_int_equal(interfaces[1].interface_drops, 4);
    assert_int_equal(interfaces[2].kernel_drops, -1);
    assert_int_equal(interfaces[2].interface_drops, -1);
    assert_int_equal(la_source_stated_end(source), INT64_C(0x1000000ff) * LA_USEC);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_statistics_without_end_time_give_their_own(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  end_block(&bytes, begin_statistics(&bytes, 0, 900));
  end_block(&bytes, begin_statistics(&bytes, 0, 0));     /* does not know */
  end_block(&bytes, begin_statistics(&bytes, 0, 700));   /* earlier */
  end_block(&bytes, begin_statistics(&bytes, 9, 99999)); /* of no interface */
  LaSource *source = open_bytes(&bytes);
  assert_end(source);
  assert_int_equal(la_source_stated_end(source), 900 * LA_USEC);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_statistics_are_better_than_packet_options(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  guint at = begin_packet(&bytes, 0, 2, 61);
  put_option64(&bytes, 4, 5);
  end_block(&bytes, at);
  at = begin_statistics(&bytes, 0, 900);
  put_option64(&bytes, 7, 0);
  end_block(&bytes, at);
  at = begin_packet(&bytes, 0, 2, 61);
  put_option64(&bytes, 4, 5);
  end_block(&bytes, at);
  LaSource *source = open_bytes(&bytes);
  next_packet(source);
  next_packet(source);
  assert_end(source);
  unsigned count = 0;
  assert_int_equal(la_source_interfaces(source, &count)->kernel_drops, 0);
  la_source_free(source);
  bytes_free(&bytes);
}

/* Frame numbers are those tshark 4.0.17 gives to the same bytes: custom, journal and Sysdig event blocks count, others do not. */
static void test_blocks_passed_over(void **state)
{
  (void)state;
  static const struct {
    uint32_t type;
    unsigned frame_after; /* of the packet behind the block */
  } cases[] = {
      {4, 2},     {10, 2},         {0x00000BAD, 3}, {0x40000BAD, 3}, {9, 3},          {0x204, 3},
      {0x216, 3}, {0x221, 3},      {0x208, 2},      {0x101, 2},      {0x80000077, 2}, {0x77777, 2},
      {0, 2},     {UINT32_MAX, 2}, {7, 2},          {8, 2},          {11, 2},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    for (Endian endian = LITTLE; endian <= BIG; endian++) {
      Bytes bytes = bytes_new(endian);
      put_section(&bytes);
      put_interface(&bytes, 1);
      put_packet(&bytes, 0, 1, 60);
      guint at = begin_block(&bytes, cases[i].type);
      put_payload(&bytes, 33, 0);
      end_block(&bytes, at);
      put_packet(&bytes, 0, 2, 60);
      g_autofree char *batches = tell_batches(open_bytes(&bytes), 16);
      LaSource *source = open_bytes(&bytes);
      assert_int_equal(next_packet(source).frame, 1);
      assert_int_equal(next_packet(source).frame, cases[i].frame_after);
      assert_end(source);
      la_source_free(source);
      g_autofree char *single = tell(open_bytes(&bytes));
      assert_string_equal(batches, single);
      bytes_free(&bytes);
    }
  }
}

static void test_lengths_without_padding(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  guint at = begin_packet(&bytes, 0, 1, 61);
  uint32_t said = bytes.data->len - at + 4 - 3;
  set32(&bytes, at + 4, said);
  put32(&bytes, said);
  put_packet(&bytes, 0, 2, 60);
  LaSource *source = open_bytes(&bytes);
  LaPacketView packet = next_packet(source);
  assert_payload(&packet, 61, 1);
  next_packet(source);
  assert_end(source);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_time_goes_back_on_each_interface_by_itself(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  put_interface(&bytes, 1);
  put_packet(&bytes, 0, 100, 20);
  put_packet(&bytes, 1, 50, 20);
  put_packet(&bytes, 0, 101, 20);
  put_packet(&bytes, 1, 49, 20);
  LaSource *source = open_bytes(&bytes);
  for (unsigned n = 0; n < 4; n++)
    next_packet(source);
  assert_end(source);
  unsigned count = 0;
  const LaInterface *interfaces = la_source_interfaces(source, &count);
  assert_int_equal(interfaces[0].time_went_back, 0);
  assert_int_equal(interfaces[1].time_went_back, 1);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_times_beyond_the_range_are_held_and_counted(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  put_interface(&bytes, 1);
  put_packet(&bytes, 0, UINT64_MAX, 20);
  LaSource *source = open_bytes(&bytes);
  assert_int_equal(next_packet(source).time, LA_TIME_OF_PACKET_MAX);
  unsigned count = 0;
  assert_int_equal(la_source_interfaces(source, &count)->time_out_of_range, 1);
  la_source_free(source);
  bytes_free(&bytes);
}

/* Interfaces may be described between packets, and reading goes on across a growing list of them. */
static void test_many_interfaces(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  for (uint32_t n = 0; n < 1000; n++) {
    guint at = begin_interface(&bytes, (uint16_t)n, 65535);
    g_autofree char *name = g_strdup_printf("if%u", n);
    put_option(&bytes, 2, name, (uint16_t)strlen(name));
    end_block(&bytes, at);
    put_packet(&bytes, n, n, 20);
  }
  LaSource *source = open_bytes(&bytes);
  unsigned count = 0;
  next_packet(source);
  const char *first_name = la_source_interfaces(source, &count)->name;
  for (uint32_t n = 1; n < 1000; n++) {
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.interface, n);
    assert_int_equal(packet.link_type, n);
  }
  assert_end(source);
  assert_string_equal(first_name, "if0"); /* texts stay where they are */
  assert_string_equal(la_source_interfaces(source, &count)[999].name, "if999");
  la_source_free(source);
  bytes_free(&bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_enhanced_packets_in_each_order),
      cmocka_unit_test(test_section_alone_is_an_empty_capture),
      cmocka_unit_test(test_sections_of_both_orders),
      cmocka_unit_test(test_a_given_section_length_changes_nothing),
      cmocka_unit_test(test_interface_options),
      cmocka_unit_test(test_a_filter_as_byte_code_is_no_text),
      cmocka_unit_test(test_options_that_do_not_fit_end_the_options_only),
      cmocka_unit_test(test_long_texts_are_cut),
      cmocka_unit_test(test_simple_packets),
      cmocka_unit_test(test_obsolete_packets),
      cmocka_unit_test(test_packet_options),
      cmocka_unit_test(test_statistics),
      cmocka_unit_test(test_statistics_without_end_time_give_their_own),
      cmocka_unit_test(test_statistics_are_better_than_packet_options),
      cmocka_unit_test(test_blocks_passed_over),
      cmocka_unit_test(test_lengths_without_padding),
      cmocka_unit_test(test_time_goes_back_on_each_interface_by_itself),
      cmocka_unit_test(test_times_beyond_the_range_are_held_and_counted),
      cmocka_unit_test(test_many_interfaces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
