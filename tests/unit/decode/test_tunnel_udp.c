/* Tunnels over UDP, and ordinary datagrams on their ports, which must never be taken for one. */
#include "unit/decode/packet_builder.h"

enum {
  RAW = 101,
  UDP = 17
};

/* What is in `b` as the payload of a datagram. */
static Bytes udp_with(Bytes b, const char *header, uint16_t src_port, uint16_t dst_port)
{
  wrap(&b, header);
  wrap_udp(&b, src_port, dst_port);
  wrap_outer_ipv4(&b, UDP);
  return b;
}

static void check(Bytes inner, const char *header, uint16_t dst_port, const char *encap)
{
  Bytes b = udp_with(inner, header, 51000, dst_port);
  assert_segment_cut(&b, RAW, encap, CUT_MAY_BE_OTHER);
}

static void check_not_tcp(Bytes inner, const char *header, uint16_t dst_port)
{
  Bytes b = udp_with(inner, header, 51000, dst_port);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static uint32_t hash_of(Bytes inner, const char *header, uint16_t dst_port)
{
  Bytes b = udp_with(inner, header, 51000, dst_port);
  Decoded d = decode(&b, RAW);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  return d.segment.tunnel_hash;
}

/* The IPv4 segment with an IPv4 header whose version is wrong. */
static Bytes bad_ipv4(void)
{
  Bytes b = ipv4_segment();
  b.data[0] = 0x55;
  return b;
}

static Bytes bad_ether(void)
{
  Bytes b = bad_ipv4();
  wrap_ether(&b, 0x0800);
  return b;
}

static void ordinary_udp_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ipv4_segment(), "", 53);
}

static void vxlan(void **state)
{
  (void)state;
  check(ether_segment(), "08000000 00138800", 4789, "vxlan:5000");
  check(ether_segment(), "08000000 00138800", 8472, "vxlan:5000");
}

static void vxlan_with_a_group_policy(void **state)
{
  (void)state;
  check(ether_segment(), "88000123 00138800", 4789, "vxlan:5000");
}

static void vxlan_with_padded_inner_frame(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  append(&b, "00000000");
  check(b, "08000000 00138800", 4789, "vxlan:5000");
}

static void vxlan_over_ipv6(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  wrap(&b, "08000000 00138800");
  wrap_udp(&b, 51000, 4789);
  wrap_ipv6(&b, UDP);
  assert_segment_cut(&b, RAW, "vxlan:5000", CUT_MAY_BE_OTHER);
}

static void vxlan_port_with_other_content_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ether_segment(), "00000000 00138800", 4789);
  check_not_tcp(ether_segment(), "08000001 00138800", 4789);
  check_not_tcp(ether_segment(), "08000000 00138801", 4789);
  check_not_tcp(bad_ether(), "08000000 00138800", 4789);
  check_not_tcp(bytes_of("48656c6c6f20776f726c642c20746869732069732074657874"), "", 4789);
  check_not_tcp(bytes_of("01"), "", 4789);
}

static void inner_packet_longer_than_its_datagram_is_not_tcp(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  put16(&b, 14 + 2, 1500);
  check_not_tcp(b, "08000000 00138800", 4789);
}

static void vxlan_gpe_of_all_protocols(void **state)
{
  (void)state;
  check(ipv4_segment(), "0c000001 00138800", 4790, "vxlan:5000");
  check(ipv6_segment(), "0c000002 00138800", 4790, "vxlan:5000");
  check(ether_segment(), "0c000003 00138800", 4790, "vxlan:5000");
  check(ether_segment(), "08000000 00138800", 4790, "vxlan:5000");
  Bytes b = ipv4_segment();
  wrap(&b, "0001 01ff");
  check(b, "0c000005 00138800", 4790, "vxlan:5000,mpls:16");
}

static void vxlan_gpe_with_other_content_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ipv4_segment(), "0d000001 00138800", 4790); /* for the operator */
  check_not_tcp(ipv4_segment(), "1c000001 00138800", 4790); /* another version */
  check_not_tcp(ipv4_segment(), "0c000004 00138800", 4790);
  check_not_tcp(bad_ipv4(), "0c000001 00138800", 4790);
}

