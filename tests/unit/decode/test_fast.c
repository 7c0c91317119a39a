/* The fast path says the same as the walk, or says nothing. */
#include "unit/decode/packet_builder.h"

#include "decode/layer.h"

/* A linear congruential generator: the same packets in every run. */
static uint32_t next_random(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static void assert_same_segment(const LaSegment *a, const LaSegment *b)
{
  assert_int_equal(a->time, b->time);
  assert_int_equal(a->frame, b->frame);
  assert_memory_equal(&a->src, &b->src, sizeof a->src);
  assert_memory_equal(&a->dst, &b->dst, sizeof a->dst);
  assert_int_equal(a->src_port, b->src_port);
  assert_int_equal(a->dst_port, b->dst_port);
  assert_int_equal(a->seq, b->seq);
  assert_int_equal(a->ack, b->ack);
  assert_int_equal(a->payload_len, b->payload_len);
  assert_int_equal(a->flags, b->flags);
  assert_int_equal(a->window, b->window);
  assert_int_equal(a->options, b->options);
  assert_int_equal(a->ip_id, b->ip_id);
  assert_int_equal(a->ttl, b->ttl);
  assert_int_equal(a->family, b->family);
  assert_int_equal(a->wscale, b->wscale);
  assert_int_equal(a->header_len, b->header_len);
  assert_int_equal(a->mss, b->mss);
  assert_int_equal(a->sack_count, b->sack_count);
  assert_int_equal(a->cookie_len, b->cookie_len);
  assert_int_equal(a->ts_val, b->ts_val);
  assert_int_equal(a->ts_ecr, b->ts_ecr);
  assert_int_equal(a->tunnel_hash, b->tunnel_hash);
  assert_int_equal(a->interface, b->interface);
  assert_int_equal(a->checksum_bad, b->checksum_bad);
  assert_int_equal(a->fragment, b->fragment);
  assert_int_equal(a->encap_count, b->encap_count);
  for (unsigned i = 0; i < a->encap_count; i++) {
    assert_int_equal(a->encap[i].id, b->encap[i].id);
    assert_int_equal(a->encap[i].kind, b->encap[i].kind);
    assert_int_equal(a->encap[i].has_id, b->encap[i].has_id);
  }
  for (unsigned i = 0; i < a->sack_count; i++) {
    assert_int_equal(a->sack[i].left, b->sack[i].left);
    assert_int_equal(a->sack[i].right, b->sack[i].right);
  }
}

/* Whether the fast path took the packet; if so, it is compared. */
static bool taken_and_same(const LaPacketView *packet)
{
  LaDecodeOptions options = {.verify_checksums = false};
  LaSegment fast, walked;
  LaIcmpError icmp;
  memset(&fast, 0xa5, sizeof fast);
  memset(&walked, 0x5a, sizeof walked);
  if (!la_fast_decode(packet, &fast))
    return false;
  assert_int_equal(la_walk(packet, &options, &walked, &icmp), LA_DECODED_SEGMENT);
  assert_same_segment(&fast, &walked);
  return true;
}

static LaPacketView view_of(const Bytes *b, size_t captured)
{
  return (LaPacketView){.data = b->data,
                        .captured_len = (uint32_t)captured,
                        .wire_len = (uint32_t)b->len,
                        .frame = 9,
                        .time = 77,
                        .interface = 1,
                        .link_type = 1,
                        .fcs_len = -1};
}

enum {
  KIND_OPTIONS = 1, /* of a SYN; else none */
  KIND_IPV6 = 2,
  KIND_TAG = 4,
  KIND_OUTER_TAG = 8,
  KIND_LINK = 16, /* times the link type's place among `links` */
  KINDS = 16 * 6,
};

static const struct {
  uint16_t number;
  const char *before_type; /* NULL: begins with IP */
  const char *behind_type;
} links[] = {
    {1, ETHER_ADDRESSES, ""},
    {113, "0000 0001 0006 020000000001 0000", ""},
    {276, "", "0000 00000002 0304 0006 020000000001 0000"},
    {101, NULL, NULL},
    {228, NULL, NULL},
    {12, NULL, NULL},
};

static Bytes common_packet(unsigned kind)
{
  Bytes b = (kind & KIND_OPTIONS) != 0 ? tcp_with_options("020405b4 0402080a 0000aaaa 00000000 01030307") : tcp_segment();
  if ((kind & KIND_IPV6) != 0)
    wrap_ipv6(&b, 6);
  else
    wrap_ipv4(&b, 6);
  unsigned link = kind / KIND_LINK;
  if (links[link].before_type == NULL)
    return b;
  const char *type = (kind & KIND_IPV6) != 0 ? "86dd" : "0800";
  if ((kind & KIND_TAG) != 0) {
    wrap(&b, type);
    wrap(&b, "600a");
    type = "8100";
  }
  if ((kind & KIND_OUTER_TAG) != 0) {
    wrap(&b, type);
    wrap(&b, "0064");
    type = "88a8";
  }
  wrap(&b, links[link].behind_type);
  wrap(&b, type);
  wrap(&b, links[link].before_type);
  return b;
}

/* The first `captured` bytes of a common packet. */
static LaPacketView common_view(const Bytes *b, size_t captured, unsigned kind)
{
  LaPacketView packet = view_of(b, captured);
  packet.link_type = links[kind / KIND_LINK].number;
  if (packet.link_type == 228 && (kind & KIND_IPV6) != 0)
    packet.link_type = 229;
  return packet;
}

static void common_packets_take_the_fast_path(void **state)
{
  (void)state;
  for (unsigned kind = 0; kind < KINDS; kind++) {
    Bytes b = common_packet(kind);
    LaPacketView packet = common_view(&b, b.len, kind);
    assert_true(taken_and_same(&packet));
  }
}

static void cut_packets_are_decoded_the_same(void **state)
{
  (void)state;
  unsigned taken = 0;
  for (unsigned kind = 0; kind < KINDS; kind++) {
    Bytes b = common_packet(kind);
    for (size_t n = 0; n <= b.len; n++) {
      LaPacketView packet = common_view(&b, n, kind);
      taken += taken_and_same(&packet);
    }
  }
  assert_true(taken > 600);
}

static void damaged_packets_are_decoded_the_same(void **state)
{
  (void)state;
  uint32_t random = 1;
  unsigned taken = 0;
  for (unsigned round = 0; round < 400000; round++) {
    unsigned kind = next_random(&random) % KINDS;
    Bytes b = common_packet(kind);
    size_t from = kind / KIND_LINK == 0 ? 12 : 0;
    for (unsigned changes = 1 + next_random(&random) % 3; changes > 0; changes--)
      b.data[from + next_random(&random) % 80 % (b.len - from)] = (uint8_t)next_random(&random);
    LaPacketView packet = common_view(&b, next_random(&random) % 4 == 0 ? next_random(&random) % b.len : b.len, kind);
    packet.wire_len += next_random(&random) % 8;
    packet.fcs_len = (int8_t)(next_random(&random) % 6 - 1);
    taken += taken_and_same(&packet);
  }
  assert_true(taken > 100000);
}

/* Cooked packets of a wireless device in monitor mode are no Ethernet frames. */
static void kinds_of_devices_are_told_apart(void **state)
{
  (void)state;
  for (unsigned link = 1; link <= 2; link++) {
    for (unsigned arphrd = 0; arphrd < 0x10000; arphrd++) {
      Bytes b = common_packet(link * KIND_LINK);
      put16(&b, link == 1 ? 2 : 8, arphrd);
      LaPacketView packet = common_view(&b, b.len, link * KIND_LINK);
      bool taken = taken_and_same(&packet);
      assert_true(taken == (arphrd == 1 || arphrd == 772 || arphrd == 65534));
    }
  }
}

static void oddities_are_left_to_the_walk(void **state)
{
  (void)state;
  static const struct {
    size_t offset;
    unsigned value;
  } changes[] = {
      {14 + 0, 0x4600},       /* IPv4 options */
      {14 + 2, 0},            /* no length */
      {14 + 2, 39},           /* too short */
      {14 + 2, 1500},         /* longer than the frame */
      {14 + 6, 0x2000},       /* first fragment */
      {14 + 6, 0x0001},       /* later fragment */
      {14 + 8, 0x3d11},       /* UDP */
      {14 + 20 + 12, 0x4018}, /* data offset 4 */
      {12, 0x0806},
  };
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    Bytes b = common_packet(0);
    put16(&b, changes[i].offset, changes[i].value);
    LaPacketView packet = view_of(&b, b.len);
    LaSegment segment;
    assert_false(la_fast_decode(&packet, &segment));
  }
}

