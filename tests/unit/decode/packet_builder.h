/* Packets for the tests of decode, built from the inside out: begin with a payload or a TCP segment and wrap headers around it.
 *
 *   Bytes b = tcp_segment();        the standard segment, 10.0.0.1:40001 > 10.0.0.2:80
 *   wrap_ipv4(&b, 6);               its IP header, with the right length
 *   wrap(&b, "... 0800");           anything, in hexadecimal digits (spaces do not count)
 *   assert_segment(&b, 1, "");      link type and the expected encapsulation
 *
 * assert_segment decodes the packet whole and cut at every length. */
#ifndef LA_TESTS_DECODE_PACKET_BUILDER_H
#define LA_TESTS_DECODE_PACKET_BUILDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decoder.h"

typedef struct {
  uint8_t data[4096];
  size_t len;
  size_t behind_tcp; /* how many bytes follow the first byte of the standard TCP header, trailers included */
} Bytes;

static inline int hex_digit(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of `hex` in `ret`; returns how many. */
static inline size_t parse_hex(const char *hex, uint8_t *ret, size_t size)
{
  size_t digits = 0;
  for (; *hex != '\0'; hex++) {
    if (*hex == ' ')
      continue;
    int value = hex_digit(*hex);
    assert_true(value >= 0 && digits / 2 < size);
    ret[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : ret[digits / 2] | value);
    digits++;
  }
  assert_int_equal(digits % 2, 0);
  return digits / 2;
}

static inline void wrap_bytes(Bytes *b, const uint8_t *bytes, size_t n)
{
  assert_true(b->len + n <= sizeof b->data);
  memmove(b->data + n, b->data, b->len);
  memcpy(b->data, bytes, n);
  b->len += n;
}

/* Puts bytes in front. */
static inline void wrap(Bytes *b, const char *hex)
{
  uint8_t bytes[1024];
  wrap_bytes(b, bytes, parse_hex(hex, bytes, sizeof bytes));
}

/* Puts `n` bytes of `value` in front. */
static inline void wrap_fill(Bytes *b, uint8_t value, size_t n)
{
  uint8_t bytes[1024];
  assert_true(n <= sizeof bytes);
  memset(bytes, value, n);
  wrap_bytes(b, bytes, n);
}

/* Puts bytes behind: padding or a trailer. */
static inline void append(Bytes *b, const char *hex)
{
  size_t n = parse_hex(hex, b->data + b->len, sizeof b->data - b->len);
  b->len += n;
  if (b->behind_tcp != 0)
    b->behind_tcp += n;
}

static inline Bytes bytes_of(const char *hex)
{
  Bytes b = {.len = 0};
  append(&b, hex);
  return b;
}

static inline void put16(Bytes *b, size_t offset, size_t value)
{
  b->data[offset] = (uint8_t)(value >> 8);
  b->data[offset + 1] = (uint8_t)value;
}

#define TCP_PORTS "9c41 0050"
#define TCP_SEQ "11223344 55667788"
#define TCP_PAYLOAD "68656c6c6f20776f726c" /* ten bytes */

/* A TCP segment of these options (as many as fit the header, a multiple of four) and the standard payload. */
static inline Bytes tcp_with_options(const char *options)
{
  Bytes b = bytes_of(TCP_PAYLOAD);
  wrap(&b, options);
  size_t header = 20 + b.len - 10;
  wrap(&b, TCP_PORTS TCP_SEQ "0018 0200 beef 0000");
  b.data[12] = (uint8_t)(header / 4 << 4);
  b.behind_tcp = b.len;
  return b;
}

/* The standard segment: 40001 > 80, PSH and ACK, window 512, timestamps 5 and 6, ten bytes of payload; 42 bytes. */
static inline Bytes tcp_segment(void)
{
  return tcp_with_options("0101080a 00000005 00000006");
}

/* IPv4 from 10.0.0.1 to 10.0.0.2 (id 0x1234, TTL 61) around what is there. */
static inline void wrap_ipv4(Bytes *b, uint8_t protocol)
{
  wrap(b, "4500 0000 1234 4000 3d00 0000 0a000001 0a000002");
  b->data[9] = protocol;
  put16(b, 2, b->len);
}

/* Another IPv4 header, from 192.0.2.1 to 192.0.2.2, TTL 200. */
static inline void wrap_outer_ipv4(Bytes *b, uint8_t protocol)
{
  wrap(b, "4500 0000 7777 0000 c800 0000 c0000201 c0000202");
  b->data[9] = protocol;
  put16(b, 2, b->len);
}

/* IPv6 from 2001:db8::1 to 2001:db8::2, hop limit 61. */
static inline void wrap_ipv6(Bytes *b, uint8_t next)
{
  size_t payload = b->len;
  wrap(b, "60000000 0000 003d 20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002");
  b->data[6] = next;
  put16(b, 4, payload);
}

static inline void wrap_udp(Bytes *b, uint16_t src_port, uint16_t dst_port)
{
  wrap(b, "0000 0000 0000 0000");
  put16(b, 0, src_port);
  put16(b, 2, dst_port);
  put16(b, 4, b->len);
}

#define ETHER_ADDRESSES "02005e000001 02005e000002"

static inline void wrap_ether(Bytes *b, uint16_t type)
{
  wrap(b, ETHER_ADDRESSES "0000");
  put16(b, 12, type);
}

/* The standard segment in IPv4. */
static inline Bytes ipv4_segment(void)
{
  Bytes b = tcp_segment();
  wrap_ipv4(&b, 6);
  return b;
}

static inline Bytes ipv6_segment(void)
{
  Bytes b = tcp_segment();
  wrap_ipv6(&b, 6);
  return b;
}

static inline Bytes ether_segment(void)
{
  Bytes b = ipv4_segment();
  wrap_ether(&b, 0x0800);
  return b;
}

typedef struct {
  LaDecodeResult result;
  LaSegment segment;
  LaIcmpError icmp;
} Decoded;

/* Decodes the first `captured` bytes of a packet that had `wire` bytes. They are copied to memory of just that size, so that a sanitizer
 * sees a read beyond them. */
static inline Decoded decode_cut(const Bytes *b, uint16_t link_type, size_t captured, size_t wire)
{
  uint8_t *copy = malloc(captured != 0 ? captured : 1);
  assert_non_null(copy);
  memcpy(copy, b->data, captured);
  LaPacketView packet = {.data = copy,
                         .captured_len = (uint32_t)captured,
                         .wire_len = (uint32_t)wire,
                         .frame = 7,
                         .time = 1234567890,
                         .interface = 3,
                         .link_type = link_type,
                         .fcs_len = -1};
  LaDecodeOptions options = {.verify_checksums = false};
  Decoded d;
  memset(&d, 0xa5, sizeof d); /* so that a field that is not set shows */
  d.result = la_decode(&packet, &options, &d.segment, &d.icmp);
  free(copy);
  return d;
}

static inline Decoded decode(const Bytes *b, uint16_t link_type)
{
  return decode_cut(b, link_type, b->len, b->len);
}

static inline LaDecodeResult result_of(const Bytes *b, uint16_t link_type)
{
  return decode(b, link_type).result;
}

/* The encapsulation's words with commas between them. */
static inline const char *encap_text(const LaSegment *segment, char *ret_text, size_t size)
{
  ret_text[0] = '\0';
  for (unsigned i = 0; i < segment->encap_count; i++) {
    char word[LA_ENCAP_TEXT_MAX];
    la_encap_format(&segment->encap[i], word);
    size_t used = strlen(ret_text);
    snprintf(ret_text + used, size - used, "%s%s", i != 0 ? "," : "", word);
  }
  return ret_text;
}

static inline void assert_standard_segment(const LaSegment *s, const char *encap)
{
  static const uint8_t v4[2][16] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
  static const uint8_t v6[2][16] = {{0x20, 1, 0x0d, 0xb8, [15] = 1}, {0x20, 1, 0x0d, 0xb8, [15] = 2}};
  assert_true(s->family == LA_FAMILY_IPV4 || s->family == LA_FAMILY_IPV6);
  assert_memory_equal(s->src.bytes, s->family == LA_FAMILY_IPV4 ? v4[0] : v6[0], 16);
  assert_memory_equal(s->dst.bytes, s->family == LA_FAMILY_IPV4 ? v4[1] : v6[1], 16);
  assert_int_equal(s->time, 1234567890);
  assert_int_equal(s->frame, 7);
  assert_int_equal(s->interface, 3);
  assert_int_equal(s->src_port, 40001);
  assert_int_equal(s->dst_port, 80);
  assert_int_equal(s->seq, 0x11223344);
  assert_int_equal(s->ack, 0x55667788);
  assert_int_equal(s->payload_len, 10);
  assert_int_equal(s->flags, LA_TCP_PSH | LA_TCP_ACK);
  assert_int_equal(s->window, 512);
  assert_int_equal(s->ip_id, s->family == LA_FAMILY_IPV4 ? 0x1234 : 0);
  assert_int_equal(s->ttl, 61);
  assert_int_equal(s->header_len, 32);
  assert_int_equal(s->mss, 0);
  assert_int_equal(s->wscale, 0);
  assert_int_equal(s->sack_count, 0);
  assert_int_equal(s->cookie_len, 0);
  assert_int_equal(s->checksum_bad, 0);
  assert_int_equal(s->fragment, 0);
  if ((s->options & LA_OPT_CUT) == 0) {
    assert_int_equal(s->options, LA_OPT_TIMESTAMPS);
    assert_int_equal(s->ts_val, 5);
    assert_int_equal(s->ts_ecr, 6);
  }
  char text[512];
  assert_string_equal(encap_text(s, text, sizeof text), encap);
}

/* What a packet may be whose capture ends before the end of the fixed TCP header. */
typedef enum {
  CUT_IS_CUT,      /* always cut short */
  CUT_MAY_BE_OTHER /* or something that is no TCP, as far as it was captured */
} CutResult;

static inline void assert_segment_cut(const Bytes *b, uint16_t link_type, const char *encap, CutResult cut)
{
  Decoded whole = decode(b, link_type);
  assert_int_equal(whole.result, LA_DECODED_SEGMENT);
  assert_standard_segment(&whole.segment, encap);
  assert_int_equal(whole.segment.options, LA_OPT_TIMESTAMPS);
  assert_true(b->behind_tcp != 0);
  size_t fixed_end = b->len - b->behind_tcp + 20;
  for (size_t n = 0; n < b->len; n++) {
    Decoded d = decode_cut(b, link_type, n, b->len);
    if (n >= fixed_end) {
      assert_int_equal(d.result, LA_DECODED_SEGMENT);
      assert_standard_segment(&d.segment, encap);
      assert_int_equal((d.segment.options & LA_OPT_CUT) != 0, n < fixed_end + 12);
    } else if (d.result != LA_DECODED_CUT_SHORT) {
      if (cut != CUT_MAY_BE_OTHER || (d.result != LA_DECODED_NOT_IP && d.result != LA_DECODED_NOT_TCP))
        fail_msg("cut at %zu of %zu: result %d", n, b->len, (int)d.result);
    }
    /* The same bytes as a frame that was no longer: whatever it is, it is no segment without its TCP header. */
    d = decode_cut(b, link_type, n, n);
    if (n < fixed_end && d.result == LA_DECODED_SEGMENT)
      fail_msg("frame of %zu bytes: a segment", n);
    if (d.result == LA_DECODED_CUT_SHORT)
      fail_msg("frame of %zu bytes: cut short, but nothing was cut", n);
  }
}

static inline void assert_segment(const Bytes *b, uint16_t link_type, const char *encap)
{
  assert_segment_cut(b, link_type, encap, CUT_IS_CUT);
}

/* The IPv4 segment behind this link header is decoded, or comes to `expected`. */
static inline void assert_ipv4(uint16_t link_type, const char *header)
{
  Bytes b = ipv4_segment();
  wrap(&b, header);
  assert_segment(&b, link_type, "");
}

static inline void assert_result(uint16_t link_type, const char *header, LaDecodeResult expected)
{
  Bytes b = ipv4_segment();
  wrap(&b, header);
  assert_int_equal(result_of(&b, link_type), expected);
}

#endif
