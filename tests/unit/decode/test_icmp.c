/* ICMP and ICMPv6 errors that quote TCP. */
#include "unit/decode/packet_builder.h"

enum {
  RAW = 101,
  ICMP = 1,
  ICMPV6 = 58
};

/* An ICMP message with this header that quotes `quote`, cut to `len` bytes, from 192.0.2.1 with TTL 200. */
static Bytes icmp_with(const char *header, Bytes quote, size_t len)
{
  quote.len = len < quote.len ? len : quote.len;
  wrap(&quote, header);
  wrap_outer_ipv4(&quote, ICMP);
  return quote;
}

static Bytes icmpv6_with(const char *header, Bytes quote, size_t len)
{
  quote.len = len < quote.len ? len : quote.len;
  wrap(&quote, header);
  wrap_ipv6(&quote, ICMPV6);
  quote.data[23] = 0x99; /* reporter 2001:db8::99 */
  return quote;
}

static LaIcmpError error_of(const Bytes *b, uint16_t link_type)
{
  Decoded d = decode(b, link_type);
  assert_int_equal(d.result, LA_DECODED_ICMP);
  return d.icmp;
}

static void check_quote_ipv4(const LaIcmpError *e)
{
  static const uint8_t reporter[16] = {192, 0, 2, 1}, src[16] = {10, 0, 0, 1}, dst[16] = {10, 0, 0, 2};
  assert_memory_equal(e->reporter.bytes, reporter, 16);
  assert_memory_equal(e->quoted_src.bytes, src, 16);
  assert_memory_equal(e->quoted_dst.bytes, dst, 16);
  assert_int_equal(e->quoted_src_port, 40001);
  assert_int_equal(e->quoted_dst_port, 80);
  assert_int_equal(e->family, LA_FAMILY_IPV4);
  assert_int_equal(e->ttl, 200);
  assert_int_equal(e->frame, 7);
  assert_int_equal(e->time, 1234567890);
}

static void check_quote_ipv6(const LaIcmpError *e)
{
  static const uint8_t reporter[16] = {0x20, 1, 0x0d, 0xb8, [15] = 0x99}, src[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1},
                       dst[16] = {0x20, 1, 0x0d, 0xb8, [15] = 2};
  assert_memory_equal(e->reporter.bytes, reporter, 16);
  assert_memory_equal(e->quoted_src.bytes, src, 16);
  assert_memory_equal(e->quoted_dst.bytes, dst, 16);
  assert_int_equal(e->quoted_src_port, 40001);
  assert_int_equal(e->quoted_dst_port, 80);
  assert_int_equal(e->quoted_seq, 0x11223344);
  assert_int_equal(e->family, LA_FAMILY_IPV6);
}

static void unreachable_with_eight_bytes_of_quote(void **state)
{
  (void)state;
  Bytes b = icmp_with("0301 0000 00000000", ipv4_segment(), 28);
  LaIcmpError e = error_of(&b, RAW);
  check_quote_ipv4(&e);
  assert_int_equal(e.type, 3);
  assert_int_equal(e.code, 1);
  assert_int_equal(e.has_seq, 1);
  assert_int_equal(e.quoted_seq, 0x11223344);
  assert_int_equal(e.mtu, 0);
}

static void every_kind_of_error(void **state)
{
  (void)state;
  static const char *const headers[] = {"0303 0000 00000000", "0400 0000 00000000", "0b00 0000 00000000", "0c00 0000 00000000"};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    Bytes b = icmp_with(headers[i], ipv4_segment(), 100);
    LaIcmpError e = error_of(&b, RAW);
    check_quote_ipv4(&e);
  }
}

static void redirects_and_messages_without_quote_are_not_tcp(void **state)
{
  (void)state;
  static const char *const headers[] = {"0500 0000 0a000001", "0800 0000 00010001", "0000 0000 00010001", "0d00 0000 00010001"};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    Bytes b = icmp_with(headers[i], ipv4_segment(), 100);
    assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  }
}

