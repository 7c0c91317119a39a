/* Tunnels directly on IP: IP in IP, GRE with all that it carries, ERSPAN. */
#include "unit/decode/packet_builder.h"

enum {
  RAW = 101,
  IPIP = 4,
  SIXIN = 41,
  GRE = 47,
  MPLS = 137
};

/* The IPv4 segment in GRE with this header, in IPv4. */
static Bytes gre_with(const char *header)
{
  Bytes b = ipv4_segment();
  wrap(&b, header);
  wrap_outer_ipv4(&b, GRE);
  return b;
}

/* The same with an Ethernet header before the inner IP. */
static Bytes gre_ethernet_with(const char *header)
{
  Bytes b = ether_segment();
  wrap(&b, header);
  wrap_outer_ipv4(&b, GRE);
  return b;
}

static uint32_t hash_of(const Bytes *b)
{
  Decoded d = decode(b, RAW);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  return d.segment.tunnel_hash;
}

static void ip_in_ip_of_all_versions(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap_outer_ipv4(&b, IPIP);
  assert_segment(&b, RAW, "ipip");
  b = ipv6_segment();
  wrap_outer_ipv4(&b, SIXIN);
  assert_segment(&b, RAW, "6in4");
  b = ipv4_segment();
  wrap_ipv6(&b, IPIP);
  assert_segment(&b, RAW, "4in6");
  b = ipv6_segment();
  wrap_ipv6(&b, SIXIN);
  assert_segment(&b, RAW, "ipip");
}

static void tunnels_nest(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, "0000 0800");
  wrap_outer_ipv4(&b, GRE);
  wrap_ipv6(&b, IPIP);
  wrap_outer_ipv4(&b, SIXIN);
  wrap_outer_ipv4(&b, IPIP);
  wrap(&b, ETHER_ADDRESSES "8100 0007 0800");
  assert_segment(&b, 1, "vlan:7,ipip,6in4,4in6,gre");
}

static void inner_ip_that_lies_is_malformed(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  b.data[0] = 0x41;
  wrap_outer_ipv4(&b, IPIP);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void outer_length_cuts_the_inner_packet(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap_outer_ipv4(&b, IPIP);
  put16(&b, 2, 20 + 20 + 19);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void ip_in_ip_without_end_is_malformed(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  for (int i = 0; i < 50; i++)
    wrap_outer_ipv4(&b, IPIP);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void mpls_in_ip(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, "0001 01ff");
  wrap_outer_ipv4(&b, MPLS);
  assert_segment(&b, RAW, "mpls:16");
}

static void gre_of_all_flags(void **state)
{
  (void)state;
  static const struct {
    const char *header, *encap;
  } kinds[] = {
      {"0000 0800", "gre"},
      {"8000 0800 12340000", "gre"},
      {"2000 0800 00000005", "gre:5"},
      {"1000 0800 00000001", "gre"},
      {"3000 0800 ffffffff 00000001", "gre:4294967295"},
      {"b000 0800 12340000 00000005 00000001", "gre:5"},
      {"4000 0800 12340000 0800 00 04 c0000203 0000 0000", "gre"}, /* one source route and the end of the list */
  };
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    Bytes b = gre_with(kinds[i].header);
    assert_segment(&b, RAW, kinds[i].encap);
  }
}

static void gre_carries_ipv6_and_mpls(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  wrap(&b, "0000 86dd");
  wrap_ipv6(&b, GRE);
  assert_segment(&b, RAW, "gre");
  b = gre_with("0000 8847 0001 01ff");
  assert_segment(&b, RAW, "gre,mpls:16");
}

static void gre_carries_bridged_ethernet(void **state)
{
  (void)state;
  Bytes b = gre_ethernet_with("0000 6558");
  assert_segment(&b, RAW, "gre");
  b = ipv4_segment();
  wrap(&b, ETHER_ADDRESSES "8100 0005 0800");
  wrap(&b, "1000 6558 00000001");
  wrap_outer_ipv4(&b, GRE);
  assert_segment(&b, RAW, "gre,vlan:5");
}

static void gre_of_other_protocols_is_not_tcp(void **state)
{
  (void)state;
  static const char *const headers[] = {"0000 0000", "0000 2000", "0000 88cc", "0000 0200", "0002 0800"};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    Bytes b = gre_with(headers[i]);
    assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  }
}

