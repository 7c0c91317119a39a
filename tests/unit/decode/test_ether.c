/* What stands between the link and IP: tags, MPLS, LLC, PPPoE. */
#include "unit/decode/packet_builder.h"

/* IPv4 behind these bytes after the Ethernet addresses. */
static Bytes ether_with(const char *after_addresses)
{
  Bytes b = ipv4_segment();
  wrap(&b, after_addresses);
  wrap(&b, ETHER_ADDRESSES);
  return b;
}

static void check(const char *after_addresses, const char *encap)
{
  Bytes b = ether_with(after_addresses);
  assert_segment(&b, 1, encap);
}

static void check_result(const char *after_addresses, LaDecodeResult expected)
{
  Bytes b = ether_with(after_addresses);
  assert_int_equal(result_of(&b, 1), expected);
}

static uint32_t hash_of(const char *after_addresses)
{
  Bytes b = ether_with(after_addresses);
  Decoded d = decode(&b, 1);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  return d.segment.tunnel_hash;
}

static void vlan_tag_of_each_kind(void **state)
{
  (void)state;
  check("8100 600a 0800", "vlan:10");
  check("88a8 000b 0800", "vlan:11");
  check("9100 000c 0800", "vlan:12");
  check("9200 000d 0800", "vlan:13");
  check("9300 000e 0800", "vlan:14");
}

static void vlan_tag_before_ipv6(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  wrap(&b, ETHER_ADDRESSES "8100 0fff 86dd");
  assert_segment(&b, 1, "vlan:4095");
}

static void vlan_tags_nest(void **state)
{
  (void)state;
  check("88a8 0064 8100 00c8 0800", "vlan:100,vlan:200");
  check("8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 8100 0006 0800", "vlan:1,vlan:2,vlan:3,vlan:4,vlan:5,vlan:6");
}

static void vlan_tags_past_the_list_are_walked(void **state)
{
  (void)state;
  Bytes b = ether_with("8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001"
                       "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0002 0800");
  Decoded d = decode(&b, 1);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.encap_count, LA_ENCAP_MAX);
  assert_int_equal(d.segment.src_port, 40001);
}

static LaDecodeResult result_with_tags(int tags)
{
  Bytes b = ipv4_segment();
  wrap(&b, "0800");
  for (int i = 0; i < tags; i++)
    wrap(&b, "8100 0001");
  wrap(&b, ETHER_ADDRESSES);
  return result_of(&b, 1);
}

static void more_than_32_headers_are_malformed(void **state)
{
  (void)state;
  assert_int_equal(result_with_tags(29), LA_DECODED_SEGMENT); /* besides Ethernet, IPv4 and TCP */
  assert_int_equal(result_with_tags(30), LA_DECODED_MALFORMED);
  assert_int_equal(result_with_tags(200), LA_DECODED_MALFORMED);
}

static void vlan_tag_before_llc(void **state)
{
  (void)state;
  check("8100 000a 0046 aaaa03 000000 0800", "vlan:10");
}

static void provider_backbone_bridging(void **state)
{
  (void)state;
  check("88a8 0064 88e7 00012345" ETHER_ADDRESSES "0800", "vlan:100");
  check("88e7 00012345" ETHER_ADDRESSES "8100 0007 0800", "vlan:7");
}

static void port_extender_tag(void **state)
{
  (void)state;
  check("893f 0000 0001 0000 0800", "");
  check("893f 0000 0001 0000 8100 0005 0800", "vlan:5");
}

static void vntag(void **state)
{
  (void)state;
  check("8926 0001 0002 0800", "");
  check("8926 0001 0002 8100 0005 0800", "vlan:5");
}

static void fabricpath(void **state)
{
  (void)state;
  check("8903 0420" ETHER_ADDRESSES "8100 0005 0800", "vlan:5");
}

static void mpls_of_one_and_of_several_labels(void **state)
{
  (void)state;
  check("8847 0001 01ff", "mpls:16");
  check("8848 0001 00ff 0001 11ff", "mpls:16,mpls:17");
}

static void mpls_carries_ipv6(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  wrap(&b, ETHER_ADDRESSES "8847 0000 21ff");
  assert_segment(&b, 1, "mpls:2");
}

static void mpls_pseudowire_with_control_word(void **state)
{
  (void)state;
  check("8847 0001 01ff 00000000" ETHER_ADDRESSES "0800", "mpls:16");
  check("8847 0001 01ff 00000001" ETHER_ADDRESSES "8100 0005 0800", "mpls:16,vlan:5");
}

static void mpls_pseudowire_without_control_word(void **state)
{
  (void)state;
  check("8847 0001 01ff" ETHER_ADDRESSES "0800", "mpls:16");
}

static void mpls_pseudowire_whose_address_looks_like_an_ip_version(void **state)
{
  (void)state;
  Bytes b = ether_with("8847 0001 01ff 450300000001 600300000002 0800");
  Decoded d = decode(&b, 1);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_standard_segment(&d.segment, "mpls:16");
  b = ether_with("8847 0001 01ff 620300000001 600300000002 0800");
  d = decode(&b, 1);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_standard_segment(&d.segment, "mpls:16");
}

static void mpls_channel_of_the_operator_is_not_ip(void **state)
{
  (void)state;
  check_result("8847 0001 01ff 10000007 00000000 00000000 00000000", LA_DECODED_NOT_IP);
}

static void llc_snap(void **state)
{
  (void)state;
  check("0046 aaaa03 000000 0800", "");
  check("0046 aaaa03 0000f8 0800", "");
}

