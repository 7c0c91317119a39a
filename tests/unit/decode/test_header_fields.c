/* Every field of the headers, read again for people: values, checksum verdicts, options in order, and hostile bytes. */
#include "unit/decode/packet_builder.h"

#include "decode/header_fields.h"
#include "decode/tcp_option.h"

enum {
  ETHERNET = 1,
  RAW = 101,
  IP_ID = 4,
  IP_FRAGMENT = 6,
  IP_CHECKSUM = 10,
  TCP = 20, /* behind an IPv4 header */
  TCP_CHECKSUM = TCP + 16,
  TCP_URGENT = TCP + 18,
};

/* Those of test_tcp.c, and the sums of the pseudo header with and without the length. */
enum {
  CHECKSUM_V4 = 0x84e9,
  CHECKSUM_V6 = 0x3d77,
  PSEUDO_SUM = 0x1433,
  PSEUDO_SUM_WITHOUT_LENGTH = 0x1409,
};

/* The fields of the first `captured` bytes, in memory of just that size. */
static bool read_cut(const Bytes *b, uint16_t link_type, size_t captured, LaHeaderFields *ret)
{
  uint8_t *copy = malloc(captured != 0 ? captured : 1);
  assert_non_null(copy);
  memcpy(copy, b->data, captured);
  LaPacketView packet = {.data = copy,
                         .captured_len = (uint32_t)captured,
                         .wire_len = (uint32_t)b->len,
                         .frame = 1,
                         .link_type = link_type,
                         .fcs_len = -1};
  bool read = la_header_fields_read(&packet, ret);
  free(copy);
  return read;
}

static LaHeaderFields fields_of(const Bytes *b, uint16_t link_type)
{
  LaHeaderFields fields;
  memset(&fields, 0xa5, sizeof fields);
  assert_true(read_cut(b, link_type, b->len, &fields));
  assert_int_equal(fields.captured_len, b->len);
  assert_int_equal(fields.wire_len, b->len);
  return fields;
}

static void ipv4_fields(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  b.data[1] = 46 << 2 | 1;
  put16(&b, IP_FRAGMENT, 0xc000);
  LaHeaderFields f = fields_of(&b, RAW);
  assert_int_equal(f.family, LA_FAMILY_IPV4);
  assert_int_equal(f.dscp, 46);
  assert_int_equal(f.ecn, 1);
  assert_int_equal(f.ttl, 61);
  assert_int_equal(f.ip_id, 0x1234);
  assert_int_equal(f.len, 62);
  assert_int_equal(f.ip_header_len, 20);
  assert_true(f.reserved_ip);
  assert_true(f.dont_fragment);
  assert_false(f.more_fragments);
  assert_int_equal(f.ip_options_len, 0);
  assert_int_equal(f.extension_count, 0);
}

static void ipv4_checksum(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  assert_int_equal(fields_of(&b, RAW).ip_checksum_is, LA_CHECKSUM_OFFLOADED); /* it is 0 */
  put16(&b, IP_CHECKSUM, 0x1784);
  assert_int_equal(fields_of(&b, RAW).ip_checksum, 0x1784);
  assert_int_equal(fields_of(&b, RAW).ip_checksum_is, LA_CHECKSUM_RIGHT);
  put16(&b, IP_CHECKSUM, 0x1785);
  assert_int_equal(fields_of(&b, RAW).ip_checksum_is, LA_CHECKSUM_WRONG);
}

static void ipv4_options(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "4700 0000 1234 4000 3d06 0000 0a000001 0a000002 94040000 01010100");
  put16(&b, 2, b.len);
  LaHeaderFields f = fields_of(&b, RAW);
  assert_int_equal(f.ip_header_len, 28);
  assert_int_equal(f.ip_options_len, 8);
  assert_memory_equal(f.ip_options, "\x94\x04\0\0\1\1\1\0", 8);
  assert_int_equal(f.data_offset, 8);
}