static void geneve_with_and_without_options(void **state)
{
  (void)state;
  check(ether_segment(), "0000 6558 00007b00", 6081, "geneve:123");
  check(ether_segment(), "0240 6558 00007b00 0102 80 01 01020304", 6081, "geneve:123");
  check(ipv4_segment(), "0000 0800 00007b00", 6081, "geneve:123");
  check(ipv6_segment(), "0000 86dd 00007b00", 6081, "geneve:123");
}

static void geneve_with_other_content_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ether_segment(), "4000 6558 00007b00", 6081);
  check_not_tcp(ether_segment(), "0080 6558 00007b00", 6081); /* for control */
  check_not_tcp(ether_segment(), "0001 6558 00007b00", 6081);
  check_not_tcp(ether_segment(), "0000 6558 00007b01", 6081);
  check_not_tcp(ether_segment(), "3f00 6558 00007b00", 6081); /* options longer than the datagram */
  check_not_tcp(bad_ether(), "0000 6558 00007b00", 6081);
  check_not_tcp(ipv4_segment(), "0000 0000 00007b00", 6081);
}

static void gre_in_udp(void **state)
{
  (void)state;
  check(ipv4_segment(), "0000 0800", 4754, "gre");
  check(ipv4_segment(), "2000 0800 00000009", 4754, "gre:9");
  check(ether_segment(), "0000 6558", 4754, "gre");
}

static void gre_in_udp_with_other_content_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ipv4_segment(), "0100 0800", 4754);
  check_not_tcp(ipv4_segment(), "0001 0800", 4754);
  check_not_tcp(bad_ipv4(), "0000 0800", 4754);
}

static void gtp_user_data(void **state)
{
  (void)state;
  check(ipv4_segment(), "30ff 003e 0000abcd", 2152, "gtpu:43981");
  check(ipv6_segment(), "30ff 0052 0000abcd", 2152, "gtpu:43981");
}

static void gtp_with_sequence_number_and_extension_headers(void **state)
{
  (void)state;
  check(ipv4_segment(), "32ff 0042 0000abcd 0001 00 00", 2152, "gtpu:43981");
  check(ipv4_segment(), "34ff 0046 0000abcd 0000 00 85 01100900", 2152, "gtpu:43981");
  check(ipv4_segment(), "34ff 004e 0000abcd 0000 00 85 01100985 02 000000000000 00", 2152, "gtpu:43981");
}

static void gtp_without_the_flag_has_no_extension_header(void **state)
{
  (void)state;
  check(ipv4_segment(), "32ff 0042 0000abcd 0001 00 85", 2152, "gtpu:43981");
}

static void gtp_with_the_flag_but_no_extension_header(void **state)
{
  (void)state;
  check(ipv4_segment(), "34ff 0042 0000abcd 0000 00 00", 2152, "gtpu:43981");
}

static void gtp_in_the_first_fragment_of_its_datagram(void **state)
{
  (void)state;
  Bytes b = udp_with(ipv4_segment(), "30ff 003e 0000abcd", 2152, 2152);
  put16(&b, 6, 0x2000);
  b.len -= 8;
  put16(&b, 2, b.len);
  Decoded d = decode(&b, RAW);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.payload_len, 10);
  assert_int_equal(d.segment.fragment, 0);
}

static void gtp_with_other_content_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ipv4_segment(), "3001 003e 0000abcd", 2152);                     /* echo */
  check_not_tcp(ipv4_segment(), "50ff 003e 0000abcd", 2152);                     /* another version */
  check_not_tcp(ipv4_segment(), "30ff 003d 0000abcd", 2152);                     /* a length that is not the datagram's */
  check_not_tcp(ipv4_segment(), "34ff 0046 0000abcd 0000 00 85 00100900", 2152); /* an extension header of length 0 */
  check_not_tcp(bad_ipv4(), "30ff 003e 0000abcd", 2152);
}

static void teredo_plain(void **state)
{
  (void)state;
  check(ipv6_segment(), "", 3544, "teredo");
  Bytes b = udp_with(ipv6_segment(), "", 3544, 51000);
  assert_segment_cut(&b, RAW, "teredo", CUT_MAY_BE_OTHER);
}