static void fragmentation_needed_says_the_mtu(void **state)
{
  (void)state;
  Bytes b = icmp_with("0304 0000 0000 0578", ipv4_segment(), 28);
  assert_int_equal(error_of(&b, RAW).mtu, 1400);
  b = icmp_with("0303 0000 0000 0578", ipv4_segment(), 28);
  assert_int_equal(error_of(&b, RAW).mtu, 0);
}

static void quote_of_ports_alone_has_no_sequence_number(void **state)
{
  (void)state;
  for (size_t len = 24; len < 28; len++) {
    Bytes b = icmp_with("0301 0000 00000000", ipv4_segment(), len);
    LaIcmpError e = error_of(&b, RAW);
    check_quote_ipv4(&e);
    assert_int_equal(e.has_seq, 0);
    assert_int_equal(e.quoted_seq, 0);
  }
}

static void quote_without_ports_is_not_tcp(void **state)
{
  (void)state;
  for (size_t len = 0; len < 24; len++) {
    Bytes b = icmp_with("0301 0000 00000000", ipv4_segment(), len);
    assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  }
}

static void quote_cut_by_the_snaplen_is_not_tcp(void **state)
{
  (void)state;
  Bytes b = icmp_with("0301 0000 00000000", ipv4_segment(), 28);
  for (size_t n = 20; n < 28 + 24; n++)
    assert_int_equal(decode_cut(&b, RAW, n, b.len).result, LA_DECODED_NOT_TCP);
  assert_int_equal(decode_cut(&b, RAW, 28 + 24, b.len).result, LA_DECODED_ICMP);
}

static void quoted_ip_options_are_skipped(void **state)
{
  (void)state;
  Bytes quote = tcp_segment();
  wrap(&quote, "4600 0000 1234 4000 3d06 0000 0a000001 0a000002 01010100");
  Bytes b = icmp_with("0b00 0000 00000000", quote, 100);
  LaIcmpError e = error_of(&b, RAW);
  check_quote_ipv4(&e);
}

static void quotes_of_other_protocols_and_later_fragments_are_not_tcp(void **state)
{
  (void)state;
  Bytes quote = ipv4_segment();
  quote.data[9] = 17;
  Bytes b = icmp_with("0303 0000 00000000", quote, 100);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  quote = ipv4_segment();
  quote.data[7] = 1;
  b = icmp_with("0303 0000 00000000", quote, 100);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  quote = ipv6_segment();
  b = icmp_with("0303 0000 00000000", quote, 100);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void error_in_tags_and_tunnels(void **state)
{
  (void)state;
  Bytes b = icmp_with("0301 0000 00000000", ipv4_segment(), 28);
  Bytes segment = ipv4_segment();
  wrap(&b, ETHER_ADDRESSES "8100 000a 0800");
  wrap(&segment, ETHER_ADDRESSES "8100 000a 0800");
  LaIcmpError e = error_of(&b, 1);
  check_quote_ipv4(&e);
  assert_int_not_equal(e.tunnel_hash, 0);
  assert_int_equal(e.tunnel_hash, decode(&segment, 1).segment.tunnel_hash);
  b = icmp_with("0301 0000 00000000", ipv4_segment(), 28);
  wrap(&b, "2000 0800 00000005");
  wrap_ipv6(&b, 47);
  e = error_of(&b, RAW);
  check_quote_ipv4(&e);
}

static void icmpv6_errors(void **state)
{
  (void)state;
  static const char *const headers[] = {"0101 0000 00000000", "0200 0000 00000500", "0300 0000 00000000", "0400 0000 00000000"};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    Bytes b = icmpv6_with(headers[i], ipv6_segment(), 48);
    LaIcmpError e = error_of(&b, RAW);
    check_quote_ipv6(&e);
    assert_int_equal(e.type, i + 1);
    assert_int_equal(e.mtu, i == 1 ? 1280 : 0);
    assert_int_equal(e.ttl, 61);
  }
}

