/* The TCP header, its options and its checksum. */
#include "unit/decode/packet_builder.h"

enum {
  RAW = 101
};

/* The right checksums of the standard segment over IPv4 and IPv6 and, over IPv4, without its last byte; from another program. */
enum {
  CHECKSUM_V4 = 0x84e9,
  CHECKSUM_V6 = 0x3d77,
  CHECKSUM_ODD = 0x8556
};

static Decoded decode_options(const char *options)
{
  Bytes b = tcp_with_options(options);
  wrap_ipv4(&b, 6);
  Decoded d = decode(&b, RAW);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  assert_int_equal(d.segment.payload_len, 10);
  return d;
}

static LaDecodeResult with_data_offset(uint8_t words)
{
  Bytes b = ipv4_segment();
  b.data[20 + 12] = (uint8_t)(words << 4);
  return result_of(&b, RAW);
}

static void header_without_options(void **state)
{
  (void)state;
  Decoded d = decode_options("");
  assert_int_equal(d.segment.options, 0);
  assert_int_equal(d.segment.header_len, 20);
}

static void every_flag_has_its_bit(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  for (unsigned bit = 0; bit < 9; bit++) {
    put16(&b, 20 + 12, 0x8000u | 1u << bit);
    Decoded d = decode(&b, RAW);
    assert_int_equal(d.result, LA_DECODED_SEGMENT);
    assert_int_equal(d.segment.flags, 1u << bit);
  }
}

static void reserved_bits_are_no_flags(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 20 + 12, 0x8e02);
  assert_int_equal(decode(&b, RAW).segment.flags, LA_TCP_SYN);
}

static void data_offset_below_5_is_malformed(void **state)
{
  (void)state;
  assert_int_equal(with_data_offset(4), LA_DECODED_MALFORMED);
  assert_int_equal(with_data_offset(0), LA_DECODED_MALFORMED);
}

static void data_offset_beyond_the_segment_is_malformed(void **state)
{
  (void)state;
  assert_int_equal(with_data_offset(10), LA_DECODED_SEGMENT); /* 40 of 42 bytes */
  assert_int_equal(with_data_offset(11), LA_DECODED_MALFORMED);
}

static void options_of_a_syn(void **state)
{
  (void)state;
  Decoded d = decode_options("020405b4 0402080a 0000aaaa 00000000 01030307");
  assert_int_equal(d.segment.options, LA_OPT_MSS | LA_OPT_WSCALE | LA_OPT_SACK_PERMITTED | LA_OPT_TIMESTAMPS);
  assert_int_equal(d.segment.mss, 1460);
  assert_int_equal(d.segment.wscale, 7);
  assert_int_equal(d.segment.ts_val, 0xaaaa);
  assert_int_equal(d.segment.ts_ecr, 0);
}

static void window_scale_is_kept_as_sent(void **state)
{
  (void)state;
  assert_int_equal(decode_options("030300ff 00000000").segment.wscale, 0);
  assert_int_equal(decode_options("0303ff00").segment.wscale, 255);
}

static void sack_blocks(void **state)
{
  (void)state;
  Decoded d = decode_options("0101 0512 00000001 00000002 fffffff0 00000010");
  assert_int_equal(d.segment.options, LA_OPT_SACK);
  assert_int_equal(d.segment.sack_count, 2);
  assert_int_equal(d.segment.sack[0].left, 1);
  assert_int_equal(d.segment.sack[0].right, 2);
  assert_int_equal(d.segment.sack[1].left, 0xfffffff0u);
  assert_int_equal(d.segment.sack[1].right, 16);
}

static void four_sack_blocks(void **state)
{
  (void)state;
  Decoded d = decode_options("0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008");
  assert_int_equal(d.segment.sack_count, 4);
  assert_int_equal(d.segment.sack[3].right, 8);
}

static void sack_blocks_that_were_captured(void **state)
{
  (void)state;
  Bytes b = tcp_with_options("0101 0512 00000001 00000002 fffffff0 00000010");
  wrap_ipv4(&b, 6);
  Decoded d = decode_cut(&b, RAW, 20 + 20 + 12, b.len);
  assert_int_equal(d.segment.options, LA_OPT_SACK | LA_OPT_CUT);
  assert_int_equal(d.segment.sack_count, 1);
  assert_int_equal(d.segment.sack[0].right, 2);
  d = decode_cut(&b, RAW, 20 + 20 + 11, b.len);
  assert_int_equal(d.segment.options, LA_OPT_CUT);
  assert_int_equal(d.segment.sack_count, 0);
}

static void sack_of_half_a_block_is_bad(void **state)
{
  (void)state;
  assert_int_equal(decode_options("0101 0506 00000001").segment.options, LA_OPT_BAD);
}