static void ipv6_fields_and_extensions(void **state)
{
  (void)state;
  Bytes b = tcp_segment();
  wrap(&b, "0600 0000 00000000"); /* fragment header: offset 0, no more */
  wrap(&b, "2c00 0104 00000000"); /* destination options */
  wrap_ipv6(&b, 60);
  put16(&b, 0, 0x6b9a);
  put16(&b, 2, 0xbcde);
  LaHeaderFields f = fields_of(&b, RAW);
  assert_int_equal(f.family, LA_FAMILY_IPV6);
  assert_int_equal(f.dscp, 0xb9 >> 2);
  assert_int_equal(f.ecn, 0xb9 & 3);
  assert_int_equal(f.flow_label, 0xabcde);
  assert_int_equal(f.ttl, 61);
  assert_int_equal(f.len, 58);
  assert_int_equal(f.extension_count, 2);
  assert_int_equal(f.extensions[0], 60);
  assert_int_equal(f.extensions[1], 44);
  assert_false(f.more_fragments);
}

static void tcp_fields(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, TCP + 12, 0x8a18);
  put16(&b, TCP_URGENT, 0x1357);
  LaHeaderFields f = fields_of(&b, RAW);
  assert_int_equal(f.data_offset, 8);
  assert_int_equal(f.reserved, 5);
  assert_int_equal(f.urgent, 0x1357);
  assert_int_equal(f.checksum, 0xbeef);
}

static void tcp_checksum(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  LaHeaderFields f = fields_of(&b, RAW);
  assert_int_equal(f.checksum_is, LA_CHECKSUM_WRONG);
  assert_int_equal(f.checksum_right, CHECKSUM_V4);
  put16(&b, TCP_CHECKSUM, CHECKSUM_V4);
  assert_int_equal(fields_of(&b, RAW).checksum_is, LA_CHECKSUM_RIGHT);
  put16(&b, TCP_CHECKSUM, PSEUDO_SUM);
  assert_int_equal(fields_of(&b, RAW).checksum_is, LA_CHECKSUM_OFFLOADED);
  put16(&b, TCP_CHECKSUM, PSEUDO_SUM_WITHOUT_LENGTH);
  assert_int_equal(fields_of(&b, RAW).checksum_is, LA_CHECKSUM_OFFLOADED);
  Bytes v6 = ipv6_segment();
  put16(&v6, 40 + 16, CHECKSUM_V6);
  assert_int_equal(fields_of(&v6, RAW).checksum_is, LA_CHECKSUM_RIGHT);
}

static void what_is_not_there_is_not_verified(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  put16(&b, TCP_CHECKSUM, CHECKSUM_V4);
  LaHeaderFields f;
  assert_true(read_cut(&b, RAW, b.len - 1, &f));
  assert_int_equal(f.checksum_is, LA_CHECKSUM_CUT);
  append(&b, "00 00 00"); /* a trailer is no part of it */
  assert_int_equal(fields_of(&b, RAW).checksum_is, LA_CHECKSUM_RIGHT);
  put16(&b, IP_FRAGMENT, 0x2000);
  f = fields_of(&b, RAW);
  assert_int_equal(f.checksum_is, LA_CHECKSUM_FRAGMENT);
  assert_true(f.more_fragments);
}

static void the_innermost_headers_are_read(void **state)
{
  (void)state;
  Bytes b = ipv4_segment();
  b.data[1] = 0x10;
  put16(&b, TCP_CHECKSUM, CHECKSUM_V4);
  wrap_outer_ipv4(&b, 4);
  wrap(&b, "0064 0800"); /* VLAN 100 */
  wrap_ether(&b, 0x8100);
  LaHeaderFields f = fields_of(&b, ETHERNET);
  assert_int_equal(f.ip_id, 0x1234);
  assert_int_equal(f.dscp, 4);
  assert_int_equal(f.ttl, 61);
  assert_int_equal(f.checksum_is, LA_CHECKSUM_RIGHT);
}

