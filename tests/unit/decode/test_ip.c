/* IPv4, IPv6 with its extension headers, lengths, fragments, AH. */
#include "unit/decode/packet_builder.h"

enum {
  RAW = 101
};

static void ethernet_padding_is_no_payload(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  append(&b, "000000000000");
  assert_segment(&b, 1, "");
}

static void length_comes_from_the_header_at_snaplen_54(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 2, 1500);
  Decoded d = decode_cut(&b, 1, 54, 1514);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.payload_len, 1500 - 20 - 32);
  assert_int_equal(d.segment.options, LA_OPT_CUT);
}

static void ipv4_options_are_skipped(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "4700 0000 1234 4000 3d06 0000 0a000001 0a000002 0101010101010100");
  put16(&b, 2, b.len);
  assert_segment(&b, RAW, "");
}

static void ipv4_total_length_0_takes_the_length_on_the_wire(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 2, 0);
  assert_segment(&b, 1, "");
  Decoded d = decode_cut(&b, 1, b.len, 14 + 20 + 32 + 100000);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.payload_len, 100000);
}

static void check_sequence_is_not_payload_of_a_packet_without_length(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 2, 0);
  append(&b, "01020304");
  LaPacketView packet = {
      .data = b.data, .captured_len = (uint32_t)b.len, .wire_len = (uint32_t)b.len, .link_type = 1, .fcs_len = 4};
  LaDecodeOptions options = {.verify_checksums = false};
  LaSegment segment;
  LaIcmpError icmp;
  assert_int_equal(la_decode(&packet, &options, &segment, &icmp), LA_DECODED_SEGMENT);
  assert_int_equal(segment.payload_len, 10);
}

static void ipv4_of_another_version_is_malformed(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  b.data[14] = 0x65;
  assert_int_equal(result_of(&b, 1), LA_DECODED_MALFORMED);
}

static void ipv4_header_below_20_bytes_is_malformed(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  b.data[14] = 0x44;
  assert_int_equal(result_of(&b, 1), LA_DECODED_MALFORMED);
}

static void ipv4_total_length_below_its_header_is_malformed(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 2, 19);
  assert_int_equal(result_of(&b, 1), LA_DECODED_MALFORMED);
}

static void ipv4_too_short_for_tcp_is_malformed(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 2, 39);
  assert_int_equal(result_of(&b, 1), LA_DECODED_MALFORMED);
}

/* A frame whose file says it was not cut, and yet is shorter than its IP header says: the header's length is believed as long as
 * the TCP header is there. */
static void ipv4_longer_than_its_frame_keeps_its_length(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 2, 1500);
  Decoded d = decode(&b, 1);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.payload_len, 1500 - 20 - 32);
}

static void ipv4_checksum_is_not_verified(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 10, 0x1234);
  assert_segment(&b, 1, "");
}

static void runt_frame_is_malformed(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  assert_int_equal(decode_cut(&b, 1, 13, 13).result, LA_DECODED_MALFORMED);
  assert_int_equal(decode_cut(&b, 1, 13, 60).result, LA_DECODED_CUT_SHORT);
}

static void other_protocols_are_not_tcp(void **state)
{
  (void)state;
  static const uint8_t protocols[] = {2, 17, 50, 89, 103, 132, 255};
  for (size_t i = 0; i < sizeof protocols; i++) {
    Bytes b = tcp_segment();
    wrap_ipv4(&b, protocols[i]);
    assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
    b = tcp_segment();
    wrap_ipv6(&b, protocols[i]);
    assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  }
}

static void ipv6_numbers_in_ipv4_are_not_tcp(void **state)
{
  (void)state;
  static const uint8_t protocols[] = {0, 43, 44, 58, 60, 135};
  for (size_t i = 0; i < sizeof protocols; i++) {
    Bytes b = tcp_segment();
    wrap(&b, "0600 0000 00000000");
    wrap_ipv4(&b, protocols[i]);
    assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  }
}

static void first_fragment_counts_with_what_it_carries(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 6, 0x2000);
  Decoded d = decode(&b, RAW);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.fragment, 1);
  assert_int_equal(d.segment.payload_len, 10);
  assert_int_equal(d.segment.seq, 0x11223344);
}

static void first_fragment_without_the_whole_tcp_header_is_a_fragment(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 6, 0x2000);
  put16(&b, 2, 20 + 16);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_FRAGMENT);
  put16(&b, 2, 20 + 24); /* the fixed header, but not the options */
  assert_int_equal(result_of(&b, RAW), LA_DECODED_FRAGMENT);
  put16(&b, 2, 20 + 32);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_SEGMENT);
}

static void first_fragment_cut_by_the_snaplen_is_cut_short(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 6, 0x2000);
  assert_int_equal(decode_cut(&b, RAW, 39, b.len).result, LA_DECODED_CUT_SHORT);
}

