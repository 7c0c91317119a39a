/* Any bytes as a packet of any link type. Two bytes of the input choose the link type, two the length on the wire beyond what was
 * captured, one the check sequence and whether checksums are verified; the rest is the packet. Besides the sanitizers, what every
 * result promises is checked, and that the fast path and the walk agree. */
#include <stdlib.h>
#include <string.h>

#include "decode/decoder.h"
#include "decode/header_fields.h"
#include "decode/layer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
  if (!holds)
    abort();
}

static void check_segment(const LaSegment *s, const LaPacketView *packet)
{
  check(s->frame == packet->frame);
  check(s->family == LA_FAMILY_IPV4 || s->family == LA_FAMILY_IPV6);
  check(s->header_len >= 20 && s->header_len <= 60 && s->header_len % 4 == 0);
  check(packet->captured_len >= 40);
  check(s->flags < 0x200);
  check(s->encap_count <= LA_ENCAP_MAX);
  check(s->sack_count <= LA_SACK_MAX);
  check((s->sack_count != 0) == ((s->options & LA_OPT_SACK) != 0));
  check(s->header_len > 20 || s->options == 0);
  check(s->fragment <= 1 && s->checksum_bad <= 1);
  for (unsigned i = 0; i < s->encap_count; i++) {
    char text[LA_ENCAP_TEXT_MAX];
    check(s->encap[i].kind < LA_ENCAP_N && strlen(la_encap_format(&s->encap[i], text)) < sizeof text);
  }
}

static void check_fast_path(const LaPacketView *packet, const LaSegment *walked, LaDecodeResult result)
{
  LaSegment fast;
  if (!la_fast_decode(packet, &fast))
    return;
  check(result == LA_DECODED_SEGMENT);
  check(la_addr_equal(&fast.src, &walked->src) && la_addr_equal(&fast.dst, &walked->dst));
  check(fast.src_port == walked->src_port && fast.dst_port == walked->dst_port);
  check(fast.seq == walked->seq && fast.ack == walked->ack && fast.flags == walked->flags);
  check(fast.payload_len == walked->payload_len && fast.options == walked->options && fast.ts_val == walked->ts_val);
  check(fast.tunnel_hash == walked->tunnel_hash && fast.encap_count == walked->encap_count);
  check(fast.ttl == walked->ttl && fast.ip_id == walked->ip_id && fast.fragment == walked->fragment);
}

/* What a person is shown of it: there for every segment and for nothing else. */
static void check_header_fields(const LaPacketView *packet, LaDecodeResult result)
{
  LaHeaderFields f;
  check(la_header_fields_read(packet, &f) == (result == LA_DECODED_SEGMENT));
  if (result != LA_DECODED_SEGMENT)
    return;
  check(f.option_count <= LA_TCP_OPTIONS_MAX && f.extension_count <= LA_EXTENSIONS_MAX &&
        f.ip_options_len <= LA_IP_OPTIONS_MAX);
  check(f.data_offset >= 5 && f.option_bytes_len + f.options_missing == f.data_offset * 4 - 20);
  for (unsigned i = 0; i < f.option_count; i++)
    check(f.options[i].value_len == 0 || f.options[i].value + f.options[i].value_len <= f.option_bytes_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  LaCursor in = la_cursor_init(data, size);
  uint16_t link_type = la_cursor_u16(&in) % 300;
  uint16_t beyond = la_cursor_u16(&in);
  uint8_t how = la_cursor_u8(&in);
  size_t captured = la_cursor_left(&in);
  uint8_t *copy = malloc(captured != 0 ? captured : 1); /* of just this size, so that a read beyond it is seen */
  check(copy != NULL);
  if (captured != 0)
    memcpy(copy, in.at, captured);
  LaPacketView packet = {.data = copy,
                         .captured_len = (uint32_t)captured,
                         .wire_len = (uint32_t)captured + beyond,
                         .frame = 1,
                         .link_type = link_type,
                         .fcs_len = (int8_t)((how & 1) != 0 ? 4 : -1)};
  LaDecodeOptions options = {.verify_checksums = (how & 2) != 0};
  LaSegment segment, walked;
  LaIcmpError icmp;
  LaDecodeResult result = la_decode(&packet, &options, &segment, &icmp);
  check(result <= LA_DECODED_CUT_SHORT);
  check(result == LA_DECODED_NOT_IP || result == LA_DECODED_CUT_SHORT || result == LA_DECODED_MALFORMED ||
        la_decode_knows_link_type(link_type));
  if (result == LA_DECODED_SEGMENT)
    check_segment(&segment, &packet);
  if (beyond == 0)
    check(result != LA_DECODED_CUT_SHORT); /* nothing was cut */
  LaDecodeResult walk_result = la_walk(&packet, &options, &walked, &icmp);
  check(walk_result == result);
  check_fast_path(&packet, &walked, walk_result);
  check_header_fields(&packet, result);
  free(copy);
  return 0;
}