static void llc_of_the_largest_802_3_length(void **state)
{
  (void)state;
  check("05dc aaaa03 000000 0800", "");
  check_result("05dd aaaa03 000000 0800", LA_DECODED_NOT_IP);
}

static void llc_snap_of_a_bridged_frame(void **state)
{
  (void)state;
  check("0056 aaaa03 0080c2 0007 0000" ETHER_ADDRESSES "0800", "");
}

static void llc_service_access_point_of_ip(void **state)
{
  (void)state;
  check("0041 060603", "");
}

static void llc_of_spanning_tree_and_other_vendors_is_not_ip(void **state)
{
  (void)state;
  check_result("0026 424203 0000", LA_DECODED_NOT_IP);
  check_result("0041 064203", LA_DECODED_NOT_IP);
  check_result("0041 420603", LA_DECODED_NOT_IP);
  check_result("0041 0606f3", LA_DECODED_NOT_IP);
  check_result("0046 aa4203 000000 0800", LA_DECODED_NOT_IP);
  check_result("0046 aaaa03 00000c 2000", LA_DECODED_NOT_IP);
}

static void length_of_an_802_3_frame_cuts_padding(void **state)
{
  (void)state;
  /* the LLC header does not fit in the two bytes that the frame claims */
  check_result("0002 aaaa03 000000 0800", LA_DECODED_MALFORMED);
}

static void ethertypes_that_lead_nowhere_are_not_ip(void **state)
{
  (void)state;
  check_result("0806", LA_DECODED_NOT_IP);
  check_result("88cc", LA_DECODED_NOT_IP);
  check_result("88e5", LA_DECODED_NOT_IP);
  check_result("8863 1109 0000 0000", LA_DECODED_NOT_IP);
  check_result("05ff", LA_DECODED_NOT_IP);
}

static void pppoe_session(void **state)
{
  (void)state;
  check("8864 1100 0001 0040 0021", "pppoe");
  check("8100 000a 8864 1100 0001 003f 21", "vlan:10,pppoe");
}

static void pppoe_session_number_is_kept(void **state)
{
  (void)state;
  Bytes b = ether_with("8864 1100 1234 0040 0021");
  assert_int_equal(decode(&b, 1).segment.encap[0].id, 0x1234);
}

static void pppoe_of_another_version_is_malformed(void **state)
{
  (void)state;
  check_result("8864 2100 0001 0040 0021", LA_DECODED_MALFORMED);
}

static void pppoe_control_is_not_ip(void **state)
{
  (void)state;
  check_result("8864 1100 0001 0040 c021", LA_DECODED_NOT_IP);
}

static void tunnel_hash_is_of_vlan_ids(void **state)
{
  (void)state;
  uint32_t vlan10 = hash_of("8100 000a 0800");
  assert_int_equal(hash_of("0800"), 0);
  assert_int_not_equal(vlan10, 0);
  assert_int_equal(hash_of("8100 e00a 0800"), vlan10); /* priority does not count */
  assert_int_equal(hash_of("88a8 000a 0800"), vlan10);
  assert_int_not_equal(hash_of("8100 000b 0800"), vlan10);
  assert_int_not_equal(hash_of("8100 000a 8100 000b 0800"), hash_of("8100 000b 8100 000a 0800"));
}

static void tunnel_hash_is_not_of_priority_tags_labels_and_sessions(void **state)
{
  (void)state;
  assert_int_equal(hash_of("8100 e000 0800"), 0);
  assert_int_equal(hash_of("8847 0001 01ff"), 0);
  assert_int_equal(hash_of("8864 1100 0001 0040 0021"), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vlan_tag_of_each_kind),
      cmocka_unit_test(vlan_tag_before_ipv6),
      cmocka_unit_test(vlan_tags_nest),
      cmocka_unit_test(vlan_tags_past_the_list_are_walked),
      cmocka_unit_test(more_than_32_headers_are_malformed),
      cmocka_unit_test(vlan_tag_before_llc),
      cmocka_unit_test(provider_backbone_bridging),
      cmocka_unit_test(port_extender_tag),
      cmocka_unit_test(vntag),
      cmocka_unit_test(fabricpath),
      cmocka_unit_test(mpls_of_one_and_of_several_labels),
      cmocka_unit_test(mpls_carries_ipv6),
      cmocka_unit_test(mpls_pseudowire_with_control_word),
      cmocka_unit_test(mpls_pseudowire_without_control_word),
      cmocka_unit_test(mpls_pseudowire_whose_address_looks_like_an_ip_version),
      cmocka_unit_test(mpls_channel_of_the_operator_is_not_ip),
      cmocka_unit_test(llc_snap),
      cmocka_unit_test(llc_of_the_largest_802_3_length),
      cmocka_unit_test(llc_snap_of_a_bridged_frame),
      cmocka_unit_test(llc_service_access_point_of_ip),
      cmocka_unit_test(llc_of_spanning_tree_and_other_vendors_is_not_ip),
      cmocka_unit_test(length_of_an_802_3_frame_cuts_padding),
      cmocka_unit_test(ethertypes_that_lead_nowhere_are_not_ip),
      cmocka_unit_test(pppoe_session),
      cmocka_unit_test(pppoe_session_number_is_kept),
      cmocka_unit_test(pppoe_of_another_version_is_malformed),
      cmocka_unit_test(pppoe_control_is_not_ip),
      cmocka_unit_test(tunnel_hash_is_of_vlan_ids),
      cmocka_unit_test(tunnel_hash_is_not_of_priority_tags_labels_and_sessions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