static void later_fragments_of_tcp_are_fragments(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 6, 0x2001);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_FRAGMENT);
  put16(&b, 6, 0x0001);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_FRAGMENT);
  assert_int_equal(decode_cut(&b, RAW, 20, b.len).result, LA_DECODED_FRAGMENT);
}

static void later_fragments_of_udp_are_not_tcp(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  b.data[9] = 17;
  put16(&b, 6, 0x0001);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void do_not_fragment_is_no_fragment(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 6, 0x4000);
  assert_segment(&b, 1, "");
  put16(&b, 14 + 6, 0x8000);
  assert_segment(&b, 1, "");
}

static void tunnel_in_first_fragment_counts(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap_outer_ipv4(&b, 4);
  put16(&b, 6, 0x2000);
  assert_segment(&b, RAW, "ipip"); /* whole inside, so it is not a fragment itself */
}

static void tunnel_in_first_fragment_without_inner_tcp_header_is_a_fragment(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap_outer_ipv4(&b, 4);
  put16(&b, 6, 0x2000);
  put16(&b, 2, 20 + 32);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_FRAGMENT);
}

static void ipv6_extension_headers_are_walked(void **state)
{
  (void)state;
  static const uint8_t kinds[] = {0, 60, 135, 139, 140};
  for (size_t i = 0; i < sizeof kinds; i++) {
    Bytes b = tcp_segment();
    wrap(&b, "0601 0104 00000000 0000000000000000");
    wrap_ipv6(&b, kinds[i]);
    assert_segment(&b, RAW, "");
  }
}

static void ipv6_extension_headers_in_a_row(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0600 0104 00000000");
  wrap(&b, "3c00 0000 00000000");
  wrap(&b, "2b00 0104 00000000");
  wrap(&b, "3c00 0104 00000000");
  wrap_ipv6(&b, 0);
  assert_segment(&b, RAW, "");
}

static void ipv6_extension_header_beyond_the_packet_is_malformed(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "06ff 0104 00000000");
  wrap_ipv6(&b, 60);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void ipv6_chain_without_end_is_malformed(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  for (int i = 0; i < 50; i++)
    wrap(&b, "3c00 0104 00000000");
  wrap_ipv6(&b, 60);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void ipv6_no_next_header_is_not_tcp(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap_ipv6(&b, 59);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void ipv6_atomic_fragment_is_no_fragment(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0600 0000 00000001");
  wrap_ipv6(&b, 44);
  assert_segment(&b, RAW, "");
}

static void ipv6_first_fragment_counts(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0600 0001 00000001");
  wrap_ipv6(&b, 44);
  Decoded d = decode(&b, RAW);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.fragment, 1);
  assert_int_equal(d.segment.payload_len, 10);
}

static void ipv6_later_fragment_is_a_fragment(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0600 0009 00000001");
  wrap_ipv6(&b, 44);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_FRAGMENT);
}

static void ipv6_routing_header_names_the_last_destination(void **state)
{
  (void)state;
  static const char *const headers[] = {
      "0602 0001 00000000 20010db8 00000000 00000000 00000002",                                     /* type 0 */
      "0602 0201 00000000 20010db8 00000000 00000000 00000002",                                     /* type 2 */
      "0604 0401 01000000 20010db8 00000000 00000000 00000002 20010db8 00000000 00000000 00000099", /* segment routing */
      "0604 0002 00000000 20010db8 00000000 00000000 00000099 20010db8 00000000 00000000 00000002", /* two stops */
  };
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    Bytes b = tcp_segment();
    wrap(&b, headers[i]);
    wrap_ipv6(&b, 43);
    b.data[39] = 0x77; /* the next stop */
    assert_segment(&b, RAW, "");
  }
}

static void ipv6_routing_header_that_is_done_changes_nothing(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0602 0000 00000000 20010db8 00000000 00000000 00000088");
  wrap_ipv6(&b, 43);
  assert_segment(&b, RAW, "");
}

static void ipv6_home_address_replaces_the_source(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0602 0100 c910 20010db8 00000000 00000000 00000001 0000");
  wrap_ipv6(&b, 60);
  b.data[23] = 0x77; /* where it is now */
  assert_segment(&b, RAW, "");
}

static void ipv6_other_options_are_no_home_address(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0602 1e10 20010db8 00000000 00000000 00000077 c902 0000");
  wrap_ipv6(&b, 60);
  assert_segment(&b, RAW, "");
}

static void ipv6_jumbogram(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0600 c204 00030d48");
  wrap_ipv6(&b, 0);
  put16(&b, 4, 0);
  Decoded d = decode_cut(&b, RAW, b.len, 240000);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.payload_len, 200008 - 8 - 32);
}

