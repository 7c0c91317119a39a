/* The walk finds where the headers are: it is gone once more, and this reads what it passed over. A result of the walk is no promise
 * about any field but those that the walk itself looked at, so that every length is held against the cursor again.
 *
 * A checksum that is the pseudo header's sum alone is none yet: hosts that leave checksums to the network card put just that into the
 * field, and so a capture on the sender shows it; receivers that put several packets together (GRO) do the same. Some cards want the sum
 * without the length. That a wrong checksum has this value by chance happens once in 32,768 times. */
#include "decode/header_fields.h"

#include "decode/layer.h"
#include "decode/tcp_option.h"

enum {
  NEXT_FRAGMENT = 44,
  NEXT_AH = 51,
  NEXT_TCP = 6,
};

static void read_ipv4(LaHeaderFields *f, LaCursor in)
{
  LaCursor header = in;
  uint8_t first = la_cursor_u8(&in);
  uint8_t tos = la_cursor_u8(&in);
  f->ip_header_len = (uint8_t)((first & 0xfu) * 4);
  f->dscp = tos >> 2;
  f->ecn = tos & 3;
  f->len = la_cursor_u16(&in);
  f->ip_id = la_cursor_u16(&in);
  uint16_t fragment = la_cursor_u16(&in);
  f->reserved_ip = (fragment & 0x8000) != 0;
  f->dont_fragment = (fragment & 0x4000) != 0;
  f->more_fragments = (fragment & 0x2000) != 0;
  f->ttl = la_cursor_u8(&in);
  (void)la_cursor_u8(&in); /* protocol */
  f->ip_checksum = la_cursor_u16(&in);
  (void)la_cursor_skip(&in, 8);
  la_cursor_limit(&header, f->ip_header_len);
  f->ip_checksum_is = LA_CHECKSUM_RIGHT;
  if (la_checksum_sum(header) != 0xffff)
    f->ip_checksum_is = f->ip_checksum == 0 ? LA_CHECKSUM_OFFLOADED : LA_CHECKSUM_WRONG;
  size_t options = f->ip_header_len > 20 ? f->ip_header_len - 20u : 0;
  if (la_cursor_copy(&in, f->ip_options, MIN(options, sizeof f->ip_options)))
    f->ip_options_len = (uint8_t)options;
}

static void read_ipv6(LaHeaderFields *f, LaCursor in)
{
  uint32_t first = la_cursor_u32(&in);
  f->ip_header_len = 40;
  f->dscp = (uint8_t)(first >> 22) & 0x3f;
  f->ecn = (uint8_t)(first >> 20) & 3;
  f->flow_label = first & 0xfffff;
  f->len = la_cursor_u16(&in);
  (void)la_cursor_u8(&in); /* next header */
  f->ttl = la_cursor_u8(&in);
}

/* The headers between the IP header and TCP; `in` holds just these. */
static void read_extensions(LaHeaderFields *f, LaCursor in, uint8_t kind)
{
  while (la_cursor_has(&in, 8) && kind != NEXT_TCP && f->extension_count < LA_EXTENSIONS_MAX) {
    f->extensions[f->extension_count++] = kind;
    uint8_t next = la_cursor_peek_u8(&in, 0);
    uint8_t len = la_cursor_peek_u8(&in, 1);
    if (kind == NEXT_FRAGMENT)
      f->more_fragments = (la_cursor_peek_u8(&in, 3) & 1) != 0;
    size_t bytes = kind == NEXT_FRAGMENT ? 8 : kind == NEXT_AH ? (len + 2u) * 4 : (len + 1u) * 8;
    if (!la_cursor_skip(&in, bytes))
      return;
    kind = next;
  }
}

/* The next option at `in`, the captured part of `*left` bytes of the header; false when it is the last. */
static bool read_option(LaHeaderFields *f, LaCursor *in, size_t *left)
{
  LaHeaderOption *option = &f->options[f->option_count++];
  size_t at = f->option_bytes_len - la_cursor_left(in);
  *option = (LaHeaderOption){.kind = la_cursor_u8(in), .len = 1, .value = (uint8_t)(at + 1)};
  *left -= 1;
  if (option->kind == LA_TCP_OPTION_NOP)
    return true;
  if (option->kind == LA_TCP_OPTION_END) {
    option->value_len = (uint8_t)la_cursor_left(in); /* padding, which should be zeros */
    return false;
  }
  bool has_len = la_cursor_has(in, 1);
  option->len = la_cursor_u8(in);
  if (!has_len) {
    option->fault = *left == 0 ? LA_OPTION_BAD_LENGTH : LA_OPTION_CUT;
    return false;
  }
  option->value = (uint8_t)(at + 2);
  if (option->len < 2 || option->len - 1u > *left) {
    option->fault = LA_OPTION_BAD_LENGTH;
    option->value_len = (uint8_t)la_cursor_left(in);
    return false;
  }
  size_t value_len = option->len - 2u;
  if (!la_cursor_has(in, value_len)) {
    option->fault = LA_OPTION_CUT;
    option->value_len = (uint8_t)la_cursor_left(in);
    return false;
  }
  const uint8_t *value = la_cursor_take(in, value_len);
  option->value_len = (uint8_t)value_len;
  option->fault = la_tcp_option_fits(option->kind, value, value_len) ? LA_OPTION_WHOLE : LA_OPTION_BAD_SIZE;
  *left -= option->len - 1u;
  return true;
}

