/* Link types: each with the standard segment inside, whole and cut at every length. */
#include "unit/decode/packet_builder.h"

static void check_ipv6(uint16_t link_type, const char *header)
{
  Bytes b = ipv6_segment();
  wrap(&b, header);
  assert_segment(&b, link_type, "");
}

static void ethernet_carries_ipv4(void **state)
{
  (void)state;
  assert_ipv4(1, ETHER_ADDRESSES "0800");
}

static void ethernet_carries_ipv6(void **state)
{
  (void)state;
  check_ipv6(1, ETHER_ADDRESSES "86dd");
}

static void null_reads_both_byte_orders(void **state)
{
  (void)state;
  assert_ipv4(0, "02000000");
  assert_ipv4(0, "00000002");
}

static void null_knows_the_ipv6_families_of_all_systems(void **state)
{
  (void)state;
  check_ipv6(0, "0a000000");
  check_ipv6(0, "18000000");
  check_ipv6(0, "1c000000");
  check_ipv6(0, "1e000000");
  check_ipv6(0, "0000001e");
}

static void null_of_another_family_is_not_ip(void **state)
{
  (void)state;
  assert_result(0, "07000000", LA_DECODED_NOT_IP);
}

static void loop_carries_ip(void **state)
{
  (void)state;
  assert_ipv4(108, "00000002");
  check_ipv6(108, "00000018");
}

static void raw_tells_the_version_under_all_its_numbers(void **state)
{
  (void)state;
  static const uint16_t numbers[] = {12, 14, 101};
  for (size_t i = 0; i < 3; i++) {
    assert_ipv4(numbers[i], "");
    check_ipv6(numbers[i], "");
  }
}

static void raw_of_another_version_is_malformed(void **state)
{
  (void)state;
  assert_result(101, "50", LA_DECODED_MALFORMED);
}

static void link_types_of_one_ip_version(void **state)
{
  (void)state;
  assert_ipv4(228, "");
  check_ipv6(229, "");
}

static void link_type_ipv4_with_ipv6_is_malformed(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  assert_int_equal(result_of(&b, 228), LA_DECODED_MALFORMED);
  b = ipv4_segment();
  assert_int_equal(result_of(&b, 229), LA_DECODED_MALFORMED);
}

static void linux_sll_carries_ip(void **state)
{
  (void)state;
  assert_ipv4(113, "0000 0001 0006 02005e0000010000 0800");
  check_ipv6(113, "0004 0304 0006 0000000000000000 86dd");
}

static void linux_sll_carries_vlan_tags(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, "0000 0001 0006 02005e0000010000 8100 0064 0800");
  assert_segment(&b, 113, "vlan:100");
}

static void linux_sll_carries_llc(void **state)
{
  (void)state;
  assert_ipv4(113, "0000 0001 0006 02005e0000010000 0004 aaaa03 000000 0800");
}

static void linux_sll_of_a_monitor_interface_carries_radiotap(void **state)
{
  (void)state;
  assert_ipv4(113,
              "0000 0323 0006 02005e0000010000 0004 00000800 00000000 0800 0000 02005e000001 02005e000002 02005e000003 0000"
              "aaaa03 000000 0800");
}

static void linux_sll_of_other_monitor_interfaces(void **state)
{
  (void)state;
  assert_ipv4(113,
              "0000 0321 0006 02005e0000010000 0004 0800 0000 02005e000001 02005e000002 02005e000003 0000 aaaa03 000000 0800");
  assert_ipv4(113, "0000 0322 0006 02005e0000010000 0004 80211001 00000008"
                   "0800 0000 02005e000001 02005e000002 02005e000003 0000 aaaa03 000000 0800");
}

static void linux_sll_of_netlink_is_not_ip(void **state)
{
  (void)state;
  assert_result(113, "0000 0338 0000 0000000000000000 0800", LA_DECODED_NOT_IP);
}

static void linux_sll_of_novell_frames_is_not_ip(void **state)
{
  (void)state;
  assert_result(113, "0000 0001 0006 02005e0000010000 0001", LA_DECODED_NOT_IP);
}

static void linux_sll2_carries_ip(void **state)
{
  (void)state;
  assert_ipv4(276, "0800 0000 00000002 0001 00 06 02005e0000010000");
  check_ipv6(276, "86dd 0000 00000002 0001 04 06 02005e0000010000");
}