static void fast_open_request_and_cookie(void **state)
{
  (void)state;
  Decoded d = decode_options("2202 0101");
  assert_int_equal(d.segment.options, LA_OPT_FAST_OPEN);
  assert_int_equal(d.segment.cookie_len, 0);
  d = decode_options("220a 0102030405060708 0101");
  assert_int_equal(d.segment.options, LA_OPT_FAST_OPEN);
  assert_int_equal(d.segment.cookie_len, 8);
}

static void fast_open_in_its_experimental_form(void **state)
{
  (void)state;
  Decoded d = decode_options("fe08 f989 01020304");
  assert_int_equal(d.segment.options, LA_OPT_FAST_OPEN);
  assert_int_equal(d.segment.cookie_len, 4);
  d = decode_options("fe04 f989");
  assert_int_equal(d.segment.options, LA_OPT_FAST_OPEN);
  assert_int_equal(d.segment.cookie_len, 0);
}

static void other_experiments_are_other(void **state)
{
  (void)state;
  assert_int_equal(decode_options("fe04 f98a").segment.options, LA_OPT_OTHER);
  assert_int_equal(decode_options("fd04 f989").segment.options, LA_OPT_OTHER);
}

static void md5_and_authentication(void **state)
{
  (void)state;
  assert_int_equal(decode_options("1312 0102030405060708090a0b0c0d0e0f10 0101").segment.options, LA_OPT_MD5);
  assert_int_equal(decode_options("1d10 0102 030405060708090a0b0c0d0e").segment.options, LA_OPT_AO);
}

static void multipath(void **state)
{
  (void)state;
  assert_int_equal(decode_options("1e0c 0081 0102030405060708").segment.options, LA_OPT_MPTCP);
}

static void unknown_options_are_other(void **state)
{
  (void)state;
  assert_int_equal(decode_options("4d04 0102").segment.options, LA_OPT_OTHER);
}

/* The hash tells apart what a segment has no field for, and only that. */
static void bytes_of_other_options_are_hashed(void **state)
{
  (void)state;
  static const struct {
    const char *one, *other;
    bool alike;
  } pairs[] = {
      {"4d04 0102", "4d04 0102", true},
      {"4d04 0102", "4d04 0103", false},
      {"4d04 0102", "4e04 0102", false},
      {"4d04 0102", "01 01 4d04 0102 01 01", true},       /* padding moves */
      {"4d04 0102 020405b4", "4d04 0102 02040578", true}, /* and an MSS is clamped */
      {"1e04 8000", "1e04 8101", false},
      {"2208 010203040506", "2208 010203040507", false},
      {"fe08 f98901020304", "fe08 f98901020305", false},
      {"0101 050a 00000001 00000002", "0101 050a 00000001 00000003", false},
      {"0101 1312 00112233445566778899aabbccddeeff", "0101 1312 10112233445566778899aabbccddeeff", false},
      {"0101 1d06 01020304", "0101 1d06 01020305", false},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    Decoded one = decode_options(pairs[i].one);
    Decoded other = decode_options(pairs[i].other);
    assert_int_not_equal(one.segment.options & LA_OPT_HASHED, 0);
    assert_int_equal(one.segment.option_hash == other.segment.option_hash, pairs[i].alike);
  }
}

static void nothing_is_read_after_the_end_of_the_list(void **state)
{
  (void)state;
  Decoded d = decode_options("00 030307 020405b4");
  assert_int_equal(d.segment.options, 0);
}

static void option_of_length_0_or_1_is_bad_and_ends_the_list(void **state)
{
  (void)state;
  assert_int_equal(decode_options("030307 01 0200 0000 020405b4").segment.options, LA_OPT_WSCALE | LA_OPT_BAD);
  assert_int_equal(decode_options("0201 0101 020405b4").segment.options, LA_OPT_BAD);
}

static void option_beyond_the_header_is_bad(void **state)
{
  (void)state;
  assert_int_equal(decode_options("01 01 01 08").segment.options, LA_OPT_BAD);
  assert_int_equal(decode_options("01 01 0204").segment.options, LA_OPT_BAD);
  assert_int_equal(decode_options("4dff0000").segment.options, LA_OPT_BAD);
}

static void known_option_of_another_length_is_bad_but_skipped(void **state)
{
  (void)state;
  assert_int_equal(decode_options("0205 010203 030307").segment.options, LA_OPT_BAD | LA_OPT_WSCALE);
  assert_int_equal(decode_options("080b 010203040506070809 01").segment.options, LA_OPT_BAD);
}