static void ipv6_payload_length_0_takes_the_length_on_the_wire(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  put16(&b, 4, 0);
  assert_segment(&b, RAW, "");
  Decoded d = decode_cut(&b, RAW, b.len, 40 + 32 + 150000);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.payload_len, 150000);
}

static void ipv6_of_another_version_is_malformed(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  wrap_ether(&b, 0x86dd);
  b.data[14] = 0x45;
  assert_int_equal(result_of(&b, 1), LA_DECODED_MALFORMED);
}

static void ipv6_too_short_for_tcp_is_malformed(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  put16(&b, 4, 19);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void authentication_header_is_walked_through(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0604 0000 00000001 00000001 0102030405060708090a0b0c");
  wrap_ipv4(&b, 51);
  assert_segment(&b, RAW, "ah");
  b = tcp_segment();
  wrap(&b, "0604 0000 00000001 00000001 0102030405060708090a0b0c");
  wrap_ipv6(&b, 51);
  assert_segment(&b, RAW, "ah");
}

static void authentication_header_below_its_least_size_is_malformed(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0600 0000 00000001");
  wrap_ipv4(&b, 51);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void interface_numbers_end_at_65535(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  LaPacketView packet = {.data = b.data,
                         .captured_len = (uint32_t)b.len,
                         .wire_len = (uint32_t)b.len,
                         .link_type = 1,
                         .interface = 70000,
                         .fcs_len = -1};
  LaDecodeOptions options = {.verify_checksums = false};
  LaSegment segment;
  LaIcmpError icmp;
  assert_int_equal(la_decode(&packet, &options, &segment, &icmp), LA_DECODED_SEGMENT);
  assert_int_equal(segment.interface, 65535);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ethernet_padding_is_no_payload),
      cmocka_unit_test(length_comes_from_the_header_at_snaplen_54),
      cmocka_unit_test(ipv4_options_are_skipped),
      cmocka_unit_test(ipv4_total_length_0_takes_the_length_on_the_wire),
      cmocka_unit_test(check_sequence_is_not_payload_of_a_packet_without_length),
      cmocka_unit_test(ipv4_of_another_version_is_malformed),
      cmocka_unit_test(ipv4_header_below_20_bytes_is_malformed),
      cmocka_unit_test(ipv4_total_length_below_its_header_is_malformed),
      cmocka_unit_test(ipv4_too_short_for_tcp_is_malformed),
      cmocka_unit_test(ipv4_longer_than_its_frame_keeps_its_length),
      cmocka_unit_test(ipv4_checksum_is_not_verified),
      cmocka_unit_test(runt_frame_is_malformed),
      cmocka_unit_test(other_protocols_are_not_tcp),
      cmocka_unit_test(ipv6_numbers_in_ipv4_are_not_tcp),
      cmocka_unit_test(first_fragment_counts_with_what_it_carries),
      cmocka_unit_test(first_fragment_without_the_whole_tcp_header_is_a_fragment),
      cmocka_unit_test(first_fragment_cut_by_the_snaplen_is_cut_short),
      cmocka_unit_test(later_fragments_of_tcp_are_fragments),
      cmocka_unit_test(later_fragments_of_udp_are_not_tcp),
      cmocka_unit_test(do_not_fragment_is_no_fragment),
      cmocka_unit_test(tunnel_in_first_fragment_counts),
      cmocka_unit_test(tunnel_in_first_fragment_without_inner_tcp_header_is_a_fragment),
      cmocka_unit_test(ipv6_extension_headers_are_walked),
      cmocka_unit_test(ipv6_extension_headers_in_a_row),
      cmocka_unit_test(ipv6_extension_header_beyond_the_packet_is_malformed),
      cmocka_unit_test(ipv6_chain_without_end_is_malformed),
      cmocka_unit_test(ipv6_no_next_header_is_not_tcp),
      cmocka_unit_test(ipv6_atomic_fragment_is_no_fragment),
      cmocka_unit_test(ipv6_first_fragment_counts),
      cmocka_unit_test(ipv6_later_fragment_is_a_fragment),
      cmocka_unit_test(ipv6_routing_header_names_the_last_destination),
      cmocka_unit_test(ipv6_routing_header_that_is_done_changes_nothing),
      cmocka_unit_test(ipv6_home_address_replaces_the_source),
      cmocka_unit_test(ipv6_other_options_are_no_home_address),
      cmocka_unit_test(ipv6_jumbogram),
      cmocka_unit_test(ipv6_payload_length_0_takes_the_length_on_the_wire),
      cmocka_unit_test(ipv6_of_another_version_is_malformed),
      cmocka_unit_test(ipv6_too_short_for_tcp_is_malformed),
      cmocka_unit_test(authentication_header_is_walked_through),
      cmocka_unit_test(authentication_header_below_its_least_size_is_malformed),
      cmocka_unit_test(interface_numbers_end_at_65535),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
