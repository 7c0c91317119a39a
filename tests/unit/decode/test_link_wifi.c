/* IEEE 802.11 and the headers that capturing puts before it. */
#include "unit/decode/packet_builder.h"

#define THREE_ADDRESSES "02005e000001 02005e000002 02005e000003 1000"
#define SNAP_IPV4 "aaaa03 000000 0800"
#define DATA_TO_DS "0801 2c00" THREE_ADDRESSES

static void data_frame_with_three_addresses(void **state)
{
  (void)state;
  assert_ipv4(105, DATA_TO_DS SNAP_IPV4);
}

static void data_frame_with_four_addresses(void **state)
{
  (void)state;
  assert_ipv4(105, "0803 2c00" THREE_ADDRESSES "02005e000004" SNAP_IPV4);
}

static void data_frame_with_quality_of_service(void **state)
{
  (void)state;
  assert_ipv4(105, "8801 2c00" THREE_ADDRESSES "0000" SNAP_IPV4);
}

static void data_frame_with_high_throughput_control(void **state)
{
  (void)state;
  assert_ipv4(105, "8882 2c00" THREE_ADDRESSES "0000 00000000" SNAP_IPV4);
}

static void first_subframe_of_an_aggregate(void **state)
{
  (void)state;
  assert_ipv4(105, "8801 2c00" THREE_ADDRESSES "8000" ETHER_ADDRESSES "0046" SNAP_IPV4);
}

static void data_frame_carries_ipv6(void **state)
{
  (void)state;
  Bytes b = ipv6_segment();
  wrap(&b, DATA_TO_DS "aaaa03 000000 86dd");
  assert_segment(&b, 105, "");
}

static void encrypted_data_is_not_ip(void **state)
{
  (void)state;
  assert_result(105,
                "0841 2c00" THREE_ADDRESSES "0100002000000000"
                "92aa03 000000 0800",
                LA_DECODED_NOT_IP);
}

static void decrypted_data_with_the_protected_bit_is_read(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, "0841 2c00" THREE_ADDRESSES SNAP_IPV4);
  assert_segment_cut(&b, 105, "", CUT_MAY_BE_OTHER);
  b = ipv4_segment();
  wrap(&b, "0841 2c00" THREE_ADDRESSES "0100002000000000" SNAP_IPV4);
  assert_segment_cut(&b, 105, "", CUT_MAY_BE_OTHER);
}

static void management_control_and_null_frames_are_not_ip(void **state)
{
  (void)state;
  assert_result(105, "8000 2c00" THREE_ADDRESSES SNAP_IPV4, LA_DECODED_NOT_IP);
  assert_result(105, "d400 2c00" THREE_ADDRESSES SNAP_IPV4, LA_DECODED_NOT_IP);
  assert_result(105, "4801 2c00" THREE_ADDRESSES SNAP_IPV4, LA_DECODED_NOT_IP);
  assert_result(105, "c801 2c00" THREE_ADDRESSES "0000" SNAP_IPV4, LA_DECODED_NOT_IP);
}

static void radiotap_is_skipped_by_its_length(void **state)
{
  (void)state;
  assert_ipv4(127, "00 00 0c00 04000000 02 000000" DATA_TO_DS SNAP_IPV4);
}

static void radiotap_flags_tell_a_padded_header(void **state)
{
  (void)state;
  /* timestamp (aligned to eight) and flags with the padding bit; the header of 26 bytes is padded to 28 */
  assert_ipv4(127, "00 00 1100 03000000 0000000000000000 20"
                   "8801 2c00" THREE_ADDRESSES "0000 0000" SNAP_IPV4);
}

static void radiotap_flags_are_found_after_further_presence_words(void **state)
{
  (void)state;
  assert_ipv4(127, "00 00 1900 03000080 00000000 00000000 0000000000000000 20"
                   "8801 2c00" THREE_ADDRESSES "0000 0000" SNAP_IPV4);
}

static void padded_header_of_a_multiple_of_four_has_no_padding(void **state)
{
  (void)state;
  assert_ipv4(127, "00 00 0900 02000000 20" DATA_TO_DS SNAP_IPV4);
}

static void radiotap_without_padding_bit(void **state)
{
  (void)state;
  assert_ipv4(127, "00 00 0900 02000000 10"
                   "8801 2c00" THREE_ADDRESSES "0000" SNAP_IPV4);
}

static void radiotap_shorter_than_itself_is_malformed(void **state)
{
  (void)state;
  assert_result(127, "00 00 0700 00000000" DATA_TO_DS SNAP_IPV4, LA_DECODED_MALFORMED);
}

static void ppi_leads_to_the_link_type_it_names(void **state)
{
  (void)state;
  assert_ipv4(192, "00 00 0c00 69000000 00000000" DATA_TO_DS SNAP_IPV4);
  assert_ipv4(192, "00 00 0800 01000000" ETHER_ADDRESSES "0800");
  assert_result(192, "00 00 0800 01000100" ETHER_ADDRESSES "0800", LA_DECODED_NOT_IP);
}

static void ppi_within_itself_ends(void **state)
{
  (void)state;
  Bytes b = {.len = 0};
  for (int i = 0; i < 100; i++)
    wrap(&b, "00 00 0800 c0000000");
  assert_int_equal(result_of(&b, 192), LA_DECODED_MALFORMED);
}

static void prism_has_a_fixed_length(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, DATA_TO_DS SNAP_IPV4);
  wrap_fill(&b, 0, 136);
  wrap(&b, "44000000 90000000");
  assert_segment(&b, 119, "");
}

static void avs_says_its_length(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  wrap(&b, DATA_TO_DS SNAP_IPV4);
  wrap_fill(&b, 0, 56);
  wrap(&b, "80211001 00000040");
  assert_segment(&b, 163, "");
  assert_segment(&b, 119, "");
}

static void avs_length_that_lies(void **state)
{
  (void)state;
  assert_result(163, "80211001 00000007" DATA_TO_DS SNAP_IPV4, LA_DECODED_MALFORMED);
  assert_result(163, "80211001 ffffffff" DATA_TO_DS SNAP_IPV4, LA_DECODED_MALFORMED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(data_frame_with_three_addresses),
      cmocka_unit_test(data_frame_with_four_addresses),
      cmocka_unit_test(data_frame_with_quality_of_service),
      cmocka_unit_test(data_frame_with_high_throughput_control),
      cmocka_unit_test(first_subframe_of_an_aggregate),
      cmocka_unit_test(data_frame_carries_ipv6),
      cmocka_unit_test(encrypted_data_is_not_ip),
      cmocka_unit_test(decrypted_data_with_the_protected_bit_is_read),
      cmocka_unit_test(management_control_and_null_frames_are_not_ip),
      cmocka_unit_test(radiotap_is_skipped_by_its_length),
      cmocka_unit_test(radiotap_flags_tell_a_padded_header),
      cmocka_unit_test(radiotap_flags_are_found_after_further_presence_words),
      cmocka_unit_test(padded_header_of_a_multiple_of_four_has_no_padding),
      cmocka_unit_test(radiotap_without_padding_bit),
      cmocka_unit_test(radiotap_shorter_than_itself_is_malformed),
      cmocka_unit_test(ppi_leads_to_the_link_type_it_names),
      cmocka_unit_test(ppi_within_itself_ends),
      cmocka_unit_test(prism_has_a_fixed_length),
      cmocka_unit_test(avs_says_its_length),
      cmocka_unit_test(avs_length_that_lies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