static void options_cut_by_the_snaplen_are_told(void **state)
{
  (void)state;
  Bytes b = tcp_with_options("020405b4 0402080a 0000aaaa 00000000 01030307");
  wrap_ipv4(&b, 6);
  static const struct {
    size_t captured;
    unsigned options;
  } expected[] = {
      {20, LA_OPT_CUT},
      {21, LA_OPT_CUT},
      {23, LA_OPT_CUT},
      {24, LA_OPT_MSS | LA_OPT_CUT},
      {26, LA_OPT_MSS | LA_OPT_SACK_PERMITTED | LA_OPT_CUT},
      {35, LA_OPT_MSS | LA_OPT_SACK_PERMITTED | LA_OPT_CUT},
      {36, LA_OPT_MSS | LA_OPT_SACK_PERMITTED | LA_OPT_TIMESTAMPS | LA_OPT_CUT},
      {39, LA_OPT_MSS | LA_OPT_SACK_PERMITTED | LA_OPT_TIMESTAMPS | LA_OPT_CUT},
      {40, LA_OPT_MSS | LA_OPT_SACK_PERMITTED | LA_OPT_TIMESTAMPS | LA_OPT_WSCALE},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    Decoded d = decode_cut(&b, RAW, 20 + expected[i].captured, b.len);
    assert_int_equal(d.result, LA_DECODED_SEGMENT);
    assert_int_equal(d.segment.options, expected[i].options);
    assert_int_equal(d.segment.payload_len, 10);
  }
}

static Decoded verify(Bytes *b, size_t captured)
{
  LaPacketView packet = {
      .data = b->data, .captured_len = (uint32_t)captured, .wire_len = (uint32_t)b->len, .link_type = RAW, .fcs_len = -1};
  LaDecodeOptions options = {.verify_checksums = true};
  Decoded d;
  d.result = la_decode(&packet, &options, &d.segment, &d.icmp);
  assert_int_equal(d.result, LA_DECODED_SEGMENT);
  return d;
}

static void right_checksum(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 20 + 16, CHECKSUM_V4);
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 0);
  b = ipv6_segment();
  put16(&b, 40 + 16, CHECKSUM_V6);
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 0);
}

static void wrong_checksum(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 20 + 16, CHECKSUM_V4);
  b.data[b.len - 1] ^= 1;
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 1);
  put16(&b, 20 + 16, 0);
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 1);
}

static void checksum_of_an_odd_length(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  b.len -= 1;
  put16(&b, 2, b.len);
  put16(&b, 20 + 16, CHECKSUM_ODD);
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 0);
}

static void checksum_ignores_padding(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, 20 + 16, CHECKSUM_V4);
  append(&b, "01020304");
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 0);
}

static void checksum_of_what_was_not_captured_or_is_a_fragment_is_not_verified(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 1);
  assert_int_equal(verify(&b, b.len - 1).segment.checksum_bad, 0);
  put16(&b, 6, 0x2000);
  assert_int_equal(verify(&b, b.len).segment.checksum_bad, 0);
}

static void checksum_is_not_verified_unless_asked(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  assert_int_equal(decode(&b, RAW).segment.checksum_bad, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(header_without_options),
      cmocka_unit_test(every_flag_has_its_bit),
      cmocka_unit_test(reserved_bits_are_no_flags),
      cmocka_unit_test(data_offset_below_5_is_malformed),
      cmocka_unit_test(data_offset_beyond_the_segment_is_malformed),
      cmocka_unit_test(options_of_a_syn),
      cmocka_unit_test(window_scale_is_kept_as_sent),
      cmocka_unit_test(sack_blocks),
      cmocka_unit_test(four_sack_blocks),
      cmocka_unit_test(sack_blocks_that_were_captured),
      cmocka_unit_test(sack_of_half_a_block_is_bad),
      cmocka_unit_test(fast_open_request_and_cookie),
      cmocka_unit_test(fast_open_in_its_experimental_form),
      cmocka_unit_test(other_experiments_are_other),
      cmocka_unit_test(md5_and_authentication),
      cmocka_unit_test(multipath),
      cmocka_unit_test(unknown_options_are_other),
      cmocka_unit_test(bytes_of_other_options_are_hashed),
      cmocka_unit_test(nothing_is_read_after_the_end_of_the_list),
      cmocka_unit_test(option_of_length_0_or_1_is_bad_and_ends_the_list),
      cmocka_unit_test(option_beyond_the_header_is_bad),
      cmocka_unit_test(known_option_of_another_length_is_bad_but_skipped),
      cmocka_unit_test(options_cut_by_the_snaplen_are_told),
      cmocka_unit_test(right_checksum),
      cmocka_unit_test(wrong_checksum),
      cmocka_unit_test(checksum_of_an_odd_length),
      cmocka_unit_test(checksum_ignores_padding),
      cmocka_unit_test(checksum_of_what_was_not_captured_or_is_a_fragment_is_not_verified),
      cmocka_unit_test(checksum_is_not_verified_unless_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