static void icmpv6_messages_without_quote_are_not_tcp(void **state)
{
  (void)state;
  static const char *const headers[] = {"8000 0000 00000000", "8700 0000 00000000", "8900 0000 00000000", "0000 0000 00000000",
                                        "0500 0000 00000000"};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    Bytes b = icmpv6_with(headers[i], ipv6_segment(), 100);
    assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
  }
}

static void icmpv6_quote_with_extension_headers(void **state)
{
  (void)state;
  Bytes quote = tcp_segment();
  wrap(&quote, "0600 0001 00000001");                                   /* fragment: the first */
  wrap(&quote, "2c02 0000 00000001 00000001 0102030405060708090a0b0c"); /* destination options, 24 bytes */
  wrap(&quote, "3c00 0104 00000000");                                   /* hop by hop */
  wrap_ipv6(&quote, 0);
  Bytes b = icmpv6_with("0300 0000 00000000", quote, 200);
  LaIcmpError e = error_of(&b, RAW);
  check_quote_ipv6(&e);
}

static void icmpv6_quote_with_authentication_header(void **state)
{
  (void)state;
  Bytes quote = tcp_segment();
  wrap(&quote, "0604 0000 00000001 00000001 0102030405060708090a0b0c");
  wrap_ipv6(&quote, 51);
  Bytes b = icmpv6_with("0300 0000 00000000", quote, 200);
  LaIcmpError e = error_of(&b, RAW);
  check_quote_ipv6(&e);
}

static void icmpv6_quote_of_a_later_fragment_is_not_tcp(void **state)
{
  (void)state;
  Bytes quote = tcp_segment();
  wrap(&quote, "0600 0008 00000001");
  wrap_ipv6(&quote, 44);
  Bytes b = icmpv6_with("0300 0000 00000000", quote, 200);
  assert_int_equal(result_of(&b, RAW), LA_DECODED_NOT_TCP);
}

static void quotes_at_every_length_stay_within_the_capture(void **state)
{
  (void)state;
  Bytes quote = tcp_segment();
  wrap(&quote, "0602 0104 00000000 0000000000000000 0000000000000000");
  wrap_ipv6(&quote, 60);
  Bytes b = icmpv6_with("0300 0000 00000000", quote, 200);
  for (size_t n = 0; n < b.len; n++) {
    LaDecodeResult result = decode_cut(&b, RAW, n, b.len).result;
    assert_int_equal(result, n < 40 ? LA_DECODED_CUT_SHORT : n < 40 + 8 + 40 + 24 + 4 ? LA_DECODED_NOT_TCP : LA_DECODED_ICMP);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unreachable_with_eight_bytes_of_quote),
      cmocka_unit_test(every_kind_of_error),
      cmocka_unit_test(redirects_and_messages_without_quote_are_not_tcp),
      cmocka_unit_test(fragmentation_needed_says_the_mtu),
      cmocka_unit_test(quote_of_ports_alone_has_no_sequence_number),
      cmocka_unit_test(quote_without_ports_is_not_tcp),
      cmocka_unit_test(quote_cut_by_the_snaplen_is_not_tcp),
      cmocka_unit_test(quoted_ip_options_are_skipped),
      cmocka_unit_test(quotes_of_other_protocols_and_later_fragments_are_not_tcp),
      cmocka_unit_test(error_in_tags_and_tunnels),
      cmocka_unit_test(icmpv6_errors),
      cmocka_unit_test(icmpv6_messages_without_quote_are_not_tcp),
      cmocka_unit_test(icmpv6_quote_with_extension_headers),
      cmocka_unit_test(icmpv6_quote_with_authentication_header),
      cmocka_unit_test(icmpv6_quote_of_a_later_fragment_is_not_tcp),
      cmocka_unit_test(quotes_at_every_length_stay_within_the_capture),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