static void teredo_with_indications(void **state)
{
  (void)state;
  check(ipv6_segment(), "0000 1234 c0000201", 3544, "teredo");
  check(ipv6_segment(), "0001 00 00 0102030405060708 00", 3544, "teredo");
  check(ipv6_segment(), "0001 02 03 aabb ccddee 0102030405060708 00 0000 1234 c0000201", 3544, "teredo");
}

static void teredo_port_with_other_content_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ipv4_segment(), "", 3544);
  check_not_tcp(bytes_of("6162636465666768696a6b6c6d6e6f707172737475767778797a6162636465666768696a6b6c6d6e6f70"), "", 3544);
  Bytes b = ipv6_segment();
  append(&b, "00"); /* longer than the IPv6 packet says */
  check_not_tcp(b, "", 3544);
}

static void ayiya(void **state)
{
  (void)state;
  check(ipv6_segment(), "41 52 11 29 5a5a5a5a 00112233445566778899aabbccddeeff 000102030405060708090a0b0c0d0e0f10111213", 5072,
        "ayiya");
  Bytes b = udp_with(ipv6_segment(), "40 00 01 29 5a5a5a5a 00112233445566778899aabbccddeeff", 5072, 51000);
  assert_segment_cut(&b, RAW, "ayiya", CUT_MAY_BE_OTHER);
}

static void ayiya_with_other_content_is_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ipv6_segment(), "40 00 02 29 5a5a5a5a 00112233445566778899aabbccddeeff", 5072); /* not forwarded */
  check_not_tcp(ipv6_segment(), "40 00 01 3b 5a5a5a5a 00112233445566778899aabbccddeeff", 5072);
  check_not_tcp(ipv4_segment(), "40 00 01 29 5a5a5a5a 00112233445566778899aabbccddeeff", 5072);
}

#define WIFI_HEADER "02005e000001 02005e000002 02005e000003 1000 aaaa03 000000 0800"

static void capwap_of_802_11_frames(void **state)
{
  (void)state;
  check(ipv4_segment(),
        "00 100300 0000 0000"
        "0801 2c00" WIFI_HEADER,
        5247, "capwap");
}

static void capwap_of_802_11_frames_with_swapped_frame_control(void **state)
{
  (void)state;
  check(ipv4_segment(),
        "00 100300 0000 0000"
        "0108 2c00" WIFI_HEADER,
        5247, "capwap");
  check(ipv4_segment(),
        "00 100300 0000 0000"
        "0308 2c00 02005e000001 02005e000002 02005e000003 1000 02005e000004 aaaa03 000000 0800",
        5247, "capwap");
}

static void capwap_with_radio_address_and_wireless_information(void **state)
{
  (void)state;
  check(ipv4_segment(),
        "00 300330 0000 0000 06 02005e000009 00 04 bf230000 000000"
        "0802 2c00" WIFI_HEADER,
        5247, "capwap");
}

static void capwap_of_802_3_frames_in_either_direction(void **state)
{
  (void)state;
  check(ether_segment(), "00 100200 0000 0000", 5247, "capwap");
  Bytes b = udp_with(ether_segment(), "00 100200 0000 0000", 5247, 51000);
  assert_segment_cut(&b, RAW, "capwap", CUT_MAY_BE_OTHER);
}

static void capwap_keep_alives_and_encrypted_data_are_not_tcp(void **state)
{
  (void)state;
  check_not_tcp(ether_segment(), "00 100208 0000 0000", 5247);
  check_not_tcp(ether_segment(), "01 000000 0000 0000", 5247);
  check_not_tcp(ether_segment(), "00 080200 0000 0000", 5247); /* a header of four bytes */
  check_not_tcp(bad_ether(), "00 100200 0000 0000", 5247);
}

static void capwap_fragments(void **state)
{
  (void)state;
  Bytes b = udp_with(ether_segment(), "00 100280 0001 0000", 51000, 5247);
  assert_segment_cut(&b, RAW, "capwap", CUT_MAY_BE_OTHER);
  b = udp_with(ether_segment(), "00 1002c0 0001 0008", 51000, 5247);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_FRAGMENT);
}