static void ppp_with_and_without_address_and_control(void **state)
{
  (void)state;
  assert_ipv4(9, "ff03 0021");
  assert_ipv4(9, "0021");
  check_ipv6(9, "ff03 0057");
}

static void ppp_with_a_compressed_protocol(void **state)
{
  (void)state;
  assert_ipv4(9, "21");
  check_ipv6(9, "ff03 57");
}

static void ppp_control_protocols_are_not_ip(void **state)
{
  (void)state;
  assert_result(9, "ff03 c021", LA_DECODED_NOT_IP);
  assert_result(9, "ff03 00fd", LA_DECODED_NOT_IP);
}

static void ppp_carries_mpls(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, "ff03 0281 0001 01ff");
  assert_segment(&b, 9, "mpls:16");
}

static void ppp_hdlc_carries_ppp_or_cisco_hdlc(void **state)
{
  (void)state;
  assert_ipv4(50, "ff03 0021");
  check_ipv6(50, "ff03 0057");
  assert_ipv4(50, "0f00 0800");
  assert_ipv4(50, "8f00 0800");
}

static void cisco_hdlc_carries_ip(void **state)
{
  (void)state;
  assert_ipv4(104, "0f00 0800");
  check_ipv6(104, "0f00 86dd");
}

static void cisco_hdlc_keepalives_are_not_ip(void **state)
{
  (void)state;
  assert_result(104, "8f00 8035", LA_DECODED_NOT_IP);
}

static void pppoe_without_ethernet(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, "1100 0001 0040 0021");
  assert_segment(&b, 51, "pppoe");
}

static void fddi_carries_llc(void **state)
{
  (void)state;
  assert_ipv4(10, "50" ETHER_ADDRESSES "aaaa03 000000 0800");
  check_ipv6(10, "57" ETHER_ADDRESSES "aaaa03 000000 86dd");
}

static void fddi_tokens_and_management_are_not_ip(void **state)
{
  (void)state;
  assert_result(10, "41" ETHER_ADDRESSES "aaaa03 000000 0800", LA_DECODED_NOT_IP);
}

static void arcnet_linux_of_both_rfcs(void **state)
{
  (void)state;
  assert_ipv4(129, "50be 0000 f0");
  assert_ipv4(129, "50be 0000 d4 00 0001");
  check_ipv6(129, "50be 0000 c4 00 0001");
}

static void arcnet_bsd_of_both_rfcs(void **state)
{
  (void)state;
  assert_ipv4(7, "50be f0");
  assert_ipv4(7, "50be d4 00 0001");
  assert_ipv4(7, "50be d4 ff ffff d4 00 0001");
}

static void arcnet_later_part_is_a_fragment(void **state)
{
  (void)state;
  assert_result(129, "50be 0000 d4 02 0001", LA_DECODED_FRAGMENT);
}

static void arcnet_first_part_counts(void **state)
{
  (void)state;
  assert_ipv4(129, "50be 0000 d4 01 0001");
}

static void arcnet_arp_is_not_ip(void **state)
{
  (void)state;
  assert_result(129, "50be 0000 f1", LA_DECODED_NOT_IP);
}

static void juniper_ethernet_with_extensions(void **state)
{
  (void)state;
  assert_ipv4(178, "4d4743 80 0006 010201020304" ETHER_ADDRESSES "0800");
}

static void juniper_ethernet_without_extensions(void **state)
{
  (void)state;
  check_ipv6(178, "4d4743 01" ETHER_ADDRESSES "86dd");
}

static void juniper_without_link_header(void **state)
{
  (void)state;
  assert_ipv4(178, "4d4743 82 0006 010201020304 02000000");
}

static void juniper_without_magic_is_malformed(void **state)
{
  (void)state;
  assert_result(178, "4d4744 01" ETHER_ADDRESSES "0800", LA_DECODED_MALFORMED);
}

static void nflog_in_either_byte_order(void **state)
{
  (void)state;
  assert_ipv4(239, "02 00 0000 0800 0100 0800 0000 0500 0a00 61000000 4200 0900");
  assert_ipv4(239, "02 00 0000 0008 0001 0800 0000 0005 000a 61000000 0042 0009");
}

static void nflog_of_ipv6(void **state)
{
  (void)state;
  check_ipv6(239, "0a 00 0000 5600 0900");
}

static void nflog_of_a_bridge_goes_by_the_ethertype(void **state)
{
  (void)state;
  assert_ipv4(239, "07 00 0000 0800 0100 0800 0000 4200 0900");
}