/* The options of the usual SYN are read without a loop. Four bytes of no-operations in front of the same options make another
 * layout, which is read by the loop: it must tell the same of them, whatever byte of them is changed. */
static void usual_syn_options_are_read_as_any_others(void **state)
{
  (void)state;
  LaDecodeOptions options = {.verify_checksums = false};
  for (unsigned i = 0; i < 20; i++) {
    for (unsigned change = 0; change < 256; change++) {
      Bytes usual = tcp_with_options("020405b4 0402080a 0000aaaa 00000bbb 01030307");
      Bytes other = tcp_with_options("01010101 020405b4 0402080a 0000aaaa 00000bbb 01030307");
      usual.data[20 + i] = (uint8_t)(usual.data[20 + i] ^ change);
      other.data[24 + i] = (uint8_t)(other.data[24 + i] ^ change);
      wrap_ipv4(&usual, 6);
      wrap_ipv4(&other, 6);
      LaPacketView packets[] = {view_of(&usual, usual.len), view_of(&other, other.len)};
      LaSegment segments[2];
      LaIcmpError icmp;
      for (unsigned k = 0; k < 2; k++) {
        packets[k].link_type = 101;
        assert_int_equal(la_decode(&packets[k], &options, &segments[k], &icmp), LA_DECODED_SEGMENT);
        segments[k].header_len = 0;
        segments[k].ip_id = 0;
      }
      assert_same_segment(&segments[0], &segments[1]);
    }
  }
}