/* `in` begins with the options; `stated` is how many bytes of them the data offset says. */
static void read_options(LaHeaderFields *f, LaCursor in, size_t stated)
{
  la_cursor_limit(&in, MIN(stated, sizeof f->option_bytes));
  f->option_bytes_len = (uint8_t)la_cursor_left(&in);
  f->options_missing = (uint8_t)(stated - f->option_bytes_len);
  LaCursor copied = in;
  (void)la_cursor_copy(&copied, f->option_bytes, f->option_bytes_len);
  while (la_cursor_has(&in, 1) && f->option_count < LA_TCP_OPTIONS_MAX && read_option(f, &in, &stated))
    ;
}

/* `in` holds what was captured of the `len` bytes of segment. */
static void judge_checksum(LaHeaderFields *f, LaCursor in, const LaSegment *segment, uint32_t len)
{
  uint32_t pseudo = la_tcp_pseudo_sum(segment, len);
  la_cursor_limit(&in, len);
  uint32_t without = la_checksum_sum(in) + (uint32_t)(uint16_t)~f->checksum + pseudo;
  while (without >> 16 != 0)
    without = (without & 0xffff) + (without >> 16);
  f->checksum_right = (uint16_t)~without;
  /* Zero has two representations: the sum is asked for its value, not for its form. */
  bool right = f->checksum == f->checksum_right || !la_tcp_checksum_wrong(segment, in.at, len);
  bool pseudo_only = f->checksum == pseudo || f->checksum == la_tcp_pseudo_sum(segment, 0);
  f->checksum_is = right ? LA_CHECKSUM_RIGHT : pseudo_only ? LA_CHECKSUM_OFFLOADED : LA_CHECKSUM_WRONG;
}

static void read_tcp(LaHeaderFields *f, const LaWalk *w, LaCursor in)
{
  const LaSegment *segment = w->segment;
  uint32_t len = segment->header_len + segment->payload_len;
  LaCursor whole = in;
  (void)la_cursor_skip(&in, 12);
  uint16_t offset_flags = la_cursor_u16(&in);
  f->data_offset = (uint8_t)(offset_flags >> 12);
  f->reserved = (uint8_t)(offset_flags >> 9) & 7;
  (void)la_cursor_u16(&in); /* window */
  f->checksum = la_cursor_u16(&in);
  f->urgent = la_cursor_u16(&in);
  if (w->fragment != 0)
    f->checksum_is = LA_CHECKSUM_FRAGMENT;
  else if (la_cursor_left(&whole) < len)
    f->checksum_is = LA_CHECKSUM_CUT;
  else
    judge_checksum(f, whole, segment, len);
  if (segment->header_len > 20)
    read_options(f, in, segment->header_len - 20u);
}

bool la_header_fields_read(const LaPacketView *packet, LaHeaderFields *ret_fields)
{
  LaSegment segment = {0};
  LaIcmpError icmp = {0};
  LaDecodeOptions options = {0};
  LaWalk walk;
  la_walk_begin(&walk, packet, &options, &segment, &icmp);
  if (la_walk_run(&walk) != LA_DECODED_SEGMENT)
    return false;
  LaHeaderFields fields = {
      .captured_len = packet->captured_len,
      .wire_len = packet->wire_len,
      .family = segment.family,
  };
  size_t end = (size_t)(walk.in.end - walk.start);
  size_t tcp = (size_t)la_walk_offset(&walk) - 20;
  size_t ip = (size_t)walk.ip_begin;
  LaCursor in = la_cursor_init(walk.start, end);
  LaCursor ip_header = in;
  (void)la_cursor_skip(&ip_header, ip);
  uint8_t next = la_cursor_peek_u8(&ip_header, segment.family == LA_FAMILY_IPV4 ? 9 : 6);
  if (segment.family == LA_FAMILY_IPV4)
    read_ipv4(&fields, ip_header);
  else
    read_ipv6(&fields, ip_header);
  LaCursor between = la_cursor_init(walk.start, tcp);
  if (la_cursor_skip(&between, ip + fields.ip_header_len))
    read_extensions(&fields, between, next);
  (void)la_cursor_skip(&in, tcp);
  read_tcp(&fields, &walk, in);
  *ret_fields = fields;
  return true;
}