static void nflog_attribute_shorter_than_itself_is_malformed(void **state)
{
  (void)state;
  assert_result(239, "02 00 0000 0300 0a00", LA_DECODED_MALFORMED);
}

static void nflog_without_packet_is_not_ip(void **state)
{
  (void)state;
  Bytes b = bytes_of("02 00 0000 0800 0100 0800 0000 0500 0a00 61");
  assert_int_equal(result_of(&b, 239), LA_DECODED_NOT_IP);
}

#define IPOIB_ADDRESSES "00000000000000000000000000000000 2fa3000a 80000550 fe80000000000000 0010e000664ab451"

static void ipoib_carries_ip(void **state)
{
  (void)state;
  assert_ipv4(242, IPOIB_ADDRESSES "0800 0000");
  check_ipv6(242, IPOIB_ADDRESSES "86dd 0000");
}

#define INFINIBAND_UD "64 00 ffff 00 000550 00 000001 0000000b 00 000551" /* base and datagram transport header */

static void infiniband_datagrams_carry_ip(void **state)
{
  (void)state;
  assert_ipv4(247, "0002 0001 0015 0002" INFINIBAND_UD "0800 0000");
}

static void infiniband_datagrams_with_immediate_data(void **state)
{
  (void)state;
  assert_ipv4(247, "0002 0001 0015 0002 65 00 ffff 00 000550 00 000001 0000000b 00 000551 deadbeef 0800 0000");
}

static void infiniband_with_global_route_carries_ip(void **state)
{
  (void)state;
  check_ipv6(247, "0003 0001 0015 0002 60000000 0060 1b ff fe80000000000000 0002c90300000001 fe80000000000000 "
                  "0002c90300000002" INFINIBAND_UD "86dd 0000");
}

static void infiniband_of_other_transports_is_not_ip(void **state)
{
  (void)state;
  assert_result(247, "0002 0001 0015 0002 04 00 ffff 00 000550 00 000001 0000000b 00 000551 0800 0000", LA_DECODED_NOT_IP);
}

static void mpacket_express_frame(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  wrap(&b, "55555555555555 d5");
  append(&b, "01020304");
  assert_segment(&b, 274, "");
}

static void mpacket_preemptable_frame(void **state)
{
  (void)state;
  static const char *const delimiters[] = {"55555555555555 e6", "55555555555555 4c", "55555555555555 7f", "55555555555555 b3"};
  for (size_t i = 0; i < sizeof delimiters / sizeof delimiters[0]; i++) {
    Bytes b = ether_segment();
    wrap(&b, delimiters[i]);
    append(&b, "01020304");
    assert_segment(&b, 274, "");
  }
}

static void mpacket_continuation_is_a_fragment(void **state)
{
  (void)state;
  assert_result(274, "555555555555 61 e6", LA_DECODED_FRAGMENT);
  assert_result(274, "555555555555 52 e6", LA_DECODED_FRAGMENT);
  assert_result(274, "555555555555 9e e6", LA_DECODED_FRAGMENT);
  assert_result(274, "555555555555 2a e6", LA_DECODED_FRAGMENT);
}

static void mpacket_first_part_without_tcp_header_is_a_fragment(void **state)
{
  (void)state;
  Bytes b = ether_segment();
  b.len = 14 + 20 + 12;
  wrap(&b, "55555555555555 e6");
  append(&b, "01020304");
  assert_int_equal(result_of(&b, 274), LA_DECODED_FRAGMENT);
}

static void mpacket_verify_is_not_ip(void **state)
{
  (void)state;
  Bytes b = bytes_of("55555555555555 07 00000000 00000000 01020304");
  assert_int_equal(result_of(&b, 274), LA_DECODED_NOT_IP);
}

static void unknown_link_types_are_not_ip(void **state)
{
  (void)state;
  static const uint16_t numbers[] = {2, 147, 195, 277, 65535};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    assert_false(la_decode_knows_link_type(numbers[i]));
    assert_result(numbers[i], "", LA_DECODED_NOT_IP);
  }
}

static void every_link_type_of_the_table_is_known(void **state)
{
  (void)state;
  static const uint16_t numbers[] = {0,   1,   7,   9,   10,  12,  14,  50,  51,  101, 104, 105, 108, 113,
                                     119, 127, 129, 163, 178, 192, 228, 229, 239, 242, 247, 274, 276};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    assert_true(la_decode_knows_link_type(numbers[i]));
}