/* A batch of packets of all kinds gives what they give one by one. */
static void batches_are_decoded_as_their_packets(void **state)
{
  (void)state;
  enum {
    COUNT = 40
  };
  static LaSegment segments[COUNT];
  static LaIcmpError icmp[COUNT];
  static Bytes bytes[COUNT];
  LaPacketView packets[COUNT];
  uint8_t results[COUNT];
  uint32_t random = 7;
  for (unsigned round = 0; round < 500; round++) {
    LaDecodeOptions options = {.verify_checksums = round % 5 == 0};
    unsigned count = next_random(&random) % (COUNT + 1);
    unsigned odd = next_random(&random) % 8;
    for (unsigned i = 0; i < count; i++) {
      unsigned kind = next_random(&random) % KINDS;
      bytes[i] = common_packet(kind);
      packets[i] = common_view(&bytes[i], bytes[i].len, kind);
      switch (next_random(&random) % 8 < odd ? next_random(&random) % 4 : 4) {
      case 0: packets[i].link_type = 228; break;
      case 1: packets[i].captured_len = 30; break;
      case 2: bytes[i].data[12] ^= 0xff; break;
      case 3: bytes[i].data[23] = 1; break;
      default: break;
      }
      packets[i].frame = round * COUNT + i;
    }
    LaDecodedBatch batch = {.results = results, .segments = segments, .icmp = icmp};
    la_decode_batch(packets, count, &options, &batch);
    unsigned segment_count = 0;
    unsigned icmp_count = 0;
    for (unsigned i = 0; i < count; i++) {
      LaSegment segment;
      LaIcmpError error;
      assert_int_equal(results[i], la_decode(&packets[i], &options, &segment, &error));
      if (results[i] == LA_DECODED_SEGMENT)
        assert_same_segment(&segments[segment_count++], &segment);
      if (results[i] == LA_DECODED_ICMP)
        assert_int_equal(icmp[icmp_count++].frame, packets[i].frame);
    }
    assert_int_equal(batch.segment_count, segment_count);
    assert_int_equal(batch.icmp_count, icmp_count);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(common_packets_take_the_fast_path),    cmocka_unit_test(cut_packets_are_decoded_the_same),
      cmocka_unit_test(damaged_packets_are_decoded_the_same), cmocka_unit_test(kinds_of_devices_are_told_apart),
      cmocka_unit_test(oddities_are_left_to_the_walk),        cmocka_unit_test(usual_syn_options_are_read_as_any_others),
      cmocka_unit_test(batches_are_decoded_as_their_packets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