static void gre_source_routes_end_with_family_and_length_0(void **state)
{
  (void)state;
  Bytes b = gre_with("4000 0800 12340000 0800 00 00 0000 00 04 c0000203 0000 0000");
  assert_segment(&b, RAW, "gre");
}

static void gre_source_routes_without_end_are_malformed(void **state)
{
  (void)state;
  Bytes b = bytes_of("4000 0800 12340000 0800 00 04 c0000203 0800 00 ff");
  wrap_outer_ipv4(&b, GRE);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void nvgre_has_a_virtual_subnet_and_a_flow(void **state)
{
  (void)state;
  Bytes b = gre_ethernet_with("2000 6558 00138807");
  assert_segment(&b, RAW, "nvgre:5000");
}

static void bridged_ethernet_with_a_small_key_is_plain_gre(void **state)
{
  (void)state;
  Bytes b = gre_ethernet_with("2000 6558 00000064");
  assert_segment(&b, RAW, "gre:100");
  b = gre_ethernet_with("2000 6558 000fffff");
  assert_segment(&b, RAW, "gre:1048575");
  b = gre_ethernet_with("2000 6558 00100000");
  assert_segment(&b, RAW, "nvgre:4096");
  b = gre_ethernet_with("3000 6558 00138807 00000001");
  assert_segment(&b, RAW, "gre:1280007");
}

static void pptp_carries_ppp(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, "3081 880b 0042 0001 00000001 00000002 ff03 0021");
  wrap_outer_ipv4(&b, GRE);
  assert_segment(&b, RAW, "gre");
  b = ipv4_segment();
  wrap(&b, "3001 880b 003f 0001 00000001 21");
  wrap_outer_ipv4(&b, GRE);
  assert_segment(&b, RAW, "gre");
}