static LaHeaderFields with_options(const char *options)
{
  Bytes b = tcp_with_options(options);
  wrap_ipv4(&b, 6);
  LaHeaderFields f = fields_of(&b, RAW);
  assert_int_equal(f.options_missing, 0);
  return f;
}

static void assert_option(const LaHeaderFields *f, unsigned at, LaHeaderOption want)
{
  assert_true(at < f->option_count);
  const LaHeaderOption *is = &f->options[at];
  assert_int_equal(is->kind, want.kind);
  assert_int_equal(is->len, want.len);
  assert_int_equal(is->fault, want.fault);
  assert_int_equal(is->value_len, want.value_len);
  if (want.value_len > 0)
    assert_int_equal(is->value, want.value);
}

static void options_in_order(void **state)
{
  (void)state;
  LaHeaderFields f = with_options("020405b4 01 030307 0402 4d04beef 00 ff");
  assert_int_equal(f.option_count, 6);
  assert_option(&f, 0, (LaHeaderOption){.kind = LA_TCP_OPTION_MSS, .len = 4, .value = 2, .value_len = 2});
  assert_option(&f, 1, (LaHeaderOption){.kind = LA_TCP_OPTION_NOP, .len = 1});
  assert_option(&f, 2, (LaHeaderOption){.kind = LA_TCP_OPTION_WSCALE, .len = 3, .value = 7, .value_len = 1});
  assert_option(&f, 3, (LaHeaderOption){.kind = LA_TCP_OPTION_SACK_PERMITTED, .len = 2});
  assert_option(&f, 4, (LaHeaderOption){.kind = 77, .len = 4, .value = 12, .value_len = 2});
  assert_option(&f, 5, (LaHeaderOption){.kind = LA_TCP_OPTION_END, .len = 1, .value = 15, .value_len = 1});
  assert_int_equal(f.option_bytes[12], 0xbe);
  assert_int_equal(f.option_bytes[15], 0xff);
}

static void faulty_options(void **state)
{
  (void)state;
  LaHeaderFields f = with_options("0203 05 01"); /* an MSS of one byte: the list goes on */
  assert_int_equal(f.option_count, 2);
  assert_option(&f, 0, (LaHeaderOption){.kind = 2, .len = 3, .value = 2, .value_len = 1, .fault = LA_OPTION_BAD_SIZE});
  f = with_options("01 0800 aa"); /* a length that does not reach itself: it ends */
  assert_int_equal(f.option_count, 2);
  assert_option(&f, 1, (LaHeaderOption){.kind = 8, .len = 0, .value = 3, .value_len = 1, .fault = LA_OPTION_BAD_LENGTH});
  f = with_options("0309 07 01"); /* beyond the header */
  assert_int_equal(f.option_count, 1);
  assert_option(&f, 0, (LaHeaderOption){.kind = 3, .len = 9, .value = 2, .value_len = 2, .fault = LA_OPTION_BAD_LENGTH});
  f = with_options("010101 03"); /* no room for a length */
  assert_int_equal(f.option_count, 4);
  assert_option(&f, 3, (LaHeaderOption){.kind = 3, .len = 0, .fault = LA_OPTION_BAD_LENGTH});
}

static void options_cut_by_the_snaplen(void **state)
{
  (void)state;
  Bytes b = ipv4_segment(); /* nop nop TS(10) */
  LaHeaderFields f;
  assert_true(read_cut(&b, RAW, 20 + 20 + 6, &f));
  assert_int_equal(f.options_missing, 6);
  assert_int_equal(f.option_count, 3);
  assert_option(&f, 2, (LaHeaderOption){.kind = 8, .len = 10, .value = 4, .value_len = 2, .fault = LA_OPTION_CUT});
  assert_true(read_cut(&b, RAW, 20 + 20 + 3, &f));
  assert_option(&f, 2, (LaHeaderOption){.kind = 8, .len = 0, .fault = LA_OPTION_CUT});
  assert_true(read_cut(&b, RAW, 40, &f));
  assert_int_equal(f.option_count, 0);
  assert_int_equal(f.options_missing, 12);
}