static void tunnels_nest_over_udp(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  wrap(&b, "08000000 00138800");
  wrap_udp(&b, 51000, 4789);
  wrap_outer_ipv4(&b, UDP);
  wrap(&b, "30ff 0000 0000abcd");
  put16(&b, 2, b.len - 8);
  wrap_udp(&b, 2152, 2152);
  wrap_outer_ipv4(&b, UDP);
  wrap(&b, ETHER_ADDRESSES "8100 0007 0800");
  assert_segment_cut(&b, 1, "vlan:7,gtpu:43981,vxlan:5000", CUT_MAY_BE_OTHER);
}

static void broken_tcp_inside_a_proved_tunnel_is_malformed(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  b.data[14 + 20 + 12] = 0x40;
  b = udp_with(b, "08000000 00138800", 51000, 4789);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void udp_length_that_lies_is_no_tunnel(void **state)
{
  (void)state;
  Bytes b = udp_with(ether_segment(), "08000000 00138800", 51000, 4789);
  put16(&b, 20 + 4, 7);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  put16(&b, 20 + 4, 2000);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void tunnel_hash_takes_network_identifiers(void **state)
{
  (void)state;
  uint32_t a = hash_of(ether_segment(), "08000000 00138800", 4789);
  assert_int_equal(a, hash_of(ether_segment(), "08000000 00138800", 8472));
  assert_int_not_equal(a, hash_of(ether_segment(), "08000000 00138900", 4789));
  assert_int_not_equal(hash_of(ether_segment(), "0000 6558 00007b00", 6081),
                       hash_of(ether_segment(), "0000 6558 00007c00", 6081));
}

static void tunnel_hash_does_not_take_gtp_endpoints(void **state)
{
  (void)state;
  assert_int_equal(hash_of(ipv4_segment(), "30ff 003e 0000abcd", 2152), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ordinary_udp_is_not_tcp),
      cmocka_unit_test(vxlan),
      cmocka_unit_test(vxlan_with_a_group_policy),
      cmocka_unit_test(vxlan_with_padded_inner_frame),
      cmocka_unit_test(vxlan_over_ipv6),
      cmocka_unit_test(vxlan_port_with_other_content_is_not_tcp),
      cmocka_unit_test(inner_packet_longer_than_its_datagram_is_not_tcp),
      cmocka_unit_test(vxlan_gpe_of_all_protocols),
      cmocka_unit_test(vxlan_gpe_with_other_content_is_not_tcp),
      cmocka_unit_test(geneve_with_and_without_options),
      cmocka_unit_test(geneve_with_other_content_is_not_tcp),
      cmocka_unit_test(gre_in_udp),
      cmocka_unit_test(gre_in_udp_with_other_content_is_not_tcp),
      cmocka_unit_test(gtp_user_data),
      cmocka_unit_test(gtp_with_sequence_number_and_extension_headers),
      cmocka_unit_test(gtp_without_the_flag_has_no_extension_header),
      cmocka_unit_test(gtp_with_the_flag_but_no_extension_header),
      cmocka_unit_test(gtp_in_the_first_fragment_of_its_datagram),
      cmocka_unit_test(gtp_with_other_content_is_not_tcp),
      cmocka_unit_test(teredo_plain),
      cmocka_unit_test(teredo_with_indications),
      cmocka_unit_test(teredo_port_with_other_content_is_not_tcp),
      cmocka_unit_test(ayiya),
      cmocka_unit_test(ayiya_with_other_content_is_not_tcp),
      cmocka_unit_test(capwap_of_802_11_frames),
      cmocka_unit_test(capwap_of_802_11_frames_with_swapped_frame_control),
      cmocka_unit_test(capwap_with_radio_address_and_wireless_information),
      cmocka_unit_test(capwap_of_802_3_frames_in_either_direction),
      cmocka_unit_test(capwap_keep_alives_and_encrypted_data_are_not_tcp),
      cmocka_unit_test(capwap_fragments),
      cmocka_unit_test(tunnels_nest_over_udp),
      cmocka_unit_test(broken_tcp_inside_a_proved_tunnel_is_malformed),
      cmocka_unit_test(udp_length_that_lies_is_no_tunnel),
      cmocka_unit_test(tunnel_hash_takes_network_identifiers),
      cmocka_unit_test(tunnel_hash_does_not_take_gtp_endpoints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