static void pptp_without_payload_is_not_tcp(void **state)
{
  (void)state;
  Bytes b = gre_with("2081 880b 0000 0001 00000002");
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void pptp_compressed_and_control_is_not_tcp(void **state)
{
  (void)state;
  Bytes b = gre_with("3001 880b 0042 0001 00000001 ff03 00fd");
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  b = gre_with("3001 880b 0042 0001 00000001 ff03 c021");
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void pptp_of_another_protocol_or_without_key_is_not_tcp(void **state)
{
  (void)state;
  Bytes no_key = gre_with("1001 880b 0042 0001 ff03 0021");
  assert_int_equal(result_of(&no_key, RAW), LA_DECODED_NOT_TCP);
  Bytes b = gre_with("3001 0800 003e 0001 00000001");
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void erspan_type_1_is_bare_ethernet(void **state)
{
  (void)state;
  Bytes b = gre_ethernet_with("0000 88be");
  assert_segment(&b, RAW, "erspan");
}

static void erspan_type_2_has_a_session(void **state)
{
  (void)state;
  Bytes b = gre_ethernet_with("1000 88be 00000001 1064 3863 00000007");
  assert_segment(&b, RAW, "erspan:99");
}

static void erspan_type_2_of_another_version_is_malformed(void **state)
{
  (void)state;
  Bytes b = gre_ethernet_with("1000 88be 00000001 3064 3863 00000007");
  assert_int_equal(result_of(&b, RAW), LA_DECODED_MALFORMED);
}

static void erspan_type_3_with_and_without_subheader(void **state)
{
  (void)state;
  Bytes b = gre_ethernet_with("1000 22eb 00000001 2064 3863 00000007 0000 0000");
  assert_segment(&b, RAW, "erspan:99");
  b = gre_ethernet_with("1000 22eb 00000001 2064 3863 00000007 0000 0001 1400000000000000");
  assert_segment(&b, RAW, "erspan:99");
}

static void erspan_type_3_of_an_ip_packet(void **state)
{
  (void)state;
  Bytes b = gre_with("1000 22eb 00000001 2064 3863 00000007 0000 0800");
  assert_segment(&b, RAW, "erspan:99");
}

static void tunnel_hash_takes_keys_and_sessions(void **state)
{
  (void)state;
  Bytes a = gre_with("2000 0800 00000005"), b = gre_with("2000 0800 00000006"), none = gre_with("0000 0800");
  assert_int_equal(hash_of(&none), 0);
  assert_int_not_equal(hash_of(&a), 0);
  assert_int_not_equal(hash_of(&a), hash_of(&b));
  a = gre_ethernet_with("1000 88be 00000001 1064 3863 00000007");
  b = gre_ethernet_with("1000 88be 00000009 1065 5863 00000009");
  assert_int_equal(hash_of(&a), hash_of(&b));
}

static void tunnel_hash_of_nvgre_does_not_take_the_flow(void **state)
{
  (void)state;
  Bytes a = gre_ethernet_with("2000 6558 00138807"), b = gre_ethernet_with("2000 6558 00138899");
  assert_int_equal(hash_of(&a), hash_of(&b));
  b = gre_ethernet_with("2000 6558 00138907");
  assert_int_not_equal(hash_of(&a), hash_of(&b));
}

static void tunnel_hash_does_not_take_outer_addresses(void **state)
{
  (void)state;
  Bytes a = gre_with("2000 0800 00000005"), b = gre_with("2000 0800 00000005");
  b.data[12] = 10;
  b.data[16] = 11;
  assert_int_equal(hash_of(&a), hash_of(&b));
}

static void words_of_encapsulations(void **state)
{
  (void)state;
  static const struct {
    LaEncap encap;
    const char *word;
  } words[] = {
      {{10, LA_ENCAP_VLAN, 1}, "vlan:10"},   {{16, LA_ENCAP_MPLS, 1}, "mpls:16"},
      {{3, LA_ENCAP_PPPOE, 1}, "pppoe"},     {{0, LA_ENCAP_IPIP, 0}, "ipip"},
      {{0, LA_ENCAP_6IN4, 0}, "6in4"},       {{0, LA_ENCAP_4IN6, 0}, "4in6"},
      {{0, LA_ENCAP_6IN6, 0}, "ipip"},       {{0, LA_ENCAP_GRE, 0}, "gre"},
      {{5, LA_ENCAP_GRE, 1}, "gre:5"},       {{1, LA_ENCAP_ERSPAN, 1}, "erspan:1"},
      {{2, LA_ENCAP_NVGRE, 1}, "nvgre:2"},   {{4, LA_ENCAP_VXLAN, 1}, "vxlan:4"},
      {{6, LA_ENCAP_GENEVE, 1}, "geneve:6"}, {{UINT32_MAX, LA_ENCAP_GTPU, 1}, "gtpu:4294967295"},
      {{0, LA_ENCAP_TEREDO, 0}, "teredo"},   {{0, LA_ENCAP_AYIYA, 0}, "ayiya"},
      {{0, LA_ENCAP_CAPWAP, 0}, "capwap"},   {{0, LA_ENCAP_AH, 0}, "ah"},
  };
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    char text[LA_ENCAP_TEXT_MAX];
    assert_string_equal(la_encap_format(&words[i].encap, text), words[i].word);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ip_in_ip_of_all_versions),
      cmocka_unit_test(tunnels_nest),
      cmocka_unit_test(inner_ip_that_lies_is_malformed),
      cmocka_unit_test(outer_length_cuts_the_inner_packet),
      cmocka_unit_test(ip_in_ip_without_end_is_malformed),
      cmocka_unit_test(mpls_in_ip),
      cmocka_unit_test(gre_of_all_flags),
      cmocka_unit_test(gre_carries_ipv6_and_mpls),
      cmocka_unit_test(gre_carries_bridged_ethernet),
      cmocka_unit_test(gre_of_other_protocols_is_not_tcp),
      cmocka_unit_test(gre_source_routes_end_with_family_and_length_0),
      cmocka_unit_test(gre_source_routes_without_end_are_malformed),
      cmocka_unit_test(nvgre_has_a_virtual_subnet_and_a_flow),
      cmocka_unit_test(bridged_ethernet_with_a_small_key_is_plain_gre),
      cmocka_unit_test(pptp_carries_ppp),
      cmocka_unit_test(pptp_without_payload_is_not_tcp),
      cmocka_unit_test(pptp_compressed_and_control_is_not_tcp),
      cmocka_unit_test(pptp_of_another_protocol_or_without_key_is_not_tcp),
      cmocka_unit_test(erspan_type_1_is_bare_ethernet),
      cmocka_unit_test(erspan_type_2_has_a_session),
      cmocka_unit_test(erspan_type_2_of_another_version_is_malformed),
      cmocka_unit_test(erspan_type_3_with_and_without_subheader),
      cmocka_unit_test(erspan_type_3_of_an_ip_packet),
      cmocka_unit_test(tunnel_hash_takes_keys_and_sessions),
      cmocka_unit_test(tunnel_hash_of_nvgre_does_not_take_the_flow),
      cmocka_unit_test(tunnel_hash_does_not_take_outer_addresses),
      cmocka_unit_test(words_of_encapsulations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