/* Bytes without meaning never become a segment by reading past their end, under any link type. */
static void nothing_at_all_is_cut_short_or_malformed(void **state)
{
  (void)state;
  Bytes b = {.len = 0};
  for (uint16_t link_type = 0; link_type < 300; link_type++) {
    if (!la_decode_knows_link_type(link_type))
      continue;
    assert_int_equal(decode_cut(&b, link_type, 0, 60).result, LA_DECODED_CUT_SHORT);
    assert_int_equal(decode_cut(&b, link_type, 0, 0).result, LA_DECODED_MALFORMED);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ethernet_carries_ipv4),
      cmocka_unit_test(ethernet_carries_ipv6),
      cmocka_unit_test(null_reads_both_byte_orders),
      cmocka_unit_test(null_knows_the_ipv6_families_of_all_systems),
      cmocka_unit_test(null_of_another_family_is_not_ip),
      cmocka_unit_test(loop_carries_ip),
      cmocka_unit_test(raw_tells_the_version_under_all_its_numbers),
      cmocka_unit_test(raw_of_another_version_is_malformed),
      cmocka_unit_test(link_types_of_one_ip_version),
      cmocka_unit_test(link_type_ipv4_with_ipv6_is_malformed),
      cmocka_unit_test(linux_sll_carries_ip),
      cmocka_unit_test(linux_sll_carries_vlan_tags),
      cmocka_unit_test(linux_sll_carries_llc),
      cmocka_unit_test(linux_sll_of_a_monitor_interface_carries_radiotap),
      cmocka_unit_test(linux_sll_of_other_monitor_interfaces),
      cmocka_unit_test(linux_sll_of_netlink_is_not_ip),
      cmocka_unit_test(linux_sll_of_novell_frames_is_not_ip),
      cmocka_unit_test(linux_sll2_carries_ip),
      cmocka_unit_test(ppp_with_and_without_address_and_control),
      cmocka_unit_test(ppp_with_a_compressed_protocol),
      cmocka_unit_test(ppp_control_protocols_are_not_ip),
      cmocka_unit_test(ppp_carries_mpls),
      cmocka_unit_test(ppp_hdlc_carries_ppp_or_cisco_hdlc),
      cmocka_unit_test(cisco_hdlc_carries_ip),
      cmocka_unit_test(cisco_hdlc_keepalives_are_not_ip),
      cmocka_unit_test(pppoe_without_ethernet),
      cmocka_unit_test(fddi_carries_llc),
      cmocka_unit_test(fddi_tokens_and_management_are_not_ip),
      cmocka_unit_test(arcnet_linux_of_both_rfcs),
      cmocka_unit_test(arcnet_bsd_of_both_rfcs),
      cmocka_unit_test(arcnet_later_part_is_a_fragment),
      cmocka_unit_test(arcnet_first_part_counts),
      cmocka_unit_test(arcnet_arp_is_not_ip),
      cmocka_unit_test(juniper_ethernet_with_extensions),
      cmocka_unit_test(juniper_ethernet_without_extensions),
      cmocka_unit_test(juniper_without_link_header),
      cmocka_unit_test(juniper_without_magic_is_malformed),
      cmocka_unit_test(nflog_in_either_byte_order),
      cmocka_unit_test(nflog_of_ipv6),
      cmocka_unit_test(nflog_of_a_bridge_goes_by_the_ethertype),
      cmocka_unit_test(nflog_attribute_shorter_than_itself_is_malformed),
      cmocka_unit_test(nflog_without_packet_is_not_ip),
      cmocka_unit_test(ipoib_carries_ip),
      cmocka_unit_test(infiniband_datagrams_carry_ip),
      cmocka_unit_test(infiniband_datagrams_with_immediate_data),
      cmocka_unit_test(infiniband_with_global_route_carries_ip),
      cmocka_unit_test(infiniband_of_other_transports_is_not_ip),
      cmocka_unit_test(mpacket_express_frame),
      cmocka_unit_test(mpacket_preemptable_frame),
      cmocka_unit_test(mpacket_continuation_is_a_fragment),
      cmocka_unit_test(mpacket_first_part_without_tcp_header_is_a_fragment),
      cmocka_unit_test(mpacket_verify_is_not_ip),
      cmocka_unit_test(unknown_link_types_are_not_ip),
      cmocka_unit_test(every_link_type_of_the_table_is_known),
      cmocka_unit_test(nothing_at_all_is_cut_short_or_malformed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