static void forty_options_of_one_byte(void **state)
{
  (void)state;
  LaHeaderFields f = with_options("01010101010101010101 01010101010101010101 01010101010101010101 01010101010101010101");
  assert_int_equal(f.option_count, LA_TCP_OPTIONS_MAX);
}

static void what_is_no_segment_has_none(void **state)
{
  (void)state;
  LaHeaderFields f = {.ttl = 99};
  Bytes b = ipv4_segment();
  assert_false(read_cut(&b, RAW, 39, &f));
  b.data[9] = 17;
  assert_false(read_cut(&b, RAW, b.len, &f));
  assert_int_equal(f.ttl, 99);
}

/* A generator of its own: the test is the same everywhere. */
static uint32_t next_random(uint32_t *seed)
{
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 8;
}

static void check_invariants(const LaHeaderFields *f)
{
  assert_true(f->option_count <= LA_TCP_OPTIONS_MAX && f->extension_count <= LA_EXTENSIONS_MAX);
  assert_true(f->ip_options_len <= LA_IP_OPTIONS_MAX && f->ip_header_len >= 20 && f->ip_header_len <= 60);
  assert_true(f->data_offset >= 5 && f->data_offset <= 15);
  assert_int_equal(f->option_bytes_len + f->options_missing, f->data_offset * 4 - 20);
  for (unsigned i = 0; i < f->option_count; i++)
    assert_true(f->options[i].value_len == 0 || f->options[i].value + f->options[i].value_len <= f->option_bytes_len);
}

/* Bytes changed anywhere, cut anywhere: what the decoder takes for a segment has fields, nothing else has, and they stay in bounds. */
static void hostile_bytes(void **state)
{
  (void)state;
  uint32_t seed = 4711;
  unsigned segments = 0;
  for (unsigned round = 0; round < 60000; round++) {
    Bytes b = round % 3 == 0 ? ipv6_segment() : tcp_with_options("020405b4 0402080a 00000001 00000002 01030307");
    if (round % 3 == 1)
      wrap(&b, "4700 0000 1234 4000 3d06 0000 0a000001 0a000002 94040000 01010100");
    else if (round % 3 == 2)
      wrap_ipv4(&b, 6);
    for (uint32_t changes = next_random(&seed) % 6; changes > 0; changes--)
      b.data[next_random(&seed) % b.len] = (uint8_t)next_random(&seed);
    size_t captured = next_random(&seed) % 2 == 0 ? b.len : next_random(&seed) % (b.len + 1);
    LaHeaderFields f;
    bool read = read_cut(&b, RAW, captured, &f);
    assert_int_equal(read, decode_cut(&b, RAW, captured, b.len).result == LA_DECODED_SEGMENT);
    segments += read ? 1 : 0;
    if (read)
      check_invariants(&f);
  }
  assert_true(segments > 5000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ipv4_fields),
      cmocka_unit_test(ipv4_checksum),
      cmocka_unit_test(ipv4_options),
      cmocka_unit_test(ipv6_fields_and_extensions),
      cmocka_unit_test(tcp_fields),
      cmocka_unit_test(tcp_checksum),
      cmocka_unit_test(what_is_not_there_is_not_verified),
      cmocka_unit_test(the_innermost_headers_are_read),
      cmocka_unit_test(options_in_order),
      cmocka_unit_test(faulty_options),
      cmocka_unit_test(options_cut_by_the_snaplen),
      cmocka_unit_test(forty_options_of_one_byte),
      cmocka_unit_test(what_is_no_segment_has_none),
      cmocka_unit_test(hostile_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
